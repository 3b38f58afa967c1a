use core::hash::Hash;
use std::collections::HashSet;
use std::sync::Arc;

use crate::limits;

/// Values of which many are equal, as the identities of clients are: equal ones share their memory, as long as somebody
/// has one.
#[derive(Debug)]
pub struct Alike<T> {
    known: HashSet<Arc<T>>,
    /// With so many known, those that nobody has any more are looked for.
    look_at: usize,
}

/// Values that are too few to look for those that nobody has any more.
const FEW: usize = 16;

impl<T> Default for Alike<T> {
    fn default() -> Self {
        Alike { known: HashSet::new(), look_at: FEW }
    }
}

impl<T: Eq + Hash> Alike<T> {
    /// The value, shared with all that are equal to it. Where [`limits::ALIKE`] are known, a new one is its own.
    pub fn share(&mut self, value: Arc<T>) -> Arc<T> {
        if let Some(known) = self.known.get(&value) {
            return Arc::clone(known);
        }
        if self.known.len() >= self.look_at {
            self.known.retain(|known| Arc::strong_count(known) > 1);
            self.look_at = (2 * self.known.len()).clamp(FEW, limits::ALIKE);
        }
        if self.known.len() < self.look_at {
            self.known.insert(Arc::clone(&value));
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Alike, FEW, limits};

    #[test]
    fn equal_ones_are_one_and_others_are_not() {
        let mut all = Alike::default();
        let (first, second) = (all.share(Arc::new(1)), all.share(Arc::new(1)));
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(*all.share(Arc::new(2)), 2);
    }

    #[test]
    fn those_that_nobody_has_are_forgotten_in_time() {
        let mut all = Alike::default();
        let kept = all.share(Arc::new(0));
        for number in 1..100 * FEW {
            let _gone = all.share(Arc::new(number));
            assert!(all.known.len() <= 2 * FEW, "{}", all.known.len());
        }
        assert!(Arc::ptr_eq(&kept, &all.share(Arc::new(0))), "one that somebody has is still known");
    }

    #[test]
    fn there_is_a_limit_to_what_is_known() {
        let mut all = Alike::default();
        let held: Vec<_> = (0..2 * limits::ALIKE).map(|number| all.share(Arc::new(number))).collect();
        assert_eq!(all.known.len(), limits::ALIKE);
        assert!(held.iter().enumerate().all(|(number, one)| **one == number));
        assert_eq!(held.last().map(Arc::strong_count), Some(1), "the last one is its own");
    }
}
