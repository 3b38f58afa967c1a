use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::SandboxError;

/// How often a condition of another process is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Runs a program to its end and returns what it printed on standard output.
///
/// # Errors
/// When it cannot be started, or ends with a status other than 0; then with all that it printed.
pub(crate) fn output(command: &mut Command) -> Result<String, SandboxError> {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let program = program.to_string_lossy().into_owned();
    let done = command
        .stdin(Stdio::null())
        .output()
        .map_err(SandboxError::io(format!("cannot run {}", command.get_program().to_string_lossy())))?;
    let printed = String::from_utf8_lossy(&done.stdout).into_owned();
    if done.status.success() {
        return Ok(printed);
    }
    let output = format!("{printed}{}", String::from_utf8_lossy(&done.stderr));
    Err(SandboxError::Program { program, status: done.status, output })
}

/// Waits until `holds` says yes. It is asked at least once, and again every 10 ms until the deadline.
///
/// # Errors
/// When `limit` passes first; `what` says what was waited for. Errors of `holds` end the waiting.
pub fn wait_until(
    what: impl FnOnce() -> String,
    limit: Duration,
    mut holds: impl FnMut() -> Result<bool, SandboxError>,
) -> Result<(), SandboxError> {
    let deadline = Instant::now() + limit;
    while !holds()? {
        if Instant::now() >= deadline {
            return Err(SandboxError::Late { what: what(), seconds: limit.as_secs() });
        }
        thread::sleep(LOOK_EVERY);
    }
    Ok(())
}
