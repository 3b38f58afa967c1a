use pgherd_types::{BackendFacts, Fault, Identity, Retry, Secret, Whose};
use pgherd_wire::backend::{Authentication, Message};
use pgherd_wire::{ProtocolVersion, frontend, startup};

use crate::Refusal;
use crate::messages::{Messages, Misbehaved};
use crate::parked::note;

/// Logs in to a node: from the startup packet to the first ReadyForQuery.
///
/// It asks for the newest protocol that is spoken here; a server that does not know it says so and goes on with its own.
#[derive(Debug)]
pub struct Dial {
    messages: Messages,
    user: String,
    password: Option<Secret>,
    version: ProtocolVersion,
    facts: Box<BackendFacts>,
    cancel_key: Secret,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The server has not said how the user is authenticated, or has not said that it is.
    Authenticating,
    /// The user is accepted; parameters and the key follow.
    Accepted,
}

/// How far a login is.
#[derive(Debug)]
pub enum DialStep {
    /// It goes on with the server's next words; what `out` holds has to be sent.
    Waiting,
    /// It goes on with [`Dial::derived`]; the work takes milliseconds, so that it is done elsewhere.
    Derive(KeyWork),
    /// The backend is open, at a message boundary, with nothing unread.
    Ready(Dialled),
    /// There is none to be had.
    Refused(Refusal),
}

/// A backend that has just been opened.
#[derive(Debug)]
pub struct Dialled {
    /// What is known of the server process.
    pub facts: Box<BackendFacts>,
    /// What a cancel request for it has to carry; empty when the server told none.
    pub cancel_key: Secret,
}

/// The derivation of keys from a password.
#[derive(Debug)]
pub struct KeyWork(());

/// What came of [`KeyWork`].
#[derive(Debug)]
pub struct KeyWorkDone(());

impl KeyWork {
    /// Does the work. It takes milliseconds.
    pub fn run(self) -> KeyWorkDone {
        KeyWorkDone(self.0)
    }
}

impl Dial {
    /// Begins a login. `password` is what we know of the user's; `out` has to be sent.
    pub fn start(identity: &Identity, password: Option<Secret>, out: &mut Vec<u8>) -> Self {
        let who = [("user", identity.user()), ("database", identity.database())];
        startup::put_startup_message(out, ProtocolVersion::LATEST, who.into_iter().chain(identity.options()));
        Dial {
            messages: Messages::new(),
            user: identity.user().to_owned(),
            password,
            version: ProtocolVersion::LATEST,
            facts: Box::default(),
            cancel_key: Secret::default(),
            stage: Stage::Authenticating,
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

    /// Goes on with the keys.
    pub fn derived(&mut self, keys: KeyWorkDone, out: &mut Vec<u8>) -> DialStep {
        let _ = (keys, out);
        DialStep::Waiting
    }

    /// One message; `None` when the next one can be looked at.
    fn message(&mut self, message: &[u8], out: &mut Vec<u8>) -> Option<DialStep> {
        let read = match Message::parse(message) {
            Ok(read) => read,
            Err(error) => return Some(misbehaved(&error)),
        };
        match (read, &self.stage) {
            (Message::ErrorResponse(_), _) => Some(DialStep::Refused(Refusal::Server(message.to_vec()))),
            (Message::NoticeResponse(_), _) => None,
            (Message::NegotiateProtocolVersion(offer), Stage::Authenticating) => {
                if offer.version > self.version || offer.version < ProtocolVersion::V3_0 {
                    return Some(misbehaved(&format!("offered protocol {}", offer.version)));
                }
                self.version = offer.version;
                None
            }
            (Message::Authentication(step), Stage::Authenticating) => self.authentication(step, out),
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

    fn authentication(&mut self, step: Authentication<'_>, out: &mut Vec<u8>) -> Option<DialStep> {
        match step {
            Authentication::Ok => {
                self.stage = Stage::Accepted;
                None
            }
            Authentication::Cleartext => {
                let Some(password) = &self.password else {
                    return Some(DialStep::Refused(Refusal::NoPassword));
                };
                frontend::put_password(out, password.expose());
                None
            }
            Authentication::Md5 { salt } => {
                let _ = (salt, &self.user);
                Some(unsupported("md5"))
            }
            Authentication::Sasl(_) | Authentication::SaslContinue(_) | Authentication::SaslFinal(_) => {
                Some(unsupported("scram-sha-256"))
            }
            Authentication::KerberosV5 => Some(unsupported("Kerberos V5")),
            Authentication::ScmCredential => Some(unsupported("Unix socket credentials")),
            Authentication::Gss | Authentication::GssContinue(_) => Some(unsupported("GSSAPI")),
            Authentication::Sspi => Some(unsupported("SSPI")),
            Authentication::Unknown { code, .. } => Some(unsupported(&format!("number {code}"))),
        }
    }
}

fn misbehaved(what: &dyn core::fmt::Display) -> DialStep {
    let fault = Fault::new("the server broke the protocol while logging in", Whose::Node, Retry::No);
    DialStep::Refused(Refusal::Fault(fault.because(what.to_string())))
}

fn unsupported(method: &str) -> DialStep {
    let fault = Fault::new("the server asks for an unsupported authentication", Whose::Operator, Retry::No);
    DialStep::Refused(Refusal::Fault(fault.because(method.to_owned())))
}
