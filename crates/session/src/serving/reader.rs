//! The reader: which node it is on, and how it gets its units and loses them.

use std::sync::Arc;

use pgherd_sql::{Statement, Text, Verb};
use pgherd_types::{BackendId, Fate, NodeId, ResetReason, limits};
use pgherd_wire::{Framer, backend::TransactionStatus, frontend};

use super::{
    FactsOfUnit, Life, Serving, Tracking, Turn, Wait,
    client::{CopiesIn, Part, Step},
    termination::ended_by,
};
use crate::{
    Action, Actions, Closing, Context, Count, Report,
    effect::{Effect, Script},
    ledger::{Owed, Request},
    leg::{Leaves, Leg},
    peek, say,
};

/// Which node answers the session's balanced reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reads {
    /// Not drawn yet: the first balanced read draws.
    Undrawn,
    Node(NodeId),
}

/// Whether the node is still to be drawn for the statement at hand (`statement_level_load_balance`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Draw {
    Due,
    /// It is, and what was asked for since is on its way.
    Done,
}

impl Serving {
    /// The node for the session's balanced reads, where that is known without drawing for a statement.
    pub(super) fn read_node(&mut self, cx: &Context<'_>, out: &mut Actions) -> Option<NodeId> {
        if self.tracking == Tracking::Off {
            return cx.topology.write_node();
        }
        match self.reads {
            Reads::Node(node) if cx.topology.node(node).is_some_and(pgherd_types::Node::is_usable) => {
                Some(node)
            }
            Reads::Node(_) | Reads::Undrawn => self.draw(cx, out),
        }
    }

    fn draw(&mut self, cx: &Context<'_>, out: &mut Actions) -> Option<NodeId> {
        let node = pgherd_route::choose_reader(
            cx.topology,
            cx.replication,
            &cx.policy.routing,
            &self.identity,
            cx.random,
        )?;
        self.reads = Reads::Node(node);
        out.push(Action::Report(Report::Drawn(node)));
        Some(node)
    }

    /// Draws the session's node for reads, as soon as it is open.
    pub(crate) fn draw_first(&mut self, cx: &Context<'_>, out: &mut Actions) {
        match self.tracking {
            Tracking::On => {
                let _: Option<NodeId> = self.draw(cx, out);
            }
            Tracking::Off => {}
        }
    }

    /// The node for the read at hand: drawn once for the session, or for each statement, and again when it is too far
    /// behind or of no use any more.
    pub(super) fn draw_reader(&mut self, cx: &Context<'_>, out: &mut Actions) -> Option<NodeId> {
        let routing = &cx.policy.routing;
        let draws = routing.statement_level && self.draw == Draw::Due;
        self.draw = Draw::Done;
        let node = if draws { self.draw(cx, out) } else { self.read_node(cx, out) }?;
        if !pgherd_route::is_too_late(node, cx.replication, routing) {
            return Some(node);
        }
        if routing.prefer_lower_delay { self.draw(cx, out) } else { None }
    }

    /// Sends a simple query to the reader. `text` is what it says.
    pub(super) fn read_query(
        &mut self,
        cx: &mut Context<'_>,
        part: &Part<'_>,
        sql: &[u8],
        text: &Arc<Text>,
        out: &mut Actions,
    ) -> Step {
        // What ends a process is done once.
        let again = if ended_by(text).is_none() { part.raw } else { &[] };
        self.unit.begin(again, cx.common);
        if let Some(name) = executed_name(text) {
            self.unit.needs(name);
        }
        if self.provide_reader(Request::Query, out) == Step::Hold {
            return Step::Hold;
        }
        self.tell_termination(cx, text, out);
        let id = self.state.statements.unnamed_ends();
        if self.transaction() != TransactionStatus::Idle {
            self.state.portals.unnamed_ends_elsewhere();
        }
        self.tell_sent(cx, Turn::Reader, part, out);
        let prepared = prepares(text);
        let leaves = match &**text {
            Text::One(_) if prepared => Leaves::Something,
            Text::One(statement) if self.reader.as_ref().is_some_and(|leg| leg.may_stay_clean()) => {
                self.leaves(cx, statement)
            }
            Text::One(_) | Text::Empty | Text::Several(_) | Text::Unread => Leaves::Something,
        };
        let Some(leg) = &mut self.reader else { return Step::Hold };
        leg.unnamed = id;
        let ticket = leg.query(Owed::Client, leaves);
        if prepared {
            leg.expect(ticket, Effect::Ran(Script::new(Arc::clone(text), sql)));
        }
        let (backend, node) = (leg.backend(), leg.node());
        self.turn = Turn::Reader;
        self.count(node, if prepared { Count::Other } else { Count::Select }, out);
        part.send(backend, out);
        Step::Taken
    }

    /// The reader has answered all that it was sent.
    pub(super) fn reader_settled(&mut self, cx: &mut Context<'_>, out: &mut Actions) -> Life {
        let node = self.reader.as_ref().map(|leg| leg.node());
        let was_busy = core::mem::replace(&mut self.turn, Turn::Lead) == Turn::Reader;
        if self.unit.is_spoiled() {
            self.drop_reader(ResetReason::SessionFailed, out);
        }
        if was_busy {
            return self.reader_done(cx, out);
        }
        if self.unit.is_spoiled() {
            self.unit.end(cx.common);
            self.give_up_reader(cx, node);
        }
        self.provided(out);
        Life::Open
    }

    fn reader_done(&mut self, cx: &mut Context<'_>, out: &mut Actions) -> Life {
        let failed = self.unit.has_failed();
        self.fail_with_reader(out);
        if failed && !self.unit.is_retained() {
            return self.tell_read_lost(out);
        }
        if failed {
            return self.send_again(cx, out);
        }
        self.unit.end(cx.common);
        self.saw_reader(cx);
        self.resume(out);
        Life::Open
    }

    /// What the reader was told before the unit at hand has been dealt with.
    pub(super) fn provided(&mut self, out: &mut Actions) {
        if self.wait == Wait::Provided {
            self.wait = Wait::Nothing;
            self.resume(out);
        }
    }

    /// The answer to the unit at hand is lost, and cannot be had elsewhere.
    pub(super) fn tell_read_lost(&mut self, out: &mut Actions) -> Life {
        out.make_to_client(say::read_lost);
        match self.transaction() {
            TransactionStatus::InTransaction => self.abort_lead(out),
            status @ (TransactionStatus::Idle | TransactionStatus::Failed) => {
                out.make_to_client(|to| say::ready_for_query(to, status));
            }
        }
        self.resume(out);
        Life::Open
    }

    /// Sends the retained unit to the lead.
    pub(super) fn send_again(&mut self, cx: &mut Context<'_>, out: &mut Actions) -> Life {
        if self.lead.is_none() {
            return match cx.topology.write_node() {
                Some(node) => {
                    self.acquire(node, Wait::Again, out);
                    Life::Open
                }
                None => {
                    out.make_to_client(say::no_write_node);
                    self.end(out, Closing::Backend)
                }
            };
        }
        let mut unit = core::mem::take(&mut self.unit);
        self.forget_prepared_by(unit.messages());
        self.state.portals.unnamed_is_leads();
        self.bring_needs(&unit, out);
        let copies_in = self.client.copies_in;
        let (mut framer, mut input) = (Framer::new(frontend::largest_body), unit.messages());
        while let Ok(Some(piece)) = framer.next(&mut input) {
            // Nothing is owed and all it needs is there: nothing of it has to wait.
            // It reads: no Sync of it meets a COPY IN.
            self.client.copies_in = CopiesIn::Never;
            let sent = self.send_again_one(cx, piece.kind, piece.raw, out);
            debug_assert_eq!(sent, Step::Taken, "a unit is sent again whole");
        }
        self.client.copies_in = copies_in;
        unit.end(cx.common);
        self.resume(out);
        Life::Open
    }

    /// What the reader has prepared of a unit that goes to the lead after all is not the client's.
    fn forget_prepared_by(&mut self, messages: &[u8]) {
        let (mut framer, mut input) = (Framer::new(frontend::largest_body), messages);
        while let Ok(Some(piece)) = framer.next(&mut input) {
            let parse = Some(piece.raw).filter(|_| piece.kind == b'P').and_then(peek::parse_head);
            let Some((name, _)) = parse.filter(|(name, _)| !name.is_empty()) else { continue };
            let had_it = self.state.statements.closed(name);
            if let Some(leg) = self.reader.as_mut().filter(|leg| had_it.contains(&leg.backend())) {
                leg.stale.make().push(name.into());
            }
        }
    }

    fn send_again_one(&mut self, cx: &mut Context<'_>, kind: u8, raw: &[u8], out: &mut Actions) -> Step {
        let part = Part::kept(raw);
        match kind {
            // It has been placed: only the sending is left.
            b'Q' => {
                let sql = peek::query_text(raw).unwrap_or_default();
                self.query_again(cx, &part, sql, out)
            }
            kind => self.message(cx, kind, &part, out),
        }
    }

    /// A reader cannot be had on this node: the session reads from its lead from now on, until the topology changes.
    /// Where its reads are not that node's, the unit at hand alone goes to the lead.
    pub(super) fn give_up_reader(&mut self, cx: &Context<'_>, node: Option<NodeId>) {
        match (self.reads, cx.topology.write_node()) {
            (Reads::Node(reads), Some(lead)) if Some(reads) == node => self.reads = Reads::Node(lead),
            (Reads::Node(_) | Reads::Undrawn, _) => self.facts = FactsOfUnit::Unknown,
        }
    }

    /// Lets go of a reader that is of no use any more.
    pub(super) fn drop_reader(&mut self, why: ResetReason, out: &mut Actions) {
        if let Some(leg) = self.reader.take() {
            self.state.statements.left(leg.backend());
            out.push(Action::Release(leg.lease, Fate::Close(why)));
        }
    }

    /// Gives all readers back: what they hold the session has thrown away.
    pub(super) fn release_readers(&mut self, out: &mut Actions) {
        for leg in self.reader.take().into_iter().chain(self.parked.take()) {
            self.release(*leg, out);
        }
    }

    /// Keeps a reader for a later statement, where statements are drawn for one by one.
    pub(super) fn park(&mut self, cx: &Context<'_>, leg: Box<Leg>, out: &mut Actions) {
        let has_room = self.parked.as_slice().len() < limits::NODES;
        if cx.policy.routing.statement_level && leg.ledger.is_settled() && has_room {
            self.parked.make().push(leg);
        } else {
            self.release(*leg, out);
        }
    }
}

impl Serving {
    /// A reader that is not asked at the moment has something to say: the answers to what it was told last.
    pub(super) fn parked_bytes(&mut self, backend: BackendId, bytes: &[u8], out: &mut Actions) -> Life {
        let is_its = |leg: &Leg| leg.backend() == backend;
        let Some(leg) = self.parked.as_mut_slice().iter_mut().find(|leg| is_its(leg)) else {
            return Life::Open;
        };
        if leg.take_unseen(bytes).is_err()
            && let Some(leg) = self.take_parked(is_its)
        {
            self.state.statements.left(backend);
            out.push(Action::Release(leg.lease, Fate::Close(ResetReason::Violation)));
        }
        Life::Open
    }

    /// Takes the reader out that `is_it` finds.
    pub(super) fn take_parked(&mut self, is_it: impl Fn(&Leg) -> bool) -> Option<Box<Leg>> {
        let parked = self.parked.get_mut()?;
        let at = parked.iter().position(|leg| is_it(leg))?;
        Some(parked.swap_remove(at))
    }

    /// It is gone; it will not be missed.
    pub(super) fn parked_gone(&mut self, backend: BackendId, out: &mut Actions) -> Life {
        if let Some(leg) = self.take_parked(|leg| leg.backend() == backend) {
            self.state.statements.left(backend);
            out.push(Action::Release(leg.lease, Fate::Close(ResetReason::Gone)));
        }
        Life::Open
    }
}

/// True for a SQL PREPARE.
fn prepares(text: &Text) -> bool {
    matches!(text, Text::One(Statement { verb: Verb::Prepare { .. }, .. }))
}

/// The prepared statement that a SQL EXECUTE runs.
fn executed_name(text: &Text) -> Option<&[u8]> {
    match text {
        Text::One(Statement { verb: Verb::Execute(name), .. }) => Some(name.as_bytes()),
        Text::Empty | Text::One(_) | Text::Several(_) | Text::Unread => None,
    }
}
