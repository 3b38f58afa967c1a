//! What the client sends.

use core::ops::Range;

use pgherd_types::{BackendId, limits};
use pgherd_wire::{Framer, Piece, frame::FrameError, frontend};

use super::{Life, Serving, Turn, Wait, position::PositionDue};
use crate::{
    Action, Actions, Closing, Context, Report,
    ledger::Request,
    peek,
    planted::{PlantedBug, planted},
    say,
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
    pub(super) position_due: PositionDue,
    /// Whether what comes next counts.
    pub(super) hears: Hears,
}

/// What the session takes of the client's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hears {
    All,
    /// The front of the batch has failed: what is behind it counts from the Sync on, as in a server process.
    FromSync,
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
    /// Into `gathered`, until the names can be seen that a long message is about.
    GatherHead,
    /// All of it is in `gathered`, and waits for its turn.
    Waiting,
}

/// How much of a message is at hand that begins here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Whole,
    /// The rest is still to come.
    Head,
}

impl Shown {
    fn of(piece: &Piece<'_>) -> Self {
        if piece.last { Shown::Whole } else { Shown::Head }
    }
}

/// A message or a piece of one, and where its bytes are.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) carried: &'a [u8],
    pub(super) raw: &'a [u8],
    /// Where `raw` is in the slice of the event; `None` when it is elsewhere.
    pub(super) range: Option<Range<usize>>,
}

impl<'a> Part<'a> {
    /// A whole message that lies elsewhere than in the slice of the event.
    pub(super) fn kept(raw: &'a [u8]) -> Self {
        Part { carried: &[], raw, range: None }
    }

    /// Sends it from where it lies.
    // For each message that goes to a leg: a call would cost more than what it does.
    #[inline(always)]
    pub(super) fn send(&self, backend: BackendId, out: &mut Actions) {
        match &self.range {
            Some(range) if self.carried.is_empty() => out.forward_to_backend(backend, range.clone()),
            Some(_) | None => self.send_in_parts(backend, out),
        }
    }

    fn send_in_parts(&self, backend: BackendId, out: &mut Actions) {
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
            position_due: PositionDue::No,
            hears: Hears::All,
        }
    }

    pub(super) fn framer(&self) -> &Framer {
        &self.framer
    }

    /// A message behind a front that has failed. True when it does not count.
    fn passes_over(&mut self, kind: u8, shown: Shown) -> bool {
        if !may_follow_front(kind) {
            self.hears = Hears::All;
            return false;
        }
        self.drop_rest(shown);
        true
    }

    /// What is still to come of a message goes nowhere.
    fn drop_rest(&mut self, shown: Shown) {
        self.rest = match shown {
            Shown::Whole => Rest::Nothing,
            Shown::Head => Rest::Drop,
        };
    }

    /// True when the lead has a part of a message, and the rest is still to come.
    pub(super) fn is_forwarding(&self) -> bool {
        self.rest == Rest::Forward && !planted(PlantedBug::LendsMidMessage)
    }
}

impl Serving {
    pub(super) fn client_bytes(&mut self, cx: &mut Context<'_>, bytes: &[u8], out: &mut Actions) -> Life {
        let life = self.client_messages(cx, bytes, out);
        self.cancel_if_due(life, out)
    }

    fn client_messages(&mut self, cx: &mut Context<'_>, bytes: &[u8], out: &mut Actions) -> Life {
        self.last_active = cx.now;
        self.follow(cx.topology, out);
        let mut at = 0;
        loop {
            if self.is_leaving() {
                // Nothing counts behind the last word.
                return Life::Open;
            }
            if self.must_hold() {
                // With nothing at hand there is nothing to hold: what comes next finds out.
                if at < bytes.len() || self.client.rest == Rest::Waiting {
                    self.hold(at, out);
                }
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
            let input = bytes.get(at..).unwrap_or_default();
            let (step, next) = match self.client.framer.whole(input) {
                Some(raw) => {
                    let here = Here { start: at, end: at + raw.len(), bytes };
                    self.client_message(cx, raw, &here, out)
                }
                // Nothing is at hand.
                None if input.is_empty() => return Life::Open,
                None => match self.next_piece(cx, at, bytes, out) {
                    Ok(Some(done)) => done,
                    Ok(None) => return Life::Open,
                    Err(error) => return self.client_error(error, out),
                },
            };
            match step {
                Step::Taken => at = next,
                Step::Hold => {
                    self.hold(next, out);
                    return Life::Open;
                }
                Step::Over => return Life::Over,
            }
        }
    }

    /// Deals with a message that is all there. The offset says where the next one begins, or where what waits does.
    fn client_message(
        &mut self,
        cx: &mut Context<'_>,
        raw: &[u8],
        here: &Here<'_>,
        out: &mut Actions,
    ) -> (Step, usize) {
        let kind = raw.first().copied().unwrap_or_default();
        if self.client.hears == Hears::FromSync && self.client.passes_over(kind, Shown::Whole) {
            return (Step::Taken, here.end);
        }
        let part = Part { carried: &[], raw, range: Some(here.start..here.end) };
        let step = if !must_be_whole(kind) {
            self.plain_message(cx, &part, kind, Shown::Whole, out)
        } else if may_begin_read(kind)
            && self.may_read_batch(cx)
            && let Some((step, end)) = self.read_batch(cx, here, &self.client.framer.clone(), out)
        {
            return (step, if step == Step::Taken { end.max(here.end) } else { here.held_from() });
        } else {
            self.message(cx, kind, &part, out)
        };
        (step, if step == Step::Taken { here.end } else { here.held_from() })
    }

    /// Deals with the next piece of a message that is not all there, or does not begin here. `None`: there is nothing
    /// at hand. The offset is that of [`Serving::client_message`].
    fn next_piece(
        &mut self,
        cx: &mut Context<'_>,
        at: usize,
        bytes: &[u8],
        out: &mut Actions,
    ) -> Result<Option<(Step, usize)>, FrameError> {
        let before = self.client.framer.clone();
        let mut input = bytes.get(at..).unwrap_or_default();
        let Some(piece) = self.client.framer.next(&mut input)? else { return Ok(None) };
        let here = Here { start: at, end: bytes.len() - input.len(), bytes };
        let range = here.end - piece.raw.len()..here.end;
        let step = self.client_piece(cx, &piece, range, out);
        let next = if step == Step::Hold && self.client.rest != Rest::Waiting {
            self.client.framer = before;
            here.held_from()
        } else {
            here.end
        };
        Ok(Some((step, next)))
    }

    /// True when no input can be taken at all: something that decides about it is still out.
    fn must_hold(&self) -> bool {
        self.wait != Wait::Nothing
            || self.turn == Turn::Reader
            || self.lead.as_ref().is_some_and(|leg| leg.ledger.is_full())
    }

    /// Deals with a piece of a message that is not all in the bytes at hand; `range` is where its own are.
    fn client_piece(
        &mut self,
        cx: &mut Context<'_>,
        piece: &Piece<'_>,
        range: Range<usize>,
        out: &mut Actions,
    ) -> Step {
        if !piece.first {
            return self.client_rest(cx, piece, range, out);
        }
        let shown = Shown::of(piece);
        if self.client.hears == Hears::FromSync && self.client.passes_over(piece.kind, shown) {
            return Step::Taken;
        }
        let part = Part { carried: piece.carried.bytes(), raw: piece.raw, range: Some(range) };
        if !must_be_whole(piece.kind) {
            return self.plain_message(cx, &part, piece.kind, shown, out);
        }
        let is_long = piece.body_bytes as usize > limits::GATHER_CLIENT_BYTES;
        if is_long && part.carried.is_empty() && peek::shows_names(part.raw) {
            return self.long_message(cx, piece, &part, out);
        }
        self.client.gathered.extend_from_slice(part.carried);
        self.client.gathered.extend_from_slice(part.raw);
        self.client.rest = match (is_long, piece.last) {
            (_, true) => Rest::Waiting,
            (true, false) => Rest::GatherHead,
            (false, false) => Rest::Gather,
        };
        Step::Taken
    }

    fn client_rest(
        &mut self,
        cx: &mut Context<'_>,
        piece: &Piece<'_>,
        range: Range<usize>,
        out: &mut Actions,
    ) -> Step {
        let rest = self.client.rest;
        match rest {
            Rest::Forward => {
                if let Some(leg) = &self.lead {
                    out.forward_to_backend(leg.backend(), range);
                }
            }
            Rest::Drop | Rest::Nothing | Rest::Waiting => {}
            Rest::Gather => self.client.gathered.extend_from_slice(piece.raw),
            Rest::GatherHead => return self.rest_of_head(cx, piece, out),
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

    /// More of a long message whose names cannot be seen yet.
    fn rest_of_head(&mut self, cx: &mut Context<'_>, piece: &Piece<'_>, out: &mut Actions) -> Step {
        let mut head = core::mem::take(&mut self.client.gathered);
        let before = head.len();
        head.extend_from_slice(piece.raw);
        let is_enough = peek::shows_names(&head) || head.len() >= limits::GATHER_CLIENT_BYTES;
        if !is_enough && !piece.last {
            self.client.gathered = head;
            return Step::Taken;
        }
        let step = self.long_message(cx, piece, &Part::kept(&head), out);
        match step {
            Step::Hold => {
                head.truncate(before);
                self.client.gathered = head;
            }
            Step::Taken if piece.last => self.client.rest = Rest::Nothing,
            Step::Taken | Step::Over => {}
        }
        step
    }

    /// Deals with the message that was gathered.
    fn waiting_message(&mut self, cx: &mut Context<'_>, out: &mut Actions) -> Step {
        let gathered = core::mem::take(&mut self.client.gathered);
        let Some(&kind) = gathered.first() else {
            self.client.rest = Rest::Nothing;
            return Step::Taken;
        };
        let step = self.message(cx, kind, &Part::kept(&gathered), out);
        match step {
            Step::Hold => {
                self.client.gathered = gathered;
                self.client.rest = Rest::Waiting;
            }
            Step::Taken | Step::Over => self.client.rest = Rest::Nothing,
        }
        step
    }

    /// A whole message of a kind that is looked into.
    pub(super) fn message(
        &mut self,
        cx: &mut Context<'_>,
        kind: u8,
        part: &Part<'_>,
        out: &mut Actions,
    ) -> Step {
        match kind {
            b'Q' => self.query(cx, part, out),
            b'P' | b'B' | b'D' | b'E' | b'C' if self.is_skipping() => self.unheard(cx, kind, part, out),
            b'P' => self.parse(cx, part, out),
            b'B' => self.bind(cx, part, out),
            b'D' => self.describe(cx, part, out),
            b'E' => self.execute(cx, part, out),
            b'C' => self.close(cx, part, out),
            b'S' => self.sync(cx, part, out),
            // Nothing else is ever gathered or sent again.
            _ => Step::Taken,
        }
    }

    /// A message that is too long to be looked at. What it holds counts as unknown.
    fn long_message(
        &mut self,
        cx: &mut Context<'_>,
        piece: &Piece<'_>,
        part: &Part<'_>,
        out: &mut Actions,
    ) -> Step {
        let step = match piece.kind {
            b'Q' => self.unread_query(cx, part, out),
            b'P' => self.unread_parse(cx, part, out),
            // The names stand at the front.
            kind if part.carried.is_empty() => self.message(cx, kind, part, out),
            kind => self.message(cx, kind, &Part::kept(&[part.carried, part.raw].concat()), out),
        };
        self.rest_follows(Shown::of(piece), step);
        step
    }

    fn rest_follows(&mut self, shown: Shown, step: Step) {
        if step == Step::Taken && shown == Shown::Head {
            self.client.rest = Rest::Forward;
        }
    }

    /// A message of a kind whose content does not matter.
    fn plain_message(
        &mut self,
        cx: &mut Context<'_>,
        part: &Part<'_>,
        kind: u8,
        shown: Shown,
        out: &mut Actions,
    ) -> Step {
        let step = match kind {
            b'S' => self.sync(cx, part, out),
            b'F' => self.function_call(cx, part, out),
            b'H' | b'd' => {
                // Neither is answered. Without a lead nothing waits for them.
                let Some(leg) = &mut self.lead else {
                    self.client.drop_rest(shown);
                    return Step::Taken;
                };
                if kind == b'd' {
                    leg.ledger.copy_data();
                }
                part.send(leg.backend(), out);
                Step::Taken
            }
            b'c' | b'f' => {
                if self.lead.is_none() {
                    self.client.drop_rest(shown);
                    return Step::Taken;
                }
                self.send_to_lead(cx, Request::CopyEnd, part, None, out)
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
        self.rest_follows(shown, step);
        step
    }

    fn last_word(&mut self, closing: Closing, last: Vec<u8>, out: &mut Actions) -> Step {
        match self.leave(closing, last, out) {
            Life::Open => Step::Taken,
            Life::Over => Step::Over,
        }
    }

    /// Asks for a leg on the node that takes writes.
    pub(super) fn ask_for_lead(&mut self, cx: &mut Context<'_>, out: &mut Actions) -> Step {
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

    fn client_error(&mut self, error: FrameError, out: &mut Actions) -> Life {
        out.push(Action::Report(Report::ClientProtocol(error.to_string())));
        let mut last = Vec::new();
        if let FrameError::UnknownKind { kind } = error {
            say::invalid_kind(&mut last, kind);
        }
        // A bad length is not answered, as PostgreSQL does not answer it: the stream cannot be trusted any more.
        self.leave(Closing::Protocol, last, out)
    }
}

/// Kinds that are looked into, and so gathered when they come in pieces.
fn must_be_whole(kind: u8) -> bool {
    matches!(kind, b'Q' | b'P' | b'B' | b'D' | b'E' | b'C')
}

/// Kinds that stand between the front of a batch and its Sync.
fn may_follow_front(kind: u8) -> bool {
    matches!(kind, b'P' | b'B' | b'D' | b'E' | b'C' | b'H')
}

/// Kinds with which a batch may begin that only reads.
fn may_begin_read(kind: u8) -> bool {
    matches!(kind, b'P' | b'B' | b'D' | b'C')
}

/// Where a message is in the bytes at hand.
#[derive(Debug)]
pub(super) struct Here<'a> {
    /// Offset at which it begins, or what the framer had not taken of it.
    pub(super) start: usize,
    /// Offset behind it, or behind what is there of it.
    end: usize,
    /// All of the event's bytes.
    pub(super) bytes: &'a [u8],
}

impl Here<'_> {
    /// Offset of what is handed back when the message has to wait.
    fn held_from(&self) -> usize {
        if planted(PlantedBug::LosesHeldBytes) { self.end } else { self.start }
    }
}
