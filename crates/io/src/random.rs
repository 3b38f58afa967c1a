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

/// Bytes that nobody can guess, drawn for many at once: clients come in thousands, and each gets a key.
#[derive(Debug)]
pub(crate) struct Secrets<const N: usize> {
    drawn: Box<[[u8; N]; DRAWN_AT_ONCE]>,
    left: usize,
}

const DRAWN_AT_ONCE: usize = 32;

impl<const N: usize> Secrets<N> {
    pub(crate) fn new() -> Self {
        Secrets { drawn: Box::new([[0; N]; DRAWN_AT_ONCE]), left: 0 }
    }

    /// The next one. It is not kept.
    ///
    /// # Errors
    /// When the system has none.
    pub(crate) fn next(&mut self) -> io::Result<[u8; N]> {
        if self.left == 0 {
            fill(self.drawn.as_flattened_mut())?;
            self.left = DRAWN_AT_ONCE;
        }
        self.left -= 1;
        let next = self.drawn.get_mut(self.left).map(|next| core::mem::replace(next, [0; N]));
        next.ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

/// Bytes that nobody can guess.
///
/// # Errors
/// When the system has none.
pub fn secret<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

fn fill(bytes: &mut [u8]) -> io::Result<()> {
    let mut have = 0;
    while have < bytes.len() {
        have += getrandom(bytes.get_mut(have..).unwrap_or_default(), GetRandomFlags::empty())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{DRAWN_AT_ONCE, Secrets};

    #[test]
    fn no_secret_is_given_twice() {
        let mut secrets = Secrets::<16>::new();
        let given: HashSet<[u8; 16]> =
            (0..3 * DRAWN_AT_ONCE).map(|_| secrets.next().expect("the system has random bytes")).collect();
        assert_eq!(given.len(), 3 * DRAWN_AT_ONCE);
        assert!(!given.contains(&[0; 16]));
    }
}
