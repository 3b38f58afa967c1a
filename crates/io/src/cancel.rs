//! Cancel requests: those that clients send us, and those that we send to nodes.

use core::time::Duration;
use std::io::IoSlice;

use pgherd_types::{BackendId, SessionId};
use pgherd_wire::startup;
use subtle::ConstantTimeEq;

use crate::accepting::home_of;
use crate::event_loop::{Due, EventLoop};
use crate::pending::Pending;
use crate::shared::Letter;
use crate::slab::Key;
use crate::stream::{Received, Sent, Stream};
use crate::token::Token;

/// A cancel request on its way to a node. The node closes the connection when it has passed the request on.
#[derive(Debug)]
pub(crate) struct Canceller {
    client: Key,
    backend: BackendId,
    pub(crate) stream: Stream,
    /// What is still to be sent, once the connection is there.
    request: Option<Vec<u8>>,
}

/// How long a node may take.
const CANCELLING: Duration = Duration::from_secs(10);

/// The same while pgherd is shutting down.
const CANCELLING_IN_A_HURRY: Duration = Duration::from_secs(1);

/// Cancel requests that one loop has under way at once.
const CANCELLERS: usize = 256;

impl EventLoop {
    /// A client wants to cancel what another one is doing. Nobody learns whether it was right.
    pub(crate) fn cancel_session(&mut self, session: SessionId, key: Vec<u8>) {
        match home_of(session) {
            home if home == self.home => self.cancel_asked(session, &key),
            home => self.shared.send(home, Letter::Cancel(session, key)),
        }
    }

    pub(crate) fn cancel_asked(&mut self, session: SessionId, key: &[u8]) {
        let Some(client) = self.client_of(session) else { return };
        let Some(found) = self.clients.get(client) else { return };
        if bool::from(found.session.cancel_key(key.len()).ct_eq(key)) {
            self.pending.push_back((client, Pending::CancelAsked));
        }
    }

    /// Sends a cancel request for a backend that a session holds.
    pub(crate) fn cancel_backend(&mut self, client: Key, backend: BackendId) {
        if !self.begin_cancel(client, backend) {
            self.pending.push_back((client, Pending::CancelDone(backend)));
        }
    }

    fn begin_cancel(&mut self, client: Key, id: BackendId) -> bool {
        let leg = self.clients.get(client).and_then(|client| client.leg(id));
        let Some(backend) = leg.and_then(|leg| self.backends.get(leg)) else { return false };
        if backend.cancel_key.is_empty() || self.cancellers.len() >= CANCELLERS {
            return false;
        }
        let Ok(stream) = Stream::connect(&backend.endpoint) else { return false };
        let mut request = Vec::new();
        startup::put_cancel_request(&mut request, backend.process.id(), backend.cancel_key.expose());
        let canceller = Canceller { client, backend: id, stream, request: Some(request) };
        let key = self.cancellers.insert(canceller);
        let limit = if self.draining.is_some() { CANCELLING_IN_A_HURRY } else { CANCELLING };
        self.wheel.insert(self.now.plus(limit), Due::Canceller(key));
        let EventLoop { cancellers, driver, .. } = self;
        let watched = cancellers
            .get_mut(key)
            .is_some_and(|new| driver.watch(&mut new.stream, Token::Canceller(key), true).is_ok());
        if !watched {
            self.cancellers.remove(key);
        }
        watched
    }

    pub(crate) fn canceller_event(&mut self, key: Key) {
        let Some(canceller) = self.cancellers.get_mut(key) else { return };
        let stream = &mut canceller.stream;
        if let Some(request) = canceller.request.take() {
            let sent = stream.connected().is_ok() && stream.send(&[IoSlice::new(&request)]) == Sent::All;
            if !sent {
                return self.canceller_limit(key);
            }
        }
        match canceller.stream.receive(&mut self.read_buffer) {
            Received::Nothing => {}
            // A node has nothing to say to a cancel request, so whatever comes is the end.
            Received::Bytes(_) | Received::Closed | Received::Failed => self.canceller_limit(key),
        }
    }

    /// The request was passed on, or never will be.
    pub(crate) fn canceller_limit(&mut self, key: Key) {
        if let Some(Canceller { client, backend, .. }) = self.cancellers.remove(key) {
            self.pending.push_back((client, Pending::CancelDone(backend)));
        }
    }
}
