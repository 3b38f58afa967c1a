//! Message boundaries.
//!
//! Both directions of the protocol, after startup, are a sequence of messages: a kind byte, a big-endian
//! length that counts itself but not the kind, and a body. A [`Framer`] follows that sequence through reads
//! of any size and remembers at most five bytes between them.

use core::fmt;

/// Bytes of a message's header: kind and length.
pub const HEADER_BYTES: usize = 5;

/// Follows the message boundaries of one direction of one connection.
#[derive(Clone, Debug)]
pub struct Framer {
    state: State,
    largest_body: fn(u8) -> Option<u32>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Boundary,
    Header { bytes: [u8; HEADER_BYTES], have: u8 },
    Body { kind: u8, body_bytes: u32, left: u32 },
}

/// A message, or the part of one that is in the bytes at hand.
///
/// `carried` followed by `raw` are consecutive bytes of the message, header included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The kind byte.
    pub kind: u8,
    /// Bytes of the whole body, without the header.
    pub body_bytes: u32,
    /// Header bytes that came with earlier reads; not empty only in a first piece.
    pub carried: Carried,
    /// The bytes of this piece that are in the input.
    pub raw: &'a [u8],
    /// True when the piece begins the message.
    pub first: bool,
    /// True when the piece ends the message.
    pub last: bool,
}

impl<'a> Piece<'a> {
    /// The whole message, when the input holds it all: nothing has to be gathered.
    pub fn whole(&self) -> Option<&'a [u8]> {
        (self.first && self.last && self.carried.is_empty()).then_some(self.raw)
    }
}

/// Up to four header bytes of a message whose header was split between reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    bytes: [u8; HEADER_BYTES],
    have: u8,
}

impl Carried {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.have)).unwrap_or_default()
    }

    /// True when the header was not split.
    pub fn is_empty(&self) -> bool {
        self.have == 0
    }
}

/// The peer does not speak the protocol; nothing after it can be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The kind byte is none that may come from this side.
    UnknownKind {
        /// The byte.
        kind: u8,
    },
    /// The length word is below four, or above what the kind may have.
    BadLength {
        /// The kind byte.
        kind: u8,
        /// The length word.
        length: u32,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKind { kind } => write!(f, "unknown message kind 0x{kind:02x}"),
            Self::BadLength { kind, length } => {
                write!(f, "message of kind 0x{kind:02x} with the length {length}")
            }
        }
    }
}

impl core::error::Error for FrameError {}

impl Framer {
    /// A framer at a message boundary. `largest_body` gives the largest body of a kind, in bytes, and `None`
    /// for a kind that may not come from this side.
    pub fn new(largest_body: fn(u8) -> Option<u32>) -> Self {
        Framer { state: State::Boundary, largest_body }
    }

    /// True when no message is begun.
    pub fn at_boundary(&self) -> bool {
        matches!(self.state, State::Boundary)
    }

    /// The message at the front of `input`, when it begins there and all of it is there. It is taken by leaving it out
    /// of the next input: the framer stays at the boundary where it is. `None` says nothing but that
    /// [`Framer::next`] has to look.
    #[inline]
    pub fn whole<'a>(&self, input: &'a [u8]) -> Option<&'a [u8]> {
        let State::Boundary = self.state else { return None };
        let (kind, length) = header_of(input)?;
        let body_bytes = body_of(length, (self.largest_body)(kind)?)?;
        input.get(..HEADER_BYTES + body_bytes as usize)
    }

    /// The next piece of the stream. `input` is advanced past it; `None` means that all of it was taken.
    ///
    /// # Errors
    /// When the bytes are no message that may come from this side. The framer is of no use afterwards.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Piece<'a>>, FrameError> {
        match self.state {
            State::Boundary => {
                let Some((kind, length)) = header_of(input) else {
                    self.carry([0; HEADER_BYTES], 0, input);
                    return Ok(None);
                };
                let body_bytes = self.check(kind, length)?;
                Ok(Some(self.begin(kind, body_bytes, Carried::default(), HEADER_BYTES, input)))
            }
            State::Header { mut bytes, have } => {
                let had = usize::from(have);
                let need = HEADER_BYTES - had;
                if input.len() < need {
                    self.carry(bytes, had, input);
                    return Ok(None);
                }
                let carried = Carried { bytes, have };
                for (slot, byte) in bytes.iter_mut().skip(had).zip(*input) {
                    *slot = *byte;
                }
                let [kind, a, b, c, d] = bytes;
                let body_bytes = self.check(kind, u32::from_be_bytes([a, b, c, d]))?;
                Ok(Some(self.begin(kind, body_bytes, carried, need, input)))
            }
            State::Body { kind, body_bytes, left } => {
                if input.is_empty() {
                    return Ok(None);
                }
                let here = input.len().min(left as usize);
                let (raw, rest) = input.split_at(here);
                *input = rest;
                self.advance(kind, body_bytes, left, here);
                let last = self.at_boundary();
                Ok(Some(Piece { kind, body_bytes, carried: Carried::default(), raw, first: false, last }))
            }
        }
    }

    /// Skips a run of messages of this kind, whole or cut off by the end of `input`, as well as the rest of a message
    /// of it. Returns how many bytes it skipped; what follows them is for [`Framer::next`].
    ///
    /// This is the hot path of rows and COPY data: one look at each header, none at the bodies. A header that
    /// is cut off, or is none that may come from this side, ends the run before it.
    pub fn skip_run(&mut self, input: &[u8], kind: u8) -> usize {
        let mut at = 0;
        match self.state {
            State::Body { kind: begun, body_bytes, left } if begun == kind => {
                at = input.len().min(left as usize);
                self.advance(kind, body_bytes, left, at);
                if !self.at_boundary() {
                    return at;
                }
            }
            State::Boundary => {}
            State::Body { .. } | State::Header { .. } => return 0,
        }
        let Some(largest) = (self.largest_body)(kind) else { return at };
        while let Some((this, length)) = input.get(at..).and_then(header_of)
            && this == kind
            && let Some(body_bytes) = body_of(length, largest)
        {
            let end = at + HEADER_BYTES + body_bytes as usize;
            if end > input.len() {
                self.advance(kind, body_bytes, body_bytes, input.len() - at - HEADER_BYTES);
                return input.len();
            }
            at = end;
        }
        at
    }

    fn carry(&mut self, mut bytes: [u8; HEADER_BYTES], had: usize, input: &mut &[u8]) {
        for (slot, byte) in bytes.iter_mut().skip(had).zip(*input) {
            *slot = *byte;
        }
        let have = had + input.len();
        *input = &[];
        if have > 0 {
            // At most four: with five the header would be whole.
            self.state = State::Header { bytes, have: have as u8 };
        }
    }

    fn check(&self, kind: u8, length: u32) -> Result<u32, FrameError> {
        let largest = (self.largest_body)(kind).ok_or(FrameError::UnknownKind { kind })?;
        body_of(length, largest).ok_or(FrameError::BadLength { kind, length })
    }

    fn begin<'a>(
        &mut self,
        kind: u8,
        body_bytes: u32,
        carried: Carried,
        header_here: usize,
        input: &mut &'a [u8],
    ) -> Piece<'a> {
        let body_here = (input.len() - header_here).min(body_bytes as usize);
        let (raw, rest) = input.split_at(header_here + body_here);
        *input = rest;
        self.advance(kind, body_bytes, body_bytes, body_here);
        Piece { kind, body_bytes, carried, raw, first: true, last: self.at_boundary() }
    }

    fn advance(&mut self, kind: u8, body_bytes: u32, left: u32, here: usize) {
        // `here` is at most `left`, so it fits.
        self.state = match left - here as u32 {
            0 => State::Boundary,
            left => State::Body { kind, body_bytes, left },
        };
    }
}

/// The kind and the length word of a message that begins here.
#[inline]
fn header_of(input: &[u8]) -> Option<(u8, u32)> {
    let (kind, rest) = input.split_first()?;
    rest.first_chunk().map(|length| (*kind, u32::from_be_bytes(*length)))
}

/// Bytes of the body, by the length word. `None` when the word cannot be.
#[inline]
fn body_of(length: u32, largest: u32) -> Option<u32> {
    length.checked_sub(4).filter(|&body_bytes| body_bytes <= largest)
}

#[cfg(test)]
mod tests {
    use super::{FrameError, Framer};

    fn any(_: u8) -> Option<u32> {
        Some(1000)
    }

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut out = vec![kind];
        out.extend((body.len() as u32 + 4).to_be_bytes());
        out.extend(body);
        out
    }

    /// Reassembles the messages of a stream that is cut at `step` bytes.
    fn messages(stream: &[u8], step: usize) -> Vec<Vec<u8>> {
        let (mut framer, mut all, mut open) = (Framer::new(any), Vec::new(), Vec::new());
        for mut input in stream.chunks(step) {
            while let Some(piece) = framer.next(&mut input).unwrap() {
                assert_eq!(piece.first, open.is_empty());
                open.extend(piece.carried.bytes());
                open.extend(piece.raw);
                if piece.last {
                    all.push(core::mem::take(&mut open));
                }
            }
            assert!(input.is_empty());
        }
        assert!(open.is_empty() && framer.at_boundary());
        all
    }

    #[test]
    fn any_cut_gives_the_same_messages() {
        let whole = [message(b'Q', b"select 1\0"), message(b'S', b""), message(b'd', &[7; 300])];
        let stream = whole.concat();
        for step in 1..=stream.len() {
            assert_eq!(messages(&stream, step), whole, "cut at {step}");
        }
    }

    #[test]
    fn a_whole_message_is_seen_and_not_taken() {
        // Whose body looks like a message.
        let (first, second) = (message(b'd', &message(b'S', b"")), message(b'S', b""));
        let stream = [first.clone(), second.clone()].concat();
        let mut framer = Framer::new(any);
        assert_eq!(framer.whole(&stream), Some(first.as_slice()));
        assert_eq!(framer.whole(&stream[first.len()..]), Some(second.as_slice()));
        for end in 0..first.len() {
            assert_eq!(framer.whole(&stream[..end]), None, "cut at {end}");
        }
        framer.next(&mut &stream[..5]).unwrap();
        assert_eq!(framer.whole(&stream[5..]), None, "in the middle of a message");
        assert_eq!(Framer::new(|_| None).whole(&stream), None, "of no known kind");
    }

    #[test]
    fn a_run_is_skipped_whatever_the_cut() {
        let rows = [message(b'D', b"abc"), message(b'D', b""), message(b'D', &[1; 50])].concat();
        let stream = [rows.clone(), message(b'C', b"SELECT 3\0")].concat();
        for step in 1..=stream.len() {
            let (mut framer, mut skipped, mut tail) = (Framer::new(any), 0, Vec::<u8>::new());
            for chunk in stream.chunks(step) {
                let mut input = chunk;
                while !input.is_empty() {
                    let n = framer.skip_run(input, b'D');
                    skipped += n;
                    input = &input[n..];
                    if let Some(piece) = framer.next(&mut input).unwrap() {
                        if piece.kind == b'D' {
                            skipped += piece.carried.bytes().len() + piece.raw.len();
                        } else {
                            tail.extend(piece.carried.bytes());
                            tail.extend(piece.raw);
                        }
                    }
                }
            }
            assert_eq!(skipped, rows.len(), "cut at {step}");
            assert_eq!(tail, stream[rows.len()..], "cut at {step}");
        }
    }

    #[test]
    fn lengths_and_kinds_are_checked_before_anything_is_taken() {
        let only_q = |kind| (kind == b'Q').then_some(10);
        let check = |stream: &[u8]| Framer::new(only_q).next(&mut &stream[..]).map(|_| ());
        assert_eq!(check(&[b'Q', 0, 0, 0, 3]), Err(FrameError::BadLength { kind: b'Q', length: 3 }));
        assert_eq!(check(&[b'Q', 0, 0, 0, 15]), Err(FrameError::BadLength { kind: b'Q', length: 15 }));
        assert_eq!(
            check(&[b'Q', 255, 255, 255, 255]),
            Err(FrameError::BadLength { kind: b'Q', length: u32::MAX })
        );
        assert_eq!(check(&[b'@', 0, 0, 0, 4]), Err(FrameError::UnknownKind { kind: b'@' }));
        assert_eq!(check(&[b'Q', 0, 0, 0, 14]), Ok(()));
    }
}
