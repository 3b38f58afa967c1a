#![allow(unsafe_code, reason = "the kernel writes to this memory behind the compiler's back")]

use core::ptr::NonNull;
use std::io;

/// Receive buffers of a ring: 1 MiB in all. The kernel takes them in turn, so all of them pass through the processor's
/// caches: more of them make everything slower.
pub(crate) const COUNT: u16 = 64;

/// Bytes of a receive buffer.
pub(crate) const BUFFER_BYTES: usize = 16 * 1024;

/// The receive buffers of a [`Ring`](crate::Ring). What is in one can be read with the [`Filled`] that came with it.
#[derive(Debug)]
pub struct Memory {
    mapping: Mapping,
}

/// A buffer that the kernel has filled. Until it is [given back](crate::Ring::give_back), the kernel leaves it alone.
#[derive(Debug)]
pub struct Filled {
    /// Which one.
    pub(crate) buffer: u16,
    /// Bytes in it.
    pub(crate) count: u32,
    /// Where its memory begins, so that another ring's is told apart.
    pub(crate) memory: usize,
}

/// Anonymous memory of this process, zeroed, page-aligned.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: a mapping is memory of the process, not of a thread, and is reached through the rules of its owner only.
unsafe impl Send for Mapping {}
// SAFETY: as above; a shared mapping gives nothing but its address.
unsafe impl Sync for Mapping {}

impl Memory {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Memory { mapping: Mapping::new(usize::from(COUNT) * BUFFER_BYTES)? })
    }

    /// What the kernel has put there.
    ///
    /// # Panics
    /// When the buffer is another ring's.
    pub fn bytes<'a>(&'a self, filled: &'a Filled) -> &'a [u8] {
        assert_eq!(filled.memory, self.start(), "a buffer is read in the memory of its own ring");
        let from = usize::from(filled.buffer) * BUFFER_BYTES;
        // SAFETY: the ring makes a `Filled` only for a buffer of this memory, with a count that the kernel has written
        // and that is within the buffer. As long as it is borrowed it has not been given back, so nobody writes there.
        unsafe { core::slice::from_raw_parts(self.mapping.start.as_ptr().add(from), filled.count as usize) }
    }

    /// The address of the first buffer.
    pub(crate) fn start(&self) -> usize {
        self.mapping.start()
    }

    /// Which buffer a slice lies in, and where in this memory it begins. A slice that lies here was borrowed from a
    /// [`Filled`], so its buffer is not the kernel's.
    pub(crate) fn find(&self, part: &[u8]) -> Option<(u16, usize)> {
        let from = (part.as_ptr() as usize).checked_sub(self.start())?;
        if part.is_empty() || from >= self.mapping.bytes {
            return None;
        }
        Some(((from / BUFFER_BYTES) as u16, from))
    }
}

impl Mapping {
    pub(crate) fn new(bytes: usize) -> io::Result<Self> {
        let (protection, flags) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping at an address of the kernel's choice touches nothing that exists.
        let start = unsafe { libc::mmap(core::ptr::null_mut(), bytes, protection, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Mapping { start, bytes })
    }

    pub(crate) fn start(&self) -> usize {
        self.start.as_ptr() as usize
    }

    pub(crate) fn pointer(&self) -> NonNull<u8> {
        self.start
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this size, and whoever owns it says that nobody uses it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}
