use std::io;

use pgherd_route::Router;
use pgherd_session::{Context, Policy};
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
    catalogs_epoch: u64,
    router: Router,
    random: Random,
}

/// What is new since it was last looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct News {
    pub(crate) settings: bool,
    pub(crate) topology: bool,
}

impl World {
    pub(crate) fn new(shared: &Shared) -> io::Result<Self> {
        Ok(World {
            topology: shared.topology.see(),
            live: shared.live.see(),
            replication: shared.replication.see(),
            catalogs_epoch: 0,
            router: Router::new(secret()?),
            random: Random::from_system()?,
        })
    }

    /// Takes over what was published since, and says what of it the loop has to act on.
    pub(crate) fn refresh(&mut self, shared: &Shared) -> News {
        shared.replication.refresh(&mut self.replication);
        self.catalogs_epoch = shared.catalogs.epoch();
        News {
            settings: shared.live.refresh(&mut self.live),
            topology: shared.topology.refresh(&mut self.topology),
        }
    }

    /// A statement that changes catalogs has passed: this loop forgets what it knows at once, the others in their next
    /// turn.
    pub(crate) fn catalogs_changed(&mut self, shared: &Shared) {
        shared.catalogs.changed();
        self.catalogs_epoch = shared.catalogs.epoch();
    }

    /// What a session sees in one call. `own` is what it obeys in place of the common policy.
    pub(crate) fn context<'a>(&'a mut self, now: Moment, own: Option<&'a Policy>) -> Context<'a> {
        self.router.refresh(self.catalogs_epoch, now);
        Context {
            now,
            topology: &self.topology,
            replication: &self.replication,
            policy: own.unwrap_or(&self.live.policy),
            catalogs_epoch: self.catalogs_epoch,
            router: &mut self.router,
            random: self.random.next(),
        }
    }
}
