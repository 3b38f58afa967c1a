use pgherd_types::Moment;

/// A wheel of timers with ticks of 10 milliseconds. Setting one costs a push, and a turn of the loop in which none is
/// due costs a comparison. There is no way to take one back: who set it decides, when it fires, whether it still
/// matters.
#[derive(Debug)]
pub(crate) struct Wheel<K> {
    spokes: Vec<Spoke<K>>,
    /// The last tick whose timers have fired.
    done: u64,
    /// The tick of the first timer, [`NEVER`] without any.
    next: u64,
    count: usize,
}

/// The timers whose ticks leave the same remainder, which is the spoke's number.
#[derive(Debug)]
struct Spoke<K> {
    number: u64,
    /// Each with the turn of the wheel in which it is due: half of what its tick would take, and enough for centuries.
    timers: Vec<(u32, K)>,
    /// The tick of the first of them, [`NEVER`] without any.
    first: u64,
}

const SPOKES: u64 = 512;
const TICK_MS: u64 = 10;
const NEVER: u64 = u64::MAX;

/// Timers of a spoke that memory is kept for.
const KEPT: usize = 64;

impl<K: Copy> Wheel<K> {
    pub(crate) fn new(now: Moment) -> Self {
        Wheel { spokes: (0..SPOKES).map(Spoke::new).collect(), done: now.0 / TICK_MS, next: NEVER, count: 0 }
    }

    /// Lets `key` fire at `due`, or up to one tick later.
    pub(crate) fn insert(&mut self, due: Moment, key: K) {
        let tick = due.0.div_ceil(TICK_MS).max(self.done + 1);
        if let Some(spoke) = self.spokes.get_mut((tick % SPOKES) as usize) {
            spoke.push(tick, key);
            self.next = self.next.min(tick);
            self.count += 1;
        }
    }

    /// Moves the timers that are due to `fired`.
    pub(crate) fn advance(&mut self, now: Moment, fired: &mut Vec<K>) {
        let tick = now.0 / TICK_MS;
        if tick >= self.next {
            let before = fired.len();
            self.spokes
                .iter_mut()
                .filter(|spoke| spoke.first <= tick)
                .for_each(|spoke| spoke.fire(tick, fired));
            self.count -= fired.len() - before;
            self.look_ahead();
        }
        self.done = self.done.max(tick);
    }

    /// Timers that are set, those included that nobody waits for any more.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Forgets the timers that `wanted` does not want.
    pub(crate) fn retain(&mut self, mut wanted: impl FnMut(K) -> bool) {
        self.spokes.iter_mut().for_each(|spoke| spoke.retain(|_, key| wanted(key)));
        self.count = self.spokes.iter().map(|spoke| spoke.timers.len()).sum();
        self.look_ahead();
    }

    /// Milliseconds from `now` until the wheel has to be looked at again; `None` when it is empty.
    pub(crate) fn sleep_ms(&self, now: Moment) -> Option<u64> {
        (self.next != NEVER).then(|| self.next.saturating_mul(TICK_MS).saturating_sub(now.0))
    }

    fn look_ahead(&mut self) {
        self.next = self.spokes.iter().map(|spoke| spoke.first).min().unwrap_or(NEVER);
    }
}

impl<K: Copy> Spoke<K> {
    fn new(number: u64) -> Self {
        Spoke { number, timers: Vec::new(), first: NEVER }
    }

    fn push(&mut self, tick: u64, key: K) {
        let turn = u32::try_from(tick / SPOKES).unwrap_or(u32::MAX);
        self.timers.push((turn, key));
        self.first = self.first.min(tick);
    }

    fn fire(&mut self, tick: u64, fired: &mut Vec<K>) {
        self.retain(|due, key| {
            if due <= tick {
                fired.push(key);
            }
            due > tick
        });
    }

    fn retain(&mut self, mut wanted: impl FnMut(u64, K) -> bool) {
        let number = self.number;
        let tick = |turn: u32| u64::from(turn) * SPOKES + number;
        self.timers.retain(|&(turn, key)| wanted(tick(turn), key));
        self.timers.shrink_to(KEPT);
        self.first = self.timers.iter().map(|(turn, _)| tick(*turn)).min().unwrap_or(NEVER);
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
