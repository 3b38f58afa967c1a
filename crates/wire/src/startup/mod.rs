//! What comes before the first message: the startup packet and the requests that take its place.
//!
//! A packet is a length word that counts itself, a code word, and a rest that depends on the code. What is accepted,
//! what is refused and with which words is PostgreSQL's (`ProcessStartupPacket` in `backend_startup.c`, 18).

mod encode;
mod error;
mod message;
#[cfg(test)]
mod tests;

pub use encode::{put_cancel_request, put_gssenc_request, put_ssl_request, put_startup_message};
pub use error::StartupError;
pub use message::{Replication, StartupMessage};

use pgherd_types::limits;

use crate::ProtocolVersion;

const CANCEL_CODE: u32 = 1234 << 16 | 5678;
const SSL_CODE: u32 = 1234 << 16 | 5679;
const GSSENC_CODE: u32 = 1234 << 16 | 5680;

const WORD: usize = 4;
/// Bytes of the shortest packet: length and code.
const SHORTEST: usize = 2 * WORD;
/// Bytes of the longest: PostgreSQL's limit does not count the length word.
const LONGEST: usize = limits::STARTUP_PACKET_BYTES + WORD;
/// Bytes of the longest cancel key, from the protocol's description.
const LONGEST_KEY: usize = 256;
const SHORTEST_KEY: usize = 4;

/// What a client may send first, and again after an answer to `Ssl` or `GssEnc`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// The client wants TLS: to be answered by one byte, `S` or `N`.
    Ssl,
    /// The client wants GSSAPI encryption: to be answered by one byte, `G` or `N`.
    GssEnc,
    /// The client wants a statement of another session cancelled. It is never answered.
    Cancel(CancelRequest<'a>),
    /// The client wants a session.
    Start(StartupMessage<'a>),
}

/// A CancelRequest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CancelRequest<'a> {
    /// The process id of BackendKeyData.
    pub process_id: u32,
    /// The key of BackendKeyData, 4 to 256 bytes.
    pub key: &'a [u8],
}

/// Without the key: it is as good as a password.
impl core::fmt::Debug for CancelRequest<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("CancelRequest").field("process_id", &self.process_id).finish_non_exhaustive()
    }
}

/// How many bytes the packet at the start of `head` has, its length word included. `None` while the length word is not
/// there yet. To be asked before anything is allocated or waited for.
///
/// # Errors
/// [`StartupError::BadLength`].
pub fn packet_bytes(head: &[u8]) -> Result<Option<usize>, StartupError> {
    let Some(&word) = head.first_chunk() else { return Ok(None) };
    let length = u32::from_be_bytes(word);
    match usize::try_from(length) {
        Ok(bytes) if (SHORTEST..=LONGEST).contains(&bytes) => Ok(Some(bytes)),
        Ok(_) | Err(_) => Err(StartupError::BadLength { length }),
    }
}

/// Reads one whole packet, as [`packet_bytes`] measured it.
///
/// # Errors
/// One variant per offence; [`StartupError::told`] says what the client hears of it.
pub fn parse(packet: &[u8]) -> Result<Request<'_>, StartupError> {
    let bad_length = StartupError::BadLength { length: u32::try_from(packet.len()).unwrap_or(u32::MAX) };
    if packet_bytes(packet)? != Some(packet.len()) {
        return Err(bad_length);
    }
    let Some((&code, rest)) = packet.get(WORD..).and_then(<[u8]>::split_first_chunk) else {
        return Err(bad_length);
    };
    match u32::from_be_bytes(code) {
        CANCEL_CODE => cancel(rest).map(Request::Cancel),
        SSL_CODE => Ok(Request::Ssl),
        GSSENC_CODE => Ok(Request::GssEnc),
        code => match ProtocolVersion::from_code(code) {
            version @ ProtocolVersion { major: 3, .. } => message::parse(version, rest).map(Request::Start),
            version => Err(StartupError::UnsupportedVersion { version }),
        },
    }
}

fn cancel(rest: &[u8]) -> Result<CancelRequest<'_>, StartupError> {
    match rest.split_first_chunk() {
        Some((&id, key)) if (SHORTEST_KEY..=LONGEST_KEY).contains(&key.len()) => {
            Ok(CancelRequest { process_id: u32::from_be_bytes(id), key })
        }
        Some(_) | None => Err(StartupError::BadCancelRequest),
    }
}
