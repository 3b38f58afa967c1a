/// A table whose places are used again, with keys that outlive their values: a key of a value that is gone finds
/// nothing, even when its place has a new value. Event loops need that, because the kernel and other threads may
/// still speak of a connection that was closed a moment ago.
///
/// It grows by chunks that stay where they are: thousands of values are never copied at once, and there is no room for
/// twice as many.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    /// All full but the last one.
    chunks: Vec<Vec<Place<T>>>,
    free: Vec<u32>,
}

/// Values of one chunk.
const CHUNK: usize = 32;

/// Names a value in a [`Slab`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    index: u32,
    generation: u32,
}

#[derive(Debug)]
struct Place<T> {
    generation: u32,
    value: Option<T>,
}

/// Generations wrap here, so that a key fits in [`Key::bits`] with five bits to spare.
const GENERATIONS: u32 = 1 << 27;

impl Key {
    /// The key in the lower 59 bits of a word.
    pub(crate) fn bits(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    /// The key that [`Key::bits`] gave.
    pub(crate) fn from_bits(bits: u64) -> Key {
        Key { index: bits as u32, generation: (bits >> 32) as u32 % GENERATIONS }
    }
}

impl<T> Slab<T> {
    /// Bytes that each value takes.
    #[cfg(test)]
    pub(crate) const PLACE_BYTES: usize = size_of::<Place<T>>();
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Slab { chunks: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    pub(crate) fn insert(&mut self, value: T) -> Key {
        self.insert_with(|_| value)
    }

    /// Inserts a value that is made with its key.
    pub(crate) fn insert_with(&mut self, make: impl FnOnce(Key) -> T) -> Key {
        if let Some(index) = self.free.pop()
            && let Some(place) = self.place_mut(index)
        {
            let key = Key { index, generation: place.generation };
            place.value = Some(make(key));
            return key;
        }
        // Each value has a descriptor, of which there are far fewer than 2^32.
        let key = Key { index: self.places() as u32, generation: 0 };
        let place = Place { generation: 0, value: Some(make(key)) };
        match self.chunks.last_mut().filter(|last| last.len() < CHUNK) {
            Some(last) => last.push(place),
            None => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(place);
                self.chunks.push(chunk);
            }
        }
        key
    }

    /// Places there are, those included that are free.
    fn places(&self) -> usize {
        self.chunks.last().map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.len())
    }

    fn place(&self, index: u32) -> Option<&Place<T>> {
        self.chunks.get(index as usize / CHUNK)?.get(index as usize % CHUNK)
    }

    fn place_mut(&mut self, index: u32) -> Option<&mut Place<T>> {
        self.chunks.get_mut(index as usize / CHUNK)?.get_mut(index as usize % CHUNK)
    }

    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        let place = self.place(key.index)?;
        if place.generation == key.generation { place.value.as_ref() } else { None }
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let place = self.place_mut(key.index)?;
        if place.generation == key.generation { place.value.as_mut() } else { None }
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let place = self.place_mut(key.index)?;
        if place.generation != key.generation {
            return None;
        }
        let value = place.value.take()?;
        place.generation = (place.generation + 1) % GENERATIONS;
        self.free.push(key.index);
        Some(value)
    }

    pub(crate) fn len(&self) -> usize {
        self.places() - self.free.len()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> {
        self.chunks.iter().flatten().enumerate().filter_map(|(index, place)| {
            place.value.as_ref()?;
            Some(Key { index: index as u32, generation: place.generation })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{CHUNK, Key, Slab};

    #[test]
    fn an_old_key_finds_nothing_in_a_place_that_is_used_again() {
        let mut slab = Slab::default();
        let old = slab.insert('a');
        assert_eq!(slab.remove(old), Some('a'));
        let new = slab.insert('b');
        assert_eq!(slab.remove(old), None);
        assert_eq!((slab.get(old), slab.get(new)), (None, Some(&'b')));
        assert_eq!(Key::from_bits(new.bits() | 31 << 59), new, "five bits are to spare");
        assert_eq!((slab.len(), slab.keys().collect::<Vec<_>>()), (1, vec![new]));
    }

    #[test]
    fn keys_find_their_values_in_all_chunks() {
        let mut slab = Slab::default();
        let keys: Vec<Key> = (0..3 * CHUNK + 1).map(|number| slab.insert(number)).collect();
        assert_eq!(slab.len(), keys.len());
        assert!(keys.iter().enumerate().all(|(number, key)| slab.get(*key) == Some(&number)));
        assert_eq!(slab.keys().collect::<Vec<_>>(), keys);
        let gone = keys[CHUNK];
        assert_eq!(slab.remove(gone), Some(CHUNK));
        let again = slab.insert_with(|key| key.index as usize);
        assert_eq!((slab.get(again), again.index), (Some(&CHUNK), gone.index));
        assert_eq!((slab.get(gone), slab.len()), (None, keys.len()));
        for (number, key) in keys.iter().enumerate().filter(|(_, key)| **key != gone) {
            assert_eq!(slab.remove(*key), Some(number));
        }
        assert_eq!((slab.len(), slab.keys().collect::<Vec<_>>()), (1, vec![again]));
    }
}
