use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::SandboxError;

/// The oldest major version that a sandbox runs.
const OLDEST: u32 = 13;
/// The newest major version that a sandbox runs.
const NEWEST: u32 = 18;

/// Folders whose subfolders hold one major version each, with the path of the programs inside.
const HOMES: [(&str, &str); 4] =
    [("/usr/lib/postgresql", "bin"), ("/usr", "bin"), ("/opt", "bin"), ("/usr/local", "bin")];

/// Programs of PostgreSQL that a sandbox runs.
const PROGRAMS: [&str; 4] = ["initdb", "pg_ctl", "postgres", "psql"];

/// The programs of one installed PostgreSQL version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    bin: PathBuf,
    major: u32,
    version: String,
}

impl Installation {
    /// The installation whose programs are in `bin`, or the newest that is found.
    ///
    /// # Errors
    /// When there is none from 13 to 18.
    pub fn find(bin: Option<&Path>) -> Result<Self, SandboxError> {
        let searched = bin.map_or_else(candidates, |bin| vec![bin.to_owned()]);
        let mut found = None;
        let mut usable: Vec<Installation> = Vec::new();
        for dir in &searched {
            match Self::at(dir) {
                Some(one) if (OLDEST..=NEWEST).contains(&one.major) => usable.push(one),
                Some(other) => found = Some(format!("{} ({})", dir.display(), other.version)),
                None => {}
            }
        }
        // The first of equals, so that a folder named earlier wins.
        usable.sort_by_key(|one| core::cmp::Reverse(one.major));
        usable.into_iter().next().ok_or(SandboxError::NoServer { searched, found })
    }

    fn at(bin: &Path) -> Option<Self> {
        if !PROGRAMS.iter().all(|program| bin.join(program).is_file()) {
            return None;
        }
        let out = Command::new(bin.join("postgres")).arg("--version").stdin(Stdio::null()).output().ok()?;
        let version = String::from_utf8(out.stdout).ok()?.trim().to_owned();
        Some(Installation { bin: bin.to_owned(), major: major(&version)?, version })
    }

    /// The folder of the programs.
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    /// The major version.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// What `postgres --version` prints.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The path of one of the programs.
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }
}

fn candidates() -> Vec<PathBuf> {
    let mut all = Vec::new();
    for (home, inside) in HOMES {
        let Ok(entries) = fs::read_dir(home) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with("pgsql") || name.starts_with("postgresql") || home.ends_with("postgresql") {
                all.push(entry.path().join(inside));
            }
        }
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    all.extend(std::env::split_paths(&path).filter(|dir| dir.join("initdb").is_file()));
    all
}

/// The major version in "postgres (PostgreSQL) 15.18 (Debian ...)", also of a beta such as "18beta1".
fn major(version: &str) -> Option<u32> {
    let number = version.split_once("(PostgreSQL) ")?.1;
    let digits = number.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Installation, major};
    use std::path::Path;

    #[test]
    fn the_major_version_is_read_from_what_the_server_prints() {
        let cases = [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", Some(15)),
            ("postgres (PostgreSQL) 18beta1", Some(18)),
            ("postgres (PostgreSQL) x", None),
            ("something else", None),
        ];
        for (text, expected) in cases {
            assert_eq!(major(text), expected, "{text}");
        }
    }

    #[test]
    fn a_folder_without_programs_is_refused_by_name() {
        let error = Installation::find(Some(Path::new("/etc"))).unwrap_err();
        assert!(error.to_string().contains("looked in /etc. Install one"), "{error}");
    }
}
