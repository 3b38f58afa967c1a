use core::time::Duration;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use pgherd_types::Moment;

use crate::shared::Clock;

/// Until when sessions need to know where the nodes are in the WAL. Those who ask the nodes sleep here while nobody
/// does.
#[derive(Debug, Default)]
pub(crate) struct PositionNeed {
    until: AtomicU64,
    lock: Mutex<()>,
    bell: Condvar,
}

/// How long the nodes are asked after a session said that it needs it.
const NEED: Duration = Duration::from_secs(1);

/// A need that lasts at least so much longer is not renewed, so that sessions that say so with each write cost one
/// atomic read.
const RENEWED_BEFORE: Duration = Duration::from_millis(500);

impl PositionNeed {
    /// A session needs it from now on.
    pub(crate) fn renew(&self, now: Moment) {
        if self.lasts_at(now.plus(RENEWED_BEFORE)) {
            return;
        }
        // Under the lock, so that nobody falls asleep between looking and listening.
        let _held = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.until.fetch_max(now.plus(NEED).0, Ordering::AcqRel);
        self.bell.notify_all();
    }

    /// Waits until it is needed, at most `limit`. True when it is.
    pub(crate) fn wait(&self, clock: Clock, limit: Option<Duration>) -> bool {
        if self.lasts_at(clock.now()) {
            return true;
        }
        let held = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let unneeded = |(): &mut ()| !self.lasts_at(clock.now());
        let held = match limit {
            None => self.bell.wait_while(held, unneeded).unwrap_or_else(PoisonError::into_inner),
            Some(limit) => {
                self.bell.wait_timeout_while(held, limit, unneeded).unwrap_or_else(PoisonError::into_inner).0
            }
        };
        drop(held);
        self.lasts_at(clock.now())
    }

    fn lasts_at(&self, moment: Moment) -> bool {
        self.until.load(Ordering::Acquire) > moment.0
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::sync::Arc;
    use std::thread;

    use super::PositionNeed;
    use crate::shared::Clock;

    #[test]
    fn a_need_wakes_those_who_sleep_and_passes() {
        let (need, clock) = (Arc::new(PositionNeed::default()), Clock::start());
        assert!(!need.wait(clock, Some(Duration::from_millis(1))), "nobody needs it");
        let sleepers: Vec<_> = (0..3)
            .map(|_| {
                let need = Arc::clone(&need);
                thread::spawn(move || need.wait(clock, None))
            })
            .collect();
        while !sleepers.iter().all(thread::JoinHandle::is_finished) {
            need.renew(clock.now());
            thread::yield_now();
        }
        for sleeper in sleepers {
            assert!(sleeper.join().unwrap());
        }
        assert!(need.wait(clock, Some(Duration::ZERO)), "it lasts");
        assert!(!need.lasts_at(clock.now().plus(Duration::from_secs(1))), "for a second");
    }
}
