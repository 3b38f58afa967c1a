use std::collections::VecDeque;
use std::sync::Arc;

use pgherd_types::Identity;

use crate::Home;

/// Names one request for a backend, from [`Pool::acquire`](crate::Pool::acquire) to its grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// A request that waits.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(crate) ticket: Ticket,
    pub(crate) identity: Arc<Identity>,
    pub(crate) home: Home,
}

/// The requests for one node, in the order in which they are granted.
#[derive(Debug, Default)]
pub(crate) struct Waiters(VecDeque<Waiter>);

impl Waiters {
    pub(crate) fn push(&mut self, waiter: Waiter) {
        self.0.push_back(waiter);
    }

    pub(crate) fn head(&self) -> Option<&Waiter> {
        self.0.front()
    }

    pub(crate) fn pop(&mut self) -> Option<Waiter> {
        self.0.pop_front()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Removes a request, wherever it stands. False when it is not here.
    pub(crate) fn forget(&mut self, ticket: Ticket) -> bool {
        let before = self.0.len();
        self.0.retain(|waiter| waiter.ticket != ticket);
        self.0.len() < before
    }
}
