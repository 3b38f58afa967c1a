use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::SCRAM_ITERATIONS;
use crate::AuthError;

/// The server's first message, read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ServerFirst<'a> {
    /// Both sides' nonce.
    pub(super) nonce: &'a str,
    /// The user's salt.
    pub(super) salt: Vec<u8>,
    /// The user's iterations, 1 to [`SCRAM_ITERATIONS`].
    pub(super) iterations: u32,
}

impl<'a> ServerFirst<'a> {
    /// Reads `r=NONCE,s=SALT,i=ITERATIONS`. Extensions are refused, as libpq does.
    pub(super) fn parse(text: &'a str, our_nonce: &str) -> Result<Self, AuthError> {
        let mut parts = text.split(',');
        let mut part = |name: &str| parts.next().and_then(|part| part.strip_prefix(name));
        let nonce = part("r=").ok_or(AuthError::Malformed("no nonce"))?;
        let salt = part("s=").ok_or(AuthError::Malformed("no salt"))?;
        let iterations = part("i=").ok_or(AuthError::Malformed("no iterations"))?;
        if parts.next().is_some() {
            return Err(AuthError::Malformed("more than nonce, salt and iterations"));
        }
        if nonce.len() <= our_nonce.len() || !nonce.starts_with(our_nonce) {
            return Err(AuthError::Malformed("its nonce does not go on from ours"));
        }
        if !nonce.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(AuthError::Malformed("a nonce with unprintable characters"));
        }
        let salt = BASE64.decode(salt).map_err(|_| AuthError::Malformed("its salt is not base64"))?;
        if salt.is_empty() {
            return Err(AuthError::Malformed("an empty salt"));
        }
        Ok(ServerFirst { nonce, salt, iterations: parse_iterations(iterations)? })
    }
}

fn parse_iterations(digits: &str) -> Result<u32, AuthError> {
    let malformed = AuthError::Malformed("its iterations are not a positive number");
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(malformed);
    }
    // Digits alone: what does not fit is too many.
    let asked = digits.parse().unwrap_or(u64::MAX);
    match u32::try_from(asked) {
        Ok(0) => Err(malformed),
        Ok(n) if n <= SCRAM_ITERATIONS => Ok(n),
        Ok(_) | Err(_) => Err(AuthError::TooManyIterations { asked }),
    }
}

#[cfg(test)]
mod tests {
    use super::{AuthError, SCRAM_ITERATIONS, ServerFirst};

    #[test]
    fn what_is_accepted_and_what_is_not() {
        let malformed = |what| Err(AuthError::Malformed(what));
        let cases = [
            ("r=abcXYZ,s=c2FsdA==,i=4096", Ok(4096)),
            ("r=abcX,s=c2FsdA==,i=1", Ok(1)),
            ("r=abcX,s=c2FsdA==,i=1000000", Ok(SCRAM_ITERATIONS)),
            ("r=abcX,s=c2FsdA==,i=1000001", Err(AuthError::TooManyIterations { asked: 1_000_001 })),
            ("r=abcX,s=c2FsdA==,i=4294967297", Err(AuthError::TooManyIterations { asked: 4_294_967_297 })),
            (
                "r=abcX,s=c2FsdA==,i=99999999999999999999999",
                Err(AuthError::TooManyIterations { asked: u64::MAX }),
            ),
            ("r=abcX,s=c2FsdA==,i=0", malformed("its iterations are not a positive number")),
            ("r=abcX,s=c2FsdA==,i=-1", malformed("its iterations are not a positive number")),
            ("r=abcX,s=c2FsdA==,i=+1", malformed("its iterations are not a positive number")),
            ("r=abcX,s=c2FsdA==,i=", malformed("its iterations are not a positive number")),
            ("r=abcX,s=c2FsdA==,i=4096,x=y", malformed("more than nonce, salt and iterations")),
            ("m=x,r=abcX,s=c2FsdA==,i=4096", malformed("no nonce")),
            ("r=abcX,i=4096,s=c2FsdA==", malformed("no salt")),
            ("r=abcX,s=c2FsdA==", malformed("no iterations")),
            ("", malformed("no nonce")),
            ("r=abc,s=c2FsdA==,i=4096", malformed("its nonce does not go on from ours")),
            ("r=abX,s=c2FsdA==,i=4096", malformed("its nonce does not go on from ours")),
            ("r=abc X,s=c2FsdA==,i=4096", malformed("a nonce with unprintable characters")),
            ("r=abcX,s=?,i=4096", malformed("its salt is not base64")),
            ("r=abcX,s=,i=4096", malformed("an empty salt")),
        ];
        for (text, expected) in cases {
            assert_eq!(ServerFirst::parse(text, "abc").map(|first| first.iterations), expected, "{text}");
        }
    }
}
