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
        let mut gathered = Gathered { hasher: self.0, bytes: [0; GATHERED_BYTES], filled: 0 };
        for part in parts {
            gathered.add(&part.len().to_le_bytes());
            gathered.add(part);
        }
        gathered.flush();
        Fingerprint(gathered.hasher.finish128().as_u128())
    }
}

/// Short pieces on their way into a hash: each write to it costs more than the hashing of a short piece.
struct Gathered {
    hasher: SipHasher13,
    bytes: [u8; GATHERED_BYTES],
    filled: usize,
}

/// The parts of most names fit.
const GATHERED_BYTES: usize = 256;

impl Gathered {
    fn add(&mut self, piece: &[u8]) {
        if let Some(room) = self.bytes.get_mut(self.filled..self.filled + piece.len()) {
            room.copy_from_slice(piece);
            self.filled += piece.len();
            return;
        }
        self.flush();
        self.hasher.write(piece);
    }

    fn flush(&mut self) {
        self.hasher.write(self.bytes.get(..self.filled).unwrap_or_default());
        self.filled = 0;
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

    /// However the parts are gathered, the name is that of the bytes in order.
    #[test]
    fn parts_of_any_length_are_named_alike() {
        let key = FingerprintKey::new([7; 16]);
        for lengths in [[0, 1, 2], [100, 100, 100], [240, 8, 1], [248, 0, 0], [249, 1, 300], [3, 1000, 3]] {
            let parts = lengths.map(|length| vec![b'x'; length]);
            let mut whole = Vec::new();
            for part in &parts {
                whole.extend(part.len().to_le_bytes());
                whole.extend(part);
            }
            assert_eq!(key.of_parts(parts.iter().map(Vec::as_slice)), key.fingerprint(&whole), "{lengths:?}");
        }
    }
}
