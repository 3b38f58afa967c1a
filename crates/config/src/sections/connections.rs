use core::time::Duration;

use pgherd_types::ClusteringMode;

use super::{one, seconds};
use crate::feature::Feature;
use crate::kind::{Choice, List, Mode, Switch, Text, Time, Whole};
use crate::setting::State::{Unneeded, Waits, Works};
use crate::setting::section;

section! {
    /// How clients reach pgherd, and what kind of cluster they find.
    pub struct Connections {
        /// What keeps the nodes' data the same. `streaming_replication`: PostgreSQL's own physical
        /// replication, one primary takes the writes. `logical_replication`: PostgreSQL's logical
        /// replication. `native_replication` and `snapshot_isolation`: pgherd sends each write to all
        /// nodes. `raw`: nothing does; all traffic goes to the first live node.
        backend_clustering_mode: ClusteringMode =
            ClusteringMode::StreamingReplication, Choice, Start, Works;

        /// Addresses or host names on which TCP connections of clients are awaited. `*` is all addresses;
        /// an empty list is none, which leaves the Unix sockets.
        listen_addresses: Vec<String> =
            one("localhost"), List::commas("addresses or host names"), Start, Works;

        /// TCP port for clients, and the number in the name of the Unix sockets.
        port: u16 = 9999, Whole::PORT, Start, Works;

        /// Directories in which the Unix socket `.s.PGSQL.PORT` for clients is made.
        unix_socket_directories: Vec<String> = one("/tmp"), List::commas("directories"), Start, Works,
            former "socket_dir";

        /// Group that owns the Unix sockets. Empty: the group of the user who starts pgherd.
        unix_socket_group: String = String::new(), Text::of("group name"), Start, Works;

        /// Permissions of the Unix sockets. Only write permission counts.
        unix_socket_permissions: u32 = 0o777, Mode, Start, Works;

        /// Addresses or host names on which the PCP commands are awaited. `*` is all addresses; an empty
        /// list is none.
        pcp_listen_addresses: Vec<String> =
            one("localhost"), List::commas("addresses or host names"), Start, Waits(Feature::Pcp);

        /// TCP port for the PCP commands.
        pcp_port: u16 = 9898, Whole::PORT, Start, Waits(Feature::Pcp);

        /// Directories in which the Unix socket for the PCP commands is made.
        pcp_socket_dir: Vec<String> = one("/tmp"), List::commas("directories"), Start, Waits(Feature::Pcp);

        /// Most clients that are served at once. Further ones wait for their turn in the order of their
        /// arrival, unless `reserved_connections` says that they are refused.
        num_init_children: u32 = 32, Whole::at_least(1), Start, Works;

        /// When above 0, clients beyond `num_init_children` minus this number are refused with SQLSTATE
        /// 53300 and do not wait.
        reserved_connections: u32 = 0, Whole::at_least(0), Start, Works;

        /// The kernel's queue of connections that nobody has accepted yet holds this many times
        /// `num_init_children`. The kernel has a limit of its own (`net.core.somaxconn`).
        listen_backlog_multiplier: u32 = 2, Whole::at_least(1), Start, Works;

        /// Pgpool-II's protection against waking all its processes for one client.
        serialize_accept: bool = false, Switch, Start, Unneeded("pgherd has no process per client");

        /// A client that has not authenticated after this time is sent away. 0 is no limit.
        authentication_timeout: Duration = seconds(60), Time::SECONDS, Start, Works;

        /// Clients are admitted by the rules of `pool_hba.conf`. When off, only the nodes decide.
        enable_pool_hba: bool = false, Switch, Reload, Waits(Feature::ClientAuthentication);

        /// File with the users' passwords, relative to the directory of the configuration file. Empty:
        /// there is none.
        pool_passwd: String =
            "pool_passwd".to_owned(), Text { what: "file name", secret: true }, Start, Works;

        /// A client whose password is not usable from `pool_passwd` is asked for it in clear text. Only
        /// when `enable_pool_hba` is off. Without TLS, everyone on the way can read it.
        allow_clear_text_frontend_auth: bool = false, Switch, Reload, Waits(Feature::ClientAuthentication);
    }
}
