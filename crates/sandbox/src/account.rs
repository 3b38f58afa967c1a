use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::error::SandboxError;

/// The operating-system user that runs the servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    /// Its name.
    pub(crate) name: String,
    /// Its user id.
    pub(crate) uid: u32,
    /// Its group id.
    pub(crate) gid: u32,
    /// Whether programs have to be started as this user because the caller is root.
    pub(crate) switch: bool,
}

/// The users that root may run servers as, the best first.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

impl Account {
    /// The caller, or an unprivileged user when the caller is root: PostgreSQL refuses to run as root.
    ///
    /// # Errors
    /// When the caller is root and there is no such user.
    pub(crate) fn find() -> Result<Self, SandboxError> {
        let uid = rustix::process::geteuid().as_raw();
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        if uid != 0 {
            let gid = rustix::process::getegid().as_raw();
            let name = name_of(&users, uid).unwrap_or_else(|| uid.to_string());
            return Ok(Account { name, uid, gid, switch: false });
        }
        UNPRIVILEGED
            .into_iter()
            .find_map(|name| entry(&users, name))
            .map(|(name, uid, gid)| Account { name, uid, gid, switch: true })
            .ok_or(SandboxError::NoAccount)
    }

    /// A command that runs as this user, in a folder that all may enter, with nothing of the caller's
    /// environment that would reach a server or a client of one.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
            .env("HOME", "/nonexistent")
            .env("LC_ALL", "C")
            .current_dir("/");
        if self.switch {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }
}

/// The name of the user who calls, where `/etc/passwd` knows it.
pub(crate) fn caller() -> Option<String> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    name_of(&users, rustix::process::geteuid().as_raw())
}

fn name_of(users: &str, uid: u32) -> Option<String> {
    users.lines().filter_map(parse).find(|(_, id, _)| *id == uid).map(|(name, ..)| name)
}

fn entry(users: &str, wanted: &str) -> Option<(String, u32, u32)> {
    users.lines().filter_map(parse).find(|(name, ..)| name == wanted)
}

fn parse(line: &str) -> Option<(String, u32, u32)> {
    let mut fields = line.split(':');
    let (name, _, uid, gid) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    Some((name.to_owned(), uid.parse().ok()?, gid.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::{entry, name_of};

    const USERS: &str = "root:x:0:0:root:/root:/bin/bash\nbroken\npostgres:x:101:104::/:/bin/sh\n";

    #[test]
    fn users_are_found_by_name_and_by_id() {
        assert_eq!(entry(USERS, "postgres"), Some(("postgres".to_owned(), 101, 104)));
        assert_eq!(entry(USERS, "nobody"), None);
        assert_eq!(name_of(USERS, 0).as_deref(), Some("root"));
        assert_eq!(name_of(USERS, 7), None);
    }
}
