//! Kinds of messages that a server sends, and how long each may be.

use pgherd_types::limits;

use crate::frame::HEADER_BYTES;

/// A step of authentication.
pub const AUTHENTICATION: u8 = b'R';
/// The key for cancel requests.
pub const BACKEND_KEY_DATA: u8 = b'K';
/// Bind is done.
pub const BIND_COMPLETE: u8 = b'2';
/// Close is done.
pub const CLOSE_COMPLETE: u8 = b'3';
/// A statement is done.
pub const COMMAND_COMPLETE: u8 = b'C';
/// COPY in both directions begins (replication).
pub const COPY_BOTH_RESPONSE: u8 = b'W';
/// A piece of COPY data.
pub const COPY_DATA: u8 = b'd';
/// COPY to the client is complete.
pub const COPY_DONE: u8 = b'c';
/// COPY from the client begins.
pub const COPY_IN_RESPONSE: u8 = b'G';
/// COPY to the client begins.
pub const COPY_OUT_RESPONSE: u8 = b'H';
/// A row.
pub const DATA_ROW: u8 = b'D';
/// The query string was empty.
pub const EMPTY_QUERY_RESPONSE: u8 = b'I';
/// An error.
pub const ERROR_RESPONSE: u8 = b'E';
/// The result of a function call.
pub const FUNCTION_CALL_RESPONSE: u8 = b'V';
/// The version and the options that the server does not know.
pub const NEGOTIATE_PROTOCOL_VERSION: u8 = b'v';
/// The statement returns no rows.
pub const NO_DATA: u8 = b'n';
/// A notice.
pub const NOTICE_RESPONSE: u8 = b'N';
/// A NOTIFY.
pub const NOTIFICATION_RESPONSE: u8 = b'A';
/// The types of a prepared statement's parameters.
pub const PARAMETER_DESCRIPTION: u8 = b't';
/// The value of a parameter.
pub const PARAMETER_STATUS: u8 = b'S';
/// Parse is done.
pub const PARSE_COMPLETE: u8 = b'1';
/// Execute stopped at its row limit.
pub const PORTAL_SUSPENDED: u8 = b's';
/// The server waits for the next request.
pub const READY_FOR_QUERY: u8 = b'Z';
/// The columns of a result.
pub const ROW_DESCRIPTION: u8 = b'T';

/// Bodies that go by unread have the protocol's own limit: the length word is a signed number for most clients.
const LARGE: u32 = i32::MAX as u32 - 4;
/// Bodies without a reason to be long: libpq takes a longer one for a lost connection.
const SMALL: u32 = 30_000 - 4;
/// The types of 65535 parameters.
const PARAMETER_TYPES: u32 = 2 + 4 * 65_535;
/// Bodies that are always read whole.
const GATHERED: u32 = (limits::GATHER_BACKEND_BYTES - HEADER_BYTES) as u32;

/// The largest body that a server may send with this kind, in bytes; `None` for what is no kind of the server's.
pub fn largest_body(kind: u8) -> Option<u32> {
    match kind {
        COPY_DATA
        | DATA_ROW
        | ERROR_RESPONSE
        | FUNCTION_CALL_RESPONSE
        | NOTICE_RESPONSE
        | NOTIFICATION_RESPONSE
        | ROW_DESCRIPTION => Some(LARGE),
        COPY_BOTH_RESPONSE | COPY_IN_RESPONSE | COPY_OUT_RESPONSE | PARAMETER_DESCRIPTION => {
            Some(PARAMETER_TYPES)
        }
        PARAMETER_STATUS => Some(GATHERED),
        AUTHENTICATION | BACKEND_KEY_DATA | COMMAND_COMPLETE | NEGOTIATE_PROTOCOL_VERSION => Some(SMALL),
        READY_FOR_QUERY => Some(1),
        BIND_COMPLETE | CLOSE_COMPLETE | COPY_DONE | EMPTY_QUERY_RESPONSE | NO_DATA | PARSE_COMPLETE
        | PORTAL_SUSPENDED => Some(0),
        _ => None,
    }
}
