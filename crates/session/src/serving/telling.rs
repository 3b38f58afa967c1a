//! What is told of the statements that are sent: the log, the client, the counters.

use std::sync::Arc;

use pgherd_types::NodeId;
use pgherd_wire::{
    error_response::{ErrorResponse, Severity},
    sqlstate,
};

use super::{Serving, Turn, client::Part};
use crate::{Action, Actions, Bytes, Carrier, Context, Count, Report, state::Prepared};

impl Serving {
    /// A message of the client's goes to a leg: what it carries is told, where the policy asks for it.
    // For each message that is sent, and hardly ever more than the question.
    #[inline(always)]
    pub(super) fn tell_sent(&mut self, cx: &Context<'_>, turn: Turn, part: &Part<'_>, out: &mut Actions) {
        if cx.policy.tracing.wants_statements() {
            self.tell_part(cx, turn, part, out);
        } else if self.statement_tracer.is_some() {
            self.statement_tracer = None;
        }
    }

    #[cold]
    fn tell_part(&mut self, cx: &Context<'_>, turn: Turn, part: &Part<'_>, out: &mut Actions) {
        if part.carried.is_empty() {
            self.tell_message(cx, turn, part.raw, out);
        } else {
            self.tell_message(cx, turn, &[part.carried, part.raw].concat(), out);
        }
    }

    fn tell_message(&mut self, cx: &Context<'_>, turn: Turn, message: &[u8], out: &mut Actions) {
        let prepared = &self.state.statements;
        let known = |name: &[u8]| prepared.get(name).and_then(Prepared::sql);
        let tracer = self.statement_tracer.get_or_insert_default();
        if let Some((carrier, text)) = tracer.statement(message, known) {
            self.tell_statement(cx, turn, carrier, &text, out);
        }
    }

    fn tell_statement(
        &mut self,
        cx: &Context<'_>,
        turn: Turn,
        carrier: Carrier,
        text: &Arc<[u8]>,
        out: &mut Actions,
    ) {
        let Some(leg) = self.leg_mut(turn) else { return };
        let (node, process_id) = (leg.node(), leg.lease.facts.process_id);
        if cx.policy.tracing.statement_notices {
            self.notice_statement(node, carrier, text, out);
        }
        let text = Bytes::Made(out.make(|to| to.extend_from_slice(text)));
        out.push(Action::Report(Report::Statement { node, process_id, carrier, text }));
    }

    /// The client is told before the statement is answered; behind a message that is half way to it, if there is one.
    fn notice_statement(&mut self, node: NodeId, carrier: Carrier, text: &[u8], out: &mut Actions) {
        let text = String::from_utf8_lossy(text);
        let words = format!("DB node id: {node} statement: {}{text}", carrier.prefix());
        let notice = ErrorResponse::new(Severity::Notice, sqlstate::SUCCESSFUL_COMPLETION, &words);
        if self.client_at_boundary() {
            out.make_to_client(|to| notice.put(to));
        } else {
            let mut message = Vec::new();
            notice.put(&mut message);
            self.defer(&message);
        }
    }

    /// Counts what a node was sent, or answered.
    pub(super) fn count(&self, node: NodeId, what: Count, out: &mut Actions) {
        out.count(node, what);
    }
}
