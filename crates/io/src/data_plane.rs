use core::time::Duration;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use pgherd_pool::{Admission, BackendRow, Home, Pool};
use pgherd_session::{Count, Shutdown};
use pgherd_types::{Moment, NodeId, Replication, SessionId, Topology};

use crate::accepting::LOOPS;
use crate::driver::Driver;
use crate::event_loop::EventLoop;
use crate::helper::Helper;
use crate::listener::Listener;
use crate::listening::Listening;
use crate::mailbox::Mailbox;
use crate::shared::{Clock, Letter, Shared};
use crate::{DataPlaneSettings, DriverInUse, LiveSettings, Peer, WantedDriver};

/// Everything that carries client bytes.
#[derive(Debug)]
pub struct DataPlane;

/// The hold on a running data plane. Dropping it changes nothing; the loops run until [`Handle::shutdown`].
#[derive(Debug)]
pub struct Handle {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    addresses: Vec<SocketAddr>,
    driver: DriverInUse,
}

/// A session as `SHOW pool_processes` wants to see it.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// Its id, which the client knows as the server's process id.
    pub session: SessionId,
    /// Where the client is.
    pub peer: Peer,
    /// User name, once known.
    pub user: Option<String>,
    /// Database name, once known.
    pub database: Option<String>,
    /// `application_name` of the startup packet.
    pub application: Option<String>,
    /// What it is doing.
    pub stage: SessionStage,
    /// When the client connected.
    pub connected: Moment,
}

/// What a session is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionStage {
    /// It has not said who it is, or has not been authenticated.
    Starting,
    /// It waits for a place (`num_init_children`).
    Waiting,
    /// It is open and holds no backend.
    Idle,
    /// It holds backends.
    Serving,
}

/// Clients that may be accepted without having said who they are, at the least.
const STARTING_AT_LEAST: usize = 64;

impl DataPlane {
    /// Opens the listeners and starts the loops.
    ///
    /// # Errors
    /// When an address cannot be listened on, with the address in the text; when io_uring is asked for and does not
    /// work; when the system refuses a thread or a descriptor.
    pub fn start(settings: DataPlaneSettings) -> io::Result<Handle> {
        let loops = settings.threads.map_or_else(default_loops, |wanted| wanted.get().min(LOOPS));
        let (drivers, driver) = drivers(settings.driver, loops)?;
        let places = settings.places;
        let backlog = i32::try_from(places.waiting.max(places.served)).unwrap_or(i32::MAX);
        let mut listeners = Vec::new();
        for listen in &settings.listeners {
            listeners.extend(Listener::open(listen, backlog)?);
        }
        let addresses = listeners.iter().filter_map(Listener::address).collect();
        let mailboxes = (0..loops).map(|_| Mailbox::new().map(Arc::new)).collect::<io::Result<Vec<_>>>()?;
        let shared = Arc::new(Shared::new(
            Clock::start(),
            settings.topology,
            settings.live,
            settings.hooks,
            Helper::start(&mailboxes)?,
            mailboxes,
            Pool::new(settings.pool),
            Admission::new(places),
            STARTING_AT_LEAST.max(2 * (places.served + places.waiting)),
        ));
        let mut threads = Vec::new();
        for (number, driver) in drivers.into_iter().enumerate() {
            let home = Home(number as u16);
            let mine = Listening::new(core::mem::take(&mut listeners));
            let mut event_loop = EventLoop::new(home, Arc::clone(&shared), mine, driver)?;
            let named = thread::Builder::new().name(format!("loop {number}"));
            threads.push(named.spawn(move || event_loop.run())?);
        }
        Ok(Handle { shared, threads: Mutex::new(threads), addresses, driver })
    }
}

impl Handle {
    /// Makes a new picture of the cluster known to all sessions. Idle backends of nodes that are down are closed.
    pub fn publish_topology(&self, topology: Arc<Topology>) {
        self.shared.topology.publish(topology);
        self.shared.send_all(|| Letter::Wake);
    }

    /// Makes known how far the nodes are. Nobody is woken: sessions see it when they do something next.
    pub fn publish_replication(&self, replication: Arc<Replication>) {
        self.shared.replication.publish(replication);
    }

    /// How far the nodes are, as last published.
    pub fn replication(&self) -> Arc<Replication> {
        self.shared.replication.see().clone()
    }

    /// Waits until a session needs the nodes' positions, for at most `limit`. True when one does, or did within the
    /// last second.
    pub fn wait_for_position_need(&self, limit: Option<Duration>) -> bool {
        self.shared.position_need.wait(self.shared.clock, limit)
    }

    /// Makes reloaded settings known to all sessions.
    pub fn publish_settings(&self, live: Arc<LiveSettings>) {
        self.shared.live.publish(live);
        self.shared.send_all(|| Letter::Wake);
    }

    /// Takes no new clients from now on.
    pub fn stop_listening(&self) {
        self.shared.send_all(|| Letter::StopListening);
    }

    /// Ends the sessions as `how` says, and stops listening: at once, or with [`Shutdown::Smart`] when the last session
    /// has ended, until when new clients are refused (57P03). The loops stop when the last session has ended. May be
    /// called again with a more urgent `how`.
    pub fn shutdown(&self, how: Shutdown) {
        self.shared.send_all(|| Letter::Drain(how));
    }

    /// Waits until all loops have stopped.
    pub fn join(&self) {
        let threads = core::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A loop that panicked has told so; there is nothing to add.
            let _ = thread.join();
        }
    }

    /// All sessions, in no order.
    pub fn sessions(&self) -> Vec<SessionRow> {
        let rows = |mine: &crate::shared::PerLoop| {
            mine.sessions().values().map(|entry| entry.row()).collect::<Vec<_>>()
        };
        self.shared.loops.iter().flat_map(rows).collect()
    }

    /// All backends, in no order.
    pub fn backends(&self) -> Vec<BackendRow> {
        self.shared.pool().rows().collect()
    }

    /// What was counted of a node since the start.
    pub fn counted(&self, node: NodeId, what: Count) -> u64 {
        self.shared.counted(node, what)
    }

    /// What the event loops are driven by.
    pub fn driver(&self) -> &DriverInUse {
        &self.driver
    }

    /// The TCP addresses that are listened on.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The present on the clock of [`SessionRow::connected`] and [`BackendRow::created`].
    pub fn now(&self) -> Moment {
        self.shared.clock.now()
    }
}

/// One driver for each loop, all of one kind.
fn drivers(wanted: WantedDriver, loops: usize) -> io::Result<(Vec<Driver>, DriverInUse)> {
    let used = match wanted {
        WantedDriver::Epoll => DriverInUse::Epoll,
        WantedDriver::Best | WantedDriver::IoUring => match rings(loops) {
            Ok(drivers) => return Ok((drivers, DriverInUse::IoUring)),
            Err(error) if wanted == WantedDriver::IoUring => {
                return Err(io::Error::new(error.kind(), format!("io_uring does not work here: {error}")));
            }
            Err(error) => DriverInUse::EpollInstead(error.to_string()),
        },
    };
    Ok(((0..loops).map(|_| Driver::epoll()).collect::<io::Result<_>>()?, used))
}

/// Rings, if they do what is needed. A thread that has made one is interrupted when it ends, so one of its own does.
fn rings(loops: usize) -> io::Result<Vec<Driver>> {
    let make = move || pgherd_uring::probe().and_then(|()| (0..loops).map(|_| Driver::ring()).collect());
    let made = thread::Builder::new().name("rings".to_owned()).spawn(make)?.join();
    made.unwrap_or_else(|_| Err(io::Error::other("trying it out failed")))
}

/// Half of the cores, from 1 to 4: the servers need the others.
fn default_loops() -> usize {
    let cores = thread::available_parallelism().map_or(1, core::num::NonZero::get);
    (cores / 2).clamp(1, 4)
}
