use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use pgherd_config::Settings;
use pgherd_server::{SignalError, StopMode};

use crate::options::{DETACHED, Start};
use crate::{complain, say};

/// Serves: here, or in the background.
pub(crate) fn start(start: &Start, name: &OsString, args: &[OsString]) -> ExitCode {
    if !start.foreground && !start.options.detached {
        let hidden = OsString::from(format!("--{DETACHED}"));
        let args = core::iter::once(hidden).chain(args.iter().cloned());
        return pgherd_server::detach(name, args).unwrap_or_else(|error| failed("could not detach", &error));
    }
    match pgherd_server::start(&start.options) {
        Ok(()) => ExitCode::SUCCESS,
        // What happened after the log was there is told there.
        Err(error) if error.is_logged() => ExitCode::FAILURE,
        Err(error) => {
            complain(&format!("ERROR: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Stops the running one.
pub(crate) fn stop(configuration: &Path, mode: StopMode) -> ExitCode {
    signal(configuration, |pid_file| pgherd_server::stop(pid_file, mode, &mut io::stderr()))
}

/// Makes the running one reload.
pub(crate) fn reload(configuration: &Path) -> ExitCode {
    signal(configuration, pgherd_server::reload)
}

fn signal(configuration: &Path, send: impl FnOnce(&Path) -> Result<(), SignalError>) -> ExitCode {
    // A file with errors still tells where the pid file is: one must be able to stop what runs.
    let settings = match pgherd_server::load(configuration) {
        Ok(loaded) => loaded.settings,
        Err(error) => return failed("", &error),
    };
    match send(&pid_file(&settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed("", &error),
    }
}

fn pid_file(settings: &Settings) -> PathBuf {
    PathBuf::from(&settings.files.pid_file_name)
}

/// Reports all that is wrong with a file. Warnings leave the exit code at 0.
pub(crate) fn config_check(file: &Path) -> ExitCode {
    let loaded = match pgherd_server::load(file) {
        Ok(loaded) => loaded,
        Err(error) => return failed("", &error),
    };
    let lines: String = loaded.problems.iter().map(|problem| format!("{problem}\n")).collect();
    let errors = loaded.errors().count();
    let warnings = loaded.problems.len() - errors;
    let (_, usable) = (
        say(&format!("{lines}{}: {errors} errors, {warnings} warnings\n", file.display())),
        loaded.is_usable(),
    );
    if usable { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints a configuration file with every setting.
pub(crate) fn config_sample() -> ExitCode {
    say(&pgherd_config::sample())
}

fn failed(what: &str, error: &dyn std::error::Error) -> ExitCode {
    let what = if what.is_empty() { String::new() } else { format!("{what}: ") };
    complain(&format!("ERROR: {what}{error}"));
    ExitCode::FAILURE
}
