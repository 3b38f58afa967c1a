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

/// Values of a kind, such as identities, that are known to an event loop so that equal ones share their memory.
pub const ALIKE: usize = 1024;

/// ParameterStatus values remembered per backend.
pub const PARAMETERS: usize = 128;

/// Nodes of a cluster (Pgpool-II's MAX_NUM_BACKENDS).
pub const NODES: usize = 128;

/// Bytes of the statements that are kept to give a session's settings to another backend. A session with more reads
/// from its lead only.
pub const SESSION_SETTINGS_BYTES: usize = 64 * 1024;

/// Settings that are kept for that, and savepoints within which they were made.
pub const SESSION_SETTINGS: usize = 1024;

/// Bytes of the prepared statements of one session that are kept to be prepared again on another backend. Those
/// beyond run on the lead only.
pub const PREPARED_BYTES: usize = 1024 * 1024;

/// Prepared statements of one session that are known by name.
pub const PREPARED_STATEMENTS: usize = 8 * 1024;

/// Named portals of one session whose statements are known.
pub const PORTALS: usize = 1024;

/// Relations that one transaction writes and that are told apart; with more, all its reads go to the primary.
pub const WRITTEN_RELATIONS: usize = 256;

/// Bytes of the answer to a question of the session's own.
pub const ANSWER_BYTES: usize = 256 * 1024;
