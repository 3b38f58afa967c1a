use core::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use crate::{Alike, limits};

/// The parameters that a server reported with ParameterStatus, by name. A clone shares its memory until one of the two
/// is changed: a session and its backend, and idle backends by the thousand, have the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(Arc<List>);

/// Parameters that backends have.
#[derive(Debug, Default)]
pub struct KnownParameters(Alike<List>);

#[derive(Debug, Default)]
struct List {
    pairs: Vec<(Box<str>, Box<str>)>,
    /// The same as messages, once somebody has wanted them.
    messages: OnceLock<Box<[u8]>>,
}

impl Parameters {
    /// Remembers a value. False when there are more names than [`limits::PARAMETERS`]: the server misbehaves.
    #[must_use]
    pub fn set(&mut self, name: &str, value: &str) -> bool {
        match self.0.pairs.iter().position(|(known, _)| **known == *name) {
            Some(at) => {
                if let Some((_, known)) = self.0.pairs.get(at)
                    && **known != *value
                    && let Some((_, slot)) = self.change().get_mut(at)
                {
                    *slot = value.into();
                }
            }
            None if self.0.pairs.len() >= limits::PARAMETERS => return false,
            None => self.change().push((name.into(), value.into())),
        }
        true
    }

    fn change(&mut self) -> &mut Vec<(Box<str>, Box<str>)> {
        let list = Arc::make_mut(&mut self.0);
        list.messages = OnceLock::new();
        &mut list.pairs
    }

    /// Shares the memory of those that are the same.
    pub fn share(&mut self, known: &mut KnownParameters) {
        let own = core::mem::take(&mut self.0);
        self.0 = known.0.share(own);
    }

    /// One value. Names are compared exactly; a server always reports a parameter under one spelling.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find_map(|(known, value)| (known == name).then_some(value))
    }

    /// All of them, in the order in which they were first reported.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.pairs.iter().map(|(name, value)| (&**name, &**value))
    }

    /// All of them as messages, of which `put` appends one. They are made once for all who share these parameters.
    pub fn as_messages(&self, put: impl Fn(&mut Vec<u8>, &str, &str)) -> &[u8] {
        self.0.messages.get_or_init(|| {
            let mut messages = Vec::new();
            self.iter().for_each(|(name, value)| put(&mut messages, name, value));
            messages.into()
        })
    }
}

impl Clone for List {
    fn clone(&self) -> Self {
        // It is cloned to be changed.
        List { pairs: self.pairs.clone(), messages: OnceLock::new() }
    }
}

impl PartialEq for List {
    fn eq(&self, other: &Self) -> bool {
        self.pairs == other.pairs
    }
}

impl Eq for List {}

impl Hash for List {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.pairs.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{KnownParameters, Parameters, limits};

    #[test]
    fn what_is_shared_is_not_changed_for_others() {
        let mut all = Parameters::default();
        assert!(all.set("a", "1"));
        let before = all.clone();
        assert!(all.set("a", "2") && all.set("b", "3"));
        assert_eq!((before.get("a"), before.get("b")), (Some("1"), None));
        let (mut same, mut known) = (before.clone(), KnownParameters::default());
        assert!(same.set("a", "2") && same.set("b", "3"));
        all.share(&mut known);
        same.share(&mut known);
        assert!(Arc::ptr_eq(&all.0, &same.0));
        assert!(same.set("a", "4"));
        assert_eq!(all.get("a"), Some("2"));
    }

    #[test]
    fn messages_are_those_of_the_values() {
        let put = |to: &mut Vec<u8>, name: &str, value: &str| {
            to.extend_from_slice(format!("{name}={value};").as_bytes());
        };
        let mut all = Parameters::default();
        assert!(all.set("a", "1") && all.set("b", "2"));
        let before = all.clone();
        assert_eq!(all.as_messages(put), b"a=1;b=2;");
        assert!(all.set("a", "3"));
        assert_eq!(all.as_messages(put), b"a=3;b=2;");
        assert!(all.set("c", "4"));
        assert_eq!(all.as_messages(put), b"a=3;b=2;c=4;");
        assert_eq!(before.as_messages(put), b"a=1;b=2;");
    }

    #[test]
    fn a_server_cannot_make_it_grow_without_end() {
        let mut all = Parameters::default();
        for i in 0..limits::PARAMETERS {
            assert!(all.set(&format!("p{i}"), "x"));
        }
        assert!(!all.set("one more", "x"));
        assert!(all.set("p0", "y"), "a known name can still change");
        assert_eq!(all.get("p0"), Some("y"));
    }
}
