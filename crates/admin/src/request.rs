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
    /// A `PGPOOL` statement that pgherd does not know or cannot do yet: what it is called.
    Unknown(String),
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
    match (words.next(), words.next()) {
        (Some(Word::Plain(verb)), Some(Word::Plain(name)))
            if verb.eq_ignore_ascii_case("show") && is_end(words) =>
        {
            let name = name.to_ascii_lowercase();
            if name == "all" { AdminRequest::Settings } else { AdminRequest::Setting(name) }
        }
        (Some(Word::Plain(verb)), _) => {
            AdminRequest::Unknown(format!("PGPOOL {}", verb.to_ascii_uppercase()))
        }
        (Some(Word::End | Word::Other) | None, _) => AdminRequest::Unknown("PGPOOL".to_owned()),
    }
}

fn is_end(words: &mut Words<'_>) -> bool {
    words.all(|word| word == Word::End)
}

#[cfg(test)]
mod tests {
    use super::{AdminRequest, Report};

    #[test]
    fn requests() {
        let report = |report| Some(AdminRequest::Report(report));
        let setting = |name: &str| Some(AdminRequest::Setting(name.to_owned()));
        let unknown = |name: &str| Some(AdminRequest::Unknown(name.to_owned()));
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
            ("pgpool set client_idle_limit = 3", unknown("PGPOOL SET")),
            ("pgpool show", unknown("PGPOOL SHOW")),
            ("pgpool show a b", unknown("PGPOOL SHOW")),
            ("pgpool", unknown("PGPOOL")),
            ("pgpool;", unknown("PGPOOL")),
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
