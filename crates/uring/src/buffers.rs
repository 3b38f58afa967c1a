#![allow(unsafe_code, reason = "the kernel is told of memory that it may write to")]

use core::sync::atomic::{AtomicU16, Ordering};
use std::io;
use std::sync::Arc;

use io_uring::IoUring;
use io_uring::types::BufRingEntry;

use crate::memory::{BUFFER_BYTES, COUNT, Filled, Mapping, Memory};

/// The one group of buffers that a ring has.
pub(crate) const GROUP: u16 = 0;

/// Who has which buffer: the kernel, or so many holders here.
#[derive(Debug)]
pub(crate) struct Buffers {
    memory: Arc<Memory>,
    /// The list from which the kernel takes.
    list: Mapping,
    tail: u16,
    /// How many hold each: its [`Filled`], and each send from it. With 0 it is the kernel's.
    holders: [u16; COUNT as usize],
    /// Buffers that are the kernel's.
    spare: usize,
}

impl Buffers {
    /// All of them the kernel's.
    pub(crate) fn register(uring: &IoUring) -> io::Result<Self> {
        let list = Mapping::new(usize::from(COUNT) * size_of::<BufRingEntry>())?;
        // SAFETY: the list is page-aligned, has room for so many entries, and outlives the ring: see the ring's `Drop`.
        unsafe { uring.submitter().register_buf_ring_with_flags(list.start() as u64, COUNT, GROUP, 0)? };
        let memory = Arc::new(Memory::new()?);
        let mut new = Buffers { memory, list, tail: 0, holders: [0; COUNT as usize], spare: 0 };
        (0..COUNT).for_each(|buffer| new.offer(buffer));
        Ok(new)
    }

    pub(crate) fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    pub(crate) fn spare(&self) -> usize {
        self.spare
    }

    /// The kernel has filled one.
    pub(crate) fn taken(&mut self, buffer: u16, count: u32) -> Option<Filled> {
        let holders = self.holders.get_mut(usize::from(buffer)).filter(|holders| **holders == 0)?;
        *holders = 1;
        self.spare -= 1;
        let count = count.min(BUFFER_BYTES as u32);
        Some(Filled { buffer, count, memory: self.memory.start() })
    }

    /// One more holds a buffer that somebody holds.
    pub(crate) fn hold(&mut self, buffer: u16) {
        let holders = &mut self.holders[usize::from(buffer)];
        assert!(*holders > 0, "a slice of it is at hand, so somebody holds it");
        *holders += 1;
    }

    /// One holds it no more. The last one's goes back to the kernel.
    pub(crate) fn let_go(&mut self, buffer: u16) {
        let holders = &mut self.holders[usize::from(buffer)];
        *holders = holders.checked_sub(1).expect("who lets go has held");
        if *holders == 0 {
            self.offer(buffer);
        }
    }

    /// Lets the kernel fill a buffer.
    fn offer(&mut self, buffer: u16) {
        self.spare += 1;
        let list = self.list.pointer().cast::<BufRingEntry>();
        let address = self.memory.start() + usize::from(buffer) * BUFFER_BYTES;
        // SAFETY: the place is within the list, and not the kernel's before the tail has moved past it; the tail is
        // written only here. The buffer has no holder, and is handed out again only when the kernel has returned it.
        unsafe {
            let entry = &mut *list.as_ptr().add(usize::from(self.tail % COUNT));
            entry.set_addr(address as u64);
            entry.set_len(BUFFER_BYTES as u32);
            entry.set_bid(buffer);
            self.tail = self.tail.wrapping_add(1);
            let tail = BufRingEntry::tail(list.as_ptr()).cast::<AtomicU16>();
            (*tail).store(self.tail, Ordering::Release);
        }
    }

    /// Keeps the memory for as long as the process lives: the kernel may still write to it.
    pub(crate) fn leak(self) {
        core::mem::forget(self);
    }
}
