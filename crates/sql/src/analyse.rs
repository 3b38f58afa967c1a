//! From text to what is known of its statements, with PostgreSQL's grammar.

use std::borrow::Cow;
use std::panic::catch_unwind;

use crate::normal::{NORMAL_BYTES, Shape, normalise};
use crate::read::{Letters, Literals, Reader, Unreadable};
use crate::statement::Text;

/// What may be remembered of a normal text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remembered {
    /// This holds for every text with this normal text.
    Text(Text),
    /// A literal decides: each text is analysed in full.
    LookInFull,
}

/// What `text` is: the text of a Query or Parse message, without its closing NUL, in any client encoding.
///
/// Where a literal decides, as in `SELECT set_config('work_mem', '1MB', true)`, the text itself is parsed; such a
/// text is [`Text::Unread`] when it is longer than [`NORMAL_BYTES`].
///
/// ```
/// use pgherd_sql::{Place, Text, analyse};
///
/// let Text::One(statement) = analyse(b"SELECT name FROM users WHERE id = 42") else { panic!() };
/// assert_eq!(statement.place, Place::Anywhere);
/// assert_eq!(&*statement.reads[0].name, "users");
/// ```
pub fn analyse(text: &[u8]) -> Text {
    let mut normal = Vec::new();
    match normalise(text, &mut normal) {
        Shape::Empty => return Text::Empty,
        Shape::Other => return Text::Unread,
        Shape::Candidate => {}
    }
    match analyse_normal(&normal) {
        Remembered::Text(text) => text,
        Remembered::LookInFull => analyse_in_full(text),
    }
}

/// What may be remembered of a normal text of shape [`Shape::Candidate`].
pub fn analyse_normal(normal: &[u8]) -> Remembered {
    match parsed(normal) {
        Ok((_, Literals::Decide)) => Remembered::LookInFull,
        Ok((text, Literals::Ignored)) => Remembered::Text(text),
        Err(Unreadable) => Remembered::Text(Text::Unread),
    }
}

/// What a text is whose normal text is [`Remembered::LookInFull`]. (Any other text whose shape is
/// [`Shape::Candidate`] is, this way, what it is by its normal text; or one of the two is [`Text::Unread`].)
pub fn analyse_in_full(text: &[u8]) -> Text {
    if text.len() > NORMAL_BYTES {
        return Text::Unread;
    }
    parsed(text).map_or(Text::Unread, |(text, _)| text)
}

/// The parser library asserts the shape of its own trees; should a statement ever break such an assertion, it counts
/// as one that could not be read.
fn parsed(text: &[u8]) -> Result<(Text, Literals), Unreadable> {
    let (text, letters) = readable(text);
    catch_unwind(|| read(&text, letters)).unwrap_or(Err(Unreadable))
}

/// The parser wants UTF-8. Of text in another encoding each high byte becomes a letter of its own: names stay
/// different from each other and from every built-in's.
fn readable(text: &[u8]) -> (Cow<'_, str>, Letters) {
    match str::from_utf8(text) {
        Ok(text) => (text.into(), Letters::AsTheyAre),
        Err(_) => (text.iter().copied().map(char::from).collect::<String>().into(), Letters::Bytes),
    }
}

fn read(text: &str, letters: Letters) -> Result<(Text, Literals), Unreadable> {
    let tree = pg_raw_parse::parse(text).map_err(|_| Unreadable)?;
    let mut reader = Reader::new(letters);
    let mut statements = Vec::with_capacity(1);
    for statement in tree.stmts() {
        statements.push(reader.statement(statement)?);
    }
    let one = match statements.len() {
        0 => return Ok((Text::Empty, Literals::Ignored)),
        1 => statements.pop(),
        _ => None,
    };
    let text = one.map_or_else(|| Text::Several(statements.into()), Text::One);
    Ok((text, reader.literals()))
}
