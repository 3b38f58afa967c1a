//! What other programs between client and server answer differently from a server: here the answers are the server's,
//! message by message, with standbys that follow and with standbys that do not.

use pgherd_conformance::{Corpus, Protocol, first_difference, run_statements};
use pgherd_testkit::sandbox::{Cluster, Spec};
use pgherd_testkit::{Client, Pgherd, Script, Target, Writes, wait_for};

/// Databases with names of one length, so that texts that name them are of one length too.
const DIRECT: &str = "answers_d";
const THROUGH: &str = "answers_t";

const SCHEMA: &str = "
    SET lock_timeout = '10s';
    DROP SCHEMA IF EXISTS public, s CASCADE;
    CREATE SCHEMA public;
    CREATE TABLE t (a int);
    INSERT INTO t VALUES (1), (2);
    CREATE TABLE keys (a int PRIMARY KEY);
    CREATE TABLE late (a int REFERENCES keys DEFERRABLE INITIALLY DEFERRED);
    CREATE SEQUENCE seq;
    CREATE VIEW xid AS SELECT txid_current() IS NOT NULL AS there;
    CREATE TABLE owned (owner text, a int);
    INSERT INTO owned VALUES ('a', 1), ('b', 2);
    ALTER TABLE owned ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON owned USING (owner = current_setting('app.owner', true));
    GRANT USAGE ON SCHEMA public TO pg_monitor;
    GRANT SELECT ON owned TO pg_monitor;";

struct Twins {
    pgherd: Pgherd,
    direct: Target,
    /// A session in each of the two databases, directly.
    databases: Vec<Client>,
    standbys: Vec<Client>,
    // Dropped last.
    _cluster: Cluster,
}

impl Twins {
    fn start() -> Self {
        let cluster = Cluster::start(&Spec::new()).expect("a cluster");
        let direct = Target::node(&cluster, cluster.node(0).expect("a cluster has a node 0"));
        let make = |name: &&str| {
            direct.psql(&format!("CREATE DATABASE {name}"));
            direct.clone().database(name).connect().expect("a session")
        };
        let databases = [DIRECT, THROUGH].iter().map(make).collect();
        cluster.wait_for_replay().expect("the standbys replay");
        let standbys =
            cluster.nodes().skip(1).map(|node| Target::node(&cluster, node).connect().expect("a session"));
        let standbys = standbys.collect();
        let pgherd = Pgherd::start(&cluster, "backend_weight0 = 0\nread_consistency = session\n");
        Twins { direct: direct.database(DIRECT), databases, standbys, pgherd, _cluster: cluster }
    }

    /// Both databases as they were, on all nodes; with `still`, standbys replay nothing from then on.
    fn fresh(&mut self, still: bool) {
        for standby in &mut self.standbys {
            standby.rows("SELECT pg_wal_replay_resume()");
        }
        let mut written = String::new();
        for database in &mut self.databases {
            // What is prepared keeps its locks, and roles are shared by all databases.
            for gid in database.rows("SELECT gid FROM pg_prepared_xacts WHERE database = current_database()")
            {
                database.rows(&format!("ROLLBACK PREPARED '{}'", gid[0]));
            }
            database.rows(SCHEMA);
            for role in
                database.rows("SELECT rolname FROM pg_roles WHERE rolname LIKE '%\\_' || current_database()")
            {
                database.rows(&format!("DROP ROLE {}", role[0]));
            }
            written = database.value("SELECT pg_current_wal_insert_lsn()");
        }
        for standby in &mut self.standbys {
            let replayed = format!("SELECT pg_last_wal_replay_lsn() >= '{written}'");
            wait_for("a standby to replay", || standby.value(&replayed) == "t");
            if still {
                standby.rows("SELECT pg_wal_replay_pause()");
            }
        }
    }

    fn compare(&self, run: impl Fn(&Target, &str) -> Vec<String>) -> Option<String> {
        let through = self.pgherd.target().clone().database(THROUGH);
        let direct = run(&self.direct, DIRECT);
        let through: Vec<String> =
            run(&through, THROUGH).iter().map(|line| line.replace(THROUGH, DIRECT)).collect();
        first_difference(&direct, &through)
    }
}

/// The parts of a file that begin with `== NAME`.
fn cases(text: &str) -> Vec<(String, String)> {
    let parts = text.split("\n== ").skip(1);
    parts
        .map(|part| {
            let (name, rest) = part.split_once('\n').unwrap_or((part, ""));
            (name.to_owned(), rest.to_owned())
        })
        .collect()
}

/// A statement per line. `$db` is the name of the database.
fn statements(text: &str, database: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with("--"));
    lines.map(|line| line.replace("$db", database)).collect()
}

#[test]
fn answers_are_the_servers() {
    let mut twins = Twins::start();
    let corpus = Corpus::here();
    let (sessions, scripts) = (corpus.text("answers.sql"), corpus.text("answers.script"));
    let (mut compared, mut complaints) = (0, Vec::new());
    for still in [false, true] {
        let mut note = |name: &str, how: &str, difference: Option<String>| {
            compared += 1;
            let standbys = if still { "still" } else { "following" };
            complaints.extend(difference.map(|text| format!("{name} ({how}, {standbys}):\n{text}")));
        };
        for (name, text) in cases(&sessions) {
            for protocol in Protocol::ALL {
                twins.fresh(still);
                let run = |target: &Target, database: &str| {
                    run_statements(target, protocol, &statements(&text, database))
                };
                note(&name, protocol.name(), twins.compare(run));
            }
        }
        for (name, text) in cases(&scripts) {
            for (how, writes) in [("together", Writes::Together), ("apart", Writes::Apart)] {
                twins.fresh(still);
                let run = |target: &Target, database: &str| {
                    let script = Script::parse(&text.replace("$db", database));
                    script.unwrap_or_else(|error| panic!("{name}: {error}")).run(target, writes)
                };
                note(&name, how, twins.compare(run));
            }
        }
    }
    assert!(complaints.is_empty(), "{} of {compared}:\n{}", complaints.len(), complaints.join("\n\n"));
    println!("{compared} comparisons, all alike");
}
