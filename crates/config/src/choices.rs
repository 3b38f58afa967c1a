//! The types of values that are neither numbers nor text.

use core::time::Duration;

use pgherd_types::ClusteringMode;

use crate::kind::Words;

/// Declares an enum whose values have names in the file, and old names that are read with a warning.
macro_rules! choices {
    ($(
        $(#[$meta:meta])*
        enum $name:ident {
            $( $(#[$variant_meta:meta])* $variant:ident = $word:literal $(| $other:literal)*, )+
        }
        $(old { $( $old:literal => $means:ident, )+ })?
    )+) => { $(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $( $(#[$variant_meta])* $variant, )+
        }

        impl Words for $name {
            const WORDS: &'static [(&'static str, Self)] =
                &[ $( ($word, Self::$variant), $( ($other, Self::$variant), )* )+ ];
            $( const OLD: &'static [(&'static str, Self)] = &[ $( ($old, Self::$means), )+ ]; )?
        }
    )+ };
}

choices! {
    /// Whether the number of processes follows the load, `process_management_mode`.
    enum ProcessMode {
        /// As many as may be needed, all the time.
        Static = "static",
        /// Within `min_spare_children` and `max_spare_children` idle ones.
        Dynamic = "dynamic",
    }

    /// How soon surplus processes go, `process_management_strategy`.
    enum ProcessStrategy {
        /// At once.
        Aggressive = "aggressive",
        /// After two minutes.
        Gentle = "gentle",
        /// After five minutes.
        Lazy = "lazy",
    }

    /// What a write does to the balancing of the reads after it, `disable_load_balance_on_write`.
    enum AfterWrite {
        /// Nothing.
        Off = "off",
        /// Reads go to the primary until the transaction ends.
        Transaction = "transaction",
        /// The same, and in the transactions after it.
        TransTransaction = "trans_transaction",
        /// Reads go to the primary until the session ends.
        Always = "always",
        /// Reads of the tables written in the transaction go to the primary until it ends.
        DmlAdaptive = "dml_adaptive",
        /// Reads of tables that any session wrote lately go to the primary.
        DmlAdaptiveGlobal = "dml_adaptive_global",
    }

    /// What the reads of a session see, `read_consistency`.
    enum ReadConsistency {
        /// What the node at hand has.
        Eventual = "eventual",
        /// What the session has written and read.
        Session = "session",
    }

    /// How the threads that serve clients read and write, `io_driver`.
    enum IoDriver {
        /// As is best here.
        Auto = "auto",
        /// epoll.
        Epoll = "epoll",
        /// io_uring.
        IoUring = "io_uring",
    }

    /// When the delay of a standby is logged, `log_standby_delay`.
    enum LogDelay {
        /// With each check.
        Always = "always",
        /// When it is over the threshold.
        IfOverThreshold = "if_over_threshold",
        /// Never.
        None = "none",
    }

    /// How peers find out whether one of them lives, `wd_lifecheck_method`.
    enum LifecheckMethod {
        /// By small packets sent all the time.
        Heartbeat = "heartbeat",
        /// By a query through the peer.
        Query = "query",
        /// Somebody else tells.
        External = "external",
    }

    /// Where cached results are, `memqcache_method`.
    enum CacheMethod {
        /// In our own memory.
        Shmem = "shmem",
        /// In a memcached.
        Memcached = "memcached",
    }

    /// Who is asked about relations, `relcache_query_target`.
    enum RelationSource {
        /// The primary.
        Primary = "primary",
        /// The session's node for reads.
        LoadBalanceNode = "load_balance_node",
    }
    old { "master" => Primary, }

    /// How temporary tables are recognised, `check_temp_table`.
    enum TempTableCheck {
        /// By the catalog.
        Catalog = "catalog",
        /// By the session's CREATE and DROP statements.
        Trace = "trace",
        /// Not at all.
        None = "none",
    }
    old { "on" => Catalog, "off" => None, }

    /// Where log lines go, `log_destination`.
    enum LogDestination {
        /// Standard error.
        Stderr = "stderr",
        /// The system's log.
        Syslog = "syslog",
    }

    /// The system log's facility, `syslog_facility`.
    enum SyslogFacility {
        /// LOCAL0.
        Local0 = "LOCAL0",
        /// LOCAL1.
        Local1 = "LOCAL1",
        /// LOCAL2.
        Local2 = "LOCAL2",
        /// LOCAL3.
        Local3 = "LOCAL3",
        /// LOCAL4.
        Local4 = "LOCAL4",
        /// LOCAL5.
        Local5 = "LOCAL5",
        /// LOCAL6.
        Local6 = "LOCAL6",
        /// LOCAL7.
        Local7 = "LOCAL7",
    }

    /// How weighty a message must be to be written or sent, least first.
    #[derive(PartialOrd, Ord)]
    enum MessageLevel {
        /// The most detail.
        Debug5 = "debug5",
        /// More detail.
        Debug4 = "debug4",
        /// More detail.
        Debug3 = "debug3",
        /// More detail; also called `debug`.
        Debug2 = "debug2" | "debug",
        /// Detail for whoever looks for a fault.
        Debug1 = "debug1",
        /// For the administrator (to clients: below notices).
        Log = "log",
        /// What the user asked for.
        Info = "info",
        /// What helps the user.
        Notice = "notice",
        /// What may be a mistake.
        Warning = "warning",
        /// What ended a statement.
        Error = "error",
        /// What ended a session.
        Fatal = "fatal",
        /// What ended all sessions.
        Panic = "panic",
    }

    /// How much of an error is logged, `log_error_verbosity`.
    enum ErrorVerbosity {
        /// The message alone.
        Terse = "terse",
        /// Detail, hint and context too.
        Default = "default",
        /// The SQLSTATE and the place in our source too.
        Verbose = "verbose",
    }

    /// How the nodes' messages are logged, `log_backend_messages`.
    enum BackendMessages {
        /// Not at all.
        None = "none",
        /// Runs of the same message as one line.
        Terse = "terse",
        /// Each of them.
        Verbose = "verbose",
    }
}

impl Words for ClusteringMode {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("streaming_replication", Self::StreamingReplication),
        ("native_replication", Self::NativeReplication),
        ("logical_replication", Self::LogicalReplication),
        ("snapshot_isolation", Self::SnapshotIsolation),
        ("raw", Self::Raw),
        ("slony", Self::Slony),
    ];
}

/// What pgherd may do to a node, `backend_flagN`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct BackendFlag {
    /// The node is never detached on its own, only by an operator.
    pub disallow_to_failover: bool,
    /// The node is the primary without being asked.
    pub always_primary: bool,
}

/// When an idle client is sent away while a node is being recovered, `client_idle_limit_in_recovery`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecoveryIdleLimit {
    /// It stays.
    Never,
    /// At once, idle or not.
    AtOnce,
    /// After this time.
    After(Duration),
}
