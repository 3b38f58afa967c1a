use core::fmt;

use pgherd_types::NodeId;

/// Something that became different in the cluster, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The node was seen for the first time and serves.
    Found(NodeId),
    /// The node was looked for and is not there, or does not serve: nothing is sent to it.
    Missing(NodeId),
    /// The node does not serve any more: nothing is sent to it until it does.
    Lost(NodeId),
    /// A node that was missing is back and serves.
    Returned(NodeId),
    /// A node that was missing is back, but it takes writes while another node is the primary: it stays down.
    Stranger(NodeId),
    /// The primary is another node now, or none.
    Primary {
        /// The one of before.
        from: Option<NodeId>,
        /// The present one.
        to: Option<NodeId>,
    },
    /// The node takes writes but is not the primary.
    Rival(NodeId),
    /// The configuration has a new node.
    Added(NodeId),
}

impl Change {
    /// True when somebody should look into it.
    pub fn is_alarming(&self) -> bool {
        match self {
            Self::Missing(_) | Self::Lost(_) | Self::Stranger(_) | Self::Rival(_) => true,
            Self::Primary { to, .. } => to.is_none(),
            Self::Found(_) | Self::Returned(_) | Self::Added(_) => false,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found(node) => write!(f, "node {node} is up"),
            Self::Missing(node) => write!(f, "node {node} is not there or does not serve; it is set down"),
            Self::Lost(node) => {
                write!(f, "node {node} does not answer any more; it is set down until it does")
            }
            Self::Returned(node) => write!(f, "node {node} is there now; it is set up"),
            Self::Stranger(node) => {
                write!(
                    f,
                    "node {node} is there now but takes writes while another node is the primary; it stays down"
                )
            }
            Self::Primary { from: None, to: Some(to) } => write!(f, "node {to} is the primary"),
            Self::Primary { from: Some(from), to: Some(to) } => {
                write!(f, "node {to} is the primary now, after node {from}")
            }
            Self::Primary { from: Some(from), to: None } => {
                write!(f, "node {from} is not the primary any more, and no other node is")
            }
            Self::Primary { from: None, to: None } => f.write_str("no node is the primary"),
            Self::Rival(node) => {
                write!(f, "node {node} takes writes but is not the primary: the cluster is split")
            }
            Self::Added(node) => write!(f, "node {node} is new in the configuration"),
        }
    }
}
