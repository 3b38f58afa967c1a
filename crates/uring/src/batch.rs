#![allow(unsafe_code, reason = "the kernel is given addresses of requests, and of what is to be written")]

use core::ffi::{c_long, c_ulong};
use core::ptr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Many writes to sockets by one system call, where io_uring is not used.
///
/// This is Linux' older asynchronous IO, which containers allow that forbid io_uring. For a socket that does not block
/// it is not asynchronous at all: what the kernel takes it has taken when the call returns. What nobody can be written
/// to raises SIGPIPE, which programs in Rust ignore from their start.
#[derive(Debug)]
pub struct Batch {
    context: c_ulong,
    requests: Vec<Request>,
    /// Where each of the requests is.
    addresses: Vec<usize>,
    /// Room for what the kernel says of them.
    outcomes: Vec<Outcome>,
    /// What became of each, as bytes or a negative error number.
    results: Vec<i64>,
}

/// Writes of one call.
const WRITES: usize = 64;

/// `IOCB_CMD_PWRITE`.
const WRITE: u16 = 1;

/// A request, as the kernel reads it: `struct iocb` of `linux/aio_abi.h`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
struct Request {
    number: u64,
    /// Two numbers of 32 bits whose order depends on the machine's; both are 0 here.
    key_and_flags: [u32; 2],
    operation: u16,
    priority: i16,
    fd: u32,
    address: u64,
    length: u64,
    offset: i64,
    reserved: u64,
    flags: u32,
    event_fd: u32,
}

/// What became of one, as the kernel writes it: `struct io_event`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
struct Outcome {
    number: u64,
    request: u64,
    result: i64,
    more: i64,
}

impl Batch {
    /// Room for writes.
    ///
    /// # Errors
    /// When the kernel, or a container, does not have this.
    pub fn new() -> io::Result<Self> {
        let mut context: c_ulong = 0;
        // SAFETY: the kernel writes the number of the context.
        let made = unsafe { libc::syscall(libc::SYS_io_setup, WRITES as c_long, &raw mut context) };
        if made != 0 {
            return Err(io::Error::last_os_error());
        }
        let (requests, addresses) = (Vec::with_capacity(WRITES), Vec::with_capacity(WRITES));
        let (outcomes, results) = (vec![Outcome::default(); WRITES], Vec::with_capacity(WRITES));
        Ok(Batch { context, requests, addresses, outcomes, results })
    }

    /// Writes each of these to its socket, in order, and tells what became of it: the number of bytes that the kernel
    /// took, 0 where it has no room. The sockets must be ones that do not block.
    ///
    /// # Panics
    /// When the kernel does not say what it has done.
    pub fn write<'a, T>(
        &mut self,
        writes: impl IntoIterator<Item = (T, BorrowedFd<'a>, &'a [u8])>,
        mut tell: impl FnMut(T, io::Result<usize>),
    ) {
        let mut writes = writes.into_iter();
        let mut whose = Vec::with_capacity(WRITES);
        loop {
            self.requests.clear();
            for (what, fd, bytes) in writes.by_ref().take(WRITES) {
                self.requests.push(Request {
                    number: whose.len() as u64,
                    operation: WRITE,
                    fd: fd.as_raw_fd().cast_unsigned(),
                    address: bytes.as_ptr().expose_provenance() as u64,
                    length: bytes.len() as u64,
                    ..Request::default()
                });
                whose.push(what);
            }
            if whose.is_empty() {
                return;
            }
            self.run();
            whose.drain(..).zip(&self.results).for_each(|(what, result)| tell(what, count(*result)));
        }
    }

    /// Has the kernel do what is requested.
    fn run(&mut self) {
        self.addresses.clear();
        self.addresses.extend(self.requests.iter().map(|request| ptr::from_ref(request).expose_provenance()));
        self.results.clear();
        self.results.resize(self.requests.len(), i64::from(-libc::EIO));
        let mut done = 0;
        while let Some(rest @ [_, ..]) = self.addresses.get(done..) {
            // SAFETY: each request lies still in `requests`, and names a socket that is open and bytes that are
            // borrowed until `write` returns, which is not before the kernel has said that it is done with them.
            let taken = unsafe {
                libc::syscall(libc::SYS_io_submit, self.context, rest.len() as c_long, rest.as_ptr())
            };
            match usize::try_from(taken) {
                Ok(taken @ 1..) => {
                    self.hear(taken);
                    done += taken;
                }
                // The first of them is not to be had, and keeps no other from its turn.
                Ok(0) | Err(_) => {
                    let error = io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO);
                    if let Some(result) = self.results.get_mut(done) {
                        *result = i64::from(-error);
                    }
                    done += 1;
                }
            }
        }
    }

    /// Takes what the kernel has to say of so many requests.
    fn hear(&mut self, count: usize) {
        let mut left = count;
        while left > 0 {
            let most = left.min(self.outcomes.len()) as c_long;
            let (to, for_ever) = (self.outcomes.as_mut_ptr(), ptr::null::<libc::timespec>());
            // SAFETY: the kernel writes `most` outcomes at the most, and there is room for them.
            let heard =
                unsafe { libc::syscall(libc::SYS_io_getevents, self.context, most, most, to, for_ever) };
            let Ok(heard) = usize::try_from(heard) else {
                let error = io::Error::last_os_error();
                assert!(error.kind() == io::ErrorKind::Interrupted, "writes are not answered: {error}");
                continue;
            };
            for outcome in self.outcomes.iter().take(heard) {
                if let Some(result) = self.results.get_mut(outcome.number as usize) {
                    *result = outcome.result;
                }
            }
            left = left.saturating_sub(heard);
        }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        // SAFETY: the context is this one's alone, and nothing is under way between two calls of `write`.
        unsafe { libc::syscall(libc::SYS_io_destroy, self.context) };
    }
}

/// How many bytes the kernel took, from what it says.
fn count(result: i64) -> io::Result<usize> {
    usize::try_from(result).or_else(|_| {
        let error = io::Error::from_raw_os_error(i32::try_from(-result).unwrap_or(libc::EIO));
        if error.kind() == io::ErrorKind::WouldBlock { Ok(0) } else { Err(error) }
    })
}
