//! Kinds of messages that a client sends, and how long each may be.

/// Bind: parameters for a prepared statement.
pub const BIND: u8 = b'B';
/// Close a prepared statement or a portal.
pub const CLOSE: u8 = b'C';
/// A piece of COPY data.
pub const COPY_DATA: u8 = b'd';
/// COPY is complete.
pub const COPY_DONE: u8 = b'c';
/// COPY has failed on the client's side.
pub const COPY_FAIL: u8 = b'f';
/// Describe a prepared statement or a portal.
pub const DESCRIBE: u8 = b'D';
/// Execute a portal.
pub const EXECUTE: u8 = b'E';
/// Flush: send what is ready.
pub const FLUSH: u8 = b'H';
/// A function call by object id.
pub const FUNCTION_CALL: u8 = b'F';
/// Parse: make a prepared statement.
pub const PARSE: u8 = b'P';
/// A password, or a step of SASL, GSSAPI or SSPI: only the state of authentication tells which.
pub const PASSWORD: u8 = b'p';
/// A simple query.
pub const QUERY: u8 = b'Q';
/// Sync: the end of a batch of the extended protocol.
pub const SYNC: u8 = b'S';
/// Goodbye.
pub const TERMINATE: u8 = b'X';

/// Largest length word of a message that carries text or data: PostgreSQL's `PQ_LARGE_MESSAGE_LIMIT`.
const LARGE: u32 = 0x3fff_fffe;
/// Largest length word of any other message: PostgreSQL's `PQ_SMALL_MESSAGE_LIMIT`.
const SMALL: u32 = 10_000;
/// Largest length word of a password or token: PostgreSQL's `PG_MAX_AUTH_TOKEN_LENGTH`.
const TOKEN: u32 = 65_535;

/// The largest body that a client may send with this kind, in bytes; `None` for what is no kind of the client's. The
/// limits are those of a server process (`SocketBackend` in `postgres.c`), which count the length word.
pub fn largest_body(kind: u8) -> Option<u32> {
    let length = match kind {
        BIND | COPY_DATA | FUNCTION_CALL | PARSE | QUERY => LARGE,
        CLOSE | COPY_DONE | COPY_FAIL | DESCRIBE | EXECUTE | FLUSH | SYNC | TERMINATE => SMALL,
        PASSWORD => TOKEN,
        _ => return None,
    };
    Some(length - 4)
}
