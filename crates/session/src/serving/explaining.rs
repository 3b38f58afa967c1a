//! `EXPLAIN (ROUTE) statement`: decides as if the statement had come, and sends nothing.

use pgherd_route::{Decision, Rule, choose_reader, is_too_late};
use pgherd_sql::{Statement, Text, Verb, Why};
use pgherd_types::NodeId;

use super::{FactsOfUnit, Serving, Tracking, client::Step, place::Where, position::Freshness};
use crate::{Actions, Context, effect::Script, explain, say, state};

/// Where a statement would go, and why.
struct Route {
    node: Option<NodeId>,
    rule: String,
}

impl Serving {
    /// Answers with the route of a statement. It has its place behind the answers that are still to come.
    pub(super) fn explain_route(&mut self, cx: &mut Context<'_>, sql: &[u8], out: &mut Actions) -> Step {
        if self.wait_for_answers(out) == Step::Hold {
            return Step::Hold;
        }
        let route = match self.route(cx, sql, out) {
            Ok(route) => route,
            Err(Where::Over) => return Step::Over,
            Err(Where::Wait | Where::Lead | Where::Reader) => return Step::Hold,
        };
        self.facts = FactsOfUnit::MayAsk;
        let node = route.node.map(|node| (node, cx.topology.role(node)));
        let transaction = self.transaction();
        let deferred = self.deferred.make();
        explain::put_route(deferred, node, &route.rule);
        say::ready_for_query(deferred, transaction);
        if self.client_at_boundary() {
            self.flush_deferred(out);
        }
        Step::Taken
    }

    /// The route of a text, or what has to be waited for first.
    fn route(&mut self, cx: &mut Context<'_>, sql: &[u8], out: &mut Actions) -> Result<Route, Where> {
        match self.tracking {
            Tracking::On => {}
            Tracking::Off => {
                let rule = if cx.topology.mode.has_primary() { Rule::BalancingOff } else { Rule::Mode };
                return Ok(self.lead_route(cx, rule.to_string()));
            }
        }
        let text = cx.router.read(sql);
        if let Some(node) = self.ends_elsewhere(cx, &text) {
            return Ok(Route { node: Some(node), rule: Rule::Process.to_string() });
        }
        let statement = match &*text {
            Text::One(statement) => statement,
            Text::Empty => return Ok(self.lead_route(cx, Rule::Statement(Why::Verb).to_string())),
            Text::Several(_) => return Ok(self.lead_route(cx, Rule::Several.to_string())),
            Text::Unread => return Ok(self.lead_route(cx, Rule::Unread.to_string())),
        };
        let Verb::Execute(name) = &statement.verb else {
            if !state::may_read(statement) && !self.prepares_read(statement, sql) {
                return Ok(self.route_of_other(cx, statement, sql));
            }
            // The blank behind the closing parenthesis is not the statement's.
            return self.route_of(cx, statement, sql.trim_ascii_start(), out);
        };
        let script = self.executed(statement, name);
        match script.as_ref().and_then(Script::executed) {
            Some(inner) => self.route_of(cx, inner, b"", out),
            None => Ok(self.lead_route(cx, Rule::Statement(Why::Verb).to_string())),
        }
    }

    fn route_of(
        &mut self,
        cx: &mut Context<'_>,
        statement: &Statement,
        sql: &[u8],
        out: &mut Actions,
    ) -> Result<Route, Where> {
        match self.decide(cx, statement, sql) {
            Decision::Lead(rule) => Ok(self.lead_route(cx, rule.explain(statement))),
            Decision::Reader(rule) => self.reader_route(cx, rule.explain(statement), out),
            Decision::Ask(_) if self.facts == FactsOfUnit::Unknown => {
                Ok(self.lead_route(cx, Rule::NoFacts.to_string()))
            }
            Decision::Ask(lookup) => {
                let asked = self.ask_facts(cx, lookup, out);
                self.unless_waiting(cx, asked, Rule::NoFacts)
            }
        }
    }

    /// A statement that is the lead's whatever it reads, such as a PREPARE.
    fn route_of_other(&mut self, cx: &mut Context<'_>, statement: &Statement, sql: &[u8]) -> Route {
        let rule = match self.decide(cx, statement, sql) {
            Decision::Lead(rule) => rule,
            Decision::Reader(_) | Decision::Ask(_) => Rule::Statement(Why::Verb),
        };
        self.lead_route(cx, rule.explain(statement))
    }

    fn lead_route(&self, cx: &Context<'_>, rule: String) -> Route {
        let node = self.lead.as_ref().map(|leg| leg.node()).or_else(|| cx.topology.write_node());
        Route { node, rule }
    }

    /// A read that any node answers alike: the session's node does, unless it is behind.
    fn reader_route(
        &mut self,
        cx: &mut Context<'_>,
        rule: String,
        out: &mut Actions,
    ) -> Result<Route, Where> {
        let routing = &cx.policy.routing;
        let drawn = match self.read_node(cx, out) {
            Some(node) if is_too_late(node, cx.replication, routing) => {
                let others =
                    || choose_reader(cx.topology, cx.replication, routing, &self.identity, cx.random);
                routing.prefer_lower_delay.then(others).flatten()
            }
            drawn => drawn,
        };
        let Some(node) = drawn else { return Ok(self.lead_route(cx, Rule::TooLate.to_string())) };
        if Some(node) == cx.topology.write_node() {
            return Ok(Route { node: Some(node), rule });
        }
        match self.freshness(cx, node) {
            Freshness::Fresh => Ok(Route { node: Some(node), rule }),
            Freshness::Behind => Ok(self.lead_route(cx, Rule::NotReplayed.to_string())),
            Freshness::AskPosition => {
                let asked = self.ask_position_first(cx, out);
                self.unless_waiting(cx, asked, Rule::NotReplayed)
            }
        }
    }

    /// The lead, by this rule, where nothing can be asked; otherwise what is waited for.
    fn unless_waiting(&self, cx: &Context<'_>, asked: Where, rule: Rule) -> Result<Route, Where> {
        match asked {
            Where::Lead | Where::Reader => Ok(self.lead_route(cx, rule.to_string())),
            Where::Wait | Where::Over => Err(asked),
        }
    }
}
