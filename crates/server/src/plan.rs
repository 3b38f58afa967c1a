//! What the settings mean for the other parts.

mod routing;

use core::num::NonZeroUsize;
use core::time::Duration;
use std::path::PathBuf;
use std::sync::Arc;

use pgherd_admin::tables::DelayUnit;
use pgherd_auth::StoredPassword;
use pgherd_cluster::NodeSpec;
use pgherd_config::{Backend, ErrorVerbosity, IoDriver, MessageLevel, ReadConsistency, Settings};
use pgherd_io::{Listen, LiveSettings, Passwords, ProbeTarget, WantedDriver};
use pgherd_pool::{Places, PoolLimits};
use pgherd_route::{Mutations, Routing};
use pgherd_session::{BackendMessages, Policy, ResetList, Tracing};
use pgherd_types::{ClusteringMode, NodeId};

pub(crate) use self::routing::mutations;
use crate::log::{Format, Level, Prefix, Verbosity};
use crate::version::version_text;

/// The nodes, up to the last one in use.
pub(crate) fn nodes(settings: &Settings) -> Vec<NodeSpec> {
    let unused = Backend::default();
    let count = settings.nodes().last().map_or(0, |(last, _)| last.index() + 1);
    let spec = |id: usize| {
        let backend = u8::try_from(id).ok().and_then(|id| settings.backends.get(&id)).unwrap_or(&unused);
        NodeSpec {
            hostname: backend.backend_hostname.clone(),
            port: backend.backend_port,
            address: backend.address(),
            weight: backend.backend_weight,
            always_primary: backend.backend_flag.always_primary,
        }
    };
    (0..count).map(spec).collect()
}

/// Where clients connect.
pub(crate) fn listeners(settings: &Settings) -> Vec<Listen> {
    let own = &settings.connections;
    let tcp = own.listen_addresses.iter().map(|host| Listen::Tcp { host: host.clone(), port: own.port });
    let unix = own.unix_socket_directories.iter().map(|directory| Listen::Unix {
        directory: PathBuf::from(directory),
        port: own.port,
        mode: own.unix_socket_permissions,
        group: Some(own.unix_socket_group.clone()).filter(|group| !group.is_empty()),
    });
    tcp.chain(unix).collect()
}

/// The addresses of `listen_addresses` that other machines can reach.
pub(crate) fn open_addresses(settings: &Settings) -> Vec<&str> {
    let is_local = |host: &str| {
        host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
    };
    settings.connections.listen_addresses.iter().map(String::as_str).filter(|host| !is_local(host)).collect()
}

/// How many clients are served and may wait.
pub(crate) fn places(settings: &Settings) -> Places {
    let own = &settings.connections;
    let served = size(own.num_init_children);
    let waiting = served.saturating_mul(size(own.listen_backlog_multiplier)).max(LEAST_WAITING);
    Places { served, reserved: size(own.reserved_connections), waiting }
}

/// How many backends there may be.
pub(crate) fn pool(settings: &Settings) -> PoolLimits {
    let own = &settings.pooling;
    let mut limits = PoolLimits::new(size(settings.connections.num_init_children), size(own.max_pool));
    limits.life_time = some(own.connection_life_time);
    limits.cache = own.connection_cache;
    limits
}

/// Event loops; `None` leaves it to the data plane.
pub(crate) fn threads(settings: &Settings) -> Option<NonZeroUsize> {
    NonZeroUsize::new(size(settings.own.event_threads))
}

/// What the event loops are to be driven by.
pub(crate) fn driver(settings: &Settings) -> WantedDriver {
    match settings.own.io_driver {
        IoDriver::Auto => WantedDriver::Best,
        IoDriver::Epoll => WantedDriver::Epoll,
        IoDriver::IoUring => WantedDriver::IoUring,
    }
}

/// What a reload may change for sessions.
pub(crate) fn live(settings: &Settings, passwords: Passwords, mutations: &Arc<Mutations>) -> LiveSettings {
    let policy = Policy {
        routing: Arc::new(routing::routing(settings, mutations)),
        connection_cache: settings.pooling.connection_cache,
        reset: reset_list(&settings.pooling.reset_query_list),
        authentication_timeout: some(settings.connections.authentication_timeout),
        client_idle_limit: some(settings.pooling.client_idle_limit),
        tracing: tracing(settings),
        version: version_text(),
    };
    LiveSettings {
        policy,
        connect_timeout: some(settings.health.connect_timeout),
        reset_queries: settings.pooling.reset_query_list.clone().into(),
        passwords,
    }
}

/// Statements that do nothing in a session that has left nothing behind, in capitals.
const DISCARDS: [&str; 9] = [
    "ABORT",
    "ROLLBACK",
    "DISCARD ALL",
    "RESET ALL",
    "CLOSE ALL",
    "DEALLOCATE ALL",
    "UNLISTEN *",
    "RESET SESSION AUTHORIZATION",
    "SET SESSION AUTHORIZATION DEFAULT",
];

/// What the statements of `reset_query_list` do.
fn reset_list(list: &[String]) -> ResetList {
    let discards = |statement: &String| {
        let words: Vec<&str> = statement.trim_end_matches(';').split_ascii_whitespace().collect();
        let statement = words.join(" ").to_ascii_uppercase();
        statement.is_empty() || DISCARDS.contains(&statement.as_str())
    };
    if list.iter().all(discards) { ResetList::Discards } else { ResetList::Other }
}

/// The common policy with what a session may change for itself taken from these settings, which are its own.
pub(crate) fn own_policy(common: &Policy, own: &Settings) -> Policy {
    Policy {
        routing: own_routing(&common.routing, own),
        client_idle_limit: some(own.pooling.client_idle_limit),
        tracing: tracing(own),
        ..common.clone()
    }
}

/// The common routing, copied only where the session's differs.
fn own_routing(common: &Arc<Routing>, own: &Settings) -> Arc<Routing> {
    let allow_sql_comments = own.balance.allow_sql_comments;
    if common.allow_sql_comments == allow_sql_comments {
        return Arc::clone(common);
    }
    Arc::new(Routing { allow_sql_comments, ..Routing::clone(common) })
}

/// What is logged and told of statements and messages.
fn tracing(settings: &Settings) -> Tracing {
    let own = &settings.logging;
    Tracing {
        statements: own.log_statement,
        node_statements: own.log_per_node_statement,
        statement_notices: own.notice_per_node_statement && own.client_min_messages <= MessageLevel::Notice,
        client_messages: own.log_client_messages,
        backend_messages: match own.log_backend_messages {
            pgherd_config::BackendMessages::None => BackendMessages::None,
            pgherd_config::BackendMessages::Terse => BackendMessages::Terse,
            pgherd_config::BackendMessages::Verbose => BackendMessages::Verbose,
        },
        tells_log: own.client_min_messages <= MessageLevel::Log,
    }
}

/// How the nodes are asked what they are. Without `sr_check_user` the health check's login is used; without either
/// the nodes refuse us, which still tells that they live.
pub(crate) fn probes(
    settings: &Settings,
    passwords: &Passwords,
    nodes: &[NodeId],
) -> Vec<(NodeId, ProbeTarget)> {
    let target = |&node: &NodeId| {
        let address = settings.backends.get(&node.0)?.address();
        let (check, health) = (&settings.standby, settings.health_check(node));
        let (user, database, password) = if check.sr_check_user.is_empty() {
            (&health.health_check_user, &health.health_check_database, &health.health_check_password)
        } else {
            (&check.sr_check_user, &check.sr_check_database, &check.sr_check_password)
        };
        let given = Some(password).filter(|given| !given.is_empty());
        let password =
            given.map(|given| StoredPassword::recognise(given.expose())).or_else(|| passwords(user));
        Some((node, ProbeTarget { address, user: user.clone(), database: database.clone(), password }))
    };
    nodes.iter().filter_map(target).collect()
}

/// True when sessions may need to know where the nodes are in the WAL, and the nodes can be asked.
pub(crate) fn asks_positions(settings: &Settings) -> bool {
    let is_wanted = match settings.own.read_consistency {
        ReadConsistency::Eventual => false,
        ReadConsistency::Session => true,
    };
    let mode = settings.connections.backend_clustering_mode;
    is_wanted && mode == ClusteringMode::StreamingReplication && can_ask_roles(settings)
}

/// How the standbys' delay is shown: as a time where that is what counts.
pub(crate) fn delay_unit(settings: &Settings) -> DelayUnit {
    let own = &settings.standby;
    if own.delay_threshold_by_time.is_zero() && own.replication_delay_source_cmd.is_empty() {
        DelayUnit::Bytes
    } else {
        DelayUnit::Time
    }
}

/// True when the settings give a login with which nodes can be asked for their role.
pub(crate) fn can_ask_roles(settings: &Settings) -> bool {
    !settings.standby.sr_check_user.is_empty() || !settings.health.health_check_user.is_empty()
}

/// The least level of the log, and how its lines look. `debug` is the option `-d`.
pub(crate) fn log(settings: &Settings, debug: bool) -> (Level, Format) {
    let (least, verbosity) = log_bounds(settings);
    let least = if debug { least.min(Level::Debug1) } else { least };
    (least, Format { prefix: Prefix::parse(&settings.logging.log_line_prefix), verbosity })
}

/// The least level that is logged, and how much of a record. A session may have its own.
pub(crate) fn log_bounds(settings: &Settings) -> (Level, Verbosity) {
    let verbosity = match settings.logging.log_error_verbosity {
        ErrorVerbosity::Terse => Verbosity::Terse,
        ErrorVerbosity::Default | ErrorVerbosity::Verbose => Verbosity::Default,
    };
    (Level::from(settings.logging.log_min_messages), verbosity)
}

/// A time of 0 means that there is no limit.
pub(crate) fn some(time: Duration) -> Option<Duration> {
    Some(time).filter(|time| !time.is_zero())
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Clients that may wait for a place, however small the queue that the settings ask for: a waiting client costs little,
/// and Pgpool-II's clients, which the kernel makes wait, try again rather than give up.
const LEAST_WAITING: usize = 1_000;

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use pgherd_admin::tables::DelayUnit;
    use pgherd_auth::StoredPassword;
    use pgherd_config::{NoFiles, Settings};
    use pgherd_io::{Listen, Passwords};
    use pgherd_session::ResetList;
    use pgherd_types::NodeId;

    fn settings(text: &str) -> Settings {
        let loaded = pgherd_config::load(Path::new("x"), text.as_bytes(), &NoFiles);
        assert!(loaded.is_usable(), "{:?}", loaded.problems);
        loaded.settings
    }

    #[test]
    fn nodes_up_to_the_last_one_in_use() {
        let nodes =
            super::nodes(&settings("backend_hostname2 = 'c'\nbackend_port2 = 5434\nbackend_weight2 = 3"));
        assert_eq!(nodes.iter().map(|node| node.is_used()).collect::<Vec<_>>(), [false, false, true]);
        assert_eq!(nodes[2].weight, 3.0);
        assert!(super::nodes(&settings("")).is_empty());
    }

    #[test]
    fn what_a_session_has_of_its_own() {
        let passwords: Passwords = Arc::new(|_| None);
        let file = settings("");
        let common = super::live(&file, passwords, &super::mutations(&file, [0; 16])).policy;
        let own = super::own_policy(&common, &settings("log_statement = on"));
        assert!(own.tracing.statements && Arc::ptr_eq(&own.routing, &common.routing));
        let text = "allow_sql_comments = on\nclient_idle_limit = 3";
        let own = super::own_policy(&common, &settings(text));
        assert!(own.routing.allow_sql_comments);
        assert_eq!(own.client_idle_limit, Some(core::time::Duration::from_secs(3)));
    }

    #[test]
    fn which_reset_lists_only_throw_away() {
        for (list, only) in [
            ("ABORT; DISCARD ALL", true),
            ("abort;  discard   all;", true),
            ("ABORT; RESET ALL; SET SESSION AUTHORIZATION DEFAULT; UNLISTEN *", true),
            ("", true),
            ("ABORT; DISCARD ALL; SELECT left()", false),
            ("DISCARD PLANS", false),
        ] {
            let found = super::reset_list(
                &settings(&format!("reset_query_list = '{list}'")).pooling.reset_query_list,
            );
            assert_eq!(found == ResetList::Discards, only, "{list}");
        }
    }

    #[test]
    fn listeners_of_each_kind() {
        let text = "listen_addresses = 'a, b'\nport = 7000\n\
            unix_socket_directories = '/x'\nunix_socket_permissions = 0700";
        let expected = [
            Listen::Tcp { host: "a".to_owned(), port: 7000 },
            Listen::Tcp { host: "b".to_owned(), port: 7000 },
            Listen::Unix { directory: "/x".into(), port: 7000, mode: 0o700, group: None },
        ];
        assert_eq!(super::listeners(&settings(text)), expected);
    }

    #[test]
    fn which_addresses_are_open_to_others() {
        for (text, open) in
            [("localhost", 0), ("127.0.0.1, ::1", 0), ("*", 1), ("localhost, 10.0.0.1", 1), ("", 0)]
        {
            let settings = settings(&format!("listen_addresses = '{text}'"));
            assert_eq!(super::open_addresses(&settings).len(), open, "{text}");
        }
    }

    #[test]
    fn who_needs_the_nodes_positions() {
        for (text, asks) in [
            ("sr_check_user = 'u'", false),
            ("read_consistency = session", false),
            ("read_consistency = session\nsr_check_user = 'u'", true),
            ("read_consistency = session\nhealth_check_user = 'u'", true),
            ("read_consistency = session\nsr_check_user = 'u'\nbackend_clustering_mode = slony", false),
        ] {
            assert_eq!(super::asks_positions(&settings(text)), asks, "{text}");
        }
    }

    #[test]
    fn how_the_delay_is_shown() {
        for (text, unit) in [
            ("delay_threshold = 1", DelayUnit::Bytes),
            ("delay_threshold_by_time = 1", DelayUnit::Time),
            ("replication_delay_source_cmd = 'x'", DelayUnit::Time),
        ] {
            assert_eq!(super::delay_unit(&settings(text)), unit, "{text}");
        }
    }

    #[test]
    fn whose_login_asks_the_nodes() {
        let node = "backend_hostname0 = 'a'\nbackend_port0 = 5432\n";
        let passwords: Passwords =
            Arc::new(|user| (user == "bob").then(|| StoredPassword::recognise(b"from file")));
        let cases: [(&str, &str, Option<&str>); 4] = [
            ("", "", None),
            ("sr_check_user = 'bob'", "bob", Some("from file")),
            ("sr_check_user = 'bob'\nsr_check_password = 'x'", "bob", Some("x")),
            ("health_check_user = 'eve'", "eve", None),
        ];
        for (text, user, password) in cases {
            let settings = settings(&format!("{node}{text}"));
            let all = super::probes(&settings, &passwords, &[NodeId(0), NodeId(9)]);
            assert_eq!(all.len(), 1);
            assert_eq!(all[0].1.user, user);
            assert_eq!(
                all[0].1.password,
                password.map(|text| StoredPassword::recognise(text.as_bytes())),
                "{text}"
            );
        }
    }
}
