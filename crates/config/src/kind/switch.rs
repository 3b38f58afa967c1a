use super::{Kind, Style, Verdict, doubtful, sure};

/// On or off.
pub(crate) struct Switch;

/// The words for true and false; any unambiguous beginning of one will do.
const WORDS: [(&str, bool); 6] =
    [("true", true), ("false", false), ("yes", true), ("no", false), ("on", true), ("off", false)];

/// A boolean as Pgpool-II reads it.
pub(crate) fn read_switch(text: &str) -> Option<bool> {
    let lower = text.trim().to_ascii_lowercase();
    match lower.as_str() {
        "" | "o" => None,
        "1" => Some(true),
        "0" => Some(false),
        beginning => WORDS.iter().find_map(|&(word, value)| word.starts_with(beginning).then_some(value)),
    }
}

impl Kind<bool> for Switch {
    /// Pgpool-II takes whatever is no boolean for true, without a word. So do we, with a word.
    fn read(&self, text: &str) -> Verdict<bool> {
        match read_switch(text) {
            Some(value) => sure(value),
            None => {
                doubtful(true, "is neither on nor off and counts as on, as in Pgpool-II", "write on or off")
            }
        }
    }

    fn show(&self, value: &bool, style: Style) -> String {
        let text = match (style, value) {
            (Style::Plain, true) => "1",
            (Style::Plain, false) => "0",
            (Style::Units, true) => "on",
            (Style::Units, false) => "off",
        };
        text.to_owned()
    }

    fn allowed(&self) -> String {
        "on, off".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_their_beginnings_in_any_case() {
        for text in ["on", "ON", "true", "t", "Tr", "yes", "y", "1", " on "] {
            assert_eq!(read_switch(text), Some(true), "{text:?}");
        }
        for text in ["off", "of", "OFF", "false", "f", "no", "n", "0"] {
            assert_eq!(read_switch(text), Some(false), "{text:?}");
        }
        for text in ["", "o", "all", "2", "onn", "-1", "maybe"] {
            assert_eq!(read_switch(text), None, "{text:?}");
        }
    }

    #[test]
    fn anything_else_is_on_and_doubted() {
        let read = Switch.read("all").unwrap();
        assert!(read.value);
        assert_eq!(read.doubt.unwrap().hint, "write on or off");
    }
}
