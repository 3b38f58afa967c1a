//! The front of a batch: the transaction that it begins ahead of its reads, as drivers send it whose transactions begin
//! with the first statement.
//!
//! The front goes to the lead, with a Sync of the session's own behind it, whose ReadyForQuery the client does not see.
//! Then the lead has the transaction open and owes nothing, and the reads are a batch of their own that any node may
//! answer. Should the front fail, the session passes over the rest up to the client's Sync, as a server process does.

use core::ops::Range;

use pgherd_sql::{Change, Isolation, Setting, Statement, Text, Verb};
use pgherd_types::Parameters;
use pgherd_wire::{Framer, backend::TransactionStatus, frontend};

use super::{
    Serving, Wait,
    batch::{Batch, NotThere},
    client::{CopiesIn, Hears, Here, Part, Step},
    place::Where,
    questions::Question,
};
use crate::{
    Actions, Context,
    ledger::{Ended, Owed, Request},
    planted::{PlantedBug, planted},
    state::Prepared,
};

/// What a batch begins with, as far as it has been looked at.
#[derive(Debug, Default)]
pub(super) struct Front {
    progress: Progress,
    /// Where the names are that it prepares.
    parsed: Vec<Range<usize>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Progress {
    /// There is none: the batch begins with a read.
    #[default]
    Absent,
    /// A statement is prepared, or named, and not bound.
    Named,
    Bound,
    /// All of it has run, up to this offset.
    Ran(usize),
}

impl Front {
    pub(super) fn is_absent(&self) -> bool {
        self.progress == Progress::Absent
    }

    pub(super) fn is_bound(&self) -> bool {
        self.progress == Progress::Bound
    }

    /// True when all that is before this offset is a front that has run.
    pub(super) fn ran_up_to(&self, offset: usize) -> bool {
        self.progress == Progress::Ran(offset)
    }

    /// Where it ends.
    pub(super) fn end(&self) -> usize {
        match self.progress {
            Progress::Ran(end) => end,
            Progress::Absent | Progress::Named | Progress::Bound => 0,
        }
    }

    /// True when it has a Parse of this name.
    pub(super) fn prepares(&self, bytes: &[u8], name: &[u8]) -> bool {
        self.parsed.iter().any(|parsed| bytes.get(parsed.clone()) == Some(name))
    }

    /// A Parse of a statement that is no read.
    pub(super) fn parses(
        &mut self,
        statement: &Statement,
        name: Range<usize>,
        told: &Parameters,
    ) -> Result<(), NotThere> {
        self.takes(statement, told)?;
        self.parsed.push(name);
        Ok(())
    }

    /// A statement that was prepared before is named.
    pub(super) fn names(&mut self, prepared: &Prepared, told: &Parameters) -> Result<(), NotThere> {
        self.takes(prepared.statement().ok_or(NotThere)?, told)
    }

    fn takes(&mut self, statement: &Statement, told: &Parameters) -> Result<(), NotThere> {
        let follows = match self.progress {
            Progress::Absent => matches!(statement.verb, Verb::Begin(_)),
            Progress::Named | Progress::Ran(_) => {
                matches!(statement.verb, Verb::Begin(_) | Verb::Savepoint(_))
                    || sets_in_silence(statement, told)
            }
            Progress::Bound => false,
        };
        if !follows || serialises(statement) {
            return Err(NotThere);
        }
        self.progress = Progress::Named;
        Ok(())
    }

    pub(super) fn binds(&mut self) -> Result<(), NotThere> {
        match self.progress {
            Progress::Named | Progress::Bound => {
                self.progress = Progress::Bound;
                Ok(())
            }
            Progress::Absent | Progress::Ran(_) => Err(NotThere),
        }
    }

    /// An Execute that ends at this offset.
    pub(super) fn runs(&mut self, end: usize) {
        self.progress = Progress::Ran(end);
    }

    /// A Flush lies here: of the front it is a part, which has no effect.
    pub(super) fn flushes(&mut self, message: Range<usize>) {
        if self.progress == Progress::Ran(message.start) {
            self.progress = Progress::Ran(message.end);
        }
    }

    pub(super) fn clear(&mut self) {
        self.progress = Progress::Absent;
        self.parsed.clear();
    }
}

/// True for a SET of what the client is not told of: a ParameterStatus comes with the ReadyForQuery of a batch, which
/// is not the one behind the front.
fn sets_in_silence(statement: &Statement, told: &Parameters) -> bool {
    let is_told = |name: &str| told.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
    let silent = |setting: &Setting| match &setting.change {
        Change::Value(name) | Change::Default(name) => !is_told(name),
        Change::Transaction(_) => true,
        Change::ResetAll
        | Change::Role
        | Change::SessionAuthorization
        | Change::SessionCharacteristics(_)
        | Change::Constraints
        | Change::Snapshot
        | Change::Unknown => false,
    };
    statement.verb == Verb::Set && statement.sets.iter().all(silent)
}

/// True when the reads of the transaction stay on the lead because of this statement.
fn serialises(statement: &Statement) -> bool {
    let serializable = Some(Isolation::Serializable);
    let begins = matches!(&statement.verb, Verb::Begin(of) if of.isolation == serializable);
    let sets = |change: &Change| matches!(change, Change::Transaction(of) if of.isolation == serializable);
    begins || statement.sets.iter().any(|setting| sets(&setting.change))
}

impl Serving {
    /// A front goes ahead of the reads of a batch, where no transaction is open.
    pub(super) fn may_be_front(&self, batch: &Batch) -> Result<(), NotThere> {
        let idle = self.transaction() == TransactionStatus::Idle;
        if idle && !batch.reads() { Ok(()) } else { Err(NotThere) }
    }

    /// True when a statement that was prepared before may be one of a front: it begins a transaction, and the lead
    /// has it.
    pub(super) fn is_front(&self, prepared: &Prepared) -> bool {
        let begins = matches!(&*prepared.script.text, Text::One(Statement { verb: Verb::Begin(_), .. }));
        begins && self.lead.as_ref().is_some_and(|leg| prepared.is_at(leg.backend()))
    }

    /// Sends the front of the batch at hand to the lead, and a Sync behind it. The client's input waits for its answer.
    /// The offset says where the front ends.
    pub(super) fn send_front(
        &mut self,
        cx: &mut Context<'_>,
        here: &Here<'_>,
        before: &Framer,
        length: usize,
        out: &mut Actions,
    ) -> (Step, usize) {
        let messages = here.bytes.get(here.start..here.start + length).unwrap_or_default();
        let (mut framer, mut input) = (before.clone(), messages);
        // Nothing of it is a COPY.
        let copies_in = core::mem::replace(&mut self.client.copies_in, CopiesIn::Never);
        let mut sent = here.start;
        while let Ok(Some(piece)) = framer.next(&mut input) {
            let end = here.start + length - input.len();
            let range = end - piece.raw.len()..end;
            let part = Part { carried: &[], raw: piece.raw, range: Some(range) };
            let step =
                if piece.kind == b'H' { Step::Taken } else { self.message(cx, piece.kind, &part, out) };
            match step {
                Step::Taken => sent = end,
                Step::Hold => break,
                Step::Over => return (Step::Over, sent),
            }
        }
        self.client.copies_in = copies_in;
        self.stop_waiting_for_replay(out);
        if sent < here.start + length {
            // A message that has to wait after all goes to the lead like any other, and what is behind it as well.
            self.placed(Where::Lead, out);
            return (if sent == here.start { Step::Hold } else { Step::Taken }, sent);
        }
        if let Some(leg) = &mut self.lead {
            leg.request(Request::Sync, Owed::Session, false);
            out.make_to_backend(leg.backend(), frontend::put_sync);
            self.asked.push(Question::Front);
            self.wait = Wait::Answer;
        }
        (Step::Taken, sent)
    }

    /// True while a transaction is being begun that the lead has not told of yet.
    pub(super) fn begins_transaction(&self) -> bool {
        self.asked.begins_transaction()
    }

    /// The lead has answered the Sync behind a front.
    pub(super) fn front_ended(&mut self, ended: Ended, out: &mut Actions) {
        let status = self.transaction();
        self.state.ready(status, ended == Ended::Well);
        if ended != Ended::Well && !planted(PlantedBug::GoesOnBehindFront) {
            self.placed(Where::Lead, out);
            self.client.hears = Hears::FromSync;
        }
    }
}
