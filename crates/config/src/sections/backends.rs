use crate::choices::BackendFlag;
use crate::feature::Feature;
use crate::kind::{Flags, Real, Text, Whole};
use crate::setting::State::{Waits, Works};
use crate::setting::section;

section! {
    /// One PostgreSQL server.
    pub struct Backend {
        /// Host name or IP address of the server; an absolute path is the directory of its Unix socket,
        /// empty is the Unix socket in `/tmp`.
        backend_hostname: String =
            String::new(), Text::of("host name, IP address or directory"), NewNode, Works;

        /// Port of the server. 0: there is no such node.
        backend_port: u16 = 0, Whole::PORT_OR_NONE, NewNode, Works;

        /// Share of the reads that this node gets. Only the ratio between the nodes counts; 0 is none.
        backend_weight: f64 = 0.0, Real { min: 0.0, max: 1e8 }, Reload, Works;

        /// The server's data directory, which online recovery and the failover commands are told.
        backend_data_directory: String =
            String::new(), Text::of("directory"), Reload, Waits(Feature::Recovery);

        /// What pgherd may do to the node. `DISALLOW_TO_FAILOVER`: never detach it on its own.
        /// `ALWAYS_PRIMARY`: it is the primary, do not search for one; for clusters whose fail-over
        /// somebody else does.
        backend_flag: BackendFlag = BackendFlag::default(), Flags, Reload, Works;

        /// The name under which the standby's receiver is found in `pg_stat_replication`.
        backend_application_name: String =
            String::new(), Text::of("application name"), Reload, Works;
    }
}
