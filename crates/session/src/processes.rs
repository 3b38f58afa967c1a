use core::fmt;

use pgherd_types::NodeId;

/// The server processes behind the backends that pgherd has, whoever holds them.
pub trait Processes: fmt::Debug {
    /// True when a backend of this node has a server process of this id.
    fn has(&self, node: NodeId, process: u32) -> bool;
}

/// The node whose process of this id is meant. Each server counts its processes for itself: where several nodes have
/// one the primary's is meant, and without it none, because the wrong one might be ended.
pub(crate) fn node_of(
    process: u32,
    primary: Option<NodeId>,
    others: impl Iterator<Item = NodeId>,
    processes: &dyn Processes,
) -> Option<NodeId> {
    let has = |node: &NodeId| processes.has(*node, process);
    if let Some(primary) = primary.filter(has) {
        return Some(primary);
    }
    let mut found = others.filter(has);
    match (found.next(), found.next()) {
        (Some(node), None) => Some(node),
        (None, _) | (Some(_), Some(_)) => None,
    }
}

/// A few that are known beforehand, or none.
impl<const N: usize> Processes for [(NodeId, u32); N] {
    fn has(&self, node: NodeId, process: u32) -> bool {
        self.contains(&(node, process))
    }
}

#[cfg(test)]
mod tests {
    use pgherd_types::NodeId;

    use super::node_of;

    #[test]
    fn a_process_that_several_nodes_have() {
        let node = NodeId;
        let processes =
            [(node(1), 10), (node(2), 20), (node(0), 30), (node(2), 30), (node(1), 40), (node(2), 40)];
        let table = [(10, Some(node(1))), (20, Some(node(2))), (30, Some(node(0))), (40, None), (50, None)];
        for (process, meant) in table {
            let found = node_of(process, Some(node(0)), [node(0), node(1), node(2)].into_iter(), &processes);
            assert_eq!(found, meant, "process {process}");
        }
    }
}
