use std::collections::BTreeMap;
use std::sync::Arc;

use pgherd_types::{BackendId, HashTable, Identity, Moment, NodeId};

use crate::PoolLimits;
use crate::waiters::{Ticket, Waiter, Waiters};

/// The event loop that a backend's socket, or a waiting session, lives on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Home(pub u16);

/// Every backend of the process, and every request for one.
///
/// A request never overtakes an older one for the same node. A backend counts against the budget of its node from
/// the moment its dialling is granted until [`Pool::gone`].
#[derive(Debug)]
pub struct Pool {
    limits: PoolLimits,
    backends: HashTable<BackendId, Entry>,
    nodes: BTreeMap<NodeId, PerNode>,
    next_backend: u64,
    next_ticket: u64,
    next_rest: u64,
}

/// What has to be done; pushed in order, to be done in order.
pub type Effects = Vec<Effect>;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A request is granted.
    Grant(Grant),
    /// Close this idle backend, which lives here, and say [`Pool::gone`] when it is closed.
    Evict {
        /// The backend.
        backend: BackendId,
        /// Where its socket is.
        home: Home,
    },
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The request.
    pub ticket: Ticket,
    /// Where who asked lives.
    pub to: Home,
    /// The backend that it gets.
    pub backend: BackendId,
    /// Where the backend comes from.
    pub source: Source,
}

/// Where a granted backend comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// It has to be dialled.
    Dial,
    /// It is open and idle, and its socket is there.
    Idle(Home),
}

/// What a backend is doing, as far as the pool is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendStage {
    /// Being dialled, leased, being reset, or on its way between two of these.
    Busy,
    /// Nobody has it.
    Idle {
        /// Where its socket is.
        home: Home,
        /// Since when.
        since: Moment,
        /// Its place in the order of rests, for finding the one that has rested longest.
        rest: u64,
    },
    /// It is to be closed.
    Evicted,
}

/// A backend as `SHOW pool_pools` wants to see it.
#[derive(Clone, Debug)]
pub struct BackendRow {
    /// Which.
    pub backend: BackendId,
    /// Its node.
    pub node: NodeId,
    /// Whose it is.
    pub identity: Arc<Identity>,
    /// What it is doing.
    pub stage: BackendStage,
    /// When its dialling was granted.
    pub created: Moment,
    /// How many sessions it was leased to.
    pub leases: u64,
}

#[derive(Debug)]
struct Entry {
    node: NodeId,
    identity: Arc<Identity>,
    stage: Stage,
    created: Moment,
    leases: u32,
}

/// As [`BackendStage`], but what is known of a rest is where the rests are: most backends have none.
#[derive(Clone, Copy, Debug)]
enum Stage {
    Busy,
    Idle { rest: u64 },
    Evicted,
}

/// A backend that nobody has.
#[derive(Clone, Copy, Debug)]
struct Rest {
    backend: BackendId,
    home: Home,
    since: Moment,
}

#[derive(Debug, Default)]
struct PerNode {
    used: usize,
    evicting: usize,
    waiters: Waiters,
    /// The rests of the idle ones by identity, the one that was used last at the end. An identity that has none any
    /// more is looked for with [`Pool::expire`].
    idle: BTreeMap<Arc<Identity>, Vec<u64>>,
    /// The idle ones by the order of their rest.
    rests: BTreeMap<u64, Rest>,
}

impl Pool {
    /// An empty pool.
    pub fn new(limits: PoolLimits) -> Self {
        Pool {
            limits,
            backends: HashTable::default(),
            nodes: BTreeMap::new(),
            next_backend: 1,
            next_ticket: 1,
            next_rest: 1,
        }
    }

    /// Changes the limits. Idle backends that the new ones forbid go with the next [`Pool::expire`].
    pub fn set_limits(&mut self, limits: PoolLimits) {
        self.limits = limits;
    }

    /// Asks for a backend. The grant is among the effects at once, or comes with those of a later call.
    pub fn acquire(
        &mut self,
        now: Moment,
        node: NodeId,
        identity: &Arc<Identity>,
        home: Home,
        out: &mut Effects,
    ) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        let waiter = Waiter { ticket, identity: Arc::clone(identity), home };
        self.nodes.entry(node).or_default().waiters.push(waiter);
        self.serve(now, node, out);
        ticket
    }

    /// Who asked does not want it any more. False when it has been granted already: the grant is on its way.
    pub fn forget(&mut self, node: NodeId, ticket: Ticket) -> bool {
        self.nodes.get_mut(&node).is_some_and(|per_node| per_node.waiters.forget(ticket))
    }

    /// A backend is at rest: reset, at a message boundary, nothing unread. It may be asked to be closed at once.
    pub fn park(&mut self, now: Moment, backend: BackendId, home: Home, out: &mut Effects) {
        let Some(entry) = self.backends.get_mut(&backend) else { return };
        let Some(per_node) = self.nodes.get_mut(&entry.node) else { return };
        if !self.limits.may_idle(&entry.identity) || per_node.used > self.limits.per_node {
            entry.stage = Stage::Evicted;
            per_node.evicting += 1;
            out.push(Effect::Evict { backend, home });
            return;
        }
        let rest = self.next_rest;
        self.next_rest += 1;
        entry.stage = Stage::Idle { rest };
        per_node.rests.insert(rest, Rest { backend, home, since: now });
        per_node.idle.entry(Arc::clone(&entry.identity)).or_default().push(rest);
        let node = entry.node;
        self.serve(now, node, out);
    }

    /// A backend is closed, whatever it was doing. Its place in the budget goes to who waits longest.
    pub fn gone(&mut self, now: Moment, backend: BackendId, out: &mut Effects) {
        let Some(entry) = self.backends.remove(&backend) else { return };
        let Some(per_node) = self.nodes.get_mut(&entry.node) else { return };
        per_node.used -= 1;
        match entry.stage {
            Stage::Idle { rest } => per_node.remove_idle(&entry.identity, rest),
            Stage::Evicted => per_node.evicting -= 1,
            Stage::Busy => {}
        }
        self.serve(now, entry.node, out);
    }

    /// The socket of an idle backend broke. False when the backend has been granted meanwhile: who fetches it will
    /// find it missing and say [`Pool::redial`].
    pub fn lost_while_idle(&mut self, now: Moment, backend: BackendId, out: &mut Effects) -> bool {
        match self.backends.get(&backend).map(|entry| entry.stage) {
            Some(Stage::Idle { .. } | Stage::Evicted) => {
                self.gone(now, backend, out);
                true
            }
            Some(Stage::Busy) | None => false,
        }
    }

    /// A granted idle backend turned out to be dead: a new one takes its place in the budget and is dialled. `None`
    /// when the pool does not know the backend.
    pub fn redial(&mut self, now: Moment, backend: BackendId) -> Option<BackendId> {
        let entry = self.backends.remove(&backend)?;
        let id = self.new_id();
        self.backends.insert(id, Entry { created: now, leases: 1, ..entry });
        Some(id)
    }

    /// Closes what has been idle for too long.
    pub fn expire(&mut self, now: Moment, out: &mut Effects) {
        for per_node in self.nodes.values_mut() {
            while let Some((&rest, &Rest { backend, since, .. })) = per_node.rests.first_key_value() {
                let Some(entry) = self.backends.get_mut(&backend) else { break };
                let old = self.limits.life_time.is_some_and(|life| now.since(since) >= life);
                if !old && self.limits.may_idle(&entry.identity) {
                    break;
                }
                per_node.evict(entry, rest, out);
            }
            per_node.idle.retain(|_, rests| !rests.is_empty());
        }
    }

    /// Closes all idle backends of a node, which went down.
    pub fn clear_node(&mut self, node: NodeId, out: &mut Effects) {
        let Some(per_node) = self.nodes.get_mut(&node) else { return };
        while let Some((&rest, &Rest { backend, .. })) = per_node.rests.first_key_value() {
            let Some(entry) = self.backends.get_mut(&backend) else { break };
            per_node.evict(entry, rest, out);
        }
    }

    /// Backends of a node that count against its budget.
    pub fn used(&self, node: NodeId) -> usize {
        self.nodes.get(&node).map_or(0, |per_node| per_node.used)
    }

    /// Requests for a node that wait.
    pub fn waiting(&self, node: NodeId) -> usize {
        self.nodes.get(&node).map_or(0, |per_node| per_node.waiters.len())
    }

    /// All backends, in no order.
    pub fn rows(&self) -> impl Iterator<Item = BackendRow> {
        self.backends.iter().map(|(&backend, entry)| BackendRow {
            backend,
            node: entry.node,
            identity: Arc::clone(&entry.identity),
            stage: self.stage_of(entry),
            created: entry.created,
            leases: entry.leases.into(),
        })
    }

    fn stage_of(&self, entry: &Entry) -> BackendStage {
        let rest = match entry.stage {
            Stage::Busy => return BackendStage::Busy,
            Stage::Evicted => return BackendStage::Evicted,
            Stage::Idle { rest } => rest,
        };
        let found = self.nodes.get(&entry.node).and_then(|per_node| per_node.rests.get(&rest));
        found.map_or(BackendStage::Busy, |&Rest { home, since, .. }| BackendStage::Idle { home, since, rest })
    }

    /// Grants from the head of the queue as long as there is something to grant, then makes room for the others.
    fn serve(&mut self, now: Moment, node: NodeId, out: &mut Effects) {
        while self.grant_idle(node, out) || self.grant_dial(now, node, out) {}
        self.make_room(node, out);
    }

    fn grant_idle(&mut self, node: NodeId, out: &mut Effects) -> bool {
        let Some(per_node) = self.nodes.get_mut(&node) else { return false };
        let Some(head) = per_node.waiters.head() else { return false };
        let Some(stack) = per_node.idle.get(&head.identity) else { return false };
        let resting = |rest: &u64| per_node.rests.get(rest).map(|found| (*rest, *found));
        let near = stack.iter().rev().filter_map(resting).find(|(_, found)| found.home == head.home);
        let Some((rest, Rest { backend, home, .. })) = near.or_else(|| stack.iter().rev().find_map(resting))
        else {
            return false;
        };
        let Some(waiter) = per_node.waiters.pop() else { return false };
        per_node.remove_idle(&waiter.identity, rest);
        if let Some(entry) = self.backends.get_mut(&backend) {
            entry.stage = Stage::Busy;
            entry.leases = entry.leases.saturating_add(1);
        }
        let source = Source::Idle(home);
        out.push(Effect::Grant(Grant { ticket: waiter.ticket, to: waiter.home, backend, source }));
        true
    }

    fn grant_dial(&mut self, now: Moment, node: NodeId, out: &mut Effects) -> bool {
        let Some(per_node) = self.nodes.get_mut(&node) else { return false };
        if per_node.used >= self.limits.per_node {
            return false;
        }
        let Some(waiter) = per_node.waiters.pop() else { return false };
        per_node.used += 1;
        let backend = self.new_id();
        let entry = Entry { node, identity: waiter.identity, stage: Stage::Busy, created: now, leases: 1 };
        self.backends.insert(backend, entry);
        let source = Source::Dial;
        out.push(Effect::Grant(Grant { ticket: waiter.ticket, to: waiter.home, backend, source }));
        true
    }

    /// Evicts as many idle backends as there are requests that wait for room, the longest at rest first.
    fn make_room(&mut self, node: NodeId, out: &mut Effects) {
        let Some(per_node) = self.nodes.get_mut(&node) else { return };
        while per_node.evicting < per_node.waiters.len() {
            let Some((&rest, &Rest { backend, .. })) = per_node.rests.first_key_value() else { return };
            let Some(entry) = self.backends.get_mut(&backend) else { return };
            per_node.evict(entry, rest, out);
        }
    }

    fn new_id(&mut self) -> BackendId {
        let id = BackendId(self.next_backend);
        self.next_backend += 1;
        id
    }
}

impl PerNode {
    fn remove_idle(&mut self, identity: &Arc<Identity>, rest: u64) {
        self.rests.remove(&rest);
        if let Some(stack) = self.idle.get_mut(identity) {
            stack.retain(|other| *other != rest);
        }
    }

    fn evict(&mut self, entry: &mut Entry, rest: u64, out: &mut Effects) {
        let Some(&Rest { backend, home, .. }) = self.rests.get(&rest) else { return };
        out.push(Effect::Evict { backend, home });
        entry.stage = Stage::Evicted;
        self.evicting += 1;
        self.remove_idle(&entry.identity, rest);
    }
}

#[cfg(test)]
mod tests;
