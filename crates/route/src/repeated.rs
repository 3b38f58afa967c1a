//! Texts that come again and again, letter by letter: what drivers prepare, and what has no literals.

use core::hash::Hasher;
use std::sync::Arc;

use foldhash::SharedSeed;
use foldhash::fast::FoldHasher;
use pgherd_sql::Text;

/// A memory of whole texts, in front of that of normal texts: a text that is found here is not looked into at all.
///
/// Each text has one place, by its hash. It is kept when it comes for the second time while its place remembers the
/// first, so that texts which never come again leave nothing here but a number.
#[derive(Debug)]
pub(crate) struct Repeated {
    seed: SharedSeed,
    places: Box<[Place]>,
}

#[derive(Debug, Default)]
struct Place {
    /// The hash of the text that came here last, other than the one that is kept.
    seen: u64,
    kept: Option<Kept>,
}

#[derive(Debug)]
struct Kept {
    hash: u64,
    text: Box<[u8]>,
    read: Arc<Text>,
}

/// Where a text can be kept that has come before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    at: usize,
    hash: u64,
}

/// What is known of a text.
#[derive(Debug)]
pub(crate) enum Found {
    /// What it is.
    Known(Arc<Text>),
    /// It has come before, and is worth keeping.
    Seen(Seat),
    /// It has not, as far as is known, or it is too long.
    New,
}

/// Texts that are kept, per event loop.
const PLACES: usize = 256;

/// Bytes of a text that may be kept.
const TEXT_BYTES: usize = 2 * 1024;

impl Repeated {
    /// `random` keeps clients from aiming at each other's places.
    pub(crate) fn new(random: [u8; 16]) -> Self {
        let (half, _) = random.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
        Repeated {
            seed: SharedSeed::from_u64(u64::from_le_bytes(*half)),
            places: (0..PLACES).map(|_| Place::default()).collect(),
        }
    }

    pub(crate) fn find(&mut self, text: &[u8]) -> Found {
        if text.len() > TEXT_BYTES {
            return Found::New;
        }
        let mut hasher = FoldHasher::with_seed(SEED, &self.seed);
        hasher.write(text);
        let hash = hasher.finish();
        let at = usize::try_from(hash % PLACES as u64).unwrap_or(0);
        let Some(place) = self.places.get_mut(at) else { return Found::New };
        match &place.kept {
            Some(kept) if kept.hash == hash && *kept.text == *text => Found::Known(Arc::clone(&kept.read)),
            Some(_) | None if place.seen == hash => Found::Seen(Seat { at, hash }),
            Some(_) | None => {
                place.seen = hash;
                Found::New
            }
        }
    }

    /// Keeps what a text is that was found to have come before.
    pub(crate) fn keep(&mut self, seat: Seat, text: &[u8], read: &Arc<Text>) {
        if let Some(place) = self.places.get_mut(seat.at) {
            place.kept = Some(Kept { hash: seat.hash, text: text.into(), read: Arc::clone(read) });
        }
    }
}

const SEED: u64 = 0;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pgherd_sql::Text;

    use super::{Found, PLACES, Repeated, TEXT_BYTES};

    fn come(memory: &mut Repeated, text: &[u8]) -> bool {
        match memory.find(text) {
            Found::Known(_) => true,
            Found::Seen(seat) => {
                memory.keep(seat, text, &Arc::new(Text::Empty));
                false
            }
            Found::New => false,
        }
    }

    #[test]
    fn what_comes_again_is_known_from_the_third_time_on() {
        let mut memory = Repeated::new([7; 16]);
        let known = [0; 4].map(|_| come(&mut memory, b"SELECT 1"));
        assert_eq!(known, [false, false, true, true]);
        assert!(!come(&mut memory, b"SELECT 2"), "another text");
    }

    /// A flood of texts that never come again drives nothing out that does.
    #[test]
    fn what_never_comes_again_takes_no_place() {
        let mut memory = Repeated::new([7; 16]);
        for _ in 0..3 {
            come(&mut memory, b"SELECT 1");
        }
        for i in 0..100 * PLACES {
            assert!(!come(&mut memory, format!("SELECT {i} + 2").as_bytes()));
        }
        assert!(come(&mut memory, b"SELECT 1"));
    }

    #[test]
    fn long_texts_are_not_kept() {
        let mut memory = Repeated::new([7; 16]);
        let long = vec![b'x'; TEXT_BYTES + 1];
        assert_eq!([0; 4].map(|_| come(&mut memory, &long)), [false; 4]);
    }
}
