//! What SET, RESET and `set_config` do.

use crate::verb::Characteristics;

/// One change of the session's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// How long it lasts.
    pub scope: Scope,
    /// What is changed.
    pub change: Change,
}

/// How long a setting lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Until the session's end, unless the transaction is rolled back.
    Session,
    /// Until the transaction's end.
    Local,
}

/// What is changed. Names of parameters are as they were written, folded to lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// This parameter, to a value that the text holds: the statement's own text does the same on another
    /// backend.
    Value(Box<str>),
    /// This parameter back to its default: RESET name, SET name TO DEFAULT.
    Default(Box<str>),
    /// RESET ALL.
    ResetAll,
    /// SET ROLE, RESET ROLE, SET ROLE NONE, `SET role = ...`.
    Role,
    /// SET SESSION AUTHORIZATION, its DEFAULT and RESET, `SET session_authorization = ...`.
    SessionAuthorization,
    /// SET TRANSACTION, `SET transaction_isolation = ...` and its like. Fields that a value decides which cannot
    /// be known are absent.
    Transaction(Characteristics),
    /// SET SESSION CHARACTERISTICS AS TRANSACTION, `SET default_transaction_read_only = ...` and its like.
    SessionCharacteristics(Characteristics),
    /// SET CONSTRAINTS.
    Constraints,
    /// SET TRANSACTION SNAPSHOT.
    Snapshot,
    /// `set_config` with a name, value or scope that is computed, or that may or may not be called: nobody can
    /// repeat it.
    Unknown,
}

impl Setting {
    pub(crate) fn heap_bytes(&self) -> usize {
        match &self.change {
            Change::Value(name) | Change::Default(name) => name.len(),
            Change::ResetAll
            | Change::Role
            | Change::SessionAuthorization
            | Change::Transaction(_)
            | Change::SessionCharacteristics(_)
            | Change::Constraints
            | Change::Snapshot
            | Change::Unknown => 0,
        }
    }
}
