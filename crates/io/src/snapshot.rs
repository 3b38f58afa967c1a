use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A value that is replaced whole. Readers keep a copy of the pointer and compare a number once per turn of
/// their loop, so that reading costs no lock.
#[derive(Debug)]
pub(crate) struct Snapshot<T> {
    generation: AtomicU64,
    value: Mutex<Arc<T>>,
}

/// A reader's copy of a [`Snapshot`].
#[derive(Debug)]
pub(crate) struct Seen<T> {
    generation: u64,
    value: Arc<T>,
}

impl<T> Snapshot<T> {
    pub(crate) fn new(value: Arc<T>) -> Self {
        Snapshot { generation: AtomicU64::new(1), value: Mutex::new(value) }
    }

    /// Replaces the value.
    pub(crate) fn publish(&self, value: Arc<T>) {
        *self.value.lock().unwrap_or_else(PoisonError::into_inner) = value;
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// The value for a reader to keep.
    pub(crate) fn see(&self) -> Seen<T> {
        let generation = self.generation.load(Ordering::Acquire);
        let value = Arc::clone(&self.value.lock().unwrap_or_else(PoisonError::into_inner));
        Seen { generation, value }
    }

    /// Renews a reader's copy. True when there was a new value.
    pub(crate) fn refresh(&self, seen: &mut Seen<T>) -> bool {
        if self.generation.load(Ordering::Acquire) == seen.generation {
            return false;
        }
        *seen = self.see();
        true
    }
}

impl<T> core::ops::Deref for Seen<T> {
    type Target = Arc<T>;

    fn deref(&self) -> &Arc<T> {
        &self.value
    }
}
