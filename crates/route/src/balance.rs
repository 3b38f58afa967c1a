use pgherd_types::{NodeId, Topology};

/// Draws the node that answers a session's reads, once per session: at random by weight over the usable nodes.
/// A weight of 0 is never drawn; when no usable node has a weight, the node that takes writes answers, or the
/// main node when there is none either.
///
/// `random` is any number, equally distributed. `None` only when no node is usable.
pub fn choose_read_node(topology: &Topology, random: u64) -> Option<NodeId> {
    let candidates = || topology.nodes.iter().filter(|node| node.is_usable() && node.weight > 0.0);
    let total: f64 = candidates().map(|node| node.weight).sum();
    let mut point = fraction(random) * total;
    for node in candidates() {
        if point < node.weight {
            return Some(node.id);
        }
        point -= node.weight;
    }
    // Rounding can leave the point at the very end.
    candidates().next_back().map(|node| node.id).or_else(|| topology.write_node()).or_else(|| topology.main())
}

/// A number from 0 up to but not including 1, from the upper 53 bits, which a double holds exactly.
#[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
fn fraction(random: u64) -> f64 {
    const SCALE: f64 = 1.0 / (1_u64 << 53) as f64;
    (random >> 11) as f64 * SCALE
}

#[cfg(test)]
mod tests {
    use super::choose_read_node;
    use pgherd_types::{Address, ClusteringMode, Node, NodeId, NodeStatus, Topology};

    fn cluster(nodes: &[(f64, NodeStatus)]) -> Topology {
        let node = |(i, &(weight, status)): (usize, &(f64, NodeStatus))| Node {
            id: NodeId(i as u8),
            hostname: String::new(),
            port: 5432,
            address: Address::Tcp { host: String::new(), port: 5432 },
            weight,
            status,
            in_recovery: Some(i != 0),
            status_changed_s: 0,
        };
        let nodes = nodes.iter().enumerate().map(node).collect();
        Topology { epoch: 1, mode: ClusteringMode::StreamingReplication, nodes, primary: Some(NodeId(0)) }
    }

    /// Draws evenly spread points and counts who gets them.
    fn shares(topology: &Topology) -> [u32; 3] {
        let mut counts = [0; 3];
        for i in 0..1000_u64 {
            let node = choose_read_node(topology, i * (u64::MAX / 1000)).expect("a usable node");
            counts[node.index()] += 1;
        }
        counts
    }

    #[test]
    fn by_weight() {
        use NodeStatus::{Down, Unused, Up, Waiting};
        let table = [
            ([(1.0, Up), (1.0, Up), (2.0, Waiting)], [250, 250, 500]),
            ([(0.0, Up), (1.0, Up), (1.0, Up)], [0, 500, 500]),
            ([(1.0, Up), (1.0, Down), (1.0, Unused)], [1000, 0, 0]),
            ([(0.0, Up), (0.0, Up), (5.0, Down)], [1000, 0, 0]),
            ([(1.0, Down), (0.0, Up), (0.0, Up)], [0, 1000, 0]),
            ([(0.3, Up), (0.1, Up), (0.6, Up)], [300, 100, 600]),
        ];
        for (nodes, wanted) in table {
            let counts = shares(&cluster(&nodes));
            assert!(
                counts.iter().zip(wanted).all(|(&got, want)| got.abs_diff(want) <= 1),
                "{nodes:?}: {counts:?}"
            );
        }
    }

    #[test]
    fn nobody_is_left() {
        let down = cluster(&[(1.0, NodeStatus::Down), (1.0, NodeStatus::Unused)]);
        assert_eq!(choose_read_node(&down, 7), None);
        let largest = cluster(&[(0.1, NodeStatus::Up), (0.7, NodeStatus::Up)]);
        assert_eq!(choose_read_node(&largest, u64::MAX), Some(NodeId(1)));
    }
}
