use super::StartupError;
use crate::{Body, ProtocolVersion};

/// A client's wish for a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartupMessage<'a> {
    /// The version that the client asks for: 3.x, possibly newer than what is spoken here.
    pub version: ProtocolVersion,
    /// The user's name, not empty.
    pub user: &'a str,
    /// The database's name; the user's where none or an empty one was given.
    pub database: &'a str,
    /// Whether it is a replication connection.
    pub replication: Replication,
    /// All other parameters as they came, repeated ones too: of these the last one counts.
    pub options: Vec<(&'a str, &'a str)>,
    /// Names of `_pq_.` options as they came. None is known here.
    pub protocol_options: Vec<&'a str>,
}

/// What the `replication` parameter asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Replication {
    /// An ordinary session.
    #[default]
    No,
    /// A walsender without a database.
    Physical,
    /// A walsender that also takes SQL.
    Logical,
}

impl StartupMessage<'_> {
    /// Whether NegotiateProtocolVersion is due: the version is newer than ours, or there are options that we do not
    /// know.
    pub fn needs_negotiation(&self) -> bool {
        self.version > ProtocolVersion::LATEST || !self.protocol_options.is_empty()
    }
}

/// Reads what follows the version.
pub(super) fn parse(version: ProtocolVersion, rest: &[u8]) -> Result<StartupMessage<'_>, StartupError> {
    let mut body = Body::new(rest);
    let (mut user, mut database) = ("", "");
    let mut replication = Replication::No;
    let (mut options, mut protocol_options) = (Vec::new(), Vec::new());
    while let Some((name, value)) = pair(&mut body)? {
        match name {
            "user" => user = value,
            "database" => database = value,
            "replication" => replication = parse_replication(value)?,
            _ if name.starts_with("_pq_.") => protocol_options.push(name),
            _ => options.push((name, value)),
        }
    }
    if user.is_empty() {
        return Err(StartupError::NoUser);
    }
    if database.is_empty() {
        database = user;
    }
    Ok(StartupMessage { version, user, database, replication, options, protocol_options })
}

/// The next parameter; `None` at the terminator, which has to be the last byte.
fn pair<'a>(body: &mut Body<'a>) -> Result<Option<(&'a str, &'a str)>, StartupError> {
    let name = body.string().map_err(|_| StartupError::BadLayout)?;
    if name.is_empty() {
        return body.end().map(|()| None).map_err(|_| StartupError::BadLayout);
    }
    let value = body.string().map_err(|_| StartupError::BadLayout)?;
    match (core::str::from_utf8(name), core::str::from_utf8(value)) {
        (Ok(name), Ok(value)) => Ok(Some((name, value))),
        (Ok(_) | Err(_), _) => {
            Err(StartupError::NotUtf8 { name: String::from_utf8_lossy(name).into_owned() })
        }
    }
}

fn parse_replication(value: &str) -> Result<Replication, StartupError> {
    if value == "database" {
        return Ok(Replication::Logical);
    }
    match parse_bool(value) {
        Some(true) => Ok(Replication::Physical),
        Some(false) => Ok(Replication::No),
        None => Err(StartupError::BadReplication { value: value.to_owned() }),
    }
}

/// PostgreSQL's booleans: unambiguous beginnings of the words, in any case (`parse_bool` in `bool.c`).
fn parse_bool(value: &str) -> Option<bool> {
    let lower = value.to_ascii_lowercase();
    let begins = |word: &str, least: usize| lower.len() >= least && word.starts_with(&lower);
    if begins("true", 1) || begins("yes", 1) || begins("on", 2) || lower == "1" {
        Some(true)
    } else if begins("false", 1) || begins("no", 1) || begins("off", 2) || lower == "0" {
        Some(false)
    } else {
        None
    }
}
