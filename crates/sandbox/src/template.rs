//! A fresh data directory costs `initdb` a second and more; a copy of one costs a tenth of that. Each user keeps
//! one finished data directory per version of PostgreSQL in the folder for caches, readable by that user alone.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::account::{self, Account};
use crate::error::SandboxError;
use crate::files::USER;
use crate::install::Installation;
use crate::run;

/// Part of the cache's key: another number whenever what is in a template changes.
const RECIPE: u32 = 1;

/// Makes the data directory `data`, which must not exist, as `initdb` leaves it, with the caller's name as a
/// second superuser.
///
/// # Errors
/// When a program fails. A cache that cannot be used is no error: the directory is then made anew.
pub(crate) fn make(data: &Path, install: &Installation, account: &Account) -> Result<(), SandboxError> {
    let Some(cached) = cache_path(install, account) else { return init(data, install, account) };
    if cached.join("PG_VERSION").is_file() && copy(&cached, data).is_ok() {
        return Ok(());
    }
    init(data, install, account)?;
    store(data, &cached);
    Ok(())
}

/// Copies a whole directory, with its owners where the caller may set them.
///
/// # Errors
/// When the copy fails; what was copied is then removed.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), SandboxError> {
    let mut cp = Command::new("cp");
    let done = run::output(cp.args(["-a", "--reflink=auto", "-T", "--"]).arg(from).arg(to));
    if done.is_err() {
        let _ = fs::remove_dir_all(to);
    }
    done.map(drop)
}

fn init(data: &Path, install: &Installation, account: &Account) -> Result<(), SandboxError> {
    let mut initdb = account.command(install.program("initdb"));
    initdb.args(["--no-sync", "-A", "trust", "--locale=C", "-E", "UTF8", "-U", USER, "-D"]).arg(data);
    run::output(&mut initdb)?;
    match account::caller().filter(|name| name != USER) {
        Some(name) => add_superuser(&name, data, install, account),
        None => Ok(()),
    }
}

fn add_superuser(
    name: &str,
    data: &Path,
    install: &Installation,
    account: &Account,
) -> Result<(), SandboxError> {
    let mut single = account.command(install.program("postgres"));
    single.args(["--single", "-F", "-D"]).arg(data).arg("postgres");
    single.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = single.spawn().map_err(SandboxError::io("cannot run postgres --single"))?;
    let statement = format!("CREATE ROLE \"{}\" SUPERUSER LOGIN\n", name.replace('"', "\"\""));
    if let Some(mut stdin) = child.stdin.take() {
        stdin
            .write_all(statement.as_bytes())
            .map_err(SandboxError::io("cannot write to postgres --single"))?;
    }
    let done = child.wait_with_output().map_err(SandboxError::io("cannot wait for postgres --single"))?;
    if done.status.success() {
        return Ok(());
    }
    let output = String::from_utf8_lossy(&done.stderr).into_owned();
    Err(SandboxError::Program { program: "postgres --single".to_owned(), status: done.status, output })
}

/// Where the template of this version and this user is, if there is a folder for caches.
fn cache_path(install: &Installation, account: &Account) -> Option<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    let version: String = install
        .version()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' })
        .collect();
    Some(home.join("pgherd").join(format!("{version}_{RECIPE}_{}", account.uid)))
}

/// Puts a copy of a data directory whose server does not run into the cache. Whoever comes first wins; a
/// failure only costs the next sandbox its time.
fn store(data: &Path, cached: &Path) {
    let Some(home) = cached.parent() else { return };
    let mut builder = fs::DirBuilder::new();
    if builder.recursive(true).mode(0o700).create(home).is_err() {
        return;
    }
    let name = cached.file_name().unwrap_or(OsStr::new("template"));
    let fresh = home.join(format!("{}.{}", name.to_string_lossy(), std::process::id()));
    if copy(data, &fresh).is_ok() && fs::rename(&fresh, cached).is_err() {
        let _ = fs::remove_dir_all(&fresh);
    }
}
