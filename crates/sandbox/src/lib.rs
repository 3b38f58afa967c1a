//! Clusters of real PostgreSQL servers in one folder: made, broken and removed for people who try pgherd, for
//! the demo and for the tests.
//!
//! A [`Sandbox`] is the folder: the servers' data directories and logs, and the files with which pgherd runs in front
//! of them. It outlives the program that made it. A [`Cluster`] is a sandbox that goes when its owner goes, however
//! that ends. A server is touched only when it runs in a data directory of the folder and that directory's own
//! `postmaster.pid` names it.

mod account;
mod cluster;
pub mod command;
mod error;
mod files;
mod guardian;
mod install;
mod node;
mod ports;
mod processes;
mod run;
mod sandbox;
mod spec;
mod state;
mod template;

pub use cluster::Cluster;
pub use error::SandboxError;
pub use guardian::{Guardian, temporary_folder};
pub use install::Installation;
pub use node::{Node, Role};
pub use ports::free_ports;
pub use processes::ProcessMark;
pub use run::wait_until;
pub use sandbox::Sandbox;
pub use spec::{Auth, Mode, NODES_MAX, Spec};
