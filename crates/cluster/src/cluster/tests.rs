use pgherd_types::{Address, ClusteringMode, NodeId, NodeStatus};

use super::Cluster;
use crate::{Change, NodeSpec, Sighting, SpecProblem, StatusFile};
use ClusteringMode::{LogicalReplication, NativeReplication, Raw, StreamingReplication};

const PRIMARY: Sighting = Sighting::Answered { in_recovery: false };
const STANDBY: Sighting = Sighting::Answered { in_recovery: true };

fn spec(port: u16) -> NodeSpec {
    let address = Address::Tcp { host: "db".to_owned(), port };
    NodeSpec { hostname: "db".to_owned(), port, address, weight: 1.0, always_primary: false }
}

fn cluster(mode: ClusteringMode, nodes: u16, remembered: &str) -> Cluster {
    let specs = (0..nodes).map(|i| spec(5432 + i)).collect();
    Cluster::new(mode, specs, &StatusFile::parse(remembered), 1000)
}

fn see(cluster: &mut Cluster, now_s: u64, seen: &[Sighting]) -> Vec<Change> {
    let all: Vec<_> = (0..).map(NodeId).zip(seen.iter().copied()).collect();
    cluster.see(&all, now_s)
}

fn statuses(cluster: &Cluster) -> Vec<NodeStatus> {
    cluster.topology().nodes.iter().map(|node| node.status).collect()
}

#[test]
fn the_first_look_finds_roles_and_health() {
    let mut all = cluster(StreamingReplication, 3, "");
    assert!(all.lacks_primary());
    assert_eq!(statuses(&all), [NodeStatus::Waiting; 3]);
    let changes = see(&mut all, 1001, &[STANDBY, PRIMARY, Sighting::Unreachable]);
    let expected = [
        Change::Found(NodeId(0)),
        Change::Found(NodeId(1)),
        Change::Missing(NodeId(2)),
        Change::Primary { from: None, to: Some(NodeId(1)) },
    ];
    assert_eq!(changes, expected);
    assert_eq!(statuses(&all), [NodeStatus::Up, NodeStatus::Up, NodeStatus::Down]);
    let topology = all.topology();
    assert_eq!((topology.primary, topology.epoch), (Some(NodeId(1)), 2));
    assert_eq!(topology.nodes[2].status_changed_s, 1001);
    assert!(!all.lacks_primary());
}

#[test]
fn looking_again_at_the_same_changes_nothing() {
    let mut all = cluster(StreamingReplication, 2, "");
    see(&mut all, 1001, &[PRIMARY, STANDBY]);
    let before = all.topology();
    assert_eq!(see(&mut all, 1002, &[PRIMARY, STANDBY]), []);
    assert_eq!(all.topology(), before);
}

#[test]
fn a_promoted_standby_becomes_the_primary() {
    let mut all = cluster(StreamingReplication, 2, "");
    see(&mut all, 1001, &[PRIMARY, STANDBY]);
    let changes = see(&mut all, 1002, &[Sighting::Unreachable, PRIMARY]);
    assert_eq!(changes, [Change::Primary { from: Some(NodeId(0)), to: Some(NodeId(1)) }]);
}

#[test]
fn a_primary_that_does_not_answer_once_stays_the_primary() {
    let mut all = cluster(StreamingReplication, 2, "");
    see(&mut all, 1001, &[PRIMARY, STANDBY]);
    assert_eq!(see(&mut all, 1002, &[Sighting::Unreachable, STANDBY]), []);
    assert_eq!(all.topology().primary, Some(NodeId(0)));
    assert_eq!(statuses(&all), [NodeStatus::Up; 2]);
}

#[test]
fn a_split_is_told_once() {
    let mut all = cluster(StreamingReplication, 3, "");
    see(&mut all, 1001, &[PRIMARY, STANDBY, STANDBY]);
    assert_eq!(see(&mut all, 1002, &[PRIMARY, PRIMARY, STANDBY]), [Change::Rival(NodeId(1))]);
    assert_eq!(see(&mut all, 1003, &[PRIMARY, PRIMARY, STANDBY]), []);
    let mut logical = cluster(LogicalReplication, 2, "");
    let changes = see(&mut logical, 1001, &[PRIMARY, PRIMARY]);
    assert!(
        !changes.iter().any(Change::is_alarming),
        "all nodes of logical replication take writes: {changes:?}"
    );
}

#[test]
fn a_missing_standby_returns_by_itself() {
    let mut all = cluster(StreamingReplication, 2, "");
    see(&mut all, 1001, &[PRIMARY, Sighting::NotServing]);
    assert_eq!(see(&mut all, 1002, &[PRIMARY, Sighting::Unreachable]), []);
    assert_eq!(see(&mut all, 1003, &[PRIMARY, STANDBY]), [Change::Returned(NodeId(1))]);
    assert_eq!(all.topology().nodes[1].status_changed_s, 1003);
}

#[test]
fn a_standby_that_stops_answering_is_left_out_until_it_does() {
    let mut all = cluster(StreamingReplication, 3, "");
    see(&mut all, 1001, &[PRIMARY, STANDBY, STANDBY]);
    assert_eq!(see(&mut all, 1002, &[PRIMARY, Sighting::Unreachable, STANDBY]), [], "once is a busy moment");
    assert_eq!(see(&mut all, 1003, &[PRIMARY, STANDBY, STANDBY]), []);
    assert_eq!(see(&mut all, 1004, &[PRIMARY, Sighting::NotServing, STANDBY]), [], "not twice in a row");
    assert_eq!(see(&mut all, 1005, &[PRIMARY, Sighting::Unreachable, STANDBY]), [Change::Lost(NodeId(1))]);
    assert_eq!(statuses(&all), [NodeStatus::Up, NodeStatus::Down, NodeStatus::Up]);
    assert_eq!(all.status_file().render().unwrap(), "up\nup\nup\n", "it is not detached");
    assert_eq!(see(&mut all, 1006, &[PRIMARY, STANDBY, STANDBY]), [Change::Returned(NodeId(1))]);
}

#[test]
fn a_primary_that_stops_answering_is_not_left_out() {
    let mut all = cluster(StreamingReplication, 2, "");
    see(&mut all, 1001, &[PRIMARY, STANDBY]);
    for now_s in 1002..1010 {
        assert_eq!(see(&mut all, now_s, &[Sighting::Unreachable, STANDBY]), []);
    }
    assert_eq!(statuses(&all), [NodeStatus::Up; 2]);
    let mut raw = cluster(Raw, 2, "");
    see(&mut raw, 1001, &[PRIMARY, PRIMARY]);
    for now_s in 1002..1010 {
        assert_eq!(
            see(&mut raw, now_s, &[PRIMARY, Sighting::Unreachable]),
            [],
            "nor is any node in raw mode"
        );
    }
}

#[test]
fn an_old_primary_that_returns_is_kept_out() {
    let mut all = cluster(StreamingReplication, 2, "");
    see(&mut all, 1001, &[Sighting::Unreachable, PRIMARY]);
    assert_eq!(see(&mut all, 1002, &[PRIMARY, PRIMARY]), [Change::Stranger(NodeId(0))]);
    assert_eq!(see(&mut all, 1003, &[PRIMARY, PRIMARY]), [], "said once");
    assert_eq!(statuses(&all), [NodeStatus::Down, NodeStatus::Up]);
    assert_eq!(
        see(&mut all, 1004, &[STANDBY, PRIMARY]),
        [Change::Returned(NodeId(0))],
        "after it was rebuilt"
    );
}

#[test]
fn a_missing_primary_returns_where_nobody_took_its_place() {
    let mut all = cluster(StreamingReplication, 2, "");
    see(&mut all, 1001, &[Sighting::Unreachable, STANDBY]);
    assert!(all.lacks_primary());
    let changes = see(&mut all, 1002, &[PRIMARY, STANDBY]);
    let primary = Change::Primary { from: None, to: Some(NodeId(0)) };
    assert_eq!(changes, [Change::Returned(NodeId(0)), primary]);
}

#[test]
fn where_pgherd_replicates_a_missing_node_stays_out() {
    for mode in [NativeReplication, Raw] {
        let mut all = cluster(mode, 2, "");
        see(&mut all, 1001, &[Sighting::Unreachable, PRIMARY]);
        for returns in [PRIMARY, STANDBY, Sighting::Silent] {
            see(&mut all, 1002, &[returns, PRIMARY]);
        }
        assert_eq!(statuses(&all), [NodeStatus::Down, NodeStatus::Up], "{mode:?}");
        assert_eq!(all.status_file().render().unwrap(), "down\nup\n", "and over a restart");
    }
}

#[test]
fn a_node_that_was_detached_stays_so_over_a_restart() {
    let mut all = cluster(StreamingReplication, 2, "up\ndown\n");
    assert_eq!(all.to_watch(), [NodeId(0)]);
    see(&mut all, 1001, &[PRIMARY, STANDBY]);
    assert_eq!(statuses(&all), [NodeStatus::Up, NodeStatus::Down]);
    assert_eq!(all.status_file().render().unwrap(), "up\ndown\n");
}

#[test]
fn a_node_that_was_only_missing_is_looked_for_at_the_next_start() {
    let mut all = cluster(StreamingReplication, 2, "");
    see(&mut all, 1001, &[PRIMARY, Sighting::Unreachable]);
    assert_eq!(all.status_file().render().unwrap(), "up\nup\n");
}

#[test]
fn a_node_that_will_not_tell_what_it_is_serves_but_is_no_primary() {
    let mut all = cluster(StreamingReplication, 2, "");
    see(&mut all, 1001, &[Sighting::Silent, STANDBY]);
    assert_eq!(statuses(&all), [NodeStatus::Up; 2]);
    assert_eq!(all.topology().primary, None);
}

#[test]
fn a_reload_changes_weights_and_adds_nodes_but_moves_none() {
    let mut all = cluster(StreamingReplication, 3, "");
    see(&mut all, 1001, &[PRIMARY, STANDBY, STANDBY]);
    let mut heavier = spec(5432);
    heavier.weight = 5.0;
    let specs = vec![heavier, spec(6000), NodeSpec { port: 0, ..spec(1) }, spec(5440)];
    let (changes, problems) = all.reconfigure(specs, 1002);
    assert_eq!(changes, [Change::Added(NodeId(3))]);
    assert_eq!(problems, [SpecProblem::Moved(NodeId(1)), SpecProblem::Removed(NodeId(2))]);
    let topology = all.topology();
    assert_eq!((topology.nodes[0].weight, topology.nodes[1].port, topology.nodes[3].port), (5.0, 5433, 5440));
    assert_eq!(topology.nodes[3].status, NodeStatus::Waiting);
    assert_eq!(topology.epoch, 3);
    let (_, problems) = all.reconfigure(vec![spec(5432)], 1003);
    assert_eq!(problems.len(), 3, "{problems:?}");
}

#[test]
fn an_unused_slot_can_be_filled_later() {
    let specs = vec![spec(5432), NodeSpec { port: 0, ..spec(1) }];
    let mut all = Cluster::new(StreamingReplication, specs, &StatusFile::default(), 1000);
    assert_eq!(statuses(&all), [NodeStatus::Waiting, NodeStatus::Unused]);
    assert_eq!(all.status_file().render().unwrap(), "up\nunused\n");
    let (changes, _) = all.reconfigure(vec![spec(5432), spec(5433)], 1001);
    assert_eq!(changes, [Change::Added(NodeId(1))]);
    assert_eq!(statuses(&all), [NodeStatus::Waiting; 2]);
}
