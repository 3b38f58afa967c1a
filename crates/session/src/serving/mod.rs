//! A session that is open: from the first ReadyForQuery to the end.
//!
//! The session has a *lead*, the leg on the node that takes writes, and may have a *reader*, a leg on the
//! node that was drawn for its balanced reads. Everything goes to the lead, in the order in which it came and
//! without waiting for answers, but a read-only unit that any node answers alike: that one goes to the
//! reader, alone, and what follows it waits until it is answered. So the replies of two backends never mix,
//! and what a unit reads never depends on a write of the same session that is still under way.
//!
//! A session that may have left something behind on the lead (a setting, a temporary table, a write that
//! standbys have yet to replay) is *pinned*: it is never balanced again.

mod backend;
mod client;
mod leaving;
mod loss;
mod reads;

use std::sync::Arc;

use pgherd_types::{BackendId, Fate, Identity, Lease, Moment, NodeId, Parameters, ResetReason, Topology};

use self::{
    client::ClientStream,
    leaving::Leaving,
    reads::{Reads, Unit},
};
use pgherd_wire::{Framer, backend::TransactionStatus};

use crate::{
    Action, Actions, Bytes, Carrier, Closing, Context, Event, Report, Shutdown, Timer, ledger::Owed,
    leg::Leg, say,
};

pub(crate) use self::loss::refuse;
use self::reads::Bound;

/// The state of an open session.
#[derive(Debug)]
pub(crate) struct Serving {
    identity: Arc<Identity>,
    pooling: Pooling,
    lead: Option<Leg>,
    reader: Option<Leg>,
    turn: Turn,
    reads: Reads,
    bound: Bound,
    client: ClientStream,
    wait: Wait,
    next_query: NextQuery,
    unit: Unit,
    /// What makes the lead's unnamed statement the client's, when they differ: the Parse that only the reader
    /// got, or a Close, because a query on the reader has ended it.
    unnamed: Vec<u8>,
    /// What the client has been told with ParameterStatus.
    view: Parameters,
    /// Messages of the lead that answer nothing and came while the reader was in the middle of a message.
    deferred: Vec<u8>,
    held: Held,
    leaving: Option<Leaving>,
    last_active: Moment,
    /// The snapshot of the cluster that the lead was last held against.
    epoch: u64,
}

/// Whether the session goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Life {
    /// It does.
    Open,
    /// All its leases are released and the client is being closed.
    Over,
}

/// Whether the session's backends may serve others after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pooling {
    Pooled,
    NotPooled,
}

/// One of the session's legs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Lead,
    Reader,
}

/// What the client's input waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Nothing,
    /// A lease for this leg.
    Lease(Turn),
    /// The lead's lease, to send a unit once more that the reader failed.
    Again,
    /// The answer to an administrative statement.
    Admin,
}

/// What is already known of the simple query that is handed back next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NextQuery {
    Fresh,
    /// We have answered it.
    Answered,
    /// It looked like one of ours and is not.
    NotOurs,
}

/// Whether the driver keeps back input of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    No,
    Yes,
}

impl Serving {
    /// Opens the session on its first lease: the client is told what `postgres` tells after authentication.
    pub(crate) fn open(identity: Arc<Identity>, pooling: Pooling, lease: Lease, now: Moment) -> Self {
        Serving {
            identity,
            pooling,
            view: lease.facts.parameters.clone(),
            lead: Some(Leg::new(lease)),
            reader: None,
            turn: Turn::Lead,
            reads: Reads::Undrawn,
            bound: Bound::Free,
            client: ClientStream::new(),
            wait: Wait::Nothing,
            next_query: NextQuery::Fresh,
            unit: Unit::default(),
            unnamed: Vec::new(),
            deferred: Vec::new(),
            held: Held::No,
            leaving: None,
            last_active: now,
            epoch: 0,
        }
    }

    /// The parameters that the client is told at the start.
    pub(crate) fn view(&self) -> &Parameters {
        &self.view
    }

    /// Where the session is in the client's stream.
    pub(crate) fn client_framer(&self) -> &Framer {
        self.client.framer()
    }

    /// The node of a backend, and where its stream is.
    pub(crate) fn backend_framer(&self, backend: BackendId) -> Option<(NodeId, &Framer)> {
        let mut legs = [&self.lead, &self.reader].into_iter().flatten();
        legs.find(|leg| leg.backend() == backend).map(|leg| (leg.node(), &leg.framer))
    }

    /// True when the client may be sent a message of our own now.
    pub(crate) fn may_tell(&self) -> bool {
        self.leaving.is_none() && self.client_at_boundary()
    }

    /// What the client said before the session was open is heard now.
    pub(crate) fn resume_first(&mut self, out: &mut Actions) {
        self.held = Held::Yes;
        self.resume(out);
    }

    pub(crate) fn handle(&mut self, cx: &mut Context<'_>, event: Event<'_>, out: &mut Actions) -> Life {
        match self.event(cx, event, out) {
            Life::Open => self.leave_if_done(out),
            Life::Over => Life::Over,
        }
    }

    fn event(&mut self, cx: &mut Context<'_>, event: Event<'_>, out: &mut Actions) -> Life {
        match event {
            Event::ClientBytes(bytes) => self.client_bytes(cx, bytes, out),
            Event::ClientDone => self.leave(Closing::Client, Vec::new(), out),
            Event::ClientGone => self.end(out, Closing::Client),
            Event::Granted(lease) => self.granted(cx, lease, out),
            Event::Refused { node, why } => self.refused(cx, node, why, out),
            Event::BackendBytes { backend, bytes } => match self.leg_of(backend) {
                Some(turn) => self.backend_bytes(cx, turn, bytes, out),
                None => Life::Open,
            },
            Event::BackendGone { backend, why } => match self.leg_of(backend) {
                Some(turn) => self.backend_gone(cx, turn, why, out),
                None => Life::Open,
            },
            Event::CancelAsked => self.cancel(out),
            Event::CancelDone { backend } => {
                if let Some(turn) = self.leg_of(backend)
                    && let Some(leg) = self.leg_mut(turn)
                {
                    leg.cancel_done();
                }
                Life::Open
            }
            Event::AdminAnswer(answer) => self.admin_answered(cx, answer, out),
            Event::Timer(Timer::ClientIdle) => self.idle_limit(cx, out),
            Event::Drain(how) => self.drain(how, out),
            // Answers to questions that an open session does not ask.
            Event::Timer(Timer::Authentication) | Event::Admitted | Event::NotAdmitted => Life::Open,
        }
    }

    /// Ends the session: every lease goes back, then the client is closed.
    pub(crate) fn end(&mut self, out: &mut Actions, closing: Closing) -> Life {
        let pooled = self.pooling == Pooling::Pooled;
        if let Some(leg) = self.lead.take() {
            let fate = match self.client.is_forwarding() {
                // It would take what is said to it next for the rest of the message.
                true => Fate::Close(ResetReason::Owing),
                false => leg.fate(pooled),
            };
            out.push(Action::Release(leg.lease, fate));
        }
        if let Some(leg) = self.reader.take() {
            let fate = leg.fate(pooled);
            out.push(Action::Release(leg.lease, fate));
        }
        out.push(Action::CloseClient(closing));
        Life::Over
    }

    fn leg_of(&self, backend: BackendId) -> Option<Turn> {
        let is = |leg: &Option<Leg>| leg.as_ref().is_some_and(|leg| leg.backend() == backend);
        if is(&self.lead) {
            Some(Turn::Lead)
        } else if is(&self.reader) {
            Some(Turn::Reader)
        } else {
            None
        }
    }

    fn leg_mut(&mut self, turn: Turn) -> Option<&mut Leg> {
        match turn {
            Turn::Lead => self.lead.as_mut(),
            Turn::Reader => self.reader.as_mut(),
        }
    }

    /// The cluster may have changed: a lead that does not take writes any more is left as soon as that costs
    /// nothing.
    fn follow(&mut self, topology: &Topology, out: &mut Actions) {
        if self.epoch == topology.epoch {
            return;
        }
        let Some(node) = topology.write_node() else { return };
        if self.lead.as_ref().is_some_and(|leg| leg.node() == node) {
            self.epoch = topology.epoch;
        } else if self.can_spare_lead()
            && let Some(leg) = self.lead.take()
        {
            let fate = leg.fate(self.pooling == Pooling::Pooled);
            out.push(Action::Release(leg.lease, fate));
            self.epoch = topology.epoch;
        }
    }

    /// Asks for a leg; the client's input waits for it.
    fn acquire(&mut self, node: NodeId, wait: Wait, out: &mut Actions) {
        self.wait = wait;
        out.push(Action::Acquire { node, identity: Arc::clone(&self.identity) });
    }

    fn granted(&mut self, cx: &mut Context<'_>, lease: Lease, out: &mut Actions) -> Life {
        let wait = core::mem::replace(&mut self.wait, Wait::Nothing);
        match wait {
            Wait::Lease(Turn::Lead) | Wait::Again => {
                self.adopt_view(&lease.facts.parameters, out);
                self.lead = Some(Leg::new(lease));
            }
            Wait::Lease(Turn::Reader) => self.reader = Some(Leg::new(lease)),
            Wait::Nothing | Wait::Admin => {
                // Nobody waits for it any more.
                self.wait = wait;
                out.push(Action::Release(lease, Fate::Reuse));
                return Life::Open;
            }
        }
        if wait == Wait::Again {
            return self.send_again(cx, out);
        }
        self.resume(out);
        Life::Open
    }

    /// Another backend has become the lead: the client learns where its parameters differ.
    fn adopt_view(&mut self, parameters: &Parameters, out: &mut Actions) {
        for (name, value) in parameters.iter() {
            if self.view.get(name) != Some(value) {
                out.make_to_client(|to| say::parameter_status(to, name, value));
            }
        }
        self.view = parameters.clone();
    }

    fn resume(&mut self, out: &mut Actions) {
        if self.held == Held::Yes && self.wait == Wait::Nothing {
            self.held = Held::No;
            out.push(Action::ResumeClient);
        }
    }

    fn hold(&mut self, from: usize, out: &mut Actions) {
        self.held = Held::Yes;
        out.push(Action::HoldClient { from });
    }

    fn cancel(&mut self, out: &mut Actions) -> Life {
        self.unit.cancelled();
        for leg in [&mut self.lead, &mut self.reader].into_iter().flatten() {
            if !leg.ledger.is_settled() {
                leg.cancel_sent();
                out.push(Action::CancelBackend(leg.backend()));
            }
        }
        Life::Open
    }

    /// The session waits for its client and owes it nothing.
    fn is_idle(&self) -> bool {
        self.turn == Turn::Lead
            && self.wait == Wait::Nothing
            && self.held == Held::No
            && self.lead.as_ref().is_none_or(|leg| leg.ledger.is_settled())
    }

    fn idle_limit(&mut self, cx: &mut Context<'_>, out: &mut Actions) -> Life {
        let Some(limit) = cx.policy.client_idle_limit else { return Life::Open };
        if !self.is_idle() {
            self.last_active = cx.now;
        }
        let end = self.last_active.plus(limit);
        if cx.now < end {
            // The query path only stores the time; the timer looks again when it fires.
            out.push(Action::Arm(Timer::ClientIdle, end));
            return Life::Open;
        }
        out.make_to_client(|to| say::client_idle(to, limit));
        self.end(out, Closing::TimeLimit)
    }

    fn drain(&mut self, how: Shutdown, out: &mut Actions) -> Life {
        if how == Shutdown::Smart {
            return Life::Open;
        }
        if self.client_at_boundary() {
            out.make_to_client(|to| say::shutdown(to, how));
        }
        if how == Shutdown::Fast {
            // As in a server's own fast shutdown, what is running is not left running.
            let _: Life = self.cancel(out);
        }
        self.end(out, Closing::Shutdown)
    }

    /// True when the client has been sent whole messages only: another may follow.
    fn client_at_boundary(&self) -> bool {
        let streams = |leg: &Option<Leg>| leg.as_ref().is_some_and(|leg| leg.streaming == Some(Owed::Client));
        !streams(&self.lead) && !streams(&self.reader)
    }

    fn admin_answered(&mut self, cx: &Context<'_>, answer: Option<&[u8]>, out: &mut Actions) -> Life {
        if self.wait != Wait::Admin {
            return Life::Open;
        }
        if let Some(limit) = cx.policy.client_idle_limit {
            // The statement may have set it, where there was none before.
            out.push(Action::Arm(Timer::ClientIdle, cx.now.plus(limit)));
        }
        self.wait = Wait::Nothing;
        self.next_query = match answer {
            None => NextQuery::NotOurs,
            Some(messages) => {
                // A notice of the lead may be half way to the client.
                self.deferred.extend_from_slice(messages);
                let transaction = self.transaction();
                say::ready_for_query(&mut self.deferred, transaction);
                if self.client_at_boundary() {
                    self.flush_deferred(out);
                }
                NextQuery::Answered
            }
        };
        self.resume(out);
        Life::Open
    }

    fn transaction(&self) -> TransactionStatus {
        self.lead.as_ref().map(|leg| leg.ledger.transaction()).unwrap_or_default()
    }

    fn report_read(&self, node: NodeId, out: &mut Actions) {
        out.push(Action::Report(Report::Read(node)));
    }
}

/// Reports a statement that goes to this leg, where the policy asks for it.
fn report_statement(cx: &Context<'_>, leg: &Leg, carrier: Carrier, text: &[u8], out: &mut Actions) {
    if cx.policy.tracing.wants_statements() {
        let (node, process_id) = (leg.node(), leg.lease.facts.process_id);
        let text = Bytes::Made(out.make(|to| to.extend_from_slice(text)));
        out.push(Action::Report(Report::Statement { node, process_id, carrier, text }));
    }
}
