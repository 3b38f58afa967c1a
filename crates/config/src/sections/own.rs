use crate::kind::Whole;
use crate::setting::State::Works;
use crate::setting::section;

section! {
    /// What Pgpool-II does not have.
    pub struct Own {
        /// Threads that serve clients. 0: half as many as the machine has
        /// processors, one at least and four at most.
        event_threads: u32 = 0, Whole { min: 0, max: 256 }, Start, Works;
    }
}
