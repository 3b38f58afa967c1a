use core::time::Duration;

use super::milliseconds;
use crate::choices::AfterWrite;
use crate::feature::Feature;
use crate::kind::{Choice, List, Real, Switch, Text, Time, Whole};
use crate::setting::State::{Unneeded, Waits, Works};
use crate::setting::section;

section! {
    /// Which statements go where.
    pub struct Balance {
        /// Reads are shared out between the nodes by `backend_weightN`.
        load_balance_mode: bool = true, Switch, Start, Works;

        /// Blanks before a SELECT do not keep it from being balanced.
        ignore_leading_white_space: bool =
            true, Switch, Reload, Unneeded("pgherd always understands the whole statement");

        /// Only these functions count as reading; a SELECT with any other goes to the primary. Empty: see
        /// `write_function_list`.
        read_only_function_list: Vec<String> =
            Vec::new(), List::commas("regular expressions"), Reload, Waits(Feature::Routing),
            former "white_function_list";

        /// These functions write; a SELECT with one goes to the primary. When this list and
        /// `read_only_function_list` are both empty, the catalog tells which functions are volatile.
        write_function_list: Vec<String> =
            Vec::new(), List::commas("regular expressions"), Reload, Waits(Feature::Routing),
            former "black_function_list";

        /// Statements that match one of these go to the primary.
        primary_routing_query_pattern_list: Vec<String> =
            Vec::new(), List::semicolons("regular expressions"), Reload, Waits(Feature::Routing),
            former "black_query_pattern_list";

        /// Where the reads of a user go: `user:node(ratio)`. The node is a number, `primary` or `standby`;
        /// the ratio says how much of the reads go there.
        user_redirect_preference_list: String = String::new(), REDIRECTS, Reload, Waits(Feature::Routing);

        /// Where the reads in a database go: `database:node(ratio)`. See `user_redirect_preference_list`,
        /// over which it wins.
        database_redirect_preference_list: String =
            String::new(), REDIRECTS, Reload, Waits(Feature::Routing);

        /// Where the reads of an application go: `application_name:node(ratio)`. See
        /// `user_redirect_preference_list`; it wins over the other two lists.
        app_name_redirect_preference_list: String =
            String::new(), REDIRECTS, Reload, Waits(Feature::Routing);

        /// A SELECT behind a comment is balanced and cached too. When off, a leading comment keeps it on
        /// the primary.
        allow_sql_comments: bool = false, Switch, Session, Waits(Feature::Routing);

        /// What a write does to the reads after it. `transaction`: they go to the primary until the
        /// transaction ends; `trans_transaction`: in later transactions too; `always`: until the session
        /// ends; `off`: nothing. `dml_adaptive`: only reads of the tables that were written;
        /// `dml_adaptive_global`: the same, for the writes of all sessions.
        disable_load_balance_on_write: AfterWrite =
            AfterWrite::Transaction, Choice, Reload, Waits(Feature::Routing);

        /// Further dependencies for `dml_adaptive`: `written:read` pairs of tables, views or functions
        /// (`function():table`).
        dml_adaptive_object_relationship_list: String =
            String::new(), Text::of("list of pairs with commas between them"), Reload,
            Waits(Feature::Routing);

        /// The node for reads is chosen for each statement, not for each session.
        statement_level_load_balance: bool = false, Switch, Reload, Waits(Feature::Routing);

        /// For `dml_adaptive_global`: after a write, reads of the table stay on the primary for the
        /// standby's delay times this factor.
        track_table_mutation_ttl_factor: f64 =
            5.0, Real { min: 1.0, max: 100.0 }, Reload, Waits(Feature::Routing);

        /// For `dml_adaptive_global`: longest time after the first write that a table's reads stay on the
        /// primary. 0 is no limit.
        track_table_mutation_max_staleness: Duration =
            milliseconds(60_000), Time::MILLISECONDS.within(0, 3_600_000), Reload, Waits(Feature::Routing);

        /// For `dml_adaptive_global`: for this time after the start all reads go to the primary.
        track_table_mutation_cold_start_duration: Duration =
            milliseconds(2000), Time::MILLISECONDS.within(0, 60_000), Reload, Waits(Feature::Routing);

        /// For `dml_adaptive_global`: size of the hash table of written tables.
        track_table_mutation_table_buckets: u32 =
            1024, Whole { min: 64, max: 65536 }, Start, Waits(Feature::Routing);

        /// For `dml_adaptive_global`: most written tables that are remembered.
        track_table_mutation_table_size: u32 =
            2048, Whole { min: 128, max: 131_072 }, Start, Waits(Feature::Routing);
    }
}

const REDIRECTS: Text = Text::of("list of `regular expression:node(ratio)` with commas between them");
