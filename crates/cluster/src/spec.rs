use core::fmt;

use pgherd_types::{Address, NodeId};

/// What the configuration says of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeSpec {
    /// `backend_hostnameN`, as it is shown.
    pub hostname: String,
    /// `backend_portN`; 0 for a slot that is not configured.
    pub port: u16,
    /// Where the node is dialled.
    pub address: Address,
    /// `backend_weightN`; only ratios matter.
    pub weight: f64,
    /// `ALWAYS_PRIMARY` of `backend_flagN`.
    pub always_primary: bool,
}

impl NodeSpec {
    /// True when the slot is configured.
    pub fn is_used(&self) -> bool {
        self.port != 0
    }
}

/// Something that a reload cannot do to a node while pgherd runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpecProblem {
    /// Another host or port for a node that is in use: it stays where it was.
    Moved(NodeId),
    /// The node is not configured any more: it stays.
    Removed(NodeId),
}

impl fmt::Display for SpecProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Moved(node) => {
                write!(f, "node {node} cannot move to another host or port while pgherd runs")
            }
            Self::Removed(node) => write!(f, "node {node} cannot be removed while pgherd runs"),
        }
    }
}
