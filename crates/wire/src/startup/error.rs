use core::fmt;

use crate::error_response::ErrorResponse;
use crate::{ProtocolVersion, SqlState, sqlstate};

/// Why a startup packet is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartupError {
    /// The length word is below 8 or above the limit.
    BadLength {
        /// The length word.
        length: u32,
    },
    /// A CancelRequest with a key that is too short or too long.
    BadCancelRequest,
    /// A version that is not spoken here.
    UnsupportedVersion {
        /// The version.
        version: ProtocolVersion,
    },
    /// The parameters do not end where the packet ends: a name without a value, a NUL too many, no terminator.
    BadLayout,
    /// `replication` is neither a boolean nor `database`.
    BadReplication {
        /// The value.
        value: String,
    },
    /// A name or value that is not UTF-8.
    NotUtf8 {
        /// The parameter's name, as far as it can be shown.
        name: String,
    },
    /// No user, or an empty one.
    NoUser,
}

impl StartupError {
    /// Whether the client is told: a server closes the connection without a word when what came may not be
    /// PostgreSQL's protocol at all.
    pub fn told(&self) -> bool {
        match self {
            Self::BadLength { .. } | Self::BadCancelRequest => false,
            Self::UnsupportedVersion { .. }
            | Self::BadLayout
            | Self::BadReplication { .. }
            | Self::NotUtf8 { .. }
            | Self::NoUser => true,
        }
    }

    /// PostgreSQL's code for it.
    pub fn code(&self) -> SqlState {
        match self {
            Self::BadLength { .. } | Self::BadCancelRequest | Self::BadLayout => sqlstate::PROTOCOL_VIOLATION,
            Self::UnsupportedVersion { .. } => sqlstate::FEATURE_NOT_SUPPORTED,
            Self::BadReplication { .. } => sqlstate::INVALID_PARAMETER_VALUE,
            Self::NotUtf8 { .. } => sqlstate::CHARACTER_NOT_IN_REPERTOIRE,
            Self::NoUser => sqlstate::INVALID_AUTHORIZATION_SPECIFICATION,
        }
    }

    /// Appends what the client is told, in the form that its version of the protocol has. Nothing when it is not
    /// [`told`](Self::told).
    pub fn put(&self, out: &mut Vec<u8>) {
        if !self.told() {
            return;
        }
        let text = self.to_string();
        let response = ErrorResponse::fatal(self.code(), &text);
        match self {
            Self::UnsupportedVersion { version } if version.major < 3 => response.put_legacy(out),
            Self::BadReplication { .. } => {
                response.hint("Valid values are: \"false\", 0, \"true\", 1, \"database\".").put(out);
            }
            Self::BadLength { .. }
            | Self::BadCancelRequest
            | Self::UnsupportedVersion { .. }
            | Self::BadLayout
            | Self::NotUtf8 { .. }
            | Self::NoUser => response.put(out),
        }
    }
}

impl fmt::Display for StartupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadLength { .. } => f.write_str("invalid length of startup packet"),
            Self::BadCancelRequest => f.write_str("invalid length of cancel request packet"),
            Self::UnsupportedVersion { version } => {
                let latest = ProtocolVersion::LATEST;
                write!(f, "unsupported frontend protocol {version}: server supports 3.0 to {latest}")
            }
            Self::BadLayout => f.write_str("invalid startup packet layout: expected terminator as last byte"),
            Self::BadReplication { value } => {
                write!(f, "invalid value for parameter \"replication\": \"{value}\"")
            }
            Self::NotUtf8 { name } => {
                write!(f, "invalid byte sequence for encoding \"UTF8\" in startup parameter \"{name}\"")
            }
            Self::NoUser => f.write_str("no PostgreSQL user name specified in startup packet"),
        }
    }
}

impl core::error::Error for StartupError {}
