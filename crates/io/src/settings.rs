use core::fmt;
use core::num::NonZeroUsize;
use core::time::Duration;
use std::path::PathBuf;
use std::sync::Arc;

use pgherd_auth::StoredPassword;
use pgherd_pool::{Places, PoolLimits};
use pgherd_session::Policy;
use pgherd_types::{NodeId, SessionId, Topology};

use crate::Observation;

/// What the data plane is started with.
#[derive(Debug)]
pub struct DataPlaneSettings {
    /// Where clients connect.
    pub listeners: Vec<Listen>,
    /// Event loops; `None` for half of the cores, from 1 to 4.
    pub threads: Option<NonZeroUsize>,
    /// What the loops are driven by.
    pub driver: WantedDriver,
    /// The cluster.
    pub topology: Arc<Topology>,
    /// What a reload may change.
    pub live: Arc<LiveSettings>,
    /// How many sessions are served and may wait.
    pub places: Places,
    /// How many backends there may be.
    pub pool: PoolLimits,
    /// What the loops ask and tell.
    pub hooks: Hooks,
}

/// The settings that a reload may change; published whole with [`Handle::publish_settings`](crate::Handle).
#[derive(Clone)]
pub struct LiveSettings {
    /// What sessions obey.
    pub policy: Policy,
    /// `connect_timeout`: how long dialling a backend may take, from the name's resolution to the first
    /// ReadyForQuery. `None` when 0: the operating system's limit.
    pub connect_timeout: Option<Duration>,
    /// `reset_query_list`.
    pub reset_queries: Arc<[String]>,
    /// The password of a user, as `pool_passwd` gives it; `None` for an unknown user.
    pub passwords: Passwords,
}

/// Looks up the password with which pgherd logs in to the servers for a user.
pub type Passwords = Arc<dyn Fn(&str) -> Option<StoredPassword> + Send + Sync>;

impl fmt::Debug for LiveSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveSettings")
            .field("policy", &self.policy)
            .field("connect_timeout", &self.connect_timeout)
            .field("reset_queries", &self.reset_queries)
            .finish_non_exhaustive()
    }
}

/// One address that clients connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// One entry of `listen_addresses` with `port`: a host name, an address, or `*` for all of this machine.
    Tcp {
        /// Host name, address or `*`.
        host: String,
        /// TCP port; 0 for any that is free.
        port: u16,
    },
    /// `.s.PGSQL.PORT` in one entry of `unix_socket_directories`.
    Unix {
        /// The directory.
        directory: PathBuf,
        /// The number in the socket's name.
        port: u16,
        /// `unix_socket_permissions`.
        mode: u32,
        /// `unix_socket_group`, by name or number.
        group: Option<String>,
    },
}

/// What the event loops are to be driven by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WantedDriver {
    /// io_uring where it works, else epoll.
    #[default]
    Best,
    /// epoll.
    Epoll,
    /// io_uring, or nothing.
    IoUring,
}

/// What the event loops are driven by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DriverInUse {
    /// epoll, as was wanted.
    Epoll,
    /// io_uring.
    IoUring,
    /// epoll, because io_uring does not work here: why.
    EpollInstead(String),
}

/// What the loops ask and tell. All of it is called on an event loop: it must neither wait nor call the
/// [`Handle`](crate::Handle) for anything but [`sessions`](crate::Handle::sessions),
/// [`backends`](crate::Handle::backends) and [`counted`](crate::Handle::counted).
#[derive(Clone)]
pub struct Hooks {
    /// Answers a simple query if it is one of pgherd's own: whole messages from RowDescription to CommandComplete, or
    /// an ErrorResponse, without ReadyForQuery. `None` when it is for a server.
    pub admin: AdminHook,
    /// What a session obeys in place of the common policy, where it has settings of its own. Asked behind each
    /// answer of `admin`, and again when the settings have been reloaded.
    pub own_policy: OwnPolicyHook,
    /// Takes what the log, the metrics and the control plane should know.
    pub observe: ObserveHook,
}

/// Answers queries that are pgherd's own.
pub type AdminHook = Arc<dyn Fn(AdminAsk<'_>) -> Option<Vec<u8>> + Send + Sync>;

/// Knows the policies of sessions that have one of their own. It is given the common one.
pub type OwnPolicyHook = Arc<dyn Fn(SessionId, &Policy) -> Option<Arc<Policy>> + Send + Sync>;

/// Takes observations.
pub type ObserveHook = Arc<dyn Fn(Observation<'_>) + Send + Sync>;

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}

/// A simple query that may be one of pgherd's own.
#[derive(Clone, Copy, Debug)]
pub struct AdminAsk<'a> {
    /// Who asks.
    pub session: SessionId,
    /// The text of the query, without its closing NUL.
    pub text: &'a [u8],
    /// The node that balanced reads of this session go to, where it has been chosen.
    pub balanced: Option<NodeId>,
}
