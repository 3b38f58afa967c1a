/// How bad it is. The mild ones travel in NoticeResponse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The whole server goes down.
    Panic,
    /// The session ends.
    Fatal,
    /// The statement ends.
    Error,
    /// Something that the user should know about.
    Warning,
    /// Something that the user may want to know.
    Notice,
    /// For the server's log, at times for clients too.
    Debug,
    /// What the user asked to be told.
    Info,
    /// For the server's log.
    Log,
}

impl Severity {
    /// The severity behind an untranslated word.
    pub fn parse(word: &[u8]) -> Option<Self> {
        const ALL: [Severity; 8] = [
            Severity::Panic,
            Severity::Fatal,
            Severity::Error,
            Severity::Warning,
            Severity::Notice,
            Severity::Debug,
            Severity::Info,
            Severity::Log,
        ];
        ALL.into_iter().find(|severity| severity.as_str().as_bytes() == word)
    }

    /// The untranslated word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Panic => "PANIC",
            Self::Fatal => "FATAL",
            Self::Error => "ERROR",
            Self::Warning => "WARNING",
            Self::Notice => "NOTICE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Log => "LOG",
        }
    }

    /// True for what travels in ErrorResponse.
    pub fn is_error(self) -> bool {
        match self {
            Self::Panic | Self::Fatal | Self::Error => true,
            Self::Warning | Self::Notice | Self::Debug | Self::Info | Self::Log => false,
        }
    }

    /// True when the session is over with it.
    pub fn ends_session(self) -> bool {
        match self {
            Self::Panic | Self::Fatal => true,
            Self::Error | Self::Warning | Self::Notice | Self::Debug | Self::Info | Self::Log => false,
        }
    }
}
