//! One line of a configuration file. Values never span lines.

use std::borrow::Cow;

use crate::problem::{may_hold_secret, shown};

/// What a line says.
#[derive(Debug, PartialEq)]
pub(crate) enum Line<'a> {
    /// Nothing, or a comment.
    Blank,
    /// A value for a name.
    Assignment(Assignment<'a>),
    /// Neither.
    Malformed(Malformed),
}

/// `name = value`.
#[derive(Debug, PartialEq)]
pub(crate) struct Assignment<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) name_column: u32,
    /// Without its quotes; backslashes are still in it.
    pub(crate) value: &'a [u8],
    pub(crate) value_column: u32,
}

/// A line that cannot be understood.
#[derive(Debug, PartialEq)]
pub(crate) struct Malformed {
    pub(crate) column: u32,
    pub(crate) message: String,
    pub(crate) hint: &'static str,
}

const LINE: &str = "write name = value, the value in quotes unless it is a number or a word";
const QUOTED: &str = r"write the value in quotes; a quote within them as \'";

/// Reads a line, which may end in a carriage return.
pub(crate) fn read(line: &[u8]) -> Line<'_> {
    let mut cursor = Cursor { line, at: 0 };
    cursor.blanks();
    if cursor.at_end() {
        return Line::Blank;
    }
    match assignment(&mut cursor) {
        Ok(assignment) => Line::Assignment(assignment),
        Err(malformed) => Line::Malformed(malformed),
    }
}

fn assignment<'a>(cursor: &mut Cursor<'a>) -> Result<Assignment<'a>, Malformed> {
    let name_column = cursor.column();
    if !cursor.peek().is_some_and(is_name_start) {
        return Err(cursor.malformed("no name of a setting where one must be", LINE));
    }
    let name = String::from_utf8_lossy(cursor.take_while(is_name));
    if cursor.peek().is_some_and(|next| !is_blank(next) && !matches!(next, b'=' | b'\'' | b'#')) {
        return Err(cursor.malformed(&format!("unexpected text after the name {}", shown(&name)), LINE));
    }
    cursor.blanks();
    if cursor.peek() == Some(b'=') {
        cursor.at += 1;
        cursor.blanks();
    }
    if cursor.at_end() {
        return Err(cursor.malformed(&format!("no value for {}", shown(&name)), LINE));
    }
    let value_column = cursor.column();
    let value = value(cursor, &name)?;
    cursor.blanks();
    if !cursor.at_end() {
        return Err(cursor.malformed(&format!("unexpected text after the value of {}", shown(&name)), QUOTED));
    }
    Ok(Assignment { name, name_column, value, value_column })
}

fn value<'a>(cursor: &mut Cursor<'a>, name: &str) -> Result<&'a [u8], Malformed> {
    if cursor.peek() != Some(b'\'') {
        let word = cursor.take_while(is_word);
        if word.is_empty() {
            return Err(cursor.malformed(&format!("unexpected text as the value of {}", shown(name)), QUOTED));
        }
        return Ok(word);
    }
    let opening = cursor.at;
    cursor.at += 1;
    let start = cursor.at;
    loop {
        match cursor.peek() {
            Some(b'\'') => break,
            Some(b'\\') => cursor.at += 2,
            Some(_) => cursor.at += 1,
            None => {
                cursor.at = opening;
                return Err(
                    cursor.malformed(&format!("no closing quote after the value of {}", shown(name)), QUOTED)
                );
            }
        }
    }
    let value = cursor.line.get(start..cursor.at).unwrap_or_default();
    cursor.at += 1;
    Ok(value)
}

struct Cursor<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a [u8] {
        self.line.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    fn take_while(&mut self, belongs: fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let length = rest.iter().position(|&byte| !belongs(byte)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    fn blanks(&mut self) {
        self.take_while(is_blank);
    }

    /// True when nothing but a comment follows.
    fn at_end(&self) -> bool {
        self.peek().is_none_or(|next| next == b'#')
    }

    /// The place, in characters from 1.
    fn column(&self) -> u32 {
        let before = self.line.get(..self.at).unwrap_or(self.line);
        u32::try_from(String::from_utf8_lossy(before).chars().count() + 1).unwrap_or(u32::MAX)
    }

    fn malformed(&self, message: &str, hint: &'static str) -> Malformed {
        let column = self.column();
        let rest = String::from_utf8_lossy(self.rest());
        let is_hidden = may_hold_secret(&String::from_utf8_lossy(self.line));
        let message = match rest.trim_end() {
            text if text.is_empty() || is_hidden => message.to_owned(),
            text => format!("{message}: {}", shown(text)),
        };
        Malformed { column, message, hint }
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | 0x0b | 0x0c)
}

fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn is_name(byte: u8) -> bool {
    is_name_start(byte) || byte.is_ascii_digit()
}

/// More than Pgpool-II takes without quotes (`/tmp`, `10.0.0.1`), but nothing that could mean something else.
fn is_word(byte: u8) -> bool {
    is_name(byte) || matches!(byte, b'-' | b'+' | b'.' | b':' | b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_assign() {
        let cases: &[(&str, &str, &str)] = &[
            ("port = 9999", "port", "9999"),
            ("port 9999", "port", "9999"),
            ("port=9999#comment", "port", "9999"),
            ("  port\t=\t'9999'  # comment\r", "port", "9999"),
            ("port'9999'", "port", "9999"),
            ("work_dir = standby/log", "work_dir", "standby/log"),
            ("work_dir = /tmp", "work_dir", "/tmp"),
            ("a = ''", "a", ""),
            (r#"a = 'it\'s \"fine\"\\'"#, "a", r#"it\'s \"fine\"\\"#),
            ("a = '# no comment'", "a", "# no comment"),
            ("a = -1", "a", "-1"),
            ("a01 = x", "a01", "x"),
            ("größe = 1", "größe", "1"),
            ("include 'other.conf'", "include", "other.conf"),
        ];
        for (line, name, value) in cases {
            let Line::Assignment(found) = read(line.as_bytes()) else { panic!("{line:?} is refused") };
            assert_eq!((&*found.name, found.value), (*name, value.as_bytes()), "{line:?}");
        }
    }

    #[test]
    fn lines_that_say_nothing() {
        for line in ["", "   ", "# port = 1", "\t# x", "\r"] {
            assert_eq!(read(line.as_bytes()), Line::Blank, "{line:?}");
        }
    }

    #[test]
    fn lines_that_are_refused() {
        let cases: &[(&str, u32, &str)] = &[
            ("pgpool.conf", 7, "unexpected text after the name pgpool: .conf"),
            ("port", 5, "no value for port"),
            ("port = # none", 8, "no value for port: # none"),
            ("port = 1 2", 10, "unexpected text after the value of port: 2"),
            ("a = 'it''s'", 9, "unexpected text after the value of a: 's'"),
            ("a = 'open", 5, "no closing quote after the value of a: 'open"),
            (r"a = 'open\'", 5, r"no closing quote after the value of a: 'open\'"),
            ("a = *", 5, "unexpected text as the value of a: *"),
            ("9lives = 1", 1, "no name of a setting where one must be: 9lives = 1"),
            ("= 1", 1, "no name of a setting where one must be: = 1"),
            ("$a = 1", 1, "no name of a setting where one must be: $a = 1"),
            (
                "sr_check_password = hunter2 hunter3",
                29,
                "unexpected text after the value of sr_check_password",
            ),
            ("é = 1 2", 7, "unexpected text after the value of é: 2"),
        ];
        for (line, column, message) in cases {
            let Line::Malformed(found) = read(line.as_bytes()) else { panic!("{line:?} is accepted") };
            assert_eq!(found.message, *message, "{line:?}");
            assert_eq!(found.column, *column, "{line:?}");
        }
    }
}
