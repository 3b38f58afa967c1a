use core::time::Duration;

use pgherd_types::Secret;

use super::seconds;
use crate::choices::RecoveryIdleLimit;
use crate::feature::Feature;
use crate::kind::{Hidden, RecoveryLimit, Text, Time};
use crate::setting::State::Waits;
use crate::setting::section;

section! {
    /// How a node is brought back while the cluster is in use.
    pub struct Recovery {
        /// Superuser as whom the recovery is run.
        recovery_user: String = String::new(), Text::of("user name"), Reload, Waits(Feature::Recovery);

        /// Password of `recovery_user`. Empty: it is looked up in `pool_passwd`.
        recovery_password: Secret = Secret::default(), Hidden, Reload, Waits(Feature::Recovery);

        /// Database in which the recovery is run; it needs the extension `pgpool_recovery`.
        recovery_database: String =
            "postgres".to_owned(), Text::of("database name"), Reload, Waits(Feature::Recovery);

        /// Script in the main node's data directory that copies the data to the new node.
        recovery_1st_stage_command: String =
            String::new(), Text::of("file name"), Reload, Waits(Feature::Recovery);

        /// Script in the main node's data directory that is run when no client is connected; only for
        /// replication by pgherd.
        recovery_2nd_stage_command: String =
            String::new(), Text::of("file name"), Reload, Waits(Feature::Recovery);

        /// Longest time that clients are waited for and that the new node may take to start.
        recovery_timeout: Duration = seconds(90), Time::SECONDS, Reload, Waits(Feature::Recovery);

        /// During the second stage, a client that has been idle for this time is sent away. 0 is never,
        /// -1 is at once, idle or not.
        client_idle_limit_in_recovery: RecoveryIdleLimit =
            RecoveryIdleLimit::Never, RecoveryLimit, Session, Waits(Feature::Recovery);
    }
}
