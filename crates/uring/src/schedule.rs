#![allow(unsafe_code, reason = "system calls that no crate wraps")]

use core::time::Duration;
use std::io;

use libc::sched_attr;

/// Asks the kernel to give the calling thread the processor in slices of this length, where it shares one with others.
/// Its priority stays as it is, and so does its part of the processor.
///
/// The scheduler takes who has to be finished first, and a longer slice has to be finished later (EEVDF, Linux 6.12).
/// So a thread that wakes up lets those finish that run for a short time, and then finds more to do at once. Kernels
/// before that ignore the length. A thread that does not share processors by time (a real-time one) is left as it is.
///
/// # Errors
/// When the kernel, or a container, forbids it.
pub fn ask_for_slice(slice: Duration) -> io::Result<()> {
    let mut attributes = of_this_thread()?;
    if !matches!(attributes.sched_policy as i32, libc::SCHED_OTHER | libc::SCHED_BATCH) {
        return Ok(());
    }
    attributes.sched_runtime = u64::try_from(slice.as_nanos()).unwrap_or(u64::MAX);
    // SAFETY: the kernel reads as many bytes of the attributes as they say that they have.
    let done = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn of_this_thread() -> io::Result<sched_attr> {
    let length = size_of::<sched_attr>() as u32;
    // SAFETY: these are numbers, all of which may be zero.
    let mut attributes: sched_attr = unsafe { core::mem::zeroed() };
    // SAFETY: the kernel writes `length` bytes at most, which is what there is.
    let done = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, length, 0) };
    if done == 0 { Ok(attributes) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::thread;

    use super::{ask_for_slice, of_this_thread};

    #[test]
    fn a_slice_is_what_was_asked_for_and_nothing_else_changes() {
        let thread = thread::spawn(|| {
            // SAFETY: it takes numbers.
            assert_eq!(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 3) }, 0);
            let before = of_this_thread().expect("attributes");
            ask_for_slice(Duration::from_millis(5)).expect("a longer slice needs no rights");
            let after = of_this_thread().expect("attributes");
            // A kernel that knows no slices says that they are 0.
            let expected = if before.sched_runtime == 0 { 0 } else { 5_000_000 };
            assert_eq!(after.sched_runtime, expected);
            assert_eq!((after.sched_policy, after.sched_nice), (before.sched_policy, 3));
        });
        thread.join().expect("the thread");
    }
}
