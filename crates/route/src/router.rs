use std::sync::Arc;

use pgherd_sql::{
    Calls, Class, FingerprintKey, Function, Literals, Place, Remembered, Shape, Statement, TEXT_BYTES, Text,
    Verb, analyse_in_full, analyse_normal, classify_normal, normalise, normalise_noting,
};
use pgherd_types::Moment;

use crate::decision::Decision;
use crate::facts::{NameScope, ScopeId, SessionFacts};
use crate::memory::Memory;
use crate::relations::{BadAnswer, Fact, Lookup, Relations};
use crate::repeated::{Found, Repeated};
use crate::routing::Routing;
use crate::rules::Question;
use crate::templates::Templates;

/// Bytes that remembered statements may take, per event loop.
pub const STATEMENTS_BYTES: usize = 4 * 1024 * 1024;

/// Bytes that remembered classes may take, per event loop.
const CLASSES_BYTES: usize = 1024 * 1024;

/// Reads statements and decides where they go, remembering what it has seen. One per event loop; pure, without
/// IO.
///
/// A statement is remembered under the fingerprint of its normal text, which holds no value of any literal. That
/// no literal can turn what is remembered into something wrong follows from how it is made: it is computed from
/// the normal text and from nothing else, by [`analyse_normal`], which says of a text in which a literal matters
/// ([`Remembered::LookInFull`]) that it has to be looked at in full each time.
///
/// A decision is not remembered: it depends on the session and on what the catalog says, and costs little.
#[derive(Debug)]
pub struct Router {
    key: FingerprintKey,
    statements: Memory<Known>,
    classes: Memory<Class>,
    relations: Relations,
    now: Moment,
    templates: Templates,
    repeated: Repeated,
    /// The normal text of the statement at hand; kept for its memory.
    normal: Vec<u8>,
    empty: Arc<Text>,
    unread: Arc<Text>,
}

/// What is remembered of a normal text.
#[derive(Clone, Debug)]
enum Known {
    Text(Arc<Text>),
    LookInFull,
}

/// What is kept of a text that is remembered, besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keep {
    Nothing,
    Template,
}

impl Router {
    /// A router that knows nothing yet. `random` keeps clients from finding two statements with one
    /// fingerprint: 16 bytes that nobody outside the process can know. (The default uses zeros: for tests.)
    pub fn new(random: [u8; 16]) -> Self {
        let key = FingerprintKey::new(random);
        Router {
            key,
            statements: Memory::new(STATEMENTS_BYTES),
            classes: Memory::new(CLASSES_BYTES),
            relations: Relations::new(key),
            now: Moment::default(),
            templates: Templates::new(),
            repeated: Repeated::new(random),
            normal: Vec::new(),
            empty: Arc::new(Text::Empty),
            unread: Arc::new(Text::Unread),
        }
    }

    /// What `text` is: the text of a Query message, without its closing NUL, in the client's encoding. Allocates
    /// nothing when it is remembered.
    pub fn read(&mut self, text: &[u8]) -> Arc<Text> {
        if text.len() <= TEXT_BYTES
            && let Some(read) = self.templates.find(text)
        {
            return Arc::clone(read);
        }
        self.read_normal(text, Keep::Template)
    }

    /// The same of the text of a Parse message: these come again letter by letter.
    pub fn read_parsed(&mut self, text: &[u8]) -> Arc<Text> {
        let seat = match self.repeated.find(text) {
            Found::Known(known) => return known,
            Found::Seen(seat) => seat,
            Found::New => return self.read_normal(text, Keep::Nothing),
        };
        let read = self.read_normal(text, Keep::Nothing);
        self.repeated.keep(seat, text, &read);
        read
    }

    fn read_normal(&mut self, text: &[u8], keep: Keep) -> Arc<Text> {
        let mut literals = Literals::default();
        match normalise_noting(text, &mut self.normal, &mut literals) {
            Shape::Empty => return Arc::clone(&self.empty),
            Shape::Other => return Arc::clone(&self.unread),
            Shape::Candidate => {}
        }
        let key = self.key.fingerprint(&self.normal);
        let known = match self.statements.get(key) {
            Some(known) => {
                if let (Known::Text(read), Keep::Template) = (known, keep) {
                    // It has come before, so it may come again.
                    self.templates.keep(text, &literals, read);
                }
                known.clone()
            }
            None => {
                let (known, bytes) = match analyse_normal(&self.normal) {
                    Remembered::Text(text) => {
                        let bytes = size_of::<Text>() + text.heap_bytes();
                        (Known::Text(Arc::new(text)), bytes)
                    }
                    Remembered::LookInFull => (Known::LookInFull, 0),
                };
                self.statements.put(key, known.clone(), bytes);
                known
            }
        };
        match known {
            Known::Text(text) => text,
            Known::LookInFull => Arc::new(analyse_in_full(text)),
        }
    }

    /// Where a statement goes. `text` is the text that it stands in, for the rules that look at it.
    ///
    /// Allocates nothing, unless the answer is [`Decision::Ask`].
    pub fn decide(
        &mut self,
        statement: &Statement,
        text: &[u8],
        session: &SessionFacts<'_>,
        routing: &Routing,
    ) -> Decision {
        self.now = self.now.max(session.now);
        Question { statement, text, session, routing }.decide(&mut self.relations)
    }

    /// The short name of a scope, for [`NameScope::known`]: making it costs more than all the rules of a plain SELECT.
    pub fn scope(&self, names: &NameScope<'_>) -> ScopeId {
        self.relations.scope(&NameScope { known: None, ..*names })
    }

    /// True when it is known of a function that the statement calls that it may leave something behind in the session
    /// which the text does not tell of: a temporary object, a setting. The look-ups of [`Router::decide`] tell it, of
    /// all that SELECTs call.
    pub fn leaves_behind(&mut self, statement: &Statement, session: &SessionFacts<'_>) -> bool {
        let scope = self.relations.scope(&session.names);
        unknown_calls(statement).any(|call| match self.relations.function(scope, call, session.now) {
            Some(Fact::Function(facts)) => facts.leaves,
            Some(Fact::Absent | Fact::Relation(_)) | None => false,
        })
    }

    /// True unless it is known that a SELECT runs no function of a user's, and so leaves nothing behind in the server
    /// process that runs it. The look-ups of [`Router::decide`] tell it.
    pub fn may_leave(&mut self, statement: &Statement, session: &SessionFacts<'_>) -> bool {
        let calls = |call: &Function| !matches!(call.known, Calls::Alike | Calls::Own);
        let writes = statement.verb != Verb::Select || matches!(statement.place, Place::Writes(_));
        if writes || !statement.sets.is_empty() || statement.functions.iter().any(calls) {
            return true;
        }
        let scope = self.relations.scope(&session.names);
        statement.reads.iter().any(|read| match self.relations.relation(scope, read, session.now) {
            Some(Fact::Relation(facts)) => facts.leaves || facts.volatile || facts.primary,
            Some(Fact::Absent | Fact::Function(_)) | None => true,
        })
    }

    /// Takes the answer to a look-up: the DataRow messages, whole, one after the other.
    ///
    /// # Errors
    /// When nothing can be learnt from it: the statement that needed it is the lead's.
    pub fn learn(&mut self, lookup: Lookup, answer: &[u8], schema_epoch: u64) -> Result<(), BadAnswer> {
        self.relations.refresh(schema_epoch);
        self.relations.learn(&lookup, answer, self.now)
    }

    /// Tells the time, and how many times a DDL has passed anywhere in this process: what was learnt before the last
    /// one is forgotten.
    pub fn refresh(&mut self, epoch: u64, now: Moment) {
        self.now = now;
        self.relations.refresh(epoch);
    }

    /// What `text` is, in six classes.
    pub fn classify(&mut self, text: &[u8]) -> Class {
        match normalise(text, &mut self.normal) {
            Shape::Empty => Class::Empty,
            Shape::Other => Class::Other,
            Shape::Candidate => self.recall_class(),
        }
    }

    fn recall_class(&mut self) -> Class {
        let key = self.key.fingerprint(&self.normal);
        if let Some(class) = self.classes.get(key) {
            return *class;
        }
        let class = classify_normal(&self.normal);
        self.classes.put(key, class, 0);
        class
    }
}

/// The functions that a statement calls, or one that it explains or prepares, of which the text does not tell what they
/// do. Where there is none, [`Router::leaves_behind`] need not be asked.
pub fn unknown_calls(statement: &Statement) -> impl Iterator<Item = &Function> {
    let statement = statement.verb.inner().unwrap_or(statement);
    statement.functions.iter().filter(|call| call.known == Calls::Unknown)
}

impl Default for Router {
    fn default() -> Self {
        Router::new([0; 16])
    }
}

#[cfg(test)]
mod tests {
    use super::Router;
    use pgherd_sql::Class;

    #[test]
    fn the_second_time_is_like_the_first() {
        let mut router = Router::new([1; 16]);
        let table: [(&[u8], Class); 6] = [
            (b"SELECT abalance FROM pgbench_accounts WHERE aid = 1;", Class::Read),
            (b"SELECT nextval('s')", Class::Other),
            (b"SELECT 'pg_class'::regclass", Class::ReadPrimary),
            (b"BEGIN", Class::Transaction),
            (b" -- nothing", Class::Empty),
            (b"UPDATE t SET a = 1", Class::Other),
        ];
        for (text, class) in table.iter().chain(&table) {
            assert_eq!(router.classify(text), *class, "{}", text.escape_ascii());
        }
    }
}
