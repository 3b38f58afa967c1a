use pgherd_types::Secret;

use super::{Kind, Style, Verdict, sure};

/// Any text.
pub(crate) struct Text {
    /// What the text is, for the manual: `file name`, `SQL`.
    pub(crate) what: &'static str,
    /// Whether it is kept out of what is shown.
    pub(crate) secret: bool,
}

impl Text {
    /// A text that describes itself to the manual as `what`.
    pub(crate) const fn of(what: &'static str) -> Self {
        Text { what, secret: false }
    }
}

impl Kind<String> for Text {
    fn read(&self, text: &str) -> Verdict<String> {
        sure(text.to_owned())
    }

    fn show(&self, value: &String, _: Style) -> String {
        value.clone()
    }

    fn allowed(&self) -> String {
        self.what.to_owned()
    }

    fn is_secret(&self) -> bool {
        self.secret
    }

    fn is_quoted(&self) -> bool {
        true
    }
}

/// A password or key.
pub(crate) struct Hidden;

impl Kind<Secret> for Hidden {
    fn read(&self, text: &str) -> Verdict<Secret> {
        sure(Secret::new(text))
    }

    fn show(&self, value: &Secret, _: Style) -> String {
        if value.is_empty() { String::new() } else { "*****".to_owned() }
    }

    fn allowed(&self) -> String {
        "secret text".to_owned()
    }

    fn is_secret(&self) -> bool {
        true
    }

    fn is_quoted(&self) -> bool {
        true
    }
}
