use pgherd_types::Secret;
use pgherd_wire::backend::{Authentication, Mechanisms};
use pgherd_wire::frontend;

use crate::scram::{self, Derive, Derived, NONCE_BYTES};
use crate::{AuthError, Method, StoredPassword, md5};

/// Our side of authentication with one server, from its first Authentication message to AuthenticationOk.
#[derive(Debug)]
pub struct ServerAuth {
    user: Box<str>,
    password: Option<StoredPassword>,
    nonce: [u8; NONCE_BYTES],
    state: State,
}

#[derive(Debug)]
enum State {
    /// The server has not asked for anything.
    Start,
    /// The password was sent, or the server has proved itself: only its Ok may come.
    AwaitOk,
    /// SCRAM began.
    ScramFirst(scram::First),
    /// The key is being derived; the server has to wait.
    ScramDeriving(scram::Deriving),
    /// The proof was sent.
    ScramLast(scram::Last),
    /// It ended, well or badly.
    Over,
}

/// What is to be done after a message of the server's.
#[derive(Debug)]
#[must_use]
pub enum Step {
    /// Send these bytes: one whole message. It holds what a password is made of and is not to be printed.
    Send(Secret),
    /// Run the job on a helper thread, and tell [`ServerAuth::derived`] what came of it.
    Derive(Derive),
    /// Nothing to send: wait for the next message.
    Wait,
    /// The server is convinced, and convinced us where the method allows it.
    Done,
    /// It failed; the connection has to be closed.
    Failed(AuthError),
}

impl ServerAuth {
    /// Begins. `nonce` is random, and new for each connection.
    pub fn new(user: &str, password: Option<StoredPassword>, nonce: [u8; NONCE_BYTES]) -> Self {
        ServerAuth { user: user.into(), password, nonce, state: State::Start }
    }

    /// Takes the server's next Authentication message.
    pub fn step(&mut self, message: Authentication<'_>) -> Step {
        // What fails stays failed: the state is put back only by what goes on.
        let state = core::mem::replace(&mut self.state, State::Over);
        let result = match state {
            State::Start => self.begin(message),
            State::AwaitOk if message == Authentication::Ok => Ok(Step::Done),
            State::AwaitOk => Err(AuthError::OutOfOrder),
            State::ScramFirst(first) => self.scram_first(first, message),
            State::ScramLast(last) => self.scram_last(&last, message),
            State::ScramDeriving(_) | State::Over => Err(AuthError::OutOfOrder),
        };
        result.unwrap_or_else(Step::Failed)
    }

    /// Takes what the job of [`Step::Derive`] found.
    pub fn derived(&mut self, derived: &Derived) -> Step {
        match core::mem::replace(&mut self.state, State::Over) {
            State::ScramDeriving(deriving) => {
                let (last, message) = deriving.prove(derived);
                self.state = State::ScramLast(last);
                send(|out| frontend::put_sasl_response(out, message.as_bytes()))
            }
            State::Start | State::AwaitOk | State::ScramFirst(_) | State::ScramLast(_) | State::Over => {
                Step::Failed(AuthError::OutOfOrder)
            }
        }
    }

    fn begin(&mut self, message: Authentication<'_>) -> Result<Step, AuthError> {
        match message {
            Authentication::Ok => Ok(Step::Done),
            Authentication::Cleartext => self.cleartext(),
            Authentication::Md5 { salt } => self.md5(salt),
            Authentication::Sasl(mechanisms) => self.sasl(mechanisms),
            Authentication::KerberosV5 => Err(AuthError::Unsupported(Method::Kerberos)),
            Authentication::ScmCredential => Err(AuthError::Unsupported(Method::Scm)),
            Authentication::Gss => Err(AuthError::Unsupported(Method::Gss)),
            Authentication::Sspi => Err(AuthError::Unsupported(Method::Sspi)),
            Authentication::Unknown { code, .. } => Err(AuthError::Unsupported(Method::Other(code))),
            Authentication::GssContinue(_)
            | Authentication::SaslContinue(_)
            | Authentication::SaslFinal(_) => Err(AuthError::OutOfOrder),
        }
    }

    fn cleartext(&mut self) -> Result<Step, AuthError> {
        let password = self.clear(Method::Cleartext)?;
        self.state = State::AwaitOk;
        Ok(send(|out| frontend::put_password(out, password.expose())))
    }

    fn md5(&mut self, salt: [u8; 4]) -> Result<Step, AuthError> {
        let stored = match &self.password {
            Some(StoredPassword::Md5(stored)) => stored.clone(),
            Some(StoredPassword::Clear(_) | StoredPassword::Aes | StoredPassword::Scram) | None => {
                md5::stored(self.clear(Method::Md5)?.expose(), self.user.as_bytes())
            }
        };
        self.state = State::AwaitOk;
        Ok(send(|out| frontend::put_password(out, md5::answer(&stored, salt).expose())))
    }

    fn sasl(&mut self, mut offered: Mechanisms<'_>) -> Result<Step, AuthError> {
        if !offered.any(|mechanism| mechanism == scram::MECHANISM) {
            return Err(AuthError::Unsupported(Method::OtherSasl));
        }
        let first = scram::First::new(self.clear(Method::Scram)?, "", &self.nonce);
        let message = first.message();
        self.state = State::ScramFirst(first);
        Ok(send(|out| frontend::put_sasl_initial(out, scram::MECHANISM, Some(message.as_bytes()))))
    }

    fn scram_first(&mut self, first: scram::First, message: Authentication<'_>) -> Result<Step, AuthError> {
        let Authentication::SaslContinue(data) = message else { return Err(AuthError::OutOfOrder) };
        let (deriving, derive) = first.server_first(data)?;
        self.state = State::ScramDeriving(deriving);
        Ok(Step::Derive(derive))
    }

    fn scram_last(&mut self, last: &scram::Last, message: Authentication<'_>) -> Result<Step, AuthError> {
        let Authentication::SaslFinal(data) = message else { return Err(AuthError::OutOfOrder) };
        last.server_final(data)?;
        self.state = State::AwaitOk;
        Ok(Step::Wait)
    }

    /// The password in clear text, for a method that needs it so.
    fn clear(&self, method: Method) -> Result<Secret, AuthError> {
        match &self.password {
            Some(StoredPassword::Clear(password)) => Ok(password.clone()),
            Some(other @ (StoredPassword::Md5(_) | StoredPassword::Aes | StoredPassword::Scram)) => {
                Err(AuthError::WrongForm { user: self.user.clone(), form: other.form(), method })
            }
            None => Err(AuthError::NoPassword { user: self.user.clone(), method }),
        }
    }
}

fn send(write: impl FnOnce(&mut Vec<u8>)) -> Step {
    let mut out = Vec::new();
    write(&mut out);
    Step::Send(Secret::new(out))
}

#[cfg(test)]
mod tests;
