//! The program `pgherd`, which is also `pgpool` when it is called by that name.

mod commands;
mod help;
mod options;

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use options::Request;

/// Exit code of a command line that cannot be understood.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let mut args = env::args_os();
    let name = args.next().unwrap_or_else(|| OsString::from("pgherd"));
    let args: Vec<OsString> = args.collect();
    match options::parse(args.iter().cloned()) {
        Ok(request) => run(request, &name, &args),
        Err(problem) => {
            let program = program(&name);
            complain(&format!("{program}: {problem}\nTry \"{program} --help\" for more information."));
            ExitCode::from(USAGE)
        }
    }
}

fn run(request: Request, name: &OsString, args: &[OsString]) -> ExitCode {
    match request {
        Request::Help => say(&help::text(&program(name))),
        Request::Version => version(&program(name)),
        Request::Start(start) => commands::start(&start, name, args),
        Request::Stop { configuration, mode } => commands::stop(&configuration, mode),
        Request::Reload { configuration } => commands::reload(&configuration),
        Request::ConfigCheck { file } => commands::config_check(&file),
        Request::ConfigSample => commands::config_sample(),
        Request::Sandbox(args) => pgherd_sandbox::command::run(args),
    }
}

/// The version. Scripts look at the third word, and those for Pgpool-II read standard error.
fn version(program: &str) -> ExitCode {
    let version = pgherd_server::version_text();
    if program == "pgpool" {
        complain(&format!("pgpool-II version {version}"));
        return ExitCode::SUCCESS;
    }
    say(&format!("pgherd version {version}\n"))
}

/// The name by which the program was called, without folders.
fn program(name: &OsString) -> String {
    Path::new(name)
        .file_name()
        .map_or_else(|| "pgherd".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// Prints to standard output. A reader that went away early has seen what it wanted.
fn say(text: &str) -> ExitCode {
    let _ = io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

/// Prints a line to standard error, where nothing can be done when that fails.
fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
