use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::event::{EventfdFlags, eventfd};

/// Letters to an event loop, from any thread. The bell is a descriptor that the loop watches (edge-triggered, so that
/// it need not be read); it is rung for the first of several letters only.
#[derive(Debug)]
pub(crate) struct Mailbox<T> {
    letters: Mutex<Vec<T>>,
    rung: AtomicBool,
    bell: OwnedFd,
}

impl<T> Mailbox<T> {
    pub(crate) fn new() -> io::Result<Self> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Mailbox { letters: Mutex::new(Vec::new()), rung: AtomicBool::new(false), bell })
    }

    /// The descriptor to watch.
    pub(crate) fn bell(&self) -> &OwnedFd {
        &self.bell
    }

    /// Puts a letter in.
    pub(crate) fn send(&self, letter: T) {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner).push(letter);
        if !self.rung.swap(true, Ordering::AcqRel) {
            // The counter overflows after 2^64 rings only; no other error is possible on our own descriptor.
            let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
        }
    }

    /// Takes all letters, into a list whose memory is used again.
    pub(crate) fn take(&self, into: &mut Vec<T>) {
        // First the flag, then the letters: who writes in between rings again.
        self.rung.store(false, Ordering::Release);
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        into.append(&mut letters);
    }
}
