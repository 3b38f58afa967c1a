//! The ways in which a session writes and reads.

/// A way to write a new value into the session's own cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Write {
    /// An UPDATE as a simple query.
    Simple,
    /// An UPDATE with parameters.
    Extended,
    /// An UPDATE prepared under a name, by the session's first use of it.
    Named,
    /// An UPDATE in a transaction of several queries.
    Transaction,
    /// A transaction that is taken back: nothing is written.
    RolledBack,
    /// A SELECT of a function that writes.
    Function,
    /// A CALL of a procedure that writes.
    Procedure,
    /// A DO that writes.
    Block,
    /// Several statements in one string.
    Several,
    /// A WITH that writes.
    With,
    /// An EXECUTE of what was prepared by SQL.
    Execute,
    /// Two-phase commit.
    TwoPhase,
    /// A batch that writes and reads up to one Sync.
    Batch,
    /// CREATE OR REPLACE VIEW: the value is in its text.
    View,
    /// CREATE TABLE, and DROP TABLE of the one before.
    Table,
}

impl Write {
    pub(crate) const ALL: [Write; 15] = [
        Self::Simple,
        Self::Extended,
        Self::Named,
        Self::Transaction,
        Self::RolledBack,
        Self::Function,
        Self::Procedure,
        Self::Block,
        Self::Several,
        Self::With,
        Self::Execute,
        Self::TwoPhase,
        Self::Batch,
        Self::View,
        Self::Table,
    ];

    /// Those behind which nobody can tell what they have changed in the session besides.
    pub(crate) fn hides_state(self) -> bool {
        matches!(self, Self::Procedure | Self::Block)
    }
}

/// A way to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Read {
    /// A simple query.
    Simple,
    /// Parse, Bind and Execute without names.
    Extended,
    /// Bind and Execute of a statement prepared under a name, by the session's first use of it.
    Named,
    /// Two reads in one transaction.
    Transaction,
    /// A function that reads.
    Function,
    /// EXECUTE of what was prepared by SQL.
    Execute,
    /// COPY of a query.
    Copy,
    /// In the batch that wrote.
    InBatch,
    /// In the transaction that wrote.
    InTransaction,
    /// The view that the session has made.
    View,
    /// The table that the session has made last.
    Table,
}

impl Read {
    /// Those that can read any session's cell.
    pub(crate) const OF_CELLS: [Read; 7] = [
        Self::Simple,
        Self::Extended,
        Self::Named,
        Self::Transaction,
        Self::Function,
        Self::Execute,
        Self::Copy,
    ];
}
