use std::sync::Arc;

use pgherd_pool::Ticket;
use pgherd_session::{Policy, Session, Timer};
use pgherd_types::{BackendId, Moment, NodeId};

use crate::few::Few;
use crate::session_entry::SessionEntry;
use crate::slab::Key;
use crate::stream::Stream;

/// A client: its session, its socket, and what connects it with the rest of its event loop. There may be thousands that
/// do nothing: what each of them takes is weighed in the tests of this file.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) session: Session,
    pub(crate) stream: Stream,
    pub(crate) input: Input,
    pub(crate) place: Place,
    pub(crate) legs: Few<LegSocket>,
    /// How many of `legs` have something unsent. While there is one, the client is not read.
    pub(crate) clogged_legs: u32,
    /// Requests for backends that are not answered.
    pub(crate) asks: Few<(Ticket, NodeId)>,
    pub(crate) alarms: Alarms,
    /// What the session obeys in place of the common policy (`PGPOOL SET`).
    pub(crate) own_policy: Option<Arc<Policy>>,
    pub(crate) entry: Arc<SessionEntry>,
}

/// A backend that the session holds, and where its socket is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LegSocket {
    pub(crate) backend: BackendId,
    pub(crate) key: Key,
}

/// What happens with a client's bytes.
#[derive(Debug)]
pub(crate) enum Input {
    /// They go to the session as they come.
    Flowing,
    /// They wait; these are handed back first.
    Held(Box<Held>),
    /// There will be none any more.
    Ended,
}

/// Bytes that are handed back to a session, from the offset on.
#[derive(Debug, Default)]
pub(crate) struct Held {
    pub(crate) bytes: Vec<u8>,
    pub(crate) from: usize,
}

/// The session's place among those that are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It has not asked for one: startup, or a cancel request.
    NotAsked,
    /// It waits for one.
    Waiting,
    /// It has one, or was refused.
    Answered,
}

/// The session's timers. Setting one again, which may happen with every query, is a store: the wheel's entry stays, and
/// looks here when it fires.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alarms {
    /// When each expires; [`NEVER`] when it is not set.
    dues: [Moment; Alarms::TIMERS],
    /// The earliest entry in the wheel; [`NEVER`] without any.
    entry: Moment,
}

const NEVER: Moment = Moment(u64::MAX);

impl Default for Alarms {
    fn default() -> Self {
        Alarms { dues: [NEVER; Alarms::TIMERS], entry: NEVER }
    }
}

impl Client {
    /// True when the client may be read: everything that its bytes could cause can be written.
    pub(crate) fn may_read(&self) -> bool {
        matches!(self.input, Input::Flowing) && self.clogged_legs == 0 && !self.stream.is_clogged()
    }

    /// A request for a backend of this node is answered.
    pub(crate) fn answered(&mut self, node: NodeId) {
        self.asks.remove(|(_, asked)| *asked == node);
    }

    /// The socket of a backend that the session holds.
    pub(crate) fn leg(&self, backend: BackendId) -> Option<Key> {
        self.legs.iter().find(|leg| leg.backend == backend).map(|leg| leg.key)
    }
}

impl Alarms {
    /// How many there are.
    pub(crate) const TIMERS: usize = 3;

    /// Sets a timer. Returns when the wheel has to look, if it would not look in time already.
    pub(crate) fn arm(&mut self, timer: Timer, due: Moment) -> Option<Moment> {
        *self.due(timer) = due;
        if self.entry <= due {
            return None;
        }
        self.entry = due;
        Some(due)
    }

    /// Forgets a timer.
    pub(crate) fn disarm(&mut self, timer: Timer) {
        *self.due(timer) = NEVER;
    }

    /// An entry of the wheel has fired: a timer that has expired, which is forgotten.
    pub(crate) fn expired(&mut self, now: Moment) -> Option<Timer> {
        if self.entry <= now {
            self.entry = NEVER;
        }
        let all = [Timer::Authentication, Timer::ClientIdle, Timer::Replay];
        let expired = all.into_iter().find(|timer| *self.due(*timer) <= now)?;
        self.disarm(expired);
        Some(expired)
    }

    /// When the wheel has to look again, if it would not look in time already.
    pub(crate) fn look_again(&mut self) -> Option<Moment> {
        let [authentication, idle, replay] = self.dues;
        let next = authentication.min(idle).min(replay);
        if next >= self.entry {
            return None;
        }
        self.entry = next;
        Some(next)
    }

    fn due(&mut self, timer: Timer) -> &mut Moment {
        let [authentication, idle, replay] = &mut self.dues;
        match timer {
            Timer::Authentication => authentication,
            Timer::ClientIdle => idle,
            Timer::Replay => replay,
        }
    }
}

#[cfg(test)]
mod tests {
    use pgherd_session::Timer;
    use pgherd_types::Moment;

    use super::{Alarms, Client};
    use crate::backend_conn::Backend;
    use crate::session_entry::SessionEntry;
    use crate::slab::Slab;

    /// Thousands of clients may have nothing to do, each with a backend of its own.
    #[test]
    fn an_idle_client_takes_no_more_than_was_promised() {
        let sizes = [Slab::<Client>::PLACE_BYTES, Slab::<Backend>::PLACE_BYTES, size_of::<SessionEntry>()];
        let most = [272, 160, 72];
        let fits = sizes.iter().zip(most).all(|(size, most)| *size <= most);
        let advice = "what is rare belongs behind a pointer, or docs/performance.md is to be changed too";
        assert!(fits, "client, backend and entry take {sizes:?} bytes, and may take {most:?}: {advice}");
    }

    #[test]
    fn putting_off_a_timer_does_not_touch_the_wheel() {
        let mut alarms = Alarms::default();
        let idle = Timer::ClientIdle;
        assert_eq!(alarms.arm(idle, Moment(100)), Some(Moment(100)));
        assert_eq!(alarms.arm(idle, Moment(150)), None);
        assert_eq!(alarms.expired(Moment(100)), None);
        assert_eq!(alarms.look_again(), Some(Moment(150)));
        alarms.disarm(idle);
        assert_eq!(alarms.arm(idle, Moment(180)), None, "the entry for 150 is there");
        assert_eq!(alarms.arm(idle, Moment(120)), Some(Moment(120)), "sooner than the entry");
        assert_eq!(alarms.expired(Moment(120)), Some(idle));
        assert_eq!((alarms.expired(Moment(120)), alarms.look_again()), (None, None));
        assert_eq!((alarms.expired(Moment(150)), alarms.look_again()), (None, None));
    }

    #[test]
    fn one_entry_serves_all_timers() {
        let mut alarms = Alarms::default();
        let (idle, replay) = (Timer::ClientIdle, Timer::Replay);
        assert_eq!(alarms.arm(idle, Moment(500)), Some(Moment(500)));
        assert_eq!(alarms.arm(replay, Moment(100)), Some(Moment(100)), "sooner");
        assert_eq!(alarms.arm(Timer::Authentication, Moment(100)), None, "the same entry serves it");
        assert_eq!(alarms.expired(Moment(105)), Some(Timer::Authentication));
        assert_eq!(alarms.arm(Timer::Authentication, Moment(140)), Some(Moment(140)), "its entry is used up");
        assert_eq!(alarms.expired(Moment(105)), Some(replay));
        assert_eq!((alarms.expired(Moment(105)), alarms.look_again()), (None, None), "140 is soon enough");
        assert_eq!(alarms.expired(Moment(140)), Some(Timer::Authentication));
        assert_eq!((alarms.expired(Moment(140)), alarms.look_again()), (None, Some(Moment(500))));
        assert_eq!(alarms.expired(Moment(500)), Some(idle));
        assert_eq!((alarms.expired(Moment(500)), alarms.look_again()), (None, None));
    }
}
