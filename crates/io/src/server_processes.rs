use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pgherd_session::Processes;
use pgherd_types::{HashTable, NodeId};

/// The server processes behind the backends of all event loops. The lock is taken when a backend comes or goes, and
/// for a statement that ends a process, never for any other.
#[derive(Debug, Default)]
pub(crate) struct ServerProcesses {
    /// How many backends have this process: a number may be used again before the end of the one before is known.
    listed: Mutex<HashTable<(NodeId, u32), u32>>,
}

/// The server process of a backend; it is listed as long as this value is there.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    node: NodeId,
    id: u32,
    list: Arc<ServerProcesses>,
}

impl ServerProcesses {
    /// Lists a process. Its id is 0 when the server has told none.
    pub(crate) fn list(self: &Arc<Self>, node: NodeId, id: u32) -> ServerProcess {
        *self.listed().entry((node, id)).or_default() += 1;
        ServerProcess { node, id, list: Arc::clone(self) }
    }

    fn listed(&self) -> MutexGuard<'_, HashTable<(NodeId, u32), u32>> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Processes for ServerProcesses {
    fn has(&self, node: NodeId, process: u32) -> bool {
        self.listed().contains_key(&(node, process))
    }
}

impl ServerProcess {
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn node(&self) -> NodeId {
        self.node
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let mut listed = self.list.listed();
        if let Some(backends) = listed.get_mut(&(self.node, self.id)) {
            *backends -= 1;
            if *backends == 0 {
                listed.remove(&(self.node, self.id));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pgherd_session::Processes;
    use pgherd_types::NodeId;

    use super::ServerProcesses;

    #[test]
    fn a_process_is_listed_as_long_as_a_backend_has_it() {
        let list = Arc::new(ServerProcesses::default());
        let (first, second) = (list.list(NodeId(1), 40), list.list(NodeId(1), 40));
        assert!(list.has(NodeId(1), 40));
        assert!(!list.has(NodeId(0), 40));
        drop(first);
        assert!(list.has(NodeId(1), 40), "the number has been used again");
        drop(second);
        assert!(!list.has(NodeId(1), 40));
    }
}
