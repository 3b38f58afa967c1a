use core::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

use crate::pid_file::live_process;

/// How long a stop waits before the signal is sent again, in seconds.
const REPEAT_S: u32 = 5;

/// How a running pgherd is stopped, `-m`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StopMode {
    /// When the last client has gone.
    #[default]
    Smart,
    /// Clients are sent away.
    Fast,
    /// At once.
    Immediate,
}

impl StopMode {
    /// The mode by its name or the first letter of it.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "s" | "smart" => Some(Self::Smart),
            "f" | "fast" => Some(Self::Fast),
            "i" | "immediate" => Some(Self::Immediate),
            _ => None,
        }
    }

    fn signal(self) -> Signal {
        match self {
            Self::Smart => Signal::TERM,
            Self::Fast => Signal::INT,
            Self::Immediate => Signal::QUIT,
        }
    }
}

/// Why another pgherd was not stopped or told to reload.
#[derive(Debug)]
pub enum SignalError {
    /// The pid file could not be read: nothing runs, or with another file.
    PidFile(PathBuf, io::Error),
    /// The pid file names no running process.
    Stale(PathBuf),
    /// The system refused.
    System(&'static str, io::Error),
}

impl fmt::Display for SignalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PidFile(path, error) => {
                write!(f, "could not read pid file \"{}\": {error}", path.display())
            }
            Self::Stale(path) => {
                write!(f, "the process that pid file \"{}\" names is not running", path.display())
            }
            Self::System(what, error) => write!(f, "{what}: {error}"),
        }
    }
}

impl std::error::Error for SignalError {}

/// Stops the pgherd whose pid file this is, and waits until it is gone; its progress is written to `told`. The
/// signal is repeated every five seconds. A stale pid file is removed and is an error.
///
/// # Errors
/// See [`SignalError`].
pub fn stop(pid_file: &Path, mode: StopMode, told: &mut dyn Write) -> Result<(), SignalError> {
    let pid = match find(pid_file) {
        Err(SignalError::Stale(path)) => {
            // The caller waits for the file to go; nobody else removes it.
            drop(fs::remove_file(pid_file));
            return Err(SignalError::Stale(path));
        }
        other => other?,
    };
    // Held open, the descriptor names this process and never another one that got the same number.
    let watched = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(watched) => watched,
        Err(rustix::io::Errno::SRCH) => return Ok(()),
        Err(error) => return Err(SignalError::System("could not watch the process", error.into())),
    };
    tell(
        told,
        &format!("stop request sent to pgpool (pid: {}). waiting for termination...", pid.as_raw_nonzero()),
    );
    loop {
        match pidfd_send_signal(&watched, mode.signal()) {
            Ok(()) => {}
            Err(rustix::io::Errno::SRCH) => break,
            Err(error) => return Err(SignalError::System("could not send the signal", error.into())),
        }
        if (0..REPEAT_S).any(|_| {
            let gone = is_gone(&watched);
            if !gone {
                tell(told, ".");
            }
            gone
        }) {
            break;
        }
    }
    tell(told, "done.\n");
    Ok(())
}

/// Tells the pgherd whose pid file this is to read its configuration again.
///
/// # Errors
/// See [`SignalError`].
pub fn reload(pid_file: &Path) -> Result<(), SignalError> {
    let pid = find(pid_file)?;
    kill_process(pid, Signal::HUP)
        .map_err(|error| SignalError::System("could not send the signal", error.into()))
}

fn find(pid_file: &Path) -> Result<Pid, SignalError> {
    match live_process(pid_file) {
        Ok(Some(pid)) => Ok(pid),
        Ok(None) => Err(SignalError::Stale(pid_file.to_owned())),
        Err(error) => Err(SignalError::PidFile(pid_file.to_owned(), error)),
    }
}

/// Waits for a second at most.
fn is_gone(watched: &rustix::fd::OwnedFd) -> bool {
    let mut descriptors = [PollFd::new(watched, PollFlags::IN)];
    let second = Timespec { tv_sec: 1, tv_nsec: 0 };
    matches!(poll(&mut descriptors, Some(&second)), Ok(ready) if ready > 0)
}

/// Progress is a courtesy: that nobody reads it does not stop the stopping.
fn tell(told: &mut dyn Write, text: &str) {
    let _ = told.write_all(text.as_bytes()).and_then(|()| told.flush());
}
