//! Texts that come again and again with other values of their literals.

use std::sync::Arc;

use pgherd_sql::{Literals, Template, Text};

/// A memory of templates, in front of that of normal texts: a text of one of them is not cut into tokens.
#[derive(Debug)]
pub(crate) struct Templates {
    sets: Box<[Set]>,
    /// Where in their set the next ones go.
    turn: usize,
}

/// Templates of texts that begin alike, or whose beginnings have one hash.
#[derive(Debug, Default)]
struct Set([Option<(Template, Arc<Text>)>; WAYS]);

const SETS: usize = 64;
const WAYS: usize = 4;

/// Bytes of a text whose template may be kept.
const TEXT_BYTES: usize = 1024;

/// Bytes of a text by which its set is found. A text with a literal in them is not found again.
const HEAD_BYTES: usize = 16;

impl Templates {
    pub(crate) fn new() -> Self {
        Templates { sets: (0..SETS).map(|_| Set::default()).collect(), turn: 0 }
    }

    /// What a text is, where it is of a known template.
    pub(crate) fn find(&self, text: &[u8]) -> Option<&Arc<Text>> {
        let Set(ways) = self.sets.get(set_of(text)?)?;
        ways.iter().flatten().find(|(template, _)| template.matches(text)).map(|(_, read)| read)
    }

    /// Keeps the template of a text, in the place of another one.
    pub(crate) fn keep(&mut self, text: &[u8], literals: &Literals, read: &Arc<Text>) {
        if text.len() > TEXT_BYTES || !literals.are_whole() {
            return;
        }
        self.turn = (self.turn + 1) % WAYS;
        let Some(Set(ways)) = set_of(text).and_then(|set| self.sets.get_mut(set)) else { return };
        let free = ways.iter().position(Option::is_none).unwrap_or(self.turn);
        if let Some(way) = ways.get_mut(free) {
            *way = Some((Template::new(text, literals), Arc::clone(read)));
        }
    }
}

/// Sets are few and texts are compared: whoever aims at a set makes others' texts be read in the other way, no more.
fn set_of(text: &[u8]) -> Option<usize> {
    let head = match text.first_chunk::<HEAD_BYTES>() {
        Some(head) => u128::from_le_bytes(*head),
        // All of a short one, such as BEGIN.
        None => text.iter().fold(0, |head, &byte| head << u8::BITS | u128::from(byte)),
    };
    let mixed = head.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    usize::try_from(mixed >> (u128::BITS - SETS.ilog2())).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pgherd_sql::{Literals, Text, normalise_noting};

    use super::{SETS, TEXT_BYTES, Templates, WAYS};

    fn keep(templates: &mut Templates, text: &str) {
        let mut literals = Literals::default();
        normalise_noting(text.as_bytes(), &mut Vec::new(), &mut literals);
        templates.keep(text.as_bytes(), &literals, &Arc::new(Text::Empty));
    }

    #[test]
    fn other_values_are_found() {
        let mut templates = Templates::new();
        keep(&mut templates, "SELECT a FROM some_table WHERE b = 1 AND c = 'x'");
        let known = |text: &str| templates.find(text.as_bytes()).is_some();
        assert!(known("SELECT a FROM some_table WHERE b = 12345 AND c = 'another'"));
        assert!(!known("SELECT a FROM some_table WHERE b = 12345 AND d = 'another'"));
        assert!(!known("SELECT a"));
    }

    #[test]
    fn short_texts_are_found() {
        let mut templates = Templates::new();
        for text in ["BEGIN", "END;", "SELECT 'a'"] {
            keep(&mut templates, text);
        }
        let known = |text: &str| templates.find(text.as_bytes()).is_some();
        assert!(known("BEGIN") && known("END;") && known("SELECT 'a'"));
        assert!(!known("BEGIN;") && !known("END") && !known(""));
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let mut templates = Templates::new();
        for i in 0..10 * SETS * WAYS {
            keep(&mut templates, &format!("SELECT a FROM some_table_{i} WHERE b = 1"));
        }
        let all = templates.sets.iter().flat_map(|set| &set.0).flatten().count();
        assert!(all <= WAYS, "they all begin alike: {all}");
        keep(&mut templates, &format!("SELECT a, b, c, d FROM t WHERE b = {}", "1".repeat(TEXT_BYTES)));
        assert_eq!(templates.sets.iter().flat_map(|set| &set.0).flatten().count(), all);
    }
}
