//! Rust source with what is not code blanked out, so that the rules may search by plain words.
//!
//! This is a scan for comments and literals, not a parser: it keeps every line where it was, and puts a space for each
//! character it takes away.

/// Two views of one source text, line for line like the original.
#[derive(Debug, Default)]
pub(crate) struct Masked {
    /// Without comments and without the insides of string and character literals.
    pub(crate) code: String,
    /// Only the comments.
    pub(crate) comments: String,
}

/// Blanks out comments and literals of `source`.
pub(crate) fn mask(source: &str) -> Masked {
    let text: Vec<char> = source.chars().collect();
    let mut scan = Scan { text: &text, at: 0, out: Masked::default() };
    while scan.at < text.len() {
        scan.next_piece();
    }
    scan.out
}

struct Scan<'a> {
    text: &'a [char],
    at: usize,
    out: Masked,
}

#[derive(Clone, Copy)]
enum View {
    Code,
    Comment,
    Neither,
}

impl Scan<'_> {
    fn next_piece(&mut self) {
        match (self.peek(0), self.peek(1)) {
            (Some('/'), Some('/')) => self.line_comment(),
            (Some('/'), Some('*')) => self.block_comment(),
            (Some('"'), _) => self.string(),
            (Some('r'), Some('"' | '#')) if self.starts_raw_string() => self.raw_string(),
            (Some('\''), _) if self.starts_character() => self.character(),
            _ => self.take(View::Code),
        }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.text.get(self.at + ahead).copied()
    }

    fn take(&mut self, view: View) {
        let Some(c) = self.peek(0) else { return };
        let blank = if c == '\n' { '\n' } else { ' ' };
        let (code, comment) = match view {
            View::Code => (c, blank),
            View::Comment => (blank, c),
            View::Neither => (blank, blank),
        };
        self.out.code.push(code);
        self.out.comments.push(comment);
        self.at += 1;
    }

    fn line_comment(&mut self) {
        while self.peek(0).is_some_and(|c| c != '\n') {
            self.take(View::Comment);
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0usize;
        while let Some(c) = self.peek(0) {
            match (c, self.peek(1)) {
                ('/', Some('*')) => depth += 1,
                ('*', Some('/')) => depth -= 1,
                _ => {
                    self.take(View::Comment);
                    continue;
                }
            }
            self.take(View::Comment);
            self.take(View::Comment);
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        self.take(View::Code);
        while let Some(c) = self.peek(0) {
            match c {
                '"' => return self.take(View::Code),
                '\\' => {
                    self.take(View::Neither);
                    self.take(View::Neither);
                }
                _ => self.take(View::Neither),
            }
        }
    }

    /// An `r` that opens a literal: not the end of a name, and only `#` up to the quote.
    fn starts_raw_string(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|at| self.text.get(at)).copied();
        let prefixed = match before {
            Some('b' | 'c') => {
                let earlier = self.at.checked_sub(2).and_then(|at| self.text.get(at));
                !earlier.is_some_and(|c| is_word(*c))
            }
            Some(c) => !is_word(c),
            None => true,
        };
        let after = self.text.get(self.at + 1..).unwrap_or_default();
        prefixed && after.iter().find(|c| **c != '#') == Some(&'"')
    }

    fn raw_string(&mut self) {
        self.take(View::Code);
        let mut hashes = 0;
        while self.peek(0) == Some('#') {
            hashes += 1;
            self.take(View::Code);
        }
        self.take(View::Code);
        while let Some(c) = self.peek(0) {
            let closes = c == '"' && (1..=hashes).all(|ahead| self.peek(ahead) == Some('#'));
            if closes {
                (0..=hashes).for_each(|_| self.take(View::Code));
                return;
            }
            self.take(View::Neither);
        }
    }

    /// A quote that opens a literal and not a lifetime.
    fn starts_character(&self) -> bool {
        self.peek(1) == Some('\\') || self.peek(2) == Some('\'')
    }

    fn character(&mut self) {
        self.take(View::Code);
        if self.peek(0) == Some('\\') {
            self.take(View::Neither);
        }
        self.take(View::Neither);
        while self.peek(0).is_some_and(|c| c != '\'') {
            self.take(View::Neither);
        }
        self.take(View::Code);
    }
}

/// Whether `c` may stand inside a Rust name.
pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn literals_and_comments_are_blanked() {
        let cases = [
            ("let a = \"todo!()\"; // why", "let a = \"       \";       "),
            (r##"r#"a " b"# + x"##, r##"r#"     "# + x"##),
            ("br\"x\" bar\"y\"", "br\" \" bar\" \""),
            ("'x' '\\'' '{' b'\\\\'", "' ' '  ' ' ' b'  '"),
            ("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}"),
            ("a /* b /* c */ d */ e", "a                   e"),
            ("\"a\\\"b\" c", "\"    \" c"),
        ];
        for (source, code) in cases {
            assert_eq!(mask(source).code, code, "of {source}");
        }
    }

    #[test]
    fn comments_are_kept_apart() {
        let masked = mask("x(); // FIXME\n\"FIXME\"");
        assert_eq!(masked.comments, "     // FIXME\n       ");
    }
}
