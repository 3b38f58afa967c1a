//! What a leg lacks before it can answer, and how it is told.
//!
//! All of it is sent ahead of the client's own messages, without waiting for the answers. Should it fail on a reader,
//! the unit behind it is not shown and goes to the lead; on the lead, the client sees what a server would have said.

use pgherd_sql::{Relation, Statement, Text, Verb};
use pgherd_wire::backend::TransactionStatus;
use pgherd_wire::frontend::{self, Target};

use super::{
    Serving, Tracking, Wait,
    client::{Part, Step},
    unit::Unit,
};
use crate::{
    Actions, Context,
    effect::Effect,
    ledger::{Owed, Request},
    leg::{Joined, Leaves, Leg},
    planted::{PlantedBug, planted},
    state::{self, Prepared, Source, State, UnnamedId},
};

impl Part<'_> {
    /// True when all of the message is here.
    pub(super) fn is_whole(&self) -> bool {
        let length = |raw: &[u8]| {
            raw.get(1..pgherd_wire::frame::HEADER_BYTES)
                .and_then(|bytes| bytes.try_into().ok())
                .map(u32::from_be_bytes)
                .is_some_and(|bytes| usize::try_from(bytes) == Ok(raw.len() - 1))
        };
        self.carried.is_empty() && length(self.raw)
    }
}

impl Serving {
    /// Tells the reader what it lacks for the unit at hand. When the unit could not be sent again, the answers are
    /// waited for.
    pub(super) fn provide_reader(&mut self, carrier: Request, out: &mut Actions) -> Step {
        let status = self.transaction();
        let Some(leg) = &mut self.reader else { return Step::Hold };
        close_stale(leg, out);
        bring_settings(leg, &self.state, out);
        if status == TransactionStatus::InTransaction && !planted(PlantedBug::ForgetsTransaction) {
            join(leg, &self.state, out);
            self.state.transaction.was_read_elsewhere = true;
        }
        let waits = !self.unit.is_retained();
        let prepared = bring_statements(leg, &self.state, self.unit.needed(), out);
        if prepared && (waits || carrier == Request::Query) {
            end_batch(leg, out);
        }
        if waits && leg.ledger.owes() {
            self.wait = Wait::Provided;
            return Step::Hold;
        }
        Step::Taken
    }

    /// Prepares on the lead what a unit needs that is sent there once more.
    pub(super) fn bring_needs(&mut self, unit: &Unit, out: &mut Actions) {
        if let Some(leg) = &mut self.lead {
            let parsed = bring_statements(leg, &self.state, unit.needed(), out);
            if parsed && unit.messages().first() == Some(&b'Q') {
                end_batch(leg, out);
            }
        }
    }

    /// Prepares on the lead what the statements of a text run, or name, that is sent in a message of this kind.
    pub(super) fn bring_for(&mut self, carrier: Request, text: &Text, out: &mut Actions) -> Step {
        if self.state.statements.names().next().is_none()
            && self.lead.as_ref().is_none_or(|leg| leg.stale.as_slice().is_empty())
        {
            return Step::Taken;
        }
        let mut names = Names::default();
        text.statements().iter().for_each(|statement| names.add_of(statement));
        // The source of a function may EXECUTE what has been prepared by SQL. In a transaction, one that cannot be
        // prepared any more would be the end of it.
        let outside = self.transaction() == TransactionStatus::Idle;
        if outside && text.statements().iter().any(state::calls_unknown) {
            names.add_prepared_by_sql(&self.state);
        }
        let closes_all = |statement: &Statement| matches!(statement.verb, Verb::Deallocate(None));
        let several_close_all =
            matches!(text, Text::Several(statements) if statements.iter().any(closes_all));
        let may_name_any = text.statements().iter().any(may_name_any);
        if *text == Text::Unread || several_close_all || may_name_any {
            // It may name any. Of several statements one may fail, and only the lead knows whether all are closed.
            return self.bring_all(carrier, out);
        }
        if names.is_empty() { Step::Taken } else { self.bring_with_needed(carrier, names, out) }
    }

    /// Prepares statements on the lead, and those that they execute in turn.
    fn bring_with_needed(&mut self, carrier: Request, mut names: Names, out: &mut Actions) -> Step {
        names.add_needed(&self.state);
        let names: Vec<&[u8]> = names.0.iter().map(|name| &**name).collect();
        self.bring_named(carrier, &names, out)
    }

    fn bring_all(&mut self, carrier: Request, out: &mut Actions) -> Step {
        let stale = self.lead.iter().flat_map(|leg| leg.stale.as_slice().iter().map(|name| &**name));
        let all: Vec<Box<[u8]>> = self.state.statements.names().chain(stale).map(Into::into).collect();
        let all: Vec<&[u8]> = all.iter().map(|name| &**name).collect();
        self.bring_named(carrier, &all, out)
    }

    /// Prepares statements on the lead that other backends have. Unknown ones are left to the server.
    pub(super) fn bring_named(&mut self, carrier: Request, names: &[&[u8]], out: &mut Actions) -> Step {
        let Some(leg) = &mut self.lead else { return Step::Taken };
        let backend = leg.backend();
        // What has a name elsewhere cannot be prepared in a transaction that has failed.
        let takes = matches!(carrier, Request::Parse | Request::Query)
            && leg.ledger.transaction() == TransactionStatus::Failed;
        let lacks = |name: &[u8]| {
            let elsewhere = self.state.statements.get(name);
            elsewhere.is_some_and(|prepared| !prepared.is_at(backend) && prepared.can_move())
                && !leg.is_brought(name)
                && !(takes && leg.is_stale(name))
        };
        let lacking: Vec<Box<[u8]>> =
            names.iter().filter(|name| lacks(name)).map(|name| (*name).into()).collect();
        let is_free = |name: &[u8]| self.state.statements.get(name).is_none();
        let stale = names.iter().any(|name| leg.is_stale(name) && (!takes || is_free(name)));
        if (lacking.is_empty() && !stale) || leg.ledger.is_deaf() {
            return Step::Taken;
        }
        if leg.ledger.owes() {
            // An error among the answers that are still out would discard it.
            out.make_to_backend(leg.backend(), frontend::put_flush);
            return Step::Hold;
        }
        for name in names {
            close_stale_one(leg, name, out);
        }
        if takes {
            lacking.iter().for_each(|name| take_name(leg, name, out));
            if carrier == Request::Query {
                end_batch(leg, out);
            }
            return Step::Taken;
        }
        if carrier != Request::Query {
            bring_statements(leg, &self.state, &lacking, out);
            return Step::Taken;
        }
        if stale {
            end_batch(leg, out);
        }
        // One that cannot be prepared any more, because its table is gone, does not keep the others away.
        for name in &lacking {
            if bring_statements(leg, &self.state, core::slice::from_ref(name), out) {
                end_batch(leg, out);
            }
        }
        Step::Taken
    }

    /// The same for one statement in the middle of messages of the session's own: nothing is waited for.
    pub(super) fn bring_statement_now(&mut self, name: &[u8], out: &mut Actions) -> Step {
        let Some(leg) = &mut self.lead else { return Step::Hold };
        if !name.is_empty() {
            bring_statements(leg, &self.state, &[name.into()], out);
        }
        Step::Taken
    }

    /// Makes sure that the lead has the statement that a message is about; `None` when that cannot be seen.
    pub(super) fn bring_statement(
        &mut self,
        cx: &mut Context<'_>,
        name: Option<&[u8]>,
        out: &mut Actions,
    ) -> Step {
        if self.lead.is_none() {
            return self.ask_for_lead(cx, out);
        }
        if self.tracking == Tracking::Off {
            return Step::Taken;
        }
        match name {
            Some(b"") => self.bring_unnamed(out),
            Some(name) if self.needs_others(name) => {
                self.bring_with_needed(Request::Bind, Names(vec![name.into()]), out)
            }
            Some(name) => self.bring_named(Request::Bind, &[name], out),
            None if self.bring_all(Request::Bind, out) == Step::Hold => Step::Hold,
            None => self.bring_unnamed(out),
        }
    }

    /// True for a prepared statement that names others.
    fn needs_others(&self, name: &[u8]) -> bool {
        let statement = self.state.statements.get(name).and_then(Prepared::statement);
        statement.is_some_and(|statement| named_in(statement).next().is_some())
    }

    /// The client's unnamed statement lives on the reader, or was ended by a query there, and is now wanted
    /// on the lead.
    fn bring_unnamed(&mut self, out: &mut Actions) -> Step {
        let Some(leg) = &mut self.lead else { return Step::Taken };
        if !self.asked.is_empty() && !leg.ledger.is_deaf() {
            // A query of the session's own ends the lead's unnamed statement.
            out.make_to_backend(leg.backend(), frontend::put_flush);
            return Step::Hold;
        }
        let wanted = self.state.statements.unnamed.id;
        let has =
            leg.unnamed == wanted || wanted == UnnamedId::LeadsOwn || planted(PlantedBug::ForgetsUnnamed);
        // A Parse of one that is under way makes it, or has all up to the Sync discarded.
        if has || leg.parses_unnamed() || leg.ledger.is_deaf() {
            return Step::Taken;
        }
        if leg.ledger.owes() {
            out.make_to_backend(leg.backend(), frontend::put_flush);
            return Step::Hold;
        }
        bring_unnamed_to(leg, &self.state, out);
        Step::Taken
    }

    /// A message to the lead is going to replace or end its unnamed statement, and then it is the client's
    /// again. What decides whether the server takes the message at all has to be known first.
    pub(super) fn unnamed_ends(&mut self, out: &mut Actions) -> Step {
        let Some(leg) = &mut self.lead else { return Step::Taken };
        if self.tracking == Tracking::Off || leg.ledger.is_deaf() {
            return Step::Taken;
        }
        let wanted = self.state.statements.unnamed.id;
        if wanted != UnnamedId::LeadsOwn && wanted != leg.unnamed && leg.ledger.owes_client_reply() {
            out.make_to_backend(leg.backend(), frontend::put_flush);
            return Step::Hold;
        }
        leg.unnamed = UnnamedId::LeadsOwn;
        if leg.ledger.is_settled() {
            self.state.statements.lead_ends_unnamed();
        } else {
            self.state.statements.lead_may_end_unnamed();
        }
        Step::Taken
    }
}

/// Names of prepared statements, each once.
#[derive(Debug, Default)]
struct Names(Vec<Box<[u8]>>);

/// Prepared statements that one may need: far more than execute one another anywhere.
const NEEDED: usize = 64;

impl Names {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds those in the text of a statement.
    fn add_of(&mut self, statement: &Statement) {
        named_in(statement).for_each(|name| self.add(name.as_bytes()));
    }

    fn add(&mut self, name: &[u8]) {
        if !self.0.iter().any(|known| **known == *name) {
            self.0.push(name.into());
        }
    }

    fn add_prepared_by_sql(&mut self, state: &State) {
        for name in state.statements.names() {
            let prepared = state.statements.get(name);
            if prepared.is_some_and(|prepared| matches!(prepared.source, Source::Sql(_))) {
                self.add(name);
            }
        }
    }

    /// Adds those in the texts of the statements that they are of, and so on.
    fn add_needed(&mut self, state: &State) {
        let mut at = 0;
        while let Some(name) = self.0.get(at).filter(|_| at < NEEDED) {
            if let Some(statement) = state.statements.get(name).and_then(Prepared::statement) {
                self.add_of(statement);
            }
            at += 1;
        }
    }
}

/// The prepared statements that the text of a statement names.
fn named_in(statement: &Statement) -> impl Iterator<Item = &str> {
    let own = if let Verb::Deallocate(Some(name)) | Verb::Prepare { name, .. } = &statement.verb {
        Some(&**name)
    } else {
        None
    };
    own.into_iter().chain(statement.executes())
}

/// True for a statement that may run any of the session's prepared statements, or list them, without naming them.
fn may_name_any(statement: &Statement) -> bool {
    let lists = |relation: &Relation| &*relation.name == "pg_prepared_statements";
    matches!(statement.verb, Verb::Do | Verb::Call) || statement.reads.iter().any(lists)
}

/// Closes what the client has closed elsewhere.
fn close_stale(leg: &mut Leg, out: &mut Actions) {
    let stale = leg.stale.take();
    if stale.is_empty() {
        return;
    }
    for name in stale {
        leg.request(Request::Close, Owed::Nobody, false);
        out.make_to_backend(leg.backend(), |to| frontend::put_close(to, Target::Statement(&name)));
    }
    end_batch(leg, out);
}

/// Ends the batch of what was told, so that a failure of it does not have more discarded.
fn end_batch(leg: &mut Leg, out: &mut Actions) {
    leg.request(Request::Sync, Owed::Nobody, false);
    out.make_to_backend(leg.backend(), frontend::put_sync);
}

/// Closes one statement, within whatever batch there is.
fn close_stale_one(leg: &mut Leg, name: &[u8], out: &mut Actions) {
    let Some(stale) = leg.stale.get_mut() else { return };
    let before = stale.len();
    stale.retain(|stale| **stale != *name);
    if stale.len() < before {
        leg.request(Request::Close, Owed::Nobody, false);
        out.make_to_backend(leg.backend(), |to| frontend::put_close(to, Target::Statement(name)));
    }
}

/// Makes sure that a name is taken on a leg whose transaction has failed. Nothing else can be prepared there than what
/// holds no statement; it is closed before the name is used.
fn take_name(leg: &mut Leg, name: &[u8], out: &mut Actions) {
    leg.request(Request::Parse, Owed::Nobody, false);
    out.make_to_backend(leg.backend(), |to| frontend::put_parse(to, name, b"", [].into_iter()));
    leg.stale.make().push(name.into());
}

fn bring_settings(leg: &mut Leg, state: &State, out: &mut Actions) {
    if leg.settings == state.settings.version() || planted(PlantedBug::ForgetsSettings) {
        return;
    }
    let mut text = Vec::new();
    state.settings.since(leg.settings, &mut text);
    leg.settings = state.settings.version();
    if !text.is_empty() {
        leg.ask(Owed::Nobody, &text, Leaves::Something, out);
    }
}

/// Brings a reader to where the client's transaction is.
fn join(leg: &mut Leg, state: &State, out: &mut Actions) {
    let journal = &state.transaction.journal;
    let told = match leg.joined {
        Joined::With { told, rewinds } if rewinds == journal.rewinds() => told,
        Joined::With { .. } => {
            leg.ask(Owed::Nobody, b"ROLLBACK", Leaves::Something, out);
            begin(leg, state, out)
        }
        Joined::No => begin(leg, state, out),
    };
    if told < journal.len() {
        let mut text = Vec::new();
        journal.since(told, &mut text);
        leg.ask(Owed::Nobody, &text, Leaves::Something, out);
    }
    leg.joined = Joined::With { told: journal.len(), rewinds: journal.rewinds() };
}

fn begin(leg: &mut Leg, state: &State, out: &mut Actions) -> usize {
    let mut text = Vec::new();
    state.transaction.put_begin(&mut text);
    leg.ask(Owed::Nobody, &text, Leaves::Something, out);
    0
}

/// Prepares on a leg what it lacks of these statements; the empty name is the unnamed one. True when messages of the
/// extended protocol were sent, which a Sync has to follow.
fn bring_statements(leg: &mut Leg, state: &State, names: &[Box<[u8]>], out: &mut Actions) -> bool {
    let mut brings = false;
    for name in names {
        let Some(prepared) = state.statements.get(name) else { continue };
        if prepared.is_at(leg.backend()) || leg.is_brought(name) || planted(PlantedBug::ForgetsNamed) {
            continue;
        }
        let brought = Effect::Brought { name: name.clone() };
        match &prepared.source {
            Source::Parse(message) => {
                leg.request_for(Request::Parse, Owed::Nobody, Some(brought));
                out.make_to_backend(leg.backend(), |to| to.extend_from_slice(message));
            }
            // As a simple query it would end the batch that is open.
            Source::Sql(text) => leg.run_beside(Owed::Nobody, text, Some(brought), out),
            Source::Lost => continue,
        }
        brings = true;
    }
    if names.iter().any(|name| name.is_empty()) {
        brings |= leg.unnamed != state.statements.unnamed.id;
        bring_unnamed_to(leg, state, out);
    }
    brings
}

fn bring_unnamed_to(leg: &mut Leg, state: &State, out: &mut Actions) {
    let unnamed = &state.statements.unnamed;
    if leg.unnamed == unnamed.id || unnamed.message.is_empty() {
        return;
    }
    leg.unnamed = unnamed.id;
    let request = if unnamed.message.first() == Some(&b'P') { Request::Parse } else { Request::Close };
    leg.request(request, Owed::Nobody, false);
    out.make_to_backend(leg.backend(), |to| to.extend_from_slice(&unnamed.message));
}
