//! Batches of the extended protocol that only read: found while all of a batch is at hand, and sent to the reader as a
//! whole.

use core::ops::Range;
use std::sync::Arc;

use pgherd_route::Decision;
use pgherd_sql::{Statement, Text, Verb};
use pgherd_wire::{Framer, backend::TransactionStatus};

use super::{
    FactsOfUnit, Serving, Tracking, Turn,
    client::{Here, Part, Step},
    front::Front,
    place::Where,
};
use crate::{
    Actions, Context, Count,
    effect::{Effect, Script},
    ledger::{Owed, Request},
    leg::Leg,
    peek::{self, About},
    state::{self, Source, UnnamedId},
};

/// A batch from its first message to its Sync, as far as it has been looked at.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Bytes of it.
    length: usize,
    /// The transaction that it begins ahead of its reads.
    pub(super) front: Front,
    /// The statements that it prepares, in order.
    parsed: Vec<Parsed>,
    /// Names that it uses and does not prepare itself: where they are in it. An empty range is the unnamed statement.
    needs: Vec<Range<usize>>,
    /// The unnamed portal is bound.
    bound: bool,
    closes: bool,
    /// Its Executes.
    runs: usize,
}

#[derive(Debug)]
struct Parsed {
    /// Where its name is in the batch.
    name: Range<usize>,
    /// Where its message is.
    message: Range<usize>,
    script: Script,
}

/// Messages looked at for a batch that may be balanced.
const BATCH_MESSAGES: usize = 64;

/// What a name in a batch stands for.
enum Named {
    /// A read.
    Read,
    /// A statement of the front.
    Front,
}

/// The batch is not one that may go to a reader, or not all of it is at hand.
pub(super) struct NotThere;

impl Serving {
    /// True when a batch that begins now may go to a reader, as far as that is known without a look at it.
    pub(super) fn may_read_batch(&self, cx: &Context<'_>) -> bool {
        self.tracking == Tracking::On && !self.lead_is_at_work() && self.reads_elsewhere(cx)
    }

    /// Sends a batch to the reader, where all of it is at hand and all it does is read. The offset says where the
    /// batch ends. `None`: it goes to the lead, message by message.
    pub(super) fn read_batch(
        &mut self,
        cx: &mut Context<'_>,
        here: &Here<'_>,
        before: &Framer,
        out: &mut Actions,
    ) -> Option<(Step, usize)> {
        let bytes = here.bytes.get(here.start..)?;
        let mut batch = core::mem::take(&mut cx.common.batch);
        let found = match self.scan(cx, bytes, before, &mut batch) {
            Ok(()) => self.place_batch(cx, bytes, &batch, out),
            Err(NotThere) => Where::Lead,
        };
        let begins = !batch.front.is_absent();
        // What was tried for reads behind a front counts when they are placed once more.
        let found = if begins && found == Where::Reader { found } else { self.placed(found, out) };
        let step = match found {
            Where::Lead => None,
            Where::Wait => Some((Step::Hold, 0)),
            Where::Over => Some((Step::Over, 0)),
            Where::Reader if begins => Some(self.send_front(cx, here, before, batch.front.end(), out)),
            Where::Reader => {
                let step = self.send_batch(cx, here.start, bytes, before, &batch, out);
                Some((step, here.start + batch.length))
            }
        };
        batch.clear();
        cx.common.batch = batch;
        step
    }

    fn scan(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        framer: &Framer,
        batch: &mut Batch,
    ) -> Result<(), NotThere> {
        let (mut framer, mut rest) = (framer.clone(), bytes);
        for _ in 0..BATCH_MESSAGES {
            let start = bytes.len() - rest.len();
            let piece = framer.next(&mut rest).ok().flatten().ok_or(NotThere)?;
            let raw = piece.whole().ok_or(NotThere)?;
            match piece.kind {
                b'P' => self.scan_parse(cx, bytes, start..start + raw.len(), batch)?,
                b'B' | b'D' | b'E' | b'C' => self.scan_use(bytes, start..start + raw.len(), batch)?,
                b'H' => batch.front.flushes(start..start + raw.len()),
                b'S' => {
                    batch.length = bytes.len() - rest.len();
                    let runs = !batch.parsed.is_empty() || !batch.needs.is_empty();
                    return if runs { Ok(()) } else { Err(NotThere) };
                }
                _ => return Err(NotThere),
            }
        }
        Err(NotThere)
    }

    fn scan_parse(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        message: Range<usize>,
        batch: &mut Batch,
    ) -> Result<(), NotThere> {
        let raw = bytes.get(message.clone()).unwrap_or_default();
        let (name, sql) = peek::parse_head(raw).ok_or(NotThere)?;
        // A name that is taken is an error, which is the lead's to raise.
        let taken = self.state.statements.get(name).is_some() || batch.prepares(bytes, name);
        if name.is_empty() && batch.needs.iter().any(Range::is_empty) {
            // It would replace the one that the batch has begun with.
            return Err(NotThere);
        }
        if !name.is_empty() && (taken || !self.state.statements.has_room(raw.len())) {
            return Err(NotThere);
        }
        let text = cx.router.read_parsed(sql);
        let Text::One(statement) = &*text else { return Err(NotThere) };
        let at = message.start + pgherd_wire::frame::HEADER_BYTES;
        if !state::may_read(statement) {
            self.may_be_front(batch)?;
            return batch.front.parses(statement, at..at + name.len(), &self.view);
        }
        batch.reads_from(message.start)?;
        batch.parsed.push(Parsed { name: at..at + name.len(), message, script: Script::new(text, sql) });
        Ok(())
    }

    /// A message that is about a statement or portal.
    fn scan_use(&self, bytes: &[u8], message: Range<usize>, batch: &mut Batch) -> Result<(), NotThere> {
        let raw = bytes.get(message.clone()).unwrap_or_default();
        match (raw.first().copied().unwrap_or_default(), peek::about(raw)) {
            (b'B', About::Bind { portal: b"", statement }) => {
                match self.scan_name(bytes, message.start, statement, batch)? {
                    Named::Read => batch.bound = true,
                    Named::Front => batch.front.binds()?,
                }
            }
            (b'D', About::Statement(name)) => {
                let (Named::Read | Named::Front) = self.scan_name(bytes, message.start, name, batch)?;
            }
            (b'D', About::Portal(b"")) if batch.bound || batch.front.is_bound() => {}
            (b'E', About::Portal(b"")) if batch.front.is_bound() => batch.front.runs(message.end),
            (b'E', About::Portal(b"")) if batch.bound && peek::wants_all_rows(raw) => batch.runs += 1,
            (b'C', About::Portal(b"")) => batch.bound = false,
            // What is used after it in the same batch is for the lead to sort out.
            (b'C', About::Statement(name))
                if !name.is_empty() && !batch.prepares(bytes, name) && !batch.front.prepares(bytes, name) =>
            {
                batch.closes = true
            }
            _ => return Err(NotThere),
        }
        Ok(())
    }

    /// A name in the message that begins here.
    fn scan_name(
        &self,
        bytes: &[u8],
        start: usize,
        name: &[u8],
        batch: &mut Batch,
    ) -> Result<Named, NotThere> {
        if batch.closes {
            return Err(NotThere);
        }
        if batch.prepares(bytes, name) {
            return Ok(Named::Read);
        }
        if batch.front.prepares(bytes, name) {
            self.may_be_front(batch)?;
            return Ok(Named::Front);
        }
        let known = if name.is_empty() {
            matches!(self.state.statements.unnamed.id, UnnamedId::Known(_))
                && self.state.statements.unnamed.script.is_some()
        } else {
            let prepared = self.state.statements.get(name).ok_or(NotThere)?;
            if self.is_front(prepared) {
                self.may_be_front(batch)?;
                return batch.front.names(prepared, &self.view).map(|()| Named::Front);
            }
            prepared.can_move() && prepared.runs_reads()
        };
        if !known {
            return Err(NotThere);
        }
        batch.reads_from(start)?;
        let at = offset_in(bytes, name);
        batch.needs.push(at..at + name.len());
        Ok(Named::Read)
    }

    /// Where the batch goes: to the reader when each of its statements would.
    fn place_batch(&mut self, cx: &mut Context<'_>, bytes: &[u8], batch: &Batch, out: &mut Actions) -> Where {
        let status = match batch.front.is_absent() {
            true => self.transaction(),
            false => TransactionStatus::InTransaction,
        };
        for parsed in &batch.parsed {
            let sql = bytes.get(parsed.message.clone()).and_then(peek::parse_head).map(|(_, sql)| sql);
            if let Text::One(statement) = &*parsed.script.text
                && let Some(elsewhere) =
                    self.keeps_from_reader(cx, status, statement, sql.unwrap_or_default(), out)
            {
                return elsewhere;
            }
        }
        for need in &batch.needs {
            let name = bytes.get(need.clone()).unwrap_or_default();
            let Some((script, message)) = self.known_script(name) else { return Where::Lead };
            let sql = peek::parse_head(&message).map(|(_, sql)| sql).unwrap_or_default();
            let Text::One(statement) = &*script.text else { return Where::Lead };
            let statement =
                if let Verb::Prepare { statement, .. } = &statement.verb { statement } else { statement };
            if let Some(elsewhere) = self.keeps_from_reader(cx, status, statement, sql, out) {
                return elsewhere;
            }
        }
        if self.lead.is_none() && !batch.front.is_absent() {
            return self.wait_for_lead(cx, out);
        }
        self.place_read(cx, out)
    }

    /// What a prepared statement runs, and the Parse that made it, where one did.
    fn known_script(&self, name: &[u8]) -> Option<(Script, Arc<[u8]>)> {
        if name.is_empty() {
            let unnamed = &self.state.statements.unnamed;
            return Some((unnamed.script.clone()?, Arc::clone(&unnamed.message)));
        }
        let prepared = self.state.statements.get(name)?;
        let message = match &prepared.source {
            Source::Parse(message) => Arc::clone(message),
            Source::Sql(_) | Source::Lost => Arc::default(),
        };
        Some((prepared.script.clone(), message))
    }

    fn keeps_from_reader(
        &mut self,
        cx: &mut Context<'_>,
        status: TransactionStatus,
        statement: &Statement,
        sql: &[u8],
        out: &mut Actions,
    ) -> Option<Where> {
        match self.decide_in(cx, status, statement, sql) {
            Decision::Reader(_) => None,
            Decision::Lead(_) => Some(Where::Lead),
            Decision::Ask(_) if self.facts == FactsOfUnit::Unknown => Some(Where::Lead),
            Decision::Ask(lookup) => Some(self.ask_facts(cx, lookup, out)),
        }
    }

    fn send_batch(
        &mut self,
        cx: &mut Context<'_>,
        start: usize,
        bytes: &[u8],
        before: &Framer,
        batch: &Batch,
        out: &mut Actions,
    ) -> Step {
        let messages = bytes.get(..batch.length).unwrap_or_default();
        self.unit.begin(messages, cx.common);
        for need in &batch.needs {
            self.unit.needs(messages.get(need.clone()).unwrap_or_default());
        }
        if self.provide_reader(Request::Sync, out) == Step::Hold {
            return Step::Hold;
        }
        // One that follows something else may be discarded: it is noted when it is answered.
        let first = batch.parsed.first().filter(|parsed| parsed.begins_unnamed());
        let unnamed = first.map(|parsed| {
            let message = messages.get(parsed.message.clone()).unwrap_or_default();
            self.state.statements.unnamed_begins(message, parsed.script.clone())
        });
        let portals_stay = self.transaction() != TransactionStatus::Idle;
        let Some(leg) = &mut self.reader else { return Step::Hold };
        if let Some(id) = unnamed {
            leg.unnamed = id;
        }
        request_all(leg, messages, before, &batch.parsed, portals_stay);
        let (backend, node) = (leg.backend(), leg.node());
        self.turn = Turn::Reader;
        self.tell_batch(cx, messages, before, out);
        for _ in 0..batch.runs {
            self.count(node, Count::Select, out);
        }
        out.forward_to_backend(backend, start..start + batch.length);
        Step::Taken
    }
}

impl Serving {
    /// Tells of the statements in a batch, which are about to be sent to the reader.
    fn tell_batch(&mut self, cx: &Context<'_>, messages: &[u8], before: &Framer, out: &mut Actions) {
        let (mut framer, mut input) = (before.clone(), messages);
        while cx.policy.tracing.wants_statements()
            && let Ok(Some(piece)) = framer.next(&mut input)
        {
            self.tell_sent(cx, Turn::Reader, &Part::kept(piece.raw), out);
        }
    }
}

impl Parsed {
    /// True when the batch begins with it, and it is the unnamed statement.
    fn begins_unnamed(&self) -> bool {
        self.name.is_empty() && self.message.start == 0
    }
}

impl Batch {
    /// True when it has a Parse of this name.
    fn prepares(&self, bytes: &[u8], name: &[u8]) -> bool {
        self.parsed.iter().any(|parsed| bytes.get(parsed.name.clone()) == Some(name))
    }

    /// True when it has a read.
    pub(super) fn reads(&self) -> bool {
        !self.parsed.is_empty() || !self.needs.is_empty()
    }

    /// A read begins at this offset: what is ahead of it has to be a front that has run, or nothing.
    fn reads_from(&self, start: usize) -> Result<(), NotThere> {
        let fits = self.reads() || self.front.is_absent() || self.front.ran_up_to(start);
        if fits { Ok(()) } else { Err(NotThere) }
    }

    fn clear(&mut self) {
        self.length = 0;
        self.front.clear();
        self.parsed.clear();
        self.needs.clear();
        self.bound = false;
        self.closes = false;
        self.runs = 0;
    }
}

/// Notes every request of whole messages that are sent to a leg.
fn request_all(leg: &mut Leg, messages: &[u8], framer: &Framer, parsed: &[Parsed], portals_stay: bool) {
    let (mut framer, mut input) = (framer.clone(), messages);
    let mut parsed = parsed.iter();
    while let Ok(Some(piece)) = framer.next(&mut input) {
        let raw = piece.raw;
        let (request, effect) = match piece.kind {
            b'P' => (Request::Parse, parsed.next().and_then(|parsed| parsing(messages, parsed))),
            b'B' => (Request::Bind, portals_stay.then_some(Effect::BoundUnnamed)),
            b'D' => match peek::about(raw) {
                About::Statement(_) => (Request::DescribeStatement, None),
                About::Portal(_) | About::Bind { .. } | About::Unknown => (Request::DescribePortal, None),
            },
            b'E' => (Request::Execute, None),
            b'C' => match peek::about(raw) {
                About::Statement(name) => (Request::Close, Some(Effect::Closed { name: name.into() })),
                About::Portal(_) => (Request::Close, portals_stay.then_some(Effect::ClosedUnnamed)),
                About::Bind { .. } | About::Unknown => (Request::Close, None),
            },
            b'S' => (Request::Sync, None),
            // A Flush is not answered.
            _ => continue,
        };
        leg.request_for(request, Owed::Client, effect);
    }
}

fn parsing(messages: &[u8], parsed: &Parsed) -> Option<Effect> {
    let name = messages.get(parsed.name.clone()).filter(|_| !parsed.begins_unnamed())?;
    let source = Source::Parse(messages.get(parsed.message.clone())?.into());
    Some(Effect::Parsed { name: name.into(), script: parsed.script.clone(), source })
}

/// Where a part of a message begins in it.
fn offset_in(message: &[u8], part: &[u8]) -> usize {
    (part.as_ptr() as usize).saturating_sub(message.as_ptr() as usize)
}
