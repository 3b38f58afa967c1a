use crate::choices::LogDestination;
use crate::settings::Settings;

/// What pgherd does not do yet, and settings wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// Rules of `pool_hba.conf`, and passwords asked of clients.
    ClientAuthentication,
    /// Keeping results.
    QueryCache,
    /// Detaching and attaching of nodes.
    Failover,
    /// Checks whether nodes live, apart from those of their role.
    HealthCheck,
    /// Looking up the host names of clients.
    HostNames,
    /// Log files of its own.
    LogFiles,
    /// The system's log.
    Syslog,
    /// The PCP commands.
    Pcp,
    /// Bringing a node back.
    Recovery,
    /// Sending writes to all nodes.
    Replication,
    /// TLS.
    Tls,
    /// Several pgherds that stand in for each other.
    Watchdog,
}

impl Feature {
    /// What it is, to stand behind "pgherd does not do".
    pub fn what(self) -> &'static str {
        match self {
            Feature::ClientAuthentication => "authentication of clients",
            Feature::QueryCache => "query caching",
            Feature::Failover => "failover",
            Feature::HealthCheck => "health checks beside those every sr_check_period",
            Feature::HostNames => "look-ups of clients' host names",
            Feature::LogFiles => "log files of its own",
            Feature::Syslog => "logging to the system's log",
            Feature::Pcp => "PCP",
            Feature::Recovery => "online recovery",
            Feature::Replication => "replication of its own",
            Feature::Tls => "TLS",
            Feature::Watchdog => "the watchdog",
        }
    }

    /// True unless the settings have the feature switched off as a whole, so that its other settings do not
    /// matter.
    pub fn is_wanted(self, settings: &Settings) -> bool {
        match self {
            Feature::QueryCache => settings.cache.memory_cache_enabled,
            Feature::LogFiles => settings.logging.logging_collector,
            Feature::Syslog => settings.logging.log_destination.contains(&LogDestination::Syslog),
            Feature::Recovery => {
                let recovery = &settings.recovery;
                !recovery.recovery_1st_stage_command.is_empty()
                    || !recovery.recovery_2nd_stage_command.is_empty()
            }
            Feature::Tls => settings.tls.ssl,
            Feature::Watchdog => settings.watchdog.use_watchdog,
            Feature::ClientAuthentication
            | Feature::Failover
            | Feature::HealthCheck
            | Feature::HostNames
            | Feature::Pcp
            | Feature::Replication => true,
        }
    }
}
