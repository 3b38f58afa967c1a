//! Named limits: nothing in pgherd grows without one.

/// Bytes of a startup packet after its length word (PostgreSQL's `MAX_STARTUP_PACKET_LENGTH`).
pub const STARTUP_PACKET_BYTES: usize = 10_000;

/// Bytes of a client message that is gathered when it must be understood whole and straddles reads. A longer
/// one is streamed, and what it holds counts as unknown.
pub const GATHER_CLIENT_BYTES: usize = 64 * 1024;

/// Bytes of a server message that is gathered when it must be understood whole. A longer ErrorResponse is
/// judged by its head, a longer ParameterStatus ends the backend.
pub const GATHER_BACKEND_BYTES: usize = 64 * 1024;

/// Requests that one backend may owe replies to. At the limit the client is not read until some are answered.
pub const LEDGER_ENTRIES: usize = 16 * 1024;

/// Bytes of a read-only unit that is kept so that it can be sent once more when its backend fails before
/// anything was shown.
pub const RETAINED_UNIT_BYTES: usize = 8 * 1024;

/// ParameterStatus values remembered per backend.
pub const PARAMETERS: usize = 128;

/// Nodes of a cluster (Pgpool-II's MAX_NUM_BACKENDS).
pub const NODES: usize = 128;
