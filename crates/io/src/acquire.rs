//! Between the sessions and the pool.

use std::io::IoSlice;
use std::sync::Arc;

use pgherd_pool::{Effect, Effects, Grant, Pool, Source};
use pgherd_session::{Event, Gone, Parked, Reset, ResetList, ResetStep};
use pgherd_types::{BackendFacts, BackendId, Fate, Identity, Lease, Node, NodeId};

use crate::backend_conn::{Backend, Stage};
use crate::client_conn::LegSocket;
use crate::dialling::unreachable;
use crate::event_loop::{Due, EventLoop};
use crate::parting::Whose;
use crate::pending::Pending;
use crate::shared::Letter;
use crate::slab::Key;
use crate::stream::Sent;
use crate::token::Token;
use crate::{Observation, SessionStage};

/// A session's request for a backend, until it has one.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) client: Key,
    pub(crate) node: NodeId,
    pub(crate) identity: Arc<Identity>,
}

/// How long `reset_query_list` may take.
const RESET: core::time::Duration = core::time::Duration::from_secs(30);

impl EventLoop {
    /// Asks the pool something. What it wants done is done when the present event has been dealt with.
    pub(crate) fn with_pool<T>(&mut self, ask: impl FnOnce(&mut Pool, &mut Effects) -> T) -> T {
        let mut effects = core::mem::take(&mut self.fresh_effects);
        let answer = ask(&mut self.shared.pool(), &mut effects);
        self.effects.extend(effects.drain(..));
        self.fresh_effects = effects;
        answer
    }

    /// Does what the pool wants done, here or elsewhere.
    pub(crate) fn obey(&mut self, effect: Effect) {
        match effect {
            Effect::Grant(grant) if grant.to == self.home => self.granted(grant),
            Effect::Grant(grant) => self.shared.send(grant.to, Letter::Granted(grant)),
            Effect::Evict { backend, home } if home == self.home => self.evict(backend),
            Effect::Evict { backend, home } => self.shared.send(home, Letter::Evict(backend)),
        }
    }

    pub(crate) fn acquire(&mut self, key: Key, node: NodeId, identity: Arc<Identity>) {
        let (now, home) = (self.now, self.home);
        let ticket = self.with_pool(|pool, out| pool.acquire(now, node, &identity, home, out));
        if let Some(client) = self.clients.get_mut(key) {
            client.asks.push((ticket, node));
        }
        self.asks.insert(ticket, Ask { client: key, node, identity });
    }

    /// A request of this loop has its backend, or the right to dial one.
    pub(crate) fn granted(&mut self, grant: Grant) {
        match grant.source {
            Source::Idle(home) if home != self.home && self.asks.contains_key(&grant.ticket) => {
                self.shared.send(home, Letter::Fetch(grant));
            }
            Source::Idle(_) | Source::Dial => match self.asks.remove(&grant.ticket) {
                Some(ask) if grant.source == Source::Dial => self.dial(grant.backend, ask),
                Some(ask) => match self.fit_to_grant(grant.backend) {
                    Some(key) => self.lease_out(key, ask.client, ask.node),
                    None => self.redial(grant.backend, ask),
                },
                None => self.decline(&grant),
            },
        }
    }

    /// Who asked is gone.
    fn decline(&mut self, grant: &Grant) {
        let (now, backend) = (self.now, grant.backend);
        self.with_pool(|pool, out| match grant.source {
            Source::Dial => pool.gone(now, backend, out),
            Source::Idle(home) => pool.park(now, backend, home, out),
        });
    }

    /// Another loop wants an idle backend that lives here.
    pub(crate) fn fetch(&mut self, grant: Grant) {
        self.stop_receiving(grant.backend);
        let fit = self.fit_to_grant(grant.backend);
        let mut backend = fit.and_then(|key| self.remove_backend(key)).map(Box::new);
        if let Some(backend) = &mut backend {
            self.driver.unwatch(&mut backend.stream);
        }
        self.shared.send(grant.to, Letter::Fetched(grant, backend));
    }

    /// An idle backend came from another loop for a request of this one, or turned out to be dead.
    pub(crate) fn fetched(&mut self, grant: Grant, backend: Option<Box<Backend>>) {
        let (now, ask) = (self.now, self.asks.remove(&grant.ticket));
        let key = backend.and_then(|backend| self.settle_in(*backend));
        match (key, ask) {
            (Some(key), Some(ask)) => self.lease_out(key, ask.client, ask.node),
            (Some(key), None) => self.park(key),
            (None, Some(ask)) => self.redial(grant.backend, ask),
            (None, None) => self.with_pool(|pool, out| pool.gone(now, grant.backend, out)),
        }
    }

    /// A granted backend turned out to be dead.
    fn redial(&mut self, dead: BackendId, ask: Ask) {
        let now = self.now;
        match self.with_pool(|pool, _| pool.redial(now, dead)) {
            Some(new) => self.dial(new, ask),
            None => self.refuse(dead, &ask, unreachable(&"its place in the pool was lost")),
        }
    }

    /// An idle backend of this loop that is alive, at a message boundary, with nothing unread. One that is not is
    /// closed.
    fn fit_to_grant(&mut self, id: BackendId) -> Option<Key> {
        let key = *self.idle.get(&id)?;
        // The kernel may hold words that no event has told of yet: read until it says that there are none.
        self.hear_of_backend(key);
        if let Some(backend) = self.backends.get_mut(key) {
            backend.stream.look_again();
        }
        self.read_backend(key);
        let backend = self.backends.get(key)?;
        let Stage::Parked(parked) = &backend.stage else { return None };
        if !parked.0.at_boundary() || backend.stream.readable || backend.stream.is_clogged() {
            self.drop_backend(key);
            return None;
        }
        Some(key)
    }

    /// Gives a backend that came from elsewhere a place in this loop. `None` when the kernel does not let it be
    /// watched.
    fn settle_in(&mut self, backend: Backend) -> Option<Key> {
        let key = self.backends.insert(backend);
        let stream = &mut self.backends.get_mut(key)?.stream;
        if self.driver.watch(stream, Token::Backend(key), false).is_err() {
            self.drop_backend(key);
            return None;
        }
        Some(key)
    }

    /// Leases an idle backend to a session, which is told when the present event is done with.
    pub(crate) fn lease_out(&mut self, key: Key, client: Key, node: NodeId) {
        let Some(backend) = self.backends.get_mut(key) else { return };
        let facts = match core::mem::replace(&mut backend.stage, Stage::Leased(client)) {
            Stage::Parked(parked) => parked.1,
            Stage::Resetting(resetting) => resetting.1,
            Stage::Leased(_) | Stage::Gone(_) => BackendFacts::default(),
        };
        let lease = Lease::issue(backend.id, node, facts);
        self.idle.remove(&backend.id);
        self.pending.push_back((client, Pending::Granted(lease, key)));
    }

    /// Tells a session of its backend; if it has ended, the backend goes back.
    pub(crate) fn grant(&mut self, key: Key, lease: Lease, leg: Key) {
        if self.backends.get(leg).is_none() {
            return;
        }
        let Some(client) = self.clients.get_mut(key) else {
            return self.let_go(leg, lease.facts, Fate::Reuse);
        };
        client.legs.push(LegSocket { backend: lease.backend(), key: leg });
        client.entry.set_stage(SessionStage::Serving);
        client.answered(lease.node());
        self.deliver(key, Event::Granted(lease));
    }

    /// A session gives a lease back.
    pub(crate) fn release(&mut self, key: Key, lease: Lease, fate: Fate) {
        let Some(client) = self.clients.get_mut(key) else { return };
        let Some(leg) = client.leg(lease.backend()) else { return };
        client.legs.remove(|held| held.key == leg);
        if client.legs.is_empty() {
            client.entry.set_stage(SessionStage::Idle);
        }
        if self.backends.get(leg).is_some_and(|backend| backend.stream.is_clogged()) {
            self.unclog(key);
        }
        self.let_go(leg, lease.facts, fate);
    }

    /// Nobody holds the backend any more.
    fn let_go(&mut self, leg: Key, facts: BackendFacts, fate: Fate) {
        let Some(backend) = self.backends.get_mut(leg) else { return };
        if matches!(backend.stage, Stage::Gone(_)) || backend.stream.is_broken() {
            return self.discard_backend(leg);
        }
        let usable = self.world.topology.node(backend.process.node()).is_some_and(Node::is_usable);
        // A list that does more than throw away is run whatever was left.
        let runs_anyway = fate == Fate::Spare && self.world.live.policy.reset == ResetList::Other;
        let fate = if runs_anyway { Fate::Reset { block_open: false } } else { fate };
        match fate {
            Fate::Close(_) => self.discard_backend(leg),
            // Nobody will ask for it, and what it is connected to may not be what comes back.
            Fate::Reuse | Fate::Spare | Fate::Reset { .. } if !usable => self.discard_backend(leg),
            Fate::Reuse | Fate::Spare => self.park_with(leg, facts),
            Fate::Reset { block_open } => {
                let (queries, mut out) = (Arc::clone(&self.world.live.reset_queries), Vec::new());
                let (reset, step) = Reset::start(queries, block_open, &mut out);
                backend.stage = Stage::Resetting(Box::new((reset, facts)));
                match step {
                    ResetStep::Waiting => {
                        self.wheel.insert(self.now.plus(RESET), Due::Resetting(leg));
                        self.write_own(leg, &out);
                        // What it sent while its session's client could not take it is still to be read.
                        self.queue_backend(leg);
                    }
                    ResetStep::Done => self.park(leg),
                    ResetStep::Broken => self.discard_backend(leg),
                }
            }
        }
    }

    /// Writes what the loop itself has to say to a backend.
    pub(crate) fn write_own(&mut self, key: Key, bytes: &[u8]) {
        let Some(backend) = self.backends.get_mut(key) else { return };
        if bytes.is_empty() {
            return;
        }
        match self.driver.send(&mut backend.stream, Token::Backend(key), &[IoSlice::new(bytes)]) {
            Sent::All => {}
            Sent::Short => self.driver.rewatch(&mut backend.stream, Token::Backend(key), true),
            Sent::Broken => self.queue_backend(key),
        }
    }

    /// A backend is idle from now on.
    pub(crate) fn park(&mut self, key: Key) {
        let Some(backend) = self.backends.get_mut(key) else { return };
        let facts = match core::mem::replace(&mut backend.stage, Stage::Gone(key)) {
            Stage::Parked(parked) => parked.1,
            Stage::Resetting(resetting) => resetting.1,
            Stage::Leased(_) | Stage::Gone(_) => return self.discard_backend(key),
        };
        self.park_with(key, facts);
    }

    fn park_with(&mut self, key: Key, facts: BackendFacts) {
        let Some(backend) = self.backends.get_mut(key) else { return };
        backend.stage = Stage::Parked(Box::new((Parked::new(), facts)));
        let (id, now, home) = (backend.id, self.now, self.home);
        self.idle.insert(id, key);
        self.queue_backend(key);
        self.with_pool(|pool, out| pool.park(now, id, home, out));
    }

    /// The pool wants an idle backend closed.
    pub(crate) fn evict(&mut self, id: BackendId) {
        match self.idle.get(&id) {
            Some(&key) => self.discard_backend(key),
            // It broke while the word was on its way.
            None => {
                let now = self.now;
                self.with_pool(|pool, out| pool.gone(now, id, out));
            }
        }
    }

    /// The server closed a backend, or its socket failed.
    pub(crate) fn backend_gone(&mut self, key: Key, why: Gone) {
        let Some(backend) = self.backends.get_mut(key) else { return };
        let id = backend.id;
        match backend.stage {
            Stage::Leased(client) => {
                backend.stage = Stage::Gone(client);
                backend.stream.readable = false;
                self.shared.observe(Observation::BackendLost { node: backend.process.node(), backend: id });
                self.pending.push_back((client, Pending::BackendGone(id, why)));
            }
            Stage::Gone(_) => {}
            Stage::Resetting(..) => self.discard_backend(key),
            Stage::Parked(..) => self.lose_parked(key),
        }
    }

    /// An idle backend cannot stay. When it has been granted a moment ago, who fetches it will find it missing.
    pub(crate) fn lose_parked(&mut self, key: Key) {
        if let Some(lost) = self.remove_backend(key) {
            let now = self.now;
            self.with_pool(|pool, out| pool.lost_while_idle(now, lost.id, out));
        }
    }

    pub(crate) fn reset_limit(&mut self, key: Key) {
        let resetting =
            self.backends.get(key).is_some_and(|backend| matches!(backend.stage, Stage::Resetting(..)));
        if resetting {
            self.discard_backend(key);
        }
    }

    /// Closes a backend that nobody holds, after what is still to be written.
    pub(crate) fn discard_backend(&mut self, key: Key) {
        let Some(mut backend) = self.remove_backend(key) else { return };
        if !matches!(backend.stage, Stage::Gone(_)) {
            let mut bye = Vec::new();
            pgherd_wire::frontend::put_terminate(&mut bye);
            // When it cannot be said, closing says it.
            let _ = self.driver.send(&mut backend.stream, Token::Backend(key), &[IoSlice::new(&bye)]);
        }
        self.begin_parting(backend.stream, Whose::Backend(backend.id));
    }

    /// Closes a backend at once, without a word to the pool.
    pub(crate) fn drop_backend(&mut self, key: Key) {
        drop(self.remove_backend(key));
    }

    fn remove_backend(&mut self, key: Key) -> Option<Backend> {
        let backend = self.backends.remove(key)?;
        self.idle.remove(&backend.id);
        Some(backend)
    }
}
