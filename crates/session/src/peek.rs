//! Looks into messages of the client at what routing needs, and at nothing else. Each function takes a message with its
//! header and answers `None` or false when the message is cut off or not well formed: the server is then the one to
//! say so.

use pgherd_wire::frame::HEADER_BYTES;

/// The text of a Query.
pub(crate) fn query_text(message: &[u8]) -> Option<&[u8]> {
    string(message.get(HEADER_BYTES..)?).map(|(text, _)| text)
}

/// The name and the text of a Parse.
pub(crate) fn parse_head(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, rest) = string(message.get(HEADER_BYTES..)?)?;
    let (text, _) = string(rest)?;
    Some((name, text))
}

/// What a Describe or Close is for: `S` for a statement, `P` for a portal. The message's bytes are `carried`, then
/// `raw`.
pub(crate) fn describe_target(carried: &[u8], raw: &[u8]) -> Option<u8> {
    raw.get(HEADER_BYTES.checked_sub(carried.len())?).copied()
}

/// True when a Bind, or a Describe of a statement, is for the unnamed statement, or when that cannot be seen.
pub(crate) fn names_unnamed_statement(message: &[u8]) -> bool {
    let Some(body) = message.get(HEADER_BYTES..) else { return true };
    let name = match message.first() {
        Some(b'B') => string(body).map(|(_portal, rest)| rest),
        Some(_) | None => body.get(1..),
    };
    name.and_then(<[u8]>::first).is_none_or(|&first| first == 0)
}

/// True when a Bind, Execute, or Describe of a portal is for the unnamed portal, or when that cannot be seen.
pub(crate) fn names_unnamed_portal(message: &[u8]) -> bool {
    let Some(body) = message.get(HEADER_BYTES..) else { return true };
    let name = match message.first() {
        Some(b'D') => body.get(1..),
        Some(_) | None => Some(body),
    };
    name.and_then(<[u8]>::first).is_none_or(|&first| first == 0)
}

/// A string up to its NUL, and what follows.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(0, bytes)?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}
