use core::fmt;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::error::SandboxError;
use crate::files::{self, USER};
use crate::processes::{self, ProcessMark};
use crate::run;
use crate::sandbox::Sandbox;

/// How long a server may take to start (crash recovery included) or to stop, in seconds.
const SERVER_SECONDS: u64 = 60;
/// How long the processes of a killed server may take to be gone.
const KILL_LIMIT: Duration = Duration::from_secs(10);
/// How much of a server's log an error shows, in lines.
const LOG_LINES: usize = 15;

/// One server of a sandbox.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    sandbox: &'a Sandbox,
    index: usize,
    port: u16,
}

/// What a server is at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It takes writes.
    Primary,
    /// It replays another's writes.
    Standby,
    /// It does not run, or does not answer.
    Down,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Role::Primary => "primary",
            Role::Standby => "standby",
            Role::Down => "-",
        })
    }
}

impl<'a> Node<'a> {
    pub(crate) fn new(sandbox: &'a Sandbox, index: usize, port: u16) -> Self {
        Node { sandbox, index, port }
    }

    /// Its number, from 0.
    pub fn index(self) -> usize {
        self.index
    }

    /// Its TCP port on 127.0.0.1, also the number in the name of its Unix socket.
    pub fn port(self) -> u16 {
        self.port
    }

    /// Its data directory.
    pub fn data_dir(self) -> PathBuf {
        files::data_dir(self.sandbox.dir(), self.index)
    }

    /// The file of its log.
    pub fn log_file(self) -> PathBuf {
        files::log_file(self.sandbox.dir(), self.index)
    }

    /// What it wrote to its log.
    pub fn log(self) -> String {
        fs::read(self.log_file())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// The server's first process, when it runs.
    pub fn process(self) -> Option<ProcessMark> {
        processes::postmaster(&self.data_dir())
    }

    /// Starts it and waits until it takes connections. Nothing happens when it runs already.
    ///
    /// # Errors
    /// When it does not start; then with the end of its log.
    pub fn start(self) -> Result<(), SandboxError> {
        if self.process().is_some() {
            return Ok(());
        }
        self.forget_crashed()?;
        let mut pg_ctl = self.pg_ctl("start");
        pg_ctl.arg("-l").arg(files::log_file(self.sandbox.dir(), self.index));
        // The server inherits pg_ctl's streams unless it has a log of its own: it has.
        run::output(&mut pg_ctl).map(drop).map_err(|error| self.with_log(error))
    }

    /// Stops it (fast: open transactions are rolled back) and waits until it is gone. Nothing happens when it
    /// does not run.
    ///
    /// # Errors
    /// When it does not stop in time.
    pub fn stop(self) -> Result<(), SandboxError> {
        if self.process().is_none() {
            return Ok(());
        }
        run::output(self.pg_ctl("stop").args(["-m", "fast"])).map(drop)
    }

    /// Ends all its processes at once, as a crash of the machine would, and frees its shared memory. Its
    /// `postmaster.pid` stays behind, as after a crash. Nothing happens when it does not run.
    ///
    /// # Errors
    /// When a process does not go.
    pub fn kill(self) -> Result<(), SandboxError> {
        let data = self.data_dir();
        let Some(first) = self.process() else { return Ok(()) };
        let memory = processes::shared_memory(&data);
        first.signal(Signal::KILL);
        run::wait_until(
            || format!("the processes of node {} to go", self.index),
            KILL_LIMIT,
            || {
                let left = processes::server_processes(&data);
                left.iter().for_each(|process| process.signal(Signal::KILL));
                Ok(left.is_empty())
            },
        )?;
        self.free_memory(memory);
        Ok(())
    }

    /// Makes a standby a primary and waits until it is one.
    ///
    /// # Errors
    /// When it is none, or does not become a primary.
    pub fn promote(self) -> Result<(), SandboxError> {
        run::output(&mut self.pg_ctl("promote")).map(drop).map_err(|error| self.with_log(error))
    }

    /// What the server is now, as it says itself.
    pub fn role(self) -> Role {
        if self.process().is_none() {
            return Role::Down;
        }
        match self.psql("SELECT pg_is_in_recovery()").as_deref() {
            Ok("t") => Role::Standby,
            Ok("f") => Role::Primary,
            Ok(_) | Err(_) => Role::Down,
        }
    }

    /// Runs SQL in the database `postgres` as superuser, directly on this server, and returns what psql prints:
    /// a line per row, columns separated by `|`, without a last line end.
    ///
    /// # Errors
    /// When a statement fails, with the server's words.
    pub fn psql(self, sql: &str) -> Result<String, SandboxError> {
        let mut psql = self.psql_command();
        let printed = run::output(psql.args(["-A", "-t", "-q", "-c", sql]))?;
        Ok(printed.trim_end_matches('\n').to_owned())
    }

    /// A `psql` that connects directly to this server's database `postgres` as superuser and stops at the
    /// first error; for the caller to add to and to run.
    pub fn psql_command(self) -> Command {
        let mut psql = self.sandbox.account().command(self.sandbox.bin().join("psql"));
        psql.args([
            "-X",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            USER,
            "-d",
            "postgres",
            "-p",
            &self.port.to_string(),
            "-h",
        ])
        .arg(self.sandbox.dir());
        psql
    }

    fn pg_ctl(self, verb: &str) -> Command {
        let mut pg_ctl = self.sandbox.account().command(self.sandbox.bin().join("pg_ctl"));
        pg_ctl.args([verb, "-w", "-t", &SERVER_SECONDS.to_string(), "-D"]).arg(self.data_dir());
        pg_ctl
    }

    /// Removes the lock files of a server that crashed. A server would do so itself, but not while the dead process
    /// waits for the init process to collect it, which takes some init processes seconds.
    fn forget_crashed(self) -> Result<(), SandboxError> {
        let path = self.data_dir().join("postmaster.pid");
        if !path.exists() || !processes::server_processes(&self.data_dir()).is_empty() {
            return Ok(());
        }
        self.free_memory(processes::shared_memory(&self.data_dir()));
        files::remove(&files::socket(self.sandbox.dir(), self.port, ".lock"))?;
        files::remove(&path)
    }

    /// Frees the shared memory of a server that does not run. It may be gone already: then nothing happens.
    fn free_memory(self, id: Option<String>) {
        if let Some(id) = id {
            let _ = run::output(self.sandbox.account().command("ipcrm").args(["-m", &id]));
        }
    }

    fn with_log(self, mut error: SandboxError) -> SandboxError {
        if let SandboxError::Program { output, .. } = &mut error {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let tail = lines.get(lines.len().saturating_sub(LOG_LINES)..).unwrap_or_default().join("\n");
            output.push_str(&format!("\nthe end of node {}'s log:\n{tail}", self.index));
        }
        error
    }
}
