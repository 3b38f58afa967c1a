use core::time::Duration;

use super::milliseconds;
use crate::choices::AfterWrite;
use crate::kind::{Choice, Patterns, Real, Redirects, Relationships, Switch, Time, Whole};
use crate::pattern::Pattern;
use crate::redirect::RedirectList;
use crate::related::RelatedList;
use crate::setting::State::Works;
use crate::setting::section;

section! {
    /// Which statements go where.
    pub struct Balance {
        /// Reads are shared out between the nodes by `backend_weightN`.
        load_balance_mode: bool = true, Switch, Start, Works;

        /// Blanks before a SELECT do not keep it from being balanced.
        ignore_leading_white_space: bool =
            true, Switch, Reload, Works;

        /// Only these functions count as reading; a SELECT with any other goes to the primary. Empty: see
        /// `write_function_list`.
        read_only_function_list: Vec<Pattern> =
            Vec::new(), Patterns::commas(), Reload, Works,
            former "white_function_list";

        /// These functions write; a SELECT with one goes to the primary. When this list and
        /// `read_only_function_list` are both empty, the catalog tells which functions are volatile.
        write_function_list: Vec<Pattern> =
            Vec::new(), Patterns::commas(), Reload, Works,
            former "black_function_list";

        /// Statements that match one of these go to the primary.
        primary_routing_query_pattern_list: Vec<Pattern> =
            Vec::new(), Patterns::semicolons(), Reload, Works,
            former "black_query_pattern_list";

        /// Where the reads of a user go: `user:node(ratio)`. The node is a number, `primary` or `standby`;
        /// the ratio says how much of the reads go there.
        user_redirect_preference_list: RedirectList = RedirectList::default(), Redirects, Reload, Works;

        /// Where the reads in a database go: `database:node(ratio)`. See `user_redirect_preference_list`,
        /// over which it wins.
        database_redirect_preference_list: RedirectList =
            RedirectList::default(), Redirects, Reload, Works;

        /// Where the reads of an application go: `application_name:node(ratio)`. See
        /// `user_redirect_preference_list`; it wins over the other two lists.
        app_name_redirect_preference_list: RedirectList =
            RedirectList::default(), Redirects, Reload, Works;

        /// A SELECT behind a comment is balanced and cached too. When off, a leading comment keeps it on
        /// the primary.
        allow_sql_comments: bool = false, Switch, Session, Works;

        /// What a write does to the reads after it. `transaction`: they go to the primary until the
        /// transaction ends; `trans_transaction`: in later transactions too; `always`: until the session
        /// ends; `off`: nothing. `dml_adaptive`: only reads of the tables that were written;
        /// `dml_adaptive_global`: the same, for the writes of all sessions.
        disable_load_balance_on_write: AfterWrite =
            AfterWrite::Transaction, Choice, Reload, Works;

        /// Further dependencies for `dml_adaptive`: `written:read` pairs of tables, views or functions
        /// (`function():table`).
        dml_adaptive_object_relationship_list: RelatedList =
            RelatedList::default(), Relationships, Reload, Works;

        /// The node for reads is chosen for each statement, not for each session.
        statement_level_load_balance: bool = false, Switch, Reload, Works;

        /// For `dml_adaptive_global`: after a write, reads of the table stay on the primary for the
        /// standby's delay times this factor.
        track_table_mutation_ttl_factor: f64 =
            5.0, Real { min: 1.0, max: 100.0 }, Reload, Works;

        /// For `dml_adaptive_global`: longest time after the first write that a table's reads stay on the
        /// primary. 0 is no limit.
        track_table_mutation_max_staleness: Duration =
            milliseconds(60_000), Time::MILLISECONDS.within(0, 3_600_000), Reload, Works;

        /// For `dml_adaptive_global`: for this time after the start all reads go to the primary.
        track_table_mutation_cold_start_duration: Duration =
            milliseconds(2000), Time::MILLISECONDS.within(0, 60_000), Reload, Works;

        /// For `dml_adaptive_global`: size of the hash table of written tables.
        track_table_mutation_table_buckets: u32 =
            1024, Whole { min: 64, max: 65536 }, Start, Works;

        /// For `dml_adaptive_global`: most written tables that are remembered.
        track_table_mutation_table_size: u32 =
            2048, Whole { min: 128, max: 131_072 }, Start, Works;
    }
}
