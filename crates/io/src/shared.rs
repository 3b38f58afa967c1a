use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use pgherd_pool::{Admission, Grant, Home, Pool};
use pgherd_session::{Count, Shutdown};
use pgherd_types::{BackendId, HashTable, Moment, NodeId, Replication, SessionId, Topology, limits};

use crate::backend_conn::Backend;
use crate::helper::{Answer, Helper};
use crate::mailbox::Mailbox;
use crate::position_need::PositionNeed;
use crate::server_processes::ServerProcesses;
use crate::session_entry::SessionEntry;
use crate::slab::Key;
use crate::snapshot::Snapshot;
use crate::{Hooks, LiveSettings, Observation, Peer};

/// What the loops and the handle have in common. Everything in it that has a lock is asked when a client or a backend
/// comes or goes, and for no query but one that ends a server process.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) topology: Snapshot<Topology>,
    pub(crate) replication: Snapshot<Replication>,
    pub(crate) position_need: PositionNeed,
    pub(crate) catalogs: Catalogs,
    pub(crate) processes: Arc<ServerProcesses>,
    pub(crate) live: Snapshot<LiveSettings>,
    pub(crate) hooks: Hooks,
    pub(crate) helper: Helper,
    pub(crate) loops: Vec<PerLoop>,
    /// Clients that have not asked for a place yet.
    pub(crate) starting: AtomicUsize,
    /// How many of them there may be before no more are accepted.
    pub(crate) starting_limit: usize,
    /// All clients.
    pub(crate) clients: AtomicUsize,
    pool: Mutex<Pool>,
    admission: Mutex<Admission>,
}

/// What others may know of an event loop.
#[derive(Debug)]
pub(crate) struct PerLoop {
    pub(crate) mailbox: Arc<Mailbox<Letter>>,
    pub(crate) sessions: Mutex<HashTable<SessionId, Arc<SessionEntry>>>,
    /// What was counted of each node.
    counts: Vec<[AtomicU64; Count::ALL.len()]>,
}

/// How often a statement that changes catalogs has passed through this process. What an event loop knows of the
/// catalogs is of one such state.
#[derive(Debug, Default)]
pub(crate) struct Catalogs(AtomicU64);

impl Catalogs {
    pub(crate) fn changed(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// The process's clock: milliseconds since its start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

/// What one loop tells another, or the handle tells all.
#[derive(Debug)]
pub(crate) enum Letter {
    /// A client to serve.
    Client(OwnedFd, Peer),
    /// A waiting session has its place.
    Admitted(SessionId),
    /// A request of this loop is granted.
    Granted(Grant),
    /// The idle backend of a grant lives here and is wanted there.
    Fetch(Grant),
    /// The answer; `None` when the backend turned out to be dead.
    Fetched(Grant, Option<Box<Backend>>),
    /// An idle backend that lives here has to be closed.
    Evict(BackendId),
    /// A cancel request for a session that may live here.
    Cancel(SessionId, Vec<u8>),
    /// The helper has the answer for a dialling.
    Helped(Key, Answer),
    /// No new clients.
    StopListening,
    /// The sessions are to end.
    Drain(Shutdown),
    /// Look at what is shared.
    Wake,
}

impl Shared {
    #[expect(
        clippy::too_many_arguments,
        reason = "the parts are made one by one and named by the one caller"
    )]
    pub(crate) fn new(
        clock: Clock,
        topology: Arc<Topology>,
        live: Arc<LiveSettings>,
        hooks: Hooks,
        helper: Helper,
        mailboxes: Vec<Arc<Mailbox<Letter>>>,
        pool: Pool,
        admission: Admission,
        starting_limit: usize,
    ) -> Self {
        Shared {
            clock,
            topology: Snapshot::new(topology),
            replication: Snapshot::new(Arc::default()),
            position_need: PositionNeed::default(),
            catalogs: Catalogs::default(),
            processes: Arc::default(),
            live: Snapshot::new(live),
            hooks,
            helper,
            loops: mailboxes.into_iter().map(PerLoop::new).collect(),
            starting: AtomicUsize::new(0),
            starting_limit,
            clients: AtomicUsize::new(0),
            pool: Mutex::new(pool),
            admission: Mutex::new(admission),
        }
    }

    pub(crate) fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn admission(&self) -> MutexGuard<'_, Admission> {
        self.admission.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn per_loop(&self, home: Home) -> Option<&PerLoop> {
        self.loops.get(usize::from(home.0))
    }

    /// Tells the observer. One that fails takes nothing with it.
    pub(crate) fn observe(&self, what: Observation<'_>) {
        let observer = &self.hooks.observe;
        // What it panicked over is in its own hands: the panic hook has told of it.
        let _ = catch_unwind(AssertUnwindSafe(|| observer(what)));
    }

    /// Sends a letter to one loop.
    pub(crate) fn send(&self, home: Home, letter: Letter) {
        if let Some(to) = self.per_loop(home) {
            to.mailbox.send(letter);
        }
    }

    /// Sends a letter to all loops.
    pub(crate) fn send_all(&self, letter: impl Fn() -> Letter) {
        self.loops.iter().for_each(|to| to.mailbox.send(letter()));
    }

    /// What was counted of a node, over all loops.
    pub(crate) fn counted(&self, node: NodeId, what: Count) -> u64 {
        let mine = self.loops.iter().filter_map(|to| to.counter(node, what));
        mine.map(|counter| counter.load(Ordering::Relaxed)).sum()
    }
}

impl PerLoop {
    fn new(mailbox: Arc<Mailbox<Letter>>) -> Self {
        PerLoop {
            mailbox,
            sessions: Mutex::new(HashTable::default()),
            counts: (0..limits::NODES).map(|_| core::array::from_fn(|_| AtomicU64::new(0))).collect(),
        }
    }

    /// Counts. Only the loop itself writes, so that no locked instruction is needed.
    pub(crate) fn count(&self, node: NodeId, what: Count) {
        if let Some(counter) = self.counter(node, what) {
            counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
    }

    fn counter(&self, node: NodeId, what: Count) -> Option<&AtomicU64> {
        self.counts.get(node.index())?.get(what as usize)
    }

    pub(crate) fn sessions(&self) -> MutexGuard<'_, HashTable<SessionId, Arc<SessionEntry>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock {
    pub(crate) fn start() -> Self {
        Clock(Instant::now())
    }

    pub(crate) fn now(self) -> Moment {
        Moment(u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}
