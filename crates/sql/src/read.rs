//! What a statement does, read from its tree.
//!
//! The tree comes from a client, so it is walked with a stack on the heap and a bound on the nodes visited, never
//! by recursion, and what is not known here makes the text unread.

mod body;
mod call;
mod ddl;
mod expression;
mod found;
mod json;
mod kind;
mod query;
mod session;

use pg_raw_parse::Node;
use pg_raw_parse::list::NodeList;
use pg_raw_parse::nodes::{RangeVar, SelectStmt};

use crate::place::{Place, Why};
use crate::statement::Statement;
use crate::verb::Verb;
use found::Found;

/// Nodes of one statement that are visited. A text with more of them in a statement is not read.
const NODES: usize = 32 * 1024;

/// Names of common table expressions that are compared while one statement is read. A text that needs more is not
/// read. (It takes some thousand names that are used thousands of times.)
const COMPARED: usize = 1024 * 1024;

/// The text cannot be read: the grammar refuses it, it is too large, or has what is not known here.
pub(crate) struct Unreadable;

/// Whether the values of literals decide about what a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Literals {
    /// They do not: it is the same whatever they hold.
    Ignored,
    /// They do.
    Decide,
}

/// What the letters of names in the tree stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Letters {
    /// Themselves.
    AsTheyAre,
    /// Bytes of an unknown encoding.
    Bytes,
}

/// Common table expressions that can be seen: a place in [`Reader::names`], or none.
type Scope = Option<u32>;

/// The name of a common table expression, and what can be seen beside it.
#[derive(Clone, Copy)]
struct TableName<'a> {
    name: &'a str,
    before: Scope,
}

/// Reads statements, one after the other.
pub(crate) struct Reader<'a> {
    letters: Letters,
    literals: Literals,
    /// Nodes still to be looked at, with what they see.
    stack: Vec<(Node<'a>, Scope)>,
    /// What the node at hand sees.
    scope: Scope,
    names: Vec<TableName<'a>>,
    /// Names that may still be compared.
    comparisons: usize,
    found: Found<'a>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(letters: Letters) -> Self {
        Reader {
            letters,
            literals: Literals::Ignored,
            stack: Vec::with_capacity(32),
            scope: None,
            names: Vec::new(),
            comparisons: COMPARED,
            found: Found::default(),
        }
    }

    /// Whether literals decide about any of the statements that were read.
    pub(crate) fn literals(&self) -> Literals {
        self.literals
    }

    /// What `node`, a statement, does.
    pub(crate) fn statement(&mut self, node: Node<'a>) -> Result<Statement, Unreadable> {
        let verb = self.verb(node)?;
        self.finish(verb)
    }

    /// Visits what is on the stack, and gives what was found since the last time.
    fn finish(&mut self, verb: Verb) -> Result<Statement, Unreadable> {
        self.run()?;
        let found = core::mem::take(&mut self.found);
        let statement = found.statement(verb, self.letters);
        Ok(with_what_is_run(statement))
    }

    /// A statement within another one: it is read on its own.
    fn inner(&mut self, node: Node<'a>) -> Result<Box<Statement>, Unreadable> {
        self.statement(node).map(Box::new)
    }

    fn run(&mut self) -> Result<(), Unreadable> {
        for _ in 0..NODES {
            let Some((node, scope)) = self.stack.pop() else {
                self.names.clear();
                self.scope = None;
                return Ok(());
            };
            self.scope = scope;
            self.visit(node)?;
        }
        Err(Unreadable)
    }

    fn push(&mut self, node: Node<'a>) {
        self.stack.push((node, self.scope));
    }

    fn push_all(&mut self, nodes: impl IntoIterator<Item = Node<'a>>) {
        let scope = self.scope;
        self.stack.extend(nodes.into_iter().map(|node| (node, scope)));
    }

    fn list(&mut self, list: &'a NodeList) {
        self.push_all(list);
    }

    fn at(&mut self, place: Place) {
        self.found.place = self.found.place.max(place);
    }

    fn writes(&mut self, why: Why) {
        self.at(Place::Writes(why));
    }

    /// A literal's value decides.
    fn look_in_full(&mut self) {
        self.literals = Literals::Decide;
    }

    /// A table that is read, unless the name is that of a common table expression.
    fn reads(&mut self, table: &'a RangeVar) -> Result<(), Unreadable> {
        let (schema, Some(name)) = (table.schemaname(), table.relname()) else { return Ok(()) };
        if schema.is_none() && self.is_table_expression(name)? {
            return Ok(());
        }
        if is_catalog(schema, Some(name)) {
            self.at(Place::Primary(Why::Catalog));
        }
        self.found.reads.push((schema, name));
        Ok(())
    }

    /// A table that is written to. It is never a common table expression.
    fn target(&mut self, table: Option<&'a RangeVar>) {
        if let Some((table, name)) = table.and_then(|table| Some((table, table.relname()?))) {
            self.found.writes.push((table.schemaname(), name));
        }
    }

    fn is_table_expression(&mut self, name: &str) -> Result<bool, Unreadable> {
        let mut scope = self.scope;
        while let Some(seen) = scope.and_then(|at| self.names.get(at as usize)) {
            if seen.name == name {
                return Ok(true);
            }
            scope = seen.before;
            self.comparisons = self.comparisons.checked_sub(1).ok_or(Unreadable)?;
        }
        Ok(false)
    }

    /// From now on, `name` is a common table expression.
    fn name(&mut self, name: Option<&'a str>) -> Result<(), Unreadable> {
        let at = u32::try_from(self.names.len()).map_err(|_| Unreadable)?;
        self.names.push(TableName { name: name.ok_or(Unreadable)?, before: self.scope });
        self.scope = Some(at);
        Ok(())
    }
}

/// An EXPLAIN that runs its statement does all that the statement does.
fn with_what_is_run(explain: Statement) -> Statement {
    let Verb::Explain { analyse: true, statement: run } = &explain.verb else { return explain };
    let run = Statement::clone(run);
    Statement { verb: explain.verb, place: explain.place, ..run }
}

/// System catalogs, and schemas and types named like them. PostgreSQL reserves the prefix `pg_` for schemas; of
/// unqualified names it finds its catalogs first.
fn is_catalog(schema: Option<&str>, name: Option<&str>) -> bool {
    let is_own = |name: &str| name.starts_with("pg_") || name == "information_schema";
    schema.is_some_and(is_own) || name.is_some_and(is_own)
}

/// A SELECT that makes one row of its targets and has nothing else: what its targets call is called once.
fn is_plain(select: &SelectStmt) -> bool {
    let absent = |node: Node<'_>| matches!(node, Node::None);
    select.into_clause().is_none()
        && select.from_clause().is_empty()
        && select.group_clause().is_empty()
        && select.window_clause().is_empty()
        && select.values_lists().is_empty()
        && select.locking_clause().is_empty()
        && select.with_clause().is_none()
        && select.larg().is_none()
        && [select.where_clause(), select.having_clause(), select.limit_count(), select.limit_offset()]
            .into_iter()
            .all(absent)
}
