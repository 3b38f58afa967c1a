//! What there is to know of a text, without a look into any catalog.

use crate::functions::Calls;
use crate::place::Place;
use crate::setting::Setting;
use crate::verb::Verb;

/// What the text of one simple query, or of one Parse message, is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// Nothing but white space, comments and semicolons.
    Empty,
    /// One statement.
    One(Statement),
    /// Several, in the order in which they are run.
    Several(Box<[Statement]>),
    /// It could not be read: it is too long, its tokens depend on what the text does not tell, or the grammar
    /// refuses it. It may do anything.
    Unread,
}

/// One statement.
///
/// Names are as PostgreSQL's parser gives them: folded to lower case unless they were quoted. Lists hold each
/// name once, in order of schema and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What kind of statement it is, with what that kind alone has.
    pub verb: Verb,
    /// Which node the text asks for. Functions of which the text does not tell what they do
    /// ([`Calls::Unknown`]) are left out: they are for the caller to look up.
    pub place: Place,
    /// Relations that it reads. Names of common table expressions are taken out; views are not resolved.
    pub reads: Box<[Relation]>,
    /// Relations that it writes to, locks or changes: targets of INSERT, UPDATE, DELETE, MERGE, TRUNCATE, LOCK,
    /// COPY FROM and DDL, also inside common table expressions.
    pub writes: Box<[Relation]>,
    /// Functions that it calls by name.
    pub functions: Box<[Function]>,
    /// Names of types that are not PostgreSQL's own, except that rows of catalogs are among them. Each table has a
    /// type of its name.
    pub types: Box<[Relation]>,
    /// What it sets: exactly one of a SET or RESET, one of each call of `set_config`.
    pub sets: Box<[Setting]>,
    /// Which temporary objects it makes, as far as the text tells.
    pub temporary: Temporary,
    /// The process that a plain `SELECT pg_terminate_backend(1234)` is to end.
    pub terminates: Option<i32>,
    /// The prepared statement whose rows a CREATE TABLE AS EXECUTE takes.
    pub filled_by: Option<Box<str>>,
}

/// A table, view, sequence or type by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Relation {
    /// The schema, where one is written. The name of a database before it is dropped: it can only be the
    /// session's own.
    pub schema: Option<Box<str>>,
    /// The name.
    pub name: Box<str>,
}

/// A function that is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Function {
    /// The schema, where one is written. The grammar writes `pg_catalog` for what has syntax of its own, such
    /// as `extract(... from ...)`.
    pub schema: Option<Box<str>>,
    /// The name.
    pub name: Box<str>,
    /// What a call of this name does, if it is the built-in.
    pub known: Calls,
}

/// Which temporary objects a statement makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Temporary {
    /// None, unless a function does, or `pg_temp` leads the search path.
    None,
    /// Objects with these names.
    Named(Box<[Box<str>]>),
    /// It may make any.
    Unknown,
}

impl Text {
    /// Its statements.
    pub fn statements(&self) -> &[Statement] {
        match self {
            Text::Empty | Text::Unread => &[],
            Text::One(statement) => core::slice::from_ref(statement),
            Text::Several(statements) => statements,
        }
    }

    /// Bytes that it takes on the heap, without what an allocator adds.
    pub fn heap_bytes(&self) -> usize {
        let inside: usize = self.statements().iter().map(Statement::heap_bytes).sum();
        match self {
            Text::Empty | Text::Unread | Text::One(_) => inside,
            Text::Several(statements) => inside + size_of_val::<[Statement]>(statements),
        }
    }
}

impl Statement {
    /// The name of the prepared statement that has to be there for it: of an EXECUTE, wherever it stands in the
    /// statement.
    pub fn executes(&self) -> Option<&str> {
        if let Verb::Explain { statement, .. } = &self.verb {
            return statement.executes();
        }
        if let Verb::Execute(name) = &self.verb {
            return Some(name);
        }
        self.filled_by.as_deref()
    }

    fn heap_bytes(&self) -> usize {
        let relations = |list: &[Relation]| {
            size_of_val(list)
                + list.iter().map(|r| r.schema.as_ref().map_or(0, |s| s.len()) + r.name.len()).sum::<usize>()
        };
        let functions = |list: &[Function]| {
            size_of_val(list)
                + list.iter().map(|f| f.schema.as_ref().map_or(0, |s| s.len()) + f.name.len()).sum::<usize>()
        };
        let temporary = match &self.temporary {
            Temporary::None | Temporary::Unknown => 0,
            Temporary::Named(names) => {
                size_of_val::<[Box<str>]>(names) + names.iter().map(|name| name.len()).sum::<usize>()
            }
        };
        relations(&self.reads)
            + relations(&self.writes)
            + relations(&self.types)
            + functions(&self.functions)
            + size_of_val::<[Setting]>(&self.sets)
            + self.sets.iter().map(Setting::heap_bytes).sum::<usize>()
            + temporary
            + self.verb.inner().map_or(0, |inner| size_of::<Statement>() + inner.heap_bytes())
            + self.verb.name().map_or(0, str::len)
            + self.filled_by.as_deref().map_or(0, str::len)
    }
}

impl Relation {
    /// A relation by the names that a statement would have for it.
    pub fn new(schema: Option<&str>, name: &str) -> Self {
        Relation { schema: schema.map(Box::from), name: name.into() }
    }
}
