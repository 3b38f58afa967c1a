use crate::limits;

/// The parameters that a server reported with ParameterStatus, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(Vec<(Box<str>, Box<str>)>);

impl Parameters {
    /// Remembers a value. False when there are more names than [`limits::PARAMETERS`]: the server misbehaves.
    #[must_use]
    pub fn set(&mut self, name: &str, value: &str) -> bool {
        if let Some((_, slot)) = self.0.iter_mut().find(|(known, _)| **known == *name) {
            if **slot != *value {
                *slot = value.into();
            }
            return true;
        }
        if self.0.len() >= limits::PARAMETERS {
            return false;
        }
        self.0.push((name.into(), value.into()));
        true
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
    use super::{Parameters, limits};

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
