#![allow(unsafe_code, reason = "the kernel is told of descriptors and memory that must outlive a request")]

use core::fmt;
use core::num::NonZeroU64;
use core::time::Duration;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use io_uring::squeue::Entry;
use io_uring::types::{CancelBuilder, Fd, SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode};

use crate::buffers::{Buffers, GROUP};
use crate::completion::{Completion, End};
use crate::memory::{Filled, Memory};
use crate::outbox::{Outbox, Rank, Ticket};
use crate::socket::{Graves, Socket};

/// A ring: what an event loop tells the kernel, and what it hears from it.
pub struct Ring {
    uring: IoUring,
    /// Always there, until the ring is dropped.
    buffers: Option<Buffers>,
    outbox: Outbox,
    graves: Arc<Graves>,
    /// Sockets that are closed once all requests are submitted.
    buried: Vec<OwnedFd>,
    /// Requests that the kernel has not finished: receives, and those that wait for readiness.
    under_way: usize,
}

/// What a watch waits for. Failures and the end of a stream are always reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Only what is always reported. Once.
    End,
    /// There is something to read, each time that something comes.
    Readable,
    /// There is something to read or room to write, each time.
    Both,
    /// There is something to read, or there was already. Once.
    ReadableOnce,
    /// There is room to write, each time that some comes. It is never waited for once: a stream whose peer has closed
    /// its side has something to report all the time.
    Writable,
}

/// What a request is, in the lowest bits of the word that the kernel carries for us; above them is a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    /// One whose own completion says nothing.
    Other = 0,
    Receive = 1,
    Watch = 2,
    Send = 3,
}

/// Bits of a name: two less than a word has.
const NAME_BITS: u32 = 62;

/// Requests that are submitted at once. They are written in turn to all of these places, 64 bytes each: few of them
/// stay in the processor's nearest cache.
const ENTRIES: u32 = 128;

/// Completions that the kernel keeps before it has to allocate, which it does when thousands of clients come at once.
const COMPLETIONS: u32 = 1024;

/// How often in a row the kernel may take nothing.
const TRIES: usize = 1000;

/// How often it is waited for the end of a request that was cancelled, a second each time.
const LAST_WAITS: usize = 5;

impl Ring {
    /// A ring that takes requests, and submits none until it is [enabled](Ring::enable).
    ///
    /// # Errors
    /// When the kernel is too old, does not allow it, or has no memory.
    pub fn new() -> io::Result<Self> {
        let uring = IoUring::builder()
            .setup_r_disabled()
            .setup_single_issuer()
            .setup_coop_taskrun()
            .setup_defer_taskrun()
            .setup_submit_all()
            .setup_cqsize(COMPLETIONS)
            .build(ENTRIES)?;
        let known = uring.params();
        if !(known.is_feature_ext_arg()
            && known.is_feature_skip_cqe_on_success()
            && known.is_feature_nodrop())
        {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let buffers = Some(Buffers::register(&uring)?);
        Ok(Ring {
            uring,
            buffers,
            outbox: Outbox::new(),
            graves: Arc::default(),
            buried: Vec::new(),
            under_way: 0,
        })
    }

    /// From now on the calling thread, and no other, uses the ring.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn enable(&self) -> io::Result<()> {
        self.uring.submitter().register_enable_rings()
    }

    /// The memory of the receive buffers.
    pub fn memory(&self) -> Arc<Memory> {
        Arc::clone(self.buffers_ref().memory())
    }

    /// Receive buffers that the kernel can fill.
    pub fn spare_buffers(&self) -> usize {
        self.buffers_ref().spare()
    }

    /// Gives a buffer back.
    pub fn give_back(&mut self, bytes: Filled) {
        if bytes.memory == self.buffers_ref().memory().start() {
            self.buffers().let_go(bytes.buffer);
        }
    }

    /// The socket may be named to this ring from now on.
    pub fn adopt(&mut self, socket: &mut Socket) {
        socket.belong(Some(Arc::clone(&self.graves)));
    }

    /// The ring forgets a socket that goes elsewhere: it is not received from, not watched, and nothing of it is to be
    /// sent.
    pub fn release(&mut self, socket: &mut Socket) {
        (socket.receive, socket.watch) = (None, None);
        socket.belong(None);
    }

    /// Receives from a stream until that ends: [`Completion::Received`], [`Completion::Ended`]. It must not be received
    /// from already.
    pub fn receive(&mut self, socket: &mut Socket, name: u64) {
        let word = word(Request::Receive, name);
        socket.receive = NonZeroU64::new(word);
        let fd = Fd(socket.as_fd().as_raw_fd());
        self.push(&opcode::RecvMulti::new(fd, GROUP).build().user_data(word));
        self.under_way += 1;
    }

    /// Asks for the end of a stream's receiving, which is there with [`End::Stopped`], or what came before.
    pub fn stop(&mut self, socket: &Socket) {
        if let Some(word) = socket.receive {
            self.cancel(word.get());
        }
    }

    /// As [`Ring::stop`], and waits for it. What came meanwhile is added to `into`.
    ///
    /// # Errors
    /// When the kernel fails, or does not end what it should.
    pub fn stop_now(&mut self, socket: &Socket, into: &mut VecDeque<Completion>) -> io::Result<()> {
        let Some(word) = socket.receive.map(NonZeroU64::get) else { return Ok(()) };
        let name = word >> (u64::BITS - NAME_BITS);
        let is_over = |all: &VecDeque<Completion>| all.iter().any(|one| one.ends() == Some(name));
        if is_over(into) {
            return Ok(());
        }
        self.cancel(word);
        for _ in 0..LAST_WAITS {
            self.enter(Some(Duration::from_secs(1)), into)?;
            if is_over(into) {
                return Ok(());
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// Watches a stream.
    pub fn watch(&mut self, socket: &mut Socket, name: u64, interest: Interest) {
        socket.watch = NonZeroU64::new(word(Request::Watch, name));
        self.watch_fd(socket.as_fd(), name, interest);
    }

    /// Ends the watches of a stream.
    pub fn unwatch(&mut self, socket: &mut Socket) {
        if let Some(word) = socket.watch.take() {
            self.cancel(word.get());
        }
    }

    /// Watches a descriptor that stays open until the end of the turn.
    pub fn watch_fd(&mut self, fd: BorrowedFd<'_>, name: u64, interest: Interest) {
        let (mask, each_time) = interest.bits();
        let entry = opcode::PollAdd::new(Fd(fd.as_raw_fd()), mask).multi(each_time).build();
        self.push(&entry.user_data(word(Request::Watch, name)));
        self.under_way += 1;
    }

    /// Ends the watches of a descriptor.
    pub fn unwatch_name(&mut self, name: u64) {
        self.cancel(word(Request::Watch, name));
    }

    /// Sends at the end of the turn, in one write with what else the stream gets in it. The ticket is the stream's: it
    /// tells where that is.
    pub fn send(
        &mut self,
        socket: &Socket,
        name: u64,
        rank: Rank,
        ticket: &mut Ticket,
        parts: &[IoSlice<'_>],
    ) {
        let Ring { outbox, buffers, .. } = self;
        if let Some(buffers) = buffers {
            outbox.put(socket, (name, rank), ticket, parts, buffers);
        }
    }

    /// True when the ticket's stream has something to send at the end of this turn.
    pub fn is_open(&self, ticket: Ticket) -> bool {
        self.outbox.is_open(ticket)
    }

    /// True when the bytes are in a receive buffer.
    pub fn has(&self, bytes: &[u8]) -> bool {
        self.buffers_ref().memory().find(bytes).is_some()
    }

    /// What the stream would send at the end of the turn, which it does not any more.
    pub fn take_back(&mut self, ticket: &mut Ticket) -> Vec<u8> {
        let Ring { outbox, buffers, .. } = self;
        buffers.as_mut().map_or_else(Vec::new, |buffers| outbox.take_back(ticket, buffers))
    }

    /// Ends the turn: submits what was asked for, waits until there is something to say, or not longer than `limit`,
    /// and adds it to `into`.
    ///
    /// # Errors
    /// When the kernel fails; nothing can be done with the ring then.
    pub fn turn(&mut self, limit: Option<Duration>, into: &mut VecDeque<Completion>) -> io::Result<()> {
        self.bury();
        for rank in [Rank::First, Rank::Last] {
            for number in 0..self.outbox.used() {
                if self.outbox.has_rank(number, rank) {
                    self.push_send(number);
                }
            }
        }
        self.enter(limit, into)?;
        self.buried.clear();
        let Ring { outbox, buffers, .. } = self;
        if let Some(buffers) = buffers {
            outbox.next_turn(buffers);
        }
        Ok(())
    }

    fn push_send(&mut self, number: usize) {
        let Ring { outbox, buffers, .. } = self;
        if let Some(entry) = buffers.as_ref().and_then(|buffers| outbox.request(number, buffers)) {
            self.push(&entry.user_data(word(Request::Send, number as u64)));
        }
    }

    /// Ends everything that is under way.
    ///
    /// # Errors
    /// When the kernel fails, or does not end what it should.
    pub fn close(&mut self) -> io::Result<()> {
        let mut rest = VecDeque::new();
        self.push(&opcode::AsyncCancel2::new(CancelBuilder::any()).build().user_data(u64::MAX));
        for _ in 0..LAST_WAITS {
            self.turn(Some(Duration::from_secs(1)), &mut rest)?;
            rest.clear();
            if self.under_way == 0 {
                return Ok(());
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// Cancels what is under way for sockets that were dropped. They are closed when that is submitted.
    fn bury(&mut self) {
        let mut new = Vec::new();
        self.graves.take(&mut new);
        for grave in new {
            grave.requests.into_iter().flatten().for_each(|word| self.cancel(word.get()));
            self.buried.push(grave.fd);
        }
    }

    fn cancel(&mut self, word: u64) {
        let entry = opcode::AsyncCancel2::new(CancelBuilder::user_data(word).all()).build();
        self.push(&entry.user_data(u64::MAX));
    }

    fn push(&mut self, entry: &Entry) {
        for _ in 0..TRIES {
            // SAFETY: a request names a descriptor that is open until it is submitted (sockets are buried, others are
            // the caller's to keep), and memory of the outbox, which does not change before all is submitted. Receives
            // write to the registered buffers, which outlive the ring.
            if unsafe { self.uring.submission().push(entry) }.is_ok() {
                return;
            }
            // The queue is full: what is in it goes first. A failure leaves it full, and is met again.
            let _ = self.uring.submit();
        }
        panic!("the kernel takes no requests");
    }

    /// Submits everything, waits, and adds what there is to `into`. All sends are done after it: they were told not to
    /// wait.
    fn enter(&mut self, limit: Option<Duration>, into: &mut VecDeque<Completion>) -> io::Result<()> {
        let until = limit.map(Timespec::from);
        let mut arguments = SubmitArgs::new();
        if let Some(until) = &until {
            arguments = arguments.timespec(until);
        }
        for _ in 0..TRIES {
            match self.uring.submitter().submit_with_args(1, &arguments) {
                Ok(_) => {}
                Err(error) => match error.raw_os_error() {
                    Some(libc::ETIME | libc::EINTR | libc::EAGAIN | libc::EBUSY) => {}
                    _ => return Err(error),
                },
            }
            let is_all = self.uring.submission().is_empty();
            self.collect(into);
            if is_all {
                return Ok(());
            }
        }
        Err(io::Error::other("the kernel takes no requests"))
    }

    fn collect(&mut self, into: &mut VecDeque<Completion>) {
        let Ring { uring, buffers: Some(buffers), outbox, under_way, .. } = self else { return };
        for entry in uring.completion() {
            let (word, result, flags) = (entry.user_data(), entry.result(), entry.flags());
            let name = word >> (u64::BITS - NAME_BITS);
            let request = Request::of(word);
            let more = cqueue::more(flags);
            if !more && matches!(request, Request::Receive | Request::Watch) {
                *under_way = under_way.saturating_sub(1);
            }
            match request {
                Request::Receive => into.push_back(received(name, result, flags, buffers)),
                Request::Watch if result >= 0 => {
                    into.push_back(Completion::Ready { name, mask: result.unsigned_abs(), more });
                }
                // Nobody waits for it any more.
                Request::Watch | Request::Other => {}
                // What could not be sent has to be known before anything else is sent.
                Request::Send => {
                    if let Some(unsent) = outbox.unsent(name as usize, result, buffers) {
                        into.push_front(unsent);
                    }
                }
            }
        }
    }

    fn buffers(&mut self) -> &mut Buffers {
        self.buffers.as_mut().expect("only `drop` takes them")
    }

    fn buffers_ref(&self) -> &Buffers {
        self.buffers.as_ref().expect("only `drop` takes them")
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring").field("under_way", &self.under_way).finish_non_exhaustive()
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // A ring ends behind the back of who drops it, and may write until then.
        if self.under_way > 0
            && let Some(buffers) = self.buffers.take()
        {
            buffers.leak();
        }
    }
}

impl Interest {
    /// The bits of `poll(2)`, and whether it is reported more than once.
    fn bits(self) -> (u32, bool) {
        let (read, write, end) = (libc::POLLIN as u32, libc::POLLOUT as u32, libc::POLLRDHUP as u32);
        match self {
            Interest::End => (end, false),
            Interest::Readable => (read | end, true),
            Interest::Both => (read | write | end, true),
            Interest::ReadableOnce => (read | end, false),
            Interest::Writable => (write, true),
        }
    }
}

impl Request {
    fn of(word: u64) -> Self {
        match word & 3 {
            0 => Request::Other,
            1 => Request::Receive,
            2 => Request::Watch,
            _ => Request::Send,
        }
    }
}

/// What a request is called in the kernel.
fn word(request: Request, name: u64) -> u64 {
    debug_assert!(name < 1 << NAME_BITS);
    name << (u64::BITS - NAME_BITS) | request as u64
}

fn received(name: u64, result: i32, flags: u32, buffers: &mut Buffers) -> Completion {
    let count = u32::try_from(result).unwrap_or(0);
    let filled = cqueue::buffer_select(flags).and_then(|buffer| buffers.taken(buffer, count));
    match (filled, count) {
        (Some(bytes), 1..) => return Completion::Received { name, bytes, more: cqueue::more(flags) },
        (Some(nothing), 0) => buffers.let_go(nothing.buffer),
        (None, _) => {}
    }
    let why = match -result {
        0 => End::Closed,
        libc::ENOBUFS => End::NoBuffers,
        libc::ECANCELED | libc::EINTR | libc::EAGAIN => End::Stopped,
        _ => End::Failed,
    };
    Completion::Ended { name, why }
}
