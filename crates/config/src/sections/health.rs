use core::time::Duration;

use pgherd_types::Secret;

use super::{milliseconds, seconds};
use crate::feature::Feature;
use crate::kind::{Hidden, Text, Time, Whole};
use crate::setting::State::{Waits, Works};
use crate::setting::section;

section! {
    /// How one finds out whether a node lives.
    pub struct HealthCheck {
        /// Time between two health checks. 0 is no check.
        health_check_period: Duration = seconds(0), Time::SECONDS, Reload, Waits(Feature::HealthCheck);

        /// A health check that takes longer has failed. 0 is no limit but that of TCP.
        health_check_timeout: Duration = seconds(20), Time::SECONDS, Reload, Waits(Feature::HealthCheck);

        /// User as whom the health is checked.
        health_check_user: String = String::new(), Text::of("user name"), Reload, Works;

        /// Password of `health_check_user`. Empty: it is looked up in `pool_passwd`.
        health_check_password: Secret = Secret::default(), Hidden, Reload, Works;

        /// Database to which the health check connects. Empty is `postgres`.
        health_check_database: String = "postgres".to_owned(), Text::of("database name"), Reload, Works;

        /// How often a failed health check is tried again before the node counts as down.
        health_check_max_retries: u32 = 0, Whole::at_least(0), Reload, Waits(Feature::HealthCheck);

        /// Time between two tries of a failed health check.
        health_check_retry_delay: Duration = seconds(1), Time::SECONDS, Reload, Waits(Feature::HealthCheck);

        /// Connecting to the node, for whatever purpose, fails after this time. 0 is no limit but that of
        /// TCP.
        connect_timeout: Duration = milliseconds(10_000), Time::MILLISECONDS, Reload, Works;
    }
}
