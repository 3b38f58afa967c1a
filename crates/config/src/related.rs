use crate::kind::{Offence, split};
use crate::problem::shown;

/// `dml_adaptive_object_relationship_list`: what counts as written when something else was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelatedList {
    /// As it was written.
    pub(crate) text: String,
    /// What is written, and what then counts as written too.
    pub pairs: Vec<(RelatedObject, RelatedObject)>,
}

/// A relation or a function, by its name without schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelatedObject {
    /// A table, view or other relation.
    Relation(String),
    /// A function: there were parentheses behind the name.
    Function(String),
}

impl RelatedList {
    /// Reads `written:read, ...`.
    pub(crate) fn read(text: &str) -> Result<Self, Offence> {
        let pairs = split(text, ',').into_iter().enumerate().map(|(at, entry)| {
            pair(&entry).map_err(|what| Offence {
                what: format!("is wrong at entry {} ({}): {what}", at + 1, shown(&entry)),
                hint:
                    "write pairs such as orders:order_totals or add_order():orders with commas between them"
                        .to_owned(),
            })
        });
        Ok(RelatedList { text: text.to_owned(), pairs: pairs.collect::<Result<_, _>>()? })
    }
}

fn pair(entry: &str) -> Result<(RelatedObject, RelatedObject), &'static str> {
    let mut names = entry.split(':');
    match (names.next(), names.next(), names.next()) {
        (Some(written), Some(read), None) => Ok((object(written)?, object(read)?)),
        _ => Err("it is not two names with a colon between them"),
    }
}

fn object(text: &str) -> Result<RelatedObject, &'static str> {
    let text = text.trim();
    let (name, is_function) = match text.split_once('(') {
        Some((name, rest)) if rest.ends_with(')') => (name, true),
        Some(_) => return Err("there is a parenthesis that is not closed"),
        None => (text, false),
    };
    let name = name.rsplit_once('.').map_or(name, |(_, name)| name).trim().to_owned();
    match (name.is_empty(), is_function) {
        (true, _) => Err("a name is missing"),
        (false, true) => Ok(RelatedObject::Function(name)),
        (false, false) => Ok(RelatedObject::Relation(name)),
    }
}
