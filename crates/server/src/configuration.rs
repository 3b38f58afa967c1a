use core::fmt;
use std::io;
use std::path::{Path, PathBuf};

pub use pgherd_config::Loaded;
use pgherd_config::{Problem, Severity};

use crate::files::read_at_most;
use crate::log::{Level, Record, Source};

/// Bytes of a configuration file.
const CONFIGURATION_BYTES: usize = 4 << 20;

/// Why the configuration cannot be used.
#[derive(Debug)]
pub enum ConfigurationError {
    /// The file cannot be read.
    Unreadable(PathBuf, io::Error),
    /// The file has errors. All problems are here, warnings too.
    Wrong(PathBuf, Vec<Problem>),
}

impl ConfigurationError {
    /// What it comes to, without the single problems.
    pub(crate) fn summary(&self) -> String {
        match self {
            Self::Unreadable(path, error) => {
                format!("could not read the configuration file \"{}\": {error}", path.display())
            }
            Self::Wrong(path, _) => format!("the configuration file \"{}\" has errors", path.display()),
        }
    }
}

impl fmt::Display for ConfigurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Wrong(_, problems) = self {
            for problem in problems {
                writeln!(f, "{problem}")?;
            }
        }
        f.write_str(&self.summary())
    }
}

impl std::error::Error for ConfigurationError {}

/// Reads a configuration file and those that it includes. The problems of a usable file are warnings.
///
/// # Errors
/// When it cannot be read. A file with errors is returned: the caller looks at its problems.
pub fn load(path: &Path) -> Result<Loaded, ConfigurationError> {
    let unreadable = |error| ConfigurationError::Unreadable(path.to_owned(), error);
    let text = read_at_most(path, CONFIGURATION_BYTES).map_err(unreadable)?;
    let include = |path: &Path| read_at_most(path, CONFIGURATION_BYTES).map_err(|error| error.to_string());
    Ok(pgherd_config::load(path, &text, &include))
}

/// The same, but a file with errors is an error.
pub(crate) fn load_usable(path: &Path) -> Result<Loaded, ConfigurationError> {
    let loaded = load(path)?;
    if loaded.is_usable() {
        return Ok(loaded);
    }
    Err(ConfigurationError::Wrong(path.to_owned(), loaded.problems))
}

/// The log line of a problem.
pub(crate) fn record(problem: &Problem) -> Record {
    let level = match problem.severity {
        Severity::Warning => Level::Warning,
        Severity::Error => Level::Error,
    };
    let line = problem.at.map_or_else(String::new, |at| format!(":{}", at.line));
    let text = format!("{}{line}: {}", problem.file.display(), problem.message);
    Record::new(level, Source::part("main"), text).hint(problem.hint.clone())
}
