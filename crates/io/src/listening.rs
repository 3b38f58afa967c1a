//! Accepting clients and dealing them out.

use core::time::Duration;
use std::io;
use std::sync::atomic::Ordering;

use pgherd_pool::Home;

use crate::Observation;
use crate::driver::FdWatch;
use crate::event_loop::{Due, EventLoop};
use crate::listener::Listener;
use crate::shared::{Letter, Shared};
use crate::token::Token;

/// The sockets that clients connect to. The first loop has them all, and deals the clients to the loops in turn.
#[derive(Debug)]
pub(crate) struct Listening {
    listeners: Vec<Listener>,
    paused: bool,
    next: u16,
    /// Counts the turns of the loop.
    turn: u64,
    /// The last turn in which somebody waited at a listener.
    busy: u64,
    /// How often somebody did, turn after turn.
    in_a_row: usize,
}

/// Clients that are accepted before the others' turn, when they come in a crowd. Otherwise it is one: to find that
/// nobody else waits costs as much as a client does, and whoever does is told of in the next turn.
const ACCEPTS_PER_TURN: usize = 64;

/// How often in a row, turn after turn, clients come in a crowd.
const CROWD: usize = 4;

/// How long no clients are accepted when there can be no more.
const PAUSE: Duration = Duration::from_millis(20);

impl Listening {
    pub(crate) fn new(listeners: Vec<Listener>) -> Self {
        Listening { listeners, paused: false, next: 0, turn: 0, busy: 0, in_a_row: 0 }
    }

    /// A turn of the loop begins.
    pub(crate) fn begin_turn(&mut self) {
        self.turn += 1;
    }

    /// How many clients to accept of those who wait.
    fn accepts(&mut self) -> usize {
        let goes_on = self.turn.wrapping_sub(self.busy) <= 1;
        self.in_a_row = if goes_on { self.in_a_row.saturating_add(1) } else { 1 };
        self.busy = self.turn;
        if self.in_a_row >= CROWD { ACCEPTS_PER_TURN } else { 1 }
    }
}

impl Shared {
    /// A client has said who it is, or has gone without.
    pub(crate) fn started(&self) {
        self.starting.fetch_sub(1, Ordering::AcqRel);
    }
}

impl EventLoop {
    pub(crate) fn watch_listeners(&mut self) -> io::Result<()> {
        for (place, listener) in self.listening.listeners.iter().enumerate() {
            self.driver.watch_fd(listener.socket(), Token::Listener(place as u32), FdWatch::Level)?;
        }
        Ok(())
    }

    /// Watches a listener that was told of once, as long as clients are accepted.
    pub(crate) fn watch_listener_again(&mut self, place: u32) {
        if let Some(listener) = self.listening.listeners.get(place as usize)
            && !self.listening.paused
        {
            // A ring takes it: see `watch_fd`.
            let _ = self.driver.watch_fd(listener.socket(), Token::Listener(place), FdWatch::Level);
        }
    }

    /// Accepts who waits at a listener.
    pub(crate) fn accept(&mut self, place: u32) {
        for _ in 0..self.listening.accepts() {
            if self.shared.starting.load(Ordering::Acquire) >= self.shared.starting_limit {
                return self.pause();
            }
            let Some(listener) = self.listening.listeners.get(place as usize) else { return };
            match listener.accept() {
                Ok(None) => return,
                Ok(Some((socket, peer))) => {
                    self.shared.starting.fetch_add(1, Ordering::AcqRel);
                    self.shared.clients.fetch_add(1, Ordering::AcqRel);
                    match self.deal() {
                        home if home == self.home => self.adopt(socket, peer),
                        home => self.shared.send(home, Letter::Client(socket, peer)),
                    }
                }
                Err(error) => {
                    self.shared.observe(Observation::AcceptFailed(&error));
                    return self.pause();
                }
            }
        }
    }

    /// The loop of the next client. The other loops may have ended when pgherd is shutting down.
    fn deal(&mut self) -> Home {
        if self.draining.is_some() {
            return self.home;
        }
        let home = Home(self.listening.next);
        self.listening.next = (self.listening.next + 1) % self.shared.loops.len() as u16;
        home
    }

    /// Accepts nobody for a while: the listeners would be reported again and again.
    fn pause(&mut self) {
        if !self.listening.paused {
            self.listening.paused = true;
            self.unwatch_listeners();
            self.wheel.insert(self.now.plus(PAUSE), Due::Accept);
        }
    }

    pub(crate) fn accept_again(&mut self) {
        if !self.listening.paused {
            return;
        }
        self.listening.paused = false;
        if self.watch_listeners().is_err() {
            self.pause();
        }
    }

    pub(crate) fn stop_listening(&mut self) {
        self.unwatch_listeners();
        self.listening.listeners.clear();
    }

    fn unwatch_listeners(&mut self) {
        for (place, listener) in self.listening.listeners.iter().enumerate() {
            self.driver.unwatch_fd(listener.socket(), Token::Listener(place as u32));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ACCEPTS_PER_TURN, Listening};

    #[test]
    fn one_is_accepted_unless_they_come_turn_after_turn() {
        let mut listening = Listening::new(Vec::new());
        let mut after = |turns: &[usize]| {
            let accepts = turns.iter().map(|turns| {
                (0..*turns).for_each(|_| listening.begin_turn());
                listening.accepts()
            });
            accepts.collect::<Vec<_>>()
        };
        assert_eq!(after(&[10, 1, 1]), [1; 3]);
        assert_eq!(after(&[1, 1]), [ACCEPTS_PER_TURN; 2]);
        assert_eq!(after(&[2, 1, 1, 1]), [1, 1, 1, ACCEPTS_PER_TURN], "a turn without anybody ends it");
        assert_eq!(after(&[2, 0, 0, 0]), [1, 1, 1, ACCEPTS_PER_TURN], "listeners count alike");
    }
}
