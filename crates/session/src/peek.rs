//! Looks into messages of the client at what routing needs, and at nothing else. Each function takes a message with its
//! header and answers `None` when the message is cut off or not well formed: the server is then the one to say so.

use pgherd_wire::frame::HEADER_BYTES;

/// What a message of the extended protocol is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About<'a> {
    /// Bind.
    Bind { portal: &'a [u8], statement: &'a [u8] },
    /// Describe or Close of a statement.
    Statement(&'a [u8]),
    /// Describe or Close of a portal, or Execute.
    Portal(&'a [u8]),
    /// It cannot be seen.
    Unknown,
}

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

/// What a Bind, Describe, Execute or Close is about.
#[inline]
pub(crate) fn about(message: &[u8]) -> About<'_> {
    names(message).unwrap_or(About::Unknown)
}

/// True when all names can be seen that the message is about; a Query has none.
pub(crate) fn shows_names(message: &[u8]) -> bool {
    match message.first() {
        Some(b'Q') => true,
        Some(b'P') => message.get(HEADER_BYTES..).is_some_and(|body| string(body).is_some()),
        Some(_) => names(message).is_some(),
        None => false,
    }
}

#[inline]
fn names(message: &[u8]) -> Option<About<'_>> {
    let (kind, body) = (message.first()?, message.get(HEADER_BYTES..)?);
    Some(match kind {
        b'B' => {
            let (portal, rest) = string(body)?;
            let (statement, _) = string(rest)?;
            About::Bind { portal, statement }
        }
        b'E' => About::Portal(string(body)?.0),
        b'D' | b'C' => {
            let (target, rest) = body.split_first()?;
            let (name, _) = string(rest)?;
            match target {
                b'S' => About::Statement(name),
                b'P' => About::Portal(name),
                _ => return None,
            }
        }
        _ => return None,
    })
}

/// The same Parse of a statement of this name, or the same Bind of the unnamed portal to it.
pub(crate) fn of_statement(message: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let (kind, body) = (*message.first()?, message.get(HEADER_BYTES..)?);
    let (portal, rest): (&[u8], &[u8]) = match kind {
        b'P' => (b"", string(body)?.1),
        b'B' => (b"\0", string(string(body)?.1)?.1),
        _ => return None,
    };
    let length = HEADER_BYTES + portal.len() + name.len() + rest.len();
    let length = u32::try_from(length).ok()?.to_be_bytes();
    Some([&[kind], length.as_slice(), portal, name, b"\0", rest].concat())
}

/// True when an Execute asks for all rows.
pub(crate) fn wants_all_rows(execute: &[u8]) -> bool {
    let rows = execute.last_chunk::<4>().map(|bytes| i32::from_be_bytes(*bytes));
    rows.is_some_and(|rows| rows <= 0)
}

/// A string up to its NUL, and what follows.
#[inline]
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    if let Some((0, rest)) = bytes.split_first() {
        // What has no name, which is most often.
        return Some((&[], rest));
    }
    let end = memchr::memchr(0, bytes)?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}
