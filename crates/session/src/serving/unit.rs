use pgherd_types::limits;

use crate::planted::{PlantedBug, planted};

/// The unit that the reader is at.
#[derive(Debug, Default)]
pub(super) struct Unit {
    /// Its messages, kept so that they can be sent once more; empty when they are too long for that.
    retained: Vec<u8>,
    /// Names of prepared statements that it runs and does not prepare itself.
    needs: Vec<Box<[u8]>>,
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

/// Memory for messages that a session keeps from one unit to the next.
const KEPT_BYTES: usize = 512;

impl Unit {
    pub(super) fn begin(&mut self, messages: &[u8]) {
        self.progress = Progress::Asked;
        self.again = Again::May;
        self.needs.clear();
        self.retained.clear();
        if messages.len() <= limits::RETAINED_UNIT_BYTES {
            self.retained.extend_from_slice(messages);
        }
    }

    /// It runs this prepared statement.
    pub(super) fn needs(&mut self, name: &[u8]) {
        if !self.needs.iter().any(|known| **known == *name) {
            self.needs.push(name.into());
        }
    }

    pub(super) fn needed(&self) -> &[Box<[u8]>] {
        &self.needs
    }

    pub(super) fn messages(&self) -> &[u8] {
        &self.retained
    }

    /// True when it can be sent once more.
    pub(super) fn is_retained(&self) -> bool {
        self.again == Again::May && !self.retained.is_empty()
    }

    /// It is answered: what was kept of a long one is let go, so that an idle session holds little.
    pub(super) fn answered(&mut self) {
        if self.retained.capacity() > KEPT_BYTES {
            self.retained = Vec::new();
        }
    }

    /// Its memory, for the next one.
    pub(super) fn emptied(mut self) -> Self {
        self.retained.clear();
        self.needs.clear();
        self.progress = Progress::Asked;
        self.again = Again::May;
        self
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
