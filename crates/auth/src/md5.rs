//! PostgreSQL's md5 method: `md5` and the digits of `md5(digits of md5(password user), salt)`.

use md5::{Digest, Md5};
use pgherd_types::Secret;

/// The digits of `md5(password user)`, as `pg_authid` and `pool_passwd` keep them.
pub(crate) fn stored(password: &[u8], user: &[u8]) -> Secret {
    digits(&[password, user])
}

/// What answers a server's salt.
pub(crate) fn answer(stored: &Secret, salt: [u8; 4]) -> Secret {
    let inner = digits(&[stored.expose(), &salt]);
    Secret::new([b"md5", inner.expose()].concat())
}

fn digits(parts: &[&[u8]]) -> Secret {
    let mut hash = Md5::new();
    parts.iter().for_each(|part| hash.update(part));
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).map_or(b'0', |digit| digit as u8);
    Secret::new(
        hash.finalize().iter().flat_map(|&byte| [digit(byte >> 4), digit(byte & 15)]).collect::<Vec<_>>(),
    )
}

#[cfg(test)]
mod tests {
    use super::{answer, stored};

    #[test]
    fn the_password_comes_before_the_user_and_the_salt_last() {
        // printf '%s' secretalice | md5sum
        let hash = stored(b"secret", b"alice");
        assert_eq!(hash.expose(), b"4a0a68b43b6cd5cf266fa02f196e2371");
        // printf '%s\001\002\003\004' THOSE-DIGITS | md5sum
        assert_eq!(answer(&hash, [1, 2, 3, 4]).expose(), b"md598a0412b9c31436fc53776e863350083");
    }
}
