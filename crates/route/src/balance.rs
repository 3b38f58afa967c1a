//! The node that answers a session's reads.

use pgherd_types::{ClusteringMode, Identity, Node, NodeId, NodeRole, Replication, Topology};

use crate::routing::{DelayLimit, Redirect, Routing, Target};

/// Draws the node for a session's reads, or for one statement's with `statement_level_load_balance`: at random by
/// `backend_weightN` over the usable nodes, as far as the redirect lists do not say otherwise.
///
/// Of the lists, that for the application is asked first, then the database's, then the user's; in each the first
/// pattern that matches counts, and a node that is not usable does not. An entry with a ratio is for that part of
/// the draws; the others are among the other nodes, or the primary where the entry says `standby`. A node that an
/// entry names by number is drawn even if its weight is 0. When no candidate has a weight, the node that takes
/// writes answers, or the main node when there is none either.
///
/// With `prefer_lower_delay_standby` a standby that is too late is replaced: by one of those with the least delay,
/// or by the primary when all are too late.
///
/// `random` is any number, equally distributed. `None` only when no node is usable.
pub fn choose_reader(
    topology: &Topology,
    replication: &Replication,
    routing: &Routing,
    who: &Identity,
    random: u64,
) -> Option<NodeId> {
    let draw = Draw { topology, replication, routing };
    let drawn = match draw.suggestion(who) {
        Some(redirect) => draw.redirected(redirect, random),
        None => draw.among(|_| true, random),
    };
    let drawn = drawn.or_else(|| topology.write_node()).or_else(|| topology.main())?;
    if routing.prefer_lower_delay && is_too_late(drawn, replication, routing) {
        // A new number: this one has decided that the drawn node is a late one.
        return draw.least_delayed(mixed(mixed(random))).or_else(|| topology.write_node()).or(Some(drawn));
    }
    Some(drawn)
}

/// Draws by weight alone.
pub fn choose_read_node(topology: &Topology, random: u64) -> Option<NodeId> {
    let (replication, routing) = (Replication::default(), Routing::default());
    let draw = Draw { topology, replication: &replication, routing: &routing };
    draw.among(|_| true, random).or_else(|| topology.write_node()).or_else(|| topology.main())
}

/// True when the node is further behind than `delay_threshold_by_time` or `delay_threshold` allows. A node of which
/// nothing is known is not, and neither is any in a mode in which delays are not looked at.
pub fn is_too_late(node: NodeId, replication: &Replication, routing: &Routing) -> bool {
    match routing.mode {
        ClusteringMode::StreamingReplication => {}
        ClusteringMode::LogicalReplication
        | ClusteringMode::Slony
        | ClusteringMode::NativeReplication
        | ClusteringMode::SnapshotIsolation
        | ClusteringMode::Raw => return false,
    }
    let Some(delay) = replication.node(node).delay else { return false };
    match routing.delay {
        DelayLimit::None => false,
        DelayLimit::Bytes(limit) => delay.bytes.is_some_and(|bytes| bytes > limit),
        DelayLimit::Time(limit) => delay.time.is_some_and(|time| time > limit),
    }
}

struct Draw<'a> {
    topology: &'a Topology,
    replication: &'a Replication,
    routing: &'a Routing,
}

impl<'a> Draw<'a> {
    /// The entry of the redirect lists that counts.
    fn suggestion(&self, who: &Identity) -> Option<&'a Redirect> {
        let lists = &self.routing.redirects;
        let application = who.option("application_name").unwrap_or_default();
        let asked =
            [(&lists.application, application), (&lists.database, who.database()), (&lists.user, who.user())];
        asked.into_iter().find_map(|(list, name)| {
            list.iter()
                .find(|redirect| redirect.pattern.is_match(name.as_bytes()))
                .filter(|redirect| self.is_there(redirect.target))
        })
    }

    fn is_there(&self, target: Target) -> bool {
        match target {
            Target::Node(id) => self.topology.node(id).is_some_and(Node::is_usable),
            Target::Primary => self.topology.write_node().is_some(),
            Target::Standby => {
                self.topology.nodes.iter().any(|node| node.is_usable() && self.is_standby(node))
            }
        }
    }

    fn is_standby(&self, node: &Node) -> bool {
        self.topology.role(node.id) == NodeRole::Standby
    }

    fn redirected(&self, redirect: &Redirect, random: u64) -> Option<NodeId> {
        // Two draws from one number: the second must not depend on how the first came out.
        let taken = fraction(mixed(random)) < redirect.ratio;
        let named = match redirect.target {
            Target::Node(id) => Some(id),
            Target::Primary => self.topology.write_node(),
            Target::Standby if taken => return self.among(|node| self.is_standby(node), random),
            Target::Standby => return self.topology.write_node(),
        };
        if taken { named } else { self.among(|node| Some(node.id) != named, random) }
    }

    /// A usable node with a weight, by weight.
    fn among(&self, is_candidate: impl Fn(&Node) -> bool, random: u64) -> Option<NodeId> {
        let candidates = || {
            let nodes = self.topology.nodes.iter();
            nodes.filter(|node| node.is_usable() && node.weight > 0.0 && is_candidate(node))
        };
        let total: f64 = candidates().map(|node| node.weight).sum();
        let mut point = fraction(random) * total;
        for node in candidates() {
            if point < node.weight {
                return Some(node.id);
            }
            point -= node.weight;
        }
        // Rounding can leave the point at the very end.
        candidates().next_back().map(|node| node.id)
    }

    /// One of the standbys that are least behind, of those that are not too late.
    fn least_delayed(&self, random: u64) -> Option<NodeId> {
        let in_time = |node: &Node| {
            node.is_usable()
                && node.weight > 0.0
                && self.is_standby(node)
                && !is_too_late(node.id, self.replication, self.routing)
        };
        let nodes = self.topology.nodes.iter().filter(|node| in_time(node));
        let least = nodes.map(|node| self.delay(node)).min()?;
        self.among(|node| in_time(node) && self.delay(node) == least, random)
    }

    /// The delay in the unit of the limit, to be compared; none known counts as none.
    fn delay(&self, node: &Node) -> u128 {
        let delay = self.replication.node(node.id).delay;
        match self.routing.delay {
            DelayLimit::Time(_) => delay.and_then(|delay| delay.time).unwrap_or_default().as_nanos(),
            DelayLimit::None | DelayLimit::Bytes(_) => {
                delay.and_then(|delay| delay.bytes).unwrap_or_default().into()
            }
        }
    }
}

/// Another number that depends on all bits of the first (the finaliser of SplitMix64).
fn mixed(random: u64) -> u64 {
    let mut z = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
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
