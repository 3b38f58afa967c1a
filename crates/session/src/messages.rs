//! Whole messages of a server, for the machines that read a backend while no session does.

use pgherd_wire::{Framer, backend};

use pgherd_types::limits;

/// Cuts a server's stream into whole messages of at most [`limits::GATHER_BACKEND_BYTES`].
#[derive(Debug)]
pub(crate) struct Messages {
    framer: Framer,
    begun: Vec<u8>,
}

/// The stream is none that a server sends in this situation, and what it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Misbehaved(pub(crate) &'static str);

impl Messages {
    pub(crate) fn new() -> Self {
        Messages { framer: Framer::new(backend::largest_body), begun: Vec::new() }
    }

    /// True when no message is begun.
    pub(crate) fn at_boundary(&self) -> bool {
        self.framer.at_boundary()
    }

    /// Takes the next message off `input`, if it is there to its end, and lets `read` look at it.
    pub(crate) fn next<T>(
        &mut self,
        input: &mut &[u8],
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, Misbehaved> {
        loop {
            let piece = self.framer.next(input).map_err(|_| Misbehaved("broke the framing"))?;
            let Some(piece) = piece else { return Ok(None) };
            if let Some(whole) = piece.whole() {
                return Ok(Some(read(whole)));
            }
            if self.begun.len() + piece.raw.len() > limits::GATHER_BACKEND_BYTES {
                return Err(Misbehaved("sent a message that is too long here"));
            }
            self.begun.extend_from_slice(piece.carried.bytes());
            self.begun.extend_from_slice(piece.raw);
            if piece.last {
                let message = core::mem::take(&mut self.begun);
                return Ok(Some(read(&message)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use pgherd_types::limits;

    use super::Messages;

    #[test]
    fn messages_come_whole_whatever_the_cut() {
        let stream = b"S\0\0\0\x08a\0b\0Z\0\0\0\x05I";
        for cut in 1..=stream.len() {
            let (mut messages, mut seen) = (Messages::new(), Vec::new());
            for mut input in stream.chunks(cut) {
                while let Some(message) = messages.next(&mut input, <[u8]>::to_vec).unwrap() {
                    seen.push(message);
                }
            }
            assert_eq!(seen, [&stream[..9], &stream[9..]], "cut at {cut}");
            assert!(messages.at_boundary());
        }
    }

    #[test]
    fn an_endless_message_is_not_gathered() {
        let mut messages = Messages::new();
        let mut head = vec![b'N', 0, 1, 0, 0];
        head.resize(limits::GATHER_BACKEND_BYTES - 10, b'x');
        assert_eq!(messages.next(&mut &head[..], |_| ()), Ok(None));
        assert!(messages.next(&mut &[b'x'; 20][..], |_| ()).is_err());
    }
}
