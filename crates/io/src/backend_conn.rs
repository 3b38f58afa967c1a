use std::sync::Arc;

use pgherd_session::{Parked, Reset};
use pgherd_types::{BackendFacts, BackendId, Secret};

use crate::server_processes::ServerProcess;
use crate::slab::Key;
use crate::stream::{Endpoint, Stream};

/// An open connection to a node.
#[derive(Debug)]
pub(crate) struct Backend {
    pub(crate) id: BackendId,
    pub(crate) stream: Stream,
    /// Where a cancel request for it goes.
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) process: ServerProcess,
    pub(crate) cancel_key: Secret,
    pub(crate) stage: Stage,
}

/// Who reads what a backend sends.
#[derive(Debug)]
pub(crate) enum Stage {
    /// The session of this client.
    Leased(Key),
    /// The session of this client, which has been told that the backend is gone and has not let go of it yet.
    Gone(Key),
    /// Nobody's: it is made fit for the next session.
    Resetting(Box<(Reset, BackendFacts)>),
    /// Nobody's: it is idle.
    Parked(Box<(Parked, BackendFacts)>),
}
