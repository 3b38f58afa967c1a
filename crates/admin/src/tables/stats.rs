use pgherd_types::{NodeId, Topology};

use super::nodes::{is_configured, role, status};
use crate::Table;

const COLUMNS: &[&str] = &[
    "node_id",
    "hostname",
    "port",
    "status",
    "role",
    "select_cnt",
    "insert_cnt",
    "update_cnt",
    "delete_cnt",
    "ddl_cnt",
    "other_cnt",
    "panic_cnt",
    "fatal_cnt",
    "error_cnt",
];

/// `SHOW pool_backend_stats`: the configured nodes, with the statements that each was sent and the errors that it
/// answered since pgherd was started. `counts` gives the numbers in the order of the columns.
pub fn pool_backend_stats(topology: &Topology, counts: impl Fn(NodeId) -> [u64; 9]) -> Table {
    let mut table = Table::new(COLUMNS);
    for node in topology.nodes.iter().filter(|node| is_configured(node)) {
        let [select, insert, update, delete, ddl, other, panic, fatal, error] =
            counts(node.id).map(|count| count.to_string());
        table.push([
            node.id.to_string(),
            node.hostname.clone(),
            node.port.to_string(),
            status(node.status).to_owned(),
            role(topology.role(node.id)).to_owned(),
            select,
            insert,
            update,
            delete,
            ddl,
            other,
            panic,
            fatal,
            error,
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use pgherd_types::{Address, ClusteringMode, Node, NodeId, NodeStatus, Topology};

    use super::pool_backend_stats;

    #[test]
    fn a_row_for_each_configured_node() {
        let node = |id, status| Node {
            id: NodeId(id),
            hostname: "h".to_owned(),
            port: 5432,
            address: Address::Tcp { host: "h".to_owned(), port: 5432 },
            weight: 1.0,
            status,
            in_recovery: None,
            status_changed_s: 0,
        };
        let nodes = vec![node(0, NodeStatus::Up), node(1, NodeStatus::Unused), node(2, NodeStatus::Down)];
        let mode = ClusteringMode::StreamingReplication;
        let topology = Topology { epoch: 1, mode, nodes, primary: Some(NodeId(0)) };
        let table = pool_backend_stats(&topology, |node| [u64::from(node.0), 1, 2, 3, 4, 5, 6, 7, 8]);
        let rows: Vec<String> = table.rows().iter().map(|row| row.join(" ")).collect();
        assert_eq!(
            rows,
            ["0 h 5432 up primary 0 1 2 3 4 5 6 7 8", "2 h 5432 down standby 2 1 2 3 4 5 6 7 8"]
        );
        assert_eq!(table.columns().len(), 14);
    }
}
