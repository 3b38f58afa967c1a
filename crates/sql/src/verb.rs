//! Kinds of statements.

use crate::statement::Statement;

/// What kind of statement it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    /// SELECT, VALUES, TABLE, also with INTO. A SELECT may write: see [`Statement::place`].
    Select,
    /// COPY of a table or query TO STDOUT.
    CopyOut,
    /// COPY FROM STDIN.
    CopyIn,
    /// COPY from or to a file or program of the server.
    CopyServer,
    /// EXPLAIN.
    Explain {
        /// Whether the statement is run.
        analyse: bool,
        /// What is explained.
        statement: Box<Statement>,
    },
    /// SHOW.
    Show,
    /// INSERT.
    Insert,
    /// UPDATE.
    Update,
    /// DELETE.
    Delete,
    /// MERGE.
    Merge,
    /// What changes catalogs; TRUNCATE, CREATE TABLE AS and REFRESH MATERIALIZED VIEW too.
    Ddl,
    /// BEGIN, START TRANSACTION.
    Begin(Characteristics),
    /// COMMIT, END.
    Commit {
        /// AND CHAIN: another transaction follows at once.
        chain: bool,
    },
    /// ROLLBACK, ABORT.
    Rollback {
        /// AND CHAIN: another transaction follows at once.
        chain: bool,
    },
    /// SAVEPOINT name.
    Savepoint(Box<str>),
    /// RELEASE SAVEPOINT name.
    Release(Box<str>),
    /// ROLLBACK TO SAVEPOINT name.
    RollbackTo(Box<str>),
    /// PREPARE TRANSACTION.
    PrepareTransaction,
    /// COMMIT PREPARED, ROLLBACK PREPARED.
    FinishPrepared,
    /// SET and RESET in all spellings; what is set is in [`Statement::sets`].
    Set,
    /// DISCARD.
    Discard(Discard),
    /// PREPARE.
    Prepare {
        /// The name of the prepared statement.
        name: Box<str>,
        /// What is prepared.
        statement: Box<Statement>,
    },
    /// EXECUTE of the prepared statement of this name.
    Execute(Box<str>),
    /// DEALLOCATE of one, or of all.
    Deallocate(Option<Box<str>>),
    /// DECLARE, FETCH, MOVE, CLOSE.
    Cursor,
    /// LOCK TABLE.
    Lock {
        /// The mode is below ROW EXCLUSIVE, so that a standby takes it too.
        weak: bool,
    },
    /// LISTEN.
    Listen,
    /// UNLISTEN.
    Unlisten,
    /// NOTIFY.
    Notify,
    /// CALL.
    Call,
    /// DO.
    Do,
    /// All others: VACUUM, ANALYZE, CHECKPOINT, LOAD and their like.
    Other,
}

impl Verb {
    /// The statement within: what is explained, or prepared.
    pub fn inner(&self) -> Option<&Statement> {
        match self {
            Verb::Explain { statement, .. } | Verb::Prepare { statement, .. } => Some(statement),
            Verb::Select
            | Verb::CopyOut
            | Verb::CopyIn
            | Verb::CopyServer
            | Verb::Show
            | Verb::Insert
            | Verb::Update
            | Verb::Delete
            | Verb::Merge
            | Verb::Ddl
            | Verb::Begin(_)
            | Verb::Commit { .. }
            | Verb::Rollback { .. }
            | Verb::Savepoint(_)
            | Verb::Release(_)
            | Verb::RollbackTo(_)
            | Verb::PrepareTransaction
            | Verb::FinishPrepared
            | Verb::Set
            | Verb::Discard(_)
            | Verb::Execute(_)
            | Verb::Deallocate(_)
            | Verb::Cursor
            | Verb::Lock { .. }
            | Verb::Listen
            | Verb::Unlisten
            | Verb::Notify
            | Verb::Call
            | Verb::Do
            | Verb::Other => None,
        }
    }

    /// The name that it gives or uses: of a savepoint, or of a prepared statement.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Verb::Savepoint(name)
            | Verb::Release(name)
            | Verb::RollbackTo(name)
            | Verb::Execute(name)
            | Verb::Prepare { name, .. } => Some(name),
            Verb::Deallocate(name) => name.as_deref(),
            Verb::Select
            | Verb::CopyOut
            | Verb::CopyIn
            | Verb::CopyServer
            | Verb::Explain { .. }
            | Verb::Show
            | Verb::Insert
            | Verb::Update
            | Verb::Delete
            | Verb::Merge
            | Verb::Ddl
            | Verb::Begin(_)
            | Verb::Commit { .. }
            | Verb::Rollback { .. }
            | Verb::PrepareTransaction
            | Verb::FinishPrepared
            | Verb::Set
            | Verb::Discard(_)
            | Verb::Cursor
            | Verb::Lock { .. }
            | Verb::Listen
            | Verb::Unlisten
            | Verb::Notify
            | Verb::Call
            | Verb::Do
            | Verb::Other => None,
        }
    }
}

/// The modes of a transaction that are spelled; where one is spelled twice, the last counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Characteristics {
    /// ISOLATION LEVEL.
    pub isolation: Option<Isolation>,
    /// READ ONLY, READ WRITE.
    pub access: Option<Access>,
    /// DEFERRABLE, NOT DEFERRABLE.
    pub deferrable: Option<bool>,
}

/// Isolation levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// READ UNCOMMITTED, which PostgreSQL treats as the next.
    ReadUncommitted,
    /// READ COMMITTED.
    ReadCommitted,
    /// REPEATABLE READ.
    RepeatableRead,
    /// SERIALIZABLE, which a standby refuses.
    Serializable,
}

/// Access modes of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// READ ONLY.
    ReadOnly,
    /// READ WRITE, which a standby refuses.
    ReadWrite,
}

/// What DISCARD throws away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discard {
    /// All that a session has: settings, prepared statements, cursors, locks, temporary tables...
    All,
    /// Cached plans.
    Plans,
    /// What the session knows of sequences.
    Sequences,
    /// Temporary tables.
    Temp,
}
