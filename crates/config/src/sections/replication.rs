use crate::feature::Feature;
use crate::kind::{Switch, Text};
use crate::setting::State::Waits;
use crate::setting::section;

section! {
    /// How writes are replicated by pgherd, in the modes `native_replication` and `snapshot_isolation`.
    pub struct Replication {
        /// When nodes answer a statement with different kinds of messages, those in the minority are
        /// detached. When off, the session ends.
        replication_stop_on_mismatch: bool = false, Switch, Reload, Waits(Feature::Replication);

        /// When nodes report different numbers of rows for a write, those in the minority are detached.
        /// When off, the session ends.
        failover_if_affected_tuples_mismatch: bool = false, Switch, Reload, Waits(Feature::Replication);

        /// SELECT goes to all nodes, not to one.
        replicate_select: bool = false, Switch, Reload, Waits(Feature::Replication);

        /// Tables with serial columns are locked before an INSERT, so that all nodes draw the same numbers.
        insert_lock: bool = true, Switch, Reload, Waits(Feature::Replication);

        /// Table that is locked while a large object is made, so that it has the same number on all nodes.
        /// Empty: large objects are not replicated.
        lobj_lock_table: String =
            String::new(), Text::of("table name"), Reload, Waits(Feature::Replication);
    }
}
