use crate::kind::Style;
use crate::setting::Setting;
use crate::settings::{self, CHAPTERS, Chapter, Settings};

/// A setting and its value, to show to an administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The name, with its number where it has one.
    pub name: String,
    /// The value; of a secret, whether there is one.
    pub value: String,
    /// What it does, in a line.
    pub description: String,
}

/// The groups, each with a setting of the chapter that is meant.
const GROUPS: [(&str, &str); 4] = [
    ("backend", "backend_hostname"),
    ("watchdog", "wd_port"),
    ("heartbeat", "heartbeat_hostname"),
    ("health_check", "health_check_period"),
];

impl Settings {
    /// All settings, in the order of the manual, a node's settings together.
    pub fn shown(&self, style: Style) -> Vec<Shown> {
        CHAPTERS.iter().flat_map(|chapter| self.shown_chapter(chapter, style)).collect()
    }

    fn shown_chapter(&self, chapter: &Chapter, style: Style) -> Vec<Shown> {
        let numbers = chapter.settings.first().map(|setting| setting.numbers(self)).unwrap_or_default();
        let mut all = Vec::new();
        for index in [None].into_iter().chain(numbers.into_iter().map(Some)) {
            for setting in chapter.settings {
                if index.is_some() || setting.shape.is_plain() {
                    all.push(self.shown_one(setting, index, style));
                }
            }
        }
        all
    }

    /// The value of one setting by its name, with a number where it needs one. `None` when there is none of this
    /// name, or nothing under this number.
    pub fn show(&self, name: &str, style: Style) -> Option<String> {
        let (setting, index) = settings::find_numbered(name)?;
        let is_there = index.is_none_or(|index| setting.numbers(self).contains(&index));
        is_there.then(|| self.shown_one(setting, index, style).value)
    }

    /// The values of a numbered setting by its name without a number. `None` when there is none of this name.
    pub fn show_numbered(&self, name: &str, style: Style) -> Option<Vec<Shown>> {
        let setting = settings::find(name).filter(|setting| !setting.shape.is_plain())?;
        let numbers = setting.numbers(self).into_iter();
        Some(numbers.map(|index| self.shown_one(setting, Some(index), style)).collect())
    }

    /// The settings that Pgpool-II shows as a group under this name: `backend`, `watchdog`, `heartbeat`,
    /// `health_check`. `None` when there is no such group.
    pub fn show_group(&self, name: &str, style: Style) -> Option<Vec<Shown>> {
        let member = GROUPS.iter().find_map(|(group, member)| (*group == name).then_some(*member))?;
        let holds = |chapter: &&Chapter| chapter.settings.iter().any(|setting| setting.name == member);
        CHAPTERS.iter().find(holds).map(|chapter| self.shown_chapter(chapter, style))
    }

    fn shown_one(&self, setting: &Setting, index: Option<u8>, style: Style) -> Shown {
        let value = hide(setting.is_secret(), setting.show(self, index, style));
        Shown { name: setting.full_name(index), value, description: setting.summary() }
    }
}

/// What is shown of a secret: only that there is one.
fn hide(is_secret: bool, value: String) -> String {
    if is_secret && !value.is_empty() { "*****".to_owned() } else { value }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::source::NoFiles;

    fn settings() -> Settings {
        let text = "backend_hostname1 = 'b'\nbackend_port1 = 5433\nbackend_hostname0 = 'a'\nbackend_port0 = 5432\n\
                    sr_check_password = 'hunter2'\npool_passwd = '/hunter2'\nhealth_check_period1 = 90";
        crate::load(Path::new("x"), text.as_bytes(), &NoFiles).settings
    }

    #[test]
    fn one_setting_in_both_styles() {
        let cases = [
            ("authentication_timeout", Some(("60", "1min"))),
            ("log_rotation_size", Some(("10240", "10MB"))),
            ("load_balance_mode", Some(("1", "on"))),
            ("unix_socket_permissions", Some(("0777", "0777"))),
            ("backend_port1", Some(("5433", "5433"))),
            ("backend_port01", Some(("5433", "5433"))),
            ("backend_port2", None),
            ("backend_port", None),
            ("health_check_period1", Some(("90", "90s"))),
            ("health_check_period", Some(("0", "0"))),
            ("health_check_period0", None),
            ("backend_flag0", Some(("ALLOW_TO_FAILOVER", "ALLOW_TO_FAILOVER"))),
            ("reset_query_list", Some(("ABORT; DISCARD ALL", "ABORT; DISCARD ALL"))),
            ("sr_check_password", Some(("*****", "*****"))),
            ("pool_passwd", Some(("*****", "*****"))),
            ("recovery_password", Some(("", ""))),
            ("nothing", None),
        ];
        let settings = settings();
        for (name, expected) in cases {
            let shown = settings.show(name, Style::Plain).zip(settings.show(name, Style::Units));
            assert_eq!(shown, expected.map(|(a, b)| (a.to_owned(), b.to_owned())), "{name}");
        }
    }

    #[test]
    fn all_values_of_a_numbered_setting() {
        let shown = |name| settings().show_numbered(name, Style::Plain);
        let ports = shown("backend_port").unwrap();
        let ports: Vec<_> = ports.iter().map(|one| (one.name.as_str(), one.value.as_str())).collect();
        assert_eq!(ports, [("backend_port0", "5432"), ("backend_port1", "5433")]);
        assert_eq!(shown("wd_port"), Some(Vec::new()));
        assert_eq!(shown("port"), None);
        assert_eq!(shown("backend_port0"), None);
    }

    #[test]
    fn groups_are_all_of_a_chapter() {
        let names = |group| -> Vec<String> {
            let shown = settings().show_group(group, Style::Units).unwrap();
            shown.into_iter().map(|one| one.name).collect()
        };
        let backend = names("backend");
        assert!(backend.contains(&"backend_hostname0".to_owned()), "{backend:?}");
        assert!(backend.iter().all(|name| name.starts_with("backend_")), "{backend:?}");
        assert!(names("health_check").contains(&"health_check_period1".to_owned()));
        assert!(names("watchdog").is_empty() && names("heartbeat").is_empty());
        assert_eq!(settings().show_group("port", Style::Units), None);
    }

    #[test]
    fn the_settings_of_a_node_are_shown_together_and_secrets_are_not() {
        let shown = settings().shown(Style::Plain);
        let names: Vec<_> = shown.iter().map(|one| one.name.as_str()).collect();
        let first = names.iter().position(|name| *name == "backend_hostname0").unwrap();
        assert_eq!(names[first + 1], "backend_port0");
        assert_eq!(names[first + 6], "backend_hostname1");
        assert!(!names.contains(&"backend_hostname"));
        assert!(!format!("{shown:?}").contains("hunter2"));
        assert!(shown.iter().all(|one| !one.description.is_empty()));
    }
}
