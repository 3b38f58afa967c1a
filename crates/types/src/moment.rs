use core::time::Duration;

/// A point in time, in milliseconds since the process started. The clock is read by the io crate only, once
/// per turn of an event loop; everything else is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl Moment {
    /// The moment `after` from here; saturates at the end of time.
    #[must_use]
    pub fn plus(self, after: Duration) -> Self {
        Moment(self.0.saturating_add(u64::try_from(after.as_millis()).unwrap_or(u64::MAX)))
    }

    /// The time since `earlier`, zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Moment) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}
