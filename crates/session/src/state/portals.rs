use std::collections::HashMap;

use pgherd_types::limits;

use crate::effect::Script;

/// What a portal runs.
#[derive(Clone, Debug, Default)]
pub(crate) enum Bound {
    /// A statement that changes nothing that has to be noted, or nothing at all.
    #[default]
    Quiet,
    /// This.
    Loud(Script),
    /// A statement that is not known.
    Unknown,
}

/// The portals that the client has bound on the lead.
#[derive(Debug, Default)]
pub(crate) struct Portals {
    unnamed: Bound,
    /// The unnamed portal is bound and has not been run to its end.
    waits: bool,
    /// A query on a reader has ended it, and the lead still has it.
    stale: bool,
    /// The messages with which a reader has made it, in a transaction that goes on; empty when it is the lead's.
    elsewhere: Vec<u8>,
    named: HashMap<Box<[u8]>, Bound>,
}

impl Portals {
    /// A portal was bound.
    pub(crate) fn bind(&mut self, name: &[u8], bound: Bound) {
        if name.is_empty() {
            self.unnamed = bound;
            self.waits = true;
            self.stale = false;
            self.elsewhere.clear();
        } else if self.named.len() < limits::PORTALS {
            self.named.insert(name.into(), bound);
        } else {
            self.named.remove(name);
        }
    }

    /// What a portal runs.
    pub(crate) fn get(&self, name: &[u8]) -> &Bound {
        if name.is_empty() { &self.unnamed } else { self.named.get(name).unwrap_or(&Bound::Unknown) }
    }

    /// The unnamed portal is run to its end, or ended by a query.
    pub(crate) fn unnamed_ends(&mut self) {
        self.waits = false;
    }

    /// A query has ended it on a reader.
    pub(crate) fn unnamed_ends_elsewhere(&mut self) {
        self.waits = false;
        self.stale = true;
        self.elsewhere.clear();
    }

    /// These messages have made it on a reader.
    pub(crate) fn made_elsewhere(&mut self, messages: &[u8]) {
        self.unnamed_ends_elsewhere();
        self.elsewhere.extend_from_slice(messages);
    }

    /// What makes it on the lead, which is done once.
    pub(crate) fn take_elsewhere(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.elsewhere)
    }

    /// True when the client's is not the lead's.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.stale || !self.elsewhere.is_empty()
    }

    /// True when the lead has one that the client has not: it is to be closed now.
    pub(crate) fn take_stale(&mut self) -> bool {
        core::mem::take(&mut self.stale)
    }

    /// True when the client may still run the unnamed portal.
    pub(crate) fn unnamed_waits(&self) -> bool {
        self.waits
    }

    /// Their transaction has ended, and they with it. One that has been bound behind the end, before it was answered,
    /// is forgotten too, and may be anything.
    pub(crate) fn clear(&mut self) {
        self.unnamed = Bound::Unknown;
        self.waits = false;
        self.stale = false;
        self.elsewhere.clear();
        self.named.clear();
    }
}
