use std::sync::{Arc, OnceLock, PoisonError, RwLock, Weak};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use pgherd_admin::tables::{self, ProcessFacts, ProcessStatus, SettingFacts};
use pgherd_admin::{AdminRequest, Report, Table};
use pgherd_config::{Settings, Style};
use pgherd_io::{AdminAsk, Handle, SessionRow, SessionStage};
use pgherd_types::{NodeId, Topology};
use pgherd_wire::SqlState;
use pgherd_wire::error_response::ErrorResponse;
use pgherd_wire::sqlstate;

use crate::version::version_text;

/// Answers the statements that are for pgherd itself. Called on event loops: it reads what the control plane last
/// published, and waits for nothing but a lock that is held for the copying of a pointer.
#[derive(Debug)]
pub(crate) struct AdminDesk {
    shown: RwLock<Shown>,
    data_plane: OnceLock<Weak<Handle>>,
    zone: TimeZone,
}

/// What the tables are made of.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) settings: Arc<Settings>,
    pub(crate) topology: Arc<Topology>,
}

/// A refusal, to be sent as an ErrorResponse.
struct Refusal {
    code: SqlState,
    message: String,
    hint: &'static str,
}

impl AdminDesk {
    /// A desk that knows this.
    pub(crate) fn new(shown: Shown) -> Self {
        AdminDesk { shown: RwLock::new(shown), data_plane: OnceLock::new(), zone: TimeZone::system() }
    }

    /// Makes sessions, backends and counters known. Until then there are none.
    pub(crate) fn connect(&self, data_plane: &Arc<Handle>) {
        // Set once, at start.
        let _ = self.data_plane.set(Arc::downgrade(data_plane));
    }

    /// Takes over what changed.
    pub(crate) fn show(&self, shown: Shown) {
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = shown;
    }

    /// The messages that answer a query; `None` when it is not for us.
    pub(crate) fn answer(&self, ask: AdminAsk<'_>) -> Option<Vec<u8>> {
        let request = AdminRequest::parse(ask.text)?;
        let mut out = Vec::new();
        match self.table(&request, ask.balanced) {
            Ok(table) => table.put(&mut out),
            Err(Refusal { code, message, hint }) => {
                ErrorResponse::error(code, &message).hint(hint).put(&mut out);
            }
        }
        Some(out)
    }

    fn table(&self, request: &AdminRequest, balanced: Option<NodeId>) -> Result<Table, Refusal> {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner).clone();
        match request {
            AdminRequest::Report(report) => self.report(*report, &shown, balanced),
            AdminRequest::Settings => Ok(tables::pool_status(rows(&shown.settings, Style::Units))),
            AdminRequest::Setting(name) => setting(&shown.settings, name),
            AdminRequest::Unknown(what) => Err(Refusal {
                code: sqlstate::FEATURE_NOT_SUPPORTED,
                message: format!("{what} is not supported"),
                hint: "pgherd knows PGPOOL SHOW name and PGPOOL SHOW ALL.",
            }),
        }
    }

    fn report(&self, report: Report, shown: &Shown, balanced: Option<NodeId>) -> Result<Table, Refusal> {
        let data_plane = self.data_plane.get().and_then(Weak::upgrade);
        match report {
            Report::Version => Ok(tables::pool_version(&version_text())),
            Report::Status => Ok(tables::pool_status(status_rows(shown))),
            Report::Nodes => {
                let reads = |node| data_plane.as_ref().map_or(0, |data_plane| data_plane.reads(node));
                Ok(tables::pool_nodes(&shown.topology, balanced, reads, |s| self.date(s)))
            }
            Report::Processes => {
                let row = |data_plane: &Arc<Handle>| {
                    let now = data_plane.now();
                    let facts = |row: SessionRow| self.process(&row, now.since(row.connected));
                    data_plane.sessions().into_iter().map(facts).collect::<Vec<_>>()
                };
                Ok(tables::pool_processes(data_plane.iter().flat_map(row)))
            }
            Report::Pools | Report::Cache | Report::HealthCheckStats | Report::BackendStats => Err(Refusal {
                code: sqlstate::FEATURE_NOT_SUPPORTED,
                message: format!("SHOW {} is not supported yet", report.name()),
                hint: "SHOW pool_nodes, pool_processes, pool_status and pool_version are there.",
            }),
        }
    }

    fn process(&self, row: &SessionRow, age: Duration) -> ProcessFacts {
        let since =
            SystemTime::now().checked_sub(age).and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        ProcessFacts {
            session: row.session.0,
            since: self.date(since.map_or(0, |since| since.as_secs())),
            database: row.database.clone().unwrap_or_default(),
            user: row.user.clone().unwrap_or_default(),
            status: match row.stage {
                SessionStage::Starting | SessionStage::Waiting => ProcessStatus::Connecting,
                SessionStage::Idle => ProcessStatus::Idle,
                SessionStage::Serving => ProcessStatus::Executing,
            },
        }
    }

    /// Seconds since 1970 as Pgpool-II writes times: `YYYY-MM-DD HH:MM:SS`, here.
    fn date(&self, seconds: u64) -> String {
        let at = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        let at = at.unwrap_or(Timestamp::UNIX_EPOCH);
        at.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }
}

/// One setting, by its name with or without a number. An array's name without a number shows all of it.
fn setting(settings: &Settings, name: &str) -> Result<Table, Refusal> {
    if let Some(value) = settings.show(name, Style::Units) {
        return Ok(Table::single(name, value));
    }
    match settings.show_numbered(name, Style::Units) {
        Some(all) => Ok(tables::pool_status(all.into_iter().map(row))),
        None => Err(Refusal {
            code: sqlstate::UNDEFINED_OBJECT,
            message: format!("unrecognized configuration parameter \"{name}\""),
            hint: "PGPOOL SHOW ALL shows every parameter.",
        }),
    }
}

/// All settings, with a row for each number that is in use.
fn rows(settings: &Settings, style: Style) -> Vec<SettingFacts> {
    settings.shown(style).into_iter().map(row).collect()
}

fn row(shown: pgherd_config::Shown) -> SettingFacts {
    SettingFacts { item: shown.name, value: shown.value, description: shown.description }
}

/// The rows of `SHOW pool_status`: all settings, and behind them how each node is.
fn status_rows(shown: &Shown) -> Vec<SettingFacts> {
    let mut all = rows(&shown.settings, Style::Plain);
    for node in &shown.topology.nodes {
        all.push(SettingFacts {
            item: format!("backend_status{}", node.id),
            value: (node.status as u8).to_string(),
            description: "state of the node: 0 unused, 1 waiting, 2 up, 3 down".to_owned(),
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use pgherd_config::NoFiles;
    use pgherd_io::AdminAsk;
    use pgherd_types::{ClusteringMode, SessionId, Topology};

    use super::{AdminDesk, Shown};

    fn ask(text: &str) -> Option<String> {
        let file = "port = 7001\nsr_check_password = 'hunter2'\nhealth_check_password0 = 'hunter2'\n\
            recovery_password = 'hunter2'\nwd_authkey = 'hunter2'\npool_passwd = 'hunter2'\n\
            backend_hostname0 = 'db0'\nbackend_port0 = 5432\nbackend_hostname1 = 'db1'\nbackend_port1 = 5433\n";
        let loaded = pgherd_config::load(Path::new("x"), file.as_bytes(), &NoFiles);
        assert!(loaded.is_usable(), "{:?}", loaded.problems);
        let topology = Topology {
            epoch: 1,
            mode: ClusteringMode::Raw,
            nodes: loaded.settings.cluster(0),
            primary: None,
        };
        let desk =
            AdminDesk::new(Shown { settings: Arc::new(loaded.settings), topology: Arc::new(topology) });
        let answer = desk.answer(AdminAsk { session: SessionId(1), text: text.as_bytes(), balanced: None });
        answer.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    #[test]
    fn what_is_ours_is_answered_and_nothing_else() {
        assert!(ask("select 1").is_none());
        assert!(ask("show search_path").is_none());
        assert!(ask("show pool_nodes").unwrap().contains("db1"));
        assert!(ask("show pool_version").unwrap().contains("pgherd"));
        assert!(ask("pgpool show port").unwrap().contains("7001"));
        assert!(ask("pgpool show backend_port1").unwrap().contains("5433"));
        assert!(ask("pgpool show backend_hostname").unwrap().contains("db0"));
        assert!(ask("show pool_status").unwrap().contains("backend_status1"));
        for refused in
            ["pgpool show nonsense", "pgpool show backend_port999", "pgpool set port = 1", "show pool_cache"]
        {
            assert!(ask(refused).unwrap().starts_with('E'), "{refused}");
        }
    }

    #[test]
    fn no_table_shows_a_password() {
        let all = [
            "show pool_status",
            "pgpool show all",
            "pgpool show sr_check_password",
            "pgpool show health_check_password0",
        ];
        for text in all {
            let answer = ask(text).unwrap();
            assert!(!answer.contains("hunter2"), "{text}");
            assert!(answer.contains("*****") || answer.starts_with('E'), "{text}");
        }
    }
}
