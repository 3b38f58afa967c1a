use pgherd_types::{ClusteringMode, NodeId};

/// A usable node that may be the primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its number.
    pub node: NodeId,
    /// Its flag `ALWAYS_PRIMARY`.
    pub always_primary: bool,
    /// What it said when it was asked last; `None` when it did not answer.
    pub in_recovery: Option<bool>,
}

/// What an election comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Election {
    /// The primary.
    pub primary: Option<NodeId>,
    /// Nodes that take writes as well and are not the primary. In streaming replication this is a split cluster.
    pub rivals: Vec<NodeId>,
}

/// Finds the primary among the usable nodes, which are given in the order of their numbers.
///
/// 1. Modes without a primary have none.
/// 2. A node with `ALWAYS_PRIMARY` is it, unasked.
/// 3. The primary of before stays it while it takes writes, or while it does not answer and no other takes writes.
/// 4. One node that takes writes is it. Of several, the first where no node is in recovery (logical replication), the
///    last where some are: this is Pgpool-II's rule without `detach_false_primary`.
pub fn elect(mode: ClusteringMode, before: Option<NodeId>, candidates: &[Candidate]) -> Election {
    if !mode.has_primary() {
        return Election::default();
    }
    if let Some(fixed) = candidates.iter().find(|one| one.always_primary) {
        return Election { primary: Some(fixed.node), rivals: Vec::new() };
    }
    let mut writers: Vec<NodeId> =
        candidates.iter().filter(|one| one.in_recovery == Some(false)).map(|one| one.node).collect();
    let primary = match before {
        Some(before) if writers.contains(&before) => Some(before),
        Some(before) if writers.is_empty() && is_mute(before, candidates) => Some(before),
        Some(_) | None if candidates.iter().any(|one| one.in_recovery == Some(true)) => {
            writers.last().copied()
        }
        Some(_) | None => writers.first().copied(),
    };
    writers.retain(|&node| Some(node) != primary);
    Election { primary, rivals: writers }
}

fn is_mute(node: NodeId, candidates: &[Candidate]) -> bool {
    candidates.iter().any(|one| one.node == node && one.in_recovery.is_none())
}

#[cfg(test)]
mod tests {
    use pgherd_types::{ClusteringMode, NodeId};

    use super::{Candidate, elect};
    use ClusteringMode::{
        LogicalReplication, NativeReplication, Raw, SnapshotIsolation, StreamingReplication,
    };

    /// One letter per node: `p` takes writes, `s` is in recovery, `?` does not answer, `A` is ALWAYS_PRIMARY and in
    /// recovery, `-` is not usable.
    fn candidates(nodes: &str) -> Vec<Candidate> {
        let parse = |(i, letter): (usize, char)| {
            let (always_primary, in_recovery) = match letter {
                'p' => (false, Some(false)),
                's' => (false, Some(true)),
                'A' => (true, Some(true)),
                '?' => (false, None),
                _ => return None,
            };
            Some(Candidate { node: NodeId(i as u8), always_primary, in_recovery })
        };
        nodes.chars().enumerate().filter_map(parse).collect()
    }

    /// Mode, nodes, the primary of before, the primary, the rivals, and why.
    type Case = (ClusteringMode, &'static str, Option<u8>, Option<u8>, &'static [u8], &'static str);

    #[test]
    fn table() {
        let cases: &[Case] = &[
            (StreamingReplication, "pss", None, Some(0), &[], "the usual cluster"),
            (StreamingReplication, "sps", None, Some(1), &[], "node 0 need not be it"),
            (StreamingReplication, "sss", None, None, &[], "nobody takes writes"),
            (StreamingReplication, "", None, None, &[], "no node is usable"),
            (StreamingReplication, "-ps", None, Some(1), &[], "an unusable node is passed over"),
            (StreamingReplication, "?ss", None, None, &[], "a node that does not answer is not taken for it"),
            (StreamingReplication, "?ss", Some(0), Some(0), &[], "but one that was it stays it"),
            (StreamingReplication, "?sp", Some(0), Some(2), &[], "unless another takes writes"),
            (StreamingReplication, "sps", Some(0), Some(1), &[], "a demoted primary is not it any more"),
            (StreamingReplication, "s?s", Some(0), None, &[], "even where nobody else is it"),
            (StreamingReplication, "-s?", Some(0), None, &[], "nor is one that is not usable"),
            (StreamingReplication, "pps", None, Some(1), &[0], "split, with standbys: the last"),
            (StreamingReplication, "pps", Some(0), Some(0), &[1], "split: the one of before stays"),
            (StreamingReplication, "pp", None, Some(0), &[1], "split, no standby: the first"),
            (StreamingReplication, "pAs", None, Some(1), &[], "ALWAYS_PRIMARY is never asked"),
            (StreamingReplication, "pAs", Some(0), Some(1), &[], "whatever was before"),
            (LogicalReplication, "pp?", None, Some(0), &[1], "logical replication: the lowest"),
            (Raw, "pps", None, None, &[], "no primary in raw mode"),
            (NativeReplication, "pA", None, None, &[], "nor in native replication"),
            (SnapshotIsolation, "pp", Some(0), None, &[], "nor with snapshot isolation"),
        ];
        for (mode, nodes, before, primary, rivals, why) in cases {
            let result = elect(*mode, before.map(NodeId), &candidates(nodes));
            assert_eq!(result.primary, primary.map(NodeId), "{mode:?} {nodes}: {why}");
            let expected: Vec<NodeId> = rivals.iter().copied().map(NodeId).collect();
            assert_eq!(result.rivals, expected, "{mode:?} {nodes}: {why}");
        }
    }
}
