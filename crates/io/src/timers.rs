use pgherd_types::Moment;

/// A wheel of timers with ticks of 10 milliseconds. Setting one costs a push; a timer that lies more than a turn of the
/// wheel ahead is looked at once per turn. There is no way to take one back: who set it decides, when it fires,
/// whether it still matters.
#[derive(Debug)]
pub(crate) struct Wheel<K> {
    spokes: Vec<Vec<(Moment, K)>>,
    /// One bit per spoke that is not empty.
    occupied: [u64; SPOKES / 64],
    /// The last tick whose timers have fired.
    done: u64,
    count: usize,
}

const SPOKES: usize = 512;
const TICK_MS: u64 = 10;

impl<K: Copy> Wheel<K> {
    pub(crate) fn new(now: Moment) -> Self {
        Wheel {
            spokes: (0..SPOKES).map(|_| Vec::new()).collect(),
            occupied: [0; SPOKES / 64],
            done: now.0 / TICK_MS,
            count: 0,
        }
    }

    /// Lets `key` fire at `due`, or up to one tick later.
    pub(crate) fn insert(&mut self, due: Moment, key: K) {
        let tick = due.0.div_ceil(TICK_MS).max(self.done + 1);
        let spoke = (tick % SPOKES as u64) as usize;
        if let (Some(timers), Some(word)) = (self.spokes.get_mut(spoke), self.occupied.get_mut(spoke / 64)) {
            timers.push((due, key));
            self.count += 1;
            *word |= 1 << (spoke % 64);
        }
    }

    /// Moves the timers that are due to `fired`.
    pub(crate) fn advance(&mut self, now: Moment, fired: &mut Vec<K>) {
        let tick = now.0 / TICK_MS;
        let first = self.done + 1;
        // After a turn of the wheel every spoke has been seen.
        for passed in first..=tick.min(self.done + SPOKES as u64) {
            let spoke = (passed % SPOKES as u64) as usize;
            if !self.is_occupied(spoke) {
                continue;
            }
            let Some(timers) = self.spokes.get_mut(spoke) else { continue };
            timers.retain(|(due, key)| {
                let later = due.0.div_ceil(TICK_MS) > tick;
                if !later {
                    self.count -= 1;
                    fired.push(*key);
                }
                later
            });
            if timers.is_empty() {
                timers.shrink_to(64);
                if let Some(word) = self.occupied.get_mut(spoke / 64) {
                    *word &= !(1 << (spoke % 64));
                }
            }
        }
        self.done = self.done.max(tick);
    }

    /// Timers that are set, those included that nobody waits for any more.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Forgets the timers that `wanted` does not want.
    pub(crate) fn retain(&mut self, mut wanted: impl FnMut(K) -> bool) {
        for timers in &mut self.spokes {
            timers.retain(|(_, key)| wanted(*key));
            timers.shrink_to(64);
        }
        self.count = self.spokes.iter().map(Vec::len).sum();
    }

    /// Milliseconds from `now` until the wheel has to be looked at again; `None` when it is empty.
    pub(crate) fn sleep_ms(&self, now: Moment) -> Option<u64> {
        let ahead = (1..=SPOKES as u64)
            .find(|ahead| self.is_occupied(((self.done + ahead) % SPOKES as u64) as usize))?;
        Some(((self.done + ahead) * TICK_MS).saturating_sub(now.0))
    }

    fn is_occupied(&self, spoke: usize) -> bool {
        self.occupied.get(spoke / 64).is_some_and(|word| word & 1 << (spoke % 64) != 0)
    }
}

#[cfg(test)]
mod tests {
    use pgherd_types::Moment;

    use super::Wheel;

    fn fired(wheel: &mut Wheel<u64>, now: u64) -> Vec<u64> {
        let mut all = Vec::new();
        wheel.advance(Moment(now), &mut all);
        all.sort_unstable();
        all
    }

    #[test]
    fn never_early_and_at_most_a_tick_late() {
        let mut wheel = Wheel::new(Moment(1_003));
        let dues = [1_000, 1_004, 1_017, 2_000, 6_119, 6_121, 30_000, 30_001];
        for due in dues {
            wheel.insert(Moment(due), due);
        }
        let mut left: Vec<u64> = dues.into();
        let mut now = 1_003;
        while let Some(sleep) = wheel.sleep_ms(Moment(now)) {
            now += sleep;
            for due in fired(&mut wheel, now) {
                assert!(due <= now && now < due.max(1_003) + 20, "{due} fired at {now}");
                left.retain(|x| *x != due);
            }
        }
        assert_eq!(left, []);
    }

    #[test]
    fn a_long_sleep_loses_nothing() {
        let mut wheel = Wheel::new(Moment(0));
        for due in (0..20_000).step_by(7) {
            wheel.insert(Moment(due), due);
        }
        wheel.retain(|due| due % 2 == 0);
        assert_eq!(wheel.len(), 20_000 / 14 + 1);
        assert_eq!(fired(&mut wheel, 1_000_000).len(), 20_000 / 14 + 1);
        assert_eq!(wheel.len(), 0);
        assert_eq!(wheel.sleep_ms(Moment(1_000_000)), None);
    }
}
