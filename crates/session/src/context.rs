use core::time::Duration;
use std::sync::Arc;

use pgherd_route::{Router, Routing};
use pgherd_types::{Moment, Replication, Topology};

use crate::{Common, Processes, Tracing};

/// What a decision may look at. Borrowed for one call.
#[derive(Debug)]
pub struct Context<'a> {
    /// The time, read once per turn of the event loop.
    pub now: Moment,
    /// The cluster as last published.
    pub topology: &'a Topology,
    /// How far its nodes are, as last published.
    pub replication: &'a Replication,
    /// The settings that sessions obey.
    pub policy: &'a Policy,
    /// How many times a statement that changes catalogs has passed anywhere in this process.
    pub catalogs_epoch: u64,
    /// Which server processes there are behind backends.
    pub processes: &'a dyn Processes,
    /// What statements are and where they go, with its memory; one per event loop.
    pub router: &'a mut Router,
    /// What sessions have in common; one per event loop.
    pub common: &'a mut Common,
    /// A random number that is new for each call.
    pub random: u64,
}

/// What `reset_query_list` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetList {
    /// It throws away what a session has left: where nothing was left, it can be spared.
    Discards,
    /// It may do anything, and is run whenever a backend was used.
    Other,
}

/// The settings that sessions obey. Immutable; a reload makes a new one.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How statements are routed.
    pub routing: Arc<Routing>,
    /// `connection_cache`.
    pub connection_cache: bool,
    /// What `reset_query_list` does.
    pub reset: ResetList,
    /// `authentication_timeout`, none when 0.
    pub authentication_timeout: Option<Duration>,
    /// `client_idle_limit`, none when 0.
    pub client_idle_limit: Option<Duration>,
    /// What is logged, and told to the client, of its statements and messages.
    pub tracing: Tracing,
    /// What `SHOW pool_version` answers.
    pub version: String,
}
