use std::sync::Arc;

use crate::{Alike, limits};

/// The parameters that a server reported with ParameterStatus, by name. A clone shares its memory until one of the two
/// is changed: a session and its backend, and idle backends by the thousand, have the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(Arc<Vec<(Box<str>, Box<str>)>>);

/// Parameters that backends have.
#[derive(Debug, Default)]
pub struct KnownParameters(Alike<Vec<(Box<str>, Box<str>)>>);

impl Parameters {
    /// Remembers a value. False when there are more names than [`limits::PARAMETERS`]: the server misbehaves.
    #[must_use]
    pub fn set(&mut self, name: &str, value: &str) -> bool {
        match self.0.iter().position(|(known, _)| **known == *name) {
            Some(at) => {
                if let Some((_, known)) = self.0.get(at)
                    && **known != *value
                    && let Some((_, slot)) = Arc::make_mut(&mut self.0).get_mut(at)
                {
                    *slot = value.into();
                }
            }
            None if self.0.len() >= limits::PARAMETERS => return false,
            None => Arc::make_mut(&mut self.0).push((name.into(), value.into())),
        }
        true
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
        self.0.iter().map(|(name, value)| (&**name, &**value))
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
