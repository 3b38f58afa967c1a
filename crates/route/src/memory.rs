use core::hash::{BuildHasherDefault, Hasher};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use pgherd_sql::Fingerprint;

/// Values by fingerprint, in two generations: when the young one is full, the old one is forgotten and the young
/// one becomes old. What is asked for moves to the young one, so what is in use stays, whatever else passes
/// through.
#[derive(Debug)]
pub(crate) struct Memory<V> {
    young: Generation<V>,
    old: Generation<V>,
    young_bytes: usize,
    /// Bytes of one generation.
    limit: usize,
}

type Generation<V> = HashMap<Fingerprint, Kept<V>, BuildHasherDefault<Taken>>;

/// A value, and the bytes that it has outside of the table.
#[derive(Debug)]
struct Kept<V> {
    value: V,
    outside: usize,
}

impl<V> Memory<V> {
    /// Bytes of one entry in a hash table: key and value, the table's control byte, and the slack that a table
    /// keeps (an eighth at best, more than half right after it has grown).
    pub(crate) const ENTRY_BYTES: usize = 2 * (size_of::<(Fingerprint, Kept<V>)>() + 1);

    /// A memory of at most `bytes`, and one value more.
    pub(crate) fn new(bytes: usize) -> Self {
        Memory { young: Generation::default(), old: Generation::default(), young_bytes: 0, limit: bytes / 2 }
    }

    /// The value of a key, which counts as used by that.
    pub(crate) fn get(&mut self, key: Fingerprint) -> Option<&V> {
        match self.young.entry(key) {
            Entry::Occupied(found) => Some(&found.into_mut().value),
            Entry::Vacant(place) => {
                // The next value that is put finds the generation full, if it is.
                let kept = self.old.remove(&key)?;
                self.young_bytes += Self::ENTRY_BYTES + kept.outside;
                Some(&place.insert(kept).value)
            }
        }
    }

    /// Remembers a value that has `outside` bytes on the heap.
    pub(crate) fn put(&mut self, key: Fingerprint, value: V, outside: usize) {
        let bytes = Self::ENTRY_BYTES + outside;
        if self.young_bytes + bytes > self.limit && !self.young.is_empty() {
            self.old = core::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes += bytes;
        if let Some(before) = self.young.insert(key, Kept { value, outside }) {
            self.young_bytes -= Self::ENTRY_BYTES + before.outside;
        }
    }

    /// Forgets a value.
    pub(crate) fn remove(&mut self, key: Fingerprint) {
        if let Some(kept) = self.young.remove(&key) {
            self.young_bytes -= Self::ENTRY_BYTES + kept.outside;
        }
        self.old.remove(&key);
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
        self.young_bytes = 0;
    }

    /// Changes how much is remembered; it is kept to from the next value on.
    pub(crate) fn resize(&mut self, bytes: usize) {
        self.limit = bytes / 2;
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
    use super::Memory;
    use pgherd_sql::Fingerprint;

    const ENTRIES: usize = 200;
    const OUTSIDE: usize = 100;

    fn key(i: usize) -> Fingerprint {
        Fingerprint((i as u128).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
    }

    fn memory() -> Memory<usize> {
        Memory::new(ENTRIES * (Memory::<usize>::ENTRY_BYTES + OUTSIDE))
    }

    #[test]
    fn never_holds_more_than_two_generations() {
        let mut memory = memory();
        for i in 0..5 * ENTRIES {
            memory.put(key(i), i, OUTSIDE);
            memory.put(key(i), i, OUTSIDE);
            assert!(memory.young.len() + memory.old.len() <= ENTRIES, "after {i}");
        }
        assert_eq!(memory.get(key(0)), None);
        assert_eq!(memory.get(key(5 * ENTRIES - 1)), Some(&(5 * ENTRIES - 1)));
    }

    #[test]
    fn what_is_in_use_stays() {
        let mut memory = memory();
        memory.put(key(0), 7, OUTSIDE);
        for i in 1..10 * ENTRIES {
            memory.put(key(i), i, OUTSIDE);
            if i % (ENTRIES / 4) == 0 {
                assert_eq!(memory.get(key(0)), Some(&7), "after {i}");
            }
        }
    }

    #[test]
    fn what_is_removed_or_cleared_is_gone() {
        let mut memory = memory();
        memory.put(key(1), 1, OUTSIDE);
        memory.put(key(2), 2, OUTSIDE);
        memory.remove(key(1));
        assert_eq!(memory.get(key(1)), None);
        assert_eq!(memory.get(key(2)), Some(&2));
        assert_eq!(memory.young_bytes, Memory::<usize>::ENTRY_BYTES + OUTSIDE);
        memory.clear();
        assert_eq!(memory.get(key(2)), None);
        assert_eq!(memory.young_bytes, 0);
    }

    #[test]
    fn a_value_larger_than_all_is_kept_alone() {
        let mut memory = memory();
        memory.put(key(1), 1, 1_000_000);
        assert_eq!(memory.get(key(1)), Some(&1));
        memory.put(key(2), 2, 1_000_000);
        memory.put(key(3), 3, 1_000_000);
        assert_eq!(memory.get(key(1)), None);
    }
}
