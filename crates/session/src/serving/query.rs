//! The simple protocol.

use std::sync::Arc;

use pgherd_sql::Text;
use pgherd_wire::frontend;

use super::{
    NextQuery, Serving, Tracking, Turn, Wait,
    client::{Part, Step},
    place::Where,
};
use crate::{
    Action, Actions, Bytes, Context, Count,
    effect::{Effect, Script},
    ledger::{Owed, Request},
    leg::Leaves,
    peek,
    planted::{PlantedBug, planted},
    state, text,
};

/// What there is to note of a simple query that is sent to the lead.
struct Asked {
    effect: Option<Effect>,
    leaves: Leaves,
}

impl Asked {
    /// Of a text that was not looked at for what it leaves behind.
    fn unread(effect: Option<Effect>) -> Self {
        Asked { effect, leaves: Leaves::Something }
    }
}

impl Serving {
    pub(super) fn query(&mut self, cx: &mut Context<'_>, part: &Part<'_>, out: &mut Actions) -> Step {
        let known = core::mem::replace(&mut self.next_query, NextQuery::Fresh);
        if known == NextQuery::Answered {
            return Step::Taken;
        }
        let sql = peek::query_text(part.raw).unwrap_or_default();
        if self.is_deaf() {
            // The server will not run it.
            return self.query_to_lead(cx, part, Count::of_head(sql), Asked::unread(None), out);
        }
        if let Some(explained) = text::explained_route(sql) {
            return self.explain_route(cx, explained, out);
        }
        if known == NextQuery::Fresh && text::may_be_admin(sql) {
            return self.ask_admin(cx, sql, part, out);
        }
        match self.tracking {
            Tracking::Off => self.query_to_lead(cx, part, Count::of_head(sql), Asked::unread(None), out),
            Tracking::On => {
                let text = cx.router.read(sql);
                let step = self.tracked_query(cx, part, sql, text, out);
                if step == Step::Hold {
                    // It has been found not to be ours, and is not asked again.
                    self.next_query = known;
                }
                step
            }
        }
    }

    /// True while the lead reads but does not run what it is sent.
    pub(super) fn is_deaf(&self) -> bool {
        self.lead.as_ref().is_some_and(|leg| leg.ledger.is_deaf())
    }

    fn tracked_query(
        &mut self,
        cx: &mut Context<'_>,
        part: &Part<'_>,
        sql: &[u8],
        text: Arc<Text>,
        out: &mut Actions,
    ) -> Step {
        match self.place_query(cx, &text, sql, out) {
            Where::Wait => return Step::Hold,
            Where::Over => return Step::Over,
            Where::Reader => return self.read_query(cx, part, sql, &text, out),
            Where::Lead => {}
        }
        if self.lead.is_none() {
            return self.ask_for_lead(cx, out);
        }
        if self.bring_for(Request::Query, &text, out) == Step::Hold {
            return Step::Hold;
        }
        if self.show_lead_a_query(&text, out) == Step::Hold {
            return Step::Hold;
        }
        let leaves = match self.leaves_on_lead(cx, &text, sql, out) {
            Ok(leaves) => leaves,
            Err(step) => return step,
        };
        let count = Count::of_text(&text);
        let effect = state::matters(&text).then(|| {
            self.note_sending(cx, &text);
            Effect::Ran(Script::new(Arc::clone(&text), sql))
        });
        self.tell_termination(cx, &text, out);
        self.query_to_lead(cx, part, count, Asked { effect, leaves }, out)
    }

    /// A Query that the reader has failed.
    pub(super) fn query_again(
        &mut self,
        cx: &mut Context<'_>,
        part: &Part<'_>,
        sql: &[u8],
        out: &mut Actions,
    ) -> Step {
        let text = cx.router.read(sql);
        let count = Count::of_text(&text);
        let effect = state::matters(&text).then(|| Effect::Ran(Script::new(text, sql)));
        self.query_to_lead(cx, part, count, Asked::unread(effect), out)
    }

    /// A Query that is too long to be looked at.
    pub(super) fn unread_query(&mut self, cx: &mut Context<'_>, part: &Part<'_>, out: &mut Actions) -> Step {
        self.query_to_lead(cx, part, Count::Other, Asked::unread(Some(Effect::RanUnknown)), out)
    }

    fn query_to_lead(
        &mut self,
        cx: &mut Context<'_>,
        part: &Part<'_>,
        count: Count,
        asked: Asked,
        out: &mut Actions,
    ) -> Step {
        if self.lead.is_none() {
            return self.ask_for_lead(cx, out);
        }
        if self.unnamed_ends(out) == Step::Hold {
            return Step::Hold;
        }
        if let Some(leg) = &self.lead {
            self.count(leg.node(), count, out);
        }
        let located = self.position_follows(cx, asked.effect.as_ref());
        let step = self.send_query(cx, part, asked, out);
        if located && part.is_whole() {
            self.ask_position(out);
        }
        step
    }

    fn send_query(&mut self, cx: &mut Context<'_>, part: &Part<'_>, asked: Asked, out: &mut Actions) -> Step {
        // A COPY that has failed has Syncs to be answered first.
        self.send_unread_syncs(out);
        self.tell_sent(cx, Turn::Lead, part, out);
        let Some(leg) = &mut self.lead else { return Step::Hold };
        let ticket = leg.query(Owed::Client, asked.leaves);
        if let Some(effect) = asked.effect {
            leg.expect(ticket, effect);
        }
        part.send(leg.backend(), out);
        Step::Taken
    }

    fn text_bytes(&self, text: &[u8], part: &Part<'_>, out: &mut Actions) -> Bytes {
        const HEADER: usize = pgherd_wire::frame::HEADER_BYTES;
        match &part.range {
            Some(range) => Bytes::Input(range.start + HEADER..range.start + HEADER + text.len()),
            None => Bytes::Made(out.make(|to| to.extend_from_slice(text))),
        }
    }

    fn ask_admin(&mut self, cx: &Context<'_>, text: &[u8], part: &Part<'_>, out: &mut Actions) -> Step {
        if !planted(PlantedBug::AnswersOutOfTurn) && self.wait_for_answers(out) == Step::Hold {
            return Step::Hold;
        }
        let text = self.text_bytes(text, part, out);
        self.wait = Wait::Admin;
        let balanced = self.read_node(cx, out);
        out.push(Action::Admin { text, balanced });
        Step::Hold
    }

    /// What we answer ourselves has its place behind the answers that are still to come.
    pub(super) fn wait_for_answers(&mut self, out: &mut Actions) -> Step {
        let Some(leg) = &mut self.lead else { return Step::Taken };
        if leg.ledger.is_settled() {
            return Step::Taken;
        }
        if leg.ledger.owes() {
            out.make_to_backend(leg.backend(), frontend::put_flush);
        } else {
            // A simple query ends a batch that has no Sync.
            leg.request(Request::Sync, Owed::Nobody, false);
            out.make_to_backend(leg.backend(), frontend::put_sync);
        }
        Step::Hold
    }
}
