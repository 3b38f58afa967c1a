//! From text to what is known of its statements.

use crate::class::Class;
use crate::grammar::{classify, classify_normal};
use crate::place::{Place, Why};
use crate::statement::{Statement, Temporary, Text};
use crate::verb::Verb;

/// What may be remembered of a normal text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remembered {
    /// This holds for every text with this normal text.
    Text(Text),
    /// A literal decides: each text is analysed in full.
    LookInFull,
}

/// What `text` is: the text of a Query or Parse message, without its closing NUL, in any client encoding.
pub fn analyse(text: &[u8]) -> Text {
    of_class(classify(text))
}

/// What may be remembered of a normal text of shape [`Shape::Candidate`](crate::Shape::Candidate).
pub fn analyse_normal(normal: &[u8]) -> Remembered {
    Remembered::Text(of_class(classify_normal(normal)))
}

/// As far as a class tells: names are not in it.
fn of_class(class: Class) -> Text {
    match class {
        Class::Empty => Text::Empty,
        Class::Read => Text::One(plain(Verb::Select, Place::Anywhere)),
        Class::ReadPrimary => Text::One(plain(Verb::Show, Place::Primary(Why::Verb))),
        Class::Transaction | Class::CopyIn | Class::Other => Text::Unread,
    }
}

fn plain(verb: Verb, place: Place) -> Statement {
    Statement {
        verb,
        place,
        reads: Box::default(),
        writes: Box::default(),
        functions: Box::default(),
        types: Box::default(),
        sets: Box::default(),
        temporary: Temporary::None,
        terminates: None,
    }
}
