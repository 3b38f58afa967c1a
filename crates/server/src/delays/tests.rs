use core::time::Duration;
use std::path::Path;

use pgherd_cluster::{Cluster, Lag, Sighting, StatusFile, WalReport};
use pgherd_config::{NoFiles, Settings};
use pgherd_types::{ClusteringMode, Delay, Lsn, Moment, NodeId, Topology};

use super::{Delays, Remark, Seen, TimeBehind, Told};
use crate::plan;

const NODES: &str = "backend_hostname0 = 'a'\nbackend_port0 = 5432\nbackend_application_name0 = 's0'\n\
    backend_hostname1 = 'b'\nbackend_port1 = 5433\nbackend_application_name1 = 's1'\n\
    backend_hostname3 = ''\nbackend_port3 = 5435\nbackend_application_name3 = 's3'\nsr_check_period = 1\n";

/// Settings and a topology of a primary, node 0, and two standbys, 1 and 3.
fn cluster(mode: ClusteringMode, more: &str) -> (Settings, Topology) {
    let text = format!("{NODES}{more}");
    let loaded = pgherd_config::load(Path::new("x"), text.as_bytes(), &NoFiles);
    assert!(loaded.is_usable(), "{:?}", loaded.problems);
    let mut cluster = Cluster::new(mode, plan::nodes(&loaded.settings), &StatusFile::default(), 0);
    let sighting = |node: u8| (NodeId(node), Sighting::Answered { in_recovery: node != 0 });
    cluster.see(&[0, 1, 3].map(sighting), 0);
    (loaded.settings, cluster.topology())
}

fn primary(end: u64) -> (NodeId, WalReport) {
    (NodeId(0), WalReport::Primary { end: Lsn(end), senders: Vec::new() })
}

fn standby(node: u8, replayed: u64, behind_s: u64) -> (NodeId, WalReport) {
    let since_last_commit = Some(Duration::from_secs(behind_s));
    (NodeId(node), WalReport::Standby { replayed: Some(Lsn(replayed)), since_last_commit })
}

fn texts(remarks: Vec<Remark>) -> Vec<String> {
    remarks.into_iter().map(|remark| remark.text).collect()
}

fn delay_of(lags: &[(NodeId, Lag)], node: u8) -> Option<Delay> {
    lags.iter().find(|(id, _)| id.0 == node).and_then(|(_, lag)| lag.delay)
}

fn delay(bytes: Option<u64>, ms: u64) -> Option<Delay> {
    Some(Delay { bytes, time: Some(Duration::from_millis(ms)) })
}

const BYTES: &str = "Replication of node: 1 is behind 30 bytes from the primary server (node: 0)";
const TIME: &str = "Replication of node: 1 is behind 7.000000 second(s) from the primary server (node: 0)";

#[test]
fn when_a_delay_is_logged() {
    let cases: &[(&str, &[&str])] = &[
        ("log_standby_delay = always", &[BYTES]),
        ("log_standby_delay = none\ndelay_threshold = 1", &[]),
        ("", &[]),
        ("delay_threshold = 29", &[BYTES]),
        ("delay_threshold = 30", &[]),
        ("delay_threshold_by_time = 6999", &[TIME]),
        ("delay_threshold_by_time = 7s", &[]),
        // The time wins, as it does for the choice of a node.
        ("delay_threshold_by_time = 6999\ndelay_threshold = 1", &[TIME]),
        ("delay_threshold_by_time = 8s\ndelay_threshold = 1", &[]),
        ("log_standby_delay = always\ndelay_threshold_by_time = 8s", &[TIME]),
    ];
    for (more, expected) in cases {
        let (settings, topology) = cluster(ClusteringMode::StreamingReplication, more);
        let seen = Seen { settings: &settings, topology: &topology, begun: Moment(9) };
        let mut delays = Delays::default();
        let remarks = delays.take(vec![primary(100), standby(1, 70, 7), standby(3, 100, 7)], seen);
        assert_eq!(texts(remarks), *expected, "{more}");
        assert_eq!(delay_of(&delays.lags(), 1), delay(Some(30), 7000));
        assert_eq!(delay_of(&delays.lags(), 3), delay(Some(0), 0));
    }
}

#[test]
fn those_who_answer_late_are_judged_with_the_others() {
    let (settings, topology) = cluster(ClusteringMode::StreamingReplication, "log_standby_delay = always");
    let seen = Seen { settings: &settings, topology: &topology, begun: Moment(9) };
    let mut delays = Delays::default();
    delays.begin();
    assert_eq!(delays.take(vec![standby(1, 70, 7)], seen), []);
    assert_eq!(delay_of(&delays.lags(), 1), None, "the primary has not answered");
    assert_eq!(texts(delays.take(vec![primary(100)], seen)), [BYTES]);
    assert_eq!(texts(delays.take(vec![standby(3, 100, 0)], seen)), [""; 0], "said before");
    assert_eq!(delay_of(&delays.lags(), 1), delay(Some(30), 7000));
    delays.begin();
    delays.take(vec![primary(100), standby(3, 100, 0)], seen);
    assert_eq!(delay_of(&delays.lags(), 1), None, "it did not answer in this round");
}

#[test]
fn who_is_not_watched_has_no_delay() {
    let reports = || vec![primary(100), standby(1, 70, 7)];
    for (mode, more) in [
        (ClusteringMode::LogicalReplication, ""),
        (ClusteringMode::Slony, ""),
        (ClusteringMode::Raw, ""),
        (ClusteringMode::StreamingReplication, "sr_check_period = 0"),
    ] {
        let more = format!("{more}\nlog_standby_delay = always\nreplication_delay_source_cmd = 'x'");
        let (settings, topology) = cluster(mode, &more);
        let seen = Seen { settings: &settings, topology: &topology, begun: Moment(9) };
        let mut delays = Delays::default();
        assert_eq!(delays.take(reports(), seen), []);
        assert!(delays.lags().is_empty() && seen.command().is_none(), "{mode:?} {more}");
    }
    let (settings, topology) = cluster(ClusteringMode::StreamingReplication, "");
    let lost = Topology { primary: None, ..topology };
    let seen = Seen { settings: &settings, topology: &lost, begun: Moment(9) };
    let mut delays = Delays::default();
    delays.take(reports(), seen);
    assert_eq!(delay_of(&delays.lags(), 1), None, "nobody knows which primary");
}

#[test]
fn what_the_command_tells_stands_for_the_time() {
    let more = "replication_delay_source_cmd = './x'\nreplication_delay_source_timeout = 3\n\
        log_standby_delay = always";
    let (settings, topology) = cluster(ClusteringMode::StreamingReplication, more);
    let seen = Seen { settings: &settings, topology: &topology, begun: Moment(9) };
    let command = seen.command().unwrap();
    assert_eq!(command.text(), "./x b:5433 /tmp:5435");
    assert_eq!(command.limit, Duration::from_secs(3));
    let mut delays = Delays::default();
    assert_eq!(delays.take(vec![primary(100), standby(1, 70, 7)], seen), []);
    let told = |first, second| Told {
        delays: vec![(NodeId(1), first), (NodeId(3), second), (NodeId(0), TimeBehind::Known(Duration::MAX))],
        remarks: Vec::new(),
    };
    let known = |ms| TimeBehind::Known(Duration::from_millis(ms));
    let line = "Replication of node: 1 is behind 0.025 second(s) from the primary server (node: 0) [external command]";
    assert_eq!(texts(delays.take_told(told(known(25), known(0)), seen)), [line]);
    assert_eq!(delay_of(&delays.lags(), 1), delay(Some(30), 25));
    assert_eq!(delay_of(&delays.lags(), 3), delay(None, 0), "the node itself has not answered");
    assert_eq!(delay_of(&delays.lags(), 0), None);
    // The next round keeps it until the command says something else.
    delays.begin();
    delays.take(vec![primary(100), standby(1, 90, 7)], seen);
    delays.take_told(told(TimeBehind::Down, TimeBehind::Unknown), seen);
    assert_eq!(delay_of(&delays.lags(), 1), delay(Some(10), 25));
    assert_eq!(delay_of(&delays.lags(), 3), None);
    // Without the setting nothing is left of it.
    let (settings, topology) = cluster(ClusteringMode::StreamingReplication, "");
    let seen = Seen { settings: &settings, topology: &topology, begun: Moment(9) };
    delays.take(vec![primary(100), standby(1, 90, 7)], seen);
    assert_eq!(delay_of(&delays.lags(), 1), delay(Some(10), 7000));
    assert_eq!(delays.take_told(told(known(25), known(0)), seen), [], "it was started before");
}
