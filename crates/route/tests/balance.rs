//! Who answers the reads: shares by weight, redirect lists, delays.

use std::time::Duration;

use pgherd_route::{DelayLimit, Redirect, Redirects, Routing, Target, choose_reader, is_too_late};
use pgherd_types::{
    Address, ClusteringMode, Delay, Identity, Node, NodeId, NodeReplication, NodeStatus, Replication,
    Topology,
};
use regex::bytes::Regex;

const DRAWS: u32 = 20_000;

/// Nodes with these weights, the first one the primary; a negative weight is a node that is down.
fn cluster(weights: &[f64]) -> Topology {
    let node = |(i, &weight): (usize, &f64)| Node {
        id: NodeId(u8::try_from(i).expect("few nodes")),
        hostname: String::new(),
        port: 5432,
        address: Address::Tcp { host: String::new(), port: 5432 },
        weight: weight.abs(),
        status: if weight < 0.0 { NodeStatus::Down } else { NodeStatus::Up },
        in_recovery: Some(i != 0),
        status_changed_s: 0,
    };
    let primary = weights.first().filter(|weight| **weight >= 0.0).map(|_| NodeId(0));
    let nodes = weights.iter().enumerate().map(node).collect();
    Topology { epoch: 1, mode: ClusteringMode::StreamingReplication, nodes, primary }
}

/// Standbys that are this many bytes, and ten times as many milliseconds, behind.
fn behind(bytes: &[Option<u64>]) -> Replication {
    let node = |bytes: &Option<u64>| NodeReplication {
        delay: bytes.map(|bytes| Delay { bytes: Some(bytes), time: Some(Duration::from_millis(10 * bytes)) }),
        ..NodeReplication::default()
    };
    Replication { nodes: bytes.iter().map(node).collect(), pages: None }
}

fn who() -> Identity {
    Identity::new("alice", "shop", [("application_name".to_owned(), "psql".to_owned())])
}

/// Numbers as they come from a generator, the same in each run.
fn random(i: u32) -> u64 {
    let mut z = u64::from(i).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    z ^ (z >> 32)
}

/// The share of each node, in parts of the whole.
fn shares(topology: &Topology, replication: &Replication, routing: &Routing) -> Vec<f64> {
    let mut counts = vec![0_u32; topology.nodes.len()];
    for i in 0..DRAWS {
        let node = choose_reader(topology, replication, routing, &who(), random(i)).expect("a usable node");
        counts[node.index()] += 1;
    }
    counts.into_iter().map(|count| f64::from(count) / f64::from(DRAWS)).collect()
}

#[track_caller]
fn expect(topology: &Topology, replication: &Replication, routing: &Routing, expected: &[f64]) {
    let found = shares(topology, replication, routing);
    // Five standard deviations of a count, at most.
    let near = found.iter().zip(expected).all(|(found, expected)| {
        if *expected == 0.0 || *expected == 1.0 {
            found == expected
        } else {
            (found - expected).abs() < 0.018
        }
    });
    assert!(near && found.len() == expected.len(), "{found:?}, not {expected:?}");
}

fn redirect(pattern: &str, target: Target, ratio: f64) -> Redirect {
    Redirect { pattern: Regex::new(pattern).expect("a pattern"), target, ratio }
}

#[test]
fn shares_are_as_weights_for_any_weights() {
    let nothing = Replication::default();
    for round in 0..60_u32 {
        let weight = |i: u32| f64::from(u32::try_from(random(round * 7 + i) % 5).expect("small")) * 0.75;
        let weights: Vec<f64> = (0..2 + round % 5).map(weight).collect();
        let total: f64 = weights.iter().sum();
        let mut expected: Vec<f64> = weights.iter().map(|weight| weight / total.max(0.1)).collect();
        if total == 0.0 {
            expected[0] = 1.0;
        }
        expect(&cluster(&weights), &nothing, &Routing::default(), &expected);
    }
}

#[test]
fn redirect_lists() {
    let (node, primary, standby) = (|id| Target::Node(NodeId(id)), Target::Primary, Target::Standby);
    let app = |target, ratio| Redirects {
        application: vec![redirect("^psql$", target, ratio)],
        ..Redirects::default()
    };
    let all = |application, database, user| Redirects {
        application: vec![redirect("^psql$", application, 1.0)],
        database: vec![redirect("^shop$", database, 1.0)],
        user: vec![redirect("^alice$", user, 1.0)],
    };
    let third = 1.0 / 3.0;
    let table: [(&[f64], Redirects, &[f64]); 16] = [
        (&[1.0, 1.0, 2.0], Redirects::default(), &[0.25, 0.25, 0.5]),
        (&[1.0, 1.0, 2.0], app(primary, 1.0), &[1.0, 0.0, 0.0]),
        (&[1.0, 1.0, 2.0], app(standby, 1.0), &[0.0, third, 2.0 * third]),
        (&[1.0, 1.0, 2.0], app(node(1), 1.0), &[0.0, 1.0, 0.0]),
        // A node that is named is drawn whatever its weight.
        (&[1.0, 0.0, 2.0], app(node(1), 1.0), &[0.0, 1.0, 0.0]),
        // What is left of the ratio: among the others; of standbys, to the primary.
        (&[1.0, 1.0, 2.0], app(node(1), 0.4), &[0.2, 0.4, 0.4]),
        (&[1.0, 1.0, 2.0], app(primary, 0.1), &[0.1, 0.3, 0.6]),
        (&[1.0, 1.0, 2.0], app(standby, 0.6), &[0.4, 0.2, 0.4]),
        (&[1.0, 1.0, 2.0], app(standby, 0.0), &[1.0, 0.0, 0.0]),
        // The application over the database over the user.
        (&[1.0, 1.0, 1.0], all(node(0), node(1), node(2)), &[1.0, 0.0, 0.0]),
        (&[-1.0, 1.0, 1.0], all(node(0), node(1), node(2)), &[0.0, 1.0, 0.0]),
        (&[1.0, -1.0, 1.0], all(node(1), node(1), node(2)), &[0.0, 0.0, 1.0]),
        (&[1.0, -1.0, 1.0], all(node(1), node(1), node(1)), &[0.5, 0.0, 0.5]),
        (&[1.0, -1.0, -1.0], all(standby, node(1), node(1)), &[1.0, 0.0, 0.0]),
        (&[0.0, 1.0, 1.0], all(node(9), primary, node(1)), &[1.0, 0.0, 0.0]),
        // Standbys without a weight: nobody may be drawn.
        (&[1.0, 0.0, 0.0], app(standby, 1.0), &[1.0, 0.0, 0.0]),
    ];
    for (weights, redirects, expected) in table {
        let routing = Routing { redirects, ..Routing::default() };
        println!("{weights:?} {:?}", routing.redirects);
        expect(&cluster(weights), &Replication::default(), &routing, expected);
    }
}

#[test]
fn the_first_pattern_that_matches_counts() {
    let user = vec![
        redirect("^bob$", Target::Node(NodeId(0)), 1.0),
        redirect("^a.*$", Target::Node(NodeId(1)), 1.0),
        redirect("^alice$", Target::Node(NodeId(2)), 1.0),
    ];
    let routing = Routing { redirects: Redirects { user, ..Redirects::default() }, ..Routing::default() };
    expect(&cluster(&[1.0; 3]), &Replication::default(), &routing, &[0.0, 1.0, 0.0]);
}

#[test]
fn who_is_too_late() {
    let routing = |mode, delay| Routing { mode, delay, ..Routing::default() };
    let streaming = ClusteringMode::StreamingReplication;
    let replication = behind(&[None, Some(7), Some(8)]);
    let time = |ms| DelayLimit::Time(Duration::from_millis(ms));
    let table = [
        (streaming, DelayLimit::None, [false, false, false]),
        (streaming, DelayLimit::Bytes(7), [false, false, true]),
        (streaming, DelayLimit::Bytes(6), [false, true, true]),
        (streaming, time(70), [false, false, true]),
        (streaming, time(80), [false, false, false]),
        (ClusteringMode::LogicalReplication, DelayLimit::Bytes(1), [false, false, false]),
        (ClusteringMode::Slony, DelayLimit::Bytes(1), [false, false, false]),
    ];
    for (mode, delay, expected) in table {
        let routing = routing(mode, delay);
        let found = [0, 1, 2].map(|id| is_too_late(NodeId(id), &replication, &routing));
        assert_eq!(found, expected, "{mode:?} {delay:?}");
    }
    let nothing = Replication::default();
    assert!(
        !is_too_late(NodeId(1), &nothing, &routing(streaming, DelayLimit::Bytes(1))),
        "nothing is known of it"
    );
}

#[test]
fn the_least_delayed_standby_stands_in() {
    let topology = cluster(&[0.0, 1.0, 1.0, 2.0, -1.0]);
    let routing = |prefer_lower_delay| Routing {
        prefer_lower_delay,
        delay: DelayLimit::Bytes(10),
        ..Routing::default()
    };
    type Row<'a> = (&'a [Option<u64>], bool, &'a [f64]);
    let table: [Row<'_>; 6] = [
        // Without it a standby that is late stays drawn: the session sends its reads to the primary.
        (&[None, Some(50), Some(5), Some(5)], false, &[0.0, 0.25, 0.25, 0.5, 0.0]),
        // The quarter of node 1 goes to the others as their weights are.
        (&[None, Some(50), Some(5), Some(5)], true, &[0.0, 0.0, 1.0 / 3.0, 2.0 / 3.0, 0.0]),
        (&[None, Some(50), Some(5), Some(4)], true, &[0.0, 0.0, 0.25, 0.75, 0.0]),
        (&[None, Some(50), Some(50), Some(50)], true, &[1.0, 0.0, 0.0, 0.0, 0.0]),
        (&[None, Some(50), None, Some(50)], true, &[0.0, 0.0, 1.0, 0.0, 0.0]),
        (&[None, Some(9), Some(10), Some(3)], true, &[0.0, 0.25, 0.25, 0.5, 0.0]),
    ];
    for (bytes, prefer, expected) in table {
        println!("{bytes:?} {prefer}");
        expect(&topology, &behind(bytes), &routing(prefer), expected);
    }
}

#[test]
fn nobody_is_left() {
    let routing = Routing { redirects: Redirects::default(), ..Routing::default() };
    let down = cluster(&[-1.0, -1.0]);
    assert_eq!(choose_reader(&down, &Replication::default(), &routing, &who(), 7), None);
}
