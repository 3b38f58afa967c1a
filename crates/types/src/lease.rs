use crate::{BackendId, NodeId, Parameters};

/// The right to use one backend. It is made by the pool, moved to one session, and comes back only inside a
/// release with a [`Fate`]; it cannot be cloned, so two sessions holding one backend do not compile.
#[derive(Debug)]
pub struct Lease {
    backend: BackendId,
    node: NodeId,
    /// What is known of the server process behind the backend. It travels with the lease, so that whoever
    /// holds the backend keeps it up to date.
    pub facts: BackendFacts,
}

impl Lease {
    /// Issues a lease. For the pool and its tests only: a session never makes one.
    pub fn issue(backend: BackendId, node: NodeId, facts: BackendFacts) -> Self {
        Lease { backend, node, facts }
    }

    /// The backend it is for.
    pub fn backend(&self) -> BackendId {
        self.backend
    }

    /// The node that the backend is connected to.
    pub fn node(&self) -> NodeId {
        self.node
    }
}

/// What is known of a server process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackendFacts {
    /// Its parameters as it reported them last.
    pub parameters: Parameters,
    /// The server process's id, as BackendKeyData told it; 0 when it told none.
    pub process_id: u32,
}

/// What becomes of a backend whose lease comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It is as good as new: nothing was run on it since it was dialled or reset.
    Reuse,
    /// Only statements were run on it that leave nothing behind: a reset that throws things away finds nothing.
    Spare,
    /// It is answered for; `reset_query_list` makes it fit for the next session.
    Reset {
        /// A transaction block is open, which an ABORT ends.
        block_open: bool,
    },
    /// It must be closed.
    Close(ResetReason),
}

/// Why a backend is closed instead of being reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResetReason {
    /// The server closed it or its socket failed.
    Gone,
    /// It still owes replies that nobody waits for.
    Owing,
    /// It answered what the protocol does not allow.
    Violation,
    /// A cancel request for it has not been finished; it could hit the next user's statement.
    CancelUnfinished,
    /// Its user is not pooled (`connection_cache = off`, replication connections).
    NotPooled,
    /// The session that held it failed inside pgherd.
    SessionFailed,
    /// pgherd is shutting down.
    Shutdown,
}
