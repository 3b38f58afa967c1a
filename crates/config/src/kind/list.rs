use super::{Kind, Style, Verdict, Words, doubtful, sure};

/// Texts with a separator between them. Blanks around each are dropped, and so are empty ones.
pub(crate) struct List {
    pub(crate) separator: char,
    /// What each text is, for the manual: `address`, `regular expression`.
    pub(crate) what: &'static str,
}

impl List {
    /// A list with commas.
    pub(crate) const fn commas(what: &'static str) -> Self {
        List { separator: ',', what }
    }

    /// A list with semicolons.
    pub(crate) const fn semicolons(what: &'static str) -> Self {
        List { separator: ';', what }
    }

    pub(super) fn split(&self, text: &str) -> Vec<String> {
        split(text, self.separator)
    }
}

/// Splits at each separator that no backslash stands before; the backslash of `\;` and `\'` goes, and so do blanks
/// around the parts, and empty parts.
pub(crate) fn split(text: &str, separator: char) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut rest = text.chars().peekable();
    while let Some(next) = rest.next() {
        let escaped = (next == '\\').then(|| rest.next_if(|&c| c == separator || c == '\'')).flatten();
        match (escaped, all.last_mut()) {
            (Some(literal), Some(last)) => last.push(literal),
            (None, _) if next == separator => all.push(String::new()),
            (None, Some(last)) => last.push(next),
            (_, None) => {}
        }
    }
    all.iter().map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()).collect()
}

impl Kind<Vec<String>> for List {
    fn read(&self, text: &str) -> Verdict<Vec<String>> {
        sure(self.split(text))
    }

    fn show(&self, value: &Vec<String>, _: Style) -> String {
        let between = if self.separator == ';' { "; " } else { "," };
        let escape = |one: &String| one.replace(self.separator, &format!("\\{}", self.separator));
        value.iter().map(escape).collect::<Vec<_>>().join(between)
    }

    fn allowed(&self) -> String {
        let separator = if self.separator == ';' { "semicolons" } else { "commas" };
        format!("list of {} with {separator} between them", self.what)
    }

    fn is_quoted(&self) -> bool {
        true
    }
}

/// Some of the words of `T`, with commas between them.
pub(crate) struct Subset;

impl<T: Words> Kind<Vec<T>> for Subset {
    /// Pgpool-II drops the words it does not know; when none is left it uses the first of those it knows.
    fn read(&self, text: &str) -> Verdict<Vec<T>> {
        let words: Vec<&str> = text.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
        let mut value: Vec<T> = words.iter().filter_map(|word| T::from_word(word)).collect();
        let are_all_known = value.len() == words.len();
        if value.is_empty() {
            value.extend(T::WORDS.first().map(|&(_, first)| first));
        }
        if are_all_known {
            return sure(value);
        }
        let what = format!("has a word that it does not take; {} is used", Self.show(&value, Style::Units));
        doubtful(value, what, format!("write one or more of {}", T::names()))
    }

    fn show(&self, value: &Vec<T>, _: Style) -> String {
        value.iter().map(|one| one.word()).collect::<Vec<_>>().join(",")
    }

    fn allowed(&self) -> String {
        format!("{}; several with commas between them", T::names())
    }

    fn is_quoted(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_split_trimmed_and_unescaped() {
        let cases: &[(List, &str, &[&str])] = &[
            (List::commas(""), "", &[]),
            (List::commas(""), " a , b,,c ", &["a", "b", "c"]),
            (List::commas(""), r"a\,b,c", &["a,b", "c"]),
            (List::semicolons(""), "ABORT; DISCARD ALL", &["ABORT", "DISCARD ALL"]),
            (List::semicolons(""), r"a\;b;c\'d;\d+", &["a;b", "c'd", r"\d+"]),
            (List::semicolons(""), "a,b", &["a,b"]),
            (List::semicolons(""), "\\", &["\\"]),
        ];
        for (list, text, expected) in cases {
            let read = list.read(text).unwrap();
            assert_eq!(read.value, *expected, "{text:?}");
            assert_eq!(list.read(&list.show(&read.value, Style::Plain)).unwrap(), read, "{text:?}");
        }
    }
}
