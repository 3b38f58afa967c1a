//! Which node answers a statement.

use pgherd_sql::Class;

/// Classifies statements, remembering what it has seen. One per event loop; pure, without IO.
#[derive(Debug, Default)]
pub struct Router {}

impl Router {
    /// What `text` is: the text of a Query or Parse message, without its closing NUL, in the client's encoding.
    pub fn classify(&mut self, _text: &[u8]) -> Class {
        Class::Other
    }
}

/// The node for a session's balanced reads.
pub fn choose_read_node(topology: &pgherd_types::Topology, _random: u64) -> Option<pgherd_types::NodeId> {
    topology.write_node()
}
