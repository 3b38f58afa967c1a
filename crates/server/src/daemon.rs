//! Going to the background without `fork`: the program starts itself again, in a session of its own, with a pipe as its
//! standard output. The child writes one byte there when it serves; until then its errors go to the terminal.

use std::ffi::{CString, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use rustix::fs::{FileType, OFlags};

/// What the child says when it serves.
const READY: u8 = b'+';

/// Starts this program again with `args` and waits until it serves (exit code 0) or has failed (its exit code).
///
/// # Errors
/// When the system refuses a pipe or a process.
pub fn detach(name: &OsString, args: impl IntoIterator<Item = OsString>) -> io::Result<ExitCode> {
    let (ours, theirs) = io::pipe()?;
    let mut child = Command::new(std::env::current_exe()?)
        .arg0(name)
        .args(args)
        .stdin(Stdio::null())
        .stdout(theirs)
        .spawn()?;
    let mut said = Vec::new();
    // The pipe ends with the child, or when it has said that it serves.
    ours.take(1).read_to_end(&mut said)?;
    if said == [READY] {
        return Ok(ExitCode::SUCCESS);
    }
    let status = child.wait()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok()).filter(|&code| code != 0);
    Ok(ExitCode::from(code.unwrap_or(1)))
}

/// In the child: leaves the session of the terminal, and takes the name by which the program was called. The system
/// knows it by the name of its file, but scripts look for `pgpool`.
///
/// # Errors
/// When the system refuses.
pub(crate) fn leave_session() -> io::Result<()> {
    rustix::process::setsid()?;
    let name =
        std::env::args_os().next().map(PathBuf::from).and_then(|path| path.file_name().map(OsString::from));
    if let Some(name) = name.and_then(|name| CString::new(name.into_encoded_bytes()).ok()) {
        rustix::thread::set_name(&name)?;
    }
    Ok(())
}

/// In the child: tells the parent that we serve, and lets go of the terminal. Standard error is kept where it is a
/// file: that is where the operator wants the log. Returns whether it was kept.
///
/// # Errors
/// When `/dev/null` cannot be opened.
pub(crate) fn serves() -> io::Result<bool> {
    let mut out = io::stdout();
    // A parent that was killed does not matter.
    let _ = out.write_all(&[READY]).and_then(|()| out.flush());
    let null: File =
        rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, rustix::fs::Mode::empty())?.into();
    rustix::stdio::dup2_stdout(&null)?;
    let kind = rustix::fs::fstat(rustix::stdio::stderr()).map(|about| FileType::from_raw_mode(about.st_mode));
    let keep = kind == Ok(FileType::RegularFile);
    if !keep {
        rustix::stdio::dup2_stderr(&null)?;
    }
    Ok(keep)
}
