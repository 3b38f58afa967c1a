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
