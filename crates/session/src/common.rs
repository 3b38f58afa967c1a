use pgherd_types::{Alike, Identity};

use crate::{
    serving::{Batch, Kept},
    startup::Wishes,
};

/// What the sessions of one event loop have in common, so that an idle one has no memory of its own for it: who their
/// clients are, and what a session needs while it looks at a batch, or while a reader is at a unit of its own.
#[derive(Debug, Default)]
pub struct Common {
    pub(crate) identities: Alike<Identity>,
    pub(crate) wishes: Wishes,
    /// Memory for looking at batches.
    pub(crate) batch: Batch,
    #[expect(clippy::vec_box, reason = "they go to a session's unit and come back as they are")]
    spare: Vec<Box<Kept>>,
}

/// Units whose memory is kept for the next ones: as many as are under way at once in a busy loop.
const SPARE_UNITS: usize = 64;

impl Common {
    /// Memory for a unit.
    #[inline]
    pub(crate) fn lend(&mut self) -> Box<Kept> {
        self.spare.pop().unwrap_or_default()
    }

    /// The memory of a unit that is answered. What is more than usual is given back to the system.
    #[inline]
    pub(crate) fn give_back(&mut self, mut kept: Box<Kept>) {
        if self.spare.len() < SPARE_UNITS && kept.is_small() {
            kept.clear();
            self.spare.push(kept);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Common, SPARE_UNITS};

    #[test]
    fn no_more_memory_is_kept_than_a_busy_loop_needs() {
        let mut common = Common::default();
        let lent: Vec<_> = (0..2 * SPARE_UNITS).map(|_| common.lend()).collect();
        lent.into_iter().for_each(|kept| common.give_back(kept));
        assert_eq!(common.spare.len(), SPARE_UNITS);
    }
}
