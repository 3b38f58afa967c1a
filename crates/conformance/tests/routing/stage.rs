use std::sync::LazyLock;

use pgherd_conformance::Corpus;
use pgherd_conformance::routing::{Hearing, NodeLogs};
use pgherd_testkit::Target;
use pgherd_testkit::sandbox::{Cluster, Spec};

/// The database of the tests. Rows name it in lists.
pub(crate) const DATABASE: &str = "routing";

/// A primary and two standbys that log every statement, with the tables of the rows.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) cluster: Cluster,
    /// The database on the primary, directly.
    pub(crate) primary: Target,
}

impl Stage {
    /// The one of all tests that do not break it.
    pub(crate) fn shared() -> &'static Stage {
        static STAGE: LazyLock<Stage> = LazyLock::new(Stage::start);
        &STAGE
    }

    /// One of a test's own.
    pub(crate) fn start() -> Self {
        let cluster = Cluster::start(&Spec::new().setting("log_statement", "all")).expect("a cluster");
        let node = Target::node(&cluster, cluster.node(0).expect("a cluster has a node 0"));
        node.psql(&format!("CREATE DATABASE {DATABASE}"));
        let stage = Stage { primary: node.database(DATABASE), cluster };
        stage.directly(&Corpus::here().text("routing/schema.sql"));
        stage
    }

    /// Runs SQL on the primary and waits until the standbys have it.
    pub(crate) fn directly(&self, sql: &str) {
        self.primary.psql(sql);
        self.cluster.wait_for_replay().expect("the standbys replay");
    }

    /// Hears what the servers log from now on.
    pub(crate) fn hearing(&self) -> Hearing {
        Hearing::new(NodeLogs::from_now(&self.cluster), 0)
    }
}
