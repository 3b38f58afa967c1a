use core::time::Duration;

use pgherd_types::{ClusteringMode, Delay, Node, NodeId, NodeRole, NodeStatus, Replication, Topology};

use crate::Table;

const COLUMNS: &[&str] = &[
    "node_id",
    "hostname",
    "port",
    "status",
    "pg_status",
    "lb_weight",
    "role",
    "pg_role",
    "select_cnt",
    "load_balance_node",
    "replication_delay",
    "replication_state",
    "replication_sync_state",
    "last_status_change",
];

/// How the delay of a standby is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DelayUnit {
    /// As bytes of WAL.
    Bytes,
    /// As a time, where `delay_threshold_by_time` or `replication_delay_source_cmd` is set.
    Time,
}

impl DelayUnit {
    /// The delay as Pgpool-II writes it. One that is not known is `0`, as there: the column is a number for many.
    fn of(self, delay: Option<Delay>) -> String {
        match (self, delay) {
            (Self::Time, Some(Delay { time: Some(time), .. })) => {
                let unit = if time >= Duration::from_secs(2) { "seconds" } else { "second" };
                format!("{:.6} {unit}", time.as_secs_f64())
            }
            (Self::Bytes, Some(Delay { bytes: Some(bytes), .. })) => bytes.to_string(),
            (Self::Bytes | Self::Time, Some(_) | None) => "0".to_owned(),
        }
    }

    /// The delay as the number that Pgpool-II keeps: bytes or microseconds.
    pub fn number(self, delay: Option<Delay>) -> u128 {
        let number = |delay: Delay| match self {
            Self::Time => delay.time.map(|time| time.as_micros()),
            Self::Bytes => delay.bytes.map(u128::from),
        };
        delay.and_then(number).unwrap_or(0)
    }
}

/// `SHOW pool_nodes`: the configured nodes. `balanced` is the node that reads of the asking session go to, `reads`
/// tells how many balanced reads a node has had, `time` writes seconds since 1970 as a date. The delay is shown in
/// `unit`.
pub fn pool_nodes(
    topology: &Topology,
    replication: &Replication,
    unit: DelayUnit,
    balanced: Option<NodeId>,
    reads: impl Fn(NodeId) -> u64,
    time: impl Fn(u64) -> String,
) -> Table {
    let mut table = Table::new(COLUMNS);
    let total: f64 = topology.nodes.iter().filter(|node| is_configured(node)).map(|node| node.weight).sum();
    for node in topology.nodes.iter().filter(|node| is_configured(node)) {
        let known = replication.node(node.id);
        let share = if total > 0.0 { node.weight / total } else { 0.0 };
        table.push([
            node.id.to_string(),
            node.hostname.clone(),
            node.port.to_string(),
            status(node.status).to_owned(),
            pg_status(node).to_owned(),
            format!("{share:.6}"),
            role(topology.role(node.id)).to_owned(),
            pg_role(topology, node).to_owned(),
            reads(node.id).to_string(),
            (balanced == Some(node.id)).to_string(),
            unit.of(known.delay),
            known.state.clone(),
            known.sync_state.clone(),
            time(node.status_changed_s),
        ]);
    }
    table
}

pub(super) fn is_configured(node: &Node) -> bool {
    match node.status {
        NodeStatus::Unused => false,
        NodeStatus::Waiting | NodeStatus::Up | NodeStatus::Down => true,
    }
}

pub(super) fn status(status: NodeStatus) -> &'static str {
    match status {
        NodeStatus::Unused => "unused",
        NodeStatus::Waiting => "waiting",
        NodeStatus::Up => "up",
        NodeStatus::Down => "down",
    }
}

pub(super) fn role(role: NodeRole) -> &'static str {
    match role {
        NodeRole::Primary => "primary",
        NodeRole::Standby => "standby",
        NodeRole::Main => "main",
        NodeRole::Replica => "replica",
    }
}

/// What the server itself was like when it was last asked, whatever pgherd makes of it.
fn pg_status(node: &Node) -> &'static str {
    match (node.in_recovery, node.status) {
        (Some(_), _) => "up",
        (None, NodeStatus::Down) => "down",
        (None, NodeStatus::Unused | NodeStatus::Waiting | NodeStatus::Up) => "unknown",
    }
}

fn pg_role(topology: &Topology, node: &Node) -> &'static str {
    match topology.mode {
        ClusteringMode::StreamingReplication | ClusteringMode::LogicalReplication | ClusteringMode::Slony => {
            match node.in_recovery {
                Some(true) => "standby",
                Some(false) => "primary",
                None => "unknown",
            }
        }
        ClusteringMode::NativeReplication | ClusteringMode::SnapshotIsolation | ClusteringMode::Raw => {
            role(topology.role(node.id))
        }
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use pgherd_types::{
        Address, ClusteringMode, Delay, Node, NodeId, NodeReplication, NodeStatus, Replication, Topology,
    };

    use super::{DelayUnit, pool_nodes};

    fn node(id: u8, weight: f64, status: NodeStatus, in_recovery: Option<bool>) -> Node {
        let address = Address::Tcp { host: "h".to_owned(), port: 5432 };
        let port = if status == NodeStatus::Unused { 0 } else { 5432 + u16::from(id) };
        Node {
            id: NodeId(id),
            hostname: "h".to_owned(),
            port,
            address,
            weight,
            status,
            in_recovery,
            status_changed_s: 7,
        }
    }

    fn rows(mode: ClusteringMode, nodes: Vec<Node>, primary: Option<u8>) -> Vec<String> {
        let topology = Topology { epoch: 1, mode, nodes, primary: primary.map(NodeId) };
        let reads = |node: NodeId| 10 * u64::from(node.0);
        let time = Some(Duration::from_micros(1_500_000));
        let known = NodeReplication {
            position: None,
            delay: Some(Delay { bytes: Some(123), time }),
            state: "streaming".to_owned(),
            sync_state: "async".to_owned(),
        };
        let replication =
            Replication { nodes: vec![Default::default(), Default::default(), known], pages: None };
        let table = pool_nodes(&topology, &replication, DelayUnit::Bytes, Some(NodeId(2)), reads, |s| {
            format!("t{s}")
        });
        assert_eq!(table.columns().len(), 14);
        table.rows().iter().map(|row| row.join(" ")).collect()
    }

    #[test]
    fn streaming_replication() {
        let nodes = vec![
            node(0, 1.0, NodeStatus::Up, Some(false)),
            node(1, 5.0, NodeStatus::Unused, None),
            node(2, 1.0, NodeStatus::Up, Some(true)),
            node(3, 1.0, NodeStatus::Down, None),
            node(4, 0.0, NodeStatus::Waiting, None),
        ];
        let expected = [
            "0 h 5432 up up 0.333333 primary primary 0 false 0   t7",
            "2 h 5434 up up 0.333333 standby standby 20 true 123 streaming async t7",
            "3 h 5435 down down 0.333333 standby unknown 30 false 0   t7",
            "4 h 5436 waiting unknown 0.000000 standby unknown 40 false 0   t7",
        ];
        assert_eq!(rows(ClusteringMode::StreamingReplication, nodes, Some(0)), expected);
    }

    #[test]
    fn delays() {
        let delay = |bytes, us: Option<u64>| Some(Delay { bytes, time: us.map(Duration::from_micros) });
        let cases = [
            (DelayUnit::Bytes, None, "0", 0),
            (DelayUnit::Time, None, "0", 0),
            (DelayUnit::Bytes, delay(Some(77), None), "77", 77),
            (DelayUnit::Time, delay(Some(77), None), "0", 0),
            (DelayUnit::Bytes, delay(None, Some(5)), "0", 0),
            (DelayUnit::Time, delay(None, Some(0)), "0.000000 second", 0),
            (DelayUnit::Time, delay(Some(77), Some(25_500)), "0.025500 second", 25_500),
            (DelayUnit::Time, delay(None, Some(1_999_999)), "1.999999 second", 1_999_999),
            (DelayUnit::Time, delay(None, Some(2_000_000)), "2.000000 seconds", 2_000_000),
        ];
        for (unit, delay, text, number) in cases {
            assert_eq!(unit.of(delay), text, "{delay:?}");
            assert_eq!(unit.number(delay), number, "{delay:?}");
        }
    }

    #[test]
    fn modes_without_a_primary_have_a_main_node() {
        let nodes = vec![node(0, 0.0, NodeStatus::Down, None), node(1, 0.0, NodeStatus::Up, Some(false))];
        let expected = [
            "0 h 5432 down down 0.000000 replica replica 0 false 0   t7",
            "1 h 5433 up up 0.000000 main main 10 false 0   t7",
        ];
        assert_eq!(rows(ClusteringMode::Raw, nodes, None), expected);
    }
}
