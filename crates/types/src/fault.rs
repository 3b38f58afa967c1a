use core::{error, fmt};

/// Who has to act so that a fault goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Whose {
    /// The client broke the protocol or asked for what it may not have.
    Client,
    /// A PostgreSQL server failed, refused, or answered what it must not answer.
    Node,
    /// pgherd itself is at fault.
    Ours,
    /// The configuration or the machine is at fault.
    Operator,
}

/// Whether the same thing may be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retry {
    /// Nothing happened; trying again is harmless.
    Safe,
    /// It may have happened already, or will fail the same way.
    No,
}

/// What went wrong, whose fault it is, whether it may be retried, and why it happened. Its text is for logs;
/// it reaches a client only where a session says so.
#[derive(Debug)]
pub struct Fault {
    /// What could not be done, in a short phrase.
    pub what: &'static str,
    /// Who has to act.
    pub whose: Whose,
    /// Whether trying again is safe.
    pub retry: Retry,
    /// The details: an operating-system error, a server's own words.
    pub cause: Option<Box<dyn error::Error + Send + Sync>>,
}

impl Fault {
    /// A fault without a further cause.
    pub fn new(what: &'static str, whose: Whose, retry: Retry) -> Self {
        Fault { what, whose, retry, cause: None }
    }

    /// The same fault with what caused it.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)?;
        match &self.cause {
            Some(cause) => write!(f, ": {cause}"),
            None => Ok(()),
        }
    }
}

impl error::Error for Fault {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn error::Error + 'static))
    }
}
