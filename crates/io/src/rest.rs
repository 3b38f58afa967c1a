//! Streams that bring much are read at intervals.
//!
//! A server sends a long result in pieces of 8 KiB. Told of each of them, the loop wakes up, receives and sends for
//! each; left alone for a moment, it finds many of them, and moves them with two calls. So a stream that has brought
//! much is watched no more: it is read, rests, and is read again, until it brings little. See
//! docs/decisions/0046-long-results-are-read-at-intervals.md.

use core::time::Duration;
use std::collections::VecDeque;
use std::time::Instant;

use crate::token::Token;

/// How long a stream rests. What comes meanwhile waits in the socket, and who waits for the end of a long result waits
/// so much longer at the most.
const REST: Duration = Duration::from_micros(200);

/// Rests that end so soon one after the other end together.
const TOGETHER: Duration = Duration::from_micros(50);

/// Streams that rest, the first to be read first.
#[derive(Debug, Default)]
pub(crate) struct Resting(VecDeque<(Instant, Token)>);

impl Resting {
    /// Lets a stream rest from now on.
    pub(crate) fn put(&mut self, token: Token, now: Instant) {
        self.0.push_back((now + REST, token));
    }

    /// True when no stream rests.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A stream whose rest is over, which rests no more.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Token> {
        let (end, token) = *self.0.front()?;
        if end > now + TOGETHER {
            return None;
        }
        self.0.pop_front();
        Some(token)
    }

    /// How long the first of them still rests.
    pub(crate) fn left(&self, now: Instant) -> Option<Duration> {
        self.0.front().map(|(end, _)| end.saturating_duration_since(now))
    }
}

/// What is known of a stream that brings much.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bulk {
    pace: Pace,
    /// Goes down when there is nothing to be read, and slowly up again.
    patience: u8,
}

/// Where a stream that brings much is between two reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// A read has brought much.
    Much,
    /// A read has brought little.
    Little,
    /// There was nothing to read.
    Nothing,
    /// It will be read again after a rest.
    Resting,
    /// It will be told of when there is something to read.
    Waiting,
}

/// What is to be done with a stream that brings much when all that it has brought was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// It rests, and is read again.
    Rest,
    /// Somebody has to tell when it brings something.
    Wait,
    /// It brings little by now.
    Leave,
    /// Nothing: that is seen to already.
    Stay,
}

/// How often nothing may be there to be read from a stream that brings much, beyond each second time.
const PATIENCE: u8 = 16;

impl Bulk {
    pub(crate) fn new() -> Self {
        Bulk { pace: Pace::Much, patience: PATIENCE }
    }

    /// Notes that a read has brought so many bytes, or nothing.
    pub(crate) fn note(&mut self, count: usize) {
        (self.pace, self.patience) = match count {
            0 => (Pace::Nothing, self.patience.saturating_sub(2)),
            1..PIECE => (Pace::Little, self.patience),
            PIECE.. => (Pace::Much, PATIENCE.min(self.patience + 1)),
        };
    }

    /// True when somebody has to tell when it brings something.
    pub(crate) fn waits(self) -> bool {
        self.pace == Pace::Waiting
    }

    /// What follows when nothing is left to be read.
    pub(crate) fn then(&mut self) -> Then {
        let (pace, then) = match self.pace {
            Pace::Much => (Pace::Resting, Then::Rest),
            Pace::Nothing if self.patience > 0 => (Pace::Waiting, Then::Wait),
            Pace::Nothing | Pace::Little => (self.pace, Then::Leave),
            Pace::Resting | Pace::Waiting => (self.pace, Then::Stay),
        };
        self.pace = pace;
        then
    }
}

/// How much a stream has brought since it was last written to, or last brought little: pieces of [`PIECE`] bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Brought(u8);

/// A read of less brings little.
const PIECE: usize = 2 * 1024;

/// Pieces in a row that are much: 256 KiB.
const MUCH: u8 = 128;

impl Brought {
    /// Notes a read of so many bytes.
    pub(crate) fn note(&mut self, count: usize) {
        let pieces = u8::try_from(count / PIECE).unwrap_or(u8::MAX);
        self.0 = if pieces == 0 { 0 } else { self.0.saturating_add(pieces) };
    }

    /// What comes now belongs to something else.
    pub(crate) fn forget(&mut self) {
        self.0 = 0;
    }

    /// True when it was much.
    pub(crate) fn is_much(self) -> bool {
        self.0 >= MUCH
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{REST, Resting, TOGETHER};
    use crate::slab::Slab;
    use crate::token::Token;

    #[test]
    fn rests_end_in_order_and_together_when_they_are_near() {
        let mut slab = Slab::default();
        let [a, b, c] = [(); 3].map(|()| Token::Backend(slab.insert(())));
        let (mut resting, start) = (Resting::default(), Instant::now());
        assert_eq!(resting.left(start), None);
        resting.put(a, start);
        resting.put(b, start + TOGETHER);
        resting.put(c, start + REST);
        assert_eq!(resting.left(start), Some(REST));
        assert!(resting.next(start).is_none());
        let end = start + REST;
        assert_eq!(resting.next(end).map(Token::bits), Some(a.bits()));
        assert_eq!(resting.next(end).map(Token::bits), Some(b.bits()));
        assert!(resting.next(end).is_none());
        assert_eq!(resting.left(end), Some(REST));
        assert_eq!(resting.left(end + REST + REST), Some(core::time::Duration::ZERO));
        assert!(!resting.is_empty());
    }
}
