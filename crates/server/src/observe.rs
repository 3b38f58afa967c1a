use core::time::Duration;
use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pgherd_config::Settings;
use pgherd_io::Observation;
use pgherd_session::{Carrier, Closing};
use pgherd_types::{HashTable, Identity, SessionId};
use pgherd_wire::error_response::Fields;

use crate::log::{Level, Log, Record, SessionNames, Source, Verbosity};

/// Writes log lines of what the event loops notice. Called on event loops; nothing here waits for the log.
#[derive(Debug)]
pub(crate) struct Observer {
    log: Log,
    /// Who the open sessions are, for the beginning of their lines. Touched when a session opens and ends, and for the
    /// lines in between.
    identities: Mutex<HashTable<SessionId, Arc<Identity>>>,
    /// The least level and the verbosity of sessions that have their own (`PGPOOL SET`).
    bounds: Mutex<HashTable<SessionId, (Level, Verbosity)>>,
    /// True when `bounds` may hold something: nobody looks there otherwise.
    has_bounds: AtomicBool,
    connections: AtomicBool,
    disconnections: AtomicBool,
}

impl Observer {
    /// An observer that writes to this log.
    pub(crate) fn new(log: Log, settings: &Settings) -> Self {
        let observer = Observer {
            log,
            identities: Mutex::default(),
            bounds: Mutex::default(),
            has_bounds: AtomicBool::default(),
            connections: AtomicBool::default(),
            disconnections: AtomicBool::default(),
        };
        observer.configure(settings);
        observer
    }

    /// Takes reloaded settings over.
    pub(crate) fn configure(&self, settings: &Settings) {
        self.connections.store(settings.logging.log_connections, Ordering::Relaxed);
        self.disconnections.store(settings.logging.log_disconnections, Ordering::Relaxed);
    }

    /// Bounds the lines of a session in its own way; `None`: as all others.
    pub(crate) fn bound(&self, session: SessionId, own: Option<(Level, Verbosity)>) {
        let mut bounds = self.bounds.lock().unwrap_or_else(PoisonError::into_inner);
        match own {
            Some(own) => bounds.insert(session, own),
            None => bounds.remove(&session),
        };
        self.has_bounds.store(!bounds.is_empty(), Ordering::Relaxed);
    }

    fn bounds_of(&self, session: SessionId) -> Option<(Level, Verbosity)> {
        if !self.has_bounds.load(Ordering::Relaxed) {
            return None;
        }
        self.bounds.lock().unwrap_or_else(PoisonError::into_inner).get(&session).copied()
    }

    /// Takes in what a loop noticed.
    pub(crate) fn take(&self, observation: &Observation<'_>) {
        match observation {
            Observation::Connected { session, peer } => {
                if self.connections.load(Ordering::Relaxed) {
                    self.say(Level::Log, *session, || format!("new connection received from {peer}"));
                }
            }
            Observation::Opened { session, identity, .. } => self.opened(*session, identity),
            Observation::Closed { session, why, after } => self.closed(*session, *why, *after),
            Observation::Statement { session, tracing, node, process_id, carrier, text } => {
                let text = String::from_utf8_lossy(text);
                // A statement runs with its Query or its Execute.
                if tracing.statements && matches!(carrier, Carrier::Query | Carrier::Execute) {
                    self.say(Level::Log, *session, || format!("statement: {text}"));
                }
                if tracing.node_statements {
                    let place = format!("DB node id: {node} backend pid: {process_id}");
                    let way = carrier.prefix();
                    self.say(Level::Log, *session, || format!("{place} statement: {way}{text}"));
                }
            }
            Observation::Drawn { session, node } => {
                self.say_more(Level::Debug1, *session, || {
                    ("selecting load balance node".to_owned(), Some(format!("it is node {node}")))
                });
            }
            Observation::Termination { session, node, process_id } => {
                let found = "found the pg_terminate_backend request for";
                self.say(Level::Log, *session, || format!("{found} process {process_id} of node {node}"));
            }
            Observation::Message { session, line } => {
                self.say_more(Level::Log, *session, || (line.text.clone(), line.detail.clone()));
            }
            Observation::DialFailed { node, fault } => {
                self.tell(Level::Log, || format!("node {node} could not be connected to: {fault}"));
            }
            Observation::DialRefused { node, message } => {
                self.tell(Level::Debug1, || {
                    format!("node {node} refused a login: {}", server_words(message))
                });
            }
            Observation::BackendLost { node, backend } => {
                self.tell(Level::Log, || format!("node {node} closed backend {backend} while it was in use"));
            }
            Observation::Violation { backend, what } => {
                self.tell(Level::Warning, || format!("backend {backend} broke the protocol: {what}"));
            }
            Observation::NodeShutdown(node) => {
                self.tell(Level::Log, || {
                    format!("node {node} told a session that it shuts down or is not ready")
                });
            }
            Observation::ClientProtocol { session, what } => {
                self.say(Level::Log, *session, || format!("the client broke the protocol: {what}"));
            }
            Observation::SessionPanicked { session } => {
                self.say(Level::Error, *session, || {
                    "the session failed inside pgherd and was ended".to_owned()
                });
            }
            Observation::AcceptFailed(error) => {
                self.tell(Level::Warning, || format!("a client could not be accepted: {error}"));
            }
        }
    }

    fn opened(&self, session: SessionId, identity: &Arc<Identity>) {
        self.identities().insert(session, Arc::clone(identity));
    }

    fn closed(&self, session: SessionId, why: Closing, after: Duration) {
        if self.disconnections.load(Ordering::Relaxed) {
            let text = || format!("disconnection after {:.3} s: {}", after.as_secs_f64(), reason(why));
            self.say(Level::Log, session, text);
        }
        self.identities().remove(&session);
        if self.has_bounds.load(Ordering::Relaxed) {
            self.bound(session, None);
        }
    }

    fn source_of(&self, session: SessionId) -> Source {
        let identity = self.identities().get(&session).map(Arc::clone);
        let Some(identity) = identity else { return Source { pid: session.0, ..Source::part("child") } };
        let application = identity.option("application_name").unwrap_or_default().to_owned();
        let names =
            SessionNames { user: identity.user().to_owned(), database: identity.database().to_owned() };
        Source { application: Cow::Owned(application), pid: session.0, session: Some(Arc::new(names)) }
    }

    fn say(&self, level: Level, session: SessionId, text: impl FnOnce() -> String) {
        self.say_more(level, session, || (text(), None));
    }

    fn say_more(&self, level: Level, session: SessionId, text: impl FnOnce() -> (String, Option<String>)) {
        let own = self.bounds_of(session);
        if own.map_or_else(|| self.log.wants(level), |(least, _)| level >= least) {
            let (text, detail) = text();
            let record = Record::new(level, self.source_of(session), text);
            let record = match detail {
                Some(detail) => record.detail(detail),
                None => record,
            };
            match own {
                Some((_, verbosity)) => self.log.write_bounded(record.verbosity(verbosity)),
                None => self.log.write(record),
            }
        }
    }

    fn tell(&self, level: Level, text: impl FnOnce() -> String) {
        if self.log.wants(level) {
            self.log.write(Record::new(level, Source::part("child"), text()));
        }
    }

    fn identities(&self) -> MutexGuard<'_, HashTable<SessionId, Arc<Identity>>> {
        self.identities.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn reason(why: Closing) -> &'static str {
    match why {
        Closing::Client => "the client left",
        Closing::Refused => "the client was refused",
        Closing::Protocol => "the client broke the protocol",
        Closing::Backend => "a backend that the session needed is gone",
        Closing::TimeLimit => "a time limit was reached",
        Closing::Shutdown => "pgherd is shutting down",
        Closing::Failed => "the session failed inside pgherd",
        Closing::NoSession => "the connection was a cancel request",
    }
}

/// What an ErrorResponse says.
fn server_words(message: &[u8]) -> String {
    let text = Fields::of_message(message).ok().and_then(Fields::message).unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}
