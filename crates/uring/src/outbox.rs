#![allow(unsafe_code, reason = "the kernel is told of memory that it reads")]

use std::io::IoSlice;
use std::os::fd::{AsFd, AsRawFd, RawFd};

use io_uring::opcode;
use io_uring::squeue::{Entry, Flags};
use io_uring::types::Fd;

use crate::buffers::Buffers;
use crate::completion::Completion;
use crate::socket::Socket;

/// What is to be sent at the end of a turn: one write for each stream, however often it was written to.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Kept from turn to turn with their memory; the first `used` have something to send.
    slots: Vec<Slot>,
    used: usize,
    /// Bytes that are in no receive buffer.
    copied: Vec<u8>,
    /// Counts turns, so that a ticket of another one is told apart.
    turn: u32,
}

/// Where a stream's bytes of this turn are collected. A default one is of no turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticket {
    turn: u32,
    slot: u32,
}

/// When a stream's bytes are sent, among those of all streams of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// Before those of the others.
    First,
    /// Behind those that are sent first.
    Last,
}

#[derive(Debug)]
struct Slot {
    name: u64,
    rank: Rank,
    fd: RawFd,
    bytes: usize,
    parts: Vec<Part>,
    vectors: Vec<Vector>,
    header: Header,
}

#[derive(Clone, Copy, Debug)]
enum Part {
    /// From a receive buffer, which is held: where it begins in their memory.
    Lent { buffer: u16, from: usize, length: usize },
    /// From `copied`.
    Copied { from: usize, length: usize },
}

/// A part as the kernel wants it.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
struct Vector(libc::iovec);

#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
struct Header(libc::msghdr);

// SAFETY: addresses for the kernel. They are written just before they are used, and never followed here.
unsafe impl Send for Vector {}
// SAFETY: as above.
unsafe impl Send for Header {}

/// Parts that are copied rather than kept in their receive buffer, so that the kernel has it back at once.
const FEW_BYTES: usize = 1024;

/// Parts of one write; what comes behind them is copied, into one more. The kernel takes 1,024.
const PARTS: usize = 512;

/// Memory for copied bytes that is kept from turn to turn.
const KEPT_BYTES: usize = 256 * 1024;

/// A send that takes what there is room for and never waits. Without `MSG_WAITALL` a short one would count as a
/// success, of which nothing is reported.
const SEND: i32 = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT | libc::MSG_WAITALL;

impl Outbox {
    pub(crate) fn new() -> Self {
        Outbox { turn: 1, ..Outbox::default() }
    }

    /// True when the ticket is of this turn.
    pub(crate) fn is_open(&self, ticket: Ticket) -> bool {
        ticket.turn == self.turn
    }

    /// Puts bytes behind those that the stream has here already.
    pub(crate) fn put(
        &mut self,
        socket: &Socket,
        (name, rank): (u64, Rank),
        ticket: &mut Ticket,
        parts: &[IoSlice<'_>],
        buffers: &mut Buffers,
    ) {
        if !self.is_open(*ticket) {
            *ticket = Ticket { turn: self.turn, slot: self.used as u32 };
            self.open(socket, name, rank);
        }
        let Some(slot) = self.slots.get_mut(ticket.slot as usize) else { return };
        for part in parts {
            slot.bytes += part.len();
            let worth_it = part.len() > FEW_BYTES && slot.parts.len() < PARTS;
            match buffers.memory().find(part).filter(|_| worth_it) {
                Some((buffer, from)) => {
                    buffers.hold(buffer);
                    slot.parts.push(Part::Lent { buffer, from, length: part.len() });
                }
                None => slot.copy(part, &mut self.copied),
            }
        }
    }

    fn open(&mut self, socket: &Socket, name: u64, rank: Rank) {
        let fd = socket.as_fd().as_raw_fd();
        match self.slots.get_mut(self.used) {
            Some(slot) => {
                slot.name = name;
                slot.rank = rank;
                slot.fd = fd;
            }
            None => self.slots.push(Slot::new(name, rank, fd)),
        }
        self.used += 1;
    }

    /// Takes back what a stream has here, in order.
    pub(crate) fn take_back(&mut self, ticket: &mut Ticket, buffers: &mut Buffers) -> Vec<u8> {
        let ticket = core::mem::take(ticket);
        if !self.is_open(ticket) {
            return Vec::new();
        }
        let Some(slot) = self.slots.get_mut(ticket.slot as usize) else { return Vec::new() };
        let bytes = slot.rest(0, &self.copied, buffers);
        slot.clear(buffers);
        bytes
    }

    /// The request of a slot, if it has something to send. It is to be submitted before the slot changes.
    pub(crate) fn request(&mut self, number: usize, buffers: &Buffers) -> Option<Entry> {
        let slot = self.slots.get_mut(number).filter(|slot| number < self.used && slot.bytes > 0)?;
        let (copied, memory) = (&self.copied, buffers.memory().start());
        let address = |part: &Part| match *part {
            Part::Lent { from, .. } => memory + from,
            Part::Copied { from, .. } => copied.as_ptr() as usize + from,
        };
        let fd = Fd(slot.fd);
        let entry = match slot.parts.as_slice() {
            [one] => {
                opcode::Send::new(fd, address(one) as *const u8, one.length() as u32).flags(SEND).build()
            }
            several => {
                slot.vectors.clear();
                let vector =
                    |part| Vector(libc::iovec { iov_base: address(part) as _, iov_len: part.length() });
                slot.vectors.extend(several.iter().map(vector));
                slot.header.0.msg_iov = slot.vectors.as_mut_ptr().cast();
                slot.header.0.msg_iovlen = slot.vectors.len() as _;
                opcode::SendMsg::new(fd, &raw const slot.header.0).flags(SEND as u32).build()
            }
        };
        Some(entry.flags(Flags::SKIP_SUCCESS))
    }

    pub(crate) fn used(&self) -> usize {
        self.used
    }

    pub(crate) fn has_rank(&self, number: usize, rank: Rank) -> bool {
        self.slots.get(number).is_some_and(|slot| slot.rank == rank)
    }

    /// A slot was not sent whole: what the kernel said of it.
    pub(crate) fn unsent(&mut self, number: usize, result: i32, buffers: &Buffers) -> Option<Completion> {
        let slot = self.slots.get(number).filter(|_| number < self.used)?;
        let sent = usize::try_from(result).unwrap_or(0);
        if sent >= slot.bytes {
            return None;
        }
        let broken = result < 0 && result != -libc::EAGAIN && result != -libc::EINTR;
        let rest = if broken { Vec::new() } else { slot.rest(sent, &self.copied, buffers) };
        Some(Completion::Unsent { name: slot.name, rest, broken })
    }

    /// Everything was submitted: the turn is over.
    pub(crate) fn next_turn(&mut self, buffers: &mut Buffers) {
        if self.used > 0 {
            self.slots.iter_mut().take(self.used).for_each(|slot| slot.clear(buffers));
            self.used = 0;
            self.copied.clear();
            self.copied.shrink_to(KEPT_BYTES);
        }
        self.turn = self.turn.wrapping_add(1).max(1);
    }
}

impl Slot {
    fn new(name: u64, rank: Rank, fd: RawFd) -> Self {
        // SAFETY: a message header of zeros has no name, no parts and no control data.
        let header = Header(unsafe { core::mem::zeroed() });
        Slot { name, rank, fd, bytes: 0, parts: Vec::new(), vectors: Vec::new(), header }
    }

    fn copy(&mut self, part: &[u8], copied: &mut Vec<u8>) {
        let from = copied.len();
        copied.extend_from_slice(part);
        match self.parts.last_mut() {
            Some(Part::Copied { from: before, length }) if *before + *length == from => *length += part.len(),
            Some(Part::Copied { .. } | Part::Lent { .. }) | None => {
                self.parts.push(Part::Copied { from, length: part.len() });
            }
        }
    }

    /// The bytes behind the first `skip`.
    fn rest(&self, skip: usize, copied: &[u8], buffers: &Buffers) -> Vec<u8> {
        let (mut skip, mut rest) = (skip, Vec::new());
        for part in &self.parts {
            let bytes = match *part {
                Part::Copied { from, length } => copied.get(from..from + length).unwrap_or_default(),
                Part::Lent { from, length, .. } => {
                    // SAFETY: the part was a slice of this memory, and its buffer has been held since: the kernel
                    // does not write there.
                    unsafe {
                        core::slice::from_raw_parts((buffers.memory().start() + from) as *const u8, length)
                    }
                }
            };
            let done = skip.min(bytes.len());
            skip -= done;
            rest.extend_from_slice(bytes.get(done..).unwrap_or_default());
        }
        rest
    }

    fn clear(&mut self, buffers: &mut Buffers) {
        for part in self.parts.drain(..) {
            match part {
                Part::Lent { buffer, .. } => buffers.let_go(buffer),
                Part::Copied { .. } => {}
            }
        }
        self.bytes = 0;
    }
}

impl Part {
    fn length(&self) -> usize {
        match self {
            Part::Lent { length, .. } | Part::Copied { length, .. } => *length,
        }
    }
}
