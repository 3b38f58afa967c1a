//! What the settings mean for routing.

use std::sync::Arc;

use pgherd_config::{
    AfterWrite, Balance, Pattern, ReadConsistency, RedirectList, RedirectTarget, RelatedObject, Settings,
};
use pgherd_route::{
    AfterWrite as Rule, Consistency, DelayLimit, FunctionRule, Mutations, Object, Redirect, Redirects,
    Related, RelationLimits, Routing, Target, Tracking,
};
use pgherd_types::ClusteringMode;
use regex::bytes::Regex;

use super::{size, some};

/// Relations and functions that an event loop remembers at most, whatever `relcache_size` says: a few megabytes.
const RELATIONS_MAX: usize = 65_536;

/// How statements are routed. `mutations` is the one table of what was written lately, made by [`mutations`].
pub(crate) fn routing(settings: &Settings, mutations: &Arc<Mutations>) -> Routing {
    let (balance, standby, cache) = (&settings.balance, &settings.standby, &settings.cache);
    Routing {
        mode: settings.connections.backend_clustering_mode,
        load_balance: balance.load_balance_mode,
        statement_level: balance.statement_level_load_balance,
        after_write: after_write(balance.disable_load_balance_on_write),
        allow_sql_comments: balance.allow_sql_comments,
        ignore_leading_white_space: balance.ignore_leading_white_space,
        functions: functions(balance),
        primary_patterns: regexes(&balance.primary_routing_query_pattern_list),
        redirects: Redirects {
            application: redirects(&balance.app_name_redirect_preference_list),
            database: redirects(&balance.database_redirect_preference_list),
            user: redirects(&balance.user_redirect_preference_list),
        },
        related: related(balance),
        tracking: Tracking {
            factor: balance.track_table_mutation_ttl_factor,
            longest: some(balance.track_table_mutation_max_staleness),
            cold_start: balance.track_table_mutation_cold_start_duration,
            mutations: Arc::clone(mutations),
        },
        delay: match (some(standby.delay_threshold_by_time), standby.delay_threshold) {
            (Some(time), _) => DelayLimit::Time(time),
            (None, 0) => DelayLimit::None,
            (None, bytes) => DelayLimit::Bytes(bytes),
        },
        prefer_lower_delay: standby.prefer_lower_delay_standby,
        relations: RelationLimits {
            names: size(cache.relcache_size)
                .saturating_mul(size(settings.connections.num_init_children))
                .min(RELATIONS_MAX),
            expire: some(cache.relcache_expire),
        },
        consistency: consistency(settings),
    }
}

/// The table of what any session has written lately, for `dml_adaptive_global`. It is made once, when pgherd starts:
/// its size does not change with a reload. `random` is 16 bytes that nobody outside the process knows.
pub(crate) fn mutations(settings: &Settings, random: [u8; 16]) -> Arc<Mutations> {
    let balance = &settings.balance;
    let buckets = size(balance.track_table_mutation_table_buckets);
    Arc::new(Mutations::new(random, buckets, size(balance.track_table_mutation_table_size)))
}

/// Positions in the WAL can be compared where one node replays the other's.
fn consistency(settings: &Settings) -> Consistency {
    match settings.connections.backend_clustering_mode {
        ClusteringMode::StreamingReplication => {}
        ClusteringMode::LogicalReplication
        | ClusteringMode::Slony
        | ClusteringMode::NativeReplication
        | ClusteringMode::SnapshotIsolation
        | ClusteringMode::Raw => return Consistency::Eventual,
    }
    match settings.own.read_consistency {
        ReadConsistency::Eventual => Consistency::Eventual,
        ReadConsistency::Session => Consistency::Session { wait: settings.own.read_consistency_wait },
    }
}

fn after_write(setting: AfterWrite) -> Rule {
    match setting {
        AfterWrite::Off => Rule::Off,
        AfterWrite::Transaction => Rule::Transaction,
        AfterWrite::TransTransaction => Rule::TransTransaction,
        AfterWrite::Always => Rule::Always,
        AfterWrite::DmlAdaptive => Rule::Adaptive,
        AfterWrite::DmlAdaptiveGlobal => Rule::AdaptiveGlobal,
    }
}

fn functions(balance: &Balance) -> FunctionRule {
    let (read_only, write) = (&balance.read_only_function_list, &balance.write_function_list);
    match (read_only.is_empty(), write.is_empty()) {
        (false, _) => FunctionRule::ReadOnly(regexes(read_only)),
        (true, false) => FunctionRule::Write(regexes(write)),
        (true, true) => FunctionRule::Catalog,
    }
}

fn regexes(patterns: &[Pattern]) -> Vec<Regex> {
    patterns.iter().map(|pattern| pattern.regex().clone()).collect()
}

fn redirects(list: &RedirectList) -> Vec<Redirect> {
    let redirect = |entry: &pgherd_config::Redirect| Redirect {
        pattern: entry.pattern.regex().clone(),
        target: match entry.target {
            RedirectTarget::Node(node) => Target::Node(node),
            RedirectTarget::Primary => Target::Primary,
            RedirectTarget::Standby => Target::Standby,
        },
        ratio: entry.ratio,
    };
    list.entries.iter().map(redirect).collect()
}

fn related(balance: &Balance) -> Vec<Related> {
    let object = |object: &RelatedObject| match object {
        RelatedObject::Relation(name) => Object::Relation(name.as_str().into()),
        RelatedObject::Function(name) => Object::Function(name.as_str().into()),
    };
    let pairs = balance.dml_adaptive_object_relationship_list.pairs.iter();
    pairs.map(|(written, read)| Related { written: object(written), read: object(read) }).collect()
}

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::path::Path;

    use pgherd_config::NoFiles;
    use pgherd_route::{AfterWrite, Consistency, DelayLimit, FunctionRule, Object, Routing, Target};

    fn routing(text: &str) -> Routing {
        let loaded = pgherd_config::load(Path::new("x"), text.as_bytes(), &NoFiles);
        assert!(loaded.is_usable(), "{:?}", loaded.problems);
        super::routing(&loaded.settings, &super::mutations(&loaded.settings, [0; 16]))
    }

    #[test]
    fn an_empty_file_means_the_defaults() {
        let (found, default) = (routing(""), Routing::default());
        let shown = |routing: &Routing| {
            format!("{:?}", Routing { tracking: default.tracking.clone(), ..routing.clone() })
        };
        assert_eq!(shown(&found), shown(&default));
        assert_eq!(found.tracking.factor, default.tracking.factor);
        assert_eq!(found.tracking.longest, default.tracking.longest);
        assert_eq!(found.tracking.cold_start, default.tracking.cold_start);
    }

    #[test]
    fn words_and_numbers() {
        for (word, value) in [
            ("off", AfterWrite::Off),
            ("transaction", AfterWrite::Transaction),
            ("trans_transaction", AfterWrite::TransTransaction),
            ("always", AfterWrite::Always),
            ("dml_adaptive", AfterWrite::Adaptive),
            ("dml_adaptive_global", AfterWrite::AdaptiveGlobal),
        ] {
            assert_eq!(routing(&format!("disable_load_balance_on_write = '{word}'")).after_write, value);
        }
        for (text, value) in [
            ("", DelayLimit::None),
            ("delay_threshold = 7", DelayLimit::Bytes(7)),
            ("delay_threshold = 7\ndelay_threshold_by_time = 9", DelayLimit::Time(Duration::from_millis(9))),
        ] {
            assert_eq!(routing(text).delay, value, "{text}");
        }
        let text = "read_consistency = 'session'\nread_consistency_wait = 7";
        assert_eq!(routing(text).consistency, Consistency::Session { wait: Duration::from_millis(7) });
        let other = format!("{text}\nbackend_clustering_mode = 'logical_replication'");
        assert_eq!(
            routing(&other).consistency,
            Consistency::Eventual,
            "positions of two servers do not compare"
        );
        assert_eq!(routing("relcache_size = 3\nnum_init_children = 5").relations.names, 15);
        assert_eq!(routing("relcache_size = 1000000").relations.names, super::RELATIONS_MAX);
        assert_eq!(routing("track_table_mutation_max_staleness = 0").tracking.longest, None);
    }

    #[test]
    fn lists() {
        let kind = |text: &str| match routing(text).functions {
            FunctionRule::Catalog => "catalog".to_owned(),
            FunctionRule::ReadOnly(list) => format!("read only {list:?}"),
            FunctionRule::Write(list) => format!("write {list:?}"),
        };
        assert_eq!(kind(""), "catalog");
        assert_eq!(kind("write_function_list = 'a'"), r#"write [Regex("^a$")]"#);
        assert_eq!(
            kind("write_function_list = 'a'\nread_only_function_list = 'b,c.*'"),
            r#"read only [Regex("^b$"), Regex("^c.*$")]"#,
        );

        let found = routing(
            "user_redirect_preference_list = 'u:standby(0.5)'\napp_name_redirect_preference_list = 'p:primary'\n\
             dml_adaptive_object_relationship_list = 'f():t'",
        );
        assert_eq!((found.redirects.user[0].target, found.redirects.user[0].ratio), (Target::Standby, 0.5));
        assert_eq!(found.redirects.application[0].target, Target::Primary);
        assert!(found.redirects.database.is_empty());
        assert_eq!(found.related[0].written, Object::Function("f".into()));
        assert_eq!(found.related[0].read, Object::Relation("t".into()));
    }
}
