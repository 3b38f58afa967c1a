use crate::NodeId;

/// What replicates the data, `backend_clustering_mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ClusteringMode {
    /// PostgreSQL's streaming replication: one primary, standbys.
    #[default]
    StreamingReplication,
    /// pgherd sends writes to all nodes.
    NativeReplication,
    /// PostgreSQL's logical replication.
    LogicalReplication,
    /// Slony-I, routed like logical replication.
    Slony,
    /// Native replication with a snapshot that is consistent over all nodes.
    SnapshotIsolation,
    /// Nothing replicates; all traffic goes to the main node.
    Raw,
}

impl ClusteringMode {
    /// True where one node takes the writes and others may answer reads.
    pub fn has_primary(self) -> bool {
        match self {
            Self::StreamingReplication | Self::LogicalReplication | Self::Slony => true,
            Self::NativeReplication | Self::SnapshotIsolation | Self::Raw => false,
        }
    }
}

/// Where a node listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// Host name or IP address, and port.
    Tcp {
        /// Host name or IP address.
        host: String,
        /// TCP port.
        port: u16,
    },
    /// A Unix socket: the directory, and the port that is part of the socket's name.
    Unix {
        /// Directory of `.s.PGSQL.PORT`.
        directory: String,
        /// The number at the end of the socket's name.
        port: u16,
    },
}

/// State of a node as pgherd sees it, with Pgpool-II's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NodeStatus {
    /// The slot is not configured.
    Unused = 0,
    /// Thought to be up; no session has used it yet.
    Waiting = 1,
    /// Up and in use.
    Up = 2,
    /// Detached: nothing is sent there.
    Down = 3,
}

/// What a node is in the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NodeRole {
    /// Takes the writes (modes with a primary).
    Primary,
    /// Replays the primary (modes with a primary).
    Standby,
    /// The lowest live node (modes without a primary).
    Main,
    /// Any other node (modes without a primary).
    Replica,
}

/// A node in the snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its number.
    pub id: NodeId,
    /// `backend_hostnameN` and `backend_portN` as configured, for showing.
    pub hostname: String,
    /// The configured port.
    pub port: u16,
    /// Where it is dialled.
    pub address: Address,
    /// `backend_weightN` as configured; only ratios matter.
    pub weight: f64,
    /// State as pgherd sees it.
    pub status: NodeStatus,
    /// What the node itself last said it is; `None` before it was asked or when it did not answer.
    pub in_recovery: Option<bool>,
    /// Last change of `status`, in seconds since 1970.
    pub status_changed_s: u64,
}

impl Node {
    /// True when sessions may use it.
    pub fn is_usable(&self) -> bool {
        match self.status {
            NodeStatus::Waiting | NodeStatus::Up => true,
            NodeStatus::Unused | NodeStatus::Down => false,
        }
    }
}

/// The cluster at one moment. It never changes; the control plane publishes the next one whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Topology {
    /// Grows by one with each snapshot.
    pub epoch: u64,
    /// The operating mode.
    pub mode: ClusteringMode,
    /// All nodes by number; unused slots are there too.
    pub nodes: Vec<Node>,
    /// The node that was found to be the primary.
    pub primary: Option<NodeId>,
}

impl Topology {
    /// One node.
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.index())
    }

    /// The lowest-numbered usable node.
    pub fn main(&self) -> Option<NodeId> {
        self.nodes.iter().find(|node| node.is_usable()).map(|node| node.id)
    }

    /// The node that takes writes: the primary, or the main node where the mode has no primary or none was
    /// found yet. A node that is known to be in recovery is never it: a write is refused rather than sent to
    /// a standby.
    pub fn write_node(&self) -> Option<NodeId> {
        if !self.mode.has_primary() {
            return self.main();
        }
        match self.primary {
            Some(id) => self.node(id).filter(|node| node.is_usable()).map(|node| node.id),
            None => {
                self.main().filter(|&id| self.node(id).is_some_and(|node| node.in_recovery != Some(true)))
            }
        }
    }

    /// What `id` is in this cluster.
    pub fn role(&self, id: NodeId) -> NodeRole {
        match (self.mode.has_primary(), self.primary == Some(id), self.main() == Some(id)) {
            (true, true, _) => NodeRole::Primary,
            (true, false, _) => NodeRole::Standby,
            (false, _, true) => NodeRole::Main,
            (false, _, false) => NodeRole::Replica,
        }
    }
}
