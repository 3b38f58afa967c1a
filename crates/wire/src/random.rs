//! A small seeded generator for tests: the same seed gives the same test.

/// SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// Up to `most` items.
    pub(crate) fn list<T>(&mut self, most: usize, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| item(self)).collect()
    }

    /// Bytes of any value.
    pub(crate) fn bytes(&mut self, most: usize) -> Vec<u8> {
        self.list(most, |r| r.next() as u8)
    }

    /// Bytes without NUL.
    pub(crate) fn text(&mut self, most: usize) -> Vec<u8> {
        self.list(most, |r| r.below(255) as u8 + 1)
    }

    /// A value or NULL.
    pub(crate) fn value(&mut self) -> Option<Vec<u8>> {
        (self.below(4) > 0).then(|| self.bytes(20))
    }

    /// Changes a byte, drops some, or repeats some.
    pub(crate) fn damage(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len() + 1);
        match self.below(4) {
            0 => bytes.truncate(at),
            1 => bytes.extend_from_within(at..),
            2 => bytes.insert(at, self.next() as u8),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = [0, 1, 0x7f, 0x80, 0xff, self.next() as u8][self.below(6)];
                }
            }
        }
    }
}

/// Writes the length word that the bytes of a message should have.
pub(crate) fn mend_length(message: &mut [u8]) {
    let length = message.len().saturating_sub(1) as u32;
    if let Some(word) = message.get_mut(1..5) {
        word.copy_from_slice(&length.to_be_bytes());
    }
}
