use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, Weak};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use pgherd_admin::tables::{self, DelayUnit, ProcessFacts, ProcessStatus, SettingFacts};
use pgherd_admin::{AdminRequest, Report, Table};
use pgherd_config::{MessageLevel, SessionDoubt, SessionRefusal, SessionSettings, Settings, Style};
use pgherd_io::{AdminAsk, Handle, SessionRow, SessionStage};
use pgherd_session::Count;
use pgherd_types::{HashTable, NodeId, Replication, SessionId, Topology};
use pgherd_wire::error_response::{ErrorResponse, Severity};
use pgherd_wire::{SqlState, backend, sqlstate};

use crate::log::{Level, Verbosity};
use crate::plan;
use crate::version::version_text;

/// Answers the statements that are for pgherd itself. Called on event loops: it reads what the control plane last
/// published, and waits for nothing but a lock that is held for the copying of a pointer.
#[derive(Debug)]
pub(crate) struct AdminDesk {
    shown: RwLock<Shown>,
    data_plane: OnceLock<Weak<Handle>>,
    zone: TimeZone,
    /// What sessions have set for themselves. A session is in it only while it has set something.
    own: Mutex<HashTable<SessionId, SessionSettings>>,
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
    hint: String,
}

/// What a session is told beside the answer.
type Doubt = Option<SessionDoubt>;

impl AdminDesk {
    /// A desk that knows this.
    pub(crate) fn new(shown: Shown) -> Self {
        AdminDesk {
            shown: RwLock::new(shown),
            data_plane: OnceLock::new(),
            zone: TimeZone::system(),
            own: Mutex::default(),
        }
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
        if let Err(Refusal { code, message, hint }) = self.put_answer(request, ask, &mut out) {
            ErrorResponse::error(code, &message).hint(&hint).put(&mut out);
        }
        Some(out)
    }

    /// What a session's settings are where it has some of its own, and how its lines in the log are bounded where
    /// it has a bound of its own.
    pub(crate) fn own(&self, session: SessionId) -> Option<(Settings, Option<(Level, Verbosity)>)> {
        let own = self.owns().get(&session)?.clone();
        let file = self.shown().settings;
        let settings = own.over(&file);
        let bounds = plan::log_bounds(&settings);
        let is_own = bounds != plan::log_bounds(&file);
        Some((settings, is_own.then_some(bounds)))
    }

    /// A session has ended, and its settings with it.
    pub(crate) fn forget(&self, session: SessionId) {
        self.owns().remove(&session);
    }

    fn put_answer(&self, request: AdminRequest, ask: AdminAsk<'_>, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let shown = self.shown();
        let settings = || self.settings_of(ask.session, &shown);
        match request {
            AdminRequest::Report(report) => self.report(report, &shown, ask.balanced)?.put(out),
            AdminRequest::Settings => tables::pool_status(rows(&settings(), Style::Units)).put(out),
            AdminRequest::Setting(name) => setting(&settings(), &name)?.put(out),
            AdminRequest::Set { name, value } => {
                let doubt = self.change(ask.session, |own| match value {
                    Some(value) => own.set(&name, &value),
                    None => own.reset(&name).map(|()| None),
                })?;
                if settings().logging.client_min_messages <= MessageLevel::Warning {
                    put_doubt(doubt, out);
                }
                backend::put_command_complete(out, b"SET");
            }
            AdminRequest::Reset(name) => {
                self.change(ask.session, |own| own.reset(&name).map(|()| None))?;
                backend::put_command_complete(out, b"RESET");
            }
            AdminRequest::ResetAll => {
                self.owns().remove(&ask.session);
                backend::put_command_complete(out, b"RESET");
            }
            AdminRequest::NotYet(what) => {
                return Err(Refusal {
                    code: sqlstate::FEATURE_NOT_SUPPORTED,
                    message: format!("{what} is not supported yet"),
                    hint: "pgherd has no query cache.".to_owned(),
                });
            }
            AdminRequest::Malformed(form) => {
                return Err(Refusal {
                    code: sqlstate::SYNTAX_ERROR,
                    message: "syntax error in a PGPOOL statement".to_owned(),
                    hint: format!("Its form is: {form}"),
                });
            }
        }
        Ok(())
    }

    /// Changes what a session has set for itself, or leaves it as it is.
    fn change(
        &self,
        session: SessionId,
        change: impl FnOnce(&mut SessionSettings) -> Result<Doubt, SessionRefusal>,
    ) -> Result<Doubt, Refusal> {
        let mut all = self.owns();
        let mut own = all.get(&session).cloned().unwrap_or_default();
        let doubt = change(&mut own)?;
        if own.is_empty() {
            all.remove(&session);
        } else {
            all.insert(session, own);
        }
        Ok(doubt)
    }

    /// The settings as this session has them.
    fn settings_of(&self, session: SessionId, shown: &Shown) -> Arc<Settings> {
        match self.owns().get(&session) {
            Some(own) => Arc::new(own.over(&shown.settings)),
            None => Arc::clone(&shown.settings),
        }
    }

    fn owns(&self) -> MutexGuard<'_, HashTable<SessionId, SessionSettings>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shown(&self) -> Shown {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn report(&self, report: Report, shown: &Shown, balanced: Option<NodeId>) -> Result<Table, Refusal> {
        let data_plane = self.data_plane.get().and_then(Weak::upgrade);
        let replication = data_plane.as_ref().map(|data_plane| data_plane.replication()).unwrap_or_default();
        match report {
            Report::Version => Ok(tables::pool_version(&version_text())),
            Report::Status => Ok(tables::pool_status(status_rows(shown, &replication))),
            Report::Nodes => {
                let reads = |node| {
                    data_plane.as_ref().map_or(0, |data_plane| data_plane.counted(node, Count::Select))
                };
                let (unit, date) = (plan::delay_unit(&shown.settings), |s| self.date(s));
                Ok(tables::pool_nodes(&shown.topology, &replication, unit, balanced, reads, date))
            }
            Report::Processes => {
                let row = |data_plane: &Arc<Handle>| {
                    let now = data_plane.now();
                    let facts = |row: SessionRow| self.process(&row, now.since(row.connected));
                    data_plane.sessions().into_iter().map(facts).collect::<Vec<_>>()
                };
                Ok(tables::pool_processes(data_plane.iter().flat_map(row)))
            }
            Report::BackendStats => {
                let count = |node, what| data_plane.as_ref().map_or(0, |plane| plane.counted(node, what));
                Ok(tables::pool_backend_stats(&shown.topology, |node| {
                    Count::ALL.map(|what| count(node, what))
                }))
            }
            Report::Pools | Report::Cache | Report::HealthCheckStats => Err(Refusal {
                code: sqlstate::FEATURE_NOT_SUPPORTED,
                message: format!("SHOW {} is not supported yet", report.name()),
                hint: "There are SHOW pool_nodes, pool_backend_stats, pool_processes and pool_status."
                    .to_owned(),
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

/// One setting, by its name with or without a number. An array's name without a number, and the name of a group, show
/// all of it.
fn setting(settings: &Settings, name: &str) -> Result<Table, Refusal> {
    if let Some(value) = settings.show(name, Style::Units) {
        return Ok(Table::single(name, value));
    }
    let group = || settings.show_group(name, Style::Units);
    match settings.show_numbered(name, Style::Units).or_else(group) {
        Some(all) => Ok(tables::pool_status(all.into_iter().map(row))),
        None => Err(Refusal {
            code: sqlstate::UNDEFINED_OBJECT,
            message: format!("config variable \"{name}\" not found"),
            hint: "PGPOOL SHOW ALL shows every parameter.".to_owned(),
        }),
    }
}

impl From<SessionRefusal> for Refusal {
    fn from(refusal: SessionRefusal) -> Self {
        let (code, hint) = match &refusal {
            SessionRefusal::Unknown(_) => {
                (sqlstate::UNDEFINED_OBJECT, "PGPOOL SHOW ALL shows every parameter.".to_owned())
            }
            SessionRefusal::NeedsNumber(_) | SessionRefusal::NotInSession(_) => (
                sqlstate::CANT_CHANGE_RUNTIME_PARAM,
                "Change the configuration file, then reload or restart pgherd.".to_owned(),
            ),
            SessionRefusal::Value { hint, .. } => (sqlstate::INVALID_PARAMETER_VALUE, hint.clone()),
        };
        Refusal { code, message: refusal.to_string(), hint }
    }
}

/// What is doubtful about a value that was taken, as a warning.
fn put_doubt(doubt: Doubt, out: &mut Vec<u8>) {
    if let Some(doubt) = doubt {
        let warning = ErrorResponse::new(Severity::Warning, sqlstate::WARNING, &doubt.message);
        warning.hint(&doubt.hint).put(out);
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
fn status_rows(shown: &Shown, replication: &Replication) -> Vec<SettingFacts> {
    let mut all = rows(&shown.settings, Style::Plain);
    let unit = plan::delay_unit(&shown.settings);
    for node in &shown.topology.nodes {
        all.push(SettingFacts {
            item: format!("backend_status{}", node.id),
            value: (node.status as u8).to_string(),
            description: "state of the node: 0 unused, 1 waiting, 2 up, 3 down".to_owned(),
        });
        all.push(SettingFacts {
            item: format!("standby_delay{}", node.id),
            value: unit.number(replication.node(node.id).delay).to_string(),
            description: match unit {
                DelayUnit::Bytes => "how far the node is behind the primary, in bytes of WAL".to_owned(),
                DelayUnit::Time => "how far the node is behind the primary, in microseconds".to_owned(),
            },
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use pgherd_cluster::{Cluster, StatusFile};
    use pgherd_config::NoFiles;
    use pgherd_io::AdminAsk;
    use pgherd_types::{ClusteringMode, SessionId};

    use super::{AdminDesk, Shown};
    use crate::plan;

    fn desk() -> AdminDesk {
        let file = "port = 7001\nsr_check_password = 'hunter2'\nhealth_check_password0 = 'hunter2'\n\
            recovery_password = 'hunter2'\nwd_authkey = 'hunter2'\npool_passwd = 'hunter2'\n\
            backend_hostname0 = 'db0'\nbackend_port0 = 5432\nbackend_hostname1 = 'db1'\nbackend_port1 = 5433\n";
        let loaded = pgherd_config::load(Path::new("x"), file.as_bytes(), &NoFiles);
        assert!(loaded.is_usable(), "{:?}", loaded.problems);
        let nodes = plan::nodes(&loaded.settings);
        let topology = Cluster::new(ClusteringMode::Raw, nodes, &StatusFile::default(), 0).topology();
        AdminDesk::new(Shown { settings: Arc::new(loaded.settings), topology: Arc::new(topology) })
    }

    fn say(desk: &AdminDesk, session: u32, text: &str) -> Option<String> {
        let ask = AdminAsk { session: SessionId(session), text: text.as_bytes(), balanced: None };
        desk.answer(ask).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    fn ask(text: &str) -> Option<String> {
        say(&desk(), 1, text)
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
        assert!(ask("show pool_status").unwrap().contains("standby_delay1"));
        assert!(ask("pgpool show backend").unwrap().contains("backend_hostname1"));
    }

    #[test]
    fn refusals_in_the_words_that_are_known() {
        let cases = [
            ("pgpool show nonsense", "C42704\0Mconfig variable \"nonsense\" not found\0"),
            ("pgpool show backend_port999", "C42704\0Mconfig variable \"backend_port999\" not found\0"),
            (
                "pgpool set port = 1",
                "C55P02\0Minvalid Context, value for parameter \"port\" cannot be changed\0",
            ),
            (
                "pgpool reset port",
                "C55P02\0Minvalid Context, value for parameter \"port\" cannot be changed\0",
            ),
            ("pgpool set x to y", "C42704\0Munrecognized configuration parameter \"x\"\0"),
            ("pgpool reset x", "C42704\0Munrecognized configuration parameter \"x\"\0"),
            ("pgpool set client_idle_limit to x", "C22023\0Mclient_idle_limit 'x' "),
            (
                "pgpool set log_statement",
                "HIts form is: PGPOOL SET name {TO | =} {value | 'value' | DEFAULT}\0",
            ),
            ("pgpool set cache delete 'x'", "C0A000\0MPGPOOL SET CACHE DELETE is not supported yet\0"),
            ("show pool_cache", "C0A000\0MSHOW pool_cache is not supported yet\0"),
        ];
        for (text, words) in cases {
            let answer = ask(text).unwrap();
            assert!(answer.starts_with('E') && answer.contains(words), "{text}: {answer:?}");
        }
    }

    #[test]
    fn what_a_session_sets_is_its_own() {
        let desk = desk();
        assert_eq!(say(&desk, 1, "pgpool set log_per_node_statement to on").unwrap(), "C\0\0\0\u{8}SET\0");
        let shown = |session| say(&desk, session, "pgpool show log_per_node_statement").unwrap();
        assert!(shown(1).contains("\0\u{2}on"), "{:?}", shown(1));
        assert!(shown(2).contains("\0\u{3}off"), "{:?}", shown(2));
        let (own, bounds) = desk.own(SessionId(1)).unwrap();
        assert!(own.logging.log_per_node_statement && bounds.is_none());
        assert!(desk.own(SessionId(2)).is_none());
        assert_eq!(say(&desk, 1, "pgpool reset all").unwrap(), "C\0\0\0\u{a}RESET\0");
        assert!(desk.own(SessionId(1)).is_none());
        say(&desk, 1, "pgpool set log_min_messages = debug1");
        assert!(desk.own(SessionId(1)).unwrap().1.is_some());
        say(&desk, 1, "pgpool set log_min_messages = default");
        assert!(desk.own(SessionId(1)).is_none());
        say(&desk, 1, "pgpool set client_idle_limit = 3");
        desk.forget(SessionId(1));
        assert!(desk.own(SessionId(1)).is_none(), "it ends with the session");
    }

    #[test]
    fn doubts_are_warnings_before_the_answer() {
        let desk = desk();
        let answer = say(&desk, 1, "pgpool set log_statement = perhaps").unwrap();
        assert!(answer.starts_with("N") && answer.contains("SWARNING\0") && answer.ends_with("SET\0"));
        say(&desk, 1, "pgpool set client_min_messages = error");
        assert_eq!(say(&desk, 1, "pgpool set log_statement = perhaps").unwrap(), "C\0\0\0\u{8}SET\0");
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
