use std::sync::Arc;

use pgherd_pool::Ticket;
use pgherd_session::{Policy, Session, Timer};
use pgherd_types::{BackendId, Identity, Moment, NodeId, SessionId};

use crate::session_entry::SessionEntry;
use crate::slab::Key;
use crate::stream::Stream;

/// A client: its session, its socket, and what connects it with the rest of its event loop.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: SessionId,
    pub(crate) session: Session,
    pub(crate) stream: Stream,
    pub(crate) input: Input,
    /// Where [`Action::HoldClient`](pgherd_session::Action::HoldClient) cut the bytes that are being handled.
    pub(crate) cut: Option<usize>,
    pub(crate) place: Place,
    pub(crate) legs: Vec<LegSocket>,
    /// How many of `legs` have something unsent. While there is one, the client is not read.
    pub(crate) clogged_legs: usize,
    /// Requests for backends that are not answered.
    pub(crate) asks: Vec<(Ticket, NodeId)>,
    pub(crate) alarms: Alarms,
    /// What the session obeys in place of the common policy (`PGPOOL SET`).
    pub(crate) own_policy: Option<Arc<Policy>>,
    pub(crate) identity: Option<Arc<Identity>>,
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
    /// They wait; these, from the offset on, are handed back first.
    Held(Vec<u8>, usize),
    /// There will be none any more.
    Ended,
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
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Alarms {
    authentication: Alarm,
    idle: Alarm,
    replay: Alarm,
}

#[derive(Clone, Copy, Debug, Default)]
struct Alarm {
    due: Option<Moment>,
    /// The earliest entry in the wheel.
    entry: Option<Moment>,
}

/// What an entry of the wheel means when it fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fired {
    /// The timer has expired.
    Expired,
    /// The timer was put off: look again then.
    Later(Moment),
    /// Nobody waits for it any more.
    Nothing,
}

impl Client {
    /// True when the client may be read: everything that its bytes could cause can be written.
    pub(crate) fn may_read(&self) -> bool {
        matches!(self.input, Input::Flowing) && self.clogged_legs == 0 && !self.stream.is_clogged()
    }

    /// A request for a backend of this node is answered. An idle client keeps no room for requests.
    pub(crate) fn answered(&mut self, node: NodeId) {
        if let Some(at) = self.asks.iter().position(|(_, asked)| *asked == node) {
            self.asks.swap_remove(at);
            if self.asks.is_empty() {
                self.asks = Vec::new();
            }
        }
    }

    /// The session holds one more backend. Most hold one.
    pub(crate) fn hold(&mut self, leg: LegSocket) {
        self.legs.reserve_exact(1);
        self.legs.push(leg);
    }

    /// The socket of a backend that the session holds.
    pub(crate) fn leg(&self, backend: BackendId) -> Option<Key> {
        self.legs.iter().find(|leg| leg.backend == backend).map(|leg| leg.key)
    }
}

impl Alarms {
    /// Sets a timer. Returns when the wheel has to look, if it would not look in time already.
    pub(crate) fn arm(&mut self, timer: Timer, due: Moment) -> Option<Moment> {
        let alarm = self.alarm(timer);
        alarm.due = Some(due);
        if alarm.entry.is_some_and(|entry| entry <= due) {
            return None;
        }
        alarm.entry = Some(due);
        Some(due)
    }

    /// Forgets a timer.
    pub(crate) fn disarm(&mut self, timer: Timer) {
        self.alarm(timer).due = None;
    }

    /// An entry of the wheel has fired.
    pub(crate) fn fire(&mut self, timer: Timer, now: Moment) -> Fired {
        let alarm = self.alarm(timer);
        alarm.entry = None;
        match alarm.due {
            None => Fired::Nothing,
            Some(due) if due <= now => {
                alarm.due = None;
                Fired::Expired
            }
            Some(due) => {
                alarm.entry = Some(due);
                Fired::Later(due)
            }
        }
    }

    fn alarm(&mut self, timer: Timer) -> &mut Alarm {
        match timer {
            Timer::Authentication => &mut self.authentication,
            Timer::ClientIdle => &mut self.idle,
            Timer::Replay => &mut self.replay,
        }
    }
}

#[cfg(test)]
mod tests {
    use pgherd_session::Timer;
    use pgherd_types::Moment;

    use super::{Alarms, Fired};

    #[test]
    fn putting_off_a_timer_does_not_touch_the_wheel() {
        let mut alarms = Alarms::default();
        let idle = Timer::ClientIdle;
        assert_eq!(alarms.arm(idle, Moment(100)), Some(Moment(100)));
        assert_eq!(alarms.arm(idle, Moment(150)), None);
        assert_eq!(alarms.fire(idle, Moment(100)), Fired::Later(Moment(150)));
        alarms.disarm(idle);
        assert_eq!(alarms.arm(idle, Moment(180)), None, "the entry for 150 is there");
        assert_eq!(alarms.arm(idle, Moment(120)), Some(Moment(120)), "sooner than the entry");
        assert_eq!(alarms.fire(idle, Moment(120)), Fired::Expired);
        assert_eq!(alarms.fire(idle, Moment(150)), Fired::Nothing);
    }
}
