//! Names of older releases that became more than another name. Plain renames are with the setting itself.

use crate::kind::read_switch;

/// An old name.
pub(crate) struct Old {
    pub(crate) name: &'static str,
    /// Whether a number stands behind the name.
    pub(crate) is_numbered: bool,
    pub(crate) fate: Fate,
}

/// What became of an old name.
pub(crate) enum Fate {
    /// A setting, by its name and whether that has the same number, the next one, or always 0.
    Renamed { to: &'static str, shift: u8 },
    /// A value of another setting, when its own value had an effect.
    Converted { to: &'static str, convert: fn(&str) -> Option<String> },
    /// One of the three that `backend_clustering_mode` stands for.
    ClusteringMode,
    /// Nothing. What it did when it was on, to be said when it is.
    Gone { was: Option<&'static str> },
}

const fn numbered(name: &'static str, to: &'static str) -> Old {
    Old { name, is_numbered: true, fate: Fate::Renamed { to, shift: 1 } }
}

const fn own(name: &'static str, to: &'static str) -> Old {
    Old { name, is_numbered: false, fate: Fate::Renamed { to, shift: 0 } }
}

const fn converted(name: &'static str, to: &'static str, convert: fn(&str) -> Option<String>) -> Old {
    Old { name, is_numbered: false, fate: Fate::Converted { to, convert } }
}

const fn mode(name: &'static str) -> Old {
    Old { name, is_numbered: false, fate: Fate::ClusteringMode }
}

const fn gone(name: &'static str, was: Option<&'static str>) -> Old {
    Old { name, is_numbered: false, fate: Fate::Gone { was } }
}

/// All of them. A pgherd of an old watchdog file is number 0; the others, which it counted from 0, follow.
pub(crate) const NAMES: &[Old] = &[
    mode("replication_mode"),
    mode("master_slave_mode"),
    mode("master_slave_sub_mode"),
    converted("debug_level", "log_min_messages", debug_level),
    converted("print_timestamp", "log_line_prefix", print_timestamp),
    own("wd_hostname", "hostname"),
    own("wd_port", "wd_port"),
    numbered("other_pgpool_hostname", "hostname"),
    numbered("other_pgpool_port", "pgpool_port"),
    numbered("other_wd_port", "wd_port"),
    gone("parallel_mode", Some("parallel queries, which Pgpool-II gave up in 3.5")),
    gone("enable_query_cache", Some("the query cache on disk; memory_cache_enabled is its successor")),
    gone("system_db_hostname", None),
    gone("system_db_port", None),
    gone("system_db_dbname", None),
    gone("system_db_schema", None),
    gone("system_db_user", None),
    gone("system_db_password", None),
    gone("backend_socket_dir", None),
    gone("pgpool2_hostname", None),
    gone("pcp_timeout", None),
    gone("replication_timeout", None),
    gone("replication_strict", None),
];

fn debug_level(level: &str) -> Option<String> {
    match level.trim().parse::<u32>() {
        Ok(0) | Err(_) => None,
        Ok(level) => Some(format!("debug{}", level.min(5))),
    }
}

/// Time stamps are in the default prefix; without them, this is what is left of it.
fn print_timestamp(is_on: &str) -> Option<String> {
    (read_switch(is_on) == Some(false)).then(|| "%a pid %p: ".to_owned())
}

/// The values of the three old settings that `backend_clustering_mode` stands for.
#[derive(Default)]
pub(crate) struct OldMode {
    replication: bool,
    master_slave: bool,
    slony: bool,
}

impl OldMode {
    /// Takes the value of one of the three.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let is_on = read_switch(value).unwrap_or(true);
        match name {
            "replication_mode" => self.replication = is_on,
            "master_slave_mode" => self.master_slave = is_on,
            "master_slave_sub_mode" => self.slony = value.trim().eq_ignore_ascii_case("slony"),
            other => debug_assert!(false, "{other} is none of the three"),
        }
    }

    /// What they amount to: with all of them off, releases before 4.2 replicated nothing.
    pub(crate) fn word(&self) -> &'static str {
        match (self.replication, self.master_slave, self.slony) {
            (true, _, _) => "native_replication",
            (false, true, true) => "slony",
            (false, true, false) => "streaming_replication",
            (false, false, _) => "raw",
        }
    }
}
