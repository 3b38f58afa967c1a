use pgherd_sql::{Text, Verb};
use pgherd_wire::error_response::Severity;

use crate::{effect::Effect, text};

/// What is counted of each node (`SHOW pool_backend_stats`, `select_cnt` of `SHOW pool_nodes`): the statements that it
/// was sent, by kind, and the errors that it answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Count {
    /// A SELECT, VALUES or TABLE.
    Select,
    /// An INSERT.
    Insert,
    /// An UPDATE.
    Update,
    /// A DELETE.
    Delete,
    /// A statement that changes catalogs.
    Ddl,
    /// Any other statement, and several in one string.
    Other,
    /// An error that took the whole server down.
    Panic,
    /// An error that ended a session.
    Fatal,
    /// An error that ended a statement.
    Error,
}

impl Count {
    /// All of them, in the order of the columns of `SHOW pool_backend_stats`.
    pub const ALL: [Count; 9] = [
        Count::Select,
        Count::Insert,
        Count::Update,
        Count::Delete,
        Count::Ddl,
        Count::Other,
        Count::Panic,
        Count::Fatal,
        Count::Error,
    ];

    /// Where a text counts that is sent.
    pub(crate) fn of_text(text: &Text) -> Self {
        match text {
            Text::One(statement) => Self::of_verb(&statement.verb),
            Text::Empty | Text::Several(_) | Text::Unread => Count::Other,
        }
    }

    fn of_verb(verb: &Verb) -> Self {
        match verb {
            Verb::Select => Count::Select,
            Verb::Insert => Count::Insert,
            Verb::Update => Count::Update,
            Verb::Delete => Count::Delete,
            Verb::Ddl => Count::Ddl,
            Verb::CopyOut
            | Verb::CopyIn
            | Verb::CopyServer
            | Verb::Explain { .. }
            | Verb::Show
            | Verb::Merge
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
            | Verb::Other => Count::Other,
        }
    }

    /// Where a text counts in a session whose statements are not looked at: its first word tells, which is right for
    /// all but common table expressions that write.
    pub(crate) fn of_head(text: &[u8]) -> Self {
        const HEADS: [(&[u8], Count); 11] = [
            (b"select", Count::Select),
            (b"with", Count::Select),
            (b"values", Count::Select),
            (b"table", Count::Select),
            (b"insert", Count::Insert),
            (b"update", Count::Update),
            (b"delete", Count::Delete),
            (b"create", Count::Ddl),
            (b"alter", Count::Ddl),
            (b"drop", Count::Ddl),
            (b"truncate", Count::Ddl),
        ];
        let word = text::first_word(text).unwrap_or_default();
        let found = HEADS.iter().find(|(head, _)| word.eq_ignore_ascii_case(head));
        found.map_or(Count::Other, |(_, count)| *count)
    }

    /// Where an Execute counts that has this effect; one without runs a read.
    pub(crate) fn of_effect(effect: Option<&Effect>) -> Self {
        match effect {
            None => Count::Select,
            Some(Effect::Ran(script)) => {
                script.executed().map_or(Count::Other, |one| Self::of_verb(&one.verb))
            }
            Some(
                Effect::RanUnknown
                | Effect::Parsed { .. }
                | Effect::Brought { .. }
                | Effect::Closed { .. }
                | Effect::BoundUnnamed
                | Effect::ClosedUnnamed,
            ) => Count::Other,
        }
    }

    /// Where an error counts; nowhere, if it is milder than an error.
    pub(crate) fn of_error(severity: Severity) -> Option<Self> {
        match severity {
            Severity::Panic => Some(Count::Panic),
            Severity::Fatal => Some(Count::Fatal),
            Severity::Error => Some(Count::Error),
            Severity::Warning | Severity::Notice | Severity::Debug | Severity::Info | Severity::Log => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Count;

    #[test]
    fn by_the_first_word() {
        let cases = [
            (" -- x\nSELECT 1", Count::Select),
            ("with x as (select 1) select 2", Count::Select),
            ("insert into t values (1)", Count::Insert),
            ("Update t set i = 1", Count::Update),
            ("delete from t", Count::Delete),
            ("truncate t", Count::Ddl),
            ("begin", Count::Other),
            ("", Count::Other),
        ];
        for (text, count) in cases {
            assert_eq!(Count::of_head(text.as_bytes()), count, "{text}");
        }
    }

    #[test]
    fn their_order_is_that_of_the_columns() {
        assert!(Count::ALL.iter().enumerate().all(|(at, count)| *count as usize == at));
    }
}
