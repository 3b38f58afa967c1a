use core::time::Duration;
use std::sync::Arc;

use pgherd_types::{ClusteringMode, Moment, NodeId};
use regex::bytes::Regex;

use crate::mutations::Mutations;

/// The settings of routing, checked and compiled: immutable, shared by all event loops, replaced by a reload. The
/// default is what an empty file means.
#[derive(Clone, Debug)]
pub struct Routing {
    /// `backend_clustering_mode`.
    pub mode: ClusteringMode,
    /// `load_balance_mode`.
    pub load_balance: bool,
    /// `statement_level_load_balance`: the session draws its reader anew for each statement.
    pub statement_level: bool,
    /// `disable_load_balance_on_write`.
    pub after_write: AfterWrite,
    /// `allow_sql_comments`.
    pub allow_sql_comments: bool,
    /// `ignore_leading_white_space`.
    pub ignore_leading_white_space: bool,
    /// `read_only_function_list` and `write_function_list`.
    pub functions: FunctionRule,
    /// `primary_routing_query_pattern_list`.
    pub primary_patterns: Vec<Regex>,
    /// The three redirect lists.
    pub redirects: Redirects,
    /// `dml_adaptive_object_relationship_list`.
    pub related: Vec<Related>,
    /// `track_table_mutation_*`.
    pub tracking: Tracking,
    /// `delay_threshold` and `delay_threshold_by_time`.
    pub delay: DelayLimit,
    /// `prefer_lower_delay_standby`: when a reader is too late, [`choose_reader`](crate::choose_reader) draws
    /// another, for good.
    pub prefer_lower_delay: bool,
    /// Facts about relations and functions that an event loop remembers, and for how long.
    pub relations: RelationLimits,
    /// `read_consistency`.
    pub consistency: Consistency,
}

impl Default for Routing {
    fn default() -> Self {
        Routing {
            mode: ClusteringMode::default(),
            load_balance: true,
            statement_level: false,
            after_write: AfterWrite::default(),
            allow_sql_comments: false,
            ignore_leading_white_space: true,
            functions: FunctionRule::default(),
            primary_patterns: Vec::new(),
            redirects: Redirects::default(),
            related: Vec::new(),
            tracking: Tracking::default(),
            delay: DelayLimit::default(),
            prefer_lower_delay: false,
            relations: RelationLimits::default(),
            consistency: Consistency::default(),
        }
    }
}

/// What a write does to the reads after it, `disable_load_balance_on_write`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AfterWrite {
    /// Nothing.
    Off,
    /// They go to the primary until the transaction ends.
    #[default]
    Transaction,
    /// They do so in later explicit transactions too.
    TransTransaction,
    /// They go to the primary until the session ends.
    Always,
    /// Those of what the transaction has written go to the primary until it ends.
    Adaptive,
    /// Those of what any session has written lately go to the primary.
    AdaptiveGlobal,
}

impl AfterWrite {
    /// True when a decision depends on what a transaction has written, and not only on whether it has.
    pub fn asks_what(self) -> bool {
        match self {
            AfterWrite::Adaptive | AfterWrite::AdaptiveGlobal => true,
            AfterWrite::Off | AfterWrite::Transaction | AfterWrite::TransTransaction | AfterWrite::Always => {
                false
            }
        }
    }
}

/// How it is told whether a function that the text alone does not tell of may write.
#[derive(Clone, Debug, Default)]
pub enum FunctionRule {
    /// By its volatility in the catalog: both lists are empty.
    #[default]
    Catalog,
    /// Only these read, `read_only_function_list`.
    ReadOnly(Vec<Regex>),
    /// Only these write, `write_function_list`.
    Write(Vec<Regex>),
}

/// The redirect lists. The first list with a pattern that matches decides.
#[derive(Clone, Debug, Default)]
pub struct Redirects {
    /// `app_name_redirect_preference_list`.
    pub application: Vec<Redirect>,
    /// `database_redirect_preference_list`.
    pub database: Vec<Redirect>,
    /// `user_redirect_preference_list`.
    pub user: Vec<Redirect>,
}

/// One entry of a redirect list.
#[derive(Clone, Debug)]
pub struct Redirect {
    /// Whose reads.
    pub pattern: Regex,
    /// Where they go.
    pub target: Target,
    /// Which part of the sessions it is for, from 0 to 1.
    pub ratio: f64,
}

/// The node of a redirect list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// This one.
    Node(NodeId),
    /// The primary.
    Primary,
    /// One of the standbys, by weight.
    Standby,
}

/// A pair of `dml_adaptive_object_relationship_list`: after the first was written, reads of the second go to the
/// primary. Names without schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// What is written, or a function that writes.
    pub written: Object,
    /// What then counts as written.
    pub read: Object,
}

/// A relation or a function, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// A table, view or other relation.
    Relation(Box<str>),
    /// A function.
    Function(Box<str>),
}

/// How the writes of all sessions are tracked, `track_table_mutation_*`.
#[derive(Clone, Debug)]
pub struct Tracking {
    /// Reads stay on the primary for the standbys' delay times this factor.
    pub factor: f64,
    /// Longest time after the first write. `None` is no limit.
    pub longest: Option<Duration>,
    /// For this time after the start all reads go to the primary.
    pub cold_start: Duration,
    /// What was written: one table for all event loops, kept over reloads.
    pub mutations: Arc<Mutations>,
}

impl Tracking {
    /// The first moment at which reads are balanced.
    pub(crate) fn cold_start_ends(&self) -> Moment {
        Moment(0).plus(self.cold_start)
    }
}

impl Default for Tracking {
    fn default() -> Self {
        Tracking {
            factor: 5.0,
            longest: Some(Duration::from_secs(60)),
            cold_start: Duration::from_secs(2),
            mutations: Arc::default(),
        }
    }
}

/// How far a standby may be behind and still answer reads. 0 is not written as a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DelayLimit {
    /// As far as it likes.
    #[default]
    None,
    /// `delay_threshold`, in bytes of WAL.
    Bytes(u64),
    /// `delay_threshold_by_time`.
    Time(Duration),
}

/// What may be remembered of the catalog, per event loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelationLimits {
    /// Most names; at least a few hundred are remembered.
    pub names: usize,
    /// A fact is forgotten after this time, `relcache_expire`. `None` is never.
    pub expire: Option<Duration>,
}

impl Default for RelationLimits {
    fn default() -> Self {
        RelationLimits { names: 8192, expire: None }
    }
}

/// What a session's reads are promised, `read_consistency`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consistency {
    /// Nothing beyond what `disable_load_balance_on_write` and the delay limits give.
    #[default]
    Eventual,
    /// They see what the session has written and what it has read.
    Session {
        /// How long a read may wait for a standby before it goes to the primary.
        wait: Duration,
    },
}
