use std::sync::Arc;

use pgherd_sql::{Statement, Text, Verb};

use crate::state::Source;

/// What a request changes in the session's state when it ends well.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    /// A text ran.
    Ran(Script),
    /// Something ran whose text is not known: a function call, or a text that is too long to be looked at.
    RanUnknown,
    /// A statement was prepared by a Parse. An empty name is the unnamed statement.
    Parsed { name: Box<[u8]>, script: Script, source: Source },
    /// A statement of this name, prepared elsewhere before, was prepared on this backend too.
    Brought { name: Box<[u8]> },
    /// A statement was closed.
    Closed { name: Box<[u8]> },
    /// The unnamed portal was bound.
    BoundUnnamed,
    /// The unnamed portal was closed.
    ClosedUnnamed,
}

/// A text, and its bytes where it may have to be replayed on another backend.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) text: Arc<Text>,
    /// Kept of texts that change settings or prepare a statement.
    pub(crate) bytes: Option<Arc<[u8]>>,
}

impl Script {
    pub(crate) fn new(text: Arc<Text>, bytes: &[u8]) -> Self {
        let keep = text.statements().iter().any(must_be_replayed);
        Script { text, bytes: keep.then(|| bytes.into()) }
    }
}

impl Script {
    /// The one statement that runs when this is executed: of a SQL PREPARE, the one that it prepares.
    pub(crate) fn executed(&self) -> Option<&Statement> {
        match &*self.text {
            Text::One(Statement { verb: Verb::Prepare { statement, .. }, .. }) => Some(statement),
            Text::One(statement) => Some(statement),
            Text::Empty | Text::Several(_) | Text::Unread => None,
        }
    }
}

fn must_be_replayed(statement: &Statement) -> bool {
    !statement.sets.is_empty() || matches!(statement.verb, Verb::Prepare { .. })
}
