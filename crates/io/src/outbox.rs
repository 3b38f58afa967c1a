//! What is to be written at the end of a turn, where the loop writes by calls.
//!
//! Whoever gets a message wakes up, and often takes the processor at once. So all that there is to read is read first,
//! and a stream that was written to several times gets it in one write.

use std::io::IoSlice;

use pgherd_uring::Rank;

use crate::driver::rank;
use crate::token::Token;

/// The writes of a turn: one for each stream.
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

/// What a stream is to be written; nothing when it was taken back.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) token: Token,
    pub(crate) bytes: Vec<u8>,
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

    /// Ends the turn: what is put here from now on is of the next. Returns what each stream is to be written, in the
    /// order in which they were first written to, and wants it back.
    pub(crate) fn end_turn(&mut self) -> Vec<Slot> {
        if !self.slots.is_empty() {
            self.turn = self.turn.wrapping_add(1).max(1);
        }
        core::mem::take(&mut self.slots)
    }

    /// Takes back what was written, for its memory.
    pub(crate) fn recycle(&mut self, mut slots: Vec<Slot>) {
        for Slot { mut bytes, .. } in slots.drain(..) {
            if self.spare.len() < SPARE_SLOTS && bytes.capacity() <= SPARE_BYTES {
                bytes.clear();
                self.spare.push(bytes);
            }
        }
        self.slots = slots;
    }
}

/// What there is to write, in the order in which it is to be written.
pub(crate) fn in_order(slots: &[Slot]) -> impl Iterator<Item = &Slot> {
    let of_rank = |wanted| slots.iter().filter(move |slot| rank(slot.token) == wanted);
    of_rank(Rank::First).chain(of_rank(Rank::Last)).filter(|slot| !slot.bytes.is_empty())
}

#[cfg(test)]
mod tests {
    use std::io::IoSlice;

    use super::{Outbox, Place, in_order};
    use crate::slab::Slab;
    use crate::token::Token;

    fn tokens() -> [Token; 2] {
        let mut slab = Slab::default();
        [(); 2].map(|()| Token::Client(slab.insert(())))
    }

    fn ended(outbox: &mut Outbox) -> Vec<(u64, Vec<u8>)> {
        let slots = outbox.end_turn();
        let written = in_order(&slots).map(|slot| (slot.token.bits(), slot.bytes.clone())).collect();
        outbox.recycle(slots);
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
    fn servers_are_written_to_before_clients() {
        let mut slab = Slab::default();
        let [a, b, c, d] = [Token::Client, Token::Backend, Token::Client, Token::Backend]
            .map(|token| token(slab.insert(())));
        let mut outbox = Outbox::new();
        for token in [a, b, c, d] {
            outbox.put(token, &mut Place::default(), &[IoSlice::new(b"x")]);
        }
        let order: Vec<u64> = ended(&mut outbox).into_iter().map(|(token, _)| token).collect();
        assert_eq!(order, [b, d, a, c].map(Token::bits));
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
