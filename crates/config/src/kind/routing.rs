//! The lists of routing, which are compiled as they are read.

use super::{Kind, List, Offence, Style, Verdict, sure};
use crate::pattern::Pattern;
use crate::problem::shown;
use crate::redirect::RedirectList;
use crate::related::RelatedList;

/// Regular expressions with a separator between them.
pub(crate) struct Patterns(pub(crate) List);

impl Patterns {
    /// With commas.
    pub(crate) const fn commas() -> Self {
        Patterns(List::commas("regular expressions"))
    }

    /// With semicolons.
    pub(crate) const fn semicolons() -> Self {
        Patterns(List::semicolons("regular expressions"))
    }
}

impl Kind<Vec<Pattern>> for Patterns {
    fn read(&self, text: &str) -> Verdict<Vec<Pattern>> {
        let compile = |(at, text): (usize, String)| {
            Pattern::new(&text).map_err(|why| Offence {
                what: format!("is wrong at entry {}: {} {why}", at + 1, shown(&text)),
                hint: "write POSIX regular expressions, without back references".to_owned(),
            })
        };
        sure(self.0.split(text).into_iter().enumerate().map(compile).collect::<Result<_, _>>()?)
    }

    fn show(&self, value: &Vec<Pattern>, style: Style) -> String {
        let texts = value.iter().map(|pattern| pattern.text().to_owned()).collect();
        self.0.show(&texts, style)
    }

    fn allowed(&self) -> String {
        self.0.allowed()
    }

    fn is_quoted(&self) -> bool {
        true
    }
}

/// A redirect list.
pub(crate) struct Redirects;

impl Kind<RedirectList> for Redirects {
    fn read(&self, text: &str) -> Verdict<RedirectList> {
        RedirectList::read(text).and_then(sure)
    }

    fn show(&self, value: &RedirectList, _: Style) -> String {
        value.text.clone()
    }

    fn allowed(&self) -> String {
        "list of `regular expression:node(ratio)` with commas between them".to_owned()
    }

    fn is_quoted(&self) -> bool {
        true
    }
}

/// Pairs of objects.
pub(crate) struct Relationships;

impl Kind<RelatedList> for Relationships {
    fn read(&self, text: &str) -> Verdict<RelatedList> {
        RelatedList::read(text).and_then(sure)
    }

    fn show(&self, value: &RelatedList, _: Style) -> String {
        value.text.clone()
    }

    fn allowed(&self) -> String {
        "list of pairs with commas between them".to_owned()
    }

    fn is_quoted(&self) -> bool {
        true
    }
}
