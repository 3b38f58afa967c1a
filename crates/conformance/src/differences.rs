use std::collections::BTreeMap;

/// The differences that are allowed, by name.
///
/// A line of `differences.txt` is `MODE NAME: reason`, where the mode is that of the cluster and the name is
/// `FILE PROTOCOL` or the name of a script. A listed difference that does not show is a failure too, so that the list
/// stays true, unless the reason begins with `by chance,`: then another server's being ahead or behind decides.
#[derive(Debug, Default)]
pub struct Differences {
    listed: BTreeMap<String, Shows>,
}

/// When a listed difference shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shows {
    Always,
    ByChance,
}

impl Differences {
    /// Reads the list.
    ///
    /// # Panics
    /// When a line has no reason.
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        let listed = lines
            .map(|line| match line.split_once(": ") {
                Some((name, reason)) if reason.starts_with("by chance, ") => {
                    (name.to_owned(), Shows::ByChance)
                }
                Some((name, reason)) if !reason.trim().is_empty() => (name.to_owned(), Shows::Always),
                Some(_) | None => panic!("differences.txt: no reason is given in `{line}`"),
            })
            .collect();
        Differences { listed }
    }

    /// Holds what was found against the list: every complaint in words.
    pub fn judge(&self, mode: &str, found: &[(String, Option<String>)]) -> Vec<String> {
        found
            .iter()
            .filter_map(|(name, difference)| {
                let listed = self.listed.get(&format!("{mode} {name}"));
                match (difference, listed) {
                    (Some(difference), None) => Some(format!("{mode} {name}:\n{difference}")),
                    (None, Some(Shows::Always)) => {
                        Some(format!("{mode} {name} is listed as different, and is not"))
                    }
                    (Some(_), Some(_)) | (None, Some(Shows::ByChance) | None) => None,
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Differences;

    #[test]
    fn the_list_has_to_be_true_in_both_directions() {
        let list = Differences::parse("# comment\nraw a: because\nchance a: by chance, because\n");
        let found = |difference: Option<&str>| vec![("a".to_owned(), difference.map(str::to_owned))];
        assert!(list.judge("raw", &found(Some("x"))).is_empty());
        assert_eq!(list.judge("raw", &found(None)).len(), 1);
        assert!(list.judge("chance", &found(Some("x"))).is_empty());
        assert!(list.judge("chance", &found(None)).is_empty());
        assert_eq!(list.judge("streaming", &found(Some("x"))).len(), 1);
        assert!(list.judge("streaming", &found(None)).is_empty());
    }
}
