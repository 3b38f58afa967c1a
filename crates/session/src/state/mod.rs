//! What a session's statements have changed, as far as another backend has to know of it before it can answer the next
//! one, and as far as routing asks.
//!
//! It follows the lead, which has the last word on everything: what went well there counts, in the order in which it
//! went well. Nothing here sends or waits.

mod portals;
mod settings;
mod statements;
mod transaction;

use pgherd_route::{
    AfterWrite, Held, NameScope, Router, ScopeId, SessionFacts, Temporaries, TransactionFacts, WroteBefore,
};
use pgherd_sql::{
    Calls, Change, Characteristics, Discard, Isolation, Place, Relation, Scope, Statement, Text, Verb,
};
use pgherd_types::{BackendId, Identity, Moment};
use pgherd_wire::backend::TransactionStatus;

use crate::{
    effect::Script,
    planted::{PlantedBug, planted},
    rarely::Rarely,
};

use self::{portals::Portals, settings::Settings, statements::Statements, transaction::Transaction};
pub(crate) use self::{
    portals::{Bound, Kept, Made},
    settings::Version,
    statements::{Prepared, Source, UnnamedId},
};

/// The state of a session.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) settings: Settings,
    pub(crate) statements: Statements,
    pub(crate) portals: Portals,
    pub(crate) transaction: Transaction,
    /// What the client's next transactions begin with, as far as it has said so.
    defaults: Characteristics,
    temporaries: Temporaries,
    held: Option<Held>,
    wrote_before: WroteBefore,
    tied: Tied,
    names: Names,
    news: News,
}

/// Whether the lead has something that cannot be given to another backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Tied {
    #[default]
    No,
    Yes,
}

/// The settings that decide what names mean, in the words that set them.
#[derive(Debug, Default)]
struct Names {
    said: Rarely<Said>,
    /// Their short name, once it has been asked for.
    scope: Option<ScopeId>,
}

#[derive(Debug, Default)]
struct Said {
    search_path: Vec<u8>,
    role: Vec<u8>,
}

/// What others have to act upon.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// What may have been written and has been committed.
    pub(crate) written: Vec<Relation>,
    /// Catalogs may have changed.
    pub(crate) catalogs_changed: bool,
    /// A transaction block has ended, though another may have followed at once.
    pub(crate) block_ended: bool,
    /// Readers hold what the session has thrown away.
    pub(crate) readers_stale: bool,
}

impl State {
    /// What has happened since the last call.
    pub(crate) fn take_news(&mut self) -> News {
        core::mem::take(&mut self.news)
    }

    /// A text is sent to the lead, whatever comes of it.
    pub(crate) fn sending(&mut self, text: &Text) {
        for statement in text.statements() {
            self.temporaries.note(statement);
            if self.tied == Tied::No && self.ties(statement) {
                self.tied = Tied::Yes;
            }
        }
        if *text == Text::Unread {
            self.tied = Tied::Yes;
        }
    }

    /// Nobody knows what ran: it cannot be repeated anywhere, and may have changed anything.
    pub(crate) fn ran_unknown(&mut self) {
        self.tied = Tied::Yes;
        self.held = Some(Held::HiddenState);
        self.temporaries = Temporaries::Unknown;
        self.transaction.wrote = true;
        self.transaction.changed_catalogs = true;
    }

    /// A text went well on the lead, whose last ReadyForQuery told `status`.
    pub(crate) fn ran(
        &mut self,
        script: &Script,
        lead: BackendId,
        status: TransactionStatus,
        after_write: AfterWrite,
    ) {
        if *script.text == Text::Unread {
            return self.ran_unknown();
        }
        let statements = script.text.statements();
        let sets = statements.iter().any(|statement| !statement.sets.is_empty());
        // Which of the settings hold then depends on their places.
        let mixed = sets && statements.iter().any(|statement| ends_settings(&statement.verb));
        if sets && !mixed {
            self.note_settings(script);
        }
        for statement in script.text.statements() {
            if self.may_write(statement) {
                self.transaction.wrote = true;
                self.transaction.note_written(statement, after_write);
                if let Some(name) = statement.executes() {
                    self.note_executed(name, after_write);
                }
            }
            self.transaction.changed_catalogs |= matches!(statement.verb, Verb::Ddl | Verb::Do);
            self.note_verb(statement, script, lead, status);
        }
        if mixed {
            self.hide();
        }
    }

    /// A function that a statement calls may leave something behind that its text does not tell of.
    pub(crate) fn leaves_behind(&mut self) {
        self.temporaries = Temporaries::Unknown;
        self.hide();
    }

    /// Notes what a statement that SQL has prepared writes.
    fn note_executed(&mut self, name: &str, after_write: AfterWrite) {
        if let Some(inner) = self.statements.get(name.as_bytes()).and_then(Prepared::statement) {
            self.transaction.note_written(inner, after_write);
        }
    }

    /// A text failed that may have committed a part of what it did.
    pub(crate) fn failed(&mut self, text: &Text) {
        let controls = |statement: &Statement| outlives_failure(&statement.verb);
        match text {
            Text::Empty | Text::One(_) => {}
            Text::Several(statements) if !statements.iter().any(controls) => {}
            Text::Several(_) | Text::Unread => self.ran_unknown(),
        }
    }

    /// The lead is ready for the next query.
    pub(crate) fn ready(&mut self, status: TransactionStatus, went_well: bool) {
        if status == TransactionStatus::Idle {
            self.finish(went_well);
        }
    }

    fn note_verb(
        &mut self,
        statement: &Statement,
        script: &Script,
        lead: BackendId,
        status: TransactionStatus,
    ) {
        match &statement.verb {
            Verb::Begin(characteristics) => {
                self.transaction.explicit = true;
                self.transaction.characterise(characteristics);
            }
            Verb::Commit { .. } | Verb::PrepareTransaction => {
                // In a block that has failed it rolls back.
                self.end_block(status != TransactionStatus::Failed, &statement.verb);
            }
            Verb::Rollback { .. } => self.end_block(false, &statement.verb),
            Verb::Savepoint(name) => {
                self.transaction.journal.savepoint(name);
                self.portals.savepoint(name);
            }
            Verb::Release(name) => {
                self.transaction.journal.release(name);
                self.portals.release(name);
            }
            Verb::RollbackTo(name) => {
                self.portals.roll_back_to(name);
                self.transaction.journal.roll_back_to(name);
                self.rename();
            }
            // A Parse can prepare what PREPARE cannot.
            Verb::Execute(name) if self.executes_control(name) => self.ran_unknown(),
            Verb::Discard(Discard::All) => self.discard_all(),
            Verb::Discard(Discard::Temp) => self.temporaries = Temporaries::None,
            Verb::Prepare { name, .. } => {
                // A string of several statements would run the others again.
                let alone = matches!(*script.text, Text::One(_));
                let source = script.bytes.clone().filter(|_| alone).map_or(Source::Lost, Source::Sql);
                self.statements.prepared(name.as_bytes(), script.clone(), source, lead);
            }
            Verb::Deallocate(Some(name)) => {
                self.statements.closed(name.as_bytes());
                self.news.readers_stale = true;
            }
            Verb::Deallocate(None) => {
                self.statements.clear();
                self.news.readers_stale = true;
            }
            Verb::Listen => self.held = self.held.or(Some(Held::Listens)),
            Verb::Select
            | Verb::CopyOut
            | Verb::CopyIn
            | Verb::CopyServer
            | Verb::Explain { .. }
            | Verb::Show
            | Verb::Insert
            | Verb::Update
            | Verb::Delete
            | Verb::Merge
            | Verb::Ddl
            | Verb::FinishPrepared
            | Verb::Set
            | Verb::Discard(Discard::Plans | Discard::Sequences)
            | Verb::Execute(_)
            | Verb::Cursor
            | Verb::Lock { .. }
            | Verb::Unlisten
            | Verb::Notify
            | Verb::Call
            | Verb::Do
            | Verb::Other => {}
        }
    }

    /// True when a prepared statement does what is noted of statements that are sent as they are.
    fn executes_control(&self, name: &str) -> bool {
        let inner = self.statements.get(name.as_bytes()).and_then(Prepared::statement);
        let controls = |inner: &Statement| {
            !inner.sets.is_empty() || ends_settings(&inner.verb) || outlives_failure(&inner.verb)
        };
        inner.is_some_and(controls)
    }

    fn note_settings(&mut self, script: &Script) {
        let statements = script.text.statements();
        for setting in statements.iter().flat_map(|statement| statement.sets.iter()) {
            match &setting.change {
                Change::Transaction(more) => {
                    self.transaction.characterise(more);
                    // A reader that has begun cannot be told any more.
                    self.transaction.stays |= self.transaction.was_read_elsewhere;
                }
                Change::SessionCharacteristics(more) => self.transaction.defaults = Some(*more),
                Change::Snapshot => self.transaction.stays = true,
                Change::Value(_)
                | Change::Default(_)
                | Change::ResetAll
                | Change::Role
                | Change::SessionAuthorization
                | Change::Constraints
                | Change::Unknown => {}
            }
        }
        let bytes = script.bytes.as_deref().unwrap_or_default();
        if let Err(refused) = self.transaction.journal.note(statements, bytes) {
            match refused.scope {
                Scope::Session => self.hide(),
                Scope::Local => self.transaction.stays = true,
            }
        }
        if bytes.windows(PG_TEMP.len()).any(|window| window.eq_ignore_ascii_case(PG_TEMP)) {
            // The session's temporary schema is searched first, and a standby cannot make one.
            self.temporaries = Temporaries::Unknown;
        }
        self.rename();
    }

    /// The session has changed in a way that cannot be repeated.
    fn hide(&mut self) {
        self.tied = Tied::Yes;
        self.held = Some(Held::HiddenState);
    }

    fn end_block(&mut self, commits: bool, verb: &Verb) {
        let chained = matches!(verb, Verb::Commit { chain: true } | Verb::Rollback { chain: true });
        let characteristics = self.transaction.characteristics;
        self.finish(commits);
        self.news.block_ended = true;
        if chained {
            self.transaction.explicit = true;
            self.transaction.characteristics = characteristics;
        }
    }

    fn finish(&mut self, commits: bool) {
        self.portals.unnamed_ends();
        let mut ended = core::mem::take(&mut self.transaction);
        if ended.wrote {
            let before = if ended.explicit { WroteBefore::InTransaction } else { WroteBefore::Outside };
            self.wrote_before = self.wrote_before.max(before);
        }
        if commits {
            self.news.written.append(&mut ended.take_written());
            self.news.catalogs_changed |= ended.changed_catalogs;
            if let Some(defaults) = ended.defaults {
                self.defaults.isolation = defaults.isolation.or(self.defaults.isolation);
                self.defaults.access = defaults.access.or(self.defaults.access);
            }
        }
        if ended.journal.len() > 0 {
            let holds = commits || planted(PlantedBug::KeepsRolledBack);
            if holds && ended.journal.commit(&mut self.settings).is_err() {
                self.hide();
            }
            self.rename();
        }
    }

    fn discard_all(&mut self) {
        self.settings.forget();
        self.statements.clear();
        self.portals.clear();
        self.defaults = Characteristics::default();
        self.temporaries = Temporaries::None;
        self.held = None;
        self.tied = Tied::No;
        self.transaction.journal.clear();
        self.news.readers_stale = true;
        self.rename();
    }

    fn rename(&mut self) {
        let mut said = Said::default();
        self.settings.put_names(&mut said.search_path, &mut said.role);
        self.transaction.journal.put_names(&mut said.search_path, &mut said.role);
        self.names = Names::default();
        if !(said.search_path.is_empty() && said.role.is_empty()) {
            *self.names.said.make() = said;
        }
    }

    /// True when the statement may write, as far as the text and the prepared statements tell.
    pub(crate) fn may_write(&self, statement: &Statement) -> bool {
        match &statement.verb {
            Verb::Begin(_)
            | Verb::Commit { .. }
            | Verb::Rollback { .. }
            | Verb::Savepoint(_)
            | Verb::Release(_)
            | Verb::RollbackTo(_)
            | Verb::Set
            | Verb::Show
            | Verb::Discard(_)
            | Verb::Prepare { .. }
            | Verb::Deallocate(_)
            | Verb::Listen
            | Verb::Unlisten
            | Verb::Explain { analyse: false, .. } => false,
            Verb::Execute(name) => {
                let inner = self.statements.get(name.as_bytes()).and_then(Prepared::statement);
                // One that runs another is not looked through: it could run itself.
                let runs_another = |inner: &Statement| matches!(inner.verb, Verb::Execute(_));
                inner.is_none_or(|inner| runs_another(inner) || self.may_write(inner))
            }
            Verb::Select
            | Verb::CopyOut
            | Verb::CopyIn
            | Verb::CopyServer
            | Verb::Explain { .. }
            | Verb::Insert
            | Verb::Update
            | Verb::Delete
            | Verb::Merge
            | Verb::Ddl
            | Verb::PrepareTransaction
            | Verb::FinishPrepared
            | Verb::Cursor
            | Verb::Lock { .. }
            | Verb::Notify
            | Verb::Call
            | Verb::Do
            | Verb::Other => matches!(statement.place, Place::Writes(_)) || calls_unknown(statement),
        }
    }

    /// True when the statement may leave something on its backend that no other can be given.
    fn ties(&self, statement: &Statement) -> bool {
        let by_verb = matches!(statement.verb, Verb::Cursor | Verb::Listen | Verb::Lock { .. });
        by_verb
            || self.may_write(statement)
            || statement.place == Place::Primary(pgherd_sql::Why::PrimaryFunction)
    }

    /// True when the lead could be exchanged for another backend between two transactions.
    pub(crate) fn can_leave(&self, lead: BackendId) -> bool {
        self.tied == Tied::No && self.held.is_none() && self.statements.can_leave(lead)
    }

    /// What routing asks of the session. `status` is the lead's.
    pub(crate) fn facts<'a>(
        &'a self,
        identity: &'a Identity,
        status: TransactionStatus,
        utf8: bool,
        now: Moment,
    ) -> SessionFacts<'a> {
        let said = self.names.said.get();
        let some = |text: fn(&Said) -> &[u8]| said.map(text).filter(|text| !text.is_empty());
        let held = self.held.or(self.transaction.stays.then_some(Held::LocalSettings));
        SessionFacts {
            transaction: self.transaction_facts(status),
            wrote_before: self.wrote_before,
            written: self.transaction.written(),
            temporaries: &self.temporaries,
            held: held.filter(|_| !planted(PlantedBug::NeverPins)),
            names: NameScope {
                identity,
                search_path: some(|said| &said.search_path),
                role: some(|said| &said.role),
                utf8,
                known: self.names.scope,
            },
            now,
        }
    }

    /// Keeps the short name of what the session's names mean, which is needed for each statement.
    pub(crate) fn keep_scope(&mut self, identity: &Identity, router: &Router) {
        if self.names.scope.is_none() {
            let facts = self.facts(identity, TransactionStatus::Idle, true, Moment::default());
            self.names.scope = Some(router.scope(&facts.names));
        }
    }

    fn transaction_facts(&self, status: TransactionStatus) -> TransactionFacts {
        if status == TransactionStatus::Idle {
            return TransactionFacts::None;
        }
        TransactionFacts::Open {
            serializable: self.isolation() == Some(Isolation::Serializable),
            failed: status == TransactionStatus::Failed,
            wrote: self.transaction.wrote,
            ddl: self.transaction.changed_catalogs,
        }
    }

    /// The isolation level, where the client has said one.
    pub(crate) fn isolation(&self) -> Option<Isolation> {
        self.transaction.characteristics.isolation.or(self.defaults.isolation)
    }
}

const PG_TEMP: &[u8] = b"pg_temp";

/// True when a text of this kind has to be noted when it has run: it changes more than tables.
pub(crate) fn matters(text: &Text) -> bool {
    *text == Text::Unread || text.statements().iter().any(matters_alone)
}

/// The same of one statement.
pub(crate) fn matters_alone(statement: &Statement) -> bool {
    let reads = matches!(statement.verb, Verb::Select | Verb::CopyOut | Verb::Show | Verb::Explain { .. });
    !reads
        || matches!(statement.place, Place::Writes(_))
        || !statement.sets.is_empty()
        || calls_unknown(statement)
}

/// True for a statement that writes to tables or changes catalogs and does nothing else: a standby refuses it before it
/// does anything.
pub(crate) fn only_writes(statement: &Statement) -> bool {
    let writes =
        matches!(statement.verb, Verb::Insert | Verb::Update | Verb::Delete | Verb::Merge | Verb::Ddl);
    writes && statement.sets.is_empty() && !calls_unknown(statement)
}

/// True for the kinds of statements that another node than the lead may answer.
pub(crate) fn may_read(statement: &Statement) -> bool {
    matches!(statement.verb, Verb::Select | Verb::CopyOut | Verb::Show | Verb::Explain { .. })
}

/// True when it calls functions of which only the catalogs can tell what they do.
pub(crate) fn calls_unknown(statement: &Statement) -> bool {
    statement.functions.iter().any(|function| function.known == Calls::Unknown)
}

/// True for a statement that takes settings back, or makes those of SET LOCAL end.
fn ends_settings(verb: &Verb) -> bool {
    matches!(
        verb,
        Verb::Commit { .. }
            | Verb::Rollback { .. }
            | Verb::RollbackTo(_)
            | Verb::Savepoint(_)
            | Verb::Release(_)
            | Verb::PrepareTransaction
            | Verb::Discard(_)
    )
}

/// True when the statement may do what holds although a later one of its string fails.
fn outlives_failure(verb: &Verb) -> bool {
    matches!(
        verb,
        Verb::Begin(_)
            | Verb::Commit { .. }
            | Verb::Rollback { .. }
            | Verb::PrepareTransaction
            | Verb::Call
            | Verb::Do
            | Verb::Prepare { .. }
            | Verb::Deallocate(_)
            | Verb::Discard(_)
    )
}

#[cfg(test)]
mod tests {
    use pgherd_route::{AfterWrite, Router, Written};
    use pgherd_sql::Relation;
    use pgherd_types::{BackendId, Identity};
    use pgherd_wire::backend::TransactionStatus;

    use super::State;
    use crate::effect::Script;

    /// What is not noted, because nothing asked for it, is not taken for nothing.
    #[test]
    fn what_was_written_is_noted_where_it_is_asked_for() {
        let (mut router, mut state) = (Router::default(), State::default());
        let mut run = |state: &mut State, sql: &str, after_write| {
            let script = Script::new(router.read(sql.as_bytes()), sql.as_bytes());
            state.ran(&script, BackendId(1), TransactionStatus::InTransaction, after_write);
        };
        let t = [Relation::new(None, "t")];
        run(&mut state, "BEGIN", AfterWrite::Transaction);
        run(&mut state, "SELECT 1", AfterWrite::Transaction);
        assert_eq!(state.transaction.written(), Written::Known(&[]));
        run(&mut state, "UPDATE t SET i = 1", AfterWrite::Adaptive);
        assert_eq!(state.transaction.written(), Written::Known(&t));
        run(&mut state, "UPDATE u SET i = 1", AfterWrite::Transaction);
        run(&mut state, "UPDATE t SET i = 1", AfterWrite::Adaptive);
        assert_eq!(state.transaction.written(), Written::Something);
        run(&mut state, "COMMIT", AfterWrite::Adaptive);
        assert_eq!(state.transaction.written(), Written::Known(&[]));
    }

    /// The name of the scope that is kept is that of the scope as it is.
    #[test]
    fn what_changes_names_changes_their_scope() {
        let (identity, mut router) = (Identity::new("u", "d", []), Router::default());
        let mut state = State::default();
        let mut seen = Vec::new();
        for sql in
            ["SET work_mem = 1", "SET search_path = a", "SET ROLE r", "RESET search_path", "DISCARD ALL"]
        {
            state.ran(
                &Script::new(router.read(sql.as_bytes()), sql.as_bytes()),
                BackendId(1),
                TransactionStatus::Idle,
                AfterWrite::Transaction,
            );
            state.ready(TransactionStatus::Idle, true);
            state.keep_scope(&identity, &router);
            seen.push(state.names.scope);
        }
        let [plain, path, both, role, after] = seen.as_slice() else { panic!("{seen:?}") };
        assert!(plain != path && path != both && both != role && role != plain, "{seen:?}");
        assert_eq!(plain, after);
    }
}
