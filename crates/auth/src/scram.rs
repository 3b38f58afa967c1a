//! SCRAM-SHA-256, the client's side (RFC 5802, RFC 7677), without channel binding, as libpq speaks it.

mod derive;
mod server_first;

pub use derive::{Derive, Derived};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use pgherd_types::Secret;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::AuthError;
use server_first::ServerFirst;

/// Random bytes behind a nonce, as in PostgreSQL.
pub const NONCE_BYTES: usize = 18;

/// Iterations that a server may ask for. PostgreSQL's default is 4096; a million costs a helper thread about a second,
/// and a hostile server could ask for four billion.
pub const SCRAM_ITERATIONS: u32 = 1_000_000;

/// Bytes of a server's message that are looked at.
const MESSAGE_BYTES: usize = 2048;

/// The name of the mechanism.
pub(crate) const MECHANISM: &[u8] = b"SCRAM-SHA-256";

/// No channel binding, and no other identity.
const GS2_HEADER: &str = "n,,";
/// Base64 of [`GS2_HEADER`].
const GS2_HEADER_BASE64: &str = "biws";

pub(crate) type Key = [u8; 32];

/// The client has said its first message and waits for the server's.
#[derive(Debug)]
pub(crate) struct First {
    password: Secret,
    nonce: String,
    bare: String,
}

/// The password is being derived.
#[derive(Debug)]
pub(crate) struct Deriving {
    without_proof: String,
    auth_message: String,
}

/// The client has proved itself and waits for the server to do so.
#[derive(Debug)]
pub(crate) struct Last {
    server_signature: Key,
}

impl First {
    /// Begins; `user` is empty towards PostgreSQL, which takes the startup packet's.
    pub(crate) fn new(password: Secret, user: &str, nonce: &[u8; NONCE_BYTES]) -> Self {
        Self::with_nonce(password, user, BASE64.encode(nonce))
    }

    fn with_nonce(password: Secret, user: &str, nonce: String) -> Self {
        let bare = format!("n={user},r={nonce}");
        First { password, nonce, bare }
    }

    /// The client's first message.
    pub(crate) fn message(&self) -> String {
        format!("{GS2_HEADER}{}", self.bare)
    }

    /// Takes the server's first message.
    pub(crate) fn server_first(self, message: &[u8]) -> Result<(Deriving, Derive), AuthError> {
        let text = text(message)?;
        let first = ServerFirst::parse(text, &self.nonce)?;
        let without_proof = format!("c={GS2_HEADER_BASE64},r={}", first.nonce);
        let auth_message = format!("{},{text},{without_proof}", self.bare);
        let derive = Derive::new(&self.password, first.salt, first.iterations);
        Ok((Deriving { without_proof, auth_message }, derive))
    }
}

impl Deriving {
    /// Takes the derived key and gives the client's last message.
    pub(crate) fn prove(self, derived: &Derived) -> (Last, String) {
        let client_key = hmac(derived.key(), b"Client Key");
        let stored_key: Key = Sha256::digest(client_key).into();
        let client_signature = hmac(&stored_key, self.auth_message.as_bytes());
        let mut proof = client_key;
        proof.iter_mut().zip(client_signature).for_each(|(byte, mask)| *byte ^= mask);
        let server_key = hmac(derived.key(), b"Server Key");
        let server_signature = hmac(&server_key, self.auth_message.as_bytes());
        let message = format!("{},p={}", self.without_proof, BASE64.encode(proof));
        (Last { server_signature }, message)
    }
}

impl Last {
    /// Takes the server's last message.
    pub(crate) fn server_final(&self, message: &[u8]) -> Result<(), AuthError> {
        let text = text(message)?;
        if let Some(error) = text.strip_prefix("e=") {
            return Err(AuthError::Server(error.chars().filter(|c| !c.is_control()).collect()));
        }
        let signature =
            text.strip_prefix("v=").ok_or(AuthError::Malformed("no signature in its last message"))?;
        let signature =
            BASE64.decode(signature).map_err(|_| AuthError::Malformed("its signature is not base64"))?;
        if bool::from(signature.ct_eq(&self.server_signature)) {
            Ok(())
        } else {
            Err(AuthError::WrongServerSignature)
        }
    }

    /// What a server that knows the password sends.
    #[cfg(test)]
    pub(crate) fn signature_for_tests(&self) -> String {
        format!("v={}", BASE64.encode(self.server_signature))
    }
}

fn text(message: &[u8]) -> Result<&str, AuthError> {
    if message.len() > MESSAGE_BYTES {
        return Err(AuthError::Malformed("too long"));
    }
    core::str::from_utf8(message).map_err(|_| AuthError::Malformed("not UTF-8"))
}

fn hmac(key: &[u8], message: &[u8]) -> Key {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests;
