use std::sync::Arc;

use pgherd_session::Processes;
use pgherd_types::{BackendFacts, BackendId, Fate, Identity, Lease, NodeId};

use crate::backend::{Backend, Data, Traits, Wires};
use crate::message::{self, Message};

/// A connection to a model backend, with the bytes that are on their way.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) id: BackendId,
    pub(crate) node: NodeId,
    pub(crate) model: Backend,
    /// Written by a session and not yet read by the server.
    pub(crate) to: Vec<u8>,
    /// Sent by the server and not yet read by the session.
    pub(crate) from: Outgoing,
    /// The session that leases it.
    pub(crate) holder: Option<usize>,
    pub(crate) life: Life,
    identity: Arc<Identity>,
    facts: BackendFacts,
}

/// Whether a connection works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Alive,
    /// The server has closed it; its holder is yet to learn that.
    Ended,
    /// We have closed it, or its holder knows.
    Closed,
}

/// Bytes that a server has sent, delivered in pieces of any size, with the message boundaries remembered.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    bytes: Vec<u8>,
    /// Bytes of the first message that have been delivered.
    delivered: usize,
}

impl Outgoing {
    pub(crate) fn left(&self) -> usize {
        self.bytes.len() - self.delivered
    }

    pub(crate) fn at_boundary(&self) -> bool {
        self.delivered == 0
    }

    pub(crate) fn deliver(&mut self, count: usize) -> Vec<u8> {
        let piece = self.bytes[self.delivered..self.delivered + count].to_vec();
        self.delivered += count;
        let mut whole = 0;
        while whole < self.delivered {
            let mut end = whole;
            if message::take_at(&self.bytes, &mut end).is_none() || end > self.delivered {
                break;
            }
            whole = end;
        }
        self.bytes.drain(..whole);
        self.delivered -= whole;
        piece
    }

    /// Loses what follows the next `count` bytes.
    pub(crate) fn truncate(&mut self, count: usize) {
        self.bytes.truncate(self.delivered + count);
    }

    pub(crate) fn end(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    fn messages(&self) -> Vec<Message> {
        let (mut at, mut all) = (0, Vec::new());
        while let Some(one) = message::take_at(&self.bytes, &mut at) {
            all.push(one);
        }
        all
    }
}

/// The driver's pool, as small as it can be: it dials when nothing fits, resets as `reset_query_list` says,
/// and checks what comes back.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) slots: Vec<Slot>,
    per_node: usize,
    traits: Traits,
}

impl Processes for Pool {
    fn has(&self, node: NodeId, process: u32) -> bool {
        let is = |slot: &Slot| (slot.node, slot.facts.process_id) == (node, process);
        self.slots.iter().any(|slot| is(slot) && slot.life == Life::Alive)
    }
}

impl Pool {
    pub(crate) fn new(per_node: usize, traits: Traits) -> Self {
        Pool { slots: Vec::new(), per_node, traits }
    }

    /// The slot that a lease for this node and identity would take now, or `None` while all are in use.
    pub(crate) fn can_lease(&self, node: NodeId) -> bool {
        let open = |slot: &&Slot| slot.node == node && slot.life != Life::Closed;
        self.slots.iter().filter(open).filter(|slot| slot.holder.is_some()).count() < self.per_node
    }

    /// Leases a backend of the node: one that is idle, or a new one.
    pub(crate) fn lease(
        &mut self,
        holder: usize,
        node: NodeId,
        identity: &Arc<Identity>,
        data: &Data,
    ) -> Lease {
        let idle = self.slots.iter().rposition(|slot| {
            slot.node == node
                && slot.holder.is_none()
                && slot.life == Life::Alive
                && slot.identity == *identity
        });
        let at = idle.unwrap_or_else(|| self.dial(node, identity, data));
        let slot = &mut self.slots[at];
        slot.holder = Some(holder);
        Lease::issue(slot.id, node, slot.facts.clone())
    }

    fn dial(&mut self, node: NodeId, identity: &Arc<Identity>, data: &Data) -> usize {
        let standby = self.traits.standby || data.is_standby(node.index());
        let mut facts = BackendFacts { process_id: 100 + self.slots.len() as u32, ..BackendFacts::default() };
        let on_or_off = if standby { "on" } else { "off" };
        for (name, value) in
            [("application_name", ""), ("in_hot_standby", on_or_off), ("IntervalStyle", "postgres")]
        {
            assert!(facts.parameters.set(name, value), "three parameters are below the limit");
        }
        self.slots.push(Slot {
            id: BackendId(self.slots.len() as u64),
            node,
            model: Backend::of(self.traits, node.index(), standby),
            to: Vec::new(),
            from: Outgoing::default(),
            holder: None,
            life: Life::Alive,
            identity: Arc::clone(identity),
            facts,
        });
        self.slots.len() - 1
    }

    pub(crate) fn slot(&mut self, id: BackendId) -> Option<&mut Slot> {
        self.slots.get_mut(usize::try_from(id.0).ok()?)
    }

    /// Takes a lease back, and says what is wrong with it.
    pub(crate) fn release(
        &mut self,
        holder: usize,
        lease: Lease,
        fate: Fate,
        data: &mut Data,
    ) -> Result<(), String> {
        let id = lease.backend();
        let Some(slot) = self.slot(id) else {
            return Err(format!("a lease for backend {id}, which does not exist"));
        };
        if slot.holder != Some(holder) {
            return Err(format!("backend {id} is released by client {holder}, whose it is not"));
        }
        slot.holder = None;
        slot.facts = lease.facts;
        // What was written before is still delivered.
        let waiting = core::mem::take(&mut slot.to);
        match fate {
            Fate::Close(_) => {
                slot.life = Life::Closed;
                return Ok(());
            }
            Fate::Reuse | Fate::Spare | Fate::Reset { .. } if slot.life != Life::Alive => {
                slot.life = Life::Closed;
                return Ok(());
            }
            Fate::Reuse | Fate::Spare | Fate::Reset { .. } => {}
        }
        if !slot.from.at_boundary() {
            return Err(format!("backend {id} is released ({fate:?}) in the middle of a message"));
        }
        slot.model.feed(&waiting, &mut Wires { data, out: slot.from.end() });
        if let Some(what) = slot.model.owes() {
            return Err(format!("backend {id} is released ({fate:?}), but {what}"));
        }
        if let Some(owed) = slot.from.messages().iter().find(|message| !b"NAS".contains(&message.kind)) {
            return Err(format!("backend {id} is released ({fate:?}), but still answers {owed:?}"));
        }
        if slot.model.is_gone() {
            // A Terminate that was meant for us was passed on; the pool finds the connection closed.
            slot.life = Life::Closed;
            return Ok(());
        }
        match fate {
            Fate::Reset { .. } => slot.reset(data),
            Fate::Reuse | Fate::Spare | Fate::Close(_) => slot.absorb(),
        }
        if !slot.model.is_pristine() {
            return Err(format!("backend {id} is released ({fate:?}), but is not as good as new"));
        }
        Ok(())
    }
}

impl Slot {
    fn reset(&mut self, data: &mut Data) {
        for text in ["ABORT", "DISCARD ALL"] {
            let mut query = Vec::new();
            message::put(&mut query, b'Q', |out| out.extend_from_slice(format!("{text}\0").as_bytes()));
            self.model.feed(&query, &mut Wires { data, out: self.from.end() });
        }
        self.absorb();
    }

    /// Reads what an idle backend sends: only its parameters matter.
    pub(crate) fn absorb(&mut self) {
        for message in self.from.messages() {
            if message.kind == b'S' {
                let mut body = message.body.as_slice();
                if let (Some(name), Some(value)) = (message::text(&mut body), message::text(&mut body)) {
                    let _fits = self.facts.parameters.set(name, value);
                }
            }
        }
        self.from = Outgoing::default();
    }
}
