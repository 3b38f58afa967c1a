//! The declarations: one for each setting, in the order of the manual.

mod backends;
mod balance;
mod cache;
mod connections;
mod failover;
mod health;
mod logging;
mod own;
mod pooling;
mod recovery;
mod replication;
mod standby;
mod tls;
mod watchdog;

pub use backends::Backend;
pub use balance::Balance;
pub use cache::Cache;
pub use connections::Connections;
pub use failover::Failover;
pub use health::HealthCheck;
pub use logging::{Files, Logging};
pub use own::Own;
pub use pooling::Pooling;
pub use recovery::Recovery;
pub use replication::Replication;
pub use standby::StandbyCheck;
pub use tls::Tls;
pub use watchdog::{Heartbeat, Peer, Watchdog};

use core::time::Duration;

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

const fn milliseconds(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn one(text: &str) -> Vec<String> {
    vec![text.to_owned()]
}
