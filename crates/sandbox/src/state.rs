use core::fmt::Write;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::account::Account;
use crate::error::SandboxError;
use crate::spec::{Auth, Mode, NODES_MAX};

/// The file that makes a folder a sandbox.
pub(crate) const FILE: &str = "sandbox.state";

/// Whose the folder of a sandbox is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Folder {
    /// The sandbox made it, and removes it.
    Made,
    /// It was there, empty, and is kept.
    Found {
        /// The user that owned it.
        uid: u32,
        /// The group that owned it.
        gid: u32,
    },
}

/// What a sandbox remembers about itself: lines of `name value` in [`FILE`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) mode: Mode,
    pub(crate) auth: Auth,
    pub(crate) bin: PathBuf,
    pub(crate) account: Account,
    pub(crate) folder: Folder,
    pub(crate) port: u16,
    pub(crate) pcp_port: u16,
    /// The port of each node.
    pub(crate) nodes: Vec<u16>,
}

impl State {
    /// Reads the state of a folder.
    ///
    /// # Errors
    /// When there is none, or it cannot be understood.
    pub(crate) fn read(dir: &Path) -> Result<Self, SandboxError> {
        let path = dir.join(FILE);
        if !path.is_file() {
            return Err(SandboxError::NotASandbox { dir: dir.to_owned() });
        }
        let text =
            fs::read_to_string(&path).map_err(SandboxError::io(format!("cannot read {}", path.display())))?;
        let switch = rustix::process::geteuid().is_root();
        Self::parse(&text, switch).map_err(|problem| SandboxError::BadState { path, problem })
    }

    /// Writes the state into a folder.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn write(&self, dir: &Path) -> Result<(), SandboxError> {
        let path = dir.join(FILE);
        fs::write(&path, self.text()).map_err(SandboxError::io(format!("cannot write {}", path.display())))
    }

    fn text(&self) -> String {
        let mut out = String::from("# A pgherd sandbox. Made by `pgherd sandbox up`; not for editing.\n");
        let mut line = |name: &str, value: &dyn core::fmt::Display| {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{name} {value}");
        };
        line("mode", &self.mode.word());
        line("auth", &self.auth.word());
        line("bin", &self.bin.display());
        line("user", &self.account.name);
        line("uid", &self.account.uid);
        line("gid", &self.account.gid);
        match self.folder {
            Folder::Made => line("folder", &"made"),
            Folder::Found { uid, gid } => line("folder", &format_args!("found {uid} {gid}")),
        }
        line("port", &self.port);
        line("pcp_port", &self.pcp_port);
        for (i, port) in self.nodes.iter().enumerate() {
            line(&format!("node{i}"), port);
        }
        out
    }

    fn parse(text: &str, caller_is_root: bool) -> Result<Self, String> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let fields: BTreeMap<&str, &str> = lines.filter_map(|line| line.split_once(' ')).collect();
        let word = |name: &str| fields.get(name).copied().ok_or(format!("the line `{name}` is missing"));
        let wrong = |name: &str| format!("the value of `{name}` cannot be understood");
        let port = |name: &str| word(name)?.parse::<u16>().map_err(|_| wrong(name));
        let id = |name: &str| word(name)?.parse::<u32>().map_err(|_| wrong(name));
        let count = (0..NODES_MAX).take_while(|i| fields.contains_key(format!("node{i}").as_str())).count();
        if count == 0 {
            return Err("the line `node0` is missing".to_owned());
        }
        let uid = id("uid")?;
        Ok(State {
            mode: Mode::parse(word("mode")?).ok_or_else(|| wrong("mode"))?,
            auth: Auth::parse(word("auth")?).ok_or_else(|| wrong("auth"))?,
            bin: PathBuf::from(word("bin")?),
            account: Account {
                name: word("user")?.to_owned(),
                uid,
                gid: id("gid")?,
                switch: caller_is_root && uid != 0,
            },
            folder: parse_folder(word("folder")?).ok_or_else(|| wrong("folder"))?,
            port: port("port")?,
            pcp_port: port("pcp_port")?,
            nodes: (0..count).map(|i| port(&format!("node{i}"))).collect::<Result<_, _>>()?,
        })
    }
}

fn parse_folder(text: &str) -> Option<Folder> {
    if text == "made" {
        return Some(Folder::Made);
    }
    let (uid, gid) = text.strip_prefix("found ")?.split_once(' ')?;
    Some(Folder::Found { uid: uid.parse().ok()?, gid: gid.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::{Folder, State};
    use crate::account::Account;
    use crate::spec::{Auth, Mode};

    fn state() -> State {
        State {
            mode: Mode::SnapshotIsolation,
            auth: Auth::Scram,
            bin: "/usr/lib/post gres/bin".into(),
            account: Account { name: "postgres".to_owned(), uid: 101, gid: 104, switch: true },
            folder: Folder::Found { uid: 0, gid: 1 },
            port: 11_000,
            pcp_port: 11_001,
            nodes: vec![11_002, 11_003],
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(State::parse(&state().text(), true), Ok(state()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let text = state().text();
        let cases = [
            (text.replace("mode ", "mood "), "the line `mode` is missing"),
            (text.replace("11002", "x"), "the value of `node0` cannot be understood"),
            (text.replace("found 0", "found x"), "the value of `folder` cannot be understood"),
            (text.replace("node", "n"), "the line `node0` is missing"),
        ];
        for (text, problem) in cases {
            assert_eq!(State::parse(&text, true), Err(problem.to_owned()));
        }
    }
}
