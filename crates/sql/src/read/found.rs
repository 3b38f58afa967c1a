use super::Letters;
use crate::functions::Calls;
use crate::place::{Place, Why};
use crate::setting::{Change, Scope, Setting};
use crate::statement::{Function, Relation, Statement, Temporary};
use crate::verb::Verb;

/// A name with its schema, in the tree.
pub(super) type Name<'a> = (Option<&'a str>, &'a str);

/// What was found in a statement.
pub(super) struct Found<'a> {
    pub(super) place: Place,
    pub(super) reads: Vec<Name<'a>>,
    pub(super) writes: Vec<Name<'a>>,
    pub(super) functions: Vec<(Name<'a>, Calls)>,
    pub(super) types: Vec<Name<'a>>,
    pub(super) sets: Vec<Setting>,
    pub(super) temporary: Made<'a>,
    pub(super) terminates: Option<i32>,
    pub(super) filled_by: Option<&'a str>,
    /// Calls of `set_config`.
    pub(super) set_configs: usize,
    /// What they set, of those that are surely called, once.
    pub(super) configured: Vec<Setting>,
}

/// Temporary objects that a statement makes.
pub(super) enum Made<'a> {
    /// These.
    Named(Vec<&'a str>),
    /// Nobody knows.
    Unknown,
}

impl Default for Found<'_> {
    fn default() -> Self {
        Found {
            place: Place::Anywhere,
            reads: Vec::new(),
            writes: Vec::new(),
            functions: Vec::new(),
            types: Vec::new(),
            sets: Vec::new(),
            temporary: Made::Named(Vec::new()),
            terminates: None,
            filled_by: None,
            set_configs: 0,
            configured: Vec::new(),
        }
    }
}

impl<'a> Found<'a> {
    pub(super) fn makes_temporary(&mut self, name: &'a str) {
        match &mut self.temporary {
            Made::Named(names) => names.push(name),
            Made::Unknown => {}
        }
    }

    pub(super) fn statement(mut self, verb: Verb, letters: Letters) -> Statement {
        self.settle_configured();
        let text = |name: &str| written(name, letters);
        let relations = |names: Vec<Name<'_>>| -> Box<[Relation]> {
            sorted(names)
                .into_iter()
                .map(|(schema, name)| Relation { schema: schema.map(text), name: text(name) })
                .collect()
        };
        Statement {
            verb,
            place: self.place,
            reads: relations(self.reads),
            writes: relations(self.writes),
            functions: sorted(self.functions)
                .into_iter()
                .map(|((schema, name), known)| Function { schema: schema.map(text), name: text(name), known })
                .collect(),
            types: relations(self.types),
            sets: self.sets.into(),
            temporary: match self.temporary {
                Made::Named(names) if names.is_empty() => Temporary::None,
                Made::Named(names) => Temporary::Named(sorted(names).into_iter().map(text).collect()),
                Made::Unknown => Temporary::Unknown,
            },
            terminates: self.terminates,
            filled_by: self.filled_by.map(text),
        }
    }

    /// Calls of `set_config` can be repeated when nothing else is in the statement that must not be.
    fn settle_configured(&mut self) {
        if self.set_configs == 0 {
            return;
        }
        let repeatable = self.configured.len() == self.set_configs
            && self.place == Place::Anywhere
            && self
                .functions
                .iter()
                .all(|((_, name), known)| *known == Calls::Alike || *name == "set_config");
        if repeatable {
            self.sets.append(&mut self.configured);
        } else {
            let unknown = Setting { scope: Scope::Session, change: Change::Unknown };
            self.sets.extend(core::iter::repeat_n(unknown, self.set_configs));
        }
        self.place = self.place.max(Place::Writes(Why::Setting));
    }
}

fn sorted<T: Ord>(mut names: Vec<T>) -> Vec<T> {
    names.sort_unstable();
    names.dedup();
    names
}

/// A name as it was written. Of a text that is not UTF-8 as a whole, a name that is stays the same name as in other
/// texts.
pub(super) fn written(name: &str, letters: Letters) -> Box<str> {
    let bytes =
        || name.chars().map(|letter| u8::try_from(u32::from(letter)).ok()).collect::<Option<Vec<u8>>>();
    match letters {
        Letters::AsTheyAre => name.into(),
        Letters::Bytes => bytes()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .map_or_else(|| name.into(), String::into_boxed_str),
    }
}
