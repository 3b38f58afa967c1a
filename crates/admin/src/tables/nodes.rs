use pgherd_types::{ClusteringMode, Node, NodeId, NodeRole, NodeStatus, Topology};

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

/// `SHOW pool_nodes`: the configured nodes. `balanced` is the node that reads of the asking session go to, `reads`
/// tells how many balanced reads a node has had, `time` writes seconds since 1970 as a date.
///
/// The columns on replication stay empty, and the delay 0, until something watches the standbys' delay.
pub fn pool_nodes(
    topology: &Topology,
    balanced: Option<NodeId>,
    reads: impl Fn(NodeId) -> u64,
    time: impl Fn(u64) -> String,
) -> Table {
    let mut table = Table::new(COLUMNS);
    let total: f64 = topology.nodes.iter().filter(|node| is_configured(node)).map(|node| node.weight).sum();
    for node in topology.nodes.iter().filter(|node| is_configured(node)) {
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
            "0".to_owned(),
            String::new(),
            String::new(),
            time(node.status_changed_s),
        ]);
    }
    table
}

fn is_configured(node: &Node) -> bool {
    match node.status {
        NodeStatus::Unused => false,
        NodeStatus::Waiting | NodeStatus::Up | NodeStatus::Down => true,
    }
}

fn status(status: NodeStatus) -> &'static str {
    match status {
        NodeStatus::Unused => "unused",
        NodeStatus::Waiting => "waiting",
        NodeStatus::Up => "up",
        NodeStatus::Down => "down",
    }
}

fn role(role: NodeRole) -> &'static str {
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
    use pgherd_types::{Address, ClusteringMode, Node, NodeId, NodeStatus, Topology};

    use super::pool_nodes;

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
        let table = pool_nodes(&topology, Some(NodeId(2)), reads, |s| format!("t{s}"));
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
            "2 h 5434 up up 0.333333 standby standby 20 true 0   t7",
            "3 h 5435 down down 0.333333 standby unknown 30 false 0   t7",
            "4 h 5436 waiting unknown 0.000000 standby unknown 40 false 0   t7",
        ];
        assert_eq!(rows(ClusteringMode::StreamingReplication, nodes, Some(0)), expected);
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
