use core::fmt;

use pgherd_config::MessageLevel;

/// How weighty a line is, as `log_min_messages` orders them: unlike towards clients, LOG is above ERROR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Level {
    /// The most detail.
    Debug5,
    /// More detail.
    Debug4,
    /// More detail.
    Debug3,
    /// More detail.
    Debug2,
    /// Detail for whoever looks for a fault.
    Debug1,
    /// What somebody asked for.
    Info,
    /// What may help.
    Notice,
    /// What may become a problem.
    Warning,
    /// What failed.
    Error,
    /// What the administrator wants to know.
    Log,
    /// What ended a session, or the start.
    Fatal,
    /// What ended all sessions.
    Panic,
}

impl Level {
    /// A number that grows with the weight.
    pub(crate) fn weight(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debug5 | Self::Debug4 | Self::Debug3 | Self::Debug2 | Self::Debug1 => "DEBUG",
            Self::Info => "INFO",
            Self::Notice => "NOTICE",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Log => "LOG",
            Self::Fatal => "FATAL",
            Self::Panic => "PANIC",
        })
    }
}

impl From<MessageLevel> for Level {
    fn from(level: MessageLevel) -> Self {
        match level {
            MessageLevel::Debug5 => Self::Debug5,
            MessageLevel::Debug4 => Self::Debug4,
            MessageLevel::Debug3 => Self::Debug3,
            MessageLevel::Debug2 => Self::Debug2,
            MessageLevel::Debug1 => Self::Debug1,
            MessageLevel::Info => Self::Info,
            MessageLevel::Notice => Self::Notice,
            MessageLevel::Warning => Self::Warning,
            MessageLevel::Error => Self::Error,
            MessageLevel::Log => Self::Log,
            MessageLevel::Fatal => Self::Fatal,
            MessageLevel::Panic => Self::Panic,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Level;

    #[test]
    fn the_log_orders_levels_as_postgresql_does() {
        assert!(Level::Debug5 < Level::Debug1 && Level::Debug1 < Level::Info);
        assert!(Level::Warning < Level::Error && Level::Error < Level::Log && Level::Log < Level::Fatal);
        assert!(Level::Debug1.weight() < Level::Panic.weight());
    }
}
