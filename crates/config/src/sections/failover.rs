use core::time::Duration;

use super::seconds;
use crate::feature::Feature;
use crate::kind::{Switch, Text, Time};
use crate::setting::State::{Waits, Works};
use crate::setting::section;

const COMMAND: Text = Text::of("command with %d %h %p %D %m %H %M %P %r %R %N %S %%");

section! {
    /// What happens when a node fails or comes back.
    pub struct Failover {
        /// Command that is run when a node was detached: typically it promotes a standby.
        failover_command: String = String::new(), COMMAND, Reload, Waits(Feature::Failover);

        /// Command that is run when a node was attached.
        failback_command: String = String::new(), COMMAND, Reload, Waits(Feature::Failover);

        /// Command that is run for each remaining standby after the primary has changed: typically it makes
        /// the standby follow the new primary.
        follow_primary_command: String =
            String::new(), COMMAND, Reload, Waits(Feature::Failover), former "follow_master_command";

        /// A node is detached when a session cannot read from it or write to it. When off, only the health
        /// check detaches nodes.
        failover_on_backend_error: bool =
            true, Switch, Reload, Waits(Feature::Failover), former "fail_over_on_backend_error";

        /// A node is detached when it tells a session that it is shut down by its administrator (SQLSTATE
        /// 57P01 or 57P02).
        failover_on_backend_shutdown: bool = false, Switch, Reload, Waits(Feature::Failover);

        /// When two nodes say that they are the primary, the one that no standby follows is detached.
        detach_false_primary: bool = false, Switch, Reload, Waits(Feature::Failover);

        /// How long a primary is searched for, at the start and after a failover. 0 is for ever.
        search_primary_node_timeout: Duration = seconds(300), Time::SECONDS, Reload, Works;

        /// A detached standby is attached again when it replicates.
        auto_failback: bool = false, Switch, Reload, Waits(Feature::Failover);

        /// Shortest time between two automatic attachments.
        auto_failback_interval: Duration = seconds(60), Time::SECONDS, Reload, Waits(Feature::Failover);

        /// For tests: nodes named in the file `backend_down_request` count as down.
        health_check_test: bool = false, Switch, Start, Waits(Feature::Failover);
    }
}
