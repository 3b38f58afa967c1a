//! A data plane in front of one server, for tests.

#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use pgherd_io::{DataPlane, DataPlaneSettings, Handle, Hooks, Listen, LiveSettings, WantedDriver};
use pgherd_pool::{Places, PoolLimits};
use pgherd_route::Routing;
use pgherd_session::{Policy, ResetList, Shutdown, Tracing};
use pgherd_types::{Address, ClusteringMode, Node, NodeId, NodeStatus, Topology};
use pgherd_wire::backend::{self, TransactionStatus};

/// A data plane that ends with the test.
pub(crate) struct Front {
    pub(crate) handle: Handle,
    pub(crate) port: u16,
    /// What it observed, as text.
    pub(crate) seen: Arc<Mutex<Vec<String>>>,
}

impl Front {
    /// In front of the server on a port of this machine, with places for so many.
    pub(crate) fn start(server: u16, places: usize) -> Front {
        Front::with(server, |settings| {
            settings.places.served = places;
            settings.places.waiting = 4 * places;
            settings.pool = PoolLimits::new(places, 1);
        })
    }

    pub(crate) fn with(server: u16, change: impl FnOnce(&mut DataPlaneSettings)) -> Front {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut settings = settings(server, Arc::clone(&seen));
        change(&mut settings);
        let handle = DataPlane::start(settings).unwrap();
        let port = handle.addresses()[0].port();
        Front { handle, port, seen }
    }

    pub(crate) fn saw(&self, word: &str) -> bool {
        self.seen.lock().unwrap().iter().any(|line| line.contains(word))
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.handle.shutdown(Shutdown::Immediate);
        self.handle.join();
    }
}

fn settings(server: u16, seen: Arc<Mutex<Vec<String>>>) -> DataPlaneSettings {
    DataPlaneSettings {
        listeners: vec![Listen::Tcp { host: "127.0.0.1".to_owned(), port: 0 }],
        threads: NonZeroUsize::new(2),
        driver: driver(),
        topology: Arc::new(topology(server, NodeStatus::Up, 1)),
        live: Arc::new(LiveSettings {
            policy: Policy {
                routing: Arc::new(Routing { load_balance: false, ..Routing::default() }),
                connection_cache: true,
                reset: ResetList::Discards,
                authentication_timeout: None,
                client_idle_limit: None,
                tracing: Tracing::default(),
                version: "test".to_owned(),
            },
            connect_timeout: Some(core::time::Duration::from_secs(20)),
            reset_queries: ["ABORT".to_owned(), "DISCARD ALL".to_owned()].into(),
            passwords: Arc::new(|_| None),
        }),
        places: Places { served: 100, reserved: 0, waiting: 200 },
        pool: PoolLimits::new(100, 1),
        hooks: Hooks {
            admin: Arc::new(|_| None),
            own_policy: Arc::new(|_, _| None),
            observe: Arc::new(move |what| seen.lock().unwrap().push(format!("{what:?}"))),
        },
    }
}

/// What the tests are to run on.
fn driver() -> WantedDriver {
    match pgherd_testkit::io_driver().as_deref() {
        Some("epoll") => WantedDriver::Epoll,
        Some("io_uring") => WantedDriver::IoUring,
        Some("auto") | None => WantedDriver::Best,
        Some(other) => panic!("PGHERD_TEST_IO_DRIVER is {other}"),
    }
}

pub(crate) fn topology(server: u16, status: NodeStatus, epoch: u64) -> Topology {
    let node = Node {
        id: NodeId(0),
        hostname: "127.0.0.1".to_owned(),
        port: server,
        address: Address::Tcp { host: "127.0.0.1".to_owned(), port: server },
        weight: 1.0,
        status,
        in_recovery: None,
        status_changed_s: 0,
    };
    Topology { epoch, mode: ClusteringMode::Raw, nodes: vec![node], primary: None }
}

/// What a fake server does with the message of a client, until it says that it is enough.
pub(crate) type Answer = fn(u8, &[u8], &mut TcpStream) -> Enough;

#[derive(PartialEq, Eq)]
pub(crate) enum Enough {
    No,
    Yes,
}

/// A server that speaks just enough of the protocol to be pooled.
pub(crate) struct FakeServer {
    pub(crate) port: u16,
    /// Connections that it has had.
    pub(crate) connections: Arc<AtomicUsize>,
}

impl FakeServer {
    pub(crate) fn start(answer: Answer) -> FakeServer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        thread::spawn(move || {
            for stream in listener.incoming() {
                count.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || serve(stream.unwrap(), answer));
            }
        });
        FakeServer { port, connections }
    }
}

fn serve(mut stream: TcpStream, answer: Answer) -> Option<()> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut packet = vec![0; u32::from_be_bytes(length) as usize - 4];
    stream.read_exact(&mut packet).ok()?;
    let mut hello = Vec::new();
    backend::put_authentication_ok(&mut hello);
    backend::put_parameter_status(&mut hello, b"server_version", b"15.0");
    backend::put_backend_key_data(&mut hello, 7, &[1, 2, 3, 4]);
    backend::put_ready_for_query(&mut hello, TransactionStatus::Idle);
    stream.write_all(&hello).ok()?;
    loop {
        let mut head = [0; 5];
        stream.read_exact(&mut head).ok()?;
        let [kind, a, b, c, d] = head;
        let mut body = vec![0; u32::from_be_bytes([a, b, c, d]) as usize - 4];
        stream.read_exact(&mut body).ok()?;
        if kind == b'X' || answer(kind, &body, &mut stream) == Enough::Yes {
            return None;
        }
    }
}

/// The usual answer to a Query or a Sync.
pub(crate) fn well(kind: u8, body: &[u8], stream: &mut TcpStream) -> Enough {
    stream.write_all(&usual(kind, body)).unwrap();
    Enough::No
}

pub(crate) fn usual(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    if kind == b'Q' {
        let tag = body.split(|b| b" \0".contains(b)).next().unwrap().to_ascii_uppercase();
        backend::put_command_complete(&mut out, &tag);
    }
    backend::put_ready_for_query(&mut out, TransactionStatus::Idle);
    out
}
