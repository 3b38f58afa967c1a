//! Reads that see what the session has seen: `read_consistency = session`.
//!
//! After a write the session asks its lead, behind the write and unseen, where it is in the WAL; a standby is good
//! for the session's reads when it is known to have replayed that far. What the session has *read* must not be unseen
//! either: after a read on the lead, or on another standby, the position is asked for before the next read. The lead's
//! position is behind nothing that any node has shown.

use pgherd_route::Consistency;
use pgherd_sql::Verb;
use pgherd_types::{Lsn, NodeId};
use pgherd_wire::backend::TransactionStatus;

use super::{
    FactsOfUnit, Serving, Tracking, Wait,
    cancel::Cancel,
    place::Where,
    questions::{Guard, Question},
};
use crate::{
    Action, Actions, Context, Report, Timer,
    effect::Effect,
    leg::Leaves,
    planted::{PlantedBug, planted},
};

/// The newest that the session has seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// A node has to have replayed this far.
    lsn: Lsn,
    /// Something was written or read on the lead since that position was learnt.
    on_lead: bool,
    /// The node of the last read on a reader since then: it need not be asked for what it has shown itself.
    on_reader: Option<NodeId>,
}

/// Whether a node may answer the session's read now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    Fresh,
    /// It is not known how far it would have to be.
    AskPosition,
    /// It is not known to be far enough.
    Behind,
}

/// Whether the lead's position is to be asked for behind the Sync of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum PositionDue {
    #[default]
    No,
    Yes,
    /// The batch has begun a transaction, and not ended it yet.
    InBlock,
}

/// True for what leaves a transaction open.
fn begins(verb: &Verb) -> bool {
    matches!(verb, Verb::Begin(_) | Verb::Commit { chain: true } | Verb::Rollback { chain: true })
}

/// True for what commits, and leaves no transaction open.
fn commits(verb: &Verb) -> bool {
    matches!(verb, Verb::Commit { chain: false } | Verb::FinishPrepared)
}

impl Seen {
    /// Another node takes the writes: what was seen on the one before is there, or is lost.
    pub(super) fn changed_lead(&mut self) {
        if self.lsn != Lsn::default() || self.on_reader.is_some() {
            self.lsn = Lsn::default();
            self.on_lead = !planted(PlantedBug::ForgetsWhatWasSeen);
        }
    }
}

impl Serving {
    /// True when the session's reads have to see what it has seen.
    fn is_consistent(&self, cx: &Context<'_>) -> bool {
        match cx.policy.routing.consistency {
            Consistency::Eventual => false,
            Consistency::Session { .. } => self.tracking == Tracking::On,
        }
    }

    /// True when the position of the lead should be asked for behind a Query, because what it commits is the
    /// session's and it reads elsewhere.
    pub(super) fn position_follows(&self, cx: &Context<'_>, effect: Option<&Effect>) -> bool {
        if self.reader.is_none() || !self.may_ask_lead() || !self.is_consistent(cx) {
            return false;
        }
        let Some(Effect::Ran(script)) = effect else { return false };
        let statements = script.text.statements();
        let copies = |verb: &Verb| matches!(verb, Verb::CopyIn);
        if statements.is_empty() || statements.iter().any(|statement| copies(&statement.verb)) {
            return false;
        }
        // In a transaction it could fail, and the transaction with it.
        let behind = self.lead.as_ref().is_some_and(|leg| leg.ledger.owes_ready());
        if behind || statements.iter().any(|statement| begins(&statement.verb)) {
            return false;
        }
        let commits = statements.iter().any(|statement| commits(&statement.verb));
        let open = self.transaction() != TransactionStatus::Idle;
        let writes = statements.iter().any(|statement| self.state.may_write(statement));
        if commits { writes || self.state.transaction.wrote } else { writes && !open }
    }

    /// The same for an Execute, whose batch a Sync will end.
    pub(super) fn position_is_due(&self, cx: &Context<'_>, effect: Option<&Effect>) -> PositionDue {
        let before = self.client.position_due;
        let any = |is: fn(&Verb) -> bool| match effect {
            Some(Effect::Ran(script)) => script.text.statements().iter().any(|statement| is(&statement.verb)),
            Some(_) | None => false,
        };
        match before {
            _ if any(begins) => PositionDue::InBlock,
            PositionDue::InBlock if any(commits) => PositionDue::Yes,
            PositionDue::InBlock => PositionDue::InBlock,
            PositionDue::No | PositionDue::Yes if self.position_follows(cx, effect) => PositionDue::Yes,
            PositionDue::No | PositionDue::Yes => before,
        }
    }

    /// Asks the lead where it is, unseen, behind what ends its transaction.
    pub(super) fn ask_position(&mut self, out: &mut Actions) {
        if self.lead.is_some() {
            self.ask_lead(&[POSITION], Leaves::Nothing, out);
            self.asked.push(Question::Position(Guard::NotNeeded));
        }
    }

    /// The read at hand needs it, and nobody has asked.
    pub(super) fn ask_position_first(&mut self, cx: &mut Context<'_>, out: &mut Actions) -> Where {
        if self.lead.is_none() {
            return self.wait_for_lead(cx, out);
        }
        if self.facts == FactsOfUnit::Unknown || !self.may_ask_lead() {
            return Where::Lead;
        }
        self.ask_position_in_transaction(out);
        Where::Wait
    }

    /// Asks the lead, which owes nothing, where it is; the client's input waits.
    pub(super) fn ask_position_in_transaction(&mut self, out: &mut Actions) {
        let guard = self.ask_guarded(POSITION, out);
        self.asked.push(Question::Position(guard));
        self.wait = Wait::Answer;
    }

    /// The lead's answer. Everything that was done there before the question is before this position, and so is all
    /// that any standby has shown. False when it is none.
    pub(super) fn position_told(&mut self, rows: &[u8]) -> bool {
        let Some(lsn) = first_value(rows).and_then(|text| text.parse().ok()) else { return false };
        self.seen.lsn = self.seen.lsn.max(lsn);
        self.seen.on_lead = false;
        self.seen.on_reader = None;
        true
    }

    /// A unit of the client's has been answered by the lead.
    pub(super) fn saw_lead(&mut self, cx: &Context<'_>) {
        if self.is_consistent(cx) {
            self.seen.on_lead = true;
        }
    }

    /// The reader has answered a unit.
    pub(super) fn saw_reader(&mut self, cx: &Context<'_>) {
        if let Some(leg) = &self.reader
            && self.is_consistent(cx)
        {
            self.seen.on_reader = Some(leg.node());
        }
    }

    /// Whether a node has what the session has seen.
    pub(super) fn freshness(&self, cx: &Context<'_>, node: NodeId) -> Freshness {
        if !self.is_consistent(cx) || planted(PlantedBug::DoesNotWaitForReplay) {
            return Freshness::Fresh;
        }
        if self.seen.on_lead || self.seen.on_reader.is_some_and(|seen| seen != node) {
            return Freshness::AskPosition;
        }
        let replayed = cx.replication.node(node).position.map(|known| known.lsn);
        // The lead told where it will write next.
        let wanted = cx.replication.pages.map_or(self.seen.lsn, |pages| pages.end_of_records(self.seen.lsn));
        if wanted == Lsn::default() || replayed.is_some_and(|replayed| replayed >= wanted) {
            Freshness::Fresh
        } else {
            Freshness::Behind
        }
    }

    /// No standby is far enough: the read waits a while, and then goes to the lead.
    pub(super) fn wait_for_replay(&mut self, cx: &Context<'_>, out: &mut Actions) -> Where {
        let Consistency::Session { wait } = cx.policy.routing.consistency else { return Where::Lead };
        let until = match self.replay_until {
            Some(until) => until,
            None => cx.now.plus(wait),
        };
        if cx.now >= until || self.cancel == Cancel::Due {
            self.stop_waiting_for_replay(out);
            return Where::Lead;
        }
        self.replay_until = Some(until);
        out.push(Action::Report(Report::NeedsPositions));
        out.push(Action::Arm(Timer::Replay, cx.now.plus(LOOK_AGAIN)));
        self.wait = Wait::Replay;
        Where::Wait
    }

    /// The timer: perhaps a standby is far enough now.
    pub(super) fn look_for_replay(&mut self, out: &mut Actions) {
        if self.wait == Wait::Replay {
            self.wait = Wait::Nothing;
            self.resume(out);
        }
    }

    pub(super) fn stop_waiting_for_replay(&mut self, out: &mut Actions) {
        if self.replay_until.take().is_some() {
            out.push(Action::Disarm(Timer::Replay));
        }
    }
}

/// Where the lead is: on a primary, all that is committed there is before it.
const POSITION: &[u8] = b"SELECT pg_catalog.pg_current_wal_insert_lsn()";

/// Time between two looks at the positions while a read waits.
const LOOK_AGAIN: core::time::Duration = core::time::Duration::from_millis(1);

/// The first value of the first row.
fn first_value(rows: &[u8]) -> Option<&str> {
    let body = rows.get(pgherd_wire::frame::HEADER_BYTES..)?;
    let (_, body) = body.split_first_chunk::<2>()?;
    let (length, body) = body.split_first_chunk::<4>()?;
    let length = usize::try_from(i32::from_be_bytes(*length)).ok()?;
    core::str::from_utf8(body.get(..length)?).ok()
}
