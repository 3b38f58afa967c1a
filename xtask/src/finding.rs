//! One thing that a rule objects to.

use std::fmt;

/// What is wrong, where, and by which rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// Path from the workspace's folder, with `/`.
    pub(crate) path: String,
    /// Counted from 1; 0 where the file as a whole is meant.
    pub(crate) line: usize,
    /// The rule's name, as the list of exceptions uses it.
    pub(crate) rule: &'static str,
    /// What is wrong and what to do.
    pub(crate) message: String,
}

impl Finding {
    pub(crate) fn new(path: &str, line: usize, rule: &'static str, message: impl Into<String>) -> Self {
        Finding { path: path.to_owned(), line, rule, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { path, line, rule, message } = self;
        match line {
            0 => write!(f, "{path}: {message} [{rule}]"),
            line => write!(f, "{path}:{line}: {message} [{rule}]"),
        }
    }
}
