//! Chores of this repository: `cargo xtask tidy` holds the house rules that no compiler knows, `cargo xtask check` runs
//! everything that a change has to pass before it lands.

mod check;
mod finding;
mod mask;
mod metadata;
mod tidy;
mod tree;

use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask COMMAND

  tidy    the house rules: layers, sizes, left-overs, white space, links, terms, licences
  check   cargo fmt --check, clippy, tidy, documentation and tests, in that order
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (command, rest) = (arguments.next(), arguments.next());
    let outcome = match (command.as_deref(), rest) {
        (Some("tidy"), None) => tidy::run(&root()),
        (Some("check"), None) => check::run(&root()),
        (Some("help" | "--help" | "-h"), None) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        (None | Some(_), _) => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace: this package lies directly in it.
fn root() -> PathBuf {
    let mut path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    path.pop();
    path
}
