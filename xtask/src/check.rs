//! Everything that a change has to pass, cheapest first.

use std::path::Path;
use std::process::Command;

use crate::tidy;

/// Runs every step in `root` and stops at the first that fails; the error names it.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    step(root, &["fmt", "--all", "--check"], &[])?;
    println!("== tidy");
    tidy::run(root)?;
    // In the tests' profile, so that what all of them need is built once.
    let workspace = ["--profile", "test", "--workspace"];
    let lints = ["--all-targets", "--", "-D", "warnings"];
    step(root, &[&["clippy"], &workspace[..], &lints].concat(), &[])?;
    let documents = ["--no-deps", "--document-private-items"];
    step(root, &[&["doc"], &workspace[..], &documents].concat(), &[("RUSTDOCFLAGS", "-D warnings")])?;
    step(root, &["test", "--workspace"], &[])?;
    println!("== all passed");
    Ok(())
}

fn step(root: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Result<(), String> {
    let shown = format!("cargo {}", arguments.join(" "));
    println!("== {shown}");
    let status = Command::new("cargo")
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(root)
        .status()
        .map_err(|why| format!("{shown}: cannot be started: {why}"))?;
    if status.success() { Ok(()) } else { Err(format!("{shown}: failed ({status})")) }
}
