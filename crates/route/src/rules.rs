//! The rules of routing, in the order in which they are asked.

use pgherd_sql::{Calls, Function, Head, Place, Relation, Statement, Verb, Why};
use regex::bytes::Regex;

use crate::decision::{Decision, Name, Rule};
use crate::facts::{ScopeId, SessionFacts, TransactionFacts, Written, WroteBefore};
use crate::relations::{Asked, Fact, LOOKUP_NAMES, RelationFacts, Relations};
use crate::routing::{AfterWrite, Consistency, FunctionRule, Object, Routing};

/// A statement that is to be routed, and what decides.
pub(crate) struct Question<'a> {
    pub(crate) statement: &'a Statement,
    /// The text that it stands in.
    pub(crate) text: &'a [u8],
    pub(crate) session: &'a SessionFacts<'a>,
    pub(crate) routing: &'a Routing,
}

impl<'a> Question<'a> {
    /// The answer, by what is known of the catalogs.
    pub(crate) fn decide(&self, relations: &mut Relations) -> Decision {
        let Some(read) = balanced(self.statement) else {
            return Decision::Lead(Rule::Statement(why(self.statement)));
        };
        match self.before_catalog(read) {
            Some(rule) => self.on_the_lead(rule, read, relations),
            None => self.by_catalog(read, relations),
        }
    }

    /// The lead's, once it is known what the functions that are called may leave behind there. That is not asked where
    /// nothing depends on it any more, or where the answer would hold for this transaction alone.
    fn on_the_lead(&self, rule: Rule, read: &Statement, relations: &mut Relations) -> Decision {
        let is_settled = matches!(
            rule,
            Rule::Mode
                | Rule::BalancingOff
                | Rule::Held(_)
                | Rule::Failed
                | Rule::CatalogChanged
                | Rule::Temporary
        );
        let unknown = |function: &&Function| function.known == Calls::Unknown;
        if is_settled || !read.functions.iter().any(|function| unknown(&function)) {
            return Decision::Lead(rule);
        }
        relations.limit(self.routing.relations);
        let scope = relations.scope(&self.session.names);
        let mut missing = Missing { utf8: self.session.names.utf8, names: Vec::new() };
        for (at, function) in read.functions.iter().enumerate().filter(|(_, function)| unknown(function)) {
            if relations.function(scope, function, self.session.now).is_none()
                && missing.add(Asked::function(function), Name::Called(place(at))).is_some()
            {
                return Decision::Lead(rule);
            }
        }
        match missing.names.is_empty() {
            true => Decision::Lead(rule),
            false => Decision::Ask(relations.lookup(scope, &missing.names)),
        }
    }

    /// What speaks against the reader, as far as no catalog is needed to tell.
    fn before_catalog(&self, read: &'a Statement) -> Option<Rule> {
        self.by_settings()
            .or_else(|| self.session.held.map(Rule::Held))
            .or_else(|| by_place(read))
            .or_else(|| self.by_transaction())
            .or_else(|| self.by_head())
            .or_else(|| self.by_temporaries(read))
            .or_else(|| self.by_pattern())
            .or_else(|| self.by_function_lists(read))
            .or_else(|| self.by_what_was_written(read))
    }

    fn by_settings(&self) -> Option<Rule> {
        if !self.routing.mode.has_primary() {
            return Some(Rule::Mode);
        }
        (!self.routing.load_balance).then_some(Rule::BalancingOff)
    }

    fn by_transaction(&self) -> Option<Rule> {
        let (after, before) = (self.routing.after_write, self.session.wrote_before);
        if after == AfterWrite::Always && before != WroteBefore::Never {
            return Some(Rule::WroteAlways);
        }
        let TransactionFacts::Open { serializable, failed, wrote, ddl } = self.session.transaction else {
            return None;
        };
        let stays_after_write = match after {
            AfterWrite::Transaction | AfterWrite::TransTransaction | AfterWrite::Always => true,
            AfterWrite::Off | AfterWrite::Adaptive | AfterWrite::AdaptiveGlobal => false,
        };
        if failed {
            Some(Rule::Failed)
        } else if serializable {
            Some(Rule::Serializable)
        } else if ddl {
            Some(Rule::CatalogChanged)
        } else if wrote && stays_after_write {
            Some(Rule::Wrote)
        } else if wrote && self.routing.consistency != Consistency::Eventual {
            Some(Rule::WroteUnseen)
        } else if after == AfterWrite::TransTransaction && before == WroteBefore::InTransaction {
            Some(Rule::WroteEarlier)
        } else {
            None
        }
    }

    /// What the text begins with. It counts only where the statement itself is a SELECT or its like.
    fn by_head(&self) -> Option<Rule> {
        let head = Head::of(self.text);
        let is_select = matches!(self.statement.verb, Verb::Select);
        let (comments, blanks) = (self.routing.allow_sql_comments, self.routing.ignore_leading_white_space);
        match head {
            Head::NoBalance if !comments => Some(Rule::NoBalance),
            Head::Blank if is_select && !comments && !blanks => Some(Rule::LeadingBlank),
            Head::Other if is_select && !comments => Some(Rule::Head),
            // Behind comments nobody looks for what one of them says, in Pgpool-II neither.
            Head::Plain | Head::Blank | Head::Other | Head::NoBalance => None,
        }
    }

    fn by_temporaries(&self, read: &Statement) -> Option<Rule> {
        let may_touch = self.session.temporaries.are_read_by(read) || self.temporary_path_leads(read);
        may_touch.then_some(Rule::Temporary)
    }

    /// With `pg_temp` in the search path, what the session makes may be temporary without a word of it, and asking
    /// for the current schema may make one, which a standby refuses.
    fn temporary_path_leads(&self, read: &Statement) -> bool {
        let path = self.session.names.search_path.unwrap_or_default();
        let names_it = path.windows(PG_TEMP.len()).any(|word| word.eq_ignore_ascii_case(PG_TEMP));
        let touches = || {
            !read.reads.is_empty()
                || !read.types.is_empty()
                || read.functions.iter().any(|function| function.known != Calls::Alike)
        };
        names_it && touches()
    }

    fn by_pattern(&self) -> Option<Rule> {
        let at = self.routing.primary_patterns.iter().position(|pattern| pattern.is_match(self.text))?;
        Some(Rule::Pattern(place(at)))
    }

    fn by_function_lists(&self, read: &Statement) -> Option<Rule> {
        let find = |wanted: &dyn Fn(&Function) -> bool| read.functions.iter().position(wanted).map(place);
        match &self.routing.functions {
            FunctionRule::Catalog => None,
            FunctionRule::ReadOnly(list) => {
                find(&|function| !is_listed(list, function)).map(|at| Rule::NotReadOnly(Name::Called(at)))
            }
            FunctionRule::Write(list) => {
                find(&|function| is_listed(list, function)).map(|at| Rule::Writing(Name::Called(at)))
            }
        }
    }

    fn by_what_was_written(&self, read: &Statement) -> Option<Rule> {
        let (session, tracking) = (self.session, &self.routing.tracking);
        match self.routing.after_write {
            AfterWrite::Off | AfterWrite::Transaction | AfterWrite::TransTransaction | AfterWrite::Always => {
                None
            }
            AfterWrite::Adaptive => self.written_here(read),
            AfterWrite::AdaptiveGlobal if session.now < tracking.cold_start_ends() => Some(Rule::ColdStart),
            AfterWrite::AdaptiveGlobal => self.written_here(read).or_else(|| {
                let database = session.names.identity.database();
                let marked =
                    |relation: &Relation| tracking.mutations.is_marked(database, &relation.name, session.now);
                read.reads.iter().position(marked).map(|at| Rule::WrittenLately(Name::Read(place(at))))
            }),
        }
    }

    /// Names are compared without their schemas, as in Pgpool-II.
    fn written_here(&self, read: &Statement) -> Option<Rule> {
        let written = match self.session.written {
            Written::Known([]) => return None,
            Written::Known(written) => written,
            Written::Something => return Some(Rule::Wrote),
        };
        for (at, Relation { name, .. }) in read.reads.iter().enumerate() {
            let found = Name::Read(place(at));
            if written.iter().any(|written| written.name == *name) {
                return Some(Rule::WrittenHere(found));
            }
            if self.is_related(written, |object| matches!(object, Object::Relation(read) if read == name)) {
                return Some(Rule::Related(found));
            }
        }
        let related = |function: &Function| {
            self.is_related(
                written,
                |object| matches!(object, Object::Function(read) if *read == function.name),
            )
        };
        read.functions.iter().position(related).map(|at| Rule::Related(Name::Called(place(at))))
    }

    /// Whether something was written that stands in a pair with `is_read`.
    fn is_related(&self, written: &[Relation], is_read: impl Fn(&Object) -> bool) -> bool {
        let is_written = |object: &Object| {
            written.iter().any(|written| match object {
                Object::Relation(name) => written.name == *name,
                Object::Function(name) => written.name.strip_suffix(CALL) == Some(name),
            })
        };
        self.routing.related.iter().any(|pair| is_read(&pair.read) && is_written(&pair.written))
    }

    fn by_catalog(&self, read: &Statement, relations: &mut Relations) -> Decision {
        relations.limit(self.routing.relations);
        let scope = relations.scope(&self.session.names);
        let mut missing = Missing { utf8: self.session.names.utf8, names: Vec::new() };
        let found = self
            .by_relations(read, scope, relations, &mut missing)
            .or_else(|| self.by_functions(read, scope, relations, &mut missing));
        match found {
            Some(rule) => Decision::Lead(rule),
            None if missing.names.is_empty() => Decision::Reader(Rule::Balanced),
            None => Decision::Ask(relations.lookup(scope, &missing.names)),
        }
    }

    fn by_relations<'b>(
        &self,
        read: &'b Statement,
        scope: ScopeId,
        relations: &mut Relations,
        missing: &mut Missing<'b>,
    ) -> Option<Rule> {
        read.reads.iter().enumerate().find_map(|(at, relation)| {
            let name = Name::Read(place(at));
            match relations.relation(scope, relation, self.session.now) {
                Some(fact) => self.by_relation(fact, name),
                None => missing.add(Asked::relation(relation), name),
            }
        })
    }

    fn by_functions<'b>(
        &self,
        read: &'b Statement,
        scope: ScopeId,
        relations: &mut Relations,
        missing: &mut Missing<'b>,
    ) -> Option<Rule> {
        match self.routing.functions {
            FunctionRule::Catalog => {}
            FunctionRule::ReadOnly(_) | FunctionRule::Write(_) => return None,
        }
        let unknown = |function: &Function| function.known != Calls::Alike;
        read.functions.iter().enumerate().filter(|(_, function)| unknown(function)).find_map(
            |(at, function)| {
                let name = Name::Called(place(at));
                match relations.function(scope, function, self.session.now) {
                    Some(fact) => by_function(fact, name),
                    None => missing.add(Asked::function(function), name),
                }
            },
        )
    }

    fn by_relation(&self, fact: Fact, name: Name) -> Option<Rule> {
        let RelationFacts { temporary, unlogged, foreign, volatile, primary, leaves: _ } = match fact {
            Fact::Relation(facts) => facts,
            Fact::Absent | Fact::Function(_) => return Some(Rule::Absent(name)),
        };
        let by_volatility = matches!(self.routing.functions, FunctionRule::Catalog);
        if temporary {
            Some(Rule::TemporaryRelation(name))
        } else if unlogged {
            Some(Rule::Unlogged(name))
        } else if foreign {
            Some(Rule::Foreign(name))
        } else if primary {
            Some(Rule::PrimaryView(name))
        } else if volatile && by_volatility {
            Some(Rule::VolatileView(name))
        } else {
            None
        }
    }
}

fn by_function(fact: Fact, name: Name) -> Option<Rule> {
    match fact {
        Fact::Function(facts) if facts.volatile => Some(Rule::Volatile(name)),
        Fact::Function(_) => None,
        Fact::Absent | Fact::Relation(_) => Some(Rule::Absent(name)),
    }
}

/// Names of which nothing is known yet.
struct Missing<'a> {
    utf8: bool,
    names: Vec<Asked<'a>>,
}

impl<'a> Missing<'a> {
    /// Adds a name, or says why it cannot be asked about.
    fn add(&mut self, asked: Asked<'a>, name: Name) -> Option<Rule> {
        let is_plain = asked.name.is_ascii() && asked.schema.is_none_or(str::is_ascii);
        if !is_plain && !self.utf8 {
            return Some(Rule::Unreadable(name));
        }
        if self.names.len() >= LOOKUP_NAMES {
            return Some(Rule::Names);
        }
        self.names.push(asked);
        None
    }
}

/// The statement whose reads are balanced: itself, or what it explains or prepares. `None` for a statement that is
/// never balanced.
fn balanced(statement: &Statement) -> Option<&Statement> {
    let is_read = |statement: &Statement| matches!(statement.verb, Verb::Select | Verb::CopyOut);
    match &statement.verb {
        Verb::Select | Verb::CopyOut => Some(statement),
        Verb::Explain { analyse: _, statement } | Verb::Prepare { name: _, statement } => {
            Some(&**statement).filter(|inner| is_read(inner))
        }
        Verb::CopyIn
        | Verb::CopyServer
        | Verb::Show
        | Verb::Insert
        | Verb::Update
        | Verb::Delete
        | Verb::Merge
        | Verb::Ddl
        | Verb::Begin(_)
        | Verb::Commit { .. }
        | Verb::Rollback { .. }
        | Verb::Savepoint(_)
        | Verb::Release(_)
        | Verb::RollbackTo(_)
        | Verb::PrepareTransaction
        | Verb::FinishPrepared
        | Verb::Set
        | Verb::Discard(_)
        | Verb::Execute(_)
        | Verb::Deallocate(_)
        | Verb::Cursor
        | Verb::Lock { .. }
        | Verb::Listen
        | Verb::Unlisten
        | Verb::Notify
        | Verb::Call
        | Verb::Do
        | Verb::Other => None,
    }
}

/// Why a statement that is never balanced is not.
fn why(statement: &Statement) -> Why {
    match statement.place {
        Place::Anywhere => Why::Verb,
        Place::Primary(why) | Place::Writes(why) => why,
    }
}

/// What the text says about the node. What a node knows of itself is asked of the node that answers, as Pgpool-II
/// does; the catalog tells which functions of that kind are volatile.
fn by_place(read: &Statement) -> Option<Rule> {
    match read.place {
        Place::Anywhere => None,
        Place::Primary(Why::NodesOwn)
            if read.functions.iter().any(|function| function.known == Calls::Own) =>
        {
            None
        }
        Place::Primary(why) | Place::Writes(why) => Some(Rule::Statement(why)),
    }
}

/// Names are matched as they are written: with the schema where there is one. What has syntax of its own has
/// PostgreSQL's schema in the tree, and is known by its name too.
fn is_listed(list: &[Regex], function: &Function) -> bool {
    let matches = |name: &str| list.iter().any(|pattern| pattern.is_match(name.as_bytes()));
    match function.schema.as_deref() {
        None => matches(&function.name),
        Some(schema) => {
            matches(&format!("{schema}.{}", function.name))
                || schema == "pg_catalog" && matches(&function.name)
        }
    }
}

/// What a statement writes, for [`Written::Known`]: relations, and the functions that it calls, as `name()`.
pub fn written_by(statement: &Statement) -> impl Iterator<Item = Relation> + '_ {
    let unknown = statement.functions.iter().filter(|function| function.known == Calls::Unknown);
    let calls =
        unknown.map(|function| Relation { schema: None, name: format!("{}{CALL}", function.name).into() });
    statement.writes.iter().cloned().chain(calls)
}

/// What stands behind the name of a function among relations.
const CALL: &str = "()";

const PG_TEMP: &[u8] = b"pg_temp";

/// A place in a list; what is behind the last that fits is named as that.
fn place(at: usize) -> u16 {
    u16::try_from(at).unwrap_or(u16::MAX)
}
