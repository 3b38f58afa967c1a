use core::fmt;

use pgherd_types::{Fault, Retry, Whose};

use crate::{Form, SCRAM_ITERATIONS};

/// How a server wants to be convinced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// The password in clear text.
    Cleartext,
    /// The md5 hash of password, user and a salt.
    Md5,
    /// SCRAM-SHA-256, without channel binding.
    Scram,
    /// SASL by mechanisms that are not spoken here.
    OtherSasl,
    /// Kerberos V5.
    Kerberos,
    /// Credentials of a Unix socket, by message.
    Scm,
    /// GSSAPI.
    Gss,
    /// SSPI.
    Sspi,
    /// Another, by its number.
    Other(u32),
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cleartext => f.write_str("password"),
            Self::Md5 => f.write_str("md5"),
            Self::Scram => f.write_str("scram-sha-256"),
            Self::OtherSasl => f.write_str("SASL without SCRAM-SHA-256"),
            Self::Kerberos => f.write_str("Kerberos V5"),
            Self::Scm => f.write_str("SCM credentials"),
            Self::Gss => f.write_str("GSSAPI"),
            Self::Sspi => f.write_str("SSPI"),
            Self::Other(code) => write!(f, "number {code}"),
        }
    }
}

/// Why a server could not be convinced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthError {
    /// There is no password for the user.
    NoPassword {
        /// The user.
        user: Box<str>,
        /// What the server asks for.
        method: Method,
    },
    /// The password is stored in a form that the method cannot use.
    WrongForm {
        /// The user.
        user: Box<str>,
        /// How it is stored.
        form: Form,
        /// What the server asks for.
        method: Method,
    },
    /// The method is not spoken here.
    Unsupported(Method),
    /// A step that may not come now.
    OutOfOrder,
    /// A message of the server's that is not SCRAM: what is wrong with it.
    Malformed(&'static str),
    /// The server asks for more work than is reasonable.
    TooManyIterations {
        /// How much it asks for.
        asked: u64,
    },
    /// The server ended SCRAM with an error of its own.
    Server(String),
    /// The server could not prove that it knows the password: it is not who it should be.
    WrongServerSignature,
}

impl AuthError {
    /// True when it is for want of a password, or of one in the right form.
    pub fn is_want_of_password(&self) -> bool {
        match self {
            Self::NoPassword { .. } | Self::WrongForm { .. } => true,
            Self::Unsupported(_)
            | Self::OutOfOrder
            | Self::Malformed(_)
            | Self::TooManyIterations { .. }
            | Self::Server(_)
            | Self::WrongServerSignature => false,
        }
    }

    fn whose(&self) -> Whose {
        match self {
            Self::NoPassword { .. } | Self::WrongForm { .. } | Self::Unsupported(_) => Whose::Operator,
            Self::OutOfOrder
            | Self::Malformed(_)
            | Self::TooManyIterations { .. }
            | Self::Server(_)
            | Self::WrongServerSignature => Whose::Node,
        }
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPassword { user, method } => write!(
                f,
                "the server asks for a password ({method}), and there is none for user \"{user}\"; add a line for it \
                 to pool_passwd"
            ),
            Self::WrongForm { user, form, method } => write!(
                f,
                "the server asks for {method}, and the password of user \"{user}\" is stored {form}; store it as \
                 TEXT and the password"
            ),
            Self::Unsupported(method) => {
                write!(f, "the server asks for an authentication method that is not supported: {method}")
            }
            Self::OutOfOrder => f.write_str("the server sent an authentication message out of order"),
            Self::Malformed(what) => write!(f, "malformed SCRAM message from the server: {what}"),
            Self::TooManyIterations { asked } => {
                write!(f, "the server asks for {asked} iterations of SCRAM, more than {SCRAM_ITERATIONS}")
            }
            Self::Server(error) => write!(f, "the server ended SCRAM with the error \"{error}\""),
            Self::WrongServerSignature => {
                f.write_str("the server could not prove that it knows the password: it is not to be trusted")
            }
        }
    }
}

impl core::error::Error for AuthError {}

impl From<AuthError> for Fault {
    fn from(error: AuthError) -> Self {
        Fault::new("authentication with a server failed", error.whose(), Retry::No).because(error)
    }
}
