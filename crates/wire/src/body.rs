//! Reading the body of one message, from the front, without allocation.

use core::fmt;

/// The unread rest of a message's body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Body<'a>(&'a [u8]);

/// A message whose body is not what its kind says. The texts are PostgreSQL's own (`pqformat.c`), where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodyError {
    /// The bytes are not one whole message: the header is cut off, or its length is not theirs.
    NotOneMessage,
    /// The kind byte is not one that the reader knows.
    UnknownKind(u8),
    /// A field goes past the end.
    Insufficient,
    /// A string has no closing NUL.
    InvalidString,
    /// Bytes are left after the last field.
    Trailing,
    /// A count or a length is negative or beyond what the message could hold.
    BadCount,
    /// A byte that has to be one of a few is none of them.
    BadValue(u8),
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOneMessage => f.write_str("not exactly one message"),
            Self::UnknownKind(kind) => write!(f, "unknown message kind 0x{kind:02x}"),
            Self::Insufficient => f.write_str("insufficient data left in message"),
            Self::InvalidString => f.write_str("invalid string in message"),
            Self::Trailing => f.write_str("invalid message format"),
            Self::BadCount => f.write_str("invalid count in message"),
            Self::BadValue(value) => write!(f, "invalid value 0x{value:02x} in message"),
        }
    }
}

impl core::error::Error for BodyError {}

impl<'a> Body<'a> {
    /// A body of these bytes, without header.
    pub fn new(bytes: &'a [u8]) -> Self {
        Body(bytes)
    }

    /// The kind and the body of one whole message, header included.
    ///
    /// # Errors
    /// [`BodyError::NotOneMessage`] when the length word does not say how many bytes there are.
    pub fn of_message(message: &'a [u8]) -> Result<(u8, Body<'a>), BodyError> {
        let Some((&[kind, a, b, c, d], body)) = message.split_first_chunk() else {
            return Err(BodyError::NotOneMessage);
        };
        let length = u32::from_be_bytes([a, b, c, d]);
        match length.checked_sub(4) {
            Some(n) if usize::try_from(n) == Ok(body.len()) => Ok((kind, Body(body))),
            Some(_) | None => Err(BodyError::NotOneMessage),
        }
    }

    /// Bytes that are left.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One byte.
    ///
    /// # Errors
    /// [`BodyError::Insufficient`] at the end.
    pub fn u8(&mut self) -> Result<u8, BodyError> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// A 16-bit number.
    ///
    /// # Errors
    /// [`BodyError::Insufficient`] at the end.
    pub fn i16(&mut self) -> Result<i16, BodyError> {
        self.array().map(i16::from_be_bytes)
    }

    /// A 16-bit number without sign: counts of fields and parameters go to 65535.
    ///
    /// # Errors
    /// [`BodyError::Insufficient`] at the end.
    pub fn u16(&mut self) -> Result<u16, BodyError> {
        self.array().map(u16::from_be_bytes)
    }

    /// A 32-bit number.
    ///
    /// # Errors
    /// [`BodyError::Insufficient`] at the end.
    pub fn i32(&mut self) -> Result<i32, BodyError> {
        self.array().map(i32::from_be_bytes)
    }

    /// A 32-bit number without sign: object ids, process ids.
    ///
    /// # Errors
    /// [`BodyError::Insufficient`] at the end.
    pub fn u32(&mut self) -> Result<u32, BodyError> {
        self.array().map(u32::from_be_bytes)
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// [`BodyError::Insufficient`] when there are fewer.
    pub fn bytes(&mut self, n: usize) -> Result<&'a [u8], BodyError> {
        let (head, rest) = self.0.split_at_checked(n).ok_or(BodyError::Insufficient)?;
        self.0 = rest;
        Ok(head)
    }

    /// A value with its length before it; -1 stands for NULL.
    ///
    /// # Errors
    /// [`BodyError::BadCount`] for another negative length, [`BodyError::Insufficient`] when it goes past the end.
    pub fn value(&mut self) -> Result<Option<&'a [u8]>, BodyError> {
        match self.i32()? {
            -1 => Ok(None),
            length => {
                let length = usize::try_from(length).map_err(|_| BodyError::BadCount)?;
                self.bytes(length).map(Some)
            }
        }
    }

    /// A string up to its closing NUL, which is taken but not returned. Its encoding is the session's.
    ///
    /// # Errors
    /// [`BodyError::InvalidString`] when there is no NUL.
    pub fn string(&mut self) -> Result<&'a [u8], BodyError> {
        let end = self.0.iter().position(|&b| b == 0).ok_or(BodyError::InvalidString)?;
        let (text, rest) = self.0.split_at(end);
        self.0 = rest.get(1..).unwrap_or_default();
        Ok(text)
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.0)
    }

    /// States that nothing is left.
    ///
    /// # Errors
    /// [`BodyError::Trailing`] when something is.
    pub fn end(self) -> Result<(), BodyError> {
        if self.0.is_empty() { Ok(()) } else { Err(BodyError::Trailing) }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BodyError> {
        let (head, rest) = self.0.split_first_chunk().ok_or(BodyError::Insufficient)?;
        self.0 = rest;
        Ok(*head)
    }
}

/// Only the length: a body may hold a password.
impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.0.len())
    }
}
