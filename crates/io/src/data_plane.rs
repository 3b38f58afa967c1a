use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use pgherd_pool::BackendRow;
use pgherd_session::Shutdown;
use pgherd_types::{Moment, NodeId, SessionId, Topology};

use crate::{DataPlaneSettings, LiveSettings, Peer};

/// Everything that carries client bytes.
#[derive(Debug)]
pub struct DataPlane;

/// The hold on a running data plane. Dropping it changes nothing; the loops run until [`Handle::shutdown`].
#[derive(Debug)]
pub struct Handle;

/// A session as `SHOW pool_processes` wants to see it.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// Its id, which the client knows as the server's process id.
    pub session: SessionId,
    /// Where the client is.
    pub peer: Peer,
    /// User name, once known.
    pub user: Option<String>,
    /// Database name, once known.
    pub database: Option<String>,
    /// `application_name` of the startup packet.
    pub application: Option<String>,
    /// What it is doing.
    pub stage: SessionStage,
    /// When the client connected.
    pub connected: Moment,
}

/// What a session is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionStage {
    /// It has not said who it is, or has not been authenticated.
    Starting,
    /// It waits for a place (`num_init_children`).
    Waiting,
    /// It is open and holds no backend.
    Idle,
    /// It holds backends.
    Serving,
}

impl DataPlane {
    /// Opens the listeners and starts the loops.
    ///
    /// # Errors
    /// When an address cannot be listened on, with the address in the text, or the system refuses a thread or a
    /// descriptor.
    pub fn start(settings: DataPlaneSettings) -> io::Result<Handle> {
        let _ = settings;
        Err(io::Error::new(io::ErrorKind::Unsupported, "the event loop is not there yet"))
    }
}

impl Handle {
    /// Makes a new picture of the cluster known to all sessions. Idle backends of nodes that are down are closed.
    pub fn publish_topology(&self, topology: Arc<Topology>) {
        let _ = topology;
    }

    /// Makes reloaded settings known to all sessions.
    pub fn publish_settings(&self, live: Arc<LiveSettings>) {
        let _ = live;
    }

    /// Takes no new clients from now on.
    pub fn stop_listening(&self) {}

    /// Stops listening and ends the sessions as `how` says. The loops stop when the last session has ended. May be
    /// called again with a more urgent `how`.
    pub fn shutdown(&self, how: Shutdown) {
        let _ = how;
    }

    /// Waits until all loops have stopped.
    pub fn join(self) {}

    /// All sessions, in no order.
    pub fn sessions(&self) -> Vec<SessionRow> {
        Vec::new()
    }

    /// All backends, in no order.
    pub fn backends(&self) -> Vec<BackendRow> {
        Vec::new()
    }

    /// Units that were sent to a node and that were, or could have been, balanced (`select_cnt`).
    pub fn reads(&self, node: NodeId) -> u64 {
        let _ = node;
        0
    }

    /// The TCP addresses that are listened on.
    pub fn addresses(&self) -> &[SocketAddr] {
        &[]
    }

    /// The present on the clock of [`SessionRow::connected`] and [`BackendRow::created`].
    pub fn now(&self) -> Moment {
        Moment(0)
    }
}
