//! What the session itself says to a client. Only texts that are fit for a client's eyes are made here.

use core::time::Duration;

use pgherd_types::NodeId;
use pgherd_wire::{
    SqlState,
    backend::{self, TransactionStatus},
    error_response::ErrorResponse,
    sqlstate,
};

use crate::Shutdown;

pub(crate) fn parameter_status(to: &mut Vec<u8>, name: &str, value: &str) {
    backend::put_parameter_status(to, name.as_bytes(), value.as_bytes());
}

pub(crate) fn ready_for_query(to: &mut Vec<u8>, transaction: TransactionStatus) {
    backend::put_ready_for_query(to, transaction);
}

/// A message of a kind that a client may not send, as PostgreSQL words it.
pub(crate) fn invalid_kind(to: &mut Vec<u8>, kind: u8) {
    fatal(to, sqlstate::PROTOCOL_VIOLATION, &format!("invalid frontend message type {kind}"));
}

/// `client_idle_limit`.
pub(crate) fn client_idle(to: &mut Vec<u8>, limit: Duration) {
    let detail = format!(
        "child connection forced to terminate due to client_idle_limit:{} is reached",
        limit.as_secs()
    );
    ErrorResponse::fatal(sqlstate::IDLE_SESSION_TIMEOUT, "terminating connection due to client_idle_limit")
        .detail(&detail)
        .put(to);
}

/// `authentication_timeout`.
pub(crate) fn authentication_timeout(to: &mut Vec<u8>) {
    fatal(to, sqlstate::QUERY_CANCELED, "canceling authentication due to timeout");
}

/// pgherd is shutting down, told as a server process tells it.
pub(crate) fn shutdown(to: &mut Vec<u8>, how: Shutdown) {
    match how {
        Shutdown::Smart => {}
        Shutdown::Fast => {
            fatal(to, sqlstate::ADMIN_SHUTDOWN, "terminating connection due to administrator command")
        }
        Shutdown::Immediate => {
            fatal(to, sqlstate::CRASH_SHUTDOWN, "terminating connection due to immediate shutdown command")
        }
    }
}

/// A new client comes while pgherd is shutting down.
pub(crate) fn shutting_down(to: &mut Vec<u8>) {
    fatal(to, sqlstate::CANNOT_CONNECT_NOW, "the database system is shutting down");
}

/// `reserved_connections`, in Pgpool-II's words.
pub(crate) fn too_many_clients(to: &mut Vec<u8>) {
    fatal(to, sqlstate::TOO_MANY_CONNECTIONS, "Sorry, too many clients already");
}

/// No node takes writes, in Pgpool-II's words where every node is down.
pub(crate) fn no_write_node(to: &mut Vec<u8>) {
    ErrorResponse::fatal(sqlstate::CONNECTION_FAILURE, "no node is available that takes writes")
        .detail("all nodes are down, or the primary is")
        .hint("see SHOW pool_nodes on another connection, or pgherd's log")
        .put(to);
}

/// No node is usable at all.
pub(crate) fn all_nodes_down(to: &mut Vec<u8>) {
    ErrorResponse::fatal(sqlstate::COMMUNICATION_LINK_FAILURE, "pgpool is not accepting any new connections")
        .detail("all backend nodes are down, pgpool requires at least one valid node")
        .hint("repair the backend nodes and restart pgpool")
        .put(to);
}

/// A node could not be reached.
pub(crate) fn node_unreachable(to: &mut Vec<u8>, node: NodeId) {
    let detail = format!("node {node} could not be reached");
    ErrorResponse::fatal(sqlstate::CONNECTION_FAILURE, "failed to create a backend connection")
        .detail(&detail)
        .put(to);
}

/// A server asks for a password, and none that fits is in `pool_passwd`.
pub(crate) fn no_password(to: &mut Vec<u8>, user: &str) {
    let message = format!("password authentication failed for user \"{user}\"");
    let detail = format!("pool_passwd file does not contain a usable entry for \"{user}\"");
    ErrorResponse::fatal(sqlstate::INVALID_PASSWORD, &message).detail(&detail).put(to);
}

/// The backend that the session could not do without went away without a word.
pub(crate) fn backend_lost(to: &mut Vec<u8>) {
    fatal(to, sqlstate::CONNECTION_FAILURE, "the connection to the server was lost");
}

/// A backend broke the protocol.
pub(crate) fn backend_violation(to: &mut Vec<u8>) {
    fatal(to, sqlstate::PROTOCOL_VIOLATION, "the server sent what the protocol does not allow");
}

/// A balanced read died in the middle of its answer. The session goes on.
pub(crate) fn read_lost(to: &mut Vec<u8>) {
    let message = "the answer of a standby was lost";
    ErrorResponse::error(sqlstate::CONNECTION_FAILURE, message).put(to);
}

/// A new backend does not take the settings that the session has made on the one before.
pub(crate) fn settings_lost(to: &mut Vec<u8>) {
    ErrorResponse::fatal(sqlstate::CONNECTION_FAILURE, "the connection to the server was lost")
        .detail("another server does not take what this session has set")
        .put(to);
}

fn fatal(to: &mut Vec<u8>, code: SqlState, message: &str) {
    ErrorResponse::fatal(code, message).put(to);
}
