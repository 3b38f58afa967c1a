//! Which leg a unit goes to.

use pgherd_route::Decision;
use pgherd_sql::{Statement, Text, Verb};
use pgherd_types::NodeId;
use pgherd_wire::backend::TransactionStatus;

use super::{
    FactsOfUnit, Serving, Turn, Wait,
    client::Step,
    position::Freshness,
    reader::{Draw, Reads},
};
use crate::{Actions, Context, ResetList, effect::Script, leg::Leaves, state};

/// Where a unit goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Where {
    Lead,
    /// The reader, which is there.
    Reader,
    /// That is not known yet: what was asked for is on its way.
    Wait,
    /// Nowhere: the session has ended.
    Over,
}

impl Serving {
    /// Where a simple query goes.
    pub(super) fn place_query(
        &mut self,
        cx: &mut Context<'_>,
        text: &Text,
        sql: &[u8],
        out: &mut Actions,
    ) -> Where {
        if let Some(found) = self.place_termination(cx, text, out) {
            return found;
        }
        if self.lead_is_at_work() || !self.reads_elsewhere(cx) {
            return Where::Lead;
        }
        let Text::One(statement) = text else { return Where::Lead };
        let found = if let Verb::Execute(name) = &statement.verb {
            self.place_execute(cx, statement, name, out)
        } else if state::may_read(statement) || self.prepares_read(statement, sql) {
            self.place(cx, statement, sql, out)
        } else {
            Where::Lead
        };
        self.placed(found, out)
    }

    /// What was tried for the unit at hand counts until its place is found.
    pub(super) fn placed(&mut self, found: Where, out: &mut Actions) -> Where {
        if matches!(found, Where::Lead | Where::Reader) {
            self.facts = FactsOfUnit::MayAsk;
            self.draw = Draw::Due;
            self.stop_waiting_for_replay(out);
        }
        found
    }

    /// A SQL EXECUTE goes where what it runs would go, if its own arguments let it.
    fn place_execute(
        &mut self,
        cx: &mut Context<'_>,
        own: &Statement,
        name: &str,
        out: &mut Actions,
    ) -> Where {
        let Some(script) = self.executed(own, name) else { return Where::Lead };
        let Some(inner) = script.executed() else { return Where::Lead };
        self.place(cx, inner, b"", out)
    }

    /// True for a SQL PREPARE of a read, under a name that is free: one that is taken is the lead's to refuse.
    pub(super) fn prepares_read(&self, statement: &Statement, sql: &[u8]) -> bool {
        let Verb::Prepare { name, statement } = &statement.verb else { return false };
        state::may_read(statement)
            && self.state.statements.get(name.as_bytes()).is_none()
            && self.state.statements.has_room(sql.len())
    }

    /// What a SQL EXECUTE runs, where that may run elsewhere than on the lead.
    pub(super) fn executed(&self, own: &Statement, name: &str) -> Option<Script> {
        let prepared = self.state.statements.get(name.as_bytes())?;
        let movable = prepared.can_move() && own.functions.is_empty() && prepared.runs_reads();
        movable.then(|| prepared.script.clone())
    }

    /// True when the session's reads may go to another node than its writes at all: otherwise there is nothing to
    /// decide.
    pub(super) fn reads_elsewhere(&self, cx: &Context<'_>) -> bool {
        cx.policy.routing.statement_level
            || match self.reads {
                Reads::Undrawn => true,
                Reads::Node(node) => Some(node) != cx.topology.write_node(),
            }
    }

    /// True while answers of the lead are on their way to the client, or a batch is open there: what comes now goes
    /// behind it.
    pub(super) fn lead_is_at_work(&self) -> bool {
        self.lead.as_ref().is_some_and(|leg| leg.ledger.owes_client() || leg.streaming.is_some())
    }

    /// Where one statement goes. `sql` is its text, as far as the beginning matters.
    pub(super) fn place(
        &mut self,
        cx: &mut Context<'_>,
        statement: &Statement,
        sql: &[u8],
        out: &mut Actions,
    ) -> Where {
        match self.decide(cx, statement, sql) {
            Decision::Lead(_) => Where::Lead,
            Decision::Reader(_) => self.place_read(cx, out),
            Decision::Ask(_) if self.facts == FactsOfUnit::Unknown => Where::Lead,
            Decision::Ask(lookup) => self.ask_facts(cx, lookup, out),
        }
    }

    /// What the rules say.
    pub(super) fn decide(&mut self, cx: &mut Context<'_>, statement: &Statement, sql: &[u8]) -> Decision {
        self.decide_in(cx, self.transaction(), statement, sql)
    }

    /// What the rules say in a transaction of this status.
    pub(super) fn decide_in(
        &mut self,
        cx: &mut Context<'_>,
        status: TransactionStatus,
        statement: &Statement,
        sql: &[u8],
    ) -> Decision {
        let utf8 = self.view.get("client_encoding").is_some_and(|encoding| encoding == "UTF8");
        self.state.keep_scope(&self.identity, cx.router);
        let facts = self.state.facts(&self.identity, status, utf8, cx.now);
        cx.router.decide(statement, sql, &facts, &cx.policy.routing)
    }

    /// Whether a simple query leaves something behind on the lead, as far as it is worth knowing. The catalogs may have
    /// to be asked first: then the query waits.
    pub(super) fn leaves_on_lead(
        &mut self,
        cx: &mut Context<'_>,
        text: &Text,
        sql: &[u8],
        out: &mut Actions,
    ) -> Result<Leaves, Step> {
        let Text::One(statement) = text else { return Ok(Leaves::Something) };
        let worth_it = self.lead.as_ref().is_some_and(|leg| leg.may_stay_clean())
            && cx.policy.reset == ResetList::Discards;
        if !worth_it || statement.verb != Verb::Select {
            return Ok(Leaves::Something);
        }
        let found = match self.decide(cx, statement, sql) {
            Decision::Reader(_) | Decision::Lead(_) => return Ok(self.leaves(cx, statement)),
            Decision::Ask(_) if self.facts == FactsOfUnit::Unknown => Where::Lead,
            Decision::Ask(lookup) => self.ask_facts(cx, lookup, out),
        };
        match self.placed(found, out) {
            Where::Lead | Where::Reader => Ok(Leaves::Something),
            Where::Wait => Err(Step::Hold),
            Where::Over => Err(Step::Over),
        }
    }

    /// Whether a statement leaves something behind on the node that runs it.
    pub(super) fn leaves(&mut self, cx: &mut Context<'_>, statement: &Statement) -> Leaves {
        let facts = self.state.facts(&self.identity, self.transaction(), true, cx.now);
        if cx.router.may_leave(statement, &facts) { Leaves::Something } else { Leaves::Nothing }
    }

    /// A text is sent to the lead, whatever comes of it.
    pub(super) fn note_sending(&mut self, cx: &mut Context<'_>, text: &Text) {
        if self.leads_on_standby(cx) && text.statements().iter().all(state::only_writes) {
            // It is refused there, and leaves nothing: the session follows the primary once there is one.
            return;
        }
        self.state.sending(text);
        let status = self.transaction();
        let leaves = |statement: &Statement| {
            if pgherd_route::unknown_calls(statement).next().is_none() {
                return false;
            }
            let facts = self.state.facts(&self.identity, status, true, cx.now);
            cx.router.leaves_behind(statement, &facts)
        };
        if text.statements().iter().any(leaves) {
            self.state.leaves_behind();
        }
    }

    /// True when there was no primary and the lead is on a standby, as far as is known.
    fn leads_on_standby(&self, cx: &Context<'_>) -> bool {
        let node = self.lead.as_ref().and_then(|leg| cx.topology.node(leg.node()));
        node.is_some_and(|node| node.in_recovery == Some(true))
    }

    /// Where a read goes that any node may answer.
    pub(super) fn place_read(&mut self, cx: &mut Context<'_>, out: &mut Actions) -> Where {
        if self.lead.as_ref().is_some_and(|leg| !leg.ledger.is_settled()) {
            // Only for a question of the session's own.
            return Where::Wait;
        }
        let Some(node) = self.draw_reader(cx, out) else { return Where::Lead };
        if Some(node) == cx.topology.write_node() {
            return Where::Lead;
        }
        match self.freshness(cx, node) {
            Freshness::Fresh => {}
            Freshness::AskPosition => return self.ask_position_first(cx, out),
            Freshness::Behind => return self.wait_for_replay(cx, out),
        }
        if self.seat_reader(cx, node, out) {
            return Where::Reader;
        }
        self.acquire(node, Wait::Lease(Turn::Reader), out);
        Where::Wait
    }

    /// What has to be known first is asked of the lead, which is not there.
    pub(super) fn wait_for_lead(&mut self, cx: &mut Context<'_>, out: &mut Actions) -> Where {
        match self.ask_for_lead(cx, out) {
            Step::Hold | Step::Taken => Where::Wait,
            Step::Over => Where::Over,
        }
    }

    /// A reader of this node, if the session has one, becomes the one that is asked.
    pub(super) fn seat_reader(&mut self, cx: &Context<'_>, node: NodeId, out: &mut Actions) -> bool {
        if self.reader.as_ref().is_some_and(|leg| leg.node() == node) {
            return true;
        }
        let seated = self.take_parked(|leg| leg.node() == node);
        if let Some(old) = core::mem::replace(&mut self.reader, seated) {
            self.park(cx, old, out);
        }
        self.reader.is_some()
    }
}
