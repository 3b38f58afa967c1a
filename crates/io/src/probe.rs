use core::time::Duration;

use pgherd_types::{Address, Fault, Secret};

/// A login of the control plane's own: health checks, primary detection.
#[derive(Clone, Debug)]
pub struct ProbeTarget {
    /// Where the node listens.
    pub address: Address,
    /// `health_check_user`, `sr_check_user`.
    pub user: String,
    /// The database to connect to.
    pub database: String,
    /// The user's password, where there is one.
    pub password: Option<Secret>,
}

/// The answer to a probe's query: its rows, as text; `None` is NULL.
pub type ProbeRows = Vec<Vec<Option<String>>>;

/// Why a probe has no answer.
#[derive(Debug)]
pub enum ProbeError {
    /// The server answered with an ErrorResponse. It lives, but does not serve.
    Server {
        /// SQLSTATE.
        code: String,
        /// The primary message.
        message: String,
    },
    /// The node could not be reached, did not answer in time, or did not behave.
    Fault(Fault),
}

/// Connects to a node, logs in, runs one simple query and leaves. Waits for at most `limit` altogether. Meant for a thread
/// that may wait, never for an event loop.
///
/// # Errors
/// See [`ProbeError`].
pub fn probe(target: &ProbeTarget, query: &str, limit: Duration) -> Result<ProbeRows, ProbeError> {
    let _ = (target, query, limit);
    Err(ProbeError::Fault(Fault::new(
        "the probe is not there yet",
        pgherd_types::Whose::Ours,
        pgherd_types::Retry::No,
    )))
}
