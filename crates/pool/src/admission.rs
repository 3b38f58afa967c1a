use std::collections::VecDeque;

use pgherd_types::{HashKeys, SessionId};

/// How many sessions may be served at once, and how many may wait for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// `num_init_children`: sessions that are served at once.
    pub served: usize,
    /// `reserved_connections`: when it is not 0, a session that comes while `served - reserved` are served is refused
    /// instead of waiting.
    pub reserved: usize,
    /// Sessions that may wait: `listen_backlog_multiplier` x `num_init_children`. In Pgpool-II they wait in the
    /// kernel's backlog, where their number is limited in the same way.
    pub waiting: usize,
}

/// What [`Admission::ask`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has a place.
    Admitted,
    /// Its turn will come: [`Admission::leave`] names it then.
    Waits,
    /// There is neither a place nor room to wait (53300).
    Refused,
}

/// The places for sessions, and the queue in front of them.
#[derive(Debug)]
pub struct Admission {
    places: Places,
    served: HashKeys<SessionId>,
    queue: VecDeque<SessionId>,
}

impl Admission {
    /// All places free.
    pub fn new(places: Places) -> Self {
        Admission { places, served: HashKeys::default(), queue: VecDeque::new() }
    }

    /// A session asks to be served. It asks once.
    pub fn ask(&mut self, session: SessionId) -> Verdict {
        let open = self.places.served.saturating_sub(self.places.reserved);
        if self.served.len() < open && self.queue.is_empty() {
            self.served.insert(session);
            return Verdict::Admitted;
        }
        if self.places.reserved > 0 || self.queue.len() >= self.places.waiting {
            return Verdict::Refused;
        }
        self.queue.push_back(session);
        Verdict::Waits
    }

    /// A session has ended, whether it was served, waited, or neither. Returns the one that is served instead.
    pub fn leave(&mut self, session: SessionId) -> Option<SessionId> {
        if !self.served.remove(&session) {
            self.queue.retain(|waiting| *waiting != session);
            return None;
        }
        let next = self.queue.pop_front()?;
        self.served.insert(next);
        Some(next)
    }

    /// Sessions that are served.
    pub fn served(&self) -> usize {
        self.served.len()
    }

    /// Sessions that wait.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }
}

#[cfg(test)]
mod tests {
    use pgherd_types::SessionId;

    use super::{Admission, Places, Verdict};

    fn admission(served: usize, reserved: usize, waiting: usize) -> Admission {
        Admission::new(Places { served, reserved, waiting })
    }

    #[test]
    fn sessions_wait_in_order() {
        let mut all = admission(1, 0, 3);
        let verdicts: Vec<_> = (1..=5).map(|id| all.ask(SessionId(id))).collect();
        use Verdict::{Admitted, Refused, Waits};
        assert_eq!(verdicts, [Admitted, Waits, Waits, Waits, Refused]);
        assert_eq!(all.leave(SessionId(3)), None, "a waiting session that goes frees no place");
        assert_eq!(all.leave(SessionId(5)), None, "nor does one that was refused");
        assert_eq!(all.leave(SessionId(1)), Some(SessionId(2)));
        assert_eq!(all.leave(SessionId(2)), Some(SessionId(4)));
        assert_eq!(all.leave(SessionId(4)), None);
        assert_eq!((all.served(), all.waiting()), (0, 0));
    }

    #[test]
    fn nobody_overtakes_the_queue() {
        let mut all = admission(2, 0, 9);
        assert_eq!(all.ask(SessionId(1)), Verdict::Admitted);
        assert_eq!(all.ask(SessionId(2)), Verdict::Admitted);
        assert_eq!(all.ask(SessionId(3)), Verdict::Waits);
        assert_eq!(all.leave(SessionId(1)), Some(SessionId(3)));
        assert_eq!(all.ask(SessionId(4)), Verdict::Waits);
    }

    #[test]
    fn reserved_places_refuse_instead_of_queueing() {
        let mut all = admission(3, 1, 9);
        assert_eq!(all.ask(SessionId(1)), Verdict::Admitted);
        assert_eq!(all.ask(SessionId(2)), Verdict::Admitted);
        assert_eq!(all.ask(SessionId(3)), Verdict::Refused);
        assert_eq!(all.leave(SessionId(1)), None);
        assert_eq!(all.ask(SessionId(4)), Verdict::Admitted);
    }
}
