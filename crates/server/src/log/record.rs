use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use super::{Level, Verbosity};

/// Bytes of one text of a record. A longer one is cut: a client must not be able to fill the disk with one statement.
const TEXT_BYTES: usize = 16 * 1024;

/// Who says something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// `%a`, one word: the part of pgherd (`main`, `sr_check_worker`), or a client's `application_name`.
    pub(crate) application: Cow<'static, str>,
    /// `%p`: the process, or a session's number, which its client takes for the process id.
    pub(crate) pid: u32,
    /// `%u` and `%d`, for sessions.
    pub(crate) session: Option<Arc<SessionNames>>,
}

/// What is said of a session in log lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SessionNames {
    /// The user.
    pub(crate) user: String,
    /// The database.
    pub(crate) database: String,
}

impl Source {
    /// A part of pgherd.
    pub(crate) fn part(name: &'static str) -> Self {
        Source { application: Cow::Borrowed(name), pid: std::process::id(), session: None }
    }
}

/// One thing to log.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(super) at: SystemTime,
    pub(super) level: Level,
    pub(super) source: Source,
    pub(super) message: String,
    pub(super) detail: Option<String>,
    pub(super) hint: Option<String>,
    pub(super) verbosity: Option<Verbosity>,
}

impl Record {
    /// A record of this moment.
    pub(crate) fn new(level: Level, source: Source, message: impl Into<String>) -> Self {
        let message = cut(message.into());
        Record { at: SystemTime::now(), level, source, message, detail: None, hint: None, verbosity: None }
    }

    /// The same with details.
    #[must_use]
    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(cut(detail.into()));
        self
    }

    /// The same, of which this much is written whatever `log_error_verbosity` says.
    #[must_use]
    pub(crate) fn verbosity(mut self, verbosity: Verbosity) -> Self {
        self.verbosity = Some(verbosity);
        self
    }

    /// The same with what to do about it.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(cut(hint.into()));
        self
    }
}

fn cut(mut text: String) -> String {
    if text.len() > TEXT_BYTES {
        let end = (0..=TEXT_BYTES).rev().find(|&end| text.is_char_boundary(end));
        text.truncate(end.unwrap_or(0));
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Level, Record, Source, TEXT_BYTES};

    #[test]
    fn long_texts_are_cut_between_characters() {
        let record = Record::new(Level::Log, Source::part("main"), "é".repeat(TEXT_BYTES));
        assert!(record.message.len() <= TEXT_BYTES + 3 && record.message.ends_with("é..."));
    }
}
