//! What a session has set, so that any backend can be given the same.
//!
//! Settings are kept as the statements that made them, in the order in which they were made: what a later one of the
//! same name replaces is forgotten. A statement counts once the server has said that it went well, and those of a
//! transaction once it has committed ([`Journal`]).

use pgherd_sql::{Change, Scope, Statement};
use pgherd_types::limits;

use crate::{
    planted::{PlantedBug, planted},
    rarely::Rarely,
};

/// A state of a session's settings. Later states have greater numbers; a backend fresh from the pool has the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(u64);

/// What a setting is replaced by: another of the same key.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    Named(Box<str>),
    Role,
    SessionAuthorization,
    /// RESET ALL.
    All,
    /// Several settings in one string, or a kind that adds to what is there: nothing replaces it but RESET ALL.
    Joined,
}

/// One statement to be replayed.
#[derive(Clone, Debug)]
struct Entry {
    key: Key,
    text: Box<[u8]>,
    version: Version,
}

/// The settings that hold when no transaction is open.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    version: Version,
    entries: Rarely<Vec<Entry>>,
}

/// More settings than a session is given room for ([`limits::SESSION_SETTINGS_BYTES`]).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

impl Settings {
    pub(crate) fn version(&self) -> Version {
        self.version
    }

    /// What brings a backend from `version` to now, as the text of one simple query. Empty: nothing is missing.
    pub(crate) fn since(&self, version: Version, text: &mut Vec<u8>) {
        for entry in self.entries.as_slice().iter().filter(|entry| entry.version > version) {
            put_statement(text, &entry.text);
        }
    }

    /// DISCARD ALL: nothing is set any more.
    pub(crate) fn forget(&mut self) {
        self.version.0 += 1;
        self.entries.forget();
    }

    /// Appends the texts that decide what names mean.
    pub(crate) fn put_names(&self, search_path: &mut Vec<u8>, role: &mut Vec<u8>) {
        for entry in self.entries.as_slice() {
            put_name(&entry.key, &entry.text, search_path, role);
        }
    }

    fn put(&mut self, key: Key, text: Box<[u8]>) -> Result<(), TooMany> {
        self.version.0 += 1;
        let entries = self.entries.make();
        entries.retain(|entry| !replaces(&key, &entry.key) && (entry.key != key || entry.text != text));
        entries.push(Entry { key, text, version: self.version });
        let bytes: usize = entries.iter().map(|entry| entry.text.len()).sum();
        if bytes > limits::SESSION_SETTINGS_BYTES || entries.len() > limits::SESSION_SETTINGS {
            return Err(TooMany);
        }
        Ok(())
    }
}

/// True when a setting of the first key makes one of the second that came before it unnecessary.
fn replaces(new: &Key, old: &Key) -> bool {
    match new {
        Key::Named(_) | Key::Role => new == old,
        // It ends a SET ROLE.
        Key::SessionAuthorization => matches!(old, Key::SessionAuthorization | Key::Role),
        Key::All => matches!(old, Key::Named(_) | Key::All | Key::Joined),
        Key::Joined => false,
    }
}

fn put_name(key: &Key, text: &[u8], search_path: &mut Vec<u8>, role: &mut Vec<u8>) {
    match key {
        Key::Named(name) if &**name == "search_path" => search_path.extend_from_slice(text),
        Key::Named(_) => {}
        Key::Role | Key::SessionAuthorization => role.extend_from_slice(text),
        Key::All => search_path.extend_from_slice(text),
        Key::Joined => {
            search_path.extend_from_slice(text);
            role.extend_from_slice(text);
        }
    }
}

fn put_statement(text: &mut Vec<u8>, statement: &[u8]) {
    text.extend_from_slice(statement);
    // On a line of its own: the statement may end in a comment.
    text.extend_from_slice(b"\n;");
}

/// What has been set since the transaction began, and where its savepoints are in that.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    written: Rarely<Written>,
    /// How often something was taken back.
    rewinds: u32,
}

#[derive(Debug, Default)]
struct Written {
    entries: Vec<Noted>,
    savepoints: Vec<(Box<str>, usize)>,
}

#[derive(Clone, Debug)]
struct Noted {
    key: Key,
    scope: Scope,
    text: Box<[u8]>,
}

/// Why the settings of a text cannot be replayed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotReplayable {
    /// What they end with: the transaction, or the session.
    pub(crate) scope: Scope,
}

impl Journal {
    /// Statements noted so far.
    pub(crate) fn len(&self) -> usize {
        self.entries().len()
    }

    fn entries(&self) -> &[Noted] {
        self.written.get().map(|written| written.entries.as_slice()).unwrap_or_default()
    }

    /// How often something was taken back: whoever was told it before has to begin anew.
    pub(crate) fn rewinds(&self) -> u32 {
        self.rewinds
    }

    /// Appends the texts that decide what names mean.
    pub(crate) fn put_names(&self, search_path: &mut Vec<u8>, role: &mut Vec<u8>) {
        for entry in self.entries() {
            put_name(&entry.key, &entry.text, search_path, role);
        }
    }

    /// What a backend lacks that has the first `from` of them, as the text of one simple query.
    pub(crate) fn since(&self, from: usize, text: &mut Vec<u8>) {
        for entry in self.entries().iter().skip(from) {
            put_statement(text, &entry.text);
        }
    }

    /// Notes what the statements of one text have set, all of which went well.
    ///
    /// # Errors
    /// When no other backend can be told to do the same.
    pub(crate) fn note(&mut self, statements: &[Statement], text: &[u8]) -> Result<(), NotReplayable> {
        let mut all = statements.iter().flat_map(|statement| statement.sets.iter()).peekable();
        if all.peek().is_none() {
            return Ok(());
        }
        let widest = |a: Scope, b: Scope| if a == Scope::Session { a } else { b };
        let scope = all.clone().map(|setting| setting.scope).reduce(widest).unwrap_or(Scope::Session);
        let same_scope = all.clone().all(|setting| setting.scope == scope);
        let plain = text.is_ascii() && !text.contains(&b'\\');
        let only_settings = statements.iter().all(|statement| !statement.sets.is_empty());
        if !plain || !same_scope || !only_settings || text.len() > limits::SESSION_SETTINGS_BYTES {
            return Err(NotReplayable { scope });
        }
        let mut key = None;
        for setting in all {
            let this = match &setting.change {
                // `ymd` leaves the style that `iso` has set.
                Change::Value(name) if &**name == "datestyle" => Key::Joined,
                Change::Value(name) | Change::Default(name) => Key::Named(name.clone()),
                Change::ResetAll => Key::All,
                Change::Role => Key::Role,
                Change::SessionAuthorization => Key::SessionAuthorization,
                Change::SessionCharacteristics(_) => Key::Joined,
                // They are the transaction's, not the session's.
                Change::Transaction(_) | Change::Constraints | Change::Snapshot => return Ok(()),
                Change::Unknown => return Err(NotReplayable { scope }),
            };
            key = Some(if key.is_none() { this } else { Key::Joined });
        }
        if let Some(key) = key {
            self.written.make().entries.push(Noted { key, scope, text: text.into() });
        }
        Ok(())
    }

    pub(crate) fn savepoint(&mut self, name: &str) {
        let Written { entries, savepoints } = self.written.make();
        if savepoints.len() < limits::SESSION_SETTINGS {
            savepoints.push((name.into(), entries.len()));
        }
    }

    pub(crate) fn release(&mut self, name: &str) {
        if let Some(written) = self.written.get_mut()
            && let Some(at) = written.position(name)
        {
            written.savepoints.truncate(at);
        }
    }

    /// Takes back what was set since the savepoint; all of it when the savepoint is not known.
    pub(crate) fn roll_back_to(&mut self, name: &str) {
        self.rewinds += 1;
        let Some(written) = self.written.get_mut() else { return };
        let at = written.position(name);
        let keep = at.and_then(|at| written.savepoints.get(at)).map_or(0, |&(_, entries)| entries);
        written.savepoints.truncate(at.map_or(0, |at| at + 1));
        written.entries.truncate(keep);
    }

    /// The transaction has committed: what was set for the session holds from now on.
    ///
    /// # Errors
    /// When that is more than a session may set.
    pub(crate) fn commit(&mut self, settings: &mut Settings) -> Result<(), TooMany> {
        for entry in self.written.take().entries {
            match entry.scope {
                Scope::Session => settings.put(entry.key, entry.text)?,
                Scope::Local if planted(PlantedBug::KeepsLocal) => settings.put(entry.key, entry.text)?,
                Scope::Local => {}
            }
        }
        Ok(())
    }

    /// The transaction was rolled back: nothing of it holds.
    pub(crate) fn clear(&mut self) {
        self.written.forget();
    }
}

impl Written {
    fn position(&self, name: &str) -> Option<usize> {
        self.savepoints.iter().rposition(|(known, _)| &**known == name)
    }
}
