//! The normal text of a statement: what is left when comments, white space and the values of literals are
//! taken away. Two statements with the same normal text are the same to routing, because what is known of them is read
//! from the normal text alone, or it is known that a literal decides.
//!
//! The boundaries of strings and comments follow PostgreSQL's `scan.l`. Three things decide about them that
//! the text does not tell: the client's encoding, `standard_conforming_strings`, and the server's version.
//! Where they could matter the shape is [`Shape::Other`]: such a statement goes where writes go, which is
//! always right. So no setting of the session is needed here.
//!
//! * A backslash right before a quote inside `'...'` ends the string or does not, by
//!   `standard_conforming_strings`.
//! * In SJIS, BIG5, GBK, UHC, GB18030 and JOHAB the second byte of a letter may be an ASCII one, never one of
//!   `'"$*/-;,()`, but `\` and some operators: a byte above 0x7f before one of those is not understood,
//!   unless it stands in a plain string, a comment or a quoted name, where it cannot matter.
//!
//! The escapes of `U&` strings and names do not move their ends. (One with UESCAPE is not read: what the literal
//! behind that word says is gone from the normal text.)

mod writer;

use writer::Writer;

use crate::template::Literals;

/// Bytes of a statement that are looked at. A longer one is [`Shape::Other`].
pub const TEXT_BYTES: usize = 4 * 1024 * 1024;

/// Bytes of normal text, which bounds the time in the grammar (about a millisecond). A statement with a
/// longer one is [`Shape::Other`].
pub const NORMAL_BYTES: usize = 64 * 1024;

/// What a statement's text looks like before the grammar sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Nothing but white space and comments.
    Empty,
    /// The grammar decides by its normal text.
    Candidate,
    /// It cannot be read: it is too long, or its tokens are not certain.
    Other,
}

/// Writes the normal text of `text` to `normal`, which is emptied first. It is complete only when the answer
/// is [`Shape::Candidate`].
pub fn normalise(text: &[u8], normal: &mut Vec<u8>) -> Shape {
    normalise_noting(text, normal, &mut Literals::default())
}

/// The same, and notes where plain literals are, for a [`Template`](crate::Template).
pub fn normalise_noting(text: &[u8], normal: &mut Vec<u8>, literals: &mut Literals) -> Shape {
    *literals = Literals::default();
    normal.clear();
    if text.len() > TEXT_BYTES || memchr::memchr(0, text).is_some() {
        return Shape::Other;
    }
    // No token is written with more than twice its bytes.
    normal.resize((2 * text.len() + ROOM).min(NORMAL_BYTES), 0);
    let mut lexer = Lexer { text, at: 0, out: Writer::new(normal), literals };
    let done = lexer.run();
    let length = lexer.out.len();
    normal.truncate(length);
    match done {
        Err(Uncertain) => Shape::Other,
        Ok(()) if normal.is_empty() => Shape::Empty,
        Ok(()) => Shape::Candidate,
    }
}

/// Bytes of normal text beyond twice those of the text.
const ROOM: usize = 16;

/// The tokens are not certain, or too many.
struct Uncertain;

struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    out: Writer<'a>,
    literals: &'a mut Literals,
}

/// How a string ends.
#[derive(Clone, Copy)]
enum Escapes {
    /// `'...'`, N, B and X strings.
    Plain,
    /// `E'...'`.
    Backslash,
}

impl<'a> Lexer<'a> {
    fn run(&mut self) -> Result<(), Uncertain> {
        while let Some(byte) = self.peek(0) {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => self.word()?,
                b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => {
                    self.at += 1;
                    self.out.gap();
                }
                b'0'..=b'9' => self.number()?,
                b'\'' => self.string(Escapes::Plain, b"'1'")?,
                b'"' => self.quoted_name()?,
                b'$' => self.dollar()?,
                b'-' if self.peek(1) == Some(b'-') => self.line_comment(),
                b'/' if self.peek(1) == Some(b'*') => self.block_comment()?,
                b'\\' => return Err(Uncertain),
                _ => self.punctuation(byte),
            }
            if self.out.is_full() {
                return Err(Uncertain);
            }
        }
        Ok(())
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn punctuation(&mut self, byte: u8) {
        self.at += 1;
        match byte {
            b',' => self.out.comma(),
            b'(' => self.out.open(),
            b')' => self.out.close(),
            // The sign of a number in a list goes with the number.
            b'-' | b'+' if self.out.is_in_list() && self.peek(0).is_some_and(|b| b.is_ascii_digit()) => {}
            _ => self.out.byte(byte),
        }
    }

    /// A name or keyword, or a string with a letter before it.
    fn word(&mut self) -> Result<(), Uncertain> {
        let rest = self.rest();
        if !self.out.is_in_list() && rest.get(1).copied().is_some_and(is_word) {
            // No prefix of a string, and no constant that would count.
            let length = self.out.word_of(rest);
            let (word, rest) = rest.split_at_checked(length).unwrap_or_default();
            self.at += length;
            if rest.first() == Some(&b' ') {
                self.at += 1;
                self.out.gap();
                return Ok(());
            }
            return letter_ends(word, rest);
        }
        let length = rest.iter().position(|&b| !is_word(b)).unwrap_or(rest.len());
        let (word, rest) = rest.split_at_checked(length).unwrap_or_default();
        self.at += length;
        if let ([letter], [b'\'' | b'&', ..]) = (word, rest)
            && let Some(read) = self.prefixed(letter.to_ascii_lowercase(), rest)
        {
            return read;
        }
        letter_ends(word, rest)?;
        if self.out.is_in_list() && is_constant(word) && ends_member(rest) {
            self.out.literal(b"1");
        } else {
            self.out.word(word);
        }
        Ok(())
    }

    /// A string or quoted name with a letter before it, which has been passed. `None`: the letter is a word.
    fn prefixed(&mut self, letter: u8, rest: &[u8]) -> Option<Result<(), Uncertain>> {
        Some(match (letter, rest) {
            (b'e', [b'\'', ..]) => self.string(Escapes::Backslash, b"e'1'"),
            (b'n', [b'\'', ..]) => self.string(Escapes::Plain, b"n'1'"),
            (b'b', [b'\'', ..]) => self.string(Escapes::Plain, b"b'1'"),
            (b'x', [b'\'', ..]) => self.string(Escapes::Plain, b"x'1'"),
            (b'u', [b'&', b'\'', ..]) => {
                self.at += 1;
                self.string(Escapes::Plain, b"u&'1'")
            }
            (b'u', [b'&', b'"', ..]) => {
                self.out.word(b"u&");
                self.at += 1;
                self.quoted_name()
            }
            _ => return None,
        })
    }

    /// Digits, fraction and exponent, or digits of another base. (Before version 16 the server takes `0x1f` for
    /// `0 AS x1f`, and `1_000` for `1 AS _000`: another column's name, and nothing else.)
    fn number(&mut self) -> Result<(), Uncertain> {
        let start = self.at;
        let base: Option<fn(&u8) -> bool> = match (self.peek(0), self.peek(1)) {
            (Some(b'0'), Some(b'x' | b'X')) => Some(u8::is_ascii_hexdigit),
            (Some(b'0'), Some(b'o' | b'O')) => Some(|b| (b'0'..=b'7').contains(b)),
            (Some(b'0'), Some(b'b' | b'B')) => Some(|b| matches!(b, b'0' | b'1')),
            (Some(_) | None, Some(_) | None) => None,
        };
        let prefix = if self.peek(2) == Some(b'_') { 3 } else { 2 };
        match base {
            Some(is_digit) if self.peek(prefix).is_some_and(|b| is_digit(&b)) => {
                self.at += prefix;
                self.digits(is_digit);
            }
            Some(_) | None => self.decimal(),
        }
        self.ends_here()?;
        if self.peek(0) == Some(b'.') {
            return Err(Uncertain);
        }
        self.literals.note_number(self.text, start..self.at);
        self.out.literal(b"1");
        Ok(())
    }

    /// The server refuses a number with letters right behind it, or takes them for a name: by its version.
    fn ends_here(&self) -> Result<(), Uncertain> {
        if self.peek(0).is_some_and(is_word) { Err(Uncertain) } else { Ok(()) }
    }

    fn decimal(&mut self) {
        self.digits(u8::is_ascii_digit);
        if self.peek(0) == Some(b'.') && self.peek(1) != Some(b'.') {
            self.at += 1;
            self.digits(u8::is_ascii_digit);
        }
        if matches!(self.peek(0), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.peek(1), Some(b'+' | b'-')));
            if self.peek(1 + sign).is_some_and(|b| b.is_ascii_digit()) {
                self.at += 1 + sign;
                self.digits(u8::is_ascii_digit);
            }
        }
    }

    /// Digits, and single underscores between them.
    fn digits(&mut self, is_digit: fn(&u8) -> bool) {
        while let Some(byte) = self.peek(0) {
            let between = byte == b'_' && self.peek(1).is_some_and(|b| is_digit(&b));
            if !is_digit(&byte) && !between {
                return;
            }
            self.at += 1;
        }
    }

    /// Moves from the opening quote behind the closing one, of the last piece when there are several.
    fn string(&mut self, escapes: Escapes, shown: &[u8]) -> Result<(), Uncertain> {
        self.at += 1;
        let start = self.at;
        let mut before = 0;
        loop {
            let byte = self.peek(0).ok_or(Uncertain)?;
            self.at += 1;
            match (byte, escapes) {
                (b'\'', Escapes::Plain) if before == b'\\' => return Err(Uncertain),
                (b'\'', _) if self.peek(0) == Some(b'\'') => {
                    self.at += 1;
                    before = b'\'';
                    continue;
                }
                (b'\'', _) => match self.continuation() {
                    Some(opening) => self.at += opening + 1,
                    None => break,
                },
                (b'\\', Escapes::Backslash) if before >= 0x80 => return Err(Uncertain),
                (b'\\', Escapes::Backslash) => self.at += 1,
                _ => {}
            }
            before = byte;
        }
        self.literals.note_string(self.text, start..self.at - 1);
        self.out.literal(shown);
        Ok(())
    }

    /// Bytes up to the quote that continues a string: only white space with a line end lies before it.
    fn continuation(&self) -> Option<usize> {
        let spaces = self.rest().iter().position(|&b| !is_space(b))?;
        let (between, after) = self.rest().split_at_checked(spaces)?;
        let line_end = between.iter().any(|b| matches!(b, b'\n' | b'\r'));
        (line_end && after.first() == Some(&b'\'')).then_some(spaces)
    }

    fn quoted_name(&mut self) -> Result<(), Uncertain> {
        let inside = self.text.get(self.at + 1..).unwrap_or_default();
        let mut length = 0;
        loop {
            length +=
                inside.get(length..).unwrap_or_default().iter().position(|&b| b == b'"').ok_or(Uncertain)?;
            match inside.get(length + 1) {
                Some(b'"') => length += 2,
                _ => break,
            }
        }
        let end = self.at + length + 2;
        self.out.verbatim(self.text.get(self.at..end).unwrap_or_default());
        self.at = end;
        Ok(())
    }

    /// A parameter such as `$1`, or a string between `$tag$`.
    fn dollar(&mut self) -> Result<(), Uncertain> {
        if self.peek(1).is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
            while self.peek(0).is_some_and(|b| b.is_ascii_digit()) {
                self.at += 1;
            }
            self.ends_here()?;
            self.out.literal(b"$1");
            return Ok(());
        }
        let inside = self.text.get(self.at + 1..).unwrap_or_default();
        let tag = inside.iter().position(|&b| b == b'$' || !is_word(b)).ok_or(Uncertain)?;
        if inside.get(tag) != Some(&b'$') {
            return Err(Uncertain);
        }
        let delimiter = self.text.get(self.at..self.at + tag + 2).unwrap_or_default();
        let body = self.text.get(self.at + delimiter.len()..).unwrap_or_default();
        let length = find(body, delimiter).ok_or(Uncertain)?;
        self.at += length + 2 * delimiter.len();
        self.literals.leave_out();
        self.out.literal(b"'1'");
        Ok(())
    }

    fn line_comment(&mut self) {
        self.literals.leave_out();
        let length = self.rest().iter().position(|b| matches!(b, b'\n' | b'\r'));
        self.at = length.map_or(self.text.len(), |length| self.at + length);
        self.out.gap();
    }

    /// Block comments nest.
    fn block_comment(&mut self) -> Result<(), Uncertain> {
        self.literals.leave_out();
        let mut depth = 0_usize;
        loop {
            match (self.peek(0).ok_or(Uncertain)?, self.peek(1)) {
                (b'/', Some(b'*')) => {
                    self.at += 2;
                    depth += 1;
                }
                (b'*', Some(b'/')) => {
                    self.at += 2;
                    depth -= 1;
                }
                _ => self.at += 1,
            }
            if depth == 0 {
                self.out.gap();
                return Ok(());
            }
        }
    }
}

/// Where `needle`, which starts with a dollar sign, begins in `hay`. Linear: a tag holds no dollar sign, so a
/// dollar sign that does not fit can only be the start of the next try.
fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        from += hay.get(from..)?.iter().position(|&b| b == b'$')?;
        if hay.get(from..)?.starts_with(needle) {
            return Some(from);
        }
        from += 1;
    }
}

/// Whether the last letter of a word surely ends with it.
fn letter_ends(word: &[u8], rest: &[u8]) -> Result<(), Uncertain> {
    match (word, rest) {
        ([.., 0x80..=0xff], [next, ..]) if may_be_second_byte(*next) => Err(Uncertain),
        _ => Ok(()),
    }
}

/// Reserved words that stand for a value.
fn is_constant(word: &[u8]) -> bool {
    [&b"null"[..], b"true", b"false", b"default"].iter().any(|constant| word.eq_ignore_ascii_case(constant))
}

/// Whether a member of a list ends where `rest` begins.
fn ends_member(rest: &[u8]) -> bool {
    matches!(rest.iter().find(|&&byte| !is_space(byte)), Some(b',' | b')'))
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Bytes of a name after its first.
fn is_word(byte: u8) -> bool {
    WORD[usize::from(byte)] != 0
}

/// The bytes of names, in lower case; zero for all others. A look-up is faster than comparisons.
static WORD: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0_u8;
    loop {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..) {
            table[byte as usize] = byte.to_ascii_lowercase();
        }
        if byte == u8::MAX {
            break table;
        }
        byte += 1;
    }
};

/// ASCII bytes that end a word but are the second byte of a letter in some client encoding.
fn may_be_second_byte(byte: u8) -> bool {
    matches!(byte, b'@' | b'[' | b'\\' | b']' | b'^' | b'`' | b'{' | b'|' | b'}' | b'~')
}
