use std::collections::VecDeque;
use std::sync::Arc;

use pgherd_route::Router;
use pgherd_session::{Action, Actions, Bytes, Common, Context, Event, Policy, ResetList, Session, Tracing};
use pgherd_types::{
    Address, BackendFacts, BackendId, ClusteringMode, Lease, Moment, Node, NodeId, NodeStatus, Replication,
    SessionId, Topology,
};
use pgherd_wire::{Framer, ProtocolVersion, frontend, startup};

use crate::messages;

/// A session with a primary and a standby behind it, and a driver that does at once whatever the session wants. Nothing
/// is written anywhere: what is measured is the session and the list of its actions.
#[derive(Debug)]
pub struct Conversation {
    session: Session,
    /// What the client begins with.
    startup: Vec<u8>,
    /// What each backend has told of itself.
    facts: BackendFacts,
    topology: Topology,
    replication: Replication,
    policy: Policy,
    router: Router,
    common: Common,
    actions: Actions,
    random: u64,
    to_do: VecDeque<Pending>,
    held: Option<Vec<u8>>,
    backends: u64,
    /// The backend that was written to last.
    asked: BackendId,
    /// Bytes that went to the client.
    answered: usize,
}

/// The node that is drawn for the session's reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawn {
    /// The one that takes the writes too.
    Primary,
    /// Another one.
    Standby,
}

/// What the session waits for.
#[derive(Debug)]
enum Pending {
    Admission,
    Lease(NodeId),
    Input,
    /// A query of the session's own, and whether it asks the catalog.
    Own(BackendId, bool),
}

impl Conversation {
    /// A session that has its first ReadyForQuery.
    ///
    /// # Panics
    /// When the session does not get that far.
    pub fn open(drawn: Drawn) -> Self {
        let mut startup = Vec::new();
        let parameters = [("user", "u"), ("database", "d"), ("application_name", "pgbench")];
        startup::put_startup_message(&mut startup, ProtocolVersion::V3_0, parameters);
        let mut new = Conversation {
            session: new_session(),
            startup,
            facts: facts(),
            topology: topology(),
            replication: Replication::default(),
            policy: policy(),
            router: Router::new([1; 16]),
            common: Common::default(),
            actions: Actions::default(),
            random: match drawn {
                Drawn::Primary => u64::MAX / 4,
                Drawn::Standby => u64::MAX / 4 * 3,
            },
            to_do: VecDeque::new(),
            held: None,
            backends: 0,
            asked: BackendId(0),
            answered: 0,
        };
        new.connect();
        new
    }

    /// The next client connects, and gets its first ReadyForQuery.
    ///
    /// # Panics
    /// When the session does not get that far.
    pub fn connect(&mut self) {
        self.session = new_session();
        self.answered = 0;
        let startup = core::mem::take(&mut self.startup);
        self.client(&startup);
        self.startup = startup;
        assert!(self.answered > 0, "the session does not open");
    }

    /// The client sends bytes; the session gets what it wants until it wants nothing more.
    pub fn client(&mut self, bytes: &[u8]) {
        self.tell(Event::ClientBytes(bytes), bytes);
        while let Some(pending) = self.to_do.pop_front() {
            self.answer(pending);
        }
    }

    fn answer(&mut self, pending: Pending) {
        match pending {
            Pending::Admission => self.tell(Event::Admitted, &[]),
            Pending::Lease(node) => {
                self.backends += 1;
                let lease = Lease::issue(BackendId(self.backends), node, self.facts.clone());
                self.tell(Event::Granted(lease), &[]);
            }
            Pending::Input => {
                let held = self.held.take().unwrap_or_default();
                self.tell(Event::ClientBytes(&held), &held);
            }
            Pending::Own(backend, asks_the_catalog) => {
                let bytes = messages::own_answer(asks_the_catalog);
                self.tell(Event::BackendBytes { backend, bytes: &bytes }, &bytes);
            }
        }
    }

    /// Notes the queries that the session asks for itself, one after the other in `bytes`.
    fn own(&mut self, backend: BackendId, bytes: &[u8]) {
        let mut rest = bytes;
        let mut framer = Framer::new(frontend::kind::largest_body);
        while let Ok(Some(piece)) = framer.next(&mut rest) {
            if piece.kind == frontend::kind::QUERY {
                let asks_the_catalog = piece.raw.windows(CATALOG.len()).any(|text| text == CATALOG);
                self.to_do.push_back(Pending::Own(backend, asks_the_catalog));
            }
        }
    }

    /// The backend that was asked last sends bytes.
    pub fn backend(&mut self, bytes: &[u8]) {
        self.tell(Event::BackendBytes { backend: self.asked, bytes }, bytes);
    }

    /// A request and its answer.
    ///
    /// # Panics
    /// When the session does not pass the answer on.
    pub fn exchange(&mut self, request: &[u8], answer: &[u8]) {
        self.client(request);
        self.answered = 0;
        self.backend(answer);
        assert_eq!(self.answered, answer.len(), "the answer does not reach the client");
    }

    fn tell(&mut self, event: Event<'_>, input: &[u8]) {
        let mut context = Context {
            now: Moment(1),
            topology: &self.topology,
            replication: &self.replication,
            policy: &self.policy,
            catalogs_epoch: 0,
            processes: &[],
            router: &mut self.router,
            common: &mut self.common,
            random: self.random,
        };
        self.session.handle(&mut context, event, &mut self.actions);
        let (list, made) = self.actions.take();
        for action in &list {
            self.perform(action, input, &made);
        }
        self.actions.recycle(list, made);
    }

    fn perform(&mut self, action: &Action, input: &[u8], made: &[u8]) {
        match action {
            Action::ToClient(bytes) => self.answered += length(bytes),
            Action::ToBackend(backend, Bytes::Input(_)) => self.asked = *backend,
            Action::ToBackend(backend, Bytes::Made(range)) => {
                self.own(*backend, made.get(range.clone()).unwrap_or_default())
            }
            Action::Admit(_) => self.to_do.push_back(Pending::Admission),
            Action::Acquire { node, .. } => self.to_do.push_back(Pending::Lease(*node)),
            Action::HoldClient { from } => self.held = Some(input.get(*from..).unwrap_or_default().to_vec()),
            Action::ResumeClient => self.to_do.push_back(Pending::Input),
            Action::Release(..)
            | Action::CancelBackend(_)
            | Action::CancelSession { .. }
            | Action::Admin { .. }
            | Action::Arm(..)
            | Action::Disarm(_)
            | Action::Report(_)
            | Action::CloseClient(_) => {}
        }
    }
}

fn length(bytes: &Bytes) -> usize {
    match bytes {
        Bytes::Input(range) | Bytes::Made(range) => range.len(),
    }
}

/// What only the look-up of relations has in its text.
const CATALOG: &[u8] = b"pg_catalog.pg_class";

fn new_session() -> Session {
    Session::new(SessionId(1), [7; 32])
}

/// What a server of version 15 reports.
fn facts() -> BackendFacts {
    let mut facts = BackendFacts::default();
    let parameters = [
        ("in_hot_standby", "off"),
        ("integer_datetimes", "on"),
        ("TimeZone", "Etc/UTC"),
        ("IntervalStyle", "postgres"),
        ("is_superuser", "on"),
        ("application_name", "pgbench"),
        ("default_transaction_read_only", "off"),
        ("DateStyle", "ISO, MDY"),
        ("standard_conforming_strings", "on"),
        ("session_authorization", "u"),
        ("client_encoding", "UTF8"),
        ("server_version", "15.18"),
        ("server_encoding", "UTF8"),
    ];
    for (name, value) in parameters {
        assert!(facts.parameters.set(name, value), "a server has fewer than the limit");
    }
    facts
}

/// A primary and a standby.
fn topology() -> Topology {
    let node = |id: u8| Node {
        id: NodeId(id),
        hostname: "h".to_owned(),
        port: 5432 + u16::from(id),
        address: Address::Tcp { host: "h".to_owned(), port: 5432 + u16::from(id) },
        weight: 1.0,
        status: NodeStatus::Up,
        in_recovery: Some(id != 0),
        status_changed_s: 0,
    };
    Topology {
        epoch: 1,
        mode: ClusteringMode::StreamingReplication,
        nodes: vec![node(0), node(1)],
        primary: Some(NodeId(0)),
    }
}

/// The settings of a session that balances and is pooled.
fn policy() -> Policy {
    Policy {
        routing: Arc::default(),
        connection_cache: true,
        reset: ResetList::Discards,
        authentication_timeout: None,
        client_idle_limit: None,
        tracing: Tracing::default(),
        version: "pgherd".to_owned(),
    }
}
