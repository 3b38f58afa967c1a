//! What only shows when settings are looked at together.

use std::path::Path;

use pgherd_types::ClusteringMode;

use crate::choices::{ProcessMode, ReadConsistency};
use crate::load::SetAt;
use crate::problem::{Problem, Severity, shown};
use crate::problems::Problems;
use crate::redirect::RedirectTarget;
use crate::settings::Settings;

/// Adds the problems of the settings as a whole. What stops Pgpool-II from starting is an error.
pub(crate) fn check(file: &Path, settings: &Settings, set_at: &SetAt, problems: &mut Problems) {
    let mut check = Check { file, settings, set_at, problems };
    check.mode();
    check.spare_children();
    check.places_for_clients();
    check.nodes();
    check.redirects();
    check.delay();
    check.consistency();
    check.recovery();
    check.cache();
}

struct Check<'a> {
    file: &'a Path,
    settings: &'a Settings,
    set_at: &'a SetAt,
    problems: &'a mut Problems,
}

impl Check<'_> {
    /// Adds a problem at the place where the setting got its value.
    fn say(&mut self, severity: Severity, name: (&'static str, Option<u8>), message: String, hint: &str) {
        let problem = match self.set_at.get(&name) {
            Some(place) => place.problem(severity, message, hint.to_owned()),
            None => {
                Problem { severity, file: self.file.to_path_buf(), at: None, message, hint: hint.to_owned() }
            }
        };
        self.problems.push(problem);
    }

    fn mode(&mut self) {
        match self.settings.connections.backend_clustering_mode {
            ClusteringMode::NativeReplication | ClusteringMode::SnapshotIsolation => {
                let message =
                    "pgherd does not do replication of its own yet, and does not start in this mode";
                let hint = "write backend_clustering_mode = 'streaming_replication' or 'raw'";
                let name = ("backend_clustering_mode", None);
                self.say(Severity::Warning, name, message.to_owned(), hint);
            }
            ClusteringMode::StreamingReplication
            | ClusteringMode::LogicalReplication
            | ClusteringMode::Slony
            | ClusteringMode::Raw => {}
        }
    }

    fn spare_children(&mut self) {
        let pooling = &self.settings.pooling;
        if pooling.process_management_mode == ProcessMode::Static {
            return;
        }
        let (min, max) = (pooling.min_spare_children, pooling.max_spare_children);
        let all = self.settings.connections.num_init_children;
        if max <= min {
            let message = format!("max_spare_children ({max}) is not above min_spare_children ({min})");
            self.say(
                Severity::Error,
                ("max_spare_children", None),
                message,
                "raise the one or lower the other",
            );
        }
        if all < max {
            let message = format!("max_spare_children ({max}) is above num_init_children ({all})");
            self.say(
                Severity::Error,
                ("max_spare_children", None),
                message,
                "raise the one or lower the other",
            );
        }
    }

    fn places_for_clients(&mut self) {
        let (reserved, all) =
            (self.settings.connections.reserved_connections, self.settings.connections.num_init_children);
        if reserved >= all {
            let message = format!(
                "reserved_connections ({reserved}) leaves nothing of num_init_children ({all}): all clients are refused"
            );
            let hint = "lower it below num_init_children";
            self.say(Severity::Warning, ("reserved_connections", None), message, hint);
        }
    }

    fn nodes(&mut self) {
        let settings = self.settings;
        for (&id, node) in &settings.backends {
            if !node.backend_hostname.is_empty() && !node.is_used() {
                let message = format!("node {id} is unused because backend_port{id} is not set");
                let hint = format!("write backend_port{id} = 5432, or remove the line");
                self.say(Severity::Warning, ("backend_hostname", Some(id)), message, &hint);
            }
        }
        if settings.nodes().next().is_none() {
            let hint = "write backend_hostname0, backend_port0 and backend_weight0 for the first server";
            let message = "there is no backend node, so no client can be served".to_owned();
            self.say(Severity::Warning, ("", None), message, hint);
        } else if settings.balance.load_balance_mode
            && settings.nodes().all(|(_, node)| node.backend_weight == 0.0)
        {
            let message = "no node has a weight, so reads are not balanced".to_owned();
            let hint = "write backend_weight0 = 1 and so on, or load_balance_mode = off";
            self.say(Severity::Warning, ("load_balance_mode", None), message, hint);
        }
    }

    /// A redirect list that names a node which is not there.
    fn redirects(&mut self) {
        let (settings, balance) = (self.settings, &self.settings.balance);
        if settings.nodes().next().is_none() {
            return;
        }
        let lists = [
            ("app_name_redirect_preference_list", &balance.app_name_redirect_preference_list),
            ("database_redirect_preference_list", &balance.database_redirect_preference_list),
            ("user_redirect_preference_list", &balance.user_redirect_preference_list),
        ];
        for (name, list) in lists {
            for (at, entry) in list.entries.iter().enumerate() {
                let RedirectTarget::Node(node) = entry.target else { continue };
                if settings.nodes().any(|(id, _)| id == node) {
                    continue;
                }
                let (at, pattern) = (at + 1, shown(entry.pattern.text()));
                let message = format!("{name} is wrong at entry {at} ({pattern}): there is no node {node}");
                let hint =
                    "write the number of a node with backend_hostname and backend_port, primary or standby";
                self.say(Severity::Error, (name, None), message, hint);
            }
        }
    }

    fn delay(&mut self) {
        let own = &self.settings.standby;
        if !own.sr_check_period.is_zero() {
            return;
        }
        let idle = [
            ("delay_threshold", own.delay_threshold > 0),
            ("delay_threshold_by_time", !own.delay_threshold_by_time.is_zero()),
            ("replication_delay_source_cmd", !own.replication_delay_source_cmd.is_empty()),
        ];
        for (name, _) in idle.into_iter().filter(|(_, is_set)| *is_set) {
            let message =
                format!("{name} does nothing: with sr_check_period = 0 nobody looks at the standbys' delay");
            self.say(
                Severity::Warning,
                (name, None),
                message,
                "write sr_check_period = 10, or remove the line",
            );
        }
    }

    /// A standby answers a session's reads only when it is known how far it has replayed.
    fn consistency(&mut self) {
        let mode = self.settings.connections.backend_clustering_mode;
        let can_ask = !self.settings.standby.sr_check_user.is_empty()
            || !self.settings.health.health_check_user.is_empty();
        let is_streaming = mode == ClusteringMode::StreamingReplication;
        if self.settings.own.read_consistency != ReadConsistency::Session
            || !mode.has_primary()
            || (is_streaming && can_ask)
        {
            return;
        }
        let (message, hint) = if is_streaming {
            (
                "with read_consistency = 'session' all reads after a write of their session go to the primary, because \
                 sr_check_user is empty and nobody can ask the standbys how far they are",
                "set sr_check_user to a user who may log in on all nodes",
            )
        } else {
            (
                "read_consistency = 'session' is as good as 'eventual' where the nodes' positions cannot be compared",
                "write read_consistency = 'eventual', or backend_clustering_mode = 'streaming_replication'",
            )
        };
        self.say(Severity::Warning, ("read_consistency", None), message.to_owned(), hint);
    }

    fn recovery(&mut self) {
        let recovery = &self.settings.recovery;
        if recovery.recovery_1st_stage_command.is_empty() && recovery.recovery_2nd_stage_command.is_empty() {
            return;
        }
        for (id, node) in self.settings.nodes() {
            if node.backend_data_directory.is_empty() {
                let message = format!("online recovery needs backend_data_directory{id}");
                let name = if self.set_at.contains_key(&("recovery_1st_stage_command", None)) {
                    "recovery_1st_stage_command"
                } else {
                    "recovery_2nd_stage_command"
                };
                self.say(Severity::Error, (name, None), message, "set it, or remove the recovery commands");
            }
        }
    }

    fn cache(&mut self) {
        let cache = &self.settings.cache;
        let (result, block) = (cache.memqcache_maxcache, cache.memqcache_cache_block_size);
        if cache.memory_cache_enabled && result > block {
            let message =
                format!("memqcache_maxcache ({result}) is limited to memqcache_cache_block_size ({block})");
            let hint = "raise memqcache_cache_block_size, or lower memqcache_maxcache";
            self.say(Severity::Warning, ("memqcache_maxcache", None), message, hint);
        }
    }
}
