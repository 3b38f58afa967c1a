use core::time::Duration;

use pgherd_types::Identity;

/// How many backends there may be, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolLimits {
    /// Backends per node, in whatever stage: `num_init_children` x `max_pool`. At least 1.
    pub per_node: usize,
    /// `connection_life_time`: an idle backend is closed after this long. `None` when 0: never.
    pub life_time: Option<Duration>,
    /// `connection_cache`: when off, a backend is closed instead of becoming idle.
    pub cache: bool,
    /// Databases whose backends are closed instead of becoming idle.
    pub unpooled_databases: Vec<String>,
}

impl PoolLimits {
    /// The limits that follow from Pgpool-II's settings: `num_init_children` x `max_pool` backends on each node.
    pub fn new(num_init_children: usize, max_pool: usize) -> Self {
        PoolLimits {
            per_node: num_init_children.saturating_mul(max_pool).max(1),
            life_time: None,
            cache: true,
            unpooled_databases: vec!["template0".to_owned(), "template1".to_owned()],
        }
    }

    /// True when a backend of this identity may stay open while nobody uses it.
    pub(crate) fn may_idle(&self, identity: &Identity) -> bool {
        self.cache
            && identity.option("replication").is_none()
            && !self.unpooled_databases.iter().any(|name| name == identity.database())
    }
}
