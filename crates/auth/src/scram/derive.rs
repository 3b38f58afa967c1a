use core::fmt;

use pgherd_types::Secret;
use sha2::Sha256;

use super::Key;

/// The expensive step of SCRAM, to be run where it holds nobody up: PBKDF2 with up to
/// [`SCRAM_ITERATIONS`](super::SCRAM_ITERATIONS) rounds, about a millisecond for PostgreSQL's default of 4096.
#[derive(Debug)]
pub struct Derive {
    password: Secret,
    salt: Vec<u8>,
    iterations: u32,
}

/// What [`Derive::run`] found: as good as the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Derived(Secret);

impl Derive {
    pub(super) fn new(password: &Secret, salt: Vec<u8>, iterations: u32) -> Self {
        Derive { password: prepare(password), salt, iterations }
    }

    /// How many rounds it is.
    pub fn iterations(&self) -> u32 {
        self.iterations
    }

    /// Does the work.
    pub fn run(self) -> Derived {
        let mut key: Key = [0; 32];
        pbkdf2::pbkdf2_hmac::<Sha256>(self.password.expose(), &self.salt, self.iterations, &mut key);
        Derived(Secret::new(key))
    }
}

impl Derived {
    pub(super) fn key(&self) -> &[u8] {
        self.0.expose()
    }
}

impl fmt::Debug for Derived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Derived(*****)")
    }
}

/// The password as SCRAM wants it: SASLprep, or the bytes as they are where that refuses them or they are not UTF-8
/// (as PostgreSQL does).
fn prepare(password: &Secret) -> Secret {
    let prepared =
        core::str::from_utf8(password.expose()).ok().and_then(|text| stringprep::saslprep(text).ok());
    match prepared {
        Some(text) => Secret::new(text.as_bytes()),
        None => password.clone(),
    }
}

#[cfg(test)]
mod tests {
    use pgherd_types::Secret;

    use super::prepare;

    #[test]
    fn passwords_are_prepared_as_the_server_prepares_them() {
        let cases: [(&[u8], &[u8]); 5] = [
            (b"pencil", b"pencil"),
            ("I\u{ad}X".as_bytes(), b"IX"),
            ("\u{2168}".as_bytes(), b"IX"),
            ("a\u{7}b".as_bytes(), "a\u{7}b".as_bytes()),
            (b"\xff\xfe", b"\xff\xfe"),
        ];
        for (password, expected) in cases {
            assert_eq!(prepare(&Secret::new(password)).expose(), expected);
        }
    }
}
