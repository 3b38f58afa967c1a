//! How the text of a value becomes a value, and back.

mod list;
mod quantity;
mod routing;
mod switch;
mod text;
mod words;

pub(crate) use list::{List, Subset, split};
pub(crate) use quantity::{Bytes, Mode, Real, RecoveryLimit, Time, Whole};
pub(crate) use routing::{Patterns, Redirects, Relationships};
pub(crate) use switch::{Switch, read_switch};
pub(crate) use text::{Hidden, Text};
pub(crate) use words::{Choice, Flags, Words};

/// A value that was read, and what is doubtful about how it was written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Read<T> {
    pub(crate) value: T,
    pub(crate) doubt: Option<Offence>,
}

/// What is wrong with a value. `what` continues a sentence that starts with the setting's name and the value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Offence {
    pub(crate) what: String,
    pub(crate) hint: String,
}

/// The value, or why it must be refused. What Pgpool-II runs with is never refused, only doubted.
pub(crate) type Verdict<T> = Result<Read<T>, Offence>;

/// Nothing is wrong with the value.
pub(crate) fn sure<T>(value: T) -> Verdict<T> {
    Ok(Read { value, doubt: None })
}

/// The value is used, but it is hardly what was meant.
pub(crate) fn doubtful<T>(value: T, what: impl Into<String>, hint: impl Into<String>) -> Verdict<T> {
    Ok(Read { value, doubt: Some(Offence { what: what.into(), hint: hint.into() }) })
}

/// The value cannot be used.
pub(crate) fn wrong<T>(what: impl Into<String>, hint: impl Into<String>) -> Verdict<T> {
    Err(Offence { what: what.into(), hint: hint.into() })
}

/// How values are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As `SHOW pool_status` does: plain numbers in the setting's unit, 0 and 1 for off and on.
    Plain,
    /// As PostgreSQL and `PGPOOL SHOW` do: `5min`, `64MB`, `on`.
    Units,
}

/// A kind of setting: what may be written, and how it is shown.
pub(crate) trait Kind<T> {
    /// Reads what is between the quotes, or the bare word.
    fn read(&self, text: &str) -> Verdict<T>;
    /// The value as text that [`Kind::read`] takes.
    fn show(&self, value: &T, style: Style) -> String;
    /// What may be written, for the manual: `whole number from 1 to 65535`.
    fn allowed(&self) -> String;
    /// True when the value must not be shown.
    fn is_secret(&self) -> bool {
        false
    }
    /// True when the sample file writes the value in quotes.
    fn is_quoted(&self) -> bool {
        false
    }
}
