//! What the client sends.

use core::ops::Range;

use pgherd_sql::Class;
use pgherd_types::{BackendId, limits};
use pgherd_wire::{Framer, Piece, frontend};

use super::{Life, NextQuery, Serving, Turn, Wait, report_statement};
use crate::{
    Action, Actions, Bytes, Carrier, Closing, Context, Report,
    ledger::{Owed, Request, SyncMeaning},
    peek,
    planted::{PlantedBug, planted},
    say, text,
};

/// Where the session is in the client's stream.
#[derive(Debug)]
pub(super) struct ClientStream {
    framer: Framer,
    rest: Rest,
    /// The message being read, where it must be understood whole and did not come whole.
    gathered: Vec<u8>,
    /// Statements that may be a COPY FROM STDIN have been parsed: a Sync behind an Execute is ambiguous until
    /// it is answered.
    pub(super) copies_in: CopiesIn,
}

/// Whether a statement of this session may be a COPY FROM STDIN in the extended protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CopiesIn {
    Never,
    Maybe,
}

/// What becomes of the rest of a message whose first piece has been dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    Nothing,
    /// To the lead, as it comes.
    Forward,
    Drop,
    /// Into `gathered`.
    Gather,
    /// All of it is in `gathered`, and waits for its turn.
    Waiting,
}

/// A message or a piece of one, and where its bytes are.
#[derive(Debug)]
pub(super) struct Part<'a> {
    carried: &'a [u8],
    pub(super) raw: &'a [u8],
    /// Where `raw` is in the slice of the event; `None` when it is elsewhere.
    range: Option<Range<usize>>,
}

impl Part<'_> {
    pub(super) fn send(&self, backend: BackendId, out: &mut Actions) {
        if !self.carried.is_empty() {
            out.make_to_backend(backend, |to| to.extend_from_slice(self.carried));
        }
        match &self.range {
            Some(range) => out.forward_to_backend(backend, range.clone()),
            None => out.make_to_backend(backend, |to| to.extend_from_slice(self.raw)),
        }
    }
}

/// What was done with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Taken,
    /// It has to wait, and all behind it.
    Hold,
    Over,
}

impl ClientStream {
    pub(super) fn new() -> Self {
        ClientStream {
            framer: Framer::new(frontend::largest_body),
            rest: Rest::Nothing,
            gathered: Vec::new(),
            copies_in: CopiesIn::Never,
        }
    }

    pub(super) fn framer(&self) -> &Framer {
        &self.framer
    }

    /// True when the lead has a part of a message, and the rest is still to come.
    pub(super) fn is_forwarding(&self) -> bool {
        self.rest == Rest::Forward && !planted(PlantedBug::LendsMidMessage)
    }
}

impl Serving {
    pub(super) fn client_bytes(&mut self, cx: &mut Context<'_>, bytes: &[u8], out: &mut Actions) -> Life {
        self.last_active = cx.now;
        self.follow(cx.topology, out);
        let mut at = 0;
        loop {
            if self.is_leaving() {
                // Nothing counts behind the last word.
                return Life::Open;
            }
            if self.must_hold() {
                self.hold(at, out);
                return Life::Open;
            }
            if self.client.rest == Rest::Waiting {
                match self.waiting_message(cx, out) {
                    Step::Taken => continue,
                    Step::Hold => {
                        self.hold(at, out);
                        return Life::Open;
                    }
                    Step::Over => return Life::Over,
                }
            }
            let before = self.client.framer.clone();
            let mut input = bytes.get(at..).unwrap_or_default();
            let piece = match self.client.framer.next(&mut input) {
                Ok(Some(piece)) => piece,
                Ok(None) => return Life::Open,
                Err(error) => return self.client_error(error, out),
            };
            let next = bytes.len() - input.len();
            let here = Here { start: at, raw: next - piece.raw.len()..next, bytes };
            match self.client_piece(cx, &piece, &here, &before, out) {
                (Step::Taken, skipped) => at = next.max(skipped),
                (Step::Hold, _) => {
                    if self.client.rest != Rest::Waiting {
                        self.client.framer = before;
                        self.hold(if planted(PlantedBug::LosesHeldBytes) { next } else { at }, out);
                    } else {
                        self.hold(next, out);
                    }
                    return Life::Open;
                }
                (Step::Over, _) => return Life::Over,
            }
        }
    }

    /// True when no input can be taken at all: something that decides about it is still out.
    fn must_hold(&self) -> bool {
        self.wait != Wait::Nothing
            || self.turn == Turn::Reader
            || self.lead.as_ref().is_some_and(|leg| leg.ledger.is_full())
    }

    /// Deals with one piece. The offset says how far a unit that was taken whole reaches.
    fn client_piece(
        &mut self,
        cx: &mut Context<'_>,
        piece: &Piece<'_>,
        here: &Here<'_>,
        before: &Framer,
        out: &mut Actions,
    ) -> (Step, usize) {
        if !piece.first {
            return (self.client_rest(cx, piece, here, out), 0);
        }
        let part = Part { carried: piece.carried.bytes(), raw: piece.raw, range: Some(here.raw.clone()) };
        match piece.kind {
            b'Q' | b'P' => match piece.whole() {
                Some(_) => {
                    if piece.kind == b'P'
                        && let Some((step, end)) = self.read_batch(cx, here, before, out)
                    {
                        return (step, end);
                    }
                    (self.message(cx, piece.kind, &part, out), 0)
                }
                None if piece.body_bytes as usize <= limits::GATHER_CLIENT_BYTES => {
                    self.client.gathered.extend_from_slice(part.carried);
                    self.client.gathered.extend_from_slice(part.raw);
                    self.client.rest = if piece.last { Rest::Waiting } else { Rest::Gather };
                    (Step::Taken, 0)
                }
                None => (self.long_message(cx, piece, &part, out), 0),
            },
            kind => {
                let step = self.simple_message(cx, kind, &part, piece, out);
                (step, 0)
            }
        }
    }

    fn client_rest(
        &mut self,
        cx: &mut Context<'_>,
        piece: &Piece<'_>,
        here: &Here<'_>,
        out: &mut Actions,
    ) -> Step {
        let rest = self.client.rest;
        match rest {
            Rest::Forward => {
                if let Some(leg) = &self.lead {
                    out.forward_to_backend(leg.backend(), here.raw.clone());
                }
            }
            Rest::Drop | Rest::Nothing | Rest::Waiting => {}
            Rest::Gather => self.client.gathered.extend_from_slice(piece.raw),
        }
        if !piece.last {
            return Step::Taken;
        }
        if rest == Rest::Gather {
            self.client.rest = Rest::Waiting;
            return self.waiting_message(cx, out);
        }
        self.client.rest = Rest::Nothing;
        Step::Taken
    }

    /// Deals with the message that was gathered.
    fn waiting_message(&mut self, cx: &mut Context<'_>, out: &mut Actions) -> Step {
        let gathered = core::mem::take(&mut self.client.gathered);
        let Some(&kind) = gathered.first() else {
            self.client.rest = Rest::Nothing;
            return Step::Taken;
        };
        let step = self.message(cx, kind, &Part { carried: &[], raw: &gathered, range: None }, out);
        match step {
            Step::Hold => {
                self.client.gathered = gathered;
                self.client.rest = Rest::Waiting;
            }
            Step::Taken | Step::Over => self.client.rest = Rest::Nothing,
        }
        step
    }

    /// A whole message of a kind that must be understood whole: Query, Parse, or a Describe that was cut off.
    fn message(&mut self, cx: &mut Context<'_>, kind: u8, part: &Part<'_>, out: &mut Actions) -> Step {
        match kind {
            b'Q' => self.query(cx, part, out),
            b'P' => self.parse(cx, part, out),
            _ => self.describe(cx, part, out),
        }
    }

    fn describe(&mut self, cx: &mut Context<'_>, part: &Part<'_>, out: &mut Actions) -> Step {
        let request = match peek::describe_target(part.carried, part.raw) {
            Some(b'S') => Request::DescribeStatement,
            Some(_) | None => Request::DescribePortal,
        };
        self.extended(cx, request, part, out)
    }

    fn parse(&mut self, cx: &mut Context<'_>, part: &Part<'_>, out: &mut Actions) -> Step {
        let Some((name, text)) = peek::parse_head(part.raw) else {
            // The server says what is wrong with it.
            return self.send_to_lead(cx, Request::Parse, part, out);
        };
        if self.lead.is_none() {
            return self.ask_for_lead(cx, out);
        }
        if name.is_empty() && self.unnamed_ends(out) == Step::Hold {
            return Step::Hold;
        }
        self.note_parse(cx, text);
        if let Some(leg) = &self.lead {
            report_statement(cx, leg, Carrier::Parse, text, out);
        }
        self.send_to_lead(cx, Request::Parse, part, out)
    }

    fn note_parse(&mut self, cx: &mut Context<'_>, text: &[u8]) {
        self.note_state();
        if text::may_be_copy(text) {
            self.client.copies_in = CopiesIn::Maybe;
        }
        if self.balances(cx) {
            self.note_class(cx.router.classify(text));
        } else {
            self.note_class(Class::Other);
        }
    }

    /// A Query or Parse that is too long to be looked at. What it holds counts as unknown.
    fn long_message(
        &mut self,
        cx: &mut Context<'_>,
        piece: &Piece<'_>,
        part: &Part<'_>,
        out: &mut Actions,
    ) -> Step {
        let request = if piece.kind == b'Q' { Request::Query } else { Request::Parse };
        if self.lead.is_none() {
            return self.ask_for_lead(cx, out);
        }
        if self.unnamed_ends(out) == Step::Hold {
            return Step::Hold;
        }
        self.note_class(Class::Other);
        self.client.copies_in = CopiesIn::Maybe;
        let step = self.send_to_lead(cx, request, part, out);
        self.rest_follows(piece, step);
        step
    }

    fn rest_follows(&mut self, piece: &Piece<'_>, step: Step) {
        if step == Step::Taken && !piece.last {
            self.client.rest = Rest::Forward;
        }
    }

    fn query(&mut self, cx: &mut Context<'_>, part: &Part<'_>, out: &mut Actions) -> Step {
        let known = core::mem::replace(&mut self.next_query, NextQuery::Fresh);
        if known == NextQuery::Answered {
            return Step::Taken;
        }
        let text = peek::query_text(part.raw).unwrap_or_default();
        let (skipping, copying) = self
            .lead
            .as_ref()
            .map_or((false, false), |leg| (leg.ledger.is_skipping(), leg.ledger.is_copying_in()));
        if !skipping && !copying {
            if known == NextQuery::Fresh && text::may_be_admin(text) {
                return self.ask_admin(cx, text, part, out);
            }
            if self.balances(cx) {
                let class = cx.router.classify(text);
                if class == Class::Read
                    && let Some(step) = self.read_query(cx, part, out)
                {
                    return step;
                }
                self.note_class(class);
            } else {
                // What is not looked at may have done anything.
                self.note_class(Class::Other);
            }
        }
        if self.lead.is_none() {
            return self.ask_for_lead(cx, out);
        }
        if self.unnamed_ends(out) == Step::Hold {
            return Step::Hold;
        }
        self.count_and_log(cx, text, out);
        self.send_to_lead(cx, Request::Query, part, out)
    }

    /// Counts a SELECT for `SHOW pool_nodes` and reports the statement where the policy asks for it.
    fn count_and_log(&self, cx: &Context<'_>, text: &[u8], out: &mut Actions) {
        let Some(leg) = &self.lead else { return };
        if text::looks_like_select(text) {
            self.report_read(leg.node(), out);
        }
        report_statement(cx, leg, Carrier::Query, text, out);
    }

    fn text_bytes(&self, text: &[u8], part: &Part<'_>, out: &mut Actions) -> Bytes {
        const HEADER: usize = pgherd_wire::frame::HEADER_BYTES;
        match &part.range {
            Some(range) => Bytes::Input(range.start + HEADER..range.start + HEADER + text.len()),
            None => Bytes::Made(out.make(|to| to.extend_from_slice(text))),
        }
    }

    fn ask_admin(&mut self, cx: &Context<'_>, text: &[u8], part: &Part<'_>, out: &mut Actions) -> Step {
        if let Some(leg) = &mut self.lead
            && !leg.ledger.is_settled()
            && !planted(PlantedBug::AnswersOutOfTurn)
        {
            // The answer has its place behind those that are still to come.
            if leg.ledger.owes() {
                out.make_to_backend(leg.backend(), frontend::put_flush);
            } else {
                // A simple query ends a batch that has no Sync.
                leg.request(Request::Sync, Owed::Nobody, false);
                out.make_to_backend(leg.backend(), frontend::put_sync);
            }
            return Step::Hold;
        }
        let text = self.text_bytes(text, part, out);
        self.wait = Wait::Admin;
        let balanced = if self.balances(cx) { self.read_node(cx) } else { cx.topology.write_node() };
        out.push(Action::Admin { text, balanced });
        Step::Hold
    }

    /// Any message but Query and Parse: its kind alone says where it goes.
    fn simple_message(
        &mut self,
        cx: &mut Context<'_>,
        kind: u8,
        part: &Part<'_>,
        piece: &Piece<'_>,
        out: &mut Actions,
    ) -> Step {
        let step = match kind {
            b'B' => self.extended(cx, Request::Bind, part, out),
            b'D' if piece.body_bytes > 0 && peek::describe_target(part.carried, part.raw).is_none() => {
                return self.gather_small(piece, part);
            }
            b'D' => self.describe(cx, part, out),
            b'E' => self.extended(cx, Request::Execute, part, out),
            b'C' => self.extended(cx, Request::Close, part, out),
            b'S' => self.sync(cx, part, out),
            b'F' => {
                if self.lead.is_none() {
                    return self.ask_for_lead(cx, out);
                }
                self.note_class(Class::Other);
                self.send_to_lead(cx, Request::FunctionCall, part, out)
            }
            b'H' | b'd' => {
                // Neither is answered. Without a lead nothing waits for them.
                if let Some(leg) = &mut self.lead {
                    if kind == b'd' {
                        leg.ledger.copy_data();
                    }
                    part.send(leg.backend(), out);
                    Step::Taken
                } else {
                    self.client.rest = if piece.last { Rest::Nothing } else { Rest::Drop };
                    return Step::Taken;
                }
            }
            b'c' | b'f' => {
                if self.lead.is_none() {
                    self.client.rest = if piece.last { Rest::Nothing } else { Rest::Drop };
                    return Step::Taken;
                }
                self.send_to_lead(cx, Request::CopyEnd, part, out)
            }
            b'X' => {
                return self.last_word(Closing::Client, Vec::new(), out);
            }
            kind => {
                let mut last = Vec::new();
                say::invalid_kind(&mut last, kind);
                return self.last_word(Closing::Protocol, last, out);
            }
        };
        self.rest_follows(piece, step);
        step
    }

    fn last_word(&mut self, closing: Closing, last: Vec<u8>, out: &mut Actions) -> Step {
        match self.leave(closing, last, out) {
            Life::Open => Step::Taken,
            Life::Over => Step::Over,
        }
    }

    /// A Describe whose target byte has not come yet.
    fn gather_small(&mut self, piece: &Piece<'_>, part: &Part<'_>) -> Step {
        self.client.gathered.extend_from_slice(part.carried);
        self.client.gathered.extend_from_slice(part.raw);
        self.client.rest = if piece.last { Rest::Waiting } else { Rest::Gather };
        Step::Taken
    }

    /// A message of the extended protocol that is answered.
    fn extended(
        &mut self,
        cx: &mut Context<'_>,
        request: Request,
        part: &Part<'_>,
        out: &mut Actions,
    ) -> Step {
        if self.lead.is_none() {
            return self.ask_for_lead(cx, out);
        }
        if self.unnamed_is_elsewhere(request, part)
            && let Some(leg) = &self.lead
            && !leg.ledger.is_skipping()
            && !leg.ledger.is_copying_in()
        {
            if leg.ledger.owes() {
                // An error among the answers that are still out would discard what makes up for it.
                out.make_to_backend(leg.backend(), frontend::put_flush);
                return Step::Hold;
            }
            self.bring_unnamed_to_lead(out);
        }
        self.send_to_lead(cx, request, part, out)
    }

    /// True when a message may be about the unnamed statement, and the lead's is not the client's.
    fn unnamed_is_elsewhere(&self, request: Request, part: &Part<'_>) -> bool {
        let may_name_it = matches!(request, Request::Bind | Request::DescribeStatement | Request::Close);
        may_name_it
            && !self.unnamed.is_empty()
            && !planted(PlantedBug::ForgetsUnnamed)
            && (!part.carried.is_empty() || peek::names_unnamed_statement(part.raw))
    }

    /// A message to the lead is going to replace or end its unnamed statement, and then it is the client's
    /// again. What decides whether the server takes the message at all has to be known first.
    fn unnamed_ends(&mut self, out: &mut Actions) -> Step {
        let Some(leg) = &self.lead else { return Step::Taken };
        if self.unnamed.is_empty() || leg.ledger.is_skipping() || leg.ledger.is_copying_in() {
            return Step::Taken;
        }
        if leg.ledger.owes() {
            out.make_to_backend(leg.backend(), frontend::put_flush);
            return Step::Hold;
        }
        self.unnamed.clear();
        Step::Taken
    }

    /// The client's unnamed statement lives on the reader, or was ended by a query there, and is now wanted
    /// on the lead.
    fn bring_unnamed_to_lead(&mut self, out: &mut Actions) {
        let message = core::mem::take(&mut self.unnamed);
        if let Some(leg) = &mut self.lead {
            let request = if message.first() == Some(&b'P') { Request::Parse } else { Request::Close };
            leg.request(request, Owed::Nobody, false);
            out.make_to_backend(leg.backend(), |to| to.extend_from_slice(&message));
        }
    }

    fn sync(&mut self, cx: &mut Context<'_>, part: &Part<'_>, out: &mut Actions) -> Step {
        let Some(leg) = &mut self.lead else { return self.ask_for_lead(cx, out) };
        match leg.ledger.sync_meaning() {
            SyncMeaning::Counts => self.send_to_lead(cx, Request::Sync, part, out),
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

    /// Sends a message to the lead, which is there.
    fn send_to_lead(
        &mut self,
        cx: &mut Context<'_>,
        request: Request,
        part: &Part<'_>,
        out: &mut Actions,
    ) -> Step {
        let may_copy_in = request == Request::Execute && self.client.copies_in == CopiesIn::Maybe;
        if request != Request::CopyEnd {
            // Either the COPY has failed, and the Syncs are answered first; or it runs, eats them, and ends
            // with this.
            self.send_unread_syncs(out);
        }
        let Some(leg) = &mut self.lead else { return self.ask_for_lead(cx, out) };
        leg.request(request, Owed::Client, may_copy_in);
        part.send(leg.backend(), out);
        Step::Taken
    }

    /// Asks for a leg on the node that takes writes.
    fn ask_for_lead(&mut self, cx: &mut Context<'_>, out: &mut Actions) -> Step {
        match cx.topology.write_node() {
            Some(node) => {
                self.acquire(node, Wait::Lease(Turn::Lead), out);
                Step::Hold
            }
            None => {
                out.make_to_client(say::no_write_node);
                let _: Life = self.end(out, Closing::Backend);
                Step::Over
            }
        }
    }

    fn client_error(&mut self, error: pgherd_wire::frame::FrameError, out: &mut Actions) -> Life {
        out.push(Action::Report(Report::ClientProtocol(error.to_string())));
        let mut last = Vec::new();
        if let pgherd_wire::frame::FrameError::UnknownKind { kind } = error {
            say::invalid_kind(&mut last, kind);
        }
        // A bad length is not answered, as PostgreSQL does not answer it: the stream cannot be trusted any more.
        self.leave(Closing::Protocol, last, out)
    }
}

/// Where a piece is in the bytes at hand.
#[derive(Debug)]
pub(super) struct Here<'a> {
    /// Offset at which the message, or what the framer had not taken of it, begins.
    pub(super) start: usize,
    /// The range of the piece's `raw`.
    pub(super) raw: Range<usize>,
    /// All of the event's bytes.
    pub(super) bytes: &'a [u8],
}
