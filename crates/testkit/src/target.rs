use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use pgherd_sandbox::{Node, Sandbox};

use crate::client::{Client, ClientError};

/// Where a client connects to: a server directly, or a pgherd in front of some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The TCP port on 127.0.0.1.
    pub port: u16,
    /// The user, a superuser.
    pub user: String,
    /// The database.
    pub database: String,
    bin: PathBuf,
}

impl Target {
    /// A node of a sandbox, directly.
    pub fn node(sandbox: &Sandbox, node: Node<'_>) -> Self {
        Self::port(sandbox, node.port())
    }

    /// Whatever listens on a port in front of a sandbox.
    pub fn port(sandbox: &Sandbox, port: u16) -> Self {
        let word = "postgres".to_owned();
        Target { port, user: word.clone(), database: word, bin: sandbox.bin().to_owned() }
    }

    /// The same with another database.
    #[must_use]
    pub fn database(mut self, name: &str) -> Self {
        name.clone_into(&mut self.database);
        self
    }

    /// The same with another user.
    #[must_use]
    pub fn user(mut self, name: &str) -> Self {
        name.clone_into(&mut self.user);
        self
    }

    /// A raw client that has logged in.
    ///
    /// # Errors
    /// When there is no connection or no login.
    pub fn connect(&self) -> Result<Client, ClientError> {
        let parameters = [("user", self.user.as_str()), ("database", self.database.as_str())];
        Client::login(self.port, &parameters)
    }

    /// One of PostgreSQL's client programs, with the connection in its environment and nothing of the caller's
    /// `PG*` variables; for the caller to add arguments and to run.
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin.join(name));
        for (key, _) in std::env::vars_os() {
            if key.to_string_lossy().starts_with("PG") {
                command.env_remove(key);
            }
        }
        command
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", &self.user)
            .env("PGDATABASE", &self.database)
            .env("PGCONNECT_TIMEOUT", "20")
            .stdin(Stdio::null());
        command
    }

    /// Runs SQL with psql and returns what it prints: a line per row, columns separated by `|`.
    ///
    /// # Panics
    /// When psql fails.
    #[track_caller]
    pub fn psql(&self, sql: &str) -> String {
        let out = self.psql_output(sql);
        assert!(out.status.success(), "psql -c {sql:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).trim_end_matches('\n').to_owned()
    }

    /// Runs SQL with psql, whatever comes of it.
    ///
    /// # Panics
    /// When psql cannot be started.
    #[track_caller]
    pub fn psql_output(&self, sql: &str) -> Output {
        let mut psql = self.program("psql");
        psql.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql]);
        psql.output().expect("psql can be started")
    }

    /// Runs pgbench with the given arguments and returns its report.
    ///
    /// # Panics
    /// When it fails or reports an aborted client.
    #[track_caller]
    pub fn pgbench(&self, args: &[&str]) -> String {
        let out = self.program("pgbench").args(args).output().expect("pgbench can be started");
        let (report, errors) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        assert!(out.status.success() && !errors.contains("aborted"), "pgbench {args:?}: {report}{errors}");
        report.into_owned()
    }
}
