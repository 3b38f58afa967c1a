//! `SELECT pg_terminate_backend(1234)`: it goes to the node of the server process that it ends, where pgherd has that
//! process behind one of its backends. It runs once, whatever comes of it.

use pgherd_route::{Held, TransactionFacts};
use pgherd_sql::Text;
use pgherd_types::NodeId;

use super::{FactsOfUnit, Serving, Wait, client::Step, place::Where};
use crate::{Action, Actions, Context, Report, processes::node_of};

/// The process that a text ends, where it does nothing else.
#[inline]
pub(super) fn ended_by(text: &Text) -> Option<u32> {
    let Text::One(statement) = text else { return None };
    let process = u32::try_from(statement.terminates?).ok()?;
    let alone = statement.reads.is_empty() && statement.functions.len() == 1;
    (alone && process != 0).then_some(process)
}

impl Serving {
    /// Where a simple query goes that ends a process of another node than the lead's. `None`: it is any other, and goes
    /// where the rules say.
    pub(super) fn place_termination(
        &mut self,
        cx: &mut Context<'_>,
        text: &Text,
        out: &mut Actions,
    ) -> Option<Where> {
        let node = self.ends_elsewhere(cx, text)?;
        if self.facts == FactsOfUnit::Unknown {
            // That node has no backend for it.
            return Some(self.placed(Where::Lead, out));
        }
        if self.wait_for_answers(out) == Step::Hold {
            return Some(Where::Wait);
        }
        if self.lead_is_at_work() {
            return None;
        }
        if self.seat_reader(cx, node, out) {
            return Some(self.placed(Where::Reader, out));
        }
        self.acquire(node, Wait::Ending, out);
        Some(Where::Wait)
    }

    /// The node other than the lead's that has the process which a text ends, where the statement may run there.
    #[inline]
    pub(super) fn ends_elsewhere(&self, cx: &Context<'_>, text: &Text) -> Option<NodeId> {
        let node = self.node_of_process(cx, ended_by(text)?)?;
        (Some(node) != self.node_of_lead(cx) && self.may_end_on(cx, node)).then_some(node)
    }

    /// Tells the log of a process that a statement is about to end.
    pub(super) fn tell_termination(&self, cx: &Context<'_>, text: &Text, out: &mut Actions) {
        if let Some(process_id) = ended_by(text)
            && let Some(node) = self.node_of_process(cx, process_id)
        {
            out.push(Action::Report(Report::Termination { node, process_id }));
        }
    }

    /// The node of a process that a text ends.
    fn node_of_process(&self, cx: &Context<'_>, process: u32) -> Option<NodeId> {
        let usable = cx.topology.nodes.iter().filter(|node| node.is_usable()).map(|node| node.id);
        node_of(process, self.node_of_lead(cx), usable, cx.processes)
    }

    fn node_of_lead(&self, cx: &Context<'_>) -> Option<NodeId> {
        self.lead.as_ref().map(|leg| leg.node()).or_else(|| cx.topology.write_node())
    }

    /// True when a backend of this node can be told what the statement depends on: who asks, and in which transaction.
    fn may_end_on(&self, cx: &Context<'_>, node: NodeId) -> bool {
        let facts = self.state.facts(&self.identity, self.transaction(), true, cx.now);
        let told = match facts.held {
            None => true,
            Some(Held::Listens) => !self.state.transaction.stays,
            Some(Held::HiddenState | Held::LocalSettings) => false,
        };
        let joins = match facts.transaction {
            TransactionFacts::None => true,
            TransactionFacts::Open { serializable: true, .. }
            | TransactionFacts::Open { failed: true, .. } => false,
            // The transaction keeps to the reader with which it has begun: that one has its snapshot.
            TransactionFacts::Open { .. } => {
                !self.state.transaction.was_read_elsewhere
                    || self.reader.as_ref().is_some_and(|leg| leg.node() == node)
            }
        };
        told && joins
    }
}
