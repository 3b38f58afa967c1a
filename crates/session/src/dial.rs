use pgherd_auth::{Derive, Derived, NONCE_BYTES, ServerAuth, Step, StoredPassword};
use pgherd_types::{BackendFacts, Fault, Identity, Retry, Secret, Whose};
use pgherd_wire::backend::Message;
use pgherd_wire::{ProtocolVersion, startup};

use crate::Refusal;
use crate::messages::{Messages, Misbehaved};
use crate::parked::note;

/// Logs in to a node: from the startup packet to the first ReadyForQuery.
///
/// It asks for the newest protocol that is spoken here; a server that does not know it says so and goes on with its
/// own.
#[derive(Debug)]
pub struct Dial {
    messages: Messages,
    version: ProtocolVersion,
    facts: BackendFacts,
    cancel_key: Secret,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The server has not said how the user is authenticated, or has not said that it is.
    Authenticating(Box<ServerAuth>),
    /// The user is accepted; parameters and the key follow.
    Accepted,
}

/// How far a login is.
#[derive(Debug)]
pub enum DialStep {
    /// It goes on with the server's next words; what `out` holds has to be sent.
    Waiting,
    /// It goes on with [`Dial::derived`]; the work takes milliseconds, so that it is done elsewhere.
    Derive(Derive),
    /// The backend is open, at a message boundary, with nothing unread.
    Ready(Dialled),
    /// There is none to be had.
    Refused(Refusal),
}

/// A backend that has just been opened.
#[derive(Debug)]
pub struct Dialled {
    /// What is known of the server process.
    pub facts: BackendFacts,
    /// What a cancel request for it has to carry; empty when the server told none.
    pub cancel_key: Secret,
}

impl Dial {
    /// Begins a login. `password` is what we know of the user's, `nonce` is random; `out` has to be sent.
    pub fn start(
        identity: &Identity,
        password: Option<StoredPassword>,
        nonce: [u8; NONCE_BYTES],
        out: &mut Vec<u8>,
    ) -> Self {
        let who = [("user", identity.user()), ("database", identity.database())];
        startup::put_startup_message(out, ProtocolVersion::LATEST, who.into_iter().chain(identity.options()));
        Dial {
            messages: Messages::new(),
            version: ProtocolVersion::LATEST,
            facts: BackendFacts::default(),
            cancel_key: Secret::default(),
            stage: Stage::Authenticating(Box::new(ServerAuth::new(identity.user(), password, nonce))),
        }
    }

    /// Takes what the server sent and appends what to send next.
    pub fn receive(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> DialStep {
        let mut messages = core::mem::replace(&mut self.messages, Messages::new());
        let step = loop {
            match messages.next(&mut bytes, |message| self.message(message, out)) {
                Ok(None) => break DialStep::Waiting,
                Ok(Some(None)) => {}
                Ok(Some(Some(DialStep::Ready(_)))) if !bytes.is_empty() => {
                    break misbehaved(&"spoke before it was spoken to");
                }
                Ok(Some(Some(step))) => break step,
                Err(Misbehaved(what)) => break misbehaved(&what),
            }
        };
        self.messages = messages;
        step
    }

    /// Goes on with the derived key.
    pub fn derived(&mut self, key: &Derived, out: &mut Vec<u8>) -> DialStep {
        let Stage::Authenticating(auth) = &mut self.stage else {
            return misbehaved(&"ended the login while a key was derived");
        };
        let step = auth.derived(key);
        self.auth_step(step, out).unwrap_or(DialStep::Waiting)
    }

    /// One message; `None` when the next one can be looked at.
    fn message(&mut self, message: &[u8], out: &mut Vec<u8>) -> Option<DialStep> {
        let read = match Message::parse(message) {
            Ok(read) => read,
            Err(error) => return Some(misbehaved(&error)),
        };
        match (read, &mut self.stage) {
            (Message::ErrorResponse(_), _) => Some(DialStep::Refused(Refusal::Server(message.to_vec()))),
            (Message::NoticeResponse(_), _) => None,
            (Message::NegotiateProtocolVersion(offer), Stage::Authenticating(_)) => {
                if offer.version > self.version || offer.version < ProtocolVersion::V3_0 {
                    return Some(misbehaved(&format!("offered protocol {}", offer.version)));
                }
                self.version = offer.version;
                None
            }
            (Message::Authentication(said), Stage::Authenticating(auth)) => {
                let step = auth.step(said);
                self.auth_step(step, out)
            }
            (Message::ParameterStatus { name, value }, Stage::Accepted) => {
                let noted = note(&mut self.facts, name, value);
                (!noted).then(|| misbehaved(&"reported more parameters than can be"))
            }
            (Message::BackendKeyData(data), Stage::Accepted) => {
                if data.key.len() > self.version.longest_key() {
                    return Some(misbehaved(&"told a cancel key that is too long"));
                }
                self.facts.process_id = data.process_id;
                self.cancel_key = Secret::new(data.key);
                None
            }
            (Message::ReadyForQuery(_), Stage::Accepted) => {
                let facts = core::mem::take(&mut self.facts);
                let cancel_key = core::mem::take(&mut self.cancel_key);
                Some(DialStep::Ready(Dialled { facts, cancel_key }))
            }
            _ => Some(misbehaved(&"sent what does not belong into a login")),
        }
    }

    fn auth_step(&mut self, step: Step, out: &mut Vec<u8>) -> Option<DialStep> {
        match step {
            Step::Send(message) => out.extend_from_slice(message.expose()),
            Step::Derive(work) => return Some(DialStep::Derive(work)),
            Step::Wait => {}
            Step::Done => self.stage = Stage::Accepted,
            Step::Failed(error) if error.is_want_of_password() => {
                return Some(DialStep::Refused(Refusal::NoPassword));
            }
            Step::Failed(error) => return Some(DialStep::Refused(Refusal::Fault(error.into()))),
        }
        None
    }
}

fn misbehaved(what: &dyn core::fmt::Display) -> DialStep {
    let fault = Fault::new("the server broke the protocol while logging in", Whose::Node, Retry::No);
    DialStep::Refused(Refusal::Fault(fault.because(what.to_string())))
}

#[cfg(test)]
mod tests;
