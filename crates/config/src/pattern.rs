use core::fmt;

use regex::bytes::{Regex, RegexBuilder};

/// Bytes that one compiled pattern may take.
const COMPILED_BYTES: usize = 1 << 20;

/// Bytes of a pattern's text.
const TEXT_BYTES: usize = 16 * 1024;

/// A regular expression of a list, as it was written and compiled.
///
/// As in Pgpool-II it does not look at case, and it has to match the whole text: `^` and `$` are added where they are
/// not written. A dot is any byte. Matching takes time in proportion to the text, whatever the pattern is.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// What is wrong with it, as the rest of a sentence.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        if text.len() > TEXT_BYTES {
            return Err(format!("is longer than {TEXT_BYTES} bytes"));
        }
        let start = if text.starts_with('^') { "" } else { "^" };
        let end = if text.ends_with('$') { "" } else { "$" };
        let anchored = format!("{start}{}{end}", with_least_counts(text));
        let compile = |unicode| {
            RegexBuilder::new(&anchored)
                .case_insensitive(true)
                .dot_matches_new_line(true)
                .unicode(unicode)
                .size_limit(COMPILED_BYTES)
                .build()
        };
        // Byte by byte, so that a dot matches in every encoding; with letters beyond ASCII in brackets that does not
        // go.
        let regex = compile(false).or_else(|_| compile(true)).map_err(|error| reason(&error))?;
        Ok(Pattern { text: text.to_owned(), regex })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// As it matches.
    pub fn regex(&self) -> &Regex {
        &self.regex
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

/// The pattern with `{,n}`, which Pgpool-II's regular expressions know, written as `{0,n}`.
fn with_least_counts(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut escaped, mut brackets) = (false, 0_usize);
    for (at, letter) in text.char_indices() {
        out.push(letter);
        match letter {
            '{' if !escaped
                && brackets == 0
                && text.get(at + 1..).is_some_and(|rest| rest.starts_with(',')) =>
            {
                out.push('0');
            }
            '[' if !escaped => brackets += 1,
            ']' if !escaped => brackets = brackets.saturating_sub(1),
            _ => {}
        }
        escaped = letter == '\\' && !escaped;
    }
    out
}

/// The sentence at the end of an error that otherwise shows the pattern over several lines.
fn reason(error: &regex::Error) -> String {
    let text = match error {
        regex::Error::CompiledTooBig(_) => "takes too much memory".to_owned(),
        regex::Error::Syntax(_) | _ => error.to_string(),
    };
    let last = text.lines().last().unwrap_or_default().trim();
    match last.strip_prefix("error: ") {
        Some(reason) => format!("is no regular expression ({reason})"),
        None => last.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn whole_texts_in_any_case() {
        let table: [(&str, &str, bool); 20] = [
            ("nextval", "nextval", true),
            ("nextval", "NextVal", true),
            ("nextval", "nextval2", false),
            ("nextval", "my_nextval", false),
            (".*val", "nextval", true),
            ("^next", "nextval", false),
            ("^next.*", "nextval", true),
            ("val$", "nextval", false),
            // Added at the ends of the text, not around it, as Pgpool-II does.
            ("next|val", "nextval", true),
            ("SELECT .*FROM t", "select a\nfrom t", true),
            ("[[:alpha:]]+_ro", "reports_ro", true),
            ("ab{,2}c", "abbc", true),
            ("ab{,2}c", "abbbc", false),
            (r"ab\{,2", "ab{,2", true),
            ("a[{,]{,2}", "a{,", true),
            ("a[{,]", "a0", false),
            ("[[:digit:]]{2}", "42", true),
            ("caf[é]", "café", true),
            ("a.c", "a\u{e9}c", false),
            ("a..c", "a\u{e9}c", true),
        ];
        for (pattern, text, matches) in table {
            let pattern = Pattern::new(pattern).expect("a pattern");
            assert_eq!(pattern.regex().is_match(text.as_bytes()), matches, "{pattern:?} on {text}");
        }
        let pattern = Pattern::new("select .* from t").expect("a pattern");
        assert!(pattern.regex().is_match(b"select '\xe9' from t"), "text that is no UTF-8");
    }

    #[test]
    fn what_is_no_pattern() {
        let large = format!("({})", "a{1000}".repeat(1000));
        for (text, why) in [
            ("(", "is no regular expression (unclosed group)"),
            ("[a", "is no regular expression (unclosed character class)"),
            ("*a", ""),
            (r"(a)\1", "is no regular expression (backreferences are not supported)"),
            (large.as_str(), "takes too much memory"),
            ("x".repeat(20_000).as_str(), "is longer than 16384 bytes"),
        ] {
            match Pattern::new(text) {
                Ok(_) => assert_eq!(why, "", "{text:.20}"),
                Err(found) => assert_eq!(found, why, "{text:.20}"),
            }
        }
    }
}
