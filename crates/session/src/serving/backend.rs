//! What a backend answers.

use core::ops::Range;
use std::borrow::Cow;

use pgherd_types::{NodeId, ResetReason, limits};
use pgherd_wire::{
    Body, Piece, SqlState,
    backend::TransactionStatus,
    error_response::{Fields, Severity},
    frontend, sqlstate,
};

use super::{Life, Serving, Turn};
use crate::{
    Action, Actions, Closing, Context, Count, Report,
    ledger::{Owed, Plain, Reply, Request, Violation},
    leg::Gathered,
    planted::{PlantedBug, planted},
    say,
};

/// A whole message of a server.
#[derive(Debug)]
pub(super) struct Message<'a> {
    pub(super) bytes: &'a [u8],
    /// Where it lies in the slice of the event; `None` when it is elsewhere.
    range: Option<Range<usize>>,
}

impl<'a> Message<'a> {
    fn kept(bytes: &'a [u8]) -> Self {
        Message { bytes, range: None }
    }

    /// Passes it on to the client, from where it lies.
    pub(super) fn show(&self, out: &mut Actions) {
        match &self.range {
            Some(range) => out.forward_to_client(range.clone()),
            None => out.make_to_client(|to| to.extend_from_slice(self.bytes)),
        }
    }
}

/// A run of replies.
struct Run<'a> {
    /// Offset behind it.
    end: usize,
    /// The message behind it, if it is all there.
    behind: Option<&'a [u8]>,
}

impl Serving {
    pub(super) fn backend_bytes(
        &mut self,
        cx: &mut Context<'_>,
        turn: Turn,
        bytes: &[u8],
        out: &mut Actions,
    ) -> Life {
        let mut at = 0;
        while at < bytes.len() {
            if self.may_be_rows(turn, bytes.get(at)) {
                at += self.rows(turn, at, bytes, out);
            }
            let Ok(run) = self.replies(cx, turn, at, bytes, out) else {
                return self.violation(turn, "a reply that nothing asked for", out);
            };
            at = run.end;
            if let Some(whole) = run.behind.filter(|whole| must_be_whole(whole)) {
                let range = at..at + whole.len();
                at = range.end;
                let message = Message { bytes: whole, range: Some(range) };
                if self.whole_message(cx, turn, &message, out) == Life::Over {
                    return Life::Over;
                }
                continue;
            }
            let Some(leg) = self.leg_mut(turn) else { return Life::Open };
            let mut input = bytes.get(at..).unwrap_or_default();
            let piece = match leg.framer.next(&mut input) {
                Ok(Some(piece)) => piece,
                Ok(None) => break,
                Err(_) => return self.violation(turn, "a message of an unknown kind or length", out),
            };
            at = bytes.len() - input.len();
            let range = at - piece.raw.len()..at;
            if self.backend_piece(cx, turn, &piece, range, out) == Life::Over {
                return Life::Over;
            }
        }
        if self.client_at_boundary() {
            self.flush_deferred(out);
        }
        Life::Open
    }

    /// True when a row or COPY data comes next, or the rest of one.
    fn may_be_rows(&mut self, turn: Turn, first: Option<&u8>) -> bool {
        matches!(first, Some(b'D' | b'd')) || self.leg_mut(turn).is_some_and(|leg| !leg.framer.at_boundary())
    }

    /// Passes on a run of rows or COPY data, and says how many bytes it was.
    fn rows(&mut self, turn: Turn, at: usize, bytes: &[u8], out: &mut Actions) -> usize {
        let Some(leg) = self.leg_mut(turn) else { return 0 };
        let Some((kind, owed)) = leg.ledger.bulk() else { return 0 };
        let run = leg.framer.skip_run(bytes.get(at..).unwrap_or_default(), kind);
        if run == 0 {
            return 0;
        }
        leg.streaming = (!leg.framer.at_boundary()).then_some(owed);
        match owed {
            Owed::Client => {
                out.forward_to_client(at..at + run);
                if turn == Turn::Reader {
                    self.unit.shown();
                }
            }
            Owed::Session => self.collect_answer(bytes.get(at..at + run).unwrap_or_default()),
            Owed::Nobody => {}
        }
        run
    }

    /// Passes on a run of whole replies that the client has asked for, from where they lie. What is of another kind, or
    /// begins a COPY, ends the run before it.
    fn replies<'a>(
        &mut self,
        cx: &Context<'_>,
        turn: Turn,
        from: usize,
        bytes: &'a [u8],
        out: &mut Actions,
    ) -> Result<Run<'a>, Violation> {
        let (mut at, mut finishes) = (from, false);
        let ended = loop {
            let Some(leg) = self.leg_mut(turn) else { break Ok(None) };
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(whole) = leg.framer.whole(rest) else { break Ok(None) };
            let Some(reply) = whole.first().copied().and_then(plain_reply_of) else { break Ok(Some(whole)) };
            let status = leg.ledger.transaction();
            let finished = match leg.ledger.plain_reply(reply) {
                Some(Plain::Ends(finished)) => Some(finished),
                Some(Plain::GoesOn) => None,
                None if leg.ledger.next_owed() != Owed::Client => break Ok(Some(whole)),
                None => match leg.ledger.reply(reply) {
                    Ok(outcome) => outcome.finished,
                    Err(violation) => break Err(violation),
                },
            };
            at += whole.len();
            if reply == Reply::DataRow {
                at += leg.framer.skip_run(bytes.get(at..).unwrap_or_default(), b'D');
                leg.streaming = (!leg.framer.at_boundary()).then_some(Owed::Client);
            }
            if let Some(finished) = finished {
                finishes = true;
                if leg.has_effect(finished.ticket) && !planted(PlantedBug::ForgetsEffects) {
                    self.settle(cx, turn, finished, status);
                }
            }
        };
        if at > from {
            out.forward_to_client(from..at);
            if turn == Turn::Reader {
                self.unit.shown();
            }
        }
        if finishes && turn == Turn::Lead {
            // What waited for this answer can now be judged: a Sync that might have met a COPY, an administrative
            // statement whose place is behind it.
            self.resume(out);
        }
        ended.map(|behind| Run { end: at, behind })
    }

    fn backend_piece(
        &mut self,
        cx: &mut Context<'_>,
        turn: Turn,
        piece: &Piece<'_>,
        range: Range<usize>,
        out: &mut Actions,
    ) -> Life {
        let Some(leg) = self.leg_mut(turn) else { return Life::Open };
        if !piece.first
            && let Some(owed) = leg.streaming
        {
            if piece.last {
                leg.streaming = None;
            }
            match owed {
                Owed::Client => out.forward_to_client(range),
                Owed::Session => self.collect_answer(piece.raw),
                Owed::Nobody => {}
            }
            if piece.last && self.client_at_boundary() {
                self.flush_deferred(out);
            }
            return Life::Open;
        }
        match piece.kind {
            b'E' | b'S' | b'Z' => self.gathered_message(cx, turn, piece, range, out),
            b'N' | b'A' => self.unasked(turn, piece, range, out),
            kind => match reply_of(kind) {
                Some(reply) => self.reply(cx, turn, reply, piece, range, out),
                None => self.violation(turn, "a message that only belongs to the start of a session", out),
            },
        }
    }

    /// A reply that is passed on as it comes.
    fn reply(
        &mut self,
        cx: &Context<'_>,
        turn: Turn,
        reply: Reply,
        piece: &Piece<'_>,
        range: Range<usize>,
        out: &mut Actions,
    ) -> Life {
        let Some(leg) = self.leg_mut(turn) else { return Life::Open };
        let status = leg.ledger.transaction();
        let Ok(outcome) = leg.ledger.reply(reply) else {
            return self.violation(turn, "a reply that nothing asked for", out);
        };
        leg.streaming = (!piece.last).then_some(outcome.owed);
        match outcome.owed {
            Owed::Client => {
                if turn == Turn::Reader {
                    self.unit.shown();
                }
                show(piece, range, out);
            }
            Owed::Session if reply == Reply::DataRow => {
                self.collect_answer(piece.carried.bytes());
                self.collect_answer(piece.raw);
            }
            Owed::Session | Owed::Nobody => {}
        }
        if let Some(finished) = outcome.finished {
            self.settle(cx, turn, finished, status);
        }
        if turn == Turn::Lead && (outcome.finished.is_some() || reply == Reply::CopyInResponse) {
            // What waited for this answer can now be judged: a Sync that might have met a COPY, an administrative
            // statement whose place is behind it.
            self.resume(out);
        }
        Life::Open
    }

    /// A notice or a notification: it answers nothing, and may come at any moment.
    fn unasked(&mut self, turn: Turn, piece: &Piece<'_>, range: Range<usize>, out: &mut Actions) -> Life {
        // What the session asks for itself raises none: a notice that comes meanwhile is the server's own.
        let shown = match turn {
            Turn::Lead => Owed::Client,
            Turn::Reader if self.unit.has_failed() => Owed::Nobody,
            Turn::Reader => Owed::Client,
        };
        let has_both = self.lead.is_some() && self.reader.is_some() && !planted(PlantedBug::CutsMessages);
        let Some(leg) = self.leg_mut(turn) else { return Life::Open };
        if has_both || leg.is_gathering() {
            self.unasked_whole(turn, shown, piece, range, out);
            return Life::Open;
        }
        leg.streaming = (!piece.last).then_some(shown);
        if shown == Owed::Client {
            show(piece, range, out);
        }
        Life::Open
    }

    /// The same while there are two legs: it goes out whole, between the messages of the other.
    fn unasked_whole(
        &mut self,
        turn: Turn,
        owed: Owed,
        piece: &Piece<'_>,
        range: Range<usize>,
        out: &mut Actions,
    ) {
        let in_the_way = self.other_is_mid_message(turn);
        let its_turn = self.turn == turn;
        let Some(leg) = self.leg_mut(turn) else { return };
        match leg.gather(piece) {
            Gathered::Partial => {}
            Gathered::InPlace(bytes) => {
                self.show_unasked(owed, in_the_way, &Message { bytes, range: Some(range) }, out);
            }
            Gathered::Aside => {
                let bytes = leg.take_gathered();
                self.show_unasked(owed, in_the_way, &Message::kept(&bytes), out);
            }
            Gathered::HeadAside => {
                let head = leg.take_gathered();
                // Too long to be kept: where the other leg is at work it is dropped, for a notice is never owed.
                let owed = if its_turn && !in_the_way { owed } else { Owed::Nobody };
                leg.streaming = Some(owed);
                self.show_unasked(owed, false, &Message::kept(&head), out);
            }
        }
    }

    fn show_unasked(&mut self, owed: Owed, in_the_way: bool, message: &Message<'_>, out: &mut Actions) {
        match owed {
            Owed::Nobody | Owed::Session => {}
            Owed::Client if in_the_way => self.defer(message.bytes),
            Owed::Client => message.show(out),
        }
    }

    /// True while the client has a part of a message from the other leg.
    fn other_is_mid_message(&self, turn: Turn) -> bool {
        let other = match turn {
            Turn::Lead => &self.reader,
            Turn::Reader => &self.lead,
        };
        other.as_ref().is_some_and(|leg| leg.streaming == Some(Owed::Client))
    }

    pub(super) fn defer(&mut self, message: &[u8]) {
        if self.deferred.as_slice().len() + message.len() <= limits::GATHER_BACKEND_BYTES {
            self.deferred.make().extend_from_slice(message);
        }
    }

    /// An ErrorResponse, ParameterStatus or ReadyForQuery: it must be understood whole.
    fn gathered_message(
        &mut self,
        cx: &mut Context<'_>,
        turn: Turn,
        piece: &Piece<'_>,
        range: Range<usize>,
        out: &mut Actions,
    ) -> Life {
        let Some(leg) = self.leg_mut(turn) else { return Life::Open };
        match leg.gather(piece) {
            Gathered::Partial => Life::Open,
            Gathered::InPlace(bytes) => {
                self.whole_message(cx, turn, &Message { bytes, range: Some(range) }, out)
            }
            Gathered::Aside => {
                let bytes = leg.take_gathered();
                self.whole_message(cx, turn, &Message::kept(&bytes), out)
            }
            Gathered::HeadAside => {
                let head = leg.take_gathered();
                if piece.kind != b'E' {
                    return self.violation(turn, "a message that is longer than it may be", out);
                }
                let (life, owed) = self.error(cx, turn, &Message::kept(&head), out);
                if let Some(leg) = self.leg_mut(turn) {
                    leg.streaming = Some(owed);
                }
                life
            }
        }
    }

    fn whole_message(
        &mut self,
        cx: &mut Context<'_>,
        turn: Turn,
        message: &Message<'_>,
        out: &mut Actions,
    ) -> Life {
        match message.bytes.first() {
            Some(b'Z') => self.ready(cx, turn, message, out),
            Some(b'S') => self.parameter(turn, message, out),
            Some(_) | None => self.error(cx, turn, message, out).0,
        }
    }

    fn ready(&mut self, cx: &mut Context<'_>, turn: Turn, message: &Message<'_>, out: &mut Actions) -> Life {
        let Some(leg) = self.leg_mut(turn) else { return Life::Open };
        let before = leg.ledger.transaction();
        let status = message.bytes.last().copied().and_then(TransactionStatus::from_byte);
        let Some(outcome) = status.and_then(|status| leg.ledger.ready(status).ok()) else {
            return self.violation(turn, "a ReadyForQuery that nothing asked for", out);
        };
        let settled = leg.ledger.is_settled();
        let fails_lead =
            turn == Turn::Reader && status == Some(TransactionStatus::Failed) && self.lead_must_fail();
        if (outcome.owed == Owed::Client && !fails_lead) || planted(PlantedBug::ShowsHidden) {
            message.show(out);
        }
        let Some(finished) = outcome.finished else { return Life::Open };
        match turn {
            Turn::Lead => self.lead_ready(cx, before, outcome.owed, finished, out),
            Turn::Reader => {
                self.settle(cx, turn, finished, before);
                if settled { self.reader_settled(cx, out) } else { Life::Open }
            }
        }
    }

    #[inline]
    pub(super) fn flush_deferred(&mut self, out: &mut Actions) {
        if self.deferred.get().is_some() {
            self.flush_all_deferred(out);
        }
    }

    fn flush_all_deferred(&mut self, out: &mut Actions) {
        let deferred = self.deferred.take();
        out.make_to_client(|to| to.extend_from_slice(&deferred));
    }

    /// A ParameterStatus. The client has one view of the cluster, which is its lead's.
    fn parameter(&mut self, turn: Turn, message: &Message<'_>, out: &mut Actions) -> Life {
        let in_the_way = self.other_is_mid_message(turn);
        let Some((name, value)) = parse_parameter(message.bytes) else {
            return self.violation(turn, "a ParameterStatus that cannot be read", out);
        };
        let Some(leg) = self.leg_mut(turn) else { return Life::Open };
        if !leg.lease.facts.parameters.set(&name, &value) {
            return self.violation(turn, "more parameters than a server has", out);
        }
        if turn == Turn::Reader || self.view.get(&name) == Some(&*value) {
            return Life::Open;
        }
        // As many as the leg's own, so that it cannot be full.
        let _: bool = self.view.set(&name, &value);
        if in_the_way {
            self.defer(message.bytes);
            return Life::Open;
        }
        message.show(out);
        Life::Open
    }

    /// An ErrorResponse. Says too whom the rest of it is for, where it is long.
    fn error(
        &mut self,
        cx: &mut Context<'_>,
        turn: Turn,
        message: &Message<'_>,
        out: &mut Actions,
    ) -> (Life, Owed) {
        let fields =
            Fields::of_body(message.bytes.get(pgherd_wire::frame::HEADER_BYTES..).unwrap_or_default());
        let Some(leg) = self.leg_mut(turn) else { return (Life::Open, Owed::Nobody) };
        let (node, next_owed) = (leg.node(), leg.ledger.next_owed());
        if let Some(code) = fields.code() {
            report_shutdown(node, code, out);
        }
        if let Some(what) = fields.severity().and_then(Count::of_error) {
            self.count(node, what, out);
        }
        if fields.severity().is_some_and(Severity::ends_session) {
            return (self.fatal(cx, turn, message, out), Owed::Client);
        }
        if turn == Turn::Reader {
            let of_a_standby = fields.code().is_some_and(|code| STANDBY_ERRORS.contains(&code.class()));
            self.reader_error(next_owed, of_a_standby);
        }
        let Some(leg) = self.leg_mut(turn) else { return (Life::Open, Owed::Nobody) };
        if leg.fails_unnamed_parse() {
            self.unnamed_failed(turn);
        }
        let Some(leg) = self.leg_mut(turn) else { return (Life::Open, Owed::Nobody) };
        let Ok(outcome) = leg.ledger.reply(Reply::Error) else {
            return (self.violation(turn, "an error that nothing asked for", out), Owed::Nobody);
        };
        if outcome.owed == Owed::Client {
            self.show_error(turn, message, out);
        } else if outcome.owed == Owed::Session && turn == Turn::Lead {
            self.asked.failed(message.bytes);
        }
        if turn == Turn::Lead {
            self.send_unread_syncs(out);
            self.resume(out);
        }
        (Life::Open, outcome.owed)
    }

    /// Shows an error to the client, which has asked for what has failed.
    fn show_error(&mut self, turn: Turn, message: &Message<'_>, out: &mut Actions) {
        let untold = match turn {
            Turn::Lead => self.take_untold(message.bytes),
            Turn::Reader => {
                self.unit.shown();
                None
            }
        };
        match untold {
            Some(untold) => out.make_to_client(|to| to.extend_from_slice(&untold)),
            None => message.show(out),
        }
    }

    /// An error of the reader: the primary has the last word on what only a standby may fail at, and on a unit before
    /// which the reader could not be told what it lacks.
    fn reader_error(&mut self, next_owed: Owed, of_a_standby: bool) {
        let busy = self.turn == Turn::Reader && !self.unit.has_failed();
        match next_owed {
            Owed::Nobody | Owed::Session if !busy => self.unit.spoiled(),
            Owed::Nobody | Owed::Session => {
                self.unit.spoiled();
                self.disown_unit();
            }
            Owed::Client if of_a_standby && self.unit.may_go_elsewhere() => {
                self.unit.failed();
                self.disown_unit();
            }
            Owed::Client => {}
        }
    }

    /// A Parse of the unnamed statement has failed: there is none any more.
    fn unnamed_failed(&mut self, turn: Turn) {
        match (turn, &mut self.reader) {
            (Turn::Reader, Some(leg)) => leg.unnamed = self.state.statements.unnamed_ends(),
            (Turn::Reader, None) => {}
            (Turn::Lead, _) => self.state.statements.lead_ends_unnamed(),
        }
    }

    fn disown_unit(&mut self) {
        if let Some(leg) = &mut self.reader {
            leg.ledger.disown();
        }
    }

    /// A COPY failed before it read anything: Syncs that were dropped, because a COPY eats them, are answered
    /// after all.
    #[inline]
    pub(super) fn send_unread_syncs(&mut self, out: &mut Actions) {
        if self.lead.as_ref().is_some_and(|leg| leg.ledger.has_unread_syncs()) {
            self.send_all_unread_syncs(out);
        }
    }

    fn send_all_unread_syncs(&mut self, out: &mut Actions) {
        let Some(leg) = &mut self.lead else { return };
        for _ in 0..leg.ledger.take_unread_syncs() {
            leg.request(Request::Sync, Owed::Client, false);
            out.make_to_backend(leg.backend(), frontend::put_sync);
        }
    }

    /// The backend broke the protocol. What it holds cannot be known any more, so the session ends with it,
    /// unless it was a reader that can be done without.
    pub(super) fn violation(&mut self, turn: Turn, what: &'static str, out: &mut Actions) -> Life {
        let Some(backend) = self.leg_mut(turn).map(|leg| leg.backend()) else { return Life::Open };
        out.push(Action::Report(Report::Violation(backend, what)));
        let told = self.client_at_boundary();
        self.release_gone(turn, ResetReason::Violation, out);
        if told {
            out.make_to_client(say::backend_violation);
        }
        self.end(out, Closing::Backend)
    }
}

/// Classes of errors that a standby may raise where the primary would not: it lags behind in what exists (42,
/// 3F), is read-only (25), cannot read unlogged tables (0A, 55), gives way to replay (40), or is not well
/// (53, 58, XX).
const STANDBY_ERRORS: [&str; 9] = ["0A", "25", "3F", "40", "42", "53", "55", "58", "XX"];

/// Passes a piece on to the client.
fn show(piece: &Piece<'_>, range: Range<usize>, out: &mut Actions) {
    if !piece.carried.is_empty() {
        out.make_to_client(|to| to.extend_from_slice(piece.carried.bytes()));
    }
    out.forward_to_client(range);
}

fn report_shutdown(node: NodeId, code: SqlState, out: &mut Actions) {
    if [sqlstate::ADMIN_SHUTDOWN, sqlstate::CRASH_SHUTDOWN, sqlstate::CANNOT_CONNECT_NOW].contains(&code) {
        out.push(Action::Report(Report::NodeShutdown(node)));
    }
}

/// Name and value. A value in an encoding other than UTF-8 is passed on as it is; only our own note of it suffers.
fn parse_parameter(message: &[u8]) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    let mut body = Body::new(message.get(pgherd_wire::frame::HEADER_BYTES..)?);
    let (name, value) = (body.string().ok()?, body.string().ok()?);
    body.end().ok()?;
    Some((String::from_utf8_lossy(name), String::from_utf8_lossy(value)))
}

/// True for a message that must be understood whole.
fn must_be_whole(message: &[u8]) -> bool {
    matches!(message.first(), Some(b'E' | b'S' | b'Z'))
}

/// The reply behind a kind byte, for kinds of which any number may be passed on one after the other.
fn plain_reply_of(kind: u8) -> Option<Reply> {
    Some(match kind {
        b'1' => Reply::ParseComplete,
        b'2' => Reply::BindComplete,
        b'3' => Reply::CloseComplete,
        b't' => Reply::ParameterDescription,
        b'T' => Reply::RowDescription,
        b'n' => Reply::NoData,
        b'D' => Reply::DataRow,
        b's' => Reply::PortalSuspended,
        b'C' => Reply::CommandComplete,
        b'I' => Reply::EmptyQueryResponse,
        _ => return None,
    })
}

/// The reply behind a kind byte, for kinds whose body does not matter.
fn reply_of(kind: u8) -> Option<Reply> {
    let plain = plain_reply_of(kind);
    if plain.is_some() {
        return plain;
    }
    Some(match kind {
        b'G' => Reply::CopyInResponse,
        b'H' => Reply::CopyOutResponse,
        b'W' => Reply::CopyBothResponse,
        b'd' => Reply::CopyData,
        b'c' => Reply::CopyDone,
        b'V' => Reply::FunctionCallResponse,
        _ => return None,
    })
}
