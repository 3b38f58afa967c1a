//! Leases on backends: who may use which, when, and how many there may be. Pure: no socket, no clock.
//!
//! [`Pool`] knows every backend of the process, on whichever event loop its socket lives, and hands them out under
//! one budget per node. [`Admission`] counts the places for sessions and keeps the queue in front of them.
//!
//! Unlike Pgpool-II, backends are shared by all clients with the same identity (its pools are one per process), and the
//! databases `postgres` and `regression` are pooled like any other. `template0` and `template1` are not by default:
//! an idle backend there would make every CREATE DATABASE fail.
//!
//! `child_max_connections` has no meaning here: it recycles the processes of Pgpool-II, and there are none.

mod admission;
mod limits;
mod pool;
mod waiters;

pub use admission::{Admission, Places, Verdict};
pub use limits::PoolLimits;
pub use pool::{BackendRow, BackendStage, Effect, Effects, Grant, Home, Pool, Source};
pub use waiters::Ticket;
