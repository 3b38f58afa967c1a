//! The data plane alone in front of one server: `front LISTEN_PORT SERVER_HOST SERVER_PORT [PLACES]`. For measuring it
//! without the rest of pgherd.

use std::sync::Arc;

use pgherd_io::{DataPlane, DataPlaneSettings, Hooks, Listen, LiveSettings, Observation, WantedDriver};
use pgherd_pool::{Places, PoolLimits};
use pgherd_route::Routing;
use pgherd_session::{Policy, ResetList, Tracing};
use pgherd_types::{Address, ClusteringMode, Node, NodeId, NodeStatus, Topology};

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, host, server, rest @ ..] = arguments.as_slice() else {
        eprintln!("usage: front LISTEN_PORT SERVER_HOST SERVER_PORT [PLACES [THREADS]]");
        std::process::exit(2);
    };
    let number = |text: &String| text.parse::<u16>().map_err(std::io::Error::other);
    let served = usize::from(rest.first().map_or(Ok(400), number)?);
    let threads = rest.get(1).map(number).transpose()?.and_then(|n| usize::from(n).try_into().ok());
    let (port, server) = (number(port)?, number(server)?);
    let address = if host.starts_with('/') {
        Address::Unix { directory: host.clone(), port: server }
    } else {
        Address::Tcp { host: host.clone(), port: server }
    };
    let node = Node {
        id: NodeId(0),
        hostname: host.clone(),
        port: server,
        address,
        weight: 1.0,
        status: NodeStatus::Up,
        in_recovery: None,
        status_changed_s: 0,
    };
    let live = LiveSettings {
        policy: Policy {
            routing: Arc::new(Routing { load_balance: false, ..Routing::default() }),
            connection_cache: true,
            reset: ResetList::Discards,
            authentication_timeout: None,
            client_idle_limit: None,
            tracing: Tracing::default(),
            version: "front".to_owned(),
        },
        connect_timeout: None,
        reset_queries: ["ABORT".to_owned(), "DISCARD ALL".to_owned()].into(),
        passwords: Arc::new(|_| None),
    };
    let handle = DataPlane::start(DataPlaneSettings {
        listeners: vec![Listen::Tcp { host: "127.0.0.1".to_owned(), port }],
        threads,
        driver: WantedDriver::Best,
        topology: Arc::new(Topology {
            epoch: 1,
            mode: ClusteringMode::Raw,
            nodes: vec![node],
            primary: None,
        }),
        live: Arc::new(live),
        places: Places { served, reserved: 0, waiting: 2 * served },
        pool: PoolLimits::new(served, 1),
        hooks: Hooks {
            admin: Arc::new(|_| None),
            own_policy: Arc::new(|_, _| None),
            observe: Arc::new(|_: Observation<'_>| ()),
        },
    })?;
    println!("listening on {:?}", handle.addresses());
    handle.join();
    Ok(())
}
