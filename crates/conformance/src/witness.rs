use core::cell::RefCell;

use pgherd_testkit::{Client, SOON, Target, sandbox::wait_until};

/// A session directly on a server, from which a test sees what pgherd does there.
#[derive(Debug)]
pub struct Witness {
    client: Client,
}

impl Witness {
    /// A session on a server.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn on(server: &Target) -> Self {
        match server.connect() {
            Ok(client) => Witness { client },
            Err(error) => panic!("no witness: {error}"),
        }
    }

    /// The first value that a query gives.
    ///
    /// # Panics
    /// When it fails.
    #[track_caller]
    pub fn value(&mut self, sql: &str) -> String {
        self.client.value(sql)
    }

    /// Runs statements whose rows do not matter.
    ///
    /// # Panics
    /// When one fails.
    #[track_caller]
    pub fn run(&mut self, sql: &str) {
        self.client.rows(sql);
    }

    /// Waits until a query gives this value.
    ///
    /// # Panics
    /// When that does not come to be.
    #[track_caller]
    pub fn wait_for(&mut self, sql: &str, expected: &str) {
        let last = RefCell::new(String::new());
        let what = || format!("{sql} to give {expected:?}, and not {:?}", last.borrow());
        let holds = || {
            let value = self.client.value(sql);
            let holds = value == expected;
            last.replace(value);
            Ok(holds)
        };
        if let Err(error) = wait_until(what, SOON, holds) {
            panic!("{error}");
        }
    }

    /// Waits until so many backends of others are in a database.
    ///
    /// # Panics
    /// When that does not come to be.
    #[track_caller]
    pub fn wait_for_backends(&mut self, database: &str, count: usize) {
        self.wait_for(&backends(database, "true"), &count.to_string());
    }

    /// How many backends of others are in a database.
    ///
    /// # Panics
    /// When the server does not say.
    #[track_caller]
    pub fn backends(&mut self, database: &str) -> usize {
        self.value(&backends(database, "true")).parse().expect("a count is a number")
    }

    /// Waits until no backend in a database is running anything or has a transaction open.
    ///
    /// # Panics
    /// When that does not come to be.
    #[track_caller]
    pub fn wait_for_rest(&mut self, database: &str) {
        self.wait_for(&backends(database, "state <> 'idle'"), "0");
    }

    /// Waits until a backend waits for a lock that another session holds.
    ///
    /// # Panics
    /// When that does not come to be.
    #[track_caller]
    pub fn wait_for_blocked(&mut self, database: &str, count: usize) {
        self.wait_for(&backends(database, "wait_event_type = 'Lock'"), &count.to_string());
    }

    /// Waits until a backend is no more.
    ///
    /// # Panics
    /// When that does not come to be.
    #[track_caller]
    pub fn wait_for_end_of(&mut self, pid: &str) {
        self.wait_for(&format!("select count(*) from pg_stat_activity where pid = {pid}"), "0");
    }
}

fn backends(database: &str, also: &str) -> String {
    format!(
        "select count(*) from pg_stat_activity where datname = '{database}' and pid <> pg_backend_pid() and {also}"
    )
}
