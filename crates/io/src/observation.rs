use core::fmt;
use core::time::Duration;
use std::net::SocketAddr;

use pgherd_session::{Carrier, Closing, Line, Tracing};
use std::sync::Arc;

use pgherd_types::{BackendId, Fault, Identity, NodeId, SessionId};

/// What an event loop noticed. None is made per query, but [`Observation::Statement`] where the policy asks for it.
#[derive(Debug)]
pub enum Observation<'a> {
    /// A client connected.
    Connected {
        /// Its session.
        session: SessionId,
        /// Where it is.
        peer: &'a Peer,
    },
    /// A session is open: the client has its first ReadyForQuery.
    Opened {
        /// Which.
        session: SessionId,
        /// User, database and options.
        identity: &'a Arc<Identity>,
        /// Where the client is.
        peer: &'a Peer,
    },
    /// A session ended.
    Closed {
        /// Which.
        session: SessionId,
        /// Why.
        why: Closing,
        /// How long the client was connected.
        after: Duration,
    },
    /// A statement was sent to a node (`log_statement`, `log_per_node_statement`).
    Statement {
        /// Whose.
        session: SessionId,
        /// What of it is wanted.
        tracing: Tracing,
        /// Where to.
        node: NodeId,
        /// The server's process that got it; 0 when the server told none.
        process_id: u32,
        /// In which message.
        carrier: Carrier,
        /// Its text.
        text: &'a [u8],
    },
    /// A session is about to end the server process of a backend (`pg_terminate_backend`).
    Termination {
        /// Which session.
        session: SessionId,
        /// The node of the process.
        node: NodeId,
        /// Its id there.
        process_id: u32,
    },
    /// The node for a session's reads was drawn.
    Drawn {
        /// Whose.
        session: SessionId,
        /// The node.
        node: NodeId,
    },
    /// A message came from a client or a backend (`log_client_messages`, `log_backend_messages`).
    Message {
        /// Whose.
        session: SessionId,
        /// What is to be logged of it.
        line: &'a Line,
    },
    /// A node could not be dialled.
    DialFailed {
        /// Which.
        node: NodeId,
        /// What went wrong.
        fault: &'a Fault,
    },
    /// A node refused a login, in its own words: an ErrorResponse message.
    DialRefused {
        /// Which.
        node: NodeId,
        /// The message, header included.
        message: &'a [u8],
    },
    /// The socket of a leased backend broke, or the server closed it.
    BackendLost {
        /// Its node.
        node: NodeId,
        /// Which.
        backend: BackendId,
    },
    /// A backend broke the protocol.
    Violation {
        /// Which.
        backend: BackendId,
        /// What it did.
        what: &'a str,
    },
    /// A node told a session that it is shutting down or not ready (57P01, 57P02, 57P03).
    NodeShutdown(NodeId),
    /// A client broke the protocol.
    ClientProtocol {
        /// Which.
        session: SessionId,
        /// What it did.
        what: &'a str,
    },
    /// A session failed inside pgherd; it alone was ended.
    SessionPanicked {
        /// Which.
        session: SessionId,
    },
    /// A client could not be accepted; the listener tries again.
    AcceptFailed(&'a std::io::Error),
}

/// Where a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// It came over TCP.
    Tcp(SocketAddr),
    /// It is on this machine: a Unix socket.
    Local,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Tcp(address) => address.fmt(f),
            Peer::Local => f.write_str("[local]"),
        }
    }
}
