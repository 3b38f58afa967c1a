//! What is known and decided about the nodes of a cluster. Pure: no socket, no clock.
//!
//! [`Cluster`] takes in what was seen of the nodes ([`Sighting`]) and gives the next
//! [`Topology`](pgherd_types::Topology) and what changed on the way ([`Change`]). [`elect`] finds the primary;
//! [`StatusFile`] is Pgpool-II's `pgpool_status`. [`Lags`] judges from what the nodes say of their WAL ([`WalReport`])
//! how far the standbys are behind.

mod change;
mod cluster;
mod election;
mod lag;
mod sighting;
mod spec;
mod status_file;
mod wal;

pub use change::Change;
pub use cluster::Cluster;
pub use election::{Candidate, Election, elect};
pub use lag::{Lag, Lags};
pub use sighting::Sighting;
pub use spec::{NodeSpec, SpecProblem};
pub use status_file::{StatusFile, StatusWord};
pub use wal::{Sender, Step, WalReport};
