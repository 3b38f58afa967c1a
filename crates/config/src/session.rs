//! The settings that a session has of its own: `PGPOOL SET` and `PGPOOL RESET`.

use core::fmt;
use std::collections::BTreeMap;

use crate::names::{self, Meaning};
use crate::setting::{Setting, State, When};
use crate::settings::{self, Settings};

/// What one session has changed for itself. It is small, and laid over the file's settings when they are looked at, so
/// that a reload reaches everything else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionSettings {
    /// Texts that were read without an error, by the setting's name: at most one for each setting that a session may
    /// change.
    values: BTreeMap<&'static str, String>,
}

/// Why a session's wish is refused. The texts are those of Pgpool-II.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionRefusal {
    /// There is no such setting.
    Unknown(String),
    /// It exists for each node only, and there is no number behind the name.
    NeedsNumber(String),
    /// It is not a session's to change.
    NotInSession(String),
    /// The value cannot be used: the setting, what was written and why not, and what to do.
    Value {
        /// What is wrong.
        message: String,
        /// What to do about it.
        hint: String,
    },
}

/// What a session should be told of a value that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionDoubt {
    /// What is doubtful.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl fmt::Display for SessionRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => write!(f, "unrecognized configuration parameter \"{name}\""),
            Self::NeedsNumber(name) => write!(f, "parameter \"{name}\" expects the index value"),
            Self::NotInSession(name) => {
                write!(f, "invalid Context, value for parameter \"{name}\" cannot be changed")
            }
            Self::Value { message, .. } => f.write_str(message),
        }
    }
}

impl std::error::Error for SessionRefusal {}

impl SessionSettings {
    /// `PGPOOL SET name TO value`. The doubt, if any, is one that a file would be warned of.
    ///
    /// # Errors
    /// When there is no such setting, it is not a session's to change, or the value is wrong.
    pub fn set(&mut self, name: &str, value: &str) -> Result<Option<SessionDoubt>, SessionRefusal> {
        let setting = changeable(name)?;
        let read = (setting.access.read)(&mut Settings::default(), None, value);
        let about = |what: &str| format!("{} '{}' {what}", setting.name, crate::problem::shown(value));
        let read = read
            .map_err(|offence| SessionRefusal::Value { message: about(&offence.what), hint: offence.hint })?;
        self.values.insert(setting.name, value.to_owned());
        let doubt = read.doubt.map(|doubt| SessionDoubt { message: about(&doubt.what), hint: doubt.hint });
        Ok(doubt.or_else(|| without_effect(setting)))
    }

    /// `PGPOOL RESET name` and `PGPOOL SET name TO DEFAULT`: the file's value holds again.
    ///
    /// # Errors
    /// When there is no such setting, or it is not a session's to change.
    pub fn reset(&mut self, name: &str) -> Result<(), SessionRefusal> {
        self.values.remove(changeable(name)?.name);
        Ok(())
    }

    /// `PGPOOL RESET ALL`.
    pub fn reset_all(&mut self) {
        self.values.clear();
    }

    /// True when the file's settings hold.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The file's settings with the session's own over them.
    pub fn over(&self, file: &Settings) -> Settings {
        let mut all = file.clone();
        for (name, value) in &self.values {
            if let Some(setting) = settings::find(name) {
                // It was read before.
                let _ = (setting.access.read)(&mut all, None, value);
            }
        }
        all
    }
}

fn changeable(name: &str) -> Result<&'static Setting, SessionRefusal> {
    let setting = match names::meaning(name) {
        Meaning::Current(setting, _) | Meaning::Former(setting, _) => setting,
        Meaning::WithoutNumber(_) => return Err(SessionRefusal::NeedsNumber(name.to_owned())),
        Meaning::Old(..) | Meaning::NumberTooGreat(..) | Meaning::Unknown => {
            return Err(SessionRefusal::Unknown(name.to_owned()));
        }
    };
    match setting.when {
        When::Session => Ok(setting),
        When::Start | When::NewNode | When::Reload => Err(SessionRefusal::NotInSession(name.to_owned())),
    }
}

/// A session that sets what does nothing yet should know.
fn without_effect(setting: &Setting) -> Option<SessionDoubt> {
    match setting.state {
        State::Works => None,
        State::Waits(feature) => Some(SessionDoubt {
            message: format!("{} has no effect: pgherd does not do {} yet", setting.name, feature.what()),
            hint: "what it would do is left undone".to_owned(),
        }),
        State::Unneeded(why) => Some(SessionDoubt {
            message: format!("{} has no effect: {why}", setting.name),
            hint: "it can be left out".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Style;
    use crate::source::NoFiles;

    fn file(text: &str) -> Settings {
        crate::load(std::path::Path::new("x"), text.as_bytes(), &NoFiles).settings
    }

    #[test]
    fn the_settings_of_a_session_are_those_of_pgpool() {
        let names: Vec<_> =
            settings::all().filter(|setting| setting.when == When::Session).map(|one| one.name).collect();
        let mut expected = vec![
            "log_statement",
            "log_per_node_statement",
            "notice_per_node_statement",
            "log_client_messages",
            "log_backend_messages",
            "check_unlogged_table",
            "allow_sql_comments",
            "client_idle_limit",
            "client_idle_limit_in_recovery",
            "log_error_verbosity",
            "client_min_messages",
            "log_min_messages",
        ];
        let mut sorted = names.clone();
        sorted.sort_unstable();
        expected.sort_unstable();
        assert_eq!(sorted, expected);
        for name in names {
            let value = settings::find(name).unwrap().show_default(Style::Units);
            let taken = SessionSettings::default().set(name, &value);
            assert!(taken.is_ok(), "{name} does not take its own default {value}: {taken:?}");
        }
    }

    #[test]
    fn own_values_lie_over_the_files_until_they_are_reset() {
        let mut own = SessionSettings::default();
        assert_eq!(own.set("client_idle_limit", "5min"), Ok(None));
        assert_eq!(own.set("log_statement", "on"), Ok(None));
        let before = file("client_idle_limit = 7\nlog_connections = on");
        let shown =
            |own: &SessionSettings, file: &Settings, name| own.over(file).show(name, Style::Units).unwrap();
        assert_eq!(shown(&own, &before, "client_idle_limit"), "5min");
        assert_eq!(shown(&own, &before, "log_statement"), "on");
        assert_eq!(shown(&own, &before, "log_connections"), "on");
        assert_eq!(own.reset("client_idle_limit"), Ok(()));
        assert_eq!(shown(&own, &before, "client_idle_limit"), "7s");
        // A reload reaches what the session has not set.
        assert_eq!(shown(&own, &file("client_idle_limit = 8"), "client_idle_limit"), "8s");
        assert_eq!(shown(&own, &file("log_statement = off"), "log_statement"), "on");
        own.reset_all();
        assert!(own.is_empty());
        assert_eq!(own.over(&before), before);
    }

    #[test]
    fn refusals_in_the_words_that_are_known() {
        let cases = [
            ("port", "1", "invalid Context, value for parameter \"port\" cannot be changed"),
            (
                "backend_weight0",
                "1",
                "invalid Context, value for parameter \"backend_weight0\" cannot be changed",
            ),
            ("backend_weight", "1", "parameter \"backend_weight\" expects the index value"),
            ("nonsense", "1", "unrecognized configuration parameter \"nonsense\""),
            ("client_idle_limit", "-1", "client_idle_limit '-1' "),
            ("client_min_messages", "loud", "client_min_messages 'loud' "),
        ];
        for (name, value, text) in cases {
            let mut own = SessionSettings::default();
            let refusal = own.set(name, value).unwrap_err();
            match &refusal {
                SessionRefusal::Value { hint, .. } => {
                    assert!(refusal.to_string().starts_with(text) && !hint.is_empty(), "{refusal:?}");
                }
                SessionRefusal::Unknown(_)
                | SessionRefusal::NeedsNumber(_)
                | SessionRefusal::NotInSession(_) => {
                    assert_eq!(refusal.to_string(), text);
                    assert_eq!(own.reset(name), Err(refusal), "{name}");
                }
            }
            assert!(own.is_empty(), "{name}");
        }
    }

    #[test]
    fn doubts_are_told() {
        let mut own = SessionSettings::default();
        let doubt = own.set("log_statement", "perhaps").unwrap().unwrap();
        assert!(doubt.message.starts_with("log_statement 'perhaps' "), "{doubt:?}");
        assert!(own.over(&Settings::default()).logging.log_statement, "as in a file");
        let doubt = own.set("client_idle_limit_in_recovery", "3").unwrap().unwrap();
        assert!(doubt.message.contains("has no effect"), "{doubt:?}");
    }
}
