use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// The variable that names the pgherd to test.
const VARIABLE: &str = "PGHERD_BIN";

/// The program `pgherd`: what `PGHERD_BIN` names, or else built from this workspace beside the running test.
///
/// # Panics
/// When it cannot be built.
pub fn pgherd_program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| env::var_os(VARIABLE).map_or_else(build, PathBuf::from))
}

fn build() -> PathBuf {
    let test = env::current_exe().expect("a test knows its own path");
    // A test is in PROFILE/deps, programs are in PROFILE.
    let folder = test.parent().expect("a program is in a folder");
    let profile = if folder.ends_with("deps") { folder.parent() } else { Some(folder) };
    let profile = profile.expect("a test runs from a target folder");
    let target = profile.parent().expect("a profile's folder is in a target folder");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // In the profile of the tests themselves: most of it is built already then.
    let name = if profile.ends_with("release") { "release" } else { "test" };
    cargo.args(["build", "--quiet", "--profile", name, "--package", "pgherd", "--bin", "pgherd"]);
    cargo.arg("--target-dir").arg(target).current_dir(env!("CARGO_MANIFEST_DIR"));
    let status = cargo.status().expect("cargo can be started");
    assert!(status.success(), "pgherd cannot be built");
    profile.join("pgherd")
}
