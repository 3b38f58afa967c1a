//! What a ring says: the bytes that it brought, and what it could not send.

use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use pgherd_session::Event;
use pgherd_types::BackendId;
use pgherd_uring::{Completion, End, Memory};
use rustix::event::epoll::EventFlags;

use crate::backend_conn::{Backend, Stage};
use crate::client_conn::Client;
use crate::driver::Driver;
use crate::event_loop::{EventLoop, ask_for_slice};
use crate::pending::Pending;
use crate::reading::may_read;
use crate::slab::{Key, Slab};
use crate::stream::{Carrier, Last, Stream};
use crate::token::Token;

/// Bytes that are dealt with before what they made is sent. More would be more than sockets take at once.
const BYTES_PER_TURN: usize = 128 * 1024;

impl EventLoop {
    /// Serves with a ring, until all is over.
    ///
    /// # Panics
    /// When the kernel fails.
    pub(crate) fn run_on_ring(&mut self) {
        let Driver::Ring(driver) = &self.driver else { return };
        driver.ring.enable().expect("a ring that was made can be used");
        let memory = driver.ring.memory();
        ask_for_slice();
        let mut fired = Vec::new();
        while !self.is_over() {
            self.feed_the_starved();
            let limit = if self.driver.is_in_a_hurry() { Some(Duration::ZERO) } else { self.sleep() };
            self.driver.turn(limit);
            // Before anything else is sent.
            while let Some((token, rest, broken)) = self.driver.next_unsent() {
                self.unsent(token, rest, broken);
            }
            self.begin_turn();
            let mut bytes = 0;
            while bytes < BYTES_PER_TURN
                && let Some(said) = self.driver.next_heard()
            {
                bytes += self.heard(said, &memory);
                self.settle();
            }
            self.end_turn(&mut fired);
        }
    }

    /// Deals with what the kernel has said. Returns how many bytes it brought.
    fn heard(&mut self, said: Completion, memory: &Memory) -> usize {
        match said {
            Completion::Received { name, bytes, more } => {
                let count = memory.bytes(&bytes).len();
                match Token::from_bits(name) {
                    Token::Client(key) => self.client_brought(key, memory.bytes(&bytes), more),
                    Token::Backend(key) => self.backend_brought(key, memory.bytes(&bytes), more),
                    // Of these only readiness is told.
                    Token::Dialling(_)
                    | Token::Canceller(_)
                    | Token::Parting(_)
                    | Token::Listener(_)
                    | Token::Mailbox => {}
                }
                self.driver.give_back(bytes);
                return count;
            }
            Completion::Ended { name, why } => self.receiving_ended(Token::from_bits(name), why),
            Completion::Ready { name, mask, more } => self.ready(Token::from_bits(name), mask, more),
            // It came first.
            Completion::Unsent { .. } => {}
        }
        0
    }

    fn client_brought(&mut self, key: Key, bytes: &[u8], more: bool) {
        let Some(client) = self.clients.get_mut(key) else { return };
        let Carrier::Ring(by_ring) = &mut client.stream.carrier else { return };
        by_ring.goes_on(more);
        client.stream.brought.note(bytes.len());
        if client.stream.readable || !client.may_read() {
            self.keep_for_later(Token::Client(key), bytes);
            return self.queue_client(key);
        }
        if client.stream.brought.is_much() {
            self.driver.stop_for_bulk(&mut client.stream);
        }
        self.deliver(key, Event::ClientBytes(bytes));
        self.keep_held(key, bytes);
        if !more {
            self.receive_again(Token::Client(key));
        }
    }

    fn backend_brought(&mut self, key: Key, bytes: &[u8], more: bool) {
        let Some(backend) = self.backends.get_mut(key) else { return };
        let Carrier::Ring(by_ring) = &mut backend.stream.carrier else { return };
        by_ring.goes_on(more);
        backend.stream.brought.note(bytes.len());
        let may_read = may_read(&self.clients, &backend.stage);
        if backend.stream.readable || !may_read {
            self.keep_for_later(Token::Backend(key), bytes);
            if may_read {
                self.queue_backend(key);
            }
            return;
        }
        if backend.stream.brought.is_much() {
            self.driver.stop_for_bulk(&mut backend.stream);
        }
        self.backend_bytes(key, bytes);
        if !more {
            self.receive_again(Token::Backend(key));
        }
    }

    /// Keeps what came while it cannot be dealt with, and lets nothing more come. What the kernel has ready at that
    /// moment, the buffers of the ring at the most, is all that there can be.
    fn keep_for_later(&mut self, token: Token, bytes: &[u8]) {
        let EventLoop { driver, clients, backends, .. } = self;
        let Some(stream) = stream_of(clients, backends, token) else { return };
        if let Carrier::Ring(by_ring) = &mut stream.carrier {
            by_ring.keep(bytes);
            stream.readable = true;
            driver.hold(stream, token);
        }
    }

    /// Lets a stream bring more, at once or after a rest, unless something is still to be read.
    pub(crate) fn receive_again(&mut self, token: Token) {
        let EventLoop { driver, clients, backends, resting, .. } = self;
        if let Some(stream) = stream_of(clients, backends, token)
            && !stream.readable
            && driver.read_on(stream, token)
        {
            resting.put(token, Instant::now());
        }
    }

    /// Lets streams be read again whose rest is over.
    pub(crate) fn wake_the_resting(&mut self) {
        if self.resting.is_empty() {
            return;
        }
        let now = Instant::now();
        while let Some(token) = self.resting.next(now) {
            let EventLoop { clients, backends, .. } = self;
            // Another may have its name by now, or it may be told of again.
            if let Some(stream) = stream_of(clients, backends, token)
                && matches!(stream.carrier, Carrier::Bulk(_))
            {
                stream.readable = true;
                self.queue_stream(token);
            }
        }
    }

    fn queue_stream(&mut self, token: Token) {
        match token {
            Token::Client(key) => self.queue_client(key),
            Token::Backend(key) => self.queue_backend(key),
            Token::Dialling(_)
            | Token::Canceller(_)
            | Token::Parting(_)
            | Token::Listener(_)
            | Token::Mailbox => {}
        }
    }

    fn receiving_ended(&mut self, token: Token, why: End) {
        let EventLoop { driver, clients, backends, .. } = self;
        let Some(stream) = stream_of(clients, backends, token) else { return };
        let Carrier::Ring(by_ring) = &mut stream.carrier else { return };
        by_ring.goes_on(false);
        match why {
            End::Stopped if by_ring.bulk && by_ring.is_drained() => {
                driver.read_at_intervals(stream, token);
                stream.readable = true;
                self.queue_stream(token);
            }
            End::Stopped if by_ring.by_calls => {
                stream.readable = true;
                self.queue_stream(token);
            }
            End::Stopped => self.receive_again(token),
            End::NoBuffers => self.driver.starve(token),
            End::Closed => {
                by_ring.end(Last::Closed);
                self.brought_the_end(token, EventFlags::RDHUP);
            }
            End::Failed => {
                by_ring.end(Last::Failed);
                self.brought_the_end(token, EventFlags::ERR);
            }
        }
    }

    /// Deals with the end of a stream as with an event of epoll.
    fn brought_the_end(&mut self, token: Token, flags: EventFlags) {
        match token {
            Token::Client(key) => self.client_event(key, flags),
            Token::Backend(key) => self.backend_event(key, flags),
            Token::Dialling(_)
            | Token::Canceller(_)
            | Token::Parting(_)
            | Token::Listener(_)
            | Token::Mailbox => {}
        }
    }

    fn ready(&mut self, token: Token, mask: u32, more: bool) {
        let flags = EventFlags::from_bits_retain(mask);
        let EventLoop { clients, backends, .. } = self;
        if flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR)
            && let Some(stream) = stream_of(clients, backends, token)
            && let Carrier::Ring(by_ring) = &mut stream.carrier
        {
            by_ring.end_watched = false;
        }
        self.event(token, flags);
        match token {
            Token::Listener(place) => self.watch_listener_again(place),
            Token::Mailbox if !more => {
                // A ring takes it: see `watch_fd`.
                let _ = self.watch_mailbox();
            }
            Token::Client(_) | Token::Backend(_) if !more => self.watch_output_again(token),
            Token::Dialling(_) | Token::Canceller(_) | Token::Parting(_) if !more => self.watch_again(token),
            Token::Client(_)
            | Token::Backend(_)
            | Token::Mailbox
            | Token::Dialling(_)
            | Token::Canceller(_)
            | Token::Parting(_) => {}
        }
    }

    /// The kernel did not take all of what was sent in the last turn.
    pub(crate) fn unsent(&mut self, token: Token, rest: Vec<u8>, broken: bool) {
        match token {
            Token::Client(key) => self.client_unsent(key, rest, broken),
            Token::Backend(key) => self.backend_unsent(key, rest, broken),
            Token::Dialling(_)
            | Token::Canceller(_)
            | Token::Parting(_)
            | Token::Listener(_)
            | Token::Mailbox => {}
        }
    }

    fn client_unsent(&mut self, key: Key, rest: Vec<u8>, broken: bool) {
        let Some(client) = self.clients.get_mut(key) else { return };
        if broken {
            client.stream.fail();
            return self.pending.push_back((key, Pending::ClientLost));
        }
        client.stream.keep_unsent(rest);
        self.driver.rewatch(&mut client.stream, Token::Client(key), true);
    }

    fn backend_unsent(&mut self, key: Key, rest: Vec<u8>, broken: bool) {
        let Some(backend) = self.backends.get_mut(key) else { return };
        if broken {
            // The server's last words are still to be read.
            backend.stream.fail();
            return self.queue_backend(key);
        }
        backend.stream.keep_unsent(rest);
        if let Stage::Leased(client) | Stage::Gone(client) = backend.stage
            && let Some(client) = self.clients.get_mut(client)
        {
            client.clogged_legs += 1;
        }
        self.driver.rewatch(&mut backend.stream, Token::Backend(key), true);
    }

    /// Receives again from streams that found no buffer, as many as there are buffers.
    fn feed_the_starved(&mut self) {
        let mut armed = 0;
        while let Some(token) = self.driver.next_starved(armed) {
            armed += 1;
            self.receive_again(token);
        }
    }

    /// Lets nothing more come from a backend that goes to another loop, and deals with what came before.
    pub(crate) fn stop_receiving(&mut self, id: BackendId) {
        let Some(&key) = self.idle.get(&id) else { return };
        let Some(backend) = self.backends.get_mut(key) else { return };
        if self.driver.stop_receiving(&mut backend.stream).is_err() {
            self.drop_backend(key);
        }
    }

    /// Deals with what the kernel has said of a backend already, before its turn.
    pub(crate) fn hear_of_backend(&mut self, key: Key) {
        while let Some(said) = self.driver.next_heard_of(Token::Backend(key)) {
            if let Driver::Ring(driver) = &self.driver {
                let memory: Arc<Memory> = driver.ring.memory();
                self.heard(said, &memory);
            }
        }
    }

    /// A watch of a stream has ended: the one of its end, which is told once, or the one of its output, which is still
    /// needed while something is unsent.
    fn watch_output_again(&mut self, token: Token) {
        let EventLoop { driver, clients, backends, .. } = self;
        if let Some(stream) = stream_of(clients, backends, token)
            && stream.is_clogged()
        {
            driver.watch_on(stream, token);
        }
    }

    fn watch_again(&mut self, token: Token) {
        let EventLoop { driver, diallings, cancellers, partings, .. } = self;
        let stream = match token {
            Token::Dialling(key) => diallings.get_mut(key).and_then(|dialling| dialling.stream()),
            Token::Canceller(key) => cancellers.get_mut(key).map(|canceller| &mut canceller.stream),
            Token::Parting(key) => partings.get_mut(key).map(|parting| &mut parting.stream),
            Token::Client(_) | Token::Backend(_) | Token::Listener(_) | Token::Mailbox => None,
        };
        if let Some(stream) = stream {
            driver.watch_on(stream, token);
        }
    }
}

/// A stream whose bytes a ring may move.
pub(crate) fn stream_of<'a>(
    clients: &'a mut Slab<Client>,
    backends: &'a mut Slab<Backend>,
    token: Token,
) -> Option<&'a mut Stream> {
    match token {
        Token::Client(key) => clients.get_mut(key).map(|client| &mut client.stream),
        Token::Backend(key) => backends.get_mut(key).map(|backend| &mut backend.stream),
        Token::Dialling(_)
        | Token::Canceller(_)
        | Token::Parting(_)
        | Token::Listener(_)
        | Token::Mailbox => None,
    }
}
