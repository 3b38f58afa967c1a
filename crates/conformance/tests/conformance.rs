//! The corpus, through pgherd in each mode and directly, compared message by message.

use pgherd_conformance::{Corpus, Differences, Protocol, first_difference, run_statements};
use pgherd_testkit::{Pgherd, Target, Writes, raw_cluster, sandbox::Cluster, streaming_cluster};

const FILES: [&str; 5] = ["types.sql", "select.sql", "transactions.sql", "statements.sql", "multi.sql"];

struct Pair<'a> {
    cluster: &'a Cluster,
    admin: Target,
    direct: Target,
    through: Target,
}

impl<'a> Pair<'a> {
    /// Databases that no other test has, with names of one length, so that texts that name them are of one length too.
    fn new(mode: &str, cluster: &'a Cluster, through: &Target) -> Self {
        let admin = primary(cluster);
        let database = |target: &Target, end: &str| target.clone().database(&format!("{mode}_{end}"));
        Pair { direct: database(&admin, "d"), through: database(through, "t"), admin, cluster }
    }

    fn fresh_databases(&self) {
        for name in [&self.direct.database, &self.through.database] {
            self.admin.psql(&format!("drop database if exists {name} with (force)"));
            self.admin.psql(&format!("create database {name}"));
        }
        // A session that finds no database on a standby reads from the primary to its end.
        self.cluster.wait_for_replay().expect("the standbys replay");
    }

    /// Runs the same on both sides and returns the difference.
    fn compare(&self, run: impl Fn(&Target) -> Vec<String>) -> Option<String> {
        let direct = run(&self.direct);
        let through = run(&self.through)
            .iter()
            .map(|line| line.replace(&self.through.database, &self.direct.database))
            .collect::<Vec<_>>();
        first_difference(&direct, &through)
    }
}

fn primary(cluster: &Cluster) -> Target {
    Target::node(cluster, cluster.node(0).expect("a cluster has a node 0"))
}

fn compare_all(mode: &str, cluster: &Cluster, through: &Target) {
    let pair = Pair::new(mode, cluster, through);
    let corpus = Corpus::here();
    let mut found = Vec::new();
    for file in FILES {
        let statements = corpus.statements(file);
        for protocol in Protocol::ALL {
            if file == "multi.sql" && protocol != Protocol::Simple {
                continue;
            }
            pair.fresh_databases();
            let difference = pair.compare(|target| run_statements(target, protocol, &statements));
            found.push((format!("{file} {}", protocol.name()), difference));
        }
    }
    // Scripts leave nothing behind.
    pair.fresh_databases();
    for case in corpus.scripts() {
        for writes in [Writes::Together, Writes::Apart] {
            let difference = pair.compare(|target| case.script.run(target, writes));
            found.push((case.name.clone(), difference));
        }
    }
    let complaints = Differences::parse(&corpus.text("differences.txt")).judge(mode, &found);
    assert!(
        complaints.is_empty(),
        "{} of {} differ\n{}",
        complaints.len(),
        found.len(),
        complaints.join("\n\n")
    );
    println!("{mode}: {} comparisons, all as listed", found.len());
}

fn compare_in_mode(mode: &str, cluster: &Cluster, settings: &str) -> Pgherd {
    let pgherd = Pgherd::start(cluster, settings);
    compare_all(mode, cluster, pgherd.target());
    pgherd
}

/// SELECTs that nodes other than the first have answered, as `SHOW pool_nodes` counts them.
fn balanced_reads(pgherd: &Pgherd) -> u64 {
    const NODE_ID: usize = 0;
    const SELECT_COUNT: usize = 8;
    let table = pgherd.target().psql("show pool_nodes");
    let rows = table.lines().map(|line| line.split('|').collect::<Vec<_>>());
    rows.filter(|row| row[NODE_ID] != "0").map(|row| row[SELECT_COUNT].parse::<u64>().expect("a count")).sum()
}

#[test]
fn raw_mode() {
    let pgherd = compare_in_mode("raw", raw_cluster(), "");
    assert_eq!(balanced_reads(&pgherd), 0, "in raw mode everything goes to the main node");
}

#[test]
fn streaming_mode() {
    let pgherd = compare_in_mode("streaming", streaming_cluster(), "backend_weight0 = 0\n");
    // Without reads on standbys the comparison would prove nothing about them: all that can go there does.
    let balanced = balanced_reads(&pgherd);
    println!("{balanced} reads were balanced");
    assert!(balanced > 200, "only {balanced} reads were balanced");
}

/// What a server answers differently the second time is no measure for anything.
#[test]
fn the_corpus_is_answered_alike_twice() {
    compare_all("direct", raw_cluster(), &primary(raw_cluster()));
}
