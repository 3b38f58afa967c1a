/// A table whose places are used again, with keys that outlive their values: a key of a value that is gone finds
/// nothing, even when its place has a new value. Event loops need that, because the kernel and other threads may
/// still speak of a connection that was closed a moment ago.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
}

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
        Slab { places: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    pub(crate) fn insert(&mut self, value: T) -> Key {
        self.insert_with(|_| value)
    }

    /// Inserts a value that is made with its key.
    pub(crate) fn insert_with(&mut self, make: impl FnOnce(Key) -> T) -> Key {
        if let Some(index) = self.free.pop()
            && let Some(place) = self.places.get_mut(index as usize)
        {
            let key = Key { index, generation: place.generation };
            place.value = Some(make(key));
            return key;
        }
        // Each value has a descriptor, of which there are far fewer than 2^32.
        let key = Key { index: self.places.len() as u32, generation: 0 };
        self.places.push(Place { generation: 0, value: Some(make(key)) });
        key
    }

    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        let place = self.places.get(key.index as usize)?;
        if place.generation == key.generation { place.value.as_ref() } else { None }
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let place = self.places.get_mut(key.index as usize)?;
        if place.generation == key.generation { place.value.as_mut() } else { None }
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let place = self.places.get_mut(key.index as usize)?;
        if place.generation != key.generation {
            return None;
        }
        let value = place.value.take()?;
        place.generation = (place.generation + 1) % GENERATIONS;
        self.free.push(key.index);
        Some(value)
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> {
        self.places.iter().enumerate().filter_map(|(index, place)| {
            place.value.as_ref()?;
            Some(Key { index: index as u32, generation: place.generation })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, Slab};

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
}
