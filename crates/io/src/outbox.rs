//! What is to be written at the end of a turn, where the loop writes by calls.
//!
//! Whoever gets a message wakes up, and often takes the processor at once. So all that there is to read is read first,
//! and a stream that was written to several times gets it in one write.

use std::io::IoSlice;

use crate::token::Token;

/// The writes of a turn, in the order in which their streams were first written to.
#[derive(Debug)]
pub(crate) struct Outbox {
    slots: Vec<Slot>,
    /// Memory of slots that were written, for later turns.
    spare: Vec<Vec<u8>>,
    /// Counts turns, so that a place of another one is told apart.
    turn: u32,
}

/// Where a stream's bytes of this turn are collected. A default one is of no turn.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    turn: u32,
    slot: u32,
}

#[derive(Debug)]
struct Slot {
    token: Token,
    bytes: Vec<u8>,
}

/// Slots whose memory is kept.
const SPARE_SLOTS: usize = 128;

/// Bytes of memory that are kept of a slot.
const SPARE_BYTES: usize = 8 * 1024;

impl Outbox {
    pub(crate) fn new() -> Self {
        Outbox { slots: Vec::new(), spare: Vec::new(), turn: 1 }
    }

    /// Puts bytes behind those that the stream has here already.
    pub(crate) fn put(&mut self, token: Token, place: &mut Place, parts: &[IoSlice<'_>]) {
        if place.turn != self.turn {
            *place = Place { turn: self.turn, slot: self.slots.len() as u32 };
            self.slots.push(Slot { token, bytes: self.spare.pop().unwrap_or_default() });
        }
        if let Some(slot) = self.slots.get_mut(place.slot as usize) {
            parts.iter().for_each(|part| slot.bytes.extend_from_slice(part));
        }
    }

    /// What the stream would be written at the end of the turn, which it is not any more.
    pub(crate) fn take_back(&mut self, place: &mut Place) -> Vec<u8> {
        let place = core::mem::take(place);
        let slot = self.slots.get_mut(place.slot as usize).filter(|_| place.turn == self.turn);
        slot.map(|slot| core::mem::take(&mut slot.bytes)).unwrap_or_default()
    }

    /// Ends the turn: what is put here from now on is of the next. `write` is given each stream's bytes. False when
    /// there was nothing.
    pub(crate) fn end_turn(&mut self, mut write: impl FnMut(Token, &[u8])) -> bool {
        if self.slots.is_empty() {
            return false;
        }
        self.turn = self.turn.wrapping_add(1).max(1);
        for Slot { token, mut bytes } in self.slots.drain(..) {
            if !bytes.is_empty() {
                write(token, &bytes);
            }
            if self.spare.len() < SPARE_SLOTS && bytes.capacity() <= SPARE_BYTES {
                bytes.clear();
                self.spare.push(bytes);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::io::IoSlice;

    use super::{Outbox, Place};
    use crate::slab::Slab;
    use crate::token::Token;

    fn tokens() -> [Token; 2] {
        let mut slab = Slab::default();
        [(); 2].map(|()| Token::Client(slab.insert(())))
    }

    fn ended(outbox: &mut Outbox) -> Vec<(u64, Vec<u8>)> {
        let mut written = Vec::new();
        outbox.end_turn(|token, bytes| written.push((token.bits(), bytes.to_vec())));
        written
    }

    #[test]
    fn a_stream_gets_one_write_of_all_in_order() {
        let ([a, b], mut outbox) = (tokens(), Outbox::new());
        let [mut at_a, mut at_b] = [Place::default(); 2];
        outbox.put(a, &mut at_a, &[IoSlice::new(b"1"), IoSlice::new(b"2")]);
        outbox.put(b, &mut at_b, &[IoSlice::new(b"x")]);
        outbox.put(a, &mut at_a, &[IoSlice::new(b"3")]);
        assert_eq!(ended(&mut outbox), [(a.bits(), b"123".to_vec()), (b.bits(), b"x".to_vec())]);
        assert_eq!(ended(&mut outbox), []);
        // A place of an earlier turn is nobody else's now.
        outbox.put(b, &mut at_b, &[IoSlice::new(b"y")]);
        outbox.put(a, &mut at_a, &[IoSlice::new(b"4")]);
        assert_eq!(ended(&mut outbox), [(b.bits(), b"y".to_vec()), (a.bits(), b"4".to_vec())]);
    }

    #[test]
    fn what_is_taken_back_is_not_written() {
        let ([a, b], mut outbox) = (tokens(), Outbox::new());
        let [mut at_a, mut at_b] = [Place::default(); 2];
        outbox.put(a, &mut at_a, &[IoSlice::new(b"1")]);
        outbox.put(b, &mut at_b, &[IoSlice::new(b"x")]);
        assert_eq!(outbox.take_back(&mut at_a), b"1");
        assert_eq!(outbox.take_back(&mut at_a), b"");
        outbox.put(a, &mut at_a, &[IoSlice::new(b"2")]);
        assert_eq!(ended(&mut outbox), [(b.bits(), b"x".to_vec()), (a.bits(), b"2".to_vec())]);
        assert_eq!(outbox.take_back(&mut at_b), b"", "it is written already");
    }
}
