use pgherd_testkit::{Client, Pgherd, Target, raw_cluster, sandbox::Cluster, streaming_cluster};

use crate::Witness;

/// A pgherd of one's own, a database that nobody else uses, and a witness on the node that takes writes.
#[derive(Debug)]
pub struct Scene {
    /// The program.
    pub pgherd: Pgherd,
    /// The database through it.
    pub through: Target,
    /// The database directly.
    pub direct: Target,
    /// A session in the database `postgres`, directly.
    pub witness: Witness,
}

impl Scene {
    /// In front of the raw cluster of all tests.
    ///
    /// # Panics
    /// When something does not start.
    #[track_caller]
    pub fn raw(database: &str, settings: &str) -> Self {
        Self::before(raw_cluster(), database, settings)
    }

    /// In front of the streaming cluster of all tests.
    ///
    /// # Panics
    /// When something does not start.
    #[track_caller]
    pub fn streaming(database: &str, settings: &str) -> Self {
        Self::before(streaming_cluster(), database, settings)
    }

    /// In front of any cluster.
    ///
    /// # Panics
    /// When something does not start.
    #[track_caller]
    pub fn before(cluster: &Cluster, database: &str, settings: &str) -> Self {
        let node = cluster.node(0).unwrap_or_else(|error| panic!("{error}"));
        let server = Target::node(cluster, node);
        let mut witness = Witness::on(&server);
        witness.run(&format!("create database {database}"));
        cluster.wait_for_replay().unwrap_or_else(|error| panic!("{error}"));
        let pgherd = Pgherd::start(cluster, settings);
        let through = pgherd.target().clone().database(database);
        Scene { through, direct: server.database(database), witness, pgherd }
    }

    /// A client through pgherd.
    ///
    /// # Panics
    /// When it is refused.
    #[track_caller]
    pub fn client(&self) -> Client {
        self.through.connect().unwrap_or_else(|error| panic!("no session through pgherd: {error}"))
    }

    /// The name of the database.
    pub fn database(&self) -> &str {
        &self.through.database
    }

    /// Waits until nothing is running or in a transaction in the database.
    ///
    /// # Panics
    /// When that does not come to be.
    #[track_caller]
    pub fn wait_for_rest(&mut self) {
        self.witness.wait_for_rest(&self.through.database);
    }

    /// Waits until so many backends are in the database.
    ///
    /// # Panics
    /// When that does not come to be.
    #[track_caller]
    pub fn wait_for_backends(&mut self, count: usize) {
        self.witness.wait_for_backends(&self.through.database, count);
    }
}
