//! The extended protocol, message by message, on the lead.

use std::sync::Arc;

use pgherd_sql::Text;
use pgherd_types::limits;
use pgherd_wire::{Framer, backend::TransactionStatus, frontend};

use super::{
    Serving, Tracking, Turn,
    client::{CopiesIn, Part, Step},
    position::PositionDue,
};
use crate::{
    Actions, Context, Count,
    effect::{Effect, Script},
    ledger::{Owed, Request, SyncMeaning},
    leg::OWN_NAME,
    peek::{self, About},
    planted::{PlantedBug, planted},
    state::{self, Bound, Made, Source},
    text,
};

impl Serving {
    pub(super) fn is_skipping(&self) -> bool {
        self.lead.as_ref().is_some_and(|leg| leg.ledger.is_skipping())
    }

    /// A message that the lead discards.
    pub(super) fn unheard(
        &mut self,
        cx: &mut Context<'_>,
        kind: u8,
        part: &Part<'_>,
        out: &mut Actions,
    ) -> Step {
        let request = match (kind, peek::about(part.raw)) {
            (b'P', _) => Request::Parse,
            (b'B', _) => Request::Bind,
            (b'D', About::Statement(_)) => Request::DescribeStatement,
            (b'D', _) => Request::DescribePortal,
            (b'E', _) => Request::Execute,
            _ => Request::Close,
        };
        self.send_to_lead(cx, request, part, None, out)
    }

    pub(super) fn parse(&mut self, cx: &mut Context<'_>, part: &Part<'_>, out: &mut Actions) -> Step {
        let Some((name, sql)) = peek::parse_head(part.raw) else {
            // The server says what is wrong with it.
            return self.send_to_lead(cx, Request::Parse, part, None, out);
        };
        if self.lead.is_none() {
            return self.ask_for_lead(cx, out);
        }
        if text::may_be_copy(sql) {
            self.client.copies_in = CopiesIn::Maybe;
        }
        let effect = match self.tracking {
            Tracking::Off => {
                // Nobody notes what a later Execute runs: it is counted here.
                if let Some(leg) = &self.lead {
                    self.count(leg.node(), Count::of_head(sql), out);
                }
                None
            }
            Tracking::On => {
                let (script, kept) = match self.parsed_before(name, part.raw) {
                    Some((script, message)) => (script, Some(message)),
                    None => (Script::new(cx.router.read_parsed(sql), sql), None),
                };
                // Describe looks through an EXECUTE.
                if self.bring_for(Request::Parse, &script.text, out) == Step::Hold
                    || self.show_lead_a_query(&script.text, out) == Step::Hold
                {
                    return Step::Hold;
                }
                // At the end: what it sends is not to be sent again.
                if !name.is_empty() && self.bring_named(Request::Parse, &[name], out) == Step::Hold {
                    return Step::Hold;
                }
                let source = kept.map_or_else(|| source_of(name, part.raw), Source::Parse);
                Some(Effect::Parsed { name: name.into(), script, source })
            }
        };
        self.send_to_lead(cx, Request::Parse, part, effect, out)
    }

    /// What a Parse of the unnamed statement makes, where the one before it was the same message: clients repeat
    /// themselves.
    fn parsed_before(&self, name: &[u8], message: &[u8]) -> Option<(Script, Arc<[u8]>)> {
        if !name.is_empty() {
            return None;
        }
        match self.lead.as_ref().and_then(|leg| leg.expected().next()) {
            Some(Effect::Parsed { name, script, source: Source::Parse(before) })
                if name.is_empty() && (**before == *message || planted(PlantedBug::MistakesParse)) =>
            {
                Some((script.clone(), Arc::clone(before)))
            }
            Some(_) | None => self.state.statements.unnamed.made_by(message),
        }
    }

    /// A Parse that is too long to be looked at.
    pub(super) fn unread_parse(&mut self, cx: &mut Context<'_>, part: &Part<'_>, out: &mut Actions) -> Step {
        if self.lead.is_none() {
            return self.ask_for_lead(cx, out);
        }
        self.client.copies_in = CopiesIn::Maybe;
        let script = Script { text: Arc::new(Text::Unread), bytes: None };
        let name =
            part.raw.get(pgherd_wire::frame::HEADER_BYTES..).and_then(|body| body.split(|&b| b == 0).next());
        let effect = match name {
            Some(name) => Some(Effect::Parsed { name: name.into(), script, source: Source::Lost }),
            None => Some(Effect::RanUnknown),
        };
        self.send_to_lead(cx, Request::Parse, part, effect, out)
    }

    pub(super) fn bind(&mut self, cx: &mut Context<'_>, part: &Part<'_>, out: &mut Actions) -> Step {
        let about = peek::about(part.raw);
        let statement = match about {
            About::Bind { statement, .. } => Some(statement),
            About::Statement(_) | About::Portal(_) | About::Unknown => None,
        };
        let step = self.bring_statement(cx, statement, out);
        if step != Step::Taken {
            return step;
        }
        let mut effect = None;
        if self.tracking == Tracking::On
            && let About::Bind { portal, statement } = about
        {
            let bound = self.binding(statement);
            self.state.portals.bind(portal, bound);
            effect = self.state.portals.is_elsewhere().then_some(Effect::BoundUnnamed);
            effect = effect.filter(|_| portal.is_empty());
        }
        if about == About::Unknown {
            self.state.portals.bind_unknown();
        }
        self.send_to_lead(cx, Request::Bind, part, effect, out)
    }

    fn binding(&self, statement: &[u8]) -> Bound {
        match self.script_of(statement) {
            None => Bound::Unknown,
            Some(script) if state::matters(&script.text) => Bound::Loud(script.clone()),
            Some(_) => Bound::Quiet,
        }
    }

    /// What a prepared statement runs: also one whose Parse is still to be answered.
    fn script_of(&self, name: &[u8]) -> Option<&Script> {
        let mut expected = self.lead.iter().flat_map(|leg| leg.expected());
        let pending = expected.find_map(|effect| match effect {
            Effect::Parsed { name: parsed, script, .. } if **parsed == *name => Some(script),
            Effect::Parsed { .. }
            | Effect::Ran(_)
            | Effect::RanUnknown
            | Effect::Brought { .. }
            | Effect::Closed { .. }
            | Effect::BoundUnnamed
            | Effect::ClosedUnnamed => None,
        });
        if pending.is_some() {
            return pending;
        }
        if name.is_empty() {
            return self.state.statements.unnamed.script.as_ref();
        }
        self.state.statements.get(name).map(|prepared| &prepared.script)
    }

    pub(super) fn describe(&mut self, cx: &mut Context<'_>, part: &Part<'_>, out: &mut Actions) -> Step {
        let about = peek::about(part.raw);
        let (request, statement) = match about {
            About::Statement(name) => (Request::DescribeStatement, Some(name)),
            About::Portal(_) | About::Bind { .. } | About::Unknown => (Request::DescribePortal, None),
        };
        if request == Request::DescribeStatement {
            let step = self.bring_statement(cx, statement, out);
            if step != Step::Taken {
                return step;
            }
        }
        if about == About::Portal(b"") && self.bring_portal(out) == Step::Hold {
            return Step::Hold;
        }
        self.send_to_lead(cx, request, part, None, out)
    }

    /// The client names its unnamed portal, which may be another than the lead's: then the lead's is closed, and the
    /// client's made there as a reader has made it. It only reads, so doing it again changes nothing.
    #[inline]
    fn bring_portal(&mut self, out: &mut Actions) -> Step {
        match self.state.portals.is_elsewhere() {
            true => self.bring_portal_here(out),
            false => Step::Taken,
        }
    }

    fn bring_portal_here(&mut self, out: &mut Actions) -> Step {
        let Some(leg) = self.lead.as_mut().filter(|leg| !leg.decides_unnamed_portal()) else {
            return Step::Taken;
        };
        if leg.ledger.owes() {
            out.make_to_backend(leg.backend(), frontend::put_flush);
            return Step::Hold;
        }
        if leg.ledger.transaction() == TransactionStatus::Failed {
            // Nothing can be made there any more, nor run.
            return Step::Taken;
        }
        leg.request(Request::Close, Owed::Nobody, false);
        out.make_to_backend(leg.backend(), |to| frontend::put_close(to, frontend::Target::Portal(b"")));
        let made = self.state.portals.take_elsewhere();
        self.make_portal(&made, out);
        Step::Taken
    }

    /// Makes the unnamed portal on the lead as it was made elsewhere, of a statement of its own: the client's may have
    /// been closed since.
    fn make_portal(&mut self, made: &Made, out: &mut Actions) {
        let (mut framer, mut input) = (Framer::new(frontend::largest_body), made.by.as_slice());
        let all: Vec<&[u8]> =
            core::iter::from_fn(|| framer.next(&mut input).ok().flatten()).map(|piece| piece.raw).collect();
        let Some(at) = all.iter().rposition(|message| message.first() == Some(&b'B')) else { return };
        let (before, rest) = all.split_at(at);
        let Some((bind, after)) = rest.split_first() else { return };
        let About::Bind { statement, .. } = peek::about(bind) else { return };
        let parses = |message: &&&[u8]| peek::parse_head(message).is_some_and(|(name, _)| name == statement);
        let own = before.iter().filter(|message| message.first() == Some(&b'P')).rfind(parses).copied();
        let known = made.prepared.iter().find(|kept| *kept.name == *statement).map(|kept| &*kept.parse);
        let parse = own.or(known).and_then(|parse| peek::of_statement(parse, OWN_NAME));
        let messages = match parse.zip(peek::of_statement(bind, OWN_NAME)) {
            Some((parse, bind)) => vec![(Request::Parse, parse), (Request::Bind, bind)],
            // SQL has prepared it.
            None if self.bring_statement_now(statement, out) == Step::Taken => {
                vec![(Request::Bind, bind.to_vec())]
            }
            None => return,
        };
        let runs = after.iter().filter(|message| message.first() == Some(&b'E'));
        let runs = runs.map(|message| (Request::Execute, message.to_vec()));
        let Some(leg) = &mut self.lead else { return };
        leg.close_own(out);
        for (request, message) in messages.into_iter().chain(runs) {
            leg.request(request, Owed::Nobody, false);
            out.make_to_backend(leg.backend(), |to| to.extend_from_slice(&message));
        }
        leg.close_own(out);
    }

    pub(super) fn execute(&mut self, cx: &mut Context<'_>, part: &Part<'_>, out: &mut Actions) -> Step {
        if self.lead.is_none() {
            return self.ask_for_lead(cx, out);
        }
        let about = peek::about(part.raw);
        if about == About::Portal(b"") && self.bring_portal(out) == Step::Hold {
            return Step::Hold;
        }
        let effect = match (self.tracking, about) {
            (Tracking::Off, _) => None,
            (Tracking::On, About::Portal(name)) => match self.state.portals.get(name) {
                Bound::Quiet => None,
                Bound::Loud(script) => Some(Effect::Ran(script.clone())),
                Bound::Unknown => Some(Effect::RanUnknown),
            },
            (Tracking::On, About::Bind { .. } | About::Statement(_) | About::Unknown) => {
                Some(Effect::RanUnknown)
            }
        };
        if let Some(Effect::Ran(script)) = &effect {
            if self.bring_for(Request::Execute, &script.text, out) == Step::Hold {
                return Step::Hold;
            }
            self.note_sending(cx, &script.text);
        }
        self.client.position_due = self.position_is_due(cx, effect.as_ref());
        if let (Tracking::On, Some(leg)) = (self.tracking, &self.lead) {
            self.count(leg.node(), Count::of_effect(effect.as_ref()), out);
        }
        self.send_to_lead(cx, Request::Execute, part, effect, out)
    }

    pub(super) fn close(&mut self, cx: &mut Context<'_>, part: &Part<'_>, out: &mut Actions) -> Step {
        let about = peek::about(part.raw);
        let effect = match (self.tracking, about) {
            (Tracking::On, About::Statement(name)) => Some(Effect::Closed { name: name.into() }),
            (Tracking::On, About::Portal(b"")) if self.state.portals.is_elsewhere() => {
                Some(Effect::ClosedUnnamed)
            }
            (Tracking::On | Tracking::Off, _) => None,
        };
        self.send_to_lead(cx, Request::Close, part, effect, out)
    }

    pub(super) fn function_call(&mut self, cx: &mut Context<'_>, part: &Part<'_>, out: &mut Actions) -> Step {
        let effect = (self.tracking == Tracking::On).then_some(Effect::RanUnknown);
        self.send_to_lead(cx, Request::FunctionCall, part, effect, out)
    }

    pub(super) fn sync(&mut self, cx: &mut Context<'_>, part: &Part<'_>, out: &mut Actions) -> Step {
        let Some(leg) = &mut self.lead else { return self.ask_for_lead(cx, out) };
        match leg.ledger.sync_meaning() {
            SyncMeaning::Counts => {
                let due = core::mem::take(&mut self.client.position_due);
                let step = self.send_to_lead(cx, Request::Sync, part, None, out);
                if due == PositionDue::Yes {
                    self.ask_position(out);
                }
                step
            }
            // The server would read it and drop it.
            SyncMeaning::Dropped => {
                leg.ledger.sync_dropped();
                Step::Taken
            }
            SyncMeaning::Undecided => {
                // Without the Sync the server keeps its answer to itself until it is asked for it.
                if !planted(PlantedBug::HoldsWithoutFlush) {
                    out.make_to_backend(leg.backend(), frontend::put_flush);
                }
                Step::Hold
            }
        }
    }

    /// Sends a message to the lead.
    // For each message, with a kind and mostly without an effect, which is known where it is called.
    #[inline(always)]
    pub(super) fn send_to_lead(
        &mut self,
        cx: &mut Context<'_>,
        request: Request,
        part: &Part<'_>,
        effect: Option<Effect>,
        out: &mut Actions,
    ) -> Step {
        let may_copy_in = request == Request::Execute && self.client.copies_in == CopiesIn::Maybe;
        if request != Request::CopyEnd {
            // Either the COPY has failed, and the Syncs are answered first; or it runs, eats them, and ends
            // with this.
            self.send_unread_syncs(out);
        }
        if self.lead.is_none() {
            return self.ask_for_lead(cx, out);
        }
        self.tell_sent(cx, Turn::Lead, part, out);
        let Some(leg) = &mut self.lead else { return Step::Hold };
        let ticket = leg.request(request, Owed::Client, may_copy_in);
        if let Some(effect) = effect {
            leg.expect(ticket, effect);
        }
        part.send(leg.backend(), out);
        Step::Taken
    }
}

/// What is kept of a Parse, to make its statement on another backend.
fn source_of(name: &[u8], message: &[u8]) -> Source {
    let keeps = !name.is_empty() || message.len() <= limits::RETAINED_UNIT_BYTES;
    if keeps { Source::Parse(message.into()) } else { Source::Lost }
}
