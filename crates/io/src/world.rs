use std::io;

use pgherd_route::Router;
use pgherd_session::Context;
use pgherd_types::{Moment, Replication, Topology};

use crate::LiveSettings;
use crate::random::{Random, secret};
use crate::shared::Shared;
use crate::snapshot::Seen;

/// What an event loop knows of the world: what a session may look at, apart from the time.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) topology: Seen<Topology>,
    pub(crate) live: Seen<LiveSettings>,
    replication: Seen<Replication>,
    router: Router,
    random: Random,
}

impl World {
    pub(crate) fn new(shared: &Shared) -> io::Result<Self> {
        Ok(World {
            topology: shared.topology.see(),
            live: shared.live.see(),
            replication: shared.replication.see(),
            router: Router::new(secret()?),
            random: Random::from_system()?,
        })
    }

    /// Takes over what was published since. True when the topology is a new one.
    pub(crate) fn refresh(&mut self, shared: &Shared) -> bool {
        shared.live.refresh(&mut self.live);
        shared.replication.refresh(&mut self.replication);
        shared.topology.refresh(&mut self.topology)
    }

    /// What a session sees in one call.
    pub(crate) fn context(&mut self, now: Moment) -> Context<'_> {
        Context {
            now,
            topology: &self.topology,
            replication: &self.replication,
            policy: &self.live.policy,
            router: &mut self.router,
            random: self.random.next(),
        }
    }
}
