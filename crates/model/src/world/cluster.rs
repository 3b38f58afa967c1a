//! What the nodes of the cluster do on their own: standbys replay, positions are asked for and published, standbys come
//! and go, another node becomes the primary.

use std::sync::Arc;

use pgherd_route::Consistency;
use pgherd_types::{Lsn, NodeId, NodeReplication, NodeStatus, Position, Replication};

use super::{Move, Pending, SeatState, World};
use crate::backend::Wires;
use crate::oracle::{self, Promise};
use crate::pool::Life;

/// Commits that a standby replays at once, at most.
const REPLAYED: usize = 3;
/// Changes of the cluster in one run.
const CHANGES: usize = 4;
/// In how many of a hundred moves the cluster changes, and in how many of the changes the primary does.
const CHANGES_IN: usize = 3;
const PRIMARY_CHANGES: usize = 40;
/// In how many of a hundred changes it is pgherd's settings that do.
const RELOADS: usize = 20;

impl World<'_> {
    pub(super) fn cluster_moves(&self, moves: &mut Vec<Move>) {
        if self.topology.nodes.len() < 2 || !(0..self.seats.len()).any(|i| self.is_open(i)) {
            return;
        }
        let behind = |node: &usize| self.data.is_standby(*node) && self.data.is_behind(*node);
        moves.extend((0..self.topology.nodes.len()).filter(behind).map(Move::Replay));
        let known = |node: usize| self.replication.node(NodeId(node as u8)).position.map(|at| at.lsn.0);
        let news = (0..self.topology.nodes.len()).any(|node| known(node) != Some(self.data.position(node)));
        if self.asked.is_some() || news {
            moves.push(Move::Positions);
        }
    }

    pub(super) fn replay(&mut self, node: usize) {
        let commits = 1 + self.rng.below(REPLAYED);
        self.data.replay(node, commits);
        let at = self.data.position(node);
        self.log(|| format!("N{node}  has replayed up to {}", Lsn(at)));
    }

    /// The worker that asks the nodes where they are: its answers are older than what happens when they are published.
    pub(super) fn positions(&mut self) {
        match self.asked.take() {
            Some(told) => {
                self.log(|| "positions are published".to_owned());
                self.replication = told;
            }
            None => {
                let node = |node: usize| NodeReplication {
                    position: Some(Position {
                        lsn: Lsn(self.data.position(node)),
                        asked: self.now,
                        in_recovery: self.data.is_standby(node),
                    }),
                    ..NodeReplication::default()
                };
                let nodes = (0..self.topology.nodes.len()).map(node).collect();
                self.asked = Some(Replication { nodes, pages: None });
            }
        }
    }

    /// Perhaps the cluster changes.
    pub(super) fn perhaps_changes(&mut self) {
        if self.topology.nodes.len() > 1 && self.changes < CHANGES && self.rng.chance(CHANGES_IN) {
            self.changes += 1;
            let node = self.rng.below(self.topology.nodes.len());
            if self.rng.chance(RELOADS) {
                return self.reload();
            }
            match self.rng.chance(PRIMARY_CHANGES) {
                true => self.switch_over(node),
                false => self.detach_or_attach(node),
            }
        }
    }

    /// The settings of routing are read anew. What reads are promised stays.
    fn reload(&mut self) {
        self.log(|| "the settings are read anew".to_owned());
        let promise = match self.policy.routing.consistency {
            Consistency::Eventual => Promise::Eventual,
            Consistency::Session { .. } => Promise::Session,
        };
        self.policy.routing = Arc::new(oracle::routing(&mut self.rng, promise));
    }

    fn detach_or_attach(&mut self, node: usize) {
        if !self.data.is_standby(node) {
            return;
        }
        let status = match self.topology.nodes[node].status {
            NodeStatus::Up => NodeStatus::Down,
            NodeStatus::Down | NodeStatus::Waiting | NodeStatus::Unused => NodeStatus::Up,
        };
        self.log(|| format!("N{node}  is now {status:?}"));
        self.topology.nodes[node].status = status;
        self.topology.epoch += 1;
    }

    /// As an administrator does it: the primary is stopped, which ends its backends; a standby replays all that there
    /// is and takes over; the old primary follows it.
    fn switch_over(&mut self, node: usize) {
        let old = self.data.primary();
        if node == old || self.topology.nodes[node].status != NodeStatus::Up {
            return;
        }
        self.log(|| format!("N{node}  takes over from N{old}"));
        for at in 0..self.pool.slots.len() {
            let slot = &mut self.pool.slots[at];
            if slot.node.index() != old || slot.life != Life::Alive {
                continue;
            }
            slot.model.shut_down(&mut Wires { data: &mut self.data, out: slot.from.end() });
            slot.to.clear();
            slot.life = if slot.holder.is_some() { Life::Ended } else { Life::Closed };
            if let Some(holder) = slot.holder
                && self.seats[holder].state == SeatState::Open
            {
                self.fault(holder);
            }
        }
        for pending in &mut self.pending {
            if let Pending::Lease(i, of, _) = pending
                && of.index() == old
            {
                *pending = Pending::Refused(*i, *of);
            }
        }
        self.data.promote(node);
        self.topology.primary = Some(NodeId(node as u8));
        for (id, one) in self.topology.nodes.iter_mut().enumerate() {
            one.in_recovery = Some(id != node);
        }
        self.topology.epoch += 1;
    }
}
