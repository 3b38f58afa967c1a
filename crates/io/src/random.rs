use std::io;

use rustix::rand::{GetRandomFlags, getrandom};

/// Random numbers of a loop: a fast generator for balancing, seeded by the system, and the system itself for secrets.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// A generator with a seed of its own.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub(crate) fn from_system() -> io::Result<Self> {
        Ok(Random(u64::from_ne_bytes(secret()?)))
    }

    /// The next number (SplitMix64). Not for secrets.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// Bytes that nobody can guess.
///
/// # Errors
/// When the system has none.
pub fn secret<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    let mut have = 0;
    while have < N {
        have += getrandom(bytes.get_mut(have..).unwrap_or_default(), GetRandomFlags::empty())?;
    }
    Ok(bytes)
}
