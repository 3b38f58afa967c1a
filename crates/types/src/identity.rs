use core::cmp::Ordering;
use core::ptr;

/// Whose backend it is: user, database and startup options. Only backends with an equal identity are shared
/// between sessions, so equality here is what keeps one user's rows from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    user: Box<str>,
    database: Box<str>,
    options: Box<[(Box<str>, Box<str>)]>,
}

impl Identity {
    /// Takes the parts of a startup packet: `options` are all its parameters but `user`, `database` and the
    /// `_pq_.` ones. Their order does not matter; of a repeated name the last one counts, as in PostgreSQL.
    pub fn new(user: &str, database: &str, options: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut sorted: Vec<(Box<str>, Box<str>)> = Vec::new();
        for (name, value) in options {
            match sorted.iter_mut().find(|(known, _)| **known == *name) {
                Some((_, slot)) => *slot = value.into(),
                None => sorted.push((name.into(), value.into())),
            }
        }
        sorted.sort();
        Identity { user: user.into(), database: database.into(), options: sorted.into() }
    }

    /// The user's name.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The database's name.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The startup options, sorted by name.
    pub fn options(&self) -> impl Iterator<Item = (&str, &str)> {
        self.options.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The value of one startup option.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options().find_map(|(known, value)| (known == name).then_some(value))
    }
}

impl Ord for Identity {
    /// By user, database and options. Equal ones mostly are the same one, shared, and then nothing is compared.
    fn cmp(&self, other: &Self) -> Ordering {
        if ptr::eq(self, other) {
            return Ordering::Equal;
        }
        let names = self.user.cmp(&other.user).then_with(|| self.database.cmp(&other.database));
        names.then_with(|| self.options.cmp(&other.options))
    }
}

impl PartialOrd for Identity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::Identity;

    fn options(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[test]
    fn order_of_options_does_not_matter_but_values_do() {
        let one = Identity::new("u", "d", options(&[("a", "1"), ("b", "2")]));
        assert_eq!(one, Identity::new("u", "d", options(&[("b", "2"), ("a", "1")])));
        assert_ne!(one, Identity::new("u", "d", options(&[("b", "1"), ("a", "2")])));
        assert_ne!(one, Identity::new("d", "u", options(&[("a", "1"), ("b", "2")])));
    }

    #[test]
    fn those_that_are_equal_are_so_in_order_too() {
        let make = |user, database, pairs: &[_]| Identity::new(user, database, options(pairs));
        let all = [
            make("u", "d", &[]),
            make("u", "d", &[("a", "1")]),
            make("u", "d", &[("a", "2")]),
            make("u", "e", &[]),
            make("ud", "", &[]),
        ];
        for (i, one) in all.iter().enumerate() {
            for (j, other) in all.iter().enumerate() {
                assert_eq!(one.cmp(other), i.cmp(&j));
                assert_eq!(one.clone().cmp(other), i.cmp(&j));
            }
        }
    }

    #[test]
    fn the_last_of_a_repeated_option_counts() {
        let twice = Identity::new("u", "d", options(&[("a", "1"), ("a", "2")]));
        assert_eq!(twice.option("a"), Some("2"));
        assert_eq!(twice, Identity::new("u", "d", options(&[("a", "2")])));
    }
}
