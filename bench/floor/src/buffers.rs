//! Receive buffers that the kernel takes from a ring and that are given back when they have been sent.

#![allow(unsafe_code, reason = "the kernel reads and writes this memory behind the compiler's back")]

use core::sync::atomic::{AtomicU16, Ordering};
use std::io;

use io_uring::IoUring;
use io_uring::types::BufRingEntry;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};

/// The one group of buffers of a ring.
pub(crate) const GROUP: u16 = 0;

/// Buffers of one size. They live as long as the process.
pub(crate) struct Buffers {
    ring: *mut BufRingEntry,
    memory: *mut u8,
    count: u16,
    bytes: u32,
    tail: u16,
    /// Buffers that the kernel can fill.
    spare: u16,
}

impl Buffers {
    /// `count`, a power of two, buffers of `bytes` bytes, all of them the kernel's.
    pub(crate) fn register(uring: &IoUring, count: u16, bytes: u32) -> io::Result<Self> {
        let ring = map(usize::from(count) * size_of::<BufRingEntry>())?.cast::<BufRingEntry>();
        let memory = map(usize::from(count) * bytes as usize)?;
        // SAFETY: the memory is page-aligned, of the size that `count` says, and never freed.
        unsafe { uring.submitter().register_buf_ring_with_flags(ring as u64, count, GROUP, 0)? };
        let mut new = Buffers { ring, memory, count, bytes, tail: 0, spare: 0 };
        for number in 0..count {
            new.give_back(number);
        }
        Ok(new)
    }

    /// Where a buffer begins.
    pub(crate) fn start(&self, number: u16) -> *const u8 {
        debug_assert!(number < self.count);
        // SAFETY: the kernel names only buffers that it was given.
        unsafe { self.memory.add(usize::from(number) * self.bytes as usize) }
    }

    /// The first bytes of a buffer that the kernel has filled.
    pub(crate) fn bytes(&self, number: u16, count: u32) -> &[u8] {
        debug_assert!(count <= self.bytes);
        // SAFETY: the kernel has filled so many bytes of it, and leaves it alone until it is given back.
        unsafe { core::slice::from_raw_parts(self.start(number), count as usize) }
    }

    /// Buffers that the kernel can fill.
    pub(crate) fn spare(&self) -> u16 {
        self.spare
    }

    /// The kernel has filled one.
    pub(crate) fn taken(&mut self) {
        self.spare -= 1;
    }

    /// Lets the kernel fill a buffer again.
    pub(crate) fn give_back(&mut self, number: u16) {
        self.spare += 1;
        let at = usize::from(self.tail & (self.count - 1));
        let start = self.start(number) as u64;
        // SAFETY: `at` is within the ring, the entry is not the kernel's before the tail moves past it, and the tail is
        // written only here.
        unsafe {
            let entry = &mut *self.ring.add(at);
            entry.set_addr(start);
            entry.set_len(self.bytes);
            entry.set_bid(number);
            self.tail = self.tail.wrapping_add(1);
            let tail = BufRingEntry::tail(self.ring).cast::<AtomicU16>();
            (*tail).store(self.tail, Ordering::Release);
        }
    }
}

fn map(bytes: usize) -> io::Result<*mut u8> {
    // SAFETY: a new mapping at an address of the kernel's choice touches nothing that exists.
    let start = unsafe {
        mmap_anonymous(core::ptr::null_mut(), bytes, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)?
    };
    Ok(start.cast())
}
