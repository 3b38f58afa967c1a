use std::io;
use std::sync::Arc;

use pgherd_route::Router;
use pgherd_session::{CANCEL_KEY_BYTES, Common, Context, Policy};
use pgherd_types::{Alike, BackendFacts, KnownParameters, Moment, Replication, Topology};

use crate::LiveSettings;
use crate::random::{Random, Secrets, secret};
use crate::server_processes::ServerProcesses;
use crate::shared::Shared;
use crate::snapshot::Seen;
use crate::stream::Endpoint;

/// What an event loop knows of the world: what a session may look at, apart from the time.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) topology: Seen<Topology>,
    pub(crate) live: Seen<LiveSettings>,
    replication: Seen<Replication>,
    catalogs_epoch: u64,
    processes: Arc<ServerProcesses>,
    router: Router,
    common: Common,
    random: Random,
    /// The cancel keys of the next clients.
    pub(crate) cancel_keys: Secrets<CANCEL_KEY_BYTES>,
    parameters: KnownParameters,
    endpoints: Alike<Endpoint>,
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
            processes: Arc::clone(&shared.processes),
            router: Router::new(secret()?),
            common: Common::default(),
            random: Random::from_system()?,
            cancel_keys: Secrets::new(),
            parameters: KnownParameters::default(),
            endpoints: Alike::default(),
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

    /// A backend was dialled: it shares what it has in common with others.
    pub(crate) fn share(&mut self, facts: &mut BackendFacts, endpoint: Endpoint) -> Arc<Endpoint> {
        facts.parameters.share(&mut self.parameters);
        self.endpoints.share(Arc::new(endpoint))
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
            processes: &*self.processes,
            router: &mut self.router,
            common: &mut self.common,
            random: self.random.next(),
        }
    }
}
