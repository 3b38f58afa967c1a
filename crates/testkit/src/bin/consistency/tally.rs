use core::fmt;
use std::collections::BTreeMap;

use crate::act::{Read, Write};

/// Examples of old reads, and failures, that are kept.
const KEPT: usize = 10;

/// What was counted.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    counts: BTreeMap<Read, Counts>,
    writes: BTreeMap<Write, u64>,
    sessions: u64,
    /// Old reads, in words.
    pub(crate) examples: Vec<String>,
    /// Failures of sessions, in words.
    pub(crate) errors: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    reads: u64,
    on_standbys: u64,
    older: u64,
}

impl Tally {
    pub(crate) fn note_session(&mut self) {
        self.sessions += 1;
    }

    pub(crate) fn note_write(&mut self, write: Write) {
        *self.writes.entry(write).or_default() += 1;
    }

    /// A read, and in words what is wrong with it when it is older than it may be.
    pub(crate) fn note_read(&mut self, read: Read, on_standby: bool, older: Option<String>) {
        let counts = self.counts.entry(read).or_default();
        counts.reads += 1;
        counts.on_standbys += u64::from(on_standby);
        if let Some(example) = older {
            counts.older += 1;
            self.examples.push(format!("{read:?}: {example}"));
            self.examples.truncate(KEPT);
        }
    }

    pub(crate) fn note_error(&mut self, error: String) {
        self.errors.push(error);
        self.errors.truncate(KEPT);
    }

    pub(crate) fn add(&mut self, other: Tally) {
        for (read, counts) in other.counts {
            let sum = self.counts.entry(read).or_default();
            sum.reads += counts.reads;
            sum.on_standbys += counts.on_standbys;
            sum.older += counts.older;
        }
        for (write, count) in other.writes {
            *self.writes.entry(write).or_default() += count;
        }
        self.sessions += other.sessions;
        self.examples.extend(other.examples);
        self.examples.truncate(KEPT);
        self.errors.extend(other.errors);
        self.errors.truncate(KEPT);
    }

    pub(crate) fn reads(&self) -> u64 {
        self.counts.values().map(|counts| counts.reads).sum()
    }

    pub(crate) fn on_standbys(&self) -> u64 {
        self.counts.values().map(|counts| counts.on_standbys).sum()
    }

    pub(crate) fn older(&self) -> u64 {
        self.counts.values().map(|counts| counts.older).sum()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (read, counts) in &self.counts {
            let Counts { reads, on_standbys, older } = counts;
            let read = format!("{read:?}");
            writeln!(f, "  read  {read:<14} {reads:>9}, {on_standbys:>9} by standbys, {older:>7} old")?;
        }
        for (write, count) in &self.writes {
            let write = format!("{write:?}");
            writeln!(f, "  write {write:<14} {count:>9}")?;
        }
        writeln!(
            f,
            "{} sessions, {} writes, {} reads, {} of them by standbys, {} older than they may be",
            self.sessions,
            self.writes.values().sum::<u64>(),
            self.reads(),
            self.on_standbys(),
            self.older()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;
    use crate::act::Read;

    #[test]
    fn tallies_add_up() {
        let mut all = Tally::default();
        let mut one = Tally::default();
        one.note_read(Read::Simple, true, None);
        one.note_read(Read::Simple, false, Some("3 after 4".to_owned()));
        all.add(one);
        all.note_read(Read::Named, true, None);
        assert_eq!((all.reads(), all.on_standbys(), all.older()), (3, 2, 1));
        assert_eq!(all.examples, ["Simple: 3 after 4"]);
    }
}
