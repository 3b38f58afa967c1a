//! A session that is open: from the first ReadyForQuery to the end.
//!
//! The session has a *lead*, the leg on the node that takes writes, and may have a *reader*, a leg on the
//! node that was drawn for its balanced reads. Everything goes to the lead, in the order in which it came and
//! without waiting for answers, but a read-only unit that the rules of routing give to another node: that one goes to
//! the reader, alone, and what follows it waits until it is answered. So the replies of two backends never mix,
//! and what a unit reads never depends on a write of the same session that is still under way.
//!
//! What the client has set, prepared and begun is noted as the lead confirms it ([`State`]), and a reader is told what
//! it lacks of that before it is asked ([`provision`]). What cannot be told keeps the session's reads on the lead.

mod answers;
mod backend;
mod batch;
mod cancel;
mod client;
mod explaining;
mod extended;
mod front;
mod leaving;
mod loss;
mod place;
mod position;
mod provision;
mod query;
mod questions;
mod reader;
mod telling;
mod termination;
mod transaction;
mod unit;

use std::sync::Arc;

use pgherd_types::{BackendId, Fate, Identity, Lease, Moment, NodeId, Parameters, ResetReason, Topology};
use pgherd_wire::{Framer, backend::TransactionStatus};

use self::{
    cancel::Cancel,
    client::ClientStream,
    leaving::Leaving,
    position::Seen,
    questions::{Asked, Question},
    reader::{Draw, Reads},
    unit::Unit,
};
use crate::{
    Action, Actions, Closing, Context, Event, Shutdown, Timer,
    ledger::Owed,
    leg::{Leaves, Leg},
    planted::{PlantedBug, planted},
    rarely::Rarely,
    say,
    state::State,
    tracing::StatementTracer,
};

pub(crate) use self::{batch::Batch, loss::refuse, unit::Kept};

/// The state of an open session.
#[derive(Debug)]
pub(crate) struct Serving {
    identity: Arc<Identity>,
    pooling: Pooling,
    lead: Option<Box<Leg>>,
    reader: Option<Box<Leg>>,
    /// Readers on other nodes than the one that was drawn last, for `statement_level_load_balance`.
    #[expect(clippy::vec_box, reason = "they come from `reader` and go back there as they are")]
    parked: Rarely<Vec<Box<Leg>>>,
    turn: Turn,
    tracking: Tracking,
    state: State,
    reads: Reads,
    seen: Seen,
    client: ClientStream,
    wait: Wait,
    next_query: NextQuery,
    facts: FactsOfUnit,
    draw: Draw,
    /// Until when the read at hand waits for a standby to be far enough.
    replay_until: Option<Moment>,
    unit: Unit,
    /// What the session has asked its lead for itself, in order.
    asked: Asked,
    /// What the client has been told with ParameterStatus.
    view: Parameters,
    cancel: Cancel,
    /// Messages of the lead that answer nothing and came while the reader was in the middle of a message.
    deferred: Rarely<Vec<u8>>,
    /// Why the client's transaction has failed, where that was not the client's doing and it has not been told.
    untold: Rarely<Vec<u8>>,
    held: Held,
    leaving: Option<Box<Leaving>>,
    /// Knows the texts of prepared statements, while statements are traced.
    statement_tracer: Option<Box<StatementTracer>>,
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

/// Whether statements are looked at and their effects noted. A session that began without it never balances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tracking {
    On,
    Off,
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
    /// A lease on the node whose process the query at hand ends.
    Ending,
    /// The lead's lease, to send a unit once more that the reader failed.
    Again,
    /// The answer to an administrative statement.
    Admin,
    /// The lead's answer to a question of the session's own.
    Answer,
    /// A standby that has replayed what the session has seen.
    Replay,
    /// The reader, to have done what it was told before the unit at hand.
    Provided,
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

/// Whether the catalog may be asked for the unit that is handed back next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FactsOfUnit {
    MayAsk,
    /// It was asked and did not answer: the unit goes to the lead.
    Unknown,
}

/// Whether the driver keeps back input of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    No,
    Yes,
}

impl Serving {
    /// Opens the session on its first lease: the client is told what `postgres` tells after authentication.
    pub(crate) fn open(cx: &Context<'_>, identity: Arc<Identity>, pooling: Pooling, lease: Lease) -> Self {
        let balances = cx.policy.routing.load_balance && cx.topology.mode.has_primary();
        Serving {
            identity,
            pooling,
            view: lease.facts.parameters.clone(),
            lead: Some(Box::new(Leg::new(lease))),
            reader: None,
            parked: Rarely::default(),
            turn: Turn::Lead,
            tracking: if balances { Tracking::On } else { Tracking::Off },
            state: State::default(),
            reads: Reads::Undrawn,
            seen: Seen::default(),
            client: ClientStream::new(),
            wait: Wait::Nothing,
            next_query: NextQuery::Fresh,
            facts: FactsOfUnit::MayAsk,
            draw: Draw::Due,
            replay_until: None,
            unit: Unit::default(),
            asked: Asked::default(),
            cancel: Cancel::NotDue,
            deferred: Rarely::default(),
            untold: Rarely::default(),
            held: Held::No,
            leaving: None,
            statement_tracer: None,
            last_active: cx.now,
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
        let mut legs = self.lead.iter().chain(&self.reader).chain(self.parked.as_slice());
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
                None => self.parked_bytes(backend, bytes, out),
            },
            Event::BackendGone { backend, why } => match self.leg_of(backend) {
                Some(turn) => self.backend_gone(cx, turn, why, out),
                None => self.parked_gone(backend, out),
            },
            Event::CancelAsked => self.cancel(out),
            Event::CancelDone { backend } => {
                let mut legs = self.lead.iter_mut().chain(&mut self.reader).chain(self.parked.as_mut_slice());
                if let Some(leg) = legs.find(|leg| leg.backend() == backend) {
                    leg.cancel_done();
                }
                Life::Open
            }
            Event::AdminAnswer(answer) => self.admin_answered(cx, answer, out),
            Event::Timer(Timer::ClientIdle) => self.idle_limit(cx, out),
            Event::Timer(Timer::Replay) => {
                self.look_for_replay(out);
                Life::Open
            }
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
        for leg in self.reader.take().into_iter().chain(self.parked.take()) {
            let fate = leg.fate(pooled);
            out.push(Action::Release(leg.lease, fate));
        }
        out.push(Action::CloseClient(closing));
        Life::Over
    }

    fn leg_of(&self, backend: BackendId) -> Option<Turn> {
        let is = |leg: &Option<Box<Leg>>| leg.as_ref().is_some_and(|leg| leg.backend() == backend);
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
            Turn::Lead => self.lead.as_deref_mut(),
            Turn::Reader => self.reader.as_deref_mut(),
        }
    }

    /// Gives a leg back that holds nothing any more.
    fn release(&mut self, leg: Leg, out: &mut Actions) {
        self.state.statements.left(leg.backend());
        let fate = leg.fate(self.pooling == Pooling::Pooled);
        out.push(Action::Release(leg.lease, fate));
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
            self.release(*leg, out);
            self.state.statements.lead_left();
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
                self.new_lead(cx, Box::new(Leg::new(lease)), out);
            }
            Wait::Lease(Turn::Reader) | Wait::Ending => self.reader = Some(Box::new(Leg::new(lease))),
            Wait::Nothing | Wait::Admin | Wait::Answer | Wait::Replay | Wait::Provided => {
                // Nobody waits for it any more.
                self.wait = wait;
                out.push(Action::Release(lease, Fate::Reuse));
                return Life::Open;
            }
        }
        if wait == Wait::Again {
            let life = self.send_again(cx, out);
            return self.cancel_if_due(life, out);
        }
        self.resume(out);
        Life::Open
    }

    /// The session has a lead again, and goes on where it was with the one before.
    fn new_lead(&mut self, cx: &Context<'_>, mut leg: Box<Leg>, out: &mut Actions) {
        self.seen.changed_lead();
        let mut settings = Vec::new();
        if !planted(PlantedBug::ForgetsSettingsOfLead) {
            self.state.settings.since(leg.settings, &mut settings);
        }
        leg.settings = self.state.settings.version();
        if settings.is_empty() {
            let parameters = leg.lease.facts.parameters.clone();
            self.adopt_view(&parameters, out);
        } else {
            leg.ask(Owed::Session, &settings, Leaves::Something, out);
            self.asked.push(Question::Settings);
        }
        self.epoch = cx.topology.epoch;
        self.lead = Some(leg);
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
        let streams =
            |leg: &Option<Box<Leg>>| leg.as_ref().is_some_and(|leg| leg.streaming == Some(Owed::Client));
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
                let transaction = self.transaction();
                let deferred = self.deferred.make();
                deferred.extend_from_slice(messages);
                say::ready_for_query(deferred, transaction);
                if self.client_at_boundary() {
                    self.flush_deferred(out);
                }
                NextQuery::Answered
            }
        };
        self.resume(out);
        Life::Open
    }

    /// The lead's transaction status is the session's.
    fn transaction(&self) -> TransactionStatus {
        self.lead.as_ref().map(|leg| leg.ledger.transaction()).unwrap_or_default()
    }
}
