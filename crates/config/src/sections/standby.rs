use core::time::Duration;

use pgherd_types::Secret;

use super::{milliseconds, seconds};
use crate::choices::LogDelay;
use crate::kind::{Bytes, Choice, Hidden, Switch, Text, Time};
use crate::setting::State::Works;
use crate::setting::section;

section! {
    /// How the nodes are asked for their role and the standbys for their delay.
    pub struct StandbyCheck {
        /// Time between two checks of the replication. 0 is no check.
        sr_check_period: Duration = seconds(10), Time::SECONDS, Reload, Works;

        /// User as whom the nodes are asked for their role and delay.
        sr_check_user: String = String::new(), Text::of("user name"), Reload, Works;

        /// Password of `sr_check_user`. Empty: it is looked up in `pool_passwd`.
        sr_check_password: Secret = Secret::default(), Hidden, Reload, Works;

        /// Database in which the nodes are asked for their role and delay.
        sr_check_database: String = "postgres".to_owned(), Text::of("database name"), Reload, Works;

        /// A standby that is more bytes of WAL behind gets no reads. 0 is no limit.
        delay_threshold: u64 = 0, Bytes::at_least(0), Reload, Works;

        /// A standby that is longer behind gets no reads. When above 0, `delay_threshold` does not count.
        delay_threshold_by_time: Duration =
            milliseconds(0), Time::MILLISECONDS, Reload, Works;

        /// When the chosen standby is too far behind, the least delayed one is used, not the primary.
        prefer_lower_delay_standby: bool = false, Switch, Reload, Works;

        /// When the standbys' delay is logged.
        log_standby_delay: LogDelay =
            LogDelay::IfOverThreshold, Choice, Reload, Works;

        /// Command that tells for how long the standbys are behind. It is run with `host:port` of each standby, in the
        /// order of their numbers, and prints as many numbers of milliseconds; -1 says that the standby is down, and
        /// what was known of it stays. Empty: the nodes are asked.
        replication_delay_source_cmd: String =
            String::new(), Text::of("command"), Reload, Works;

        /// `replication_delay_source_cmd` is ended after this time.
        replication_delay_source_timeout: Duration =
            seconds(10), Time::SECONDS.within(1, 3600), Reload, Works;
    }
}
