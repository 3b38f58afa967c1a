//! Six classes of statements: what is left of a statement when only its place counts.

use crate::analyse::{Remembered, analyse_normal};
use crate::functions::Calls;
use crate::normal::{Shape, normalise};
use crate::place::Place;
use crate::statement::{Function, Statement, Text};
use crate::verb::Verb;

/// What routing needs to know of the text of one simple query, or of one Parse message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Nothing but white space, comments and semicolons.
    Empty,
    /// One plain SELECT that any node answers alike: no locking clause, no INTO, no writing CTE, no function
    /// outside the list of known read-only built-ins, no system catalog.
    Read,
    /// Reads only, but not for a standby: SHOW, EXPLAIN without ANALYZE, SELECTs that touch catalogs or ask a
    /// node about itself. Leaves no state behind.
    ReadPrimary,
    /// BEGIN, COMMIT, ROLLBACK, SAVEPOINT and their like, alone. Leaves no state behind once the transaction
    /// has ended.
    Transaction,
    /// One COPY ... FROM STDIN.
    CopyIn,
    /// Everything else, several statements in one string, and what could not be parsed: writes, or changes
    /// the session's state.
    Other,
}

/// What `text` is, in six classes.
///
/// ```
/// use pgherd_sql::{Class, classify};
///
/// assert_eq!(classify(b"SELECT name FROM users WHERE id = 42"), Class::Read);
/// assert_eq!(classify(b"SELECT nextval('ids')"), Class::Other);
/// ```
pub fn classify(text: &[u8]) -> Class {
    let mut normal = Vec::new();
    match normalise(text, &mut normal) {
        Shape::Empty => Class::Empty,
        Shape::Candidate => classify_normal(&normal),
        Shape::Other => Class::Other,
    }
}

/// The class of a normal text of shape [`Shape::Candidate`].
pub fn classify_normal(normal: &[u8]) -> Class {
    match analyse_normal(normal) {
        Remembered::Text(text) => of_text(&text),
        Remembered::LookInFull => Class::Other,
    }
}

fn of_text(text: &Text) -> Class {
    match text {
        Text::Empty => Class::Empty,
        Text::One(statement) => of_statement(statement),
        Text::Several(_) | Text::Unread => Class::Other,
    }
}

fn of_statement(statement: &Statement) -> Class {
    match &statement.verb {
        Verb::Select => of_query(statement),
        Verb::CopyOut => not_for_a_standby(of_query(statement)),
        Verb::Explain { analyse: false, statement } => not_for_a_standby(of_statement(statement)),
        Verb::Show => Class::ReadPrimary,
        Verb::CopyIn => Class::CopyIn,
        Verb::Begin(_)
        | Verb::Commit { .. }
        | Verb::Rollback { .. }
        | Verb::Savepoint(_)
        | Verb::Release(_)
        | Verb::RollbackTo(_) => Class::Transaction,
        Verb::Explain { analyse: true, .. }
        | Verb::CopyServer
        | Verb::Insert
        | Verb::Update
        | Verb::Delete
        | Verb::Merge
        | Verb::Ddl
        | Verb::PrepareTransaction
        | Verb::FinishPrepared
        | Verb::Set
        | Verb::Discard(_)
        | Verb::Prepare { .. }
        | Verb::Execute(_)
        | Verb::Deallocate(_)
        | Verb::Cursor
        | Verb::Lock { .. }
        | Verb::Listen
        | Verb::Unlisten
        | Verb::Notify
        | Verb::Call
        | Verb::Do
        | Verb::Other => Class::Other,
    }
}

fn of_query(statement: &Statement) -> Class {
    let known = |function: &Function| matches!(function.known, Calls::Alike | Calls::Own);
    match statement.place {
        Place::Anywhere | Place::Primary(_) if !statement.functions.iter().all(known) => Class::Other,
        Place::Anywhere => Class::Read,
        Place::Primary(_) => Class::ReadPrimary,
        Place::Writes(_) => Class::Other,
    }
}

fn not_for_a_standby(class: Class) -> Class {
    match class {
        Class::Read | Class::ReadPrimary => Class::ReadPrimary,
        Class::Empty | Class::Transaction | Class::CopyIn | Class::Other => Class::Other,
    }
}
