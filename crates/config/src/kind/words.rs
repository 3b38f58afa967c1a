use super::{Kind, Style, Verdict, doubtful, sure, wrong};
use crate::BackendFlag;

/// A type whose values have names in the file.
pub(crate) trait Words: Copy + PartialEq + 'static {
    /// The names and values, each value's own name before its other names.
    const WORDS: &'static [(&'static str, Self)];
    /// Names that older releases took, and what they mean. They are read with a warning.
    const OLD: &'static [(&'static str, Self)] = &[];

    /// The value of a name in any case.
    fn from_word(word: &str) -> Option<Self> {
        look_up(Self::WORDS, word)
    }

    /// The value's own name.
    fn word(&self) -> &'static str {
        Self::WORDS.iter().find_map(|(word, value)| (value == self).then_some(*word)).unwrap_or_default()
    }

    /// All names, for messages.
    fn names() -> String {
        Self::WORDS.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ")
    }
}

fn look_up<T: Copy>(words: &[(&str, T)], word: &str) -> Option<T> {
    words.iter().find_map(|&(known, value)| known.eq_ignore_ascii_case(word.trim()).then_some(value))
}

/// One of the words of its value's type.
pub(crate) struct Choice;

impl<T: Words> Kind<T> for Choice {
    fn read(&self, text: &str) -> Verdict<T> {
        if let Some(value) = T::from_word(text) {
            return sure(value);
        }
        match look_up(T::OLD, text) {
            Some(value) => doubtful(value, "is an old word", format!("write {}", value.word())),
            None => wrong("is not a word that it takes", format!("write one of {}", T::names())),
        }
    }

    fn show(&self, value: &T, _: Style) -> String {
        value.word().to_owned()
    }

    fn allowed(&self) -> String {
        T::names()
    }

    fn is_quoted(&self) -> bool {
        true
    }
}

/// The flags of a node, with `|` between them.
pub(crate) struct Flags;

const FLAGS: &str = "ALLOW_TO_FAILOVER, DISALLOW_TO_FAILOVER, ALWAYS_PRIMARY";

impl Kind<BackendFlag> for Flags {
    fn read(&self, text: &str) -> Verdict<BackendFlag> {
        let (mut allow, mut disallow, mut always_primary, mut old) = (false, false, false, false);
        for word in text.split('|').map(str::trim).filter(|word| !word.is_empty()) {
            match word.to_ascii_uppercase().as_str() {
                "ALLOW_TO_FAILOVER" => allow = true,
                "DISALLOW_TO_FAILOVER" => disallow = true,
                "ALWAYS_PRIMARY" => always_primary = true,
                "ALWAYS_MASTER" => (always_primary, old) = (true, true),
                _ => {
                    return wrong(
                        "has a flag that does not exist",
                        format!("write one of {FLAGS}, or several with |"),
                    );
                }
            }
        }
        if allow && disallow {
            return wrong("allows and forbids failover at once", "keep one of the two flags");
        }
        let value = BackendFlag { disallow_to_failover: disallow, always_primary };
        if old {
            return doubtful(value, "uses an old word", "write ALWAYS_PRIMARY for ALWAYS_MASTER");
        }
        sure(value)
    }

    fn show(&self, value: &BackendFlag, _: Style) -> String {
        let failover = if value.disallow_to_failover { "DISALLOW_TO_FAILOVER" } else { "ALLOW_TO_FAILOVER" };
        if value.always_primary { format!("{failover}|ALWAYS_PRIMARY") } else { failover.to_owned() }
    }

    fn allowed(&self) -> String {
        format!("{FLAGS}; several with | between them")
    }

    fn is_quoted(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_a_node() {
        let flag =
            |disallow_to_failover, always_primary| BackendFlag { disallow_to_failover, always_primary };
        let cases = [
            ("", Some((flag(false, false), false))),
            ("ALLOW_TO_FAILOVER", Some((flag(false, false), false))),
            ("disallow_to_failover", Some((flag(true, false), false))),
            ("ALWAYS_PRIMARY|DISALLOW_TO_FAILOVER", Some((flag(true, true), false))),
            ("ALWAYS_MASTER", Some((flag(false, true), true))),
            ("ALLOW_TO_FAILOVER|DISALLOW_TO_FAILOVER", None),
            ("ALLOW", None),
        ];
        for (text, expected) in cases {
            let read = Flags.read(text).ok().map(|read| (read.value, read.doubt.is_some()));
            assert_eq!(read, expected, "{text:?}");
        }
    }
}
