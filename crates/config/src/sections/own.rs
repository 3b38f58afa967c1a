use core::time::Duration;

use super::milliseconds;
use crate::choices::{IoDriver, ReadConsistency};
use crate::kind::{Choice, Time, Whole};
use crate::setting::State::Works;
use crate::setting::section;

section! {
    /// What Pgpool-II does not have.
    pub struct Own {
        /// Threads that serve clients. 0: half as many as the machine has
        /// processors, one at least and four at most.
        event_threads: u32 = 0, Whole { min: 0, max: 256 }, Start, Works;

        /// How the threads that serve clients read and write. `epoll`: with a system call each time. `io_uring`: the
        /// kernel is told once for many, which takes less time of the processor, except for large results; needs Linux
        /// 6.1, and not all containers allow it. `auto`: io_uring where it works, else epoll; the log says at start
        /// which it is.
        io_driver: IoDriver = IoDriver::Auto, Choice, Start, Works;

        /// What the reads of a session see. `session`: all that the session has written, and nothing older than what
        /// it has read, on whichever node they are answered; a standby answers only when it is known to have replayed
        /// that far. `eventual`: what the node at hand has, as in Pgpool-II.
        read_consistency: ReadConsistency = ReadConsistency::Eventual, Choice, Reload, Works;

        /// With `read_consistency = 'session'`: a read waits this long for a standby to replay what it has to see, and
        /// then goes to the primary. 0: it does not wait.
        read_consistency_wait: Duration =
            milliseconds(50), Time::MILLISECONDS.within(0, 60_000), Reload, Works;
    }
}
