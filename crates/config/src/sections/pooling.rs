use core::time::Duration;

use super::seconds;
use crate::choices::{ProcessMode, ProcessStrategy};
use crate::kind::{Choice, List, Switch, Time, Whole};
use crate::setting::State::{self, Works};
use crate::setting::section;

const PROCESSES: State = State::Unneeded("pgherd has no process per client");

section! {
    /// How backends are kept and shared between clients.
    pub struct Pooling {
        /// `dynamic` made Pgpool-II keep between `min_spare_children` and `max_spare_children` idle
        /// processes. pgherd has no process per client.
        process_management_mode: ProcessMode =
            ProcessMode::Static, Choice, Reload, PROCESSES;

        /// How soon surplus idle processes go in the `dynamic` mode: at once (`aggressive`), after two
        /// minutes (`gentle`), after five (`lazy`).
        process_management_strategy: ProcessStrategy =
            ProcessStrategy::Gentle, Choice, Reload, PROCESSES;

        /// Fewest idle processes in the `dynamic` mode.
        min_spare_children: u32 = 5, Whole::at_least(1), Reload, PROCESSES;

        /// Most idle processes in the `dynamic` mode.
        max_spare_children: u32 = 10, Whole::at_least(1), Reload, PROCESSES;

        /// Backends are kept when their client leaves and serve the next client of the same user, database
        /// and startup options.
        connection_cache: bool = true, Switch, Start, Works;

        /// Kept backends per client place: pgherd holds at most `num_init_children` times this many
        /// connections to each node.
        max_pool: u32 = 4, Whole::at_least(0), Start, Works;

        /// In Pgpool-II, how long an idle process lives before a fresh one takes its place. 0 is for ever.
        child_life_time: Duration = seconds(300), Time::SECONDS, Start, PROCESSES;

        /// In Pgpool-II, how many clients a process serves before a fresh one takes its place. 0 is no
        /// limit.
        child_max_connections: u32 = 0, Whole::at_least(0), Start, PROCESSES;

        /// A kept backend that nobody has used for this time is closed. 0 is never.
        connection_life_time: Duration = seconds(0), Time::SECONDS, Start, Works;

        /// A client that has been idle for this time is sent away. 0 is never.
        client_idle_limit: Duration = seconds(0), Time::SECONDS, Session, Works;

        /// SQL that is run on a backend when its client leaves, before anybody else gets it. Where all of it only
        /// throws away what a session has left, as the default does, it is spared for one that has only read.
        reset_query_list: Vec<String> =
            vec!["ABORT".to_owned(), "DISCARD ALL".to_owned()], List::semicolons("SQL statements"), Reload,
            Works;
    }
}
