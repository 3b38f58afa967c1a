//! Words that every part of pgherd shares.
//!
//! Nothing here does IO, and nothing here decides: ids, secrets, faults, moments, the topology snapshot,
//! what a pooled backend is known by. Every other crate may depend on this one; this one depends on none.

mod alike;
mod fault;
mod hash_table;
mod id;
mod identity;
mod lease;
pub mod limits;
mod moment;
mod parameters;
mod replication;
mod secret;
mod topology;
mod wal_pages;

pub use alike::Alike;
pub use fault::{Fault, Retry, Whose};
pub use hash_table::{HashKeys, HashTable};
pub use id::{BackendId, NodeId, SessionId};
pub use identity::Identity;
pub use lease::{BackendFacts, Fate, Lease, ResetReason};
pub use moment::Moment;
pub use parameters::{KnownParameters, Parameters};
pub use replication::{Delay, Lsn, NodeReplication, NotAnLsn, Position, Replication};
pub use secret::Secret;
pub use topology::{Address, ClusteringMode, Node, NodeRole, NodeStatus, Topology};
pub use wal_pages::WalPages;
