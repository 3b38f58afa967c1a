use std::collections::HashMap;
use std::sync::Arc;

use pgherd_types::limits;

use crate::{effect::Script, rarely::Rarely};

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

/// The portals that the client has bound.
#[derive(Debug, Default)]
pub(crate) struct Portals {
    /// What the lead's unnamed portal runs.
    unnamed: Bound,
    place: Place,
    named: Rarely<HashMap<Box<[u8]>, Bound>>,
}

/// Where the client's unnamed portal is.
#[derive(Debug, Default)]
enum Place {
    /// Nowhere: it has none, and neither has the lead.
    #[default]
    Nowhere,
    /// On the lead.
    Lead,
    /// A reader has ended it; the lead may still have one.
    Ended,
    /// A reader has made it, in a transaction that goes on.
    Reader(Box<Made>),
}

/// A prepared statement, as it was then.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) name: Box<[u8]>,
    pub(crate) parse: Arc<[u8]>,
}

/// A portal that a reader has made.
#[derive(Debug, Default)]
pub(crate) struct Made {
    /// The messages that did it; empty when they were too long to be kept.
    pub(crate) by: Vec<u8>,
    /// The statements that they run and do not prepare themselves: the client may close them.
    pub(crate) prepared: Vec<Kept>,
    /// The savepoints that were set since, the oldest first: going back to one of them leaves the portal.
    saved: Vec<Box<str>>,
}

impl Portals {
    /// A portal is bound on the lead. The unnamed one of a reader is the client's until that has gone well.
    pub(crate) fn bind(&mut self, name: &[u8], bound: Bound) {
        if name.is_empty() {
            self.unnamed = bound;
            match self.place {
                Place::Nowhere | Place::Lead => self.place = Place::Lead,
                Place::Ended | Place::Reader(_) => {}
            }
            return;
        }
        let named = self.named.make();
        if named.len() < limits::PORTALS {
            named.insert(name.into(), bound);
        } else {
            named.remove(name);
        }
    }

    /// A portal is bound, and nobody knows which, nor to what.
    pub(crate) fn bind_unknown(&mut self) {
        self.unnamed = Bound::Unknown;
        self.named.forget();
    }

    /// What a portal runs.
    pub(crate) fn get(&self, name: &[u8]) -> &Bound {
        if name.is_empty() {
            return &self.unnamed;
        }
        self.named.get().and_then(|named| named.get(name)).unwrap_or(&Bound::Unknown)
    }

    /// The lead's unnamed portal was made, or ended, for the client: it is the client's.
    pub(crate) fn unnamed_is_leads(&mut self) {
        self.place = Place::Lead;
    }

    /// A query has ended the unnamed portal on a reader.
    pub(crate) fn unnamed_ends_elsewhere(&mut self) {
        self.place = Place::Ended;
    }

    /// These messages have made it on a reader.
    pub(crate) fn made_elsewhere(&mut self, messages: &[u8], prepared: Vec<Kept>) {
        self.place = Place::Reader(Box::new(Made { by: messages.to_vec(), prepared, saved: Vec::new() }));
    }

    /// What makes the client's on the lead, once the lead's own is closed; nothing when the client has none. From now
    /// on it is the lead's, and reads.
    pub(crate) fn take_elsewhere(&mut self) -> Made {
        self.unnamed = Bound::Quiet;
        match core::mem::replace(&mut self.place, Place::Lead) {
            Place::Nowhere | Place::Lead | Place::Ended => Made::default(),
            Place::Reader(made) => *made,
        }
    }

    /// True when the client's is not the lead's.
    pub(crate) fn is_elsewhere(&self) -> bool {
        match self.place {
            Place::Nowhere | Place::Lead => false,
            Place::Ended | Place::Reader(_) => true,
        }
    }

    /// True when the client's may be the lead's.
    pub(crate) fn is_leads(&self) -> bool {
        matches!(self.place, Place::Lead)
    }

    /// A savepoint was set.
    pub(crate) fn savepoint(&mut self, name: &str) {
        if let Place::Reader(made) = &mut self.place
            && made.saved.len() < limits::SESSION_SETTINGS
        {
            made.saved.push(name.into());
        }
    }

    /// A savepoint was released, and those behind it.
    pub(crate) fn release(&mut self, name: &str) {
        if let Place::Reader(made) = &mut self.place
            && let Some(at) = made.saved.iter().rposition(|known| **known == *name)
        {
            made.saved.truncate(at);
        }
    }

    /// What was made since the savepoint is gone.
    pub(crate) fn roll_back_to(&mut self, name: &str) {
        if let Place::Reader(made) = &mut self.place {
            match made.saved.iter().rposition(|known| **known == *name) {
                Some(at) => made.saved.truncate(at + 1),
                None => self.place = Place::Ended,
            }
        }
    }

    /// The transaction has ended, and the unnamed portal with it. One that has been bound behind the end, before it was
    /// answered, is the lead's.
    pub(crate) fn unnamed_ends(&mut self) {
        match self.place {
            Place::Nowhere | Place::Lead => {}
            Place::Ended | Place::Reader(_) => self.place = Place::Nowhere,
        }
    }

    /// Their transaction has ended, and they with it, and nothing has been asked since.
    pub(crate) fn clear(&mut self) {
        self.unnamed = Bound::Unknown;
        self.place = Place::Nowhere;
        self.named.forget();
    }
}
