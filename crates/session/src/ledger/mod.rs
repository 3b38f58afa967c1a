//! What one backend still owes, in order, and to whom.
//!
//! This is the only code that knows the reply grammar: which reply ends which request, what an error
//! abandons, and what COPY does to the requests queued behind it. It follows `PostgresMain` and
//! `SocketBackend` of PostgreSQL's `tcop/postgres.c` and the protocol's "Message Flow" chapter. A reply that
//! it does not expect is a [`Violation`], and the backend is closed: a count that is lost cannot be found
//! again.

use std::collections::VecDeque;

use pgherd_types::limits;
use pgherd_wire::backend::TransactionStatus;

use crate::{
    planted::{PlantedBug, planted},
    queue,
};

/// A client message that is answered, or that changes how others are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// `Q`: anything up to ReadyForQuery.
    Query,
    /// `F`: a result or an error, then ReadyForQuery.
    FunctionCall,
    /// `P`.
    Parse,
    /// `B`.
    Bind,
    /// `D` of a statement: ParameterDescription, then RowDescription or NoData.
    DescribeStatement,
    /// `D` of a portal: RowDescription or NoData.
    DescribePortal,
    /// `E`: rows or COPY, then a completion.
    Execute,
    /// `C`.
    Close,
    /// `S`: ReadyForQuery, after an error when the commit that it implies fails.
    Sync,
    /// `c` or `f`: ends a COPY IN; answered by whatever the COPY's own request is answered with.
    CopyEnd,
}

/// Whom a reply is owed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owed {
    /// The client asked.
    Client,
    /// The session has asked for itself and reads the answer.
    Session,
    /// The session has asked for itself and only wants to know whether it went well.
    Nobody,
}

/// The number of a request among those of one backend; later requests have greater ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// A server message that answers something. NoticeResponse, ParameterStatus and NotificationResponse answer
/// nothing and never get here; neither does a FATAL ErrorResponse, which ends the backend whatever it owes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the protocol's own names")]
pub enum Reply {
    ParseComplete,
    BindComplete,
    CloseComplete,
    ParameterDescription,
    RowDescription,
    NoData,
    DataRow,
    PortalSuspended,
    CommandComplete,
    EmptyQueryResponse,
    Error,
    CopyInResponse,
    CopyOutResponse,
    CopyBothResponse,
    CopyData,
    CopyDone,
    FunctionCallResponse,
    ReadyForQuery(TransactionStatus),
}

/// What a Sync that is sent now means to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SyncMeaning {
    /// It will be answered.
    Counts,
    /// A COPY IN is running: the server reads it and drops it.
    Dropped,
    /// A COPY IN may be about to start; nobody can tell before the answer is here.
    Undecided,
}

/// A reply that the protocol does not allow at this point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The request at the head of the queue, if any.
    pub front: Option<Request>,
    /// What came.
    pub got: Reply,
}

/// What a reply did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whom it is for.
    pub owed: Owed,
    /// The request that it finished.
    pub finished: Option<Finished>,
}

/// What a reply did that changes nothing but what is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plain {
    /// Its request is owed more.
    GoesOn,
    /// This request is answered.
    Ends(Finished),
}

/// A request that is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// What it was.
    pub request: Request,
    /// Its number.
    pub ticket: Ticket,
    /// How it ended. Of a Sync: how its batch ended.
    pub ended: Ended,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Without an error.
    Well,
    /// With one, before any of its statements was complete.
    Failed,
    /// With one, after some of its statements were complete.
    FailedLate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    request: Request,
    owed: Owed,
    ticket: Ticket,
    ended: Ended,
    /// Only for Query: a statement of it is complete.
    began: bool,
    /// Only for Execute: it may turn out to be a COPY IN.
    may_copy_in: bool,
    /// Only for DescribeStatement: ParameterDescription has come.
    half_described: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Copy {
    #[default]
    None,
    In,
    Out,
    Both,
}

/// How far the batch of extended-protocol messages that was sent last has got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Batch {
    /// The last message that counts was a Sync, or belongs to no batch.
    #[default]
    Closed,
    /// Messages were sent that no Sync has followed.
    Open,
    /// One of them failed, and the server discards everything up to the Sync.
    Skipping,
}

/// The queue of requests that a backend owes replies to.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(PartialEq))]
pub struct Ledger {
    queue: VecDeque<Entry>,
    copy: Copy,
    batch: Batch,
    transaction: TransactionStatus,
    /// Syncs that were kept from a COPY IN since something else was sent to it. Should it fail now, then before it
    /// read anything, and they are owed an answer.
    dropped_syncs: u32,
    /// Entries of the queue that are owed to the client.
    client_entries: u32,
    last_ticket: u64,
}

impl Ledger {
    /// Requests that the backend was sent and answers, or has answered.
    pub fn requests(&self) -> u64 {
        self.last_ticket
    }

    /// Notes a request that is sent to the backend now. `may_copy_in` says of an Execute that its statement
    /// may be a COPY FROM STDIN. `None`: it will not be answered, because the server discards it.
    // Once for each message of a client, from one place.
    #[inline(always)]
    pub fn request(&mut self, request: Request, owed: Owed, may_copy_in: bool) -> Option<Ticket> {
        self.dropped_syncs = 0;
        let mut ended = Ended::Well;
        if self.batch == Batch::Skipping {
            // The server discards it unread.
            if request != Request::Sync {
                return None;
            }
            self.batch = Batch::Closed;
            ended = Ended::Failed;
        }
        match request {
            Request::CopyEnd if self.copy == Copy::None && !self.copy_in_may_come() => return None,
            // A simple query ends the implicit transaction of the messages before it, as a Sync does.
            Request::Sync | Request::Query | Request::FunctionCall => self.batch = Batch::Closed,
            Request::Parse
            | Request::Bind
            | Request::DescribeStatement
            | Request::DescribePortal
            | Request::Execute
            | Request::Close => self.batch = Batch::Open,
            Request::CopyEnd => {}
        }
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        self.client_entries += u32::from(owed == Owed::Client);
        queue::push(
            &mut self.queue,
            Entry { request, owed, ticket, ended, began: false, may_copy_in, half_described: false },
        );
        Some(ticket)
    }

    /// Notes a reply to the client while no COPY runs, where it is one that changes nothing but what is owed. Nearly
    /// all are, and this takes a fraction of what [`Ledger::reply`] does. `None`: it is none of these, or not allowed,
    /// and nothing was noted.
    #[inline]
    pub fn plain_reply(&mut self, got: Reply) -> Option<Plain> {
        let front = self.queue.front_mut()?;
        if front.owed != Owed::Client || self.copy != Copy::None {
            return None;
        }
        if !ends_plainly(front.request, got)? {
            front.began |= got == Reply::CommandComplete;
            return Some(Plain::GoesOn);
        }
        let (request, ticket, ended) = (front.request, front.ticket, front.ended);
        self.pop();
        self.drop_spent_copy_ends();
        Some(Plain::Ends(Finished { request, ticket, ended }))
    }

    /// Notes a reply.
    ///
    /// # Errors
    /// When the protocol does not allow it here. The ledger is of no use afterwards.
    pub fn reply(&mut self, got: Reply) -> Result<Outcome, Violation> {
        let Some(&Entry { request, owed, ticket, ended, half_described, .. }) = self.queue.front() else {
            return Err(Violation { front: None, got });
        };
        let finished = match (request, got) {
            (_, Reply::ReadyForQuery(transaction)) => return self.ready(transaction),
            (Request::Query | Request::FunctionCall | Request::Sync, Reply::Error) => {
                self.end_copy();
                if let Some(front) = self.queue.front_mut() {
                    front.ended = if front.began { Ended::FailedLate } else { Ended::Failed };
                }
                false
            }
            (_, Reply::Error) => {
                self.end_copy();
                return Ok(Outcome { owed: self.abandon_batch(), finished: None });
            }
            (
                Request::Query | Request::Execute,
                Reply::CopyInResponse
                | Reply::CopyOutResponse
                | Reply::CopyBothResponse
                | Reply::CopyData
                | Reply::CopyDone,
            ) if self.copy_reply(request, got) => false,
            (Request::Query, Reply::CommandComplete) => {
                self.end_copy();
                if let Some(front) = self.queue.front_mut() {
                    front.began = true;
                }
                false
            }
            (Request::Execute, Reply::CommandComplete) => {
                self.end_copy();
                true
            }
            (Request::FunctionCall, Reply::FunctionCallResponse) => false,
            (Request::DescribeStatement, Reply::ParameterDescription) if !half_described => {
                if let Some(front) = self.queue.front_mut() {
                    front.half_described = true;
                }
                false
            }
            (Request::DescribeStatement, Reply::RowDescription | Reply::NoData) if half_described => true,
            _ => ends_plainly(request, got).ok_or(Violation { front: Some(request), got })?,
        };
        if finished {
            self.pop();
            self.drop_spent_copy_ends();
        }
        let finished = finished.then_some(Finished { request, ticket, ended });
        Ok(Outcome { owed, finished })
    }

    /// Notes a ReadyForQuery.
    ///
    /// # Errors
    /// As for [`Ledger::reply`].
    #[inline]
    pub fn ready(&mut self, transaction: TransactionStatus) -> Result<Outcome, Violation> {
        let front = self.queue.front().copied();
        let Some(Entry { request, owed, ticket, ended, .. }) =
            front.filter(|front| ends_batch(front.request))
        else {
            let front = front.map(|front| front.request);
            return Err(Violation { front, got: Reply::ReadyForQuery(transaction) });
        };
        self.transaction = transaction;
        self.copy = Copy::None;
        self.pop();
        self.drop_spent_copy_ends();
        Ok(Outcome { owed, finished: Some(Finished { request, ticket, ended }) })
    }

    /// Notes a reply of a COPY. False when the protocol does not allow it here.
    fn copy_reply(&mut self, request: Request, got: Reply) -> bool {
        match (got, self.copy) {
            (Reply::CopyInResponse, _) => return self.begin_copy_in(),
            (Reply::CopyOutResponse, _) => self.copy = Copy::Out,
            // Only replication does this, in the simple protocol.
            (Reply::CopyBothResponse, _) if request == Request::Query => self.copy = Copy::Both,
            (Reply::CopyData, Copy::Out | Copy::Both) | (Reply::CopyDone, Copy::Both) => {}
            (Reply::CopyDone, Copy::Out) => self.copy = Copy::None,
            _ => return false,
        }
        true
    }

    /// The kind byte of the rows that may come in any number now, and whom they are for: `D`, or `d` while a
    /// COPY sends.
    pub fn bulk(&self) -> Option<(u8, Owed)> {
        let front = self.queue.front()?;
        match (front.request, self.copy) {
            (Request::Query | Request::Execute, Copy::None) => Some((b'D', front.owed)),
            (Request::Query | Request::Execute, Copy::Out | Copy::Both) => Some((b'd', front.owed)),
            _ => None,
        }
    }

    /// What a Sync that is sent now would mean.
    pub fn sync_meaning(&self) -> SyncMeaning {
        if planted(PlantedBug::SyncInCopyCounts) {
            return SyncMeaning::Counts;
        }
        if self.copy == Copy::In && self.queue.len() == 1 {
            return SyncMeaning::Dropped;
        }
        // Any other message ends a COPY, one way or the other, before the Sync is read.
        let ends = |entry: &&Entry| entry.request == Request::CopyEnd;
        let mut last = self.queue.iter().rev();
        let ended = last.clone().next().is_some_and(|entry| ends(&entry));
        match last.find(|entry| !ends(entry)) {
            // What follows in its text may be another COPY.
            Some(Entry { request: Request::Query, .. }) => SyncMeaning::Undecided,
            Some(Entry { request: Request::Execute, may_copy_in: true, .. }) if !ended => {
                SyncMeaning::Undecided
            }
            Some(_) | None => SyncMeaning::Counts,
        }
    }

    /// A Sync was dropped, as [`SyncMeaning::Dropped`] says.
    pub fn sync_dropped(&mut self) {
        self.dropped_syncs = (limits::LEDGER_ENTRIES as u32).min(self.dropped_syncs + 1);
    }

    /// CopyData is sent. It is answered by nothing.
    pub fn copy_data(&mut self) {
        self.dropped_syncs = 0;
    }

    /// True when Syncs were dropped for a COPY IN that has read nothing since.
    pub fn has_unread_syncs(&self) -> bool {
        self.dropped_syncs > 0
    }

    /// After an error: how many Syncs were dropped for a COPY IN that cannot have read them. They are to be
    /// sent now.
    #[must_use]
    pub fn take_unread_syncs(&mut self) -> u32 {
        core::mem::take(&mut self.dropped_syncs)
    }

    /// True when a reply is still to come.
    pub fn owes(&self) -> bool {
        !self.queue.is_empty()
    }

    /// True when the client waits for a reply, or has begun a batch.
    pub fn owes_client(&self) -> bool {
        self.client_entries > 0 || (self.batch != Batch::Closed && !planted(PlantedBug::ForgetsOpenBatch))
    }

    /// True when the client waits for a reply.
    pub fn owes_client_reply(&self) -> bool {
        self.client_entries > 0
    }

    /// True when a ReadyForQuery is still to come: what the transaction is then is not known.
    pub fn owes_ready(&self) -> bool {
        self.queue.iter().any(|entry| ends_batch(entry.request))
    }

    /// The request that is answered next.
    pub fn next_ticket(&self) -> Option<Ticket> {
        self.queue.front().map(|front| front.ticket)
    }

    /// The last request in the queue that ends a batch: what follows it is read whatever becomes of what is before it.
    pub fn last_end(&self) -> Option<Ticket> {
        self.queue.iter().rev().find(|entry| ends_batch(entry.request)).map(|entry| entry.ticket)
    }

    /// Whom the reply that comes next is for; the client when none is owed.
    pub fn next_owed(&self) -> Owed {
        self.queue.front().map_or(Owed::Client, |front| front.owed)
    }

    /// True when the backend has answered everything and waits for the next unit: nothing owed, no batch begun, no
    /// failed batch waiting for its Sync. A transaction may be open.
    pub fn is_settled(&self) -> bool {
        self.queue.is_empty() && (self.batch == Batch::Closed || planted(PlantedBug::ForgetsOpenBatch))
    }

    /// True while the server discards what it reads until a Sync.
    pub fn is_skipping(&self) -> bool {
        self.batch == Batch::Skipping
    }

    /// True while the client sends COPY data: the server waits for it.
    pub fn is_copying_in(&self) -> bool {
        matches!(self.copy, Copy::In | Copy::Both)
    }

    /// True while what is sent does not get where it is acted upon: the server discards it until a Sync, or waits for
    /// the end of a COPY that the client has not sent.
    pub fn is_deaf(&self) -> bool {
        let ended = || self.queue.iter().any(|entry| entry.request == Request::CopyEnd);
        self.is_skipping() || (self.is_copying_in() && !ended())
    }

    /// True when no more requests may be queued ([`limits::LEDGER_ENTRIES`]).
    pub fn is_full(&self) -> bool {
        self.queue.len() >= limits::LEDGER_ENTRIES
    }

    /// Transaction status of the last ReadyForQuery. It is the truth, always: no text is ever consulted instead.
    pub fn transaction(&self) -> TransactionStatus {
        self.transaction
    }

    /// Makes every reply of the unit in flight nobody's: the session has decided to ask elsewhere.
    pub fn disown(&mut self) {
        for entry in &mut self.queue {
            entry.owed = Owed::Nobody;
        }
        self.client_entries = 0;
    }

    /// True when a request in the queue may start a COPY IN whose start we have not seen.
    fn copy_in_may_come(&self) -> bool {
        self.queue.iter().any(|entry| match entry.request {
            Request::Query => true,
            Request::Execute => entry.may_copy_in,
            Request::FunctionCall
            | Request::Parse
            | Request::Bind
            | Request::DescribeStatement
            | Request::DescribePortal
            | Request::Close
            | Request::Sync
            | Request::CopyEnd => false,
        })
    }

    /// A COPY IN begins. False when a Sync was sent that the server may or may not have dropped: whoever sent
    /// it did not ask [`Ledger::sync_meaning`], and nobody can tell any more what is owed.
    fn begin_copy_in(&mut self) -> bool {
        self.copy = Copy::In;
        self.queue.get(1).is_none_or(|next| next.request != Request::Sync)
    }

    /// A COPY ended. The CopyDone or CopyFail that ended it, or that comes too late, is answered by nothing
    /// of its own.
    fn end_copy(&mut self) {
        let was_in = self.copy == Copy::In;
        self.copy = Copy::None;
        if was_in && let Some(at) = self.queue.iter().position(|entry| entry.request == Request::CopyEnd) {
            let gone = self.queue.remove(at);
            self.client_entries -= u32::from(gone.is_some_and(|entry| entry.owed == Owed::Client));
        }
    }

    /// An extended-protocol message failed: everything up to the next Sync is discarded by the server. Says whom the
    /// error is for: the client, whoever asked, unless the whole batch is the session's own.
    fn abandon_batch(&mut self) -> Owed {
        let mut owed = None;
        while let Some(front) = self.queue.front_mut() {
            let clients = front.owed == Owed::Client;
            if front.request == Request::Sync {
                front.ended = Ended::Failed;
                return owed.unwrap_or(front.owed);
            }
            if clients {
                owed = Some(Owed::Client);
            }
            self.pop();
        }
        if !planted(PlantedBug::ForgetsToSkip) {
            self.batch = Batch::Skipping;
        }
        Owed::Client
    }

    fn pop(&mut self) {
        if let Some(entry) = queue::pop(&mut self.queue) {
            self.client_entries -= u32::from(entry.owed == Owed::Client);
        }
    }

    /// A CopyDone or CopyFail that outlived its COPY is read and ignored by the server.
    fn drop_spent_copy_ends(&mut self) {
        while self.queue.front().is_some_and(|entry| entry.request == Request::CopyEnd) {
            self.pop();
        }
    }
}

/// True for a request that is answered with a ReadyForQuery in the end.
fn ends_batch(request: Request) -> bool {
    match request {
        Request::Sync | Request::Query | Request::FunctionCall => true,
        Request::Parse
        | Request::Bind
        | Request::DescribeStatement
        | Request::DescribePortal
        | Request::Execute
        | Request::Close
        | Request::CopyEnd => false,
    }
}

/// Whether a reply ends its request, of those that do nothing else while no COPY runs. `None` for all others, and where
/// the protocol does not allow it.
#[inline]
fn ends_plainly(request: Request, got: Reply) -> Option<bool> {
    match (request, got) {
        (
            Request::Query,
            Reply::RowDescription | Reply::DataRow | Reply::CommandComplete | Reply::EmptyQueryResponse,
        )
        | (Request::Execute, Reply::DataRow) => Some(false),
        (Request::Execute, Reply::CommandComplete | Reply::EmptyQueryResponse | Reply::PortalSuspended)
        | (Request::Parse, Reply::ParseComplete)
        | (Request::Bind, Reply::BindComplete)
        | (Request::Close, Reply::CloseComplete)
        | (Request::DescribePortal, Reply::RowDescription | Reply::NoData) => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
