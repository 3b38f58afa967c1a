use core::time::Duration;

use pgherd_types::Secret;

use super::seconds;
use crate::choices::LifecheckMethod;
use crate::feature::Feature;
use crate::kind::{Choice, Hidden, List, Switch, Text, Time, Whole};
use crate::setting::State::Waits;
use crate::setting::section;

section! {
    /// How several pgherds stand in for each other.
    pub struct Watchdog {
        /// This pgherd watches others and is watched by them. It needs the file `pgpool_node_id` beside the
        /// configuration file, with this pgherd's number.
        use_watchdog: bool = false, Switch, Start, Waits(Feature::Watchdog);

        /// Hosts beyond the cluster that must answer; a pgherd that reaches none of them counts itself as
        /// cut off.
        trusted_servers: Vec<String> =
            Vec::new(), List::commas("host names or addresses"), Start, Waits(Feature::Watchdog);

        /// Command that finds out whether a trusted server answers. `%h` is the server.
        trusted_server_command: String =
            "ping -q -c3 %h".to_owned(), Text::of("command with %h"), Reload, Waits(Feature::Watchdog);

        /// Directory of the `ping` program that checks the virtual address.
        ping_path: String = "/bin".to_owned(), Text::of("directory"), Start, Waits(Feature::Watchdog);

        /// Address on which the other pgherds are awaited. Empty: all addresses.
        wd_listen_address: String = String::new(), Text::of("address"), Start, Waits(Feature::Watchdog);

        /// Port on which the other pgherds are awaited. 0: `wd_portN` of this pgherd.
        wd_listen_port: u16 = 0, Whole::PORT_OR_NONE, Start, Waits(Feature::Watchdog);

        /// The greater, the more likely this pgherd becomes the leader.
        wd_priority: u32 = 1, Whole::at_least(0), Start, Waits(Feature::Watchdog);

        /// Key that all pgherds of the cluster share, with which they sign their messages.
        wd_authkey: Secret = Secret::default(), Hidden, Reload, Waits(Feature::Watchdog);

        /// Directory of the Unix socket on which commands to the watchdog are awaited.
        wd_ipc_socket_dir: String =
            "/tmp".to_owned(), Text::of("directory"), Start, Waits(Feature::Watchdog);

        /// Virtual IP address that the leader takes. Empty: there is none.
        delegate_ip: String =
            String::new(), Text::of("IP address"), Start, Waits(Feature::Watchdog), former "delegate_IP";

        /// Directory of the programs in `if_up_cmd` and `if_down_cmd`, when they are named without one.
        if_cmd_path: String =
            "/sbin".to_owned(), Text::of("directory"), Start, Waits(Feature::Watchdog),
            former "ifconfig_path";

        /// Command with which the leader takes the virtual address. `$_IP_$` is the address.
        if_up_cmd: String = "/usr/bin/sudo /sbin/ip addr add $_IP_$/24 dev eth0 label eth0:0".to_owned(),
            Text::of("command with $_IP_$"), Start, Waits(Feature::Watchdog);

        /// Command with which the leader gives the virtual address up. `$_IP_$` is the address.
        if_down_cmd: String = "/usr/bin/sudo /sbin/ip addr del $_IP_$/24 dev eth0".to_owned(),
            Text::of("command with $_IP_$"), Start, Waits(Feature::Watchdog);

        /// Directory of the program in `arping_cmd`, when it is named without one.
        arping_path: String =
            "/usr/sbin".to_owned(), Text::of("directory"), Start, Waits(Feature::Watchdog);

        /// Command that tells the network who has the virtual address now. `$_IP_$` is the address.
        arping_cmd: String = "/usr/bin/sudo /usr/sbin/arping -U $_IP_$ -w 1 -I eth0".to_owned(),
            Text::of("command with $_IP_$"), Start, Waits(Feature::Watchdog);

        /// A pgherd that becomes the leader empties its query cache, which may be out of date.
        clear_memqcache_on_escalation: bool = true, Switch, Reload, Waits(Feature::Watchdog);

        /// Command that is run when this pgherd becomes the leader, before it takes the virtual address.
        wd_escalation_command: String =
            String::new(), Text::of("command"), Reload, Waits(Feature::Watchdog);

        /// Command that is run when this pgherd is no longer the leader.
        wd_de_escalation_command: String =
            String::new(), Text::of("command"), Reload, Waits(Feature::Watchdog);

        /// Nodes are detached only while more than half of the pgherds see each other.
        failover_when_quorum_exists: bool = true, Switch, Start, Waits(Feature::Watchdog);

        /// A node is detached only when more than half of the pgherds say that it failed.
        failover_require_consensus: bool = true, Switch, Start, Waits(Feature::Watchdog);

        /// One pgherd that says twice that a node failed counts twice.
        allow_multiple_failover_requests_from_node: bool =
            false, Switch, Start, Waits(Feature::Watchdog),
            former "enable_multiple_failover_requests_from_node";

        /// Exactly half of an even number of pgherds is enough. Two halves that do not see each other may
        /// then both act.
        enable_consensus_with_half_votes: bool = false, Switch, Start, Waits(Feature::Watchdog);

        /// A pgherd that was shut down on purpose no longer counts as a member.
        wd_remove_shutdown_nodes: bool = false, Switch, Reload, Waits(Feature::Watchdog);

        /// A pgherd that has been lost for this time no longer counts as a member. 0 is never.
        wd_lost_node_removal_timeout: Duration =
            seconds(0), Time::SECONDS, Reload, Waits(Feature::Watchdog);

        /// A pgherd that has not appeared this long after the start no longer counts as a member. 0 is
        /// never.
        wd_no_show_node_removal_timeout: Duration =
            seconds(0), Time::SECONDS, Reload, Waits(Feature::Watchdog);

        /// Network interfaces that must have a link; when all are down this pgherd counts itself as cut
        /// off. `any` is all but the loopback interface.
        wd_monitoring_interfaces_list: Vec<String> =
            Vec::new(), List::commas("interface names"), Start, Waits(Feature::Watchdog);

        /// How the pgherds find out whether one of them lives: by small packets all the time (`heartbeat`),
        /// by a query through it (`query`), or somebody else tells (`external`).
        wd_lifecheck_method: LifecheckMethod =
            LifecheckMethod::Heartbeat, Choice, Start, Waits(Feature::Watchdog);

        /// Time between two looks at the others.
        wd_interval: Duration = seconds(10), Time::SECONDS, Start, Waits(Feature::Watchdog);

        /// Addresses on which heartbeats are awaited. Empty: all addresses.
        wd_heartbeat_listen_addresses: String =
            String::new(), Text::of("address"), Start, Waits(Feature::Watchdog);

        /// Port on which heartbeats are awaited. 0: `heartbeat_portN` of this pgherd.
        wd_heartbeat_listen_port: u16 =
            0, Whole::PORT_OR_NONE, Start, Waits(Feature::Watchdog), former "wd_heartbeat_port";

        /// Time between two heartbeats.
        wd_heartbeat_keepalive: Duration =
            seconds(2), Time::SECONDS.within(1, i32::MAX as i64), Start, Waits(Feature::Watchdog);

        /// A pgherd without a heartbeat for this time is lost.
        wd_heartbeat_deadtime: Duration =
            seconds(30), Time::SECONDS.within(1, i32::MAX as i64), Start, Waits(Feature::Watchdog);

        /// In the `query` method, a pgherd that fails this often is lost.
        wd_life_point: u32 = 3, Whole::at_least(0), Start, Waits(Feature::Watchdog);

        /// The query of the `query` method.
        wd_lifecheck_query: String =
            "SELECT 1".to_owned(), Text::of("SQL"), Start, Waits(Feature::Watchdog);

        /// Database for the `query` method.
        wd_lifecheck_dbname: String =
            "template1".to_owned(), Text::of("database name"), Start, Waits(Feature::Watchdog);

        /// User for the `query` method.
        wd_lifecheck_user: String = String::new(), Text::of("user name"), Start, Waits(Feature::Watchdog);

        /// Password of `wd_lifecheck_user`. Empty: it is looked up in `pool_passwd`.
        wd_lifecheck_password: Secret = Secret::default(), Hidden, Reload, Waits(Feature::Watchdog);
    }
}

section! {
    /// One pgherd of the watchdog cluster, this one included.
    pub struct Peer {
        /// Host name or IP address of the pgherd.
        hostname: String =
            "localhost".to_owned(), Text::of("host name or address"), Reload, Waits(Feature::Watchdog);

        /// Port of the pgherd's watchdog. 0: there is no such pgherd.
        wd_port: u16 = 0, Whole::PORT_OR_NONE, Reload, Waits(Feature::Watchdog);

        /// Port of the pgherd for clients. 0: the same as `port` of this one.
        pgpool_port: u16 = 0, Whole::PORT_OR_NONE, Reload, Waits(Feature::Watchdog);
    }
}

section! {
    /// Where the heartbeats of one pgherd come from and go to.
    pub struct Heartbeat {
        /// Host name or IP address; several with semicolons between them.
        heartbeat_hostname: Vec<String> =
            Vec::new(), List::semicolons("host names or addresses"), Reload, Waits(Feature::Watchdog),
            former "heartbeat_destination";

        /// UDP port. 0: there is no such heartbeat.
        heartbeat_port: u16 =
            0, Whole::PORT_OR_NONE, Reload, Waits(Feature::Watchdog), former "heartbeat_destination_port";

        /// Network interface through which heartbeats are sent; several with semicolons between them.
        heartbeat_device: Vec<String> =
            Vec::new(), List::semicolons("interface names"), Reload, Waits(Feature::Watchdog);
    }
}
