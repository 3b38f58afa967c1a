//! Everything that touches the network: event loops over epoll or io_uring, listeners, backends, cancel requests.
//!
//! Clients are served by a few equal event loops. Each owns its clients and their backends whole, so that a query
//! passes without a lock, an allocation or a word to another thread. What is shared is asked rarely: the pool when a
//! session wants or returns a backend, the admission when a client comes or goes.

mod accepting;
mod acquire;
mod backend_conn;
mod cancel;
mod client_conn;
mod data_plane;
mod dialling;
mod driver;
mod event_loop;
mod execute;
mod few;
mod hearing;
mod helper;
mod listener;
mod listening;
mod mailbox;
mod names;
mod observation;
mod outbox;
mod parting;
mod pending;
mod position_need;
mod probe;
mod random;
mod reading;
mod rest;
mod server_processes;
mod session_entry;
mod settings;
mod shared;
mod slab;
mod snapshot;
mod stream;
mod timers;
mod token;
mod world;

pub use data_plane::{DataPlane, Handle, SessionRow, SessionStage};
pub use observation::{Observation, Peer};
pub use probe::{Probe, ProbeError, ProbeRows, ProbeTarget};
pub use random::secret;
pub use settings::{
    AdminAsk, AdminHook, DataPlaneSettings, DriverInUse, Hooks, Listen, LiveSettings, ObserveHook,
    OwnPolicyHook, Passwords, WantedDriver,
};
