use core::fmt::Write;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::record::Source;

/// `log_line_prefix`, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prefix(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Escape { what: Escape, width: i16 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escape {
    Application,
    Process,
    Pid,
    Time,
    Milliseconds,
    Database,
    User,
    Line,
}

/// Widest padding that an escape may ask for (`%-20a`).
const WIDTH: i16 = 200;

impl Prefix {
    /// Takes a prefix apart. An unknown escape and a lone `%` at the end stand for nothing, as in PostgreSQL. Between
    /// `%` and the letter a number pads the value to that width, on the right where it is negative.
    pub(crate) fn parse(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if c != '%' {
                plain.push(c);
                continue;
            }
            let mut width = String::new();
            while let Some(digit) = chars.next_if(|c| *c == '-' || c.is_ascii_digit()) {
                width.push(digit);
            }
            let width = width.parse().unwrap_or(0_i16).clamp(-WIDTH, WIDTH);
            match chars.next() {
                Some('%') => plain.push('%'),
                Some(letter) => {
                    if let Some(what) = Escape::of(letter) {
                        parts.push(Part::Text(core::mem::take(&mut plain)));
                        parts.push(Part::Escape { what, width });
                    }
                }
                None => {}
            }
        }
        parts.push(Part::Text(plain));
        Prefix(parts)
    }

    /// Appends the prefix of line number `line`.
    pub(super) fn put(&self, out: &mut String, source: &Source, at: Timestamp, zone: &TimeZone, line: u64) {
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Escape { what, width } => {
                    let value = what.value(source, at, zone, line);
                    let columns = usize::from(width.unsigned_abs());
                    // Writing to a String cannot fail.
                    let _ = if *width < 0 {
                        write!(out, "{value:<columns$}")
                    } else {
                        write!(out, "{value:>columns$}")
                    };
                }
            }
        }
    }
}

impl Escape {
    fn of(letter: char) -> Option<Self> {
        match letter {
            'a' => Some(Self::Application),
            'P' => Some(Self::Process),
            'p' => Some(Self::Pid),
            't' => Some(Self::Time),
            'm' => Some(Self::Milliseconds),
            'd' => Some(Self::Database),
            'u' => Some(Self::User),
            'l' => Some(Self::Line),
            _ => None,
        }
    }

    fn value(self, source: &Source, at: Timestamp, zone: &TimeZone, line: u64) -> String {
        let time = |format| at.to_zoned(zone.clone()).strftime(format).to_string();
        let session = source.session.as_deref();
        match self {
            Self::Application => one_word(&source.application),
            Self::Process => match session {
                Some(_) => "child".to_owned(),
                None => one_word(&source.application),
            },
            Self::Pid => source.pid.to_string(),
            Self::Time => time("%Y-%m-%d %H:%M:%S"),
            Self::Milliseconds => time("%Y-%m-%d %H:%M:%S.%3f"),
            Self::Database => session.map_or_else(String::new, |names| printable(&names.database)),
            Self::User => session.map_or_else(String::new, |names| printable(&names.user)),
            Self::Line => line.to_string(),
        }
    }
}

/// Scripts count the words of a line, and a client chooses its `application_name`: blanks become `_`.
fn one_word(text: &str) -> String {
    let clean: String =
        text.chars().map(|c| if c.is_whitespace() || c.is_control() { '_' } else { c }).collect();
    if clean.is_empty() { "[unknown]".to_owned() } else { clean }
}

/// A name as it is, but for what would end the line or drive a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::sync::Arc;

    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::Prefix;
    use crate::log::Source;
    use crate::log::record::SessionNames;

    fn put(prefix: &str, application: &'static str) -> String {
        let names = SessionNames { user: "bob\n".to_owned(), database: "shop".to_owned() };
        let source =
            Source { application: Cow::Borrowed(application), pid: 42, session: Some(Arc::new(names)) };
        let at = Timestamp::from_millisecond(1_000_000_000_007).unwrap();
        let mut out = String::new();
        Prefix::parse(prefix).put(&mut out, &source, at, &TimeZone::UTC, 3);
        out
    }

    #[test]
    fn escapes() {
        let cases = [
            ("%m: %a pid %p: ", "2001-09-09 01:46:40.007: psql pid 42: "),
            ("%t %u@%d %l %P", "2001-09-09 01:46:40 bob?@shop 3 child"),
            ("100%% %x%", "100% "),
            ("[%5p|%-5p|%0a]", "[   42|42   |psql]"),
            ("%999999p", "42"),
            ("", ""),
        ];
        for (prefix, expected) in cases {
            assert_eq!(put(prefix, "psql"), expected, "{prefix:?}");
        }
    }

    #[test]
    fn an_application_is_always_one_word_and_cannot_forge_a_line() {
        assert_eq!(put("%a", "a b\nLOG:  c"), "a_b_LOG:__c");
        assert_eq!(put("%a", ""), "[unknown]");
    }
}
