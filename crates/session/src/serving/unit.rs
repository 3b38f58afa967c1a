use pgherd_types::limits;

use crate::{
    Common,
    planted::{PlantedBug, planted},
};

/// The unit that the reader is at.
#[derive(Debug, Default)]
pub(super) struct Unit {
    /// There while the unit is under way.
    kept: Option<Box<Kept>>,
    progress: Progress,
    again: Again,
}

/// Whether the client still wants it done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Again {
    #[default]
    May,
    /// It has asked for a cancel.
    MayNot,
}

/// What is kept of a unit while it is under way. Its memory is that of the event loop's sessions together.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// Its messages, so that they can be sent once more; empty when they are too long for that.
    messages: Vec<u8>,
    /// Names of prepared statements that it runs and does not prepare itself.
    needs: Vec<Box<[u8]>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Progress {
    #[default]
    Asked,
    /// The client has seen a part of the answer.
    Shown,
    /// The reader answered with an error that the client has not seen: the lead is asked when the reader is done.
    Failed,
    /// The same, and the reader lacks what it was told before the unit: it is of no use any more.
    Spoiled,
}

/// Bytes of messages for which memory is kept from one unit to the next.
const SMALL_BYTES: usize = 512;

impl Kept {
    /// True when it has no more memory than most units need.
    pub(crate) fn is_small(&self) -> bool {
        self.messages.capacity() <= SMALL_BYTES
    }

    pub(crate) fn clear(&mut self) {
        self.messages.clear();
        self.needs.clear();
    }
}

impl Unit {
    #[inline]
    pub(super) fn begin(&mut self, messages: &[u8], common: &mut Common) {
        self.progress = Progress::Asked;
        self.again = Again::May;
        let kept = match &mut self.kept {
            Some(kept) => {
                kept.clear();
                kept
            }
            none => none.insert(common.lend()),
        };
        if messages.len() <= limits::RETAINED_UNIT_BYTES {
            kept.messages.extend_from_slice(messages);
        }
    }

    /// It runs this prepared statement.
    pub(super) fn needs(&mut self, name: &[u8]) {
        if let Some(kept) = &mut self.kept
            && !kept.needs.iter().any(|known| **known == *name)
        {
            kept.needs.push(name.into());
        }
    }

    pub(super) fn needed(&self) -> &[Box<[u8]>] {
        self.kept.as_ref().map(|kept| kept.needs.as_slice()).unwrap_or_default()
    }

    pub(super) fn messages(&self) -> &[u8] {
        self.kept.as_ref().map(|kept| kept.messages.as_slice()).unwrap_or_default()
    }

    /// True when it can be sent once more.
    pub(super) fn is_retained(&self) -> bool {
        self.again == Again::May && !self.messages().is_empty()
    }

    /// It is answered, or given up: an idle session keeps nothing of it.
    #[inline]
    pub(super) fn end(&mut self, common: &mut Common) {
        self.progress = Progress::Asked;
        self.again = Again::May;
        if let Some(kept) = self.kept.take() {
            common.give_back(kept);
        }
    }

    pub(super) fn shown(&mut self) {
        if self.progress == Progress::Asked {
            self.progress = Progress::Shown;
        }
    }

    /// True when nothing of the answer was shown and the unit can be sent once more.
    pub(super) fn may_go_elsewhere(&self) -> bool {
        let shown = self.progress == Progress::Shown && !planted(PlantedBug::RepeatsWhatWasShown);
        !shown && self.is_retained()
    }

    /// The client wants it cancelled: it is not sent anywhere else.
    pub(super) fn cancelled(&mut self) {
        self.again = Again::MayNot;
    }

    pub(super) fn failed(&mut self) {
        if self.progress != Progress::Spoiled {
            self.progress = Progress::Failed;
        }
    }

    /// What the reader was told before the unit has failed.
    pub(super) fn spoiled(&mut self) {
        self.progress = Progress::Spoiled;
    }

    pub(super) fn has_failed(&self) -> bool {
        matches!(self.progress, Progress::Failed | Progress::Spoiled)
    }

    pub(super) fn is_spoiled(&self) -> bool {
        self.progress == Progress::Spoiled
    }
}
