use core::num::NonZeroU64;
use core::sync::atomic::{AtomicBool, Ordering};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

/// A socket that a ring may be told of. When it is dropped, its descriptor stays open until the ring has submitted all
/// that was said of it, so that no request reaches another socket with the same number; what the ring still does with
/// it is cancelled then.
#[derive(Debug)]
pub struct Socket {
    /// Always there, until it is dropped.
    fd: Option<OwnedFd>,
    graves: Option<Arc<Graves>>,
    /// The request that receives: its word, which is never 0.
    pub(crate) receive: Option<NonZeroU64>,
    /// The requests that wait for readiness.
    pub(crate) watch: Option<NonZeroU64>,
}

/// Sockets that were dropped, until the ring has closed them.
#[derive(Debug, Default)]
pub(crate) struct Graves {
    any: AtomicBool,
    all: Mutex<Vec<Grave>>,
}

#[derive(Debug)]
pub(crate) struct Grave {
    pub(crate) fd: OwnedFd,
    /// The requests to cancel.
    pub(crate) requests: [Option<NonZeroU64>; 2],
}

impl Socket {
    /// A socket that no ring knows of.
    pub fn new(fd: OwnedFd) -> Self {
        Socket { fd: Some(fd), graves: None, receive: None, watch: None }
    }

    pub(crate) fn belong(&mut self, graves: Option<Arc<Graves>>) {
        self.graves = graves;
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_ref().expect("only `drop` takes it").as_fd()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let (Some(fd), Some(graves)) = (self.fd.take(), &self.graves) {
            graves.push(Grave { fd, requests: [self.receive, self.watch] });
        }
    }
}

impl Graves {
    fn push(&self, grave: Grave) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).push(grave);
        self.any.store(true, Ordering::Release);
    }

    /// Moves those that were dropped since to `into`. Costs a look when there are none.
    pub(crate) fn take(&self, into: &mut Vec<Grave>) {
        if self.any.load(Ordering::Acquire) {
            self.any.store(false, Ordering::Release);
            into.append(&mut self.all.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}
