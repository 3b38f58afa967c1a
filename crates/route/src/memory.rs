use core::hash::{BuildHasherDefault, Hasher};
use std::collections::HashMap;

use pgherd_sql::{Class, Fingerprint};

/// Bytes that remembered decisions may take, per event loop.
pub const DECISIONS_BYTES: usize = 1024 * 1024;

/// Bytes of one decision in a hash table: key and class, the table's control byte, and the slack that a table
/// keeps (an eighth at best, more than half right after it has grown).
const DECISION_BYTES: usize = 2 * (size_of::<(Fingerprint, Class)>() + 1);

/// Decisions of one generation.
const GENERATION: usize = DECISIONS_BYTES / DECISION_BYTES / 2;

type Generation = HashMap<Fingerprint, Class, BuildHasherDefault<Taken>>;

/// Remembered decisions in two generations: when the young one is full, the old one is forgotten and the
/// young one becomes old. What is asked for moves to the young one, so a statement in use stays, whatever else
/// passes through.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    young: Generation,
    old: Generation,
}

impl Memory {
    pub(crate) fn get(&mut self, key: Fingerprint) -> Option<Class> {
        if let Some(class) = self.young.get(&key) {
            return Some(*class);
        }
        let class = self.old.remove(&key)?;
        self.put(key, class);
        Some(class)
    }

    pub(crate) fn put(&mut self, key: Fingerprint, class: Class) {
        if self.young.len() >= GENERATION {
            self.old = core::mem::take(&mut self.young);
        }
        self.young.insert(key, class);
    }
}

/// A fingerprint is a hash already: its low half is taken as it is.
#[derive(Debug, Default)]
pub(crate) struct Taken(u64);

impl Hasher for Taken {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
    fn write_u128(&mut self, hash: u128) {
        self.0 = hash as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::{GENERATION, Memory};
    use pgherd_sql::{Class, Fingerprint};

    fn key(i: usize) -> Fingerprint {
        Fingerprint((i as u128).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
    }

    #[test]
    fn never_holds_more_than_two_generations() {
        let mut memory = Memory::default();
        for i in 0..5 * GENERATION {
            memory.put(key(i), Class::Read);
        }
        assert!(memory.young.len() + memory.old.len() <= 2 * GENERATION);
        assert_eq!(memory.get(key(0)), None);
        assert_eq!(memory.get(key(5 * GENERATION - 1)), Some(Class::Read));
    }

    #[test]
    fn what_is_in_use_stays() {
        let mut memory = Memory::default();
        memory.put(key(0), Class::ReadPrimary);
        for i in 1..10 * GENERATION {
            memory.put(key(i), Class::Read);
            if i % (GENERATION / 2) == 0 {
                assert_eq!(memory.get(key(0)), Some(Class::ReadPrimary), "after {i}");
            }
        }
    }
}
