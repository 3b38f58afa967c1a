//! What was written lately by any session, for `disable_load_balance_on_write = 'dml_adaptive_global'`.

use core::sync::atomic::{AtomicU64, Ordering::AcqRel, Ordering::Acquire, Ordering::Release};
use core::time::Duration;

use pgherd_sql::{FingerprintKey, Relation};
use pgherd_types::Moment;

use crate::routing::Tracking;

/// Shortest time for which a write is remembered, however small the delay.
const SHORTEST: Duration = Duration::from_millis(100);

/// Longest time for which one write is remembered.
const LONGEST: Duration = Duration::from_secs(3600);

/// The relations that were written lately, in a table of fixed size that all event loops share. It has no locks:
/// a slot is taken with one exchange, and a lost race only makes a mark last longer.
///
/// Relations are known by a keyed hash of the database and the name without schema: what the search path makes of
/// a name differs between sessions, and a mark too many only sends a read to the primary.
pub struct Mutations {
    key: FingerprintKey,
    buckets: Box<[Bucket]>,
}

/// Slots for the relations whose hash ends alike.
struct Bucket {
    /// Until when every relation of this bucket counts as written: there was no slot left for one.
    all_until: AtomicU64,
    slots: Box<[Slot]>,
}

/// One relation. Times are in milliseconds, as in [`Moment`].
#[derive(Default)]
struct Slot {
    /// Its hash; 0 in a slot that was never used.
    hash: AtomicU64,
    /// When the first of the writes came that have not been forgotten since.
    since: AtomicU64,
    /// Until when its reads go to the primary.
    until: AtomicU64,
}

impl Mutations {
    /// An empty table of `buckets` (`track_table_mutation_table_buckets`) with room for `relations` in all
    /// (`track_table_mutation_table_size`). `random` is 16 bytes that nobody outside the process knows.
    pub fn new(random: [u8; 16], buckets: usize, relations: usize) -> Self {
        let buckets = buckets.max(1);
        let slots = relations.div_ceil(buckets).max(1);
        let bucket = || Bucket {
            all_until: AtomicU64::new(0),
            slots: core::iter::repeat_with(Slot::default).take(slots).collect(),
        };
        Mutations {
            key: FingerprintKey::new(random),
            buckets: core::iter::repeat_with(bucket).take(buckets).collect(),
        }
    }

    /// Takes note of what a statement that has taken effect wrote: an autocommitted one when it is answered, those
    /// of a transaction when its COMMIT is. `delay` is the greatest of the standbys' delays, `None` when it is not
    /// known.
    pub fn mark<'a>(
        &self,
        database: &str,
        written: impl IntoIterator<Item = &'a Relation>,
        tracking: &Tracking,
        delay: Option<Duration>,
        now: Moment,
    ) {
        let lasting = delay.unwrap_or_default().mul_f64(tracking.factor.max(1.0)).clamp(SHORTEST, LONGEST);
        for relation in written {
            let hash = self.hash(database, &relation.name);
            if let Some(bucket) = self.bucket(hash) {
                bucket.mark(hash, lasting, tracking.longest, now);
            }
        }
    }

    /// Whether reads of a relation have to go to the primary now.
    pub fn is_marked(&self, database: &str, name: &str, now: Moment) -> bool {
        let hash = self.hash(database, name);
        self.bucket(hash).is_some_and(|bucket| bucket.is_marked(hash, now))
    }

    fn hash(&self, database: &str, name: &str) -> u64 {
        let hash = self.key.of_parts([database.as_bytes(), name.as_bytes()]).0;
        #[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
        let low = hash as u64;
        low.max(1)
    }

    fn bucket(&self, hash: u64) -> Option<&Bucket> {
        let count = u64::try_from(self.buckets.len()).ok()?;
        self.buckets.get(usize::try_from(hash % count).ok()?)
    }
}

impl Bucket {
    fn mark(&self, hash: u64, lasting: Duration, longest: Option<Duration>, now: Moment) {
        let until = |since: Moment| {
            let end = now.plus(lasting).0;
            longest.map_or(end, |longest| end.min(since.plus(longest).0))
        };
        let Some(slot) = self.take(hash, now) else {
            self.all_until.fetch_max(until(now), AcqRel);
            return;
        };
        // A mark that is over begins anew.
        if slot.until.load(Acquire) <= now.0 {
            slot.since.store(now.0, Release);
        }
        slot.until.fetch_max(until(Moment(slot.since.load(Acquire))), AcqRel);
    }

    /// The slot of a relation: its own, or one that nobody needs any more.
    fn take(&self, hash: u64, now: Moment) -> Option<&Slot> {
        if let Some(own) = self.slots.iter().find(|slot| slot.hash.load(Acquire) == hash) {
            return Some(own);
        }
        self.slots.iter().find(|slot| {
            let old = slot.hash.load(Acquire);
            let free = old == 0 || slot.until.load(Acquire) <= now.0;
            free && slot.hash.compare_exchange(old, hash, AcqRel, Acquire).is_ok()
        })
    }

    fn is_marked(&self, hash: u64, now: Moment) -> bool {
        self.all_until.load(Acquire) > now.0
            || self
                .slots
                .iter()
                .any(|slot| slot.hash.load(Acquire) == hash && slot.until.load(Acquire) > now.0)
    }
}

impl Default for Mutations {
    fn default() -> Self {
        Mutations::new([0; 16], 64, 128)
    }
}

impl core::fmt::Debug for Mutations {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Mutations").field("buckets", &self.buckets.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use pgherd_sql::Relation;
    use pgherd_types::Moment;

    use super::{LONGEST, Mutations};
    use crate::routing::Tracking;

    fn tracking(factor: f64, longest: u64) -> Tracking {
        let longest = Some(Duration::from_millis(longest)).filter(|longest| !longest.is_zero());
        Tracking { factor, longest, ..Tracking::default() }
    }

    #[test]
    fn how_long_a_write_is_remembered() {
        let hour = u64::try_from(LONGEST.as_millis()).unwrap_or_default();
        // Factor, longest, delay; the last moment at which the mark is seen, after a write at 1000.
        let table = [
            (5.0, 0, None, 1099),
            (5.0, 0, Some(10), 1099),
            (5.0, 0, Some(40), 1199),
            (1.0, 0, Some(40_000), 40_999),
            (5.0, 60_000, Some(40_000), 60_999),
            (100.0, 0, Some(40_000_000), 999 + hour),
        ];
        for (factor, longest, delay, last) in table {
            let mutations = Mutations::default();
            let delay = delay.map(Duration::from_millis);
            let written = [Relation::new(Some("public"), "t")];
            mutations.mark("d", &written, &tracking(factor, longest), delay, Moment(1000));
            assert!(mutations.is_marked("d", "t", Moment(last)), "{factor} {longest} {delay:?}");
            assert!(!mutations.is_marked("d", "t", Moment(last + 1)), "{factor} {longest} {delay:?}");
            assert!(
                !mutations.is_marked("e", "t", Moment(1000)) && !mutations.is_marked("d", "u", Moment(1000))
            );
        }
    }

    #[test]
    fn the_longest_time_counts_from_the_first_write() {
        let mutations = Mutations::default();
        let tracking = tracking(1.0, 500);
        for now in [1000, 1200, 1450] {
            let written = [Relation::new(None, "t")];
            mutations.mark("d", &written, &tracking, Some(Duration::from_millis(300)), Moment(now));
        }
        assert!(mutations.is_marked("d", "t", Moment(1499)));
        assert!(!mutations.is_marked("d", "t", Moment(1500)));
        let again = [Relation::new(None, "t")];
        mutations.mark("d", &again, &tracking, Some(Duration::from_millis(300)), Moment(1600));
        assert!(mutations.is_marked("d", "t", Moment(1899)), "a later write begins anew");
    }

    #[test]
    fn a_full_bucket_marks_everything_in_it_rather_than_forget() {
        let mutations = Mutations::new([3; 16], 1, 2);
        for name in ["a", "b", "c"] {
            mutations.mark("d", &[Relation::new(None, name)], &tracking(1.0, 0), None, Moment(1000));
        }
        for name in ["a", "b", "c", "never written"] {
            assert!(mutations.is_marked("d", name, Moment(1050)), "{name}");
            assert!(!mutations.is_marked("d", name, Moment(1100)), "{name}");
        }
        mutations.mark("d", &[Relation::new(None, "d")], &tracking(1.0, 0), None, Moment(1100));
        assert!(mutations.is_marked("d", "d", Moment(1150)));
        assert!(!mutations.is_marked("d", "never written", Moment(1150)), "a slot has become free");
    }
}
