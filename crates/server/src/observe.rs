use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use pgherd_config::Settings;
use pgherd_io::Observation;
use pgherd_session::{Carrier, Closing};
use pgherd_types::SessionId;
use pgherd_wire::error_response::Fields;

use crate::log::{Level, Log, Record, SessionNames, Source};

/// Writes log lines of what the event loops notice. Called on event loops; nothing here waits for the log.
#[derive(Debug)]
pub(crate) struct Observer {
    log: Log,
    /// How the lines of open sessions begin. Touched when a session opens and ends, and for the lines in between.
    sources: Mutex<HashMap<SessionId, Source>>,
    connections: AtomicBool,
    disconnections: AtomicBool,
    statements: AtomicBool,
    per_node_statements: AtomicBool,
}

impl Observer {
    /// An observer that writes to this log.
    pub(crate) fn new(log: Log, settings: &Settings) -> Self {
        let observer = Observer {
            log,
            sources: Mutex::default(),
            connections: AtomicBool::default(),
            disconnections: AtomicBool::default(),
            statements: AtomicBool::default(),
            per_node_statements: AtomicBool::default(),
        };
        observer.configure(settings);
        observer
    }

    /// Takes reloaded settings over.
    pub(crate) fn configure(&self, settings: &Settings) {
        self.connections.store(settings.logging.log_connections, Ordering::Relaxed);
        self.disconnections.store(settings.logging.log_disconnections, Ordering::Relaxed);
        self.statements.store(settings.logging.log_statement, Ordering::Relaxed);
        self.per_node_statements.store(settings.logging.log_per_node_statement, Ordering::Relaxed);
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
            Observation::Closed { session, why, after } => {
                if self.disconnections.load(Ordering::Relaxed) {
                    let text =
                        || format!("disconnection after {:.3} s: {}", after.as_secs_f64(), reason(*why));
                    self.say(Level::Log, *session, text);
                }
                self.sources().remove(session);
            }
            Observation::Statement { session, node, process_id, carrier, text } => {
                let way = match carrier {
                    Carrier::Query => "",
                    Carrier::Parse => "Parse: ",
                };
                let statement = format!("statement: {way}{}", String::from_utf8_lossy(text));
                if self.statements.load(Ordering::Relaxed) {
                    self.say(Level::Log, *session, || statement.clone());
                }
                if self.per_node_statements.load(Ordering::Relaxed) {
                    let place = format!("DB node id: {node} backend pid: {process_id}");
                    self.say(Level::Log, *session, || format!("{place} {statement}"));
                }
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

    fn opened(&self, session: SessionId, identity: &pgherd_types::Identity) {
        let application = identity.option("application_name").unwrap_or_default().to_owned();
        let names =
            SessionNames { user: identity.user().to_owned(), database: identity.database().to_owned() };
        let source =
            Source { application: Cow::Owned(application), pid: session.0, session: Some(Arc::new(names)) };
        self.sources().insert(session, source);
    }

    fn say(&self, level: Level, session: SessionId, text: impl FnOnce() -> String) {
        if self.log.wants(level) {
            let source = self.sources().get(&session).cloned();
            let source = source.unwrap_or(Source { pid: session.0, ..Source::part("child") });
            self.log.write(Record::new(level, source, text()));
        }
    }

    fn tell(&self, level: Level, text: impl FnOnce() -> String) {
        if self.log.wants(level) {
            self.log.write(Record::new(level, Source::part("child"), text()));
        }
    }

    fn sources(&self) -> std::sync::MutexGuard<'_, HashMap<SessionId, Source>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
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
