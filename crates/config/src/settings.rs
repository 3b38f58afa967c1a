use std::collections::BTreeMap;

use crate::names::{self, Meaning};
use crate::sections::{
    Backend, Balance, Cache, Connections, Failover, Files, HealthCheck, Heartbeat, Logging, Own, Peer,
    Pooling, Recovery, Replication, StandbyCheck, Tls, Watchdog,
};
use crate::setting::{Section, Setting, Shape};

/// Greatest number of a node: Pgpool-II has room for 128.
pub const LAST_NODE: u8 = 127;

/// The value of every setting, ready to use. The default is what an empty file means.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// How clients reach pgherd.
    pub connections: Connections,
    /// How backends are kept and shared.
    pub pooling: Pooling,
    /// `backend_*N`, by number. What is here may still be unused, see [`Settings::nodes`].
    pub backends: BTreeMap<u8, Backend>,
    /// How writes are replicated by pgherd.
    pub replication: Replication,
    /// Which statements go where.
    pub balance: Balance,
    /// How the standbys' delay is watched.
    pub standby: StandbyCheck,
    /// `health_check_*` and `connect_timeout` of all nodes; [`Settings::health_check`] is what a node has.
    pub health: HealthCheck,
    /// `health_check_*N` and `connect_timeoutN`, for the nodes that have some.
    pub health_of: BTreeMap<u8, HealthCheck>,
    /// What happens when a node fails.
    pub failover: Failover,
    /// How a node is brought back.
    pub recovery: Recovery,
    /// How several pgherds stand in for each other.
    pub watchdog: Watchdog,
    /// `hostnameN`, `wd_portN` and `pgpool_portN`, by number.
    pub peers: BTreeMap<u8, Peer>,
    /// `heartbeat_*N`, by number.
    pub heartbeats: BTreeMap<u8, Heartbeat>,
    /// TLS to clients and to nodes.
    pub tls: Tls,
    /// The query cache, and what is remembered of relations.
    pub cache: Cache,
    /// What is logged, and where.
    pub logging: Logging,
    /// Files of the running program.
    pub files: Files,
    /// What Pgpool-II does not have.
    pub own: Own,
}

/// A part of the manual.
pub struct Chapter {
    /// Its heading.
    pub title: &'static str,
    /// Its settings.
    pub settings: &'static [Setting],
}

const fn chapter(title: &'static str, settings: &'static [Setting]) -> Chapter {
    Chapter { title, settings }
}

/// All settings, in the order of the manual.
pub static CHAPTERS: &[Chapter] = &[
    chapter("Connections and authentication", Connections::SETTINGS),
    chapter("Processes and pooling", Pooling::SETTINGS),
    chapter("Backend nodes", Backend::SETTINGS),
    chapter("Load balancing and routing", Balance::SETTINGS),
    chapter("Streaming replication check", StandbyCheck::SETTINGS),
    chapter("Health check", HealthCheck::SETTINGS),
    chapter("Failover and failback", Failover::SETTINGS),
    chapter("Online recovery", Recovery::SETTINGS),
    chapter("Replication by pgherd", Replication::SETTINGS),
    chapter("Watchdog", Watchdog::SETTINGS),
    chapter("Watchdog: the pgherds", Peer::SETTINGS),
    chapter("Watchdog: heartbeat", Heartbeat::SETTINGS),
    chapter("TLS", Tls::SETTINGS),
    chapter("Query cache and relation cache", Cache::SETTINGS),
    chapter("Logging", Logging::SETTINGS),
    chapter("Files", Files::SETTINGS),
    chapter("Settings that Pgpool-II does not have", Own::SETTINGS),
];

/// All settings, in the order of the manual.
pub fn all() -> impl Iterator<Item = &'static Setting> {
    CHAPTERS.iter().flat_map(|chapter| chapter.settings)
}

/// The setting of this name, without a number.
pub fn find(name: &str) -> Option<&'static Setting> {
    all().find(|setting| setting.name == name)
}

/// The setting of a name that may have a number behind it, and the number.
pub(crate) fn find_numbered(name: &str) -> Option<(&'static Setting, Option<u8>)> {
    match names::meaning(name) {
        Meaning::Current(setting, index) => Some((setting, index)),
        Meaning::Former(..)
        | Meaning::Old(..)
        | Meaning::WithoutNumber(_)
        | Meaning::NumberTooGreat(..)
        | Meaning::Unknown => None,
    }
}

/// Sections that are there once.
macro_rules! once {
    ($($section:ident in $field:ident;)+) => { $(
        impl Section for $section {
            const SHAPE: Shape = Shape::Once;
            fn of(settings: &Settings, _: Option<u8>) -> Option<&Self> {
                Some(&settings.$field)
            }
            fn of_mut(settings: &mut Settings, _: Option<u8>) -> &mut Self {
                &mut settings.$field
            }
            fn numbers(_: &Settings) -> Vec<u8> {
                Vec::new()
            }
        }
    )+ };
}

once! {
    Connections in connections;
    Pooling in pooling;
    Replication in replication;
    Balance in balance;
    StandbyCheck in standby;
    Failover in failover;
    Recovery in recovery;
    Watchdog in watchdog;
    Tls in tls;
    Cache in cache;
    Logging in logging;
    Files in files;
    Own in own;
}

/// Sections that are there once per number.
macro_rules! numbered {
    ($($section:ident in $field:ident up to $last:expr;)+) => { $(
        impl Section for $section {
            const SHAPE: Shape = Shape::Numbered($last);
            fn of(settings: &Settings, index: Option<u8>) -> Option<&Self> {
                settings.$field.get(&index?)
            }
            fn of_mut(settings: &mut Settings, index: Option<u8>) -> &mut Self {
                settings.$field.entry(index.unwrap_or(0)).or_default()
            }
            fn numbers(settings: &Settings) -> Vec<u8> {
                settings.$field.keys().copied().collect()
            }
        }
    )+ };
}

numbered! {
    Backend in backends up to LAST_NODE;
    Peer in peers up to LAST_NODE;
    Heartbeat in heartbeats up to u8::MAX;
}

impl Section for HealthCheck {
    const SHAPE: Shape = Shape::OnceAndNumbered(LAST_NODE);

    fn of(settings: &Settings, index: Option<u8>) -> Option<&Self> {
        let own = index.and_then(|index| settings.health_of.get(&index));
        Some(own.unwrap_or(&settings.health))
    }

    /// A node's own values start as those of all nodes, so these must be complete before.
    fn of_mut(settings: &mut Settings, index: Option<u8>) -> &mut Self {
        match index {
            None => &mut settings.health,
            Some(index) => settings.health_of.entry(index).or_insert_with(|| settings.health.clone()),
        }
    }
    fn numbers(settings: &Settings) -> Vec<u8> {
        settings.health_of.keys().copied().collect()
    }
}
