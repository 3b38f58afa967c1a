use core::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::process::{Pid, test_kill_process};

/// Bytes of a pid file that are looked at.
const PID_FILE_BYTES: usize = 64;
/// How often a stale file may be in the way before we give up: something else keeps writing it.
const ATTEMPTS: u32 = 3;

/// The file that says which process serves. It is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct PidFile {
    path: PathBuf,
}

/// Why there is no pid file.
#[derive(Debug)]
pub enum PidFileError {
    /// Another pgherd runs with the same file.
    Running(Pid),
    /// The file could not be read, written or removed.
    Io(PathBuf, io::Error),
}

impl fmt::Display for PidFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running(pid) => {
                write!(f, "pid file found. is another pgpool({}) is running?", pid.as_raw_nonzero())
            }
            Self::Io(path, error) => write!(
                f,
                "could not use pid file \"{}\": {error}; pid_file_name says where it is",
                path.display()
            ),
        }
    }
}

impl std::error::Error for PidFileError {}

impl PidFile {
    /// Writes the file for this process. A file of a process that is gone is replaced.
    ///
    /// # Errors
    /// See [`PidFileError`].
    pub(crate) fn create(path: &Path) -> Result<Self, PidFileError> {
        let failed = |error| PidFileError::Io(path.to_owned(), error);
        for _ in 0..ATTEMPTS {
            match OpenOptions::new().write(true).create_new(true).open(path) {
                Ok(mut file) => {
                    let file_there = PidFile { path: path.to_owned() };
                    writeln!(file, "{}", std::process::id()).map_err(failed)?;
                    return Ok(file_there);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(error)),
            }
            match live_process(path).map_err(failed)? {
                Some(pid) => return Err(PidFileError::Running(pid)),
                None => match fs::remove_file(path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
                    Ok(()) | Err(_) => {}
                },
            }
        }
        Err(failed(io::Error::new(io::ErrorKind::AlreadyExists, "somebody keeps writing it")))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // If it cannot be removed, the next start finds it stale.
        drop(fs::remove_file(&self.path));
    }
}

/// The process that a pid file names, if it runs. `None` for a file that is stale or holds no number.
///
/// # Errors
/// When the file cannot be read, also when there is none.
pub(crate) fn live_process(path: &Path) -> io::Result<Option<Pid>> {
    let bytes = fs::read(path)?;
    let text = String::from_utf8_lossy(bytes.get(..PID_FILE_BYTES).unwrap_or(&bytes)).into_owned();
    let pid = text.split_whitespace().next().and_then(|word| word.parse::<u32>().ok());
    let pid = pid.and_then(|number| i32::try_from(number).ok()).and_then(Pid::from_raw);
    Ok(pid.filter(|&pid| is_alive(pid) && pid.as_raw_nonzero().get().unsigned_abs() != std::process::id()))
}

fn is_alive(pid: Pid) -> bool {
    match test_kill_process(pid) {
        Ok(()) => true,
        // It runs, as another user.
        Err(error) => error == rustix::io::Errno::PERM,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;
    use std::process::{Command, Stdio};

    use super::{PidFile, PidFileError, live_process};

    fn path(name: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("pgherd-pid-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        directory.join(name)
    }

    #[test]
    fn a_live_file_is_respected_and_a_stale_one_replaced() {
        let path = path("one.pid");
        let mut other = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        fs::write(&path, format!("{}\n", other.id())).unwrap();
        let refused = PidFile::create(&path).unwrap_err();
        let text = format!("pid file found. is another pgpool({}) is running?", other.id());
        assert_eq!(refused.to_string(), text);
        assert!(matches!(refused, PidFileError::Running(_)));
        drop(other.stdin.take());
        other.wait().unwrap();
        let held = PidFile::create(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
        drop(held);
        assert!(!path.exists());
    }

    #[test]
    fn a_file_without_a_number_is_stale() {
        let path = path("two.pid");
        for text in ["", "\0\0\0", "x", "-1", "0", "99999999999999999999"] {
            fs::write(&path, text).unwrap();
            assert_eq!(live_process(&path).unwrap(), None, "{text:?}");
            drop(PidFile::create(&path).unwrap());
        }
    }
}
