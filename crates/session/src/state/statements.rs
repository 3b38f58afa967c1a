//! The prepared statements of a session, and which backends have them.
//!
//! A client prepares a statement once; the session prepares it again, unseen, on another backend that is to run it.

use core::num::NonZeroU64;
use std::collections::HashMap;
use std::sync::Arc;

use foldhash::quality::FixedState;
use pgherd_sql::{Statement, Text, Verb};
use pgherd_types::{BackendId, limits};
use pgherd_wire::frontend;

use crate::{
    effect::Script,
    peek,
    planted::{PlantedBug, planted},
    rarely::Rarely,
};

/// A prepared statement's number: another one of the same name has another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StatementId(NonZeroU64);

impl Default for StatementId {
    fn default() -> Self {
        StatementId(NonZeroU64::MIN)
    }
}

/// How a statement was prepared, and can be again.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// By this Parse message.
    Parse(Arc<[u8]>),
    /// By this SQL PREPARE.
    Sql(Arc<[u8]>),
    /// It is too long to be kept: it can only run where it is.
    Lost,
}

/// A prepared statement with a name.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// What it is; of a SQL PREPARE, the PREPARE.
    pub(crate) script: Script,
    pub(crate) source: Source,
    /// The backends that have it.
    at: Vec<BackendId>,
}

impl Prepared {
    /// The statement that runs when it is executed, where there is exactly one.
    pub(crate) fn statement(&self) -> Option<&Statement> {
        match (&*self.script.text, &self.source) {
            (Text::One(Statement { verb: Verb::Prepare { statement, .. }, .. }), Source::Sql(_)) => {
                Some(statement)
            }
            (Text::One(_), Source::Sql(_)) => None,
            (Text::One(statement), Source::Parse(_) | Source::Lost) => Some(statement),
            (Text::Empty | Text::Several(_) | Text::Unread, _) => None,
        }
    }

    /// True when it runs one statement that may be a read.
    pub(crate) fn runs_reads(&self) -> bool {
        self.statement().is_some_and(super::may_read)
    }

    pub(crate) fn is_at(&self, backend: BackendId) -> bool {
        self.at.contains(&backend)
    }

    /// Its text, where that was kept; of a SQL PREPARE, the PREPARE.
    pub(crate) fn sql(&self) -> Option<Arc<[u8]>> {
        match &self.source {
            Source::Parse(message) => peek::parse_head(message).map(|(_, sql)| sql.into()),
            Source::Sql(text) => Some((&**text).into()),
            Source::Lost => None,
        }
    }

    /// True when it can be prepared elsewhere.
    pub(crate) fn can_move(&self) -> bool {
        match self.source {
            Source::Parse(_) | Source::Sql(_) => true,
            Source::Lost => false,
        }
    }
}

/// The client's unnamed statement.
#[derive(Debug, Default)]
pub(crate) struct Unnamed {
    /// The number of what the client has; a backend with another has to be told `message` first.
    pub(crate) id: UnnamedId,
    /// What makes a backend's unnamed statement the client's: its Parse, or a Close when the client has none.
    pub(crate) message: Arc<[u8]>,
    pub(crate) script: Option<Script>,
    memory: Memory,
}

/// What is kept of an unnamed statement that is the lead's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Memory {
    /// There is none.
    #[default]
    Nothing,
    /// Its Parse is kept.
    Kept,
    /// It is not known whether there is one, or its Parse is too long to be kept.
    Lost,
}

/// Which unnamed statement it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum UnnamedId {
    /// Whatever the lead has.
    #[default]
    LeadsOwn,
    /// The one of this number.
    Known(StatementId),
}

impl Unnamed {
    /// What it is, where this Parse has made it.
    pub(crate) fn made_by(&self, parse: &[u8]) -> Option<(Script, Arc<[u8]>)> {
        let is_same = *self.message == *parse || planted(PlantedBug::MistakesParse);
        let script = self.script.as_ref().filter(|_| is_same)?;
        Some((script.clone(), Arc::clone(&self.message)))
    }

    /// Keeps what makes it. The same as before is not copied again.
    fn keep(&mut self, message: &[u8]) {
        if *self.message != *message {
            self.message = message.into();
        }
    }
}

/// All prepared statements of a session.
#[derive(Debug, Default)]
pub(crate) struct Statements {
    named: Rarely<Named>,
    pub(crate) unnamed: Unnamed,
    last_id: StatementId,
}

#[derive(Debug, Default)]
struct Named {
    all: HashMap<Box<[u8]>, Prepared, FixedState>,
    /// What their sources take.
    bytes: usize,
}

impl Statements {
    pub(crate) fn get(&self, name: &[u8]) -> Option<&Prepared> {
        self.named.get()?.all.get(name)
    }

    /// The names of all.
    pub(crate) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.named.get().into_iter().flat_map(|named| named.all.keys()).map(|name| &**name)
    }

    /// The lead has prepared an unnamed statement, by this Parse where that is kept.
    pub(crate) fn lead_parsed_unnamed(&mut self, source: Source, script: Script) {
        self.unnamed.id = UnnamedId::LeadsOwn;
        self.unnamed.script = Some(script);
        (self.unnamed.message, self.unnamed.memory) = match source {
            Source::Parse(message) => (message, Memory::Kept),
            Source::Sql(_) | Source::Lost => (Arc::default(), Memory::Lost),
        };
    }

    /// The lead has no unnamed statement any more, and neither has the client.
    pub(crate) fn lead_ends_unnamed(&mut self) {
        self.unnamed.id = UnnamedId::LeadsOwn;
        self.unnamed.script = None;
        self.unnamed.memory = Memory::Nothing;
    }

    /// The lead is sent what may end its unnamed statement, or may be discarded.
    pub(crate) fn lead_may_end_unnamed(&mut self) {
        self.unnamed.id = UnnamedId::LeadsOwn;
        self.unnamed.script = None;
        self.unnamed.memory = Memory::Lost;
    }

    /// The lead is gone: its own unnamed statement is to be prepared again on the next.
    pub(crate) fn lead_left(&mut self) {
        if self.unnamed.id == UnnamedId::LeadsOwn && self.unnamed.memory == Memory::Kept {
            self.new_unnamed();
        }
    }

    /// The client's unnamed statement has been ended by another backend than the lead.
    pub(crate) fn unnamed_ends(&mut self) -> UnnamedId {
        let message = self.unnamed.message.first();
        if self.unnamed.id != UnnamedId::LeadsOwn && message == Some(&frontend::kind::CLOSE) {
            // It has ended before: whoever has been told of that has nothing to hear of this.
            return self.unnamed.id;
        }
        let mut close = Vec::new();
        frontend::put_close(&mut close, frontend::Target::Statement(b""));
        self.unnamed.keep(&close);
        self.unnamed.script = None;
        self.new_unnamed()
    }

    /// The client's unnamed statement is made by this Parse, on another backend than the lead.
    pub(crate) fn unnamed_begins(&mut self, parse: &[u8], script: Script) -> UnnamedId {
        self.unnamed.keep(parse);
        self.unnamed.script = Some(script);
        self.new_unnamed()
    }

    fn new_unnamed(&mut self) -> UnnamedId {
        self.last_id.0 = self.last_id.0.saturating_add(1);
        self.unnamed.id = UnnamedId::Known(self.last_id);
        self.unnamed.id
    }

    /// The Parse that makes a statement on any backend, where one does.
    pub(crate) fn parse_of(&self, name: &[u8]) -> Option<Arc<[u8]>> {
        if name.is_empty() {
            let message = &self.unnamed.message;
            return (message.first() == Some(&b'P')).then(|| Arc::clone(message));
        }
        match &self.get(name)?.source {
            Source::Parse(message) => Some(Arc::clone(message)),
            Source::Sql(_) | Source::Lost => None,
        }
    }

    /// True when another statement can be noted.
    pub(crate) fn has_room(&self, source_bytes: usize) -> bool {
        let (count, bytes) = self.named.get().map_or((0, 0), |named| (named.all.len(), named.bytes));
        count < limits::PREPARED_STATEMENTS && bytes + source_bytes <= limits::PREPARED_BYTES
    }

    /// Notes a statement that a backend has prepared. What is too much to be kept stays where it is.
    pub(crate) fn prepared(&mut self, name: &[u8], script: Script, source: Source, backend: BackendId) {
        let named = self.named.make();
        if named.all.len() >= limits::PREPARED_STATEMENTS {
            // The lead knows it, and it runs there.
            return;
        }
        let size = source_bytes(&source);
        let fits = named.bytes + size <= limits::PREPARED_BYTES;
        let source = if fits { source } else { Source::Lost };
        named.bytes += source_bytes(&source);
        if let Some(old) = named.all.insert(name.into(), Prepared { script, source, at: vec![backend] }) {
            named.bytes -= source_bytes(&old.source);
        }
    }

    /// Notes that another backend has the statement too.
    pub(crate) fn also_at(&mut self, name: &[u8], backend: BackendId) {
        if let Some(prepared) = self.named.get_mut().and_then(|named| named.all.get_mut(name))
            && !prepared.is_at(backend)
        {
            prepared.at.push(backend);
        }
    }

    /// Forgets a statement that was closed. Answers which backends had it.
    pub(crate) fn closed(&mut self, name: &[u8]) -> Vec<BackendId> {
        let Some(named) = self.named.get_mut() else { return Vec::new() };
        let Some(old) = named.all.remove(name) else { return Vec::new() };
        named.bytes -= source_bytes(&old.source);
        old.at
    }

    /// Forgets all that have names.
    pub(crate) fn clear(&mut self) {
        self.named.forget();
    }

    /// A backend is not the session's any more.
    pub(crate) fn left(&mut self, backend: BackendId) {
        for prepared in self.named.get_mut().into_iter().flat_map(|named| named.all.values_mut()) {
            prepared.at.retain(|&at| at != backend);
        }
    }

    /// True when the client's unnamed statement can be prepared again.
    pub(crate) fn unnamed_can_move(&self) -> bool {
        self.unnamed.id != UnnamedId::LeadsOwn || self.unnamed.memory != Memory::Lost
    }

    /// True when all of them could be prepared on another backend than `backend`.
    pub(crate) fn can_leave(&self, backend: BackendId) -> bool {
        self.unnamed_can_move()
            && self.named.get().is_none_or(|named| {
                named.all.values().all(|prepared| prepared.can_move() || !prepared.is_at(backend))
            })
    }
}

fn source_bytes(source: &Source) -> usize {
    match source {
        Source::Parse(bytes) | Source::Sql(bytes) => bytes.len(),
        Source::Lost => 0,
    }
}
