//! `pgherd sandbox` alone: for trying the library without the whole program.

use std::process::ExitCode;

fn main() -> ExitCode {
    pgherd_sandbox::command::run(std::env::args_os().skip(1))
}
