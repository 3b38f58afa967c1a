use super::{Backend, Failure, Transaction, Wires, error};
use crate::sql::{Characteristics, Setting};

/// Settings that the model knows, and what they are at the start.
const KNOWN: [(&str, &str); 9] = [
    ("application_name", ""),
    ("bytea_output", "hex"),
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_read_only", "off"),
    ("extra_float_digits", "1"),
    ("IntervalStyle", "postgres"),
    ("my.x", ""),
    ("role", "none"),
    ("search_path", "\"$user\", public"),
];

/// Those that the client is told of.
pub(super) const REPORTED: [&str; 3] = ["application_name", "default_transaction_read_only", "IntervalStyle"];

/// What a setting is at the start; nothing, if there is no such setting.
pub(super) fn default(name: &str) -> Option<&'static str> {
    KNOWN.iter().find_map(|(known, value)| (*known == name).then_some(*value))
}

/// What is wrong with a value.
fn check(name: &str, value: &str) -> Result<(), Failure> {
    let good = match name {
        "extra_float_digits" => value.parse().is_ok_and(|digits: i32| (-15..=3).contains(&digits)),
        "IntervalStyle" => STYLES.iter().any(|(style, _)| *style == value),
        "bytea_output" => ["hex", "escape"].contains(&value),
        "role" => ["r0", "r1", "none"].contains(&value),
        _ => true,
    };
    match good {
        true => Ok(()),
        false => Err(Failure::new("22023", format!("invalid value for parameter \"{name}\": \"{value}\""))),
    }
}

/// A day in each `IntervalStyle`.
const STYLES: [(&str, &str); 4] = [
    ("postgres", "1 day"),
    ("postgres_verbose", "@ 1 day"),
    ("sql_standard", "1 0:00:00"),
    ("iso_8601", "P1D"),
];

impl Backend {
    /// What a setting is now.
    pub(super) fn setting(&self, name: &str) -> Result<&str, Failure> {
        match name {
            "transaction_read_only" => Ok(if self.is_read_only() { "on" } else { "off" }),
            _ => self.state.setting(name).or_else(|| default(name)).ok_or_else(|| unknown(name)),
        }
    }

    /// Runs SET, RESET or their like, and gives the tag.
    pub(super) fn set(&mut self, setting: &Setting, wires: &mut Wires<'_>) -> Result<&'static str, Failure> {
        match setting {
            Setting::One { local, name, value } => {
                if *local {
                    self.warn_local("SET LOCAL", wires);
                }
                self.set_one(*local, name, value.as_deref())?;
            }
            Setting::Reset(name) => {
                self.set_one(false, name, None)?;
                return Ok("RESET");
            }
            Setting::ResetAll => {
                self.change().reset_all();
                return Ok("RESET");
            }
            Setting::Transaction(said) => {
                self.warn_local("SET TRANSACTION", wires);
                self.characterise(*said, wires.data)?;
            }
            Setting::Session(said) => self.set_session(*said),
        }
        Ok("SET")
    }

    /// Changes one setting.
    pub(super) fn set_one(&mut self, local: bool, name: &str, value: Option<&str>) -> Result<(), Failure> {
        if default(name).is_none() {
            return Err(unknown(name));
        }
        if let Some(value) = value {
            check(name, value)?;
        }
        self.change().set(local, name, value);
        Ok(())
    }

    fn set_session(&mut self, said: Characteristics) {
        if let Some(read_only) = said.read_only {
            let value = if read_only { "on" } else { "off" };
            self.change().set(false, "default_transaction_read_only", Some(value));
        }
    }

    /// It lasts no longer than the statement.
    fn warn_local(&self, what: &str, wires: &mut Wires<'_>) {
        if self.transaction == Transaction::Started && !self.character.pipelined {
            let text = format!("{what} can only be used in transaction blocks");
            error(b'N', "WARNING", "25P01", &text, wires.out);
        }
    }

    /// A third, as long as `extra_float_digits` says.
    pub(super) fn third(&self) -> String {
        let digits: i32 =
            self.setting("extra_float_digits").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
        let shown = match digits {
            1.. => 16,
            _ => usize::try_from(15 + digits).unwrap_or_default().max(1),
        };
        format!("0.{}", "3".repeat(shown))
    }

    /// A day, as `IntervalStyle` says.
    pub(super) fn day(&self) -> &'static str {
        let style = self.setting("IntervalStyle").unwrap_or_default();
        STYLES.iter().find_map(|(known, text)| (*known == style).then_some(*text)).unwrap_or_default()
    }

    /// The byte of the letter a, as `bytea_output` says.
    pub(super) fn byte(&self) -> &'static str {
        if self.setting("bytea_output").is_ok_and(|how| how == "escape") { "a" } else { "\\x61" }
    }

    /// The role, where it is one that was set.
    pub(super) fn role(&self) -> &str {
        match self.setting("role") {
            Ok("none") | Err(_) => "me",
            Ok(role) => role,
        }
    }

    /// The schema in which `here` is found.
    pub(super) fn here(&self) -> &'static str {
        let path = self.setting("search_path").unwrap_or_default();
        let first = path
            .split(',')
            .map(|schema| schema.trim().trim_matches('"'))
            .find(|&schema| ["a", "b", "public"].contains(&schema));
        match first {
            Some("a") => "a",
            Some("b") => "b",
            Some(_) | None => "public",
        }
    }
}

fn unknown(name: &str) -> Failure {
    Failure::new("42704", format!("unrecognized configuration parameter \"{name}\""))
}
