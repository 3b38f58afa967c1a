//! What a new configuration changes while pgherd runs.

use std::collections::BTreeSet;

use crate::kind::Style;
use crate::setting::{Setting, When};
use crate::settings::{self, Settings};

/// A setting whose value in the new file is another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The name, with its number.
    pub name: String,
    /// The value in use until now, hidden if it is secret.
    pub old: String,
    /// The value in the new file, hidden if it is secret.
    pub new: String,
}

/// What a reload does.
#[derive(Clone, Debug, PartialEq)]
pub struct Reload {
    /// The settings from now on: the old ones with all changes that can be made now.
    pub settings: Settings,
    /// What changes now.
    pub changed: Vec<Change>,
    /// What stays as it is until pgherd is started again.
    pub waiting: Vec<Change>,
}

impl Settings {
    /// Compares these settings, which are in use, with those of a new file.
    pub fn reload(&self, new: &Settings) -> Reload {
        let mut reload = Reload { settings: self.clone(), changed: Vec::new(), waiting: Vec::new() };
        for setting in settings::all() {
            for index in indexes(setting, self, new) {
                reload.setting(setting, index, self, new);
            }
        }
        reload
    }
}

impl Reload {
    fn setting(&mut self, setting: &Setting, index: Option<u8>, old: &Settings, new: &Settings) {
        let is_for_all = index.is_none();
        if (setting.access.same)(old, new, index) {
            // A node's own value stays what it is when the value for all nodes changes under it.
            if !(setting.access.same)(&self.settings, new, index) {
                (setting.access.copy)(new, &mut self.settings, index);
            }
            return;
        }
        let text = |settings| setting.show(settings, index, Style::Units);
        let change = Change { name: setting.full_name(index), old: text(old), new: text(new) };
        let can_change = match setting.when {
            When::Start => false,
            When::NewNode => is_for_all || !is_used(old, index),
            When::Reload | When::Session => true,
        };
        if can_change {
            (setting.access.copy)(new, &mut self.settings, index);
            self.changed.push(change);
        } else {
            self.waiting.push(change);
        }
    }
}

fn is_used(settings: &Settings, index: Option<u8>) -> bool {
    index.and_then(|index| settings.backends.get(&index)).is_some_and(|node| node.is_used())
}

/// Where the setting may differ: without a number, and under each number that has a value.
fn indexes(setting: &Setting, old: &Settings, new: &Settings) -> impl Iterator<Item = Option<u8>> {
    let numbers: BTreeSet<u8> = setting.numbers(old).into_iter().chain(setting.numbers(new)).collect();
    let plain = setting.shape.is_plain().then_some(None);
    plain.into_iter().chain(numbers.into_iter().map(Some))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::source::NoFiles;

    fn settings(text: &str) -> Settings {
        let loaded = crate::load(Path::new("x"), text.as_bytes(), &NoFiles);
        assert!(loaded.is_usable(), "{:?}", loaded.problems);
        loaded.settings
    }

    fn names(changes: &[Change]) -> Vec<&str> {
        changes.iter().map(|change| change.name.as_str()).collect()
    }

    #[test]
    fn what_changes_now_and_what_waits() {
        type Names = &'static [&'static str];
        let node = "backend_hostname0 = 'a'\nbackend_port0 = 5432\n";
        let cases: &[(&str, &str, Names, Names)] = &[
            ("", "", &[], &[]),
            ("", "port = 9998", &[], &["port"]),
            ("", "log_connections = on", &["log_connections"], &[]),
            ("", "log_statement = on\nnum_init_children = 5", &["log_statement"], &["num_init_children"]),
            ("", node, &["backend_hostname0", "backend_port0"], &[]),
            (node, "", &[], &["backend_hostname0", "backend_port0"]),
            (node, "backend_hostname0 = 'b'\nbackend_port0 = 5432", &[], &["backend_hostname0"]),
            (node, &format!("{node}backend_weight0 = 2"), &["backend_weight0"], &[]),
            ("", "health_check_period1 = 5", &["health_check_period1"], &[]),
            ("health_check_period1 = 5", "", &["health_check_period1"], &[]),
            ("health_check_password = 'a'", "health_check_password = 'b'", &["health_check_password"], &[]),
        ];
        for (old, new, changed, waiting) in cases {
            let reload = settings(old).reload(&settings(new));
            assert_eq!(names(&reload.changed), *changed, "changed from {old:?} to {new:?}");
            assert_eq!(names(&reload.waiting), *waiting, "waiting from {old:?} to {new:?}");
            if waiting.is_empty() {
                let again = reload.settings.reload(&settings(new));
                assert!(again.changed.is_empty(), "{:?} is left after the reload", again.changed);
            }
        }
    }

    #[test]
    fn values_for_one_node_stay_apart_from_those_for_all() {
        let old = settings("health_check_period = 1\nhealth_check_period2 = 5");
        let new = settings("health_check_period = 3\nhealth_check_period2 = 5\nhealth_check_timeout = 7");
        let now = old.reload(&new).settings;
        assert_eq!(now.health_of[&2].health_check_period.as_secs(), 5);
        assert_eq!(now.health.health_check_period.as_secs(), 3);
        assert_eq!(now.health_of[&2].health_check_timeout.as_secs(), 7, "it has no value of its own");
    }

    #[test]
    fn secrets_are_not_in_what_is_told() {
        let reload = settings("").reload(&settings("sr_check_password = 'hunter2'"));
        assert!(!format!("{reload:?}").contains("hunter2"));
        assert_eq!(reload.changed[0].new, "*****");
    }
}
