//! From the sockets to the sessions: who is read when.

use pgherd_session::{Event, Gone, ParkedStep, ResetStep};
use pgherd_types::BackendId;
use rustix::event::epoll::EventFlags;

use crate::backend_conn::{Backend, Stage};
use crate::client_conn::{Held, Input, Place};
use crate::event_loop::{EventLoop, READS_PER_TURN};
use crate::slab::Key;
use crate::stream::{Received, Sent, Stream};
use crate::token::Token;

impl EventLoop {
    pub(crate) fn client_event(&mut self, key: Key, flags: EventFlags) {
        let Some(client) = self.clients.get_mut(key) else { return };
        note(&mut client.stream, flags);
        if flags.contains(EventFlags::OUT) {
            self.flush_client(key);
        }
        let Some(client) = self.clients.get_mut(key) else { return };
        // Whoever hangs up while it waits for a place has said nothing that could still be done. At other times what
        // was said before is done first, as a server would.
        if flags.contains(EventFlags::ERR) || client.stream.hung_up && client.place == Place::Waiting {
            return self.client_gone(key);
        }
        self.read_client(key);
    }

    /// Reads a client as long as it is its turn and something is there.
    pub(crate) fn read_client(&mut self, key: Key) {
        let mut buffer = core::mem::take(&mut self.read_buffer);
        for _ in 0..READS_PER_TURN {
            let Some(client) = self.clients.get_mut(key) else { break };
            if !client.may_read() || !client.stream.readable {
                break;
            }
            match client.stream.receive(&mut buffer) {
                Received::Bytes(n) => {
                    let bytes = buffer.get(..n).unwrap_or_default();
                    self.deliver(key, Event::ClientBytes(bytes));
                    self.keep_held(key, bytes);
                }
                Received::Nothing => break,
                Received::Closed => {
                    client.stream.readable = false;
                    self.client_done(key);
                    break;
                }
                Received::Failed => {
                    client.stream.readable = false;
                    self.client_gone(key);
                    break;
                }
            }
        }
        self.read_buffer = buffer;
        self.queue_client(key);
        self.receive_again(Token::Client(key));
    }

    pub(crate) fn keep_held(&mut self, key: Key, bytes: &[u8]) {
        let Some(from) = self.cut.take() else { return };
        let Some(client) = self.clients.get_mut(key) else { return };
        let rest = bytes.get(from..).unwrap_or_default();
        if !matches!(client.input, Input::Ended) {
            client.input = Input::Held(Box::new(Held { bytes: rest.to_vec(), from: 0 }));
        }
    }

    /// Hands back to a session what it had held, and lets its client be read again.
    pub(crate) fn resume(&mut self, key: Key) {
        let Some(client) = self.clients.get_mut(key) else { return };
        let mut held = match core::mem::replace(&mut client.input, Input::Flowing) {
            Input::Held(held) => held,
            Input::Flowing => Box::default(),
            Input::Ended => {
                client.input = Input::Ended;
                return;
            }
        };
        let bytes = held.bytes.get(held.from..).unwrap_or_default();
        self.deliver(key, Event::ClientBytes(bytes));
        let cut = self.cut.take();
        let Some(client) = self.clients.get_mut(key) else { return };
        match cut {
            Some(cut) if !matches!(client.input, Input::Ended) => {
                held.from += cut;
                client.input = Input::Held(held);
            }
            Some(_) | None => self.queue_client(key),
        }
    }

    /// Puts a client in the list of those with more to read, if it has more and may be read.
    pub(crate) fn queue_client(&mut self, key: Key) {
        let Some(client) = self.clients.get_mut(key) else { return };
        if client.stream.readable && client.may_read() && !client.stream.queued {
            client.stream.queued = true;
            self.unread.push_back(Token::Client(key));
        }
    }

    fn flush_client(&mut self, key: Key) {
        let Some(client) = self.clients.get_mut(key) else { return };
        if !client.stream.is_clogged() {
            return;
        }
        match client.stream.flush() {
            Sent::Short => return,
            Sent::All => self.driver.rewatch(&mut client.stream, Token::Client(key), false),
            Sent::Broken => return self.client_gone(key),
        }
        let legs: Vec<Key> = client.legs.iter().map(|leg| leg.key).collect();
        legs.into_iter().for_each(|leg| self.queue_backend(leg));
        self.queue_client(key);
    }

    pub(crate) fn backend_event(&mut self, key: Key, flags: EventFlags) {
        let Some(backend) = self.backends.get_mut(key) else { return };
        note(&mut backend.stream, flags);
        if flags.contains(EventFlags::OUT) {
            self.flush_backend(key);
        }
        self.read_backend(key);
    }

    /// Reads a backend as long as it is its turn, something is there, and who reads it can take it.
    pub(crate) fn read_backend(&mut self, key: Key) {
        let mut buffer = core::mem::take(&mut self.read_buffer);
        for _ in 0..READS_PER_TURN {
            let Some(backend) = self.backends.get_mut(key) else { break };
            if !backend.stream.readable || !may_read(&self.clients, &backend.stage) {
                break;
            }
            match backend.stream.receive(&mut buffer) {
                Received::Bytes(n) => self.backend_bytes(key, buffer.get(..n).unwrap_or_default()),
                Received::Nothing => break,
                Received::Closed => {
                    self.backend_gone(key, Gone::Closed);
                    break;
                }
                Received::Failed => {
                    self.backend_gone(key, Gone::Failed);
                    break;
                }
            }
        }
        self.read_buffer = buffer;
        self.receive_again(Token::Backend(key));
        let Some(backend) = self.backends.get_mut(key) else { return };
        if backend.stream.readable && may_read(&self.clients, &backend.stage) {
            self.queue_backend(key);
        }
    }

    /// Puts a backend in the list of those with more to read.
    pub(crate) fn queue_backend(&mut self, key: Key) {
        let Some(backend) = self.backends.get_mut(key) else { return };
        let worth_it = backend.stream.readable || backend.stream.is_broken();
        if worth_it && !backend.stream.queued {
            backend.stream.readable = true;
            backend.stream.queued = true;
            self.unread.push_back(Token::Backend(key));
        }
    }

    pub(crate) fn backend_bytes(&mut self, key: Key, bytes: &[u8]) {
        let Some(backend) = self.backends.get_mut(key) else { return };
        let id = backend.id;
        match &mut backend.stage {
            Stage::Leased(client) => {
                let client = *client;
                self.deliver_backend(key, id, client, bytes);
            }
            Stage::Gone(_) => {}
            Stage::Resetting(resetting) => {
                let (reset, facts) = &mut **resetting;
                let mut out = Vec::new();
                match reset.receive(bytes, facts, &mut out) {
                    ResetStep::Waiting => self.write_own(key, &out),
                    ResetStep::Done => self.park(key),
                    ResetStep::Broken => self.discard_backend(key),
                }
            }
            Stage::Parked(parked) => {
                let (parked, facts) = &mut **parked;
                match parked.receive(bytes, facts) {
                    ParkedStep::Fine => {}
                    ParkedStep::Broken => self.lose_parked(key),
                }
            }
        }
    }

    /// Tells a session what its backend sent: all at once, or message by message, where the client is told of each
    /// of them before it.
    fn deliver_backend(&mut self, key: Key, backend: BackendId, client: Key, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(length) = self.told_length(client, backend, rest) {
            let (now, later) = rest.split_at(length.clamp(1, rest.len()));
            self.deliver(client, Event::BackendBytes { backend, bytes: now });
            rest = later;
            let is_its = |found: &Backend| matches!(found.stage, Stage::Leased(owner) if owner == client);
            if rest.is_empty() || !self.backends.get(key).is_some_and(is_its) {
                return;
            }
        }
        self.deliver(client, Event::BackendBytes { backend, bytes: rest });
    }

    /// Bytes of the first message, where messages are told one by one.
    fn told_length(&self, client: Key, backend: BackendId, bytes: &[u8]) -> Option<usize> {
        let client = self.clients.get(client)?;
        let policy = client.own_policy.as_deref().unwrap_or(&self.world.live.policy);
        policy.tracing.tells_backend_messages().then(|| client.session.first_message(backend, bytes))
    }

    fn flush_backend(&mut self, key: Key) {
        let Some(backend) = self.backends.get_mut(key) else { return };
        if !backend.stream.is_clogged() {
            return;
        }
        match backend.stream.flush() {
            Sent::Short => return,
            Sent::All => self.driver.rewatch(&mut backend.stream, Token::Backend(key), false),
            Sent::Broken => backend.stream.readable = true,
        }
        if let Stage::Leased(client) | Stage::Gone(client) = backend.stage {
            self.unclog(client);
        }
    }

    /// One backend less that a client's bytes would pile up for.
    pub(crate) fn unclog(&mut self, client: Key) {
        if let Some(found) = self.clients.get_mut(client) {
            found.clogged_legs = found.clogged_legs.saturating_sub(1);
            self.queue_client(client);
        }
    }
}

/// Remembers what the kernel said of a stream.
fn note(stream: &mut Stream, flags: EventFlags) {
    if flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR) {
        stream.hung_up = true;
        stream.readable = true;
    }
    if flags.contains(EventFlags::IN) {
        stream.readable = true;
    }
}

pub(crate) fn may_read(clients: &crate::slab::Slab<crate::client_conn::Client>, stage: &Stage) -> bool {
    match stage {
        Stage::Leased(client) => clients.get(*client).is_some_and(|client| !client.stream.is_clogged()),
        Stage::Gone(_) => false,
        Stage::Resetting(..) | Stage::Parked(..) => true,
    }
}
