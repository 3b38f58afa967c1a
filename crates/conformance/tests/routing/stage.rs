use std::sync::LazyLock;

use pgherd_conformance::Corpus;
use pgherd_conformance::routing::{Hearing, NodeLogs};
use pgherd_testkit::sandbox::{Cluster, Mode, Node, Spec};
use pgherd_testkit::{Client, Target};

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
        Self::in_mode(Mode::StreamingReplication)
    }

    /// One of a test's own, in any mode: independent servers all have the same tables.
    pub(crate) fn in_mode(mode: Mode) -> Self {
        let spec = Spec::new().mode(mode).setting("log_statement", "all");
        let cluster = Cluster::start(&spec).expect("a cluster");
        let schema = Corpus::here().text("routing/schema.sql");
        let writable = if mode == Mode::StreamingReplication { 1 } else { cluster.nodes().count() };
        for node in cluster.nodes().take(writable) {
            let node = Target::node(&cluster, node);
            node.psql(&format!("CREATE DATABASE {DATABASE}"));
            node.database(DATABASE).psql(&schema);
        }
        let node = Target::node(&cluster, cluster.node(0).expect("a cluster has a node 0"));
        cluster.wait_for_replay().expect("the standbys replay");
        Stage { primary: node.database(DATABASE), cluster }
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

    /// A node, directly.
    pub(crate) fn node(&self, index: usize) -> Node<'_> {
        self.cluster.node(index).expect("a cluster of three")
    }

    /// The node that answers a read of this client now, as it says itself.
    pub(crate) fn reads_from(&self, client: &mut Client) -> usize {
        let port = client.value("SELECT inet_server_port()");
        let found = self.cluster.nodes().find(|node| node.port().to_string() == port);
        found.unwrap_or_else(|| panic!("no node has port {port}")).index()
    }
}

/// A session with an application's name.
pub(crate) fn application(target: &Target, name: &str) -> Client {
    let parameters =
        [("user", target.user.as_str()), ("database", target.database.as_str()), ("application_name", name)];
    Client::login(target.port, &parameters).unwrap_or_else(|error| panic!("no session for {name}: {error}"))
}
