//! Clients come and go.

use core::time::Duration;
use std::io::IoSlice;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use pgherd_pool::Home;
use pgherd_session::{Action, Closing, Session, Shutdown};
use pgherd_types::SessionId;
use pgherd_wire::error_response::ErrorResponse;
use pgherd_wire::sqlstate;

use crate::client_conn::{Alarms, Client, Input, Place};
use crate::event_loop::{Due, EventLoop};
use crate::few::Few;
use crate::parting::Whose;
use crate::session_entry::SessionEntry;
use crate::shared::Letter;
use crate::slab::Key;
use crate::stream::Stream;
use crate::token::Token;
use crate::{Observation, Peer};

/// Loops that session ids can tell apart.
pub(crate) const LOOPS: usize = 1 << LOOP_BITS;

const LOOP_BITS: u32 = 6;

/// How long a client may take to say who it is where `authentication_timeout` is off. Where it is on, its session sees
/// to that.
const STARTUP: Duration = Duration::from_secs(60);

/// The loop that a session lives on.
pub(crate) fn home_of(session: SessionId) -> Home {
    Home((session.0 % LOOPS as u32) as u16)
}

impl EventLoop {
    /// Takes a client in.
    pub(crate) fn adopt(&mut self, socket: OwnedFd, peer: Peer) {
        let key = match self.draining {
            Some(Shutdown::Fast | Shutdown::Immediate) => None,
            Some(Shutdown::Smart) | None => self.new_client(socket, peer),
        };
        let Some(key) = key else {
            self.shared.starting.fetch_sub(1, Ordering::AcqRel);
            self.shared.clients.fetch_sub(1, Ordering::AcqRel);
            return;
        };
        self.start_session(key);
        if self.world.live.policy.authentication_timeout.is_none() {
            self.wheel.insert(self.now.plus(STARTUP), Due::Startup(key));
        }
    }

    fn new_client(&mut self, socket: OwnedFd, peer: Peer) -> Option<Key> {
        let id = self.new_session_id();
        let secret = self.world.cancel_keys.next().ok()?;
        let now = self.now;
        let key = self.clients.insert_with(|key| Client {
            session: Session::new(id, secret),
            stream: Stream::new(socket),
            input: Input::Flowing,
            place: Place::NotAsked,
            legs: Few::None,
            clogged_legs: 0,
            asks: Few::None,
            alarms: Alarms::default(),
            own_policy: None,
            entry: Arc::new(SessionEntry::new(id, key, peer, now)),
        });
        let client = self.clients.get_mut(key)?;
        let entry = Arc::clone(&client.entry);
        if self.driver.watch(&mut client.stream, Token::Client(key), false).is_err() {
            self.clients.remove(key);
            return None;
        }
        if let Some(mine) = self.shared.per_loop(self.home) {
            mine.sessions().insert(id, entry);
        }
        self.shared.observe(Observation::Connected { session: id, peer: &peer });
        Some(key)
    }

    /// The client of a session of this loop.
    pub(crate) fn client_of(&self, session: SessionId) -> Option<Key> {
        self.shared.per_loop(self.home)?.sessions().get(&session).map(|entry| entry.key())
    }

    /// An id that no session of this loop has: 31 bits, not 0, the loop in the lowest ones.
    fn new_session_id(&mut self) -> SessionId {
        loop {
            self.next_session = (self.next_session + 1) % (1 << (31 - LOOP_BITS));
            let id = SessionId(self.next_session << LOOP_BITS | u32::from(self.home.0));
            if self.next_session != 0 && self.client_of(id).is_none() {
                return id;
            }
        }
    }

    fn start_session(&mut self, key: Key) {
        let Some(client) = self.clients.get_mut(key) else { return };
        let mut context = self.world.context(self.now, None);
        client.session.start(&mut context, &mut self.actions);
        let (list, made) = self.actions.take();
        for action in &list {
            if let &Action::Arm(timer, due) = action
                && let Some(due) = client.alarms.arm(timer, due)
            {
                self.wheel.insert(due, Due::Session(key));
            }
        }
        self.actions.recycle(list, made);
    }

    /// A client that has not said who it is by now is not worth a descriptor.
    pub(crate) fn startup_limit(&mut self, key: Key) {
        if self.clients.get(key).is_some_and(|client| client.place == Place::NotAsked) {
            self.close_client(key, Closing::TimeLimit);
        }
    }

    /// A session failed inside pgherd: it is ended, and nothing else.
    pub(crate) fn session_failed(&mut self, key: Key) {
        let Some(client) = self.clients.get(key) else { return };
        self.shared.observe(Observation::SessionPanicked { session: client.session.id() });
        // What it wanted done is as unreliable as itself, but for the leases, which must not be lost.
        let (list, made) = self.actions.take();
        self.actions.recycle(list, made);
        let mut last = Vec::new();
        ErrorResponse::fatal(sqlstate::INTERNAL_ERROR, "internal error in pgherd").put(&mut last);
        self.write_client(key, &[IoSlice::new(&last)]);
        self.close_client(key, Closing::Failed);
    }

    /// Ends a session: its place is given back, what it still holds is closed, its client gets the last bytes.
    pub(crate) fn close_client(&mut self, key: Key, why: Closing) {
        let Some(mut client) = self.clients.remove(key) else { return };
        self.driver.write_out(&mut client.stream);
        let id = client.session.id();
        if let Some(mine) = self.shared.per_loop(self.home) {
            mine.sessions().remove(&id);
        }
        for leg in client.legs.iter() {
            self.discard_backend(leg.key);
        }
        for &(ticket, node) in client.asks.iter() {
            // One that is granted already finds nobody here, and goes back.
            self.with_pool(|pool, _| pool.forget(node, ticket));
            self.asks.remove(&ticket);
        }
        match client.place {
            Place::NotAsked => self.shared.started(),
            Place::Waiting | Place::Answered => self.give_place_back(id),
        }
        let after = self.now.since(client.entry.connected());
        self.shared.observe(Observation::Closed { session: id, why, after });
        let listens = !matches!(client.input, Input::Ended) && why != Closing::Client;
        if listens || client.stream.is_clogged() {
            self.begin_parting(client.stream, Whose::Client);
        }
        if self.shared.clients.fetch_sub(1, Ordering::AcqRel) == 1 && self.draining.is_some() {
            self.shared.send_all(|| Letter::Wake);
        }
    }

    /// The loop ends: what is still open is closed in the polite way.
    pub(crate) fn leave(&mut self) {
        for key in self.backends.keys().collect::<Vec<_>>() {
            self.discard_backend(key);
        }
        self.effects.clear();
    }
}
