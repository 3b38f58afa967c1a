use core::ops::Range;
use std::sync::Arc;

use pgherd_types::{BackendId, Fate, Identity, Lease, Moment, NodeId};

use crate::{Count, Line};

/// What the driver has to do. Actions are executed in the order in which they were pushed: the order between peers
/// is the correctness.
#[derive(Debug)]
pub enum Action {
    /// Write to the client.
    ToClient(Bytes),
    /// Write to a leased backend.
    ToBackend(BackendId, Bytes),
    /// Ask whether the session may be served (`num_init_children`). Once, after startup was understood. Answered by
    /// `Event::Admitted` or `Event::NotAdmitted`, possibly much later; the place is given back when the session ends.
    Admit(Arc<Identity>),
    /// Lease a backend of this node for this identity. Answered by `Event::Granted` or `Event::Refused`.
    Acquire {
        /// The node.
        node: NodeId,
        /// Whose backend.
        identity: Arc<Identity>,
    },
    /// Give a lease back. What was written to the backend before is still delivered.
    Release(Lease, Fate),
    /// Keep the bytes of the current `ClientBytes` from this offset on, stop reading the client, and hand
    /// them back as the next `ClientBytes` after `ResumeClient`. Always the last word on the client's input
    /// in one call.
    HoldClient {
        /// Offset into the slice of the event.
        from: usize,
    },
    /// Hand back what was held (an empty slice, when nothing was) and read the client again. The driver does so after
    /// it has executed the other actions of this call.
    ResumeClient,
    /// Send a cancel request for a leased backend, over a connection of its own. `Event::CancelDone` follows.
    CancelBackend(BackendId),
    /// A CancelRequest arrived on this connection: find the session that it names and check the key in constant time.
    /// The connection is closed next, whatever comes of it.
    CancelSession {
        /// The process id of the request.
        session: u32,
        /// The key, 4 to 256 bytes.
        key: Vec<u8>,
    },
    /// The client sent a simple query that may be one of ours (`SHOW pool_...`, `PGPOOL ...`). Answered by
    /// `Event::AdminAnswer`.
    Admin {
        /// The text of the query, without its closing NUL.
        text: Bytes,
        /// The node that balanced reads of this session go to, where it has been chosen.
        balanced: Option<NodeId>,
    },
    /// Set a timer, replacing the one of the same kind.
    Arm(Timer, Moment),
    /// Forget a timer.
    Disarm(Timer),
    /// Something that the log or the metrics should know.
    Report(Report),
    /// The session is over. Leases have been released before; what was written to the client is delivered, then its
    /// connection is closed.
    CloseClient(Closing),
}

impl Action {
    /// Takes it out of a list that is given back when all of it was dealt with: cheaper than to take all of them out,
    /// for most are writes.
    #[must_use]
    pub fn take(&mut self) -> Action {
        core::mem::replace(self, Action::ResumeClient)
    }
}

/// Where the bytes of a write are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bytes {
    /// A range of the slice of the current event: to be written straight from the read buffer.
    Input(Range<usize>),
    /// A range of [`Actions::made`].
    Made(Range<usize>),
}

/// Timers of a session; each exists at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timer {
    /// `authentication_timeout`, from accept to the first ReadyForQuery.
    Authentication,
    /// `client_idle_limit`.
    ClientIdle,
    /// A read waits for a standby that has replayed enough, and looks again.
    Replay,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Closing {
    /// The client said goodbye or went away.
    Client,
    /// The client was refused before it had a session.
    Refused,
    /// The client broke the protocol.
    Protocol,
    /// A backend that the session could not do without is gone.
    Backend,
    /// A time limit was reached.
    TimeLimit,
    /// pgherd is shutting down.
    Shutdown,
    /// The connection carried a request that is not a session: a cancel request.
    NoSession,
    /// The session failed inside pgherd.
    Failed,
}

/// What is worth telling the log, the metrics or the control plane. Nothing is reported per row.
#[derive(Debug)]
pub enum Report {
    /// The session is open: the client has its first ReadyForQuery.
    Opened(Arc<Identity>),
    /// The node for reads was drawn: once for a session, or for each statement.
    Drawn(NodeId),
    /// A statement was sent, for `log_statement` and `log_per_node_statement`.
    Statement {
        /// Where to.
        node: NodeId,
        /// The server's process that got it; 0 when the server told none.
        process_id: u32,
        /// In which message.
        carrier: Carrier,
        /// Its text.
        text: Bytes,
    },
    /// A statement is about to end the server process of one of pgherd's backends.
    Termination {
        /// Its node.
        node: NodeId,
        /// The id of the process there.
        process_id: u32,
    },
    /// A message came, for `log_client_messages` and `log_backend_messages`.
    Message(Line),
    /// Something has passed that may have changed catalogs: what is known of them is out of date.
    CatalogsChanged,
    /// A backend broke the protocol: what it sent instead of what.
    Violation(BackendId, &'static str),
    /// A node told us that it is going down (57P01, 57P02) or is not ready (57P03).
    NodeShutdown(NodeId),
    /// The client broke the protocol; for the log, as PostgreSQL logs it.
    ClientProtocol(String),
    /// The session will soon want to know where the nodes are in the WAL. They are asked every few milliseconds for a
    /// second from now on; without such reports nobody asks, and no position is known.
    NeedsPositions,
}

/// The message that carries a statement, or the name of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// Query.
    Query,
    /// Parse.
    Parse,
    /// Bind, of a statement that was prepared.
    Bind,
    /// Execute.
    Execute,
}

impl Carrier {
    /// What stands before the text in lines and notices on it.
    pub fn prefix(self) -> &'static str {
        match self {
            Carrier::Query => "",
            Carrier::Parse => "Parse: ",
            Carrier::Bind => "Bind: ",
            Carrier::Execute => "Execute: ",
        }
    }
}

/// The list of actions of one call, reused from call to call so that nothing is allocated per message.
///
/// Neighbouring writes of the same kind to the same peer are merged as they are pushed: a batch of messages
/// that all go the same way becomes one write of the read buffer.
#[derive(Debug, Default)]
pub struct Actions {
    list: Vec<Action>,
    made: Vec<u8>,
    /// What is to be counted. It has no place among the actions: one between two writes would part them.
    counts: Vec<(NodeId, Count)>,
}

impl Actions {
    /// Pushes an action.
    pub fn push(&mut self, action: Action) {
        self.list.push(action);
    }

    /// Writes a range of the event's slice to the client.
    pub fn forward_to_client(&mut self, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        match self.list.last_mut() {
            Some(Action::ToClient(Bytes::Input(before))) if before.end == range.start => {
                before.end = range.end
            }
            _ => self.list.push(Action::ToClient(Bytes::Input(range))),
        }
    }

    /// Writes a range of the event's slice to a backend.
    pub fn forward_to_backend(&mut self, backend: BackendId, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        match self.list.last_mut() {
            Some(Action::ToBackend(to, Bytes::Input(before)))
                if *to == backend && before.end == range.start =>
            {
                before.end = range.end;
            }
            _ => self.list.push(Action::ToBackend(backend, Bytes::Input(range))),
        }
    }

    /// Writes bytes that `write` appends to the client.
    pub fn make_to_client(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let range = self.make(write);
        if range.is_empty() {
            return;
        }
        match self.list.last_mut() {
            Some(Action::ToClient(Bytes::Made(before))) if before.end == range.start => {
                before.end = range.end
            }
            _ => self.list.push(Action::ToClient(Bytes::Made(range))),
        }
    }

    /// Writes bytes that `write` appends to a backend.
    pub fn make_to_backend(&mut self, backend: BackendId, write: impl FnOnce(&mut Vec<u8>)) {
        let range = self.make(write);
        if range.is_empty() {
            return;
        }
        match self.list.last_mut() {
            Some(Action::ToBackend(to, Bytes::Made(before)))
                if *to == backend && before.end == range.start =>
            {
                before.end = range.end;
            }
            _ => self.list.push(Action::ToBackend(backend, Bytes::Made(range))),
        }
    }

    /// Appends bytes and says where they are, for actions that carry [`Bytes`].
    pub fn make(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Range<usize> {
        let start = self.made.len();
        write(&mut self.made);
        start..self.made.len()
    }

    /// Something is to be counted of a node.
    pub(crate) fn count(&mut self, node: NodeId, what: Count) {
        self.counts.push((node, what));
    }

    /// Takes what is to be counted.
    pub fn take_counts(&mut self) -> impl Iterator<Item = (NodeId, Count)> {
        self.counts.drain(..)
    }

    /// The bytes that the session made.
    pub fn made(&self) -> &[u8] {
        &self.made
    }

    /// True when there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The actions so far, for looking at.
    pub fn iter(&self) -> impl Iterator<Item = &Action> {
        self.list.iter()
    }

    /// Takes the list apart: the actions, to be drained and handed back with [`Actions::recycle`], and the
    /// made bytes.
    pub fn take(&mut self) -> (Vec<Action>, Vec<u8>) {
        (core::mem::take(&mut self.list), core::mem::take(&mut self.made))
    }

    /// Gives the memory back for the next call. Large `made` buffers are let go.
    pub fn recycle(&mut self, mut list: Vec<Action>, mut made: Vec<u8>) {
        list.clear();
        made.clear();
        if made.capacity() > KEPT_MADE_BYTES {
            made.shrink_to(KEPT_MADE_BYTES);
        }
        self.counts.clear();
        self.list = list;
        self.made = made;
    }
}

const KEPT_MADE_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use pgherd_types::{BackendId, NodeId};

    use super::{Action, Actions, Bytes};
    use crate::Count;

    /// A batch goes out in one write, whatever is counted of its messages.
    #[test]
    fn what_is_counted_parts_no_writes() {
        let mut out = Actions::default();
        out.forward_to_backend(BackendId(1), 0..30);
        out.count(NodeId(0), Count::Select);
        out.forward_to_backend(BackendId(1), 30..45);
        assert_eq!(out.take_counts().collect::<Vec<_>>(), [(NodeId(0), Count::Select)]);
        let (list, _) = out.take();
        let whole = Bytes::Input(0..45);
        assert!(matches!(&*list, [Action::ToBackend(_, bytes)] if *bytes == whole), "{list:?}");
    }
}
