use core::time::Duration;

use super::seconds;
use crate::choices::{CacheMethod, RelationSource, TempTableCheck};
use crate::feature::Feature;
use crate::kind::{Bytes, Choice, List, Switch, Text, Time, Whole};
use crate::setting::State::{Unneeded, Waits, Works};
use crate::setting::section;

section! {
    /// What is remembered of queries and of relations.
    pub struct Cache {
        /// Results of SELECTs are kept and shown again.
        memory_cache_enabled: bool = false, Switch, Start, Waits(Feature::QueryCache);

        /// Where results are kept.
        memqcache_method: CacheMethod = CacheMethod::Shmem, Choice, Start, Waits(Feature::QueryCache);

        /// Host of the memcached.
        memqcache_memcached_host: String =
            "localhost".to_owned(), Text::of("host name or address"), Start, Waits(Feature::QueryCache);

        /// Port of the memcached.
        memqcache_memcached_port: u16 = 11211, Whole::PORT_OR_NONE, Start, Waits(Feature::QueryCache);

        /// Memory for results in the method `shmem`.
        memqcache_total_size: u64 = 64 << 20, Bytes::at_least(0), Start, Waits(Feature::QueryCache);

        /// Most results that are kept in the method `shmem`.
        memqcache_max_num_cache: u32 = 1_000_000, Whole::at_least(0), Start, Waits(Feature::QueryCache);

        /// A result is forgotten after this time. 0 is never.
        memqcache_expire: Duration = seconds(0), Time::SECONDS, Start, Waits(Feature::QueryCache);

        /// A write to a table through pgherd drops the results that were read from it.
        memqcache_auto_cache_invalidation: bool = true, Switch, Reload, Waits(Feature::QueryCache);

        /// A result that is larger is not kept. At most `memqcache_cache_block_size`.
        memqcache_maxcache: u64 = 400 << 10, Bytes::at_least(0), Start, Waits(Feature::QueryCache);

        /// Size of a block of the memory for results.
        memqcache_cache_block_size: u64 = 1 << 20, Bytes::at_least(512), Start, Waits(Feature::QueryCache);

        /// Directory in which Pgpool-II remembers which results came from which table.
        memqcache_oiddir: String =
            "/var/log/pgpool/oiddir".to_owned(), Text::of("directory"), Start, Waits(Feature::QueryCache);

        /// Results from these views and unlogged tables are kept although they otherwise would not be.
        cache_safe_memqcache_table_list: Vec<String> =
            Vec::new(), List::commas("regular expressions"), Reload, Waits(Feature::QueryCache),
            former "white_memqcache_table_list";

        /// Results from these tables are never kept.
        cache_unsafe_memqcache_table_list: Vec<String> =
            Vec::new(), List::commas("regular expressions"), Reload, Waits(Feature::QueryCache),
            former "black_memqcache_table_list";

        /// What is remembered of a relation or function is forgotten after this time. 0 is never. A DDL that
        /// passes through pgherd makes it forget everything at once.
        relcache_expire: Duration = seconds(0), Time::SECONDS, Start, Works;

        /// Relations and functions that are remembered, for each of `num_init_children`.
        relcache_size: u32 = 256, Whole::at_least(1), Start, Works;

        /// What one session learns of a relation helps all others.
        enable_shared_relcache: bool =
            true, Switch, Start, Unneeded("the sessions of an event loop always share what is learnt");

        /// Which node is asked about relations.
        relcache_query_target: RelationSource =
            RelationSource::Primary, Choice, Reload,
            Unneeded("the primary is asked: a standby may not know yet what was just made");

        /// How temporary tables, which exist on the primary alone, are recognised: in the catalog
        /// (`catalog`), by the session's own statements (`trace`), or not at all (`none`).
        check_temp_table: TempTableCheck =
            TempTableCheck::Catalog, Choice, Reload,
            Unneeded("temporary tables are always recognised, by the session's statements and in the catalog");

        /// Unlogged tables, which standbys do not have, are recognised and read on the primary, and so are views on
        /// them.
        check_unlogged_table: bool = true, Switch, Session,
            Unneeded("unlogged tables are always recognised, as the catalog is asked anyway");
    }
}
