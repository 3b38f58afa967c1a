use std::collections::BTreeSet;

use pgherd_sql::{Calls, Relation, Statement, Temporary};

/// Names of temporary objects that are told apart in one session. With more, all of its names count.
pub const TEMPORARIES: usize = 256;

/// The temporary objects that a session may have. They are on its lead alone, they hide what has the same name
/// elsewhere, and no other session has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Temporaries {
    /// None.
    #[default]
    None,
    /// At most these names. Dropped ones may still be among them.
    Named(BTreeSet<Box<str>>),
    /// Any name may be one.
    Unknown,
}

impl Temporaries {
    /// Takes note of a statement that was sent to the session's lead, whether it succeeds or not.
    pub fn note(&mut self, statement: &Statement) {
        match &statement.temporary {
            Temporary::Unknown => *self = Temporaries::Unknown,
            Temporary::Named(names) => self.add(names.iter()),
            // A view over a temporary table becomes temporary itself, without a word in the text.
            Temporary::None if self.are_read_by(statement) => {
                self.add(statement.writes.iter().map(|relation| &relation.name));
            }
            Temporary::None => {}
        }
    }

    /// Whether the statement may name one of them.
    pub(crate) fn are_read_by(&self, statement: &Statement) -> bool {
        let in_pg_temp =
            |schema: &Option<Box<str>>| schema.as_deref().is_some_and(|schema| schema.starts_with("pg_temp"));
        let relations = || statement.reads.iter().chain(&statement.types);
        if relations().any(|relation| in_pg_temp(&relation.schema))
            || statement.functions.iter().any(|function| in_pg_temp(&function.schema))
        {
            return true;
        }
        // A user's function may read one, and a built-in one may be given its name, as has_table_privilege() is.
        let calls = || statement.functions.iter().any(|function| function.known != Calls::Alike);
        match self {
            Temporaries::None => false,
            Temporaries::Named(names) => {
                relations().any(|Relation { schema, name }| schema.is_none() && names.contains(name))
                    || calls()
            }
            Temporaries::Unknown => relations().next().is_some() || calls(),
        }
    }

    fn add<'a>(&mut self, names: impl Iterator<Item = &'a Box<str>>) {
        let mut all = match core::mem::take(self) {
            Temporaries::None => BTreeSet::new(),
            Temporaries::Named(known) => known,
            Temporaries::Unknown => {
                *self = Temporaries::Unknown;
                return;
            }
        };
        for name in names {
            if all.len() >= TEMPORARIES && !all.contains(name) {
                *self = Temporaries::Unknown;
                return;
            }
            all.insert(name.clone());
        }
        *self = if all.is_empty() { Temporaries::None } else { Temporaries::Named(all) };
    }
}
