/// The words of a statement, without blanks and comments. Quoted text and signs are words of their own.
pub(crate) struct Words<'a> {
    rest: &'a str,
}

/// A word of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word<'a> {
    /// A name or a number, with its sign and unit.
    Plain(&'a str),
    /// A text in single quotes, as it is between them: a quote in it is still double.
    Quoted(&'a str),
    /// `=`.
    Equals,
    /// The `;` behind a statement.
    End,
    /// Anything else: other quotes, other signs. What holds it is read by a server, or is no request that we know.
    Other,
}

impl<'a> Words<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Words { rest: text }
    }

    /// Skips blanks and comments. `/* */` nests, as in PostgreSQL; one that does not end goes to the end of the text.
    fn skip_blanks(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            if let Some(comment) = self.rest.strip_prefix("--") {
                self.rest = comment.split_once('\n').map_or("", |(_, rest)| rest);
            } else if let Some(comment) = self.rest.strip_prefix("/*") {
                self.rest = after_comment(comment);
            } else {
                return;
            }
        }
    }
}

impl<'a> Words<'a> {
    /// A text in single quotes; the next thing is the one that opens it. One without an end is no text.
    fn quoted(&mut self) -> Word<'a> {
        let text = self.rest.get(1..).unwrap_or_default();
        let mut from = 0;
        while let Some(quote) = text.get(from..).and_then(|rest| rest.find('\'')) {
            let end = from + quote;
            let behind = text.get(end + 1..).unwrap_or_default();
            if !behind.starts_with('\'') {
                self.rest = behind;
                return Word::Quoted(text.get(..end).unwrap_or_default());
            }
            from = end + 2;
        }
        self.rest = "";
        Word::Other
    }
}

fn after_comment(mut text: &str) -> &str {
    let mut depth = 1_usize;
    while depth > 0 {
        match (text.find("*/"), text.find("/*")) {
            (Some(end), Some(begin)) if begin < end => {
                depth += 1;
                text = text.get(begin + 2..).unwrap_or_default();
            }
            (Some(end), _) => {
                depth -= 1;
                text = text.get(end + 2..).unwrap_or_default();
            }
            (None, _) => return "",
        }
    }
    text
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    fn next(&mut self) -> Option<Word<'a>> {
        self.skip_blanks();
        let first = self.rest.chars().next()?;
        if first == '\'' {
            return Some(self.quoted());
        }
        let length = match name_length(self.rest) {
            0 => first.len_utf8(),
            length => length,
        };
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some(match first {
            ';' => Word::End,
            '=' => Word::Equals,
            _ if name_length(word) > 0 => Word::Plain(word),
            _ => Word::Other,
        })
    }
}

/// Bytes of the name or number that the text begins with.
fn name_length(text: &str) -> usize {
    let unsigned =
        text.strip_prefix(['-', '+']).filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let name = unsigned.unwrap_or(text);
    let in_name = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    match name.find(|c| !in_name(c)) {
        Some(0) => 0,
        end => text.len() - name.len() + end.unwrap_or(name.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::Word::{End, Equals, Other, Plain, Quoted};
    use super::{Word, Words};

    #[test]
    fn words_and_comments() {
        let cases: &[(&str, &[Word<'_>])] = &[
            ("", &[]),
            (" \t\n", &[]),
            ("show x;", &[Plain("show"), Plain("x"), End]),
            ("-- a\nshow/**/x -- b", &[Plain("show"), Plain("x")]),
            ("/* a /* b */ c */ show", &[Plain("show")]),
            ("/* a /* b */ show", &[]),
            ("/*/ show */ x", &[Plain("x")]),
            ("show \"x\"", &[Plain("show"), Other, Plain("x"), Other]),
            ("é = 1", &[Plain("é"), Equals, Plain("1")]),
            ("a=-1 +2 -b --c", &[Plain("a"), Equals, Plain("-1"), Plain("+2"), Other, Plain("b")]),
            ("5min 1.5", &[Plain("5min"), Plain("1.5")]),
            (
                "'a' 'b''c' '' '/* */'x",
                &[Quoted("a"), Quoted("b''c"), Quoted(""), Quoted("/* */"), Plain("x")],
            ),
            ("'a", &[Other]),
            ("'a''", &[Other]),
        ];
        for (text, words) in cases {
            assert_eq!(Words::new(text).collect::<Vec<_>>(), *words, "{text:?}");
        }
    }
}
