use core::fmt;
use std::path::{Path, PathBuf};

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file can be used. The message says what is used instead of what was written.
    Warning,
    /// The file must not be used.
    Error,
}

/// A place in a file. Both numbers start at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line of the file.
    pub line: u32,
    /// Character of the line.
    pub column: u32,
}

/// Something in a configuration file that somebody should look at. It never holds a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Whether the file can be used all the same.
    pub severity: Severity,
    /// The file, as it was named by the caller or by the `include` that led to it.
    pub file: PathBuf,
    /// Where in the file; `None` when it is about something that is missing from it.
    pub at: Option<Position>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", shown_path(&self.file))?;
        if let Some(Position { line, .. }) = self.at {
            write!(f, "{line}:")?;
        }
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, " {severity}: {}; {}", self.message, self.hint)
    }
}

/// Characters of a file's text that a message repeats.
const SHOWN_CHARS: usize = 60;

/// Characters of a path that a message repeats: who has to find the file needs more of it.
const SHOWN_PATH_CHARS: usize = 300;

/// A text of a file as part of a message: on one line and not too long.
pub(crate) fn shown(text: &str) -> String {
    start_of(text, SHOWN_CHARS)
}

/// A path that a file names as part of a message.
pub(crate) fn shown_path(path: &Path) -> String {
    start_of(&path.to_string_lossy(), SHOWN_PATH_CHARS)
}

fn start_of(text: &str, chars: usize) -> String {
    let start: String = text.chars().take(chars).collect();
    let more = if start.len() < text.len() { "..." } else { "" };
    format!("{}{more}", start.replace(char::is_control, " "))
}

/// True when a text should not be repeated in a message because it may hold a password or key.
pub(crate) fn may_hold_secret(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    ["pass", "pwd", "key", "secret", "token"].iter().any(|word| lower.contains(word))
}
