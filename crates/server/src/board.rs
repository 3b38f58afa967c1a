use std::sync::{Arc, Mutex, PoisonError};

use pgherd_cluster::Lag;
use pgherd_io::Handle;
use pgherd_types::{NodeId, NodeReplication, Position, Replication, WalPages};

/// What is known of the replication, put together: the check every `sr_check_period` writes how far the standbys are
/// behind, those who poll the nodes write where they are. Every change is published to the sessions.
#[derive(Debug)]
pub(crate) struct Board {
    known: Mutex<Replication>,
    data_plane: Arc<Handle>,
}

impl Board {
    /// A board on which nothing is known.
    pub(crate) fn new(data_plane: Arc<Handle>) -> Self {
        Board { known: Mutex::default(), data_plane }
    }

    /// What a check found. Of nodes that it does not name, nothing is known any more.
    pub(crate) fn set_lags(&self, lags: &[(NodeId, Lag)]) {
        self.change(|known| {
            for node in &mut known.nodes {
                *node = NodeReplication { position: node.position, ..NodeReplication::default() };
            }
            for (id, lag) in lags {
                let node = entry(known, *id);
                node.delay = lag.delay;
                if let Some(sender) = &lag.sender {
                    node.state.clone_from(&sender.state);
                    node.sync_state.clone_from(&sender.sync_state);
                }
            }
        });
    }

    /// Where a node is. `None`: it did not answer, or nobody asks any more.
    pub(crate) fn set_position(&self, node: NodeId, position: Option<Position>) {
        self.change(|known| entry(known, node).position = position);
    }

    /// How the WAL is laid out.
    pub(crate) fn set_pages(&self, pages: WalPages) {
        self.change(|known| known.pages = Some(pages));
    }

    fn change(&self, change: impl FnOnce(&mut Replication)) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut known);
        // Under the lock, so that no older state is published behind a newer one.
        self.data_plane.publish_replication(Arc::new(known.clone()));
    }
}

fn entry(known: &mut Replication, node: NodeId) -> &mut NodeReplication {
    let index = node.index();
    if known.nodes.len() <= index {
        known.nodes.resize(index + 1, NodeReplication::default());
    }
    &mut known.nodes[index]
}
