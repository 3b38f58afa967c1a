use core::fmt;

/// One message of either direction, header apart, for building, comparing and printing.
///
/// The model builds and reads messages with code of its own, so that a mistake in the codec under test cannot
/// cancel itself out (docs/decisions/0070-model.md).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Message {
    /// The kind byte.
    pub kind: u8,
    /// What follows the length.
    pub body: Vec<u8>,
}

impl Message {
    /// A message of this kind and body.
    pub fn new(kind: u8, body: impl Into<Vec<u8>>) -> Self {
        Message { kind, body: body.into() }
    }

    /// Appends the message as it is on the wire.
    pub fn write(&self, out: &mut Vec<u8>) {
        put(out, self.kind, |out| out.extend_from_slice(&self.body));
    }

    /// The field of an ErrorResponse or NoticeResponse.
    pub fn field(&self, name: u8) -> Option<&str> {
        self.body.split(|&byte| byte == 0).find_map(|field| match field.split_first() {
            Some((&known, text)) if known == name => core::str::from_utf8(text).ok(),
            Some(_) | None => None,
        })
    }
}

/// Appends a message whose body `write` appends.
pub fn put(out: &mut Vec<u8>, kind: u8, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(kind);
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out);
    let length = (out.len() - at) as u32;
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
}

/// Takes the first whole message off the front of `bytes`, or nothing while it is not whole.
pub fn take(bytes: &mut Vec<u8>) -> Option<Message> {
    let mut at = 0;
    let message = take_at(bytes, &mut at);
    bytes.drain(..at);
    message
}

/// Takes the message that begins at `at`, and moves `at` past it.
pub fn take_at(bytes: &[u8], at: &mut usize) -> Option<Message> {
    let &[kind, a, b, c, d] = bytes.get(*at..)?.first_chunk()?;
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    let body = bytes.get(*at + 5..*at + 1 + length)?;
    *at += 1 + length;
    Some(Message::new(kind, body))
}

/// Takes the NUL-terminated string at the front of `body`.
pub fn text<'a>(body: &mut &'a [u8]) -> Option<&'a str> {
    let end = body.iter().position(|&byte| byte == 0)?;
    let (text, rest) = body.split_at(end);
    *body = &rest[1..];
    core::str::from_utf8(text).ok()
}

/// Takes a 16-bit number.
pub fn int16(body: &mut &[u8]) -> Option<i16> {
    let (bytes, rest) = body.split_first_chunk()?;
    *body = rest;
    Some(i16::from_be_bytes(*bytes))
}

/// Takes a 32-bit number.
pub fn int32(body: &mut &[u8]) -> Option<i32> {
    let (bytes, rest) = body.split_first_chunk()?;
    *body = rest;
    Some(i32::from_be_bytes(*bytes))
}

/// Printed as transcripts have it: the kind, and the body with what is not text escaped.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_BYTES: usize = 120;
        let shown = &self.body[..self.body.len().min(SHOWN_BYTES)];
        write!(f, "{} {}", self.kind.escape_ascii(), shown.escape_ascii())?;
        match self.body.len() - shown.len() {
            0 => Ok(()),
            more => write!(f, "... {more} bytes more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Message, put, take};

    #[test]
    fn what_is_put_is_taken() {
        let mut bytes = Vec::new();
        put(&mut bytes, b'Q', |out| out.extend_from_slice(b"SELECT 1\0"));
        bytes.push(b'S');
        assert_eq!(take(&mut bytes), Some(Message::new(b'Q', b"SELECT 1\0".as_slice())));
        assert_eq!(take(&mut bytes), None);
        assert_eq!(bytes, b"S");
    }
}
