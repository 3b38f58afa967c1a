/// The words of a statement, without blanks and comments. Quoted text and signs are words of their own.
pub(crate) struct Words<'a> {
    rest: &'a str,
}

/// A word of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word<'a> {
    /// A name or a number.
    Plain(&'a str),
    /// The `;` behind a statement.
    End,
    /// Anything else: quotes, signs. What holds it is read by a server, or is no request that we know.
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
        let in_name = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        let length = match self.rest.find(|c| !in_name(c)) {
            Some(0) => first.len_utf8(),
            Some(length) => length,
            None => self.rest.len(),
        };
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some(match first {
            ';' => Word::End,
            first if in_name(first) => Word::Plain(word),
            _ => Word::Other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Word::{End, Other, Plain};
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
            ("é = 1", &[Plain("é"), Other, Plain("1")]),
        ];
        for (text, words) in cases {
            assert_eq!(Words::new(text).collect::<Vec<_>>(), *words, "{text:?}");
        }
    }
}
