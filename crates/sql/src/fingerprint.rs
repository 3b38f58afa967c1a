use core::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher13};

/// A short name of a normal text: SipHash-1-3 with 128 bits of result.
///
/// Statements are told apart by it alone, without a look at the stored text. That is sound because SipHash is
/// a pseudo-random function: who does not know the key, which never leaves the process, finds two texts with
/// the same fingerprint only by about 2^64 tries, each of them a statement sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub u128);

/// The secret that fingerprints depend on: drawn once per process.
#[derive(Clone, Copy, Default)]
pub struct FingerprintKey(SipHasher13);

impl FingerprintKey {
    /// Takes 16 random bytes.
    pub fn new(random: [u8; 16]) -> Self {
        FingerprintKey(SipHasher13::new_with_key(&random))
    }

    /// The name of `normal`, which [`normalise`](crate::normalise) made.
    pub fn fingerprint(&self, normal: &[u8]) -> Fingerprint {
        let mut hasher = self.0;
        hasher.write(normal);
        Fingerprint(hasher.finish128().as_u128())
    }

    /// The name of several texts in order: where one ends and the next begins counts too.
    pub fn of_parts<'a>(&self, parts: impl IntoIterator<Item = &'a [u8]>) -> Fingerprint {
        let mut hasher = self.0;
        for part in parts {
            hasher.write(&part.len().to_le_bytes());
            hasher.write(part);
        }
        Fingerprint(hasher.finish128().as_u128())
    }
}

impl core::fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("*****")
    }
}

#[cfg(test)]
mod tests {
    use super::FingerprintKey;

    #[test]
    fn depends_on_text_and_key() {
        let key = FingerprintKey::new([7; 16]);
        assert_eq!(key.fingerprint(b"select 1"), key.fingerprint(b"select 1"));
        assert_ne!(key.fingerprint(b"select 1"), key.fingerprint(b"select $1"));
        assert_ne!(key.fingerprint(b"select 1"), FingerprintKey::new([8; 16]).fingerprint(b"select 1"));
    }

    #[test]
    fn parts_are_told_apart() {
        let key = FingerprintKey::new([7; 16]);
        let of = |parts: &[&'static [u8]]| key.of_parts(parts.iter().copied());
        assert_eq!(of(&[b"ab", b"c"]), of(&[b"ab", b"c"]));
        assert_ne!(of(&[b"ab", b"c"]), of(&[b"a", b"bc"]));
        assert_ne!(of(&[b"ab"]), of(&[b"ab", b""]));
    }
}
