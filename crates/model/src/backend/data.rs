use crate::sql::{TABLES, Table};

/// Nodes that the model's cluster may have.
pub const NODES: usize = 3;

/// What a transaction sees: how many rows each table has, and which of those that have to be made exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tables {
    rows: [u32; 2 * TABLES],
    made: [bool; TABLES],
}

impl Tables {
    pub(super) fn exists(&self, table: Table) -> bool {
        match table.checked_sub(TABLES) {
            None => true,
            Some(n) => self.made.get(n).copied().unwrap_or_default(),
        }
    }

    pub(super) fn make(&mut self, table: Table) {
        if let Some(made) = table.checked_sub(TABLES).and_then(|n| self.made.get_mut(n)) {
            *made = true;
        }
    }

    pub(super) fn rows(&self, table: Table) -> usize {
        self.rows.get(table).map_or(0, |&rows| rows as usize)
    }

    pub(super) fn insert(&mut self, table: Table, more: usize) {
        if let Some(rows) = self.rows.get_mut(table) {
            *rows += more as u32;
        }
    }

    /// These with what a transaction has added.
    pub(super) fn with(mut self, more: &Tables) -> Tables {
        for (rows, more) in self.rows.iter_mut().zip(more.rows) {
            *rows += more;
        }
        for (made, more) in self.made.iter_mut().zip(more.made) {
            *made |= more;
        }
        self
    }
}

/// The history of a cluster: what was committed, one state after the other. All nodes share it; the primary is always
/// at its end, a standby has replayed it up to somewhere.
#[derive(Clone, Debug)]
pub struct Data {
    history: Vec<Tables>,
    replayed: [usize; NODES],
    primary: usize,
}

impl Default for Data {
    fn default() -> Self {
        Data { history: vec![Tables::default()], replayed: [0; NODES], primary: 0 }
    }
}

impl Data {
    /// True when the node takes no writes.
    pub fn is_standby(&self, node: usize) -> bool {
        node != self.primary
    }

    /// The node that takes the writes.
    pub fn primary(&self) -> usize {
        self.primary
    }

    /// Where a node is in the WAL.
    pub fn position(&self, node: usize) -> u64 {
        FIRST_POSITION + COMMIT_BYTES * self.at(node) as u64
    }

    /// True when a node has something to replay.
    pub fn is_behind(&self, node: usize) -> bool {
        self.at(node) + 1 < self.history.len()
    }

    /// A standby replays so many commits more.
    pub fn replay(&mut self, node: usize, commits: usize) {
        let end = self.history.len() - 1;
        if let Some(at) = self.replayed.get_mut(node) {
            *at = end.min(*at + commits);
        }
    }

    /// A standby takes over, once it has replayed everything; what was the primary follows it.
    pub fn promote(&mut self, node: usize) {
        let end = self.history.len() - 1;
        if let Some(at) = self.replayed.get_mut(self.primary) {
            *at = end;
        }
        self.primary = node;
    }

    pub(super) fn commit(&mut self, more: &Tables) {
        if *more != Tables::default() {
            self.history.push(self.seen_by(self.primary).with(more));
        }
    }

    pub(super) fn seen_by(&self, node: usize) -> Tables {
        self.history.get(self.at(node)).copied().unwrap_or_default()
    }

    fn at(&self, node: usize) -> usize {
        match node == self.primary {
            true => self.history.len() - 1,
            false => self.replayed.get(node).copied().unwrap_or_default(),
        }
    }
}

const FIRST_POSITION: u64 = 0x1_0000_0100;
const COMMIT_BYTES: u64 = 0x28;
