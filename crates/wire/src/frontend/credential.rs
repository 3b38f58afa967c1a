use core::fmt;

use crate::{Body, BodyError};

/// The body of a `p` message. What it is depends on what the server asked for; it is never printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Credential<'a>(&'a [u8]);

/// The first step of SASL.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SaslInitial<'a> {
    /// The mechanism that the client chose.
    pub mechanism: &'a [u8],
    /// The first message of the mechanism, where it has one.
    pub response: Option<&'a [u8]>,
}

impl<'a> Credential<'a> {
    /// The body of a `p` message.
    pub fn new(body: &'a [u8]) -> Self {
        Credential(body)
    }

    /// Read as PasswordMessage: clear text, or `md5` and 32 digits.
    ///
    /// # Errors
    /// When it is not one string.
    pub fn password(self) -> Result<&'a [u8], BodyError> {
        let mut body = Body::new(self.0);
        let password = body.string()?;
        body.end().map(|()| password)
    }

    /// Read as SASLInitialResponse.
    ///
    /// # Errors
    /// When it is not a string and a value.
    pub fn sasl_initial(self) -> Result<SaslInitial<'a>, BodyError> {
        let mut body = Body::new(self.0);
        let initial = SaslInitial { mechanism: body.string()?, response: body.value()? };
        body.end().map(|()| initial)
    }

    /// Read as SASLResponse or GSSResponse: all of it.
    pub fn response(self) -> &'a [u8] {
        self.0
    }
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(*****)")
    }
}

impl fmt::Debug for SaslInitial<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SaslInitial({}, *****)", self.mechanism.escape_ascii())
    }
}
