use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use pgherd_session::{Event, Gone, Refusal, Shutdown};
use pgherd_types::{BackendId, Lease, NodeId};

use crate::client_conn::{Input, Place};
use crate::event_loop::EventLoop;
use crate::slab::Key;
use crate::{AdminAsk, SessionStage};

/// What a session has to be told, once it has heard what came before.
#[derive(Debug)]
pub(crate) enum Pending {
    Resume,
    Admitted,
    NotAdmitted,
    /// The lease, and where the backend's socket is.
    Granted(Lease, Key),
    Refused(NodeId, Refusal),
    BackendGone(BackendId, Gone),
    Admin(Vec<u8>, Option<NodeId>),
    CancelAsked,
    CancelDone(BackendId),
    /// The client's socket cannot be written to.
    ClientLost,
    Drain(Shutdown),
}

impl EventLoop {
    /// Tells a session what it has to be told. One that has ended gives back what it was about to get.
    pub(crate) fn tell(&mut self, key: Key, what: Pending) {
        match what {
            Pending::Resume => self.resume(key),
            Pending::Admitted => {
                if let Some(client) = self.clients.get_mut(key) {
                    client.place = Place::Answered;
                    client.entry.set_stage(SessionStage::Idle);
                }
                self.deliver(key, Event::Admitted);
            }
            Pending::NotAdmitted => self.deliver(key, Event::NotAdmitted),
            Pending::Granted(lease, leg) => self.grant(key, lease, leg),
            Pending::Refused(node, why) => self.deliver(key, Event::Refused { node, why: &why }),
            Pending::BackendGone(backend, why) => self.deliver(key, Event::BackendGone { backend, why }),
            Pending::Admin(text, balanced) => self.ask_admin(key, &text, balanced),
            Pending::CancelAsked => self.deliver(key, Event::CancelAsked),
            Pending::CancelDone(backend) => self.deliver(key, Event::CancelDone { backend }),
            Pending::ClientLost => self.client_gone(key),
            Pending::Drain(how) => self.deliver(key, Event::Drain(how)),
        }
    }

    /// Tells the session, once, that nothing more comes from its client.
    pub(crate) fn client_done(&mut self, key: Key) {
        let Some(client) = self.clients.get_mut(key) else { return };
        if !matches!(client.input, Input::Ended) {
            client.input = Input::Ended;
            self.deliver(key, Event::ClientDone);
        }
    }

    /// Tells the session that nobody is there any more; it ends with that.
    pub(crate) fn client_gone(&mut self, key: Key) {
        let Some(client) = self.clients.get_mut(key) else { return };
        client.input = Input::Ended;
        self.deliver(key, Event::ClientGone);
    }

    fn ask_admin(&mut self, key: Key, text: &[u8], balanced: Option<NodeId>) {
        let Some(client) = self.clients.get(key) else { return };
        let (ask, admin) =
            (AdminAsk { session: client.session.id(), text, balanced }, Arc::clone(&self.shared.hooks.admin));
        match catch_unwind(AssertUnwindSafe(|| admin(ask))) {
            Ok(answer) => {
                self.renew_policy(key);
                self.deliver(key, Event::AdminAnswer(answer.as_deref()));
            }
            Err(_) => self.session_failed(key),
        }
    }

    /// Asks what a session obeys, where it may have settings of its own.
    pub(crate) fn renew_policy(&mut self, key: Key) {
        let Some(client) = self.clients.get_mut(key) else { return };
        let (hook, id, common) =
            (&self.shared.hooks.own_policy, client.session.id(), &self.world.live.policy);
        match catch_unwind(AssertUnwindSafe(|| hook(id, common))) {
            Ok(own) => client.own_policy = own,
            Err(_) => self.session_failed(key),
        }
    }
}
