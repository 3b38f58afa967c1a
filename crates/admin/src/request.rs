use core::fmt;

use crate::lexer::{Word, Words};

/// Something that pgherd answers itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminRequest {
    /// `SHOW pool_...`.
    Report(Report),
    /// `PGPOOL SHOW name`.
    Setting(String),
    /// `PGPOOL SHOW ALL`.
    Settings,
    /// `PGPOOL SET name TO value`, for the session that says it.
    Set {
        /// The setting.
        name: String,
        /// Its value; `None` for DEFAULT.
        value: Option<String>,
    },
    /// `PGPOOL RESET name`.
    Reset(String),
    /// `PGPOOL RESET ALL`.
    ResetAll,
    /// A `PGPOOL` statement that pgherd knows of and cannot do yet: what it is called.
    NotYet(&'static str),
    /// A `PGPOOL` statement that cannot be read.
    Malformed(Form),
}

/// How a `PGPOOL` statement that cannot be read should have looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `PGPOOL SHOW`.
    Show,
    /// `PGPOOL SET`.
    Set,
    /// `PGPOOL RESET`.
    Reset,
    /// What follows `PGPOOL` is none of them.
    Unknown,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Show => "PGPOOL SHOW {name | ALL | group}",
            Self::Set => "PGPOOL SET name {TO | =} {value | 'value' | DEFAULT}",
            Self::Reset => "PGPOOL RESET {name | ALL}",
            Self::Unknown => "PGPOOL {SHOW | SET | RESET} ...",
        })
    }
}

/// A table of `SHOW pool_...`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// `SHOW pool_status`: all settings.
    Status,
    /// `SHOW pool_nodes`: the cluster.
    Nodes,
    /// `SHOW pool_processes`: the sessions.
    Processes,
    /// `SHOW pool_pools`: the backends.
    Pools,
    /// `SHOW pool_version`.
    Version,
    /// `SHOW pool_cache`: the query cache.
    Cache,
    /// `SHOW pool_health_check_stats`.
    HealthCheckStats,
    /// `SHOW pool_backend_stats`: statements by kind and node.
    BackendStats,
}

impl Report {
    const NAMES: [(&'static str, Report); 8] = [
        ("pool_status", Report::Status),
        ("pool_nodes", Report::Nodes),
        ("pool_processes", Report::Processes),
        ("pool_pools", Report::Pools),
        ("pool_version", Report::Version),
        ("pool_cache", Report::Cache),
        ("pool_health_check_stats", Report::HealthCheckStats),
        ("pool_backend_stats", Report::BackendStats),
    ];

    /// The name behind `SHOW`.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find_map(|(name, report)| (*report == self).then_some(*name)).unwrap_or_default()
    }
}

impl AdminRequest {
    /// Recognises a request. `None` for every other statement, which is a server's to answer; so is a text of several
    /// statements. Comments, blanks, a closing `;` and the case of letters do not matter.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = core::str::from_utf8(text).ok()?;
        let mut words = Words::new(text);
        let Some(Word::Plain(verb)) = words.next() else { return None };
        if verb.eq_ignore_ascii_case("show") {
            let (Some(Word::Plain(name)), true) = (words.next(), is_end(&mut words)) else { return None };
            let mut names = Report::NAMES.iter();
            return names.find(|known| known.0.eq_ignore_ascii_case(name)).map(|known| Self::Report(known.1));
        }
        verb.eq_ignore_ascii_case("pgpool").then(|| parse_pgpool(&mut words))
    }
}

/// What follows `PGPOOL`. No server knows that word, so whatever follows is ours to refuse.
fn parse_pgpool(words: &mut Words<'_>) -> AdminRequest {
    let Some(Word::Plain(verb)) = words.next() else { return AdminRequest::Malformed(Form::Unknown) };
    if verb.eq_ignore_ascii_case("show") {
        return match lone_name(words) {
            Some(name) if name == "all" => AdminRequest::Settings,
            Some(name) => AdminRequest::Setting(name),
            None => AdminRequest::Malformed(Form::Show),
        };
    }
    if verb.eq_ignore_ascii_case("reset") {
        return match lone_name(words) {
            Some(name) if name == "all" => AdminRequest::ResetAll,
            Some(name) => AdminRequest::Reset(name),
            None => AdminRequest::Malformed(Form::Reset),
        };
    }
    if verb.eq_ignore_ascii_case("set") {
        return parse_set(words).unwrap_or(AdminRequest::Malformed(Form::Set));
    }
    AdminRequest::Malformed(Form::Unknown)
}

/// A name, in small letters, and nothing behind it.
fn lone_name(words: &mut Words<'_>) -> Option<String> {
    let Some(Word::Plain(name)) = words.next() else { return None };
    is_end(words).then(|| name.to_ascii_lowercase())
}

/// What follows `PGPOOL SET`.
fn parse_set(words: &mut Words<'_>) -> Option<AdminRequest> {
    let Some(Word::Plain(name)) = words.next() else { return None };
    match words.next()? {
        Word::Equals => {}
        Word::Plain(to) if to.eq_ignore_ascii_case("to") => {}
        Word::Plain(delete)
            if name.eq_ignore_ascii_case("cache") && delete.eq_ignore_ascii_case("delete") =>
        {
            return Some(AdminRequest::NotYet("PGPOOL SET CACHE DELETE"));
        }
        Word::Plain(_) | Word::Quoted(_) | Word::End | Word::Other => return None,
    }
    let value = match words.next()? {
        Word::Plain(value) if value.eq_ignore_ascii_case("default") => None,
        Word::Plain(value) => Some(value.to_owned()),
        Word::Quoted(value) => Some(value.replace("''", "'")),
        Word::Equals | Word::End | Word::Other => return None,
    };
    is_end(words).then(|| AdminRequest::Set { name: name.to_ascii_lowercase(), value })
}

fn is_end(words: &mut Words<'_>) -> bool {
    words.all(|word| word == Word::End)
}

#[cfg(test)]
mod tests {
    use super::{AdminRequest, Form, Report};

    #[test]
    fn requests() {
        let report = |report| Some(AdminRequest::Report(report));
        let setting = |name: &str| Some(AdminRequest::Setting(name.to_owned()));
        let malformed = |form| Some(AdminRequest::Malformed(form));
        let reset = |name: &str| Some(AdminRequest::Reset(name.to_owned()));
        let set = |name: &str, value: Option<&str>| {
            Some(AdminRequest::Set { name: name.to_owned(), value: value.map(str::to_owned) })
        };
        let cases = [
            ("SHOW POOL_NODES", report(Report::Nodes)),
            ("show pool_nodes;", report(Report::Nodes)),
            ("  /* x */ show -- y\n pool_version ; ;", report(Report::Version)),
            ("show pool_status", report(Report::Status)),
            ("show pool_processes", report(Report::Processes)),
            ("show pool_pools", report(Report::Pools)),
            ("show pool_cache", report(Report::Cache)),
            ("show pool_health_check_stats", report(Report::HealthCheckStats)),
            ("show pool_backend_stats", report(Report::BackendStats)),
            ("pgpool show port", setting("port")),
            ("PGPOOL SHOW BACKEND_PORT1;", setting("backend_port1")),
            ("pgpool show all", Some(AdminRequest::Settings)),
            ("pgpool set client_idle_limit = 3", set("client_idle_limit", Some("3"))),
            ("PGPOOL SET Client_Idle_Limit to '5 min';", set("client_idle_limit", Some("5 min"))),
            ("pgpool set client_idle_limit_in_recovery=-1", set("client_idle_limit_in_recovery", Some("-1"))),
            ("pgpool set a to 'It''s'", set("a", Some("It's"))),
            ("pgpool set a to default", set("a", None)),
            ("pgpool set a to 'default'", set("a", Some("default"))),
            ("pgpool set a to DEBUG1", set("a", Some("DEBUG1"))),
            ("pgpool set cache to 1", set("cache", Some("1"))),
            ("pgpool set cache delete 'select 1'", Some(AdminRequest::NotYet("PGPOOL SET CACHE DELETE"))),
            ("pgpool reset Log_Statement;", reset("log_statement")),
            ("pgpool reset all", Some(AdminRequest::ResetAll)),
            ("pgpool set", malformed(Form::Set)),
            ("pgpool set a", malformed(Form::Set)),
            ("pgpool set a to", malformed(Form::Set)),
            ("pgpool set a = = 1", malformed(Form::Set)),
            ("pgpool set a = 1 2", malformed(Form::Set)),
            ("pgpool set a = 'x", malformed(Form::Set)),
            ("pgpool set 'a' = 1", malformed(Form::Set)),
            ("pgpool reset", malformed(Form::Reset)),
            ("pgpool reset a b", malformed(Form::Reset)),
            ("pgpool show", malformed(Form::Show)),
            ("pgpool show a b", malformed(Form::Show)),
            ("pgpool", malformed(Form::Unknown)),
            ("pgpool;", malformed(Form::Unknown)),
            ("pgpool start", malformed(Form::Unknown)),
            ("show pool_nodes; select 1", None),
            ("show pool_node", None),
            ("show \"pool_nodes\"", None),
            ("show search_path", None),
            ("select 'show pool_nodes'", None),
            ("showpool_nodes", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(AdminRequest::parse(text.as_bytes()), expected, "{text:?}");
        }
        assert_eq!(AdminRequest::parse(b"show pool_nodes\xff"), None);
    }
}
