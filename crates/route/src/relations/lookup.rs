use core::fmt::Write as _;

use pgherd_sql::{Fingerprint, Function, Relation};

/// Names that one look-up asks about. A statement with more that are not known goes to the primary.
pub const LOOKUP_NAMES: usize = 64;

/// A question to the catalogs, about all names of a statement that are not known yet.
#[derive(Debug)]
pub struct Lookup {
    query: String,
    pub(crate) keys: Box<[(Fingerprint, Kind)]>,
    pub(crate) epoch: u64,
}

/// A name that is asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) kind: Kind,
    pub(crate) schema: Option<&'a str>,
    pub(crate) name: &'a str,
}

impl<'a> Asked<'a> {
    pub(crate) fn relation(relation: &'a Relation) -> Self {
        Asked { kind: Kind::Relation, schema: relation.schema.as_deref(), name: &relation.name }
    }

    pub(crate) fn function(function: &'a Function) -> Self {
        Asked { kind: Kind::Function, schema: function.schema.as_deref(), name: &function.name }
    }
}

/// What a name is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Relation,
    Function,
}

impl Lookup {
    pub(crate) fn new(keys: Box<[(Fingerprint, Kind)]>, names: &[Asked<'_>], epoch: u64) -> Self {
        let mut query = String::from(ASKED);
        for (i, name) in names.iter().enumerate() {
            let separator = if i == 0 { "" } else { "," };
            let kind = match name.kind {
                Kind::Relation => 'r',
                Kind::Function => 'f',
            };
            // Writing to a string does not fail.
            let _ = write!(query, "{separator}({i},'{kind}',");
            match name.schema {
                Some(schema) => put_literal(&mut query, schema),
                None => query.push_str("NULL"),
            }
            query.push(',');
            put_literal(&mut query, name.name);
            query.push(')');
        }
        query.push_str(FACTS);
        Lookup { query, keys, epoch }
    }

    /// The text of a simple Query that answers it: one SELECT, which changes nothing and depends on no setting but
    /// the search path, which is what it asks about. Run it where the statement would run.
    pub fn query(&self) -> &str {
        &self.query
    }
}

/// A string constant. The form with E means the same whatever `standard_conforming_strings` and `backslash_quote`
/// are.
fn put_literal(query: &mut String, text: &str) {
    query.push_str("E'");
    for char in text.chars() {
        match char {
            '\'' => query.push_str("''"),
            '\\' => query.push_str("\\\\"),
            other => query.push(other),
        }
    }
    query.push('\'');
}

/// The beginning of the query. The first row gives the columns their types and asks for nothing.
const ASKED: &str = "WITH RECURSIVE asked (i, kind, nsp, name) AS (VALUES \
    (-1::pg_catalog.int4, NULL::pg_catalog.text, NULL::pg_catalog.text, NULL::pg_catalog.text),";

/// The rest of it: one row for each name that means something, with its place, and whether it or what is read with
/// it is temporary, unlogged, foreign, calls something volatile, needs the primary, may leave something behind.
///
/// Every function, operator, type and table is named with its schema, so that nothing that a user has made is
/// called. What a view calls is read from its rule, because the catalog keeps no dependencies on what PostgreSQL
/// itself has made. There is no backslash and no character beyond ASCII.
const FACTS: &str = include_str!("facts.sql");
