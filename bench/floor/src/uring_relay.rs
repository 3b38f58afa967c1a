//! The relay over io_uring: one system call for each turn, in which everything that the last turn decided is submitted,
//! servers first, and the next completions are waited for.

#![allow(
    unsafe_code,
    reason = "the kernel is told of memory and descriptors that must outlive the operation"
)]

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use io_uring::squeue::{Entry, Flags};
use io_uring::{IoUring, cqueue, opcode, types::Fd};
use rustix::io::Errno;
use rustix::net::{SendFlags, Shutdown};

use crate::buffers::{Buffers, GROUP};
use crate::epoll_relay::{SERVER, SLICE};
use crate::net;

const ENTRIES: u32 = 2048;
const COMPLETIONS: u32 = 16 * 1024;
/// 1 MiB in all. The kernel takes them in turn, so all of them pass through the processor's caches: with 16 MiB, a
/// point read takes a tenth more and 1,000 rows a quarter.
const BUFFERS: u16 = 64;
const BUFFER_BYTES: u32 = 16 * 1024;
const LISTENER: u64 = u64::MAX;
/// `IORING_RECVSEND_POLL_FIRST`: do not try, wait first.
const POLL_FIRST: u16 = 1;

/// How bytes are received. All take their buffer when the bytes are there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Receive {
    /// One request for as long as the connection lives.
    Multishot,
    /// A request for each time, submitted with what the turn has to say anyway.
    Single,
    /// As `Multishot`, and what was received is sent at once by a system call of its own.
    Direct,
}

impl Receive {
    /// By the name on the command line.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "uring" => Some(Receive::Multishot),
            "uring-single" => Some(Receive::Single),
            "uring-direct" => Some(Receive::Direct),
            _ => None,
        }
    }
}

/// A client and its server.
struct Pair {
    ends: [End; 2],
    /// Requests that the kernel has not finished. The sockets live as long as there are any.
    in_flight: u32,
}

struct End {
    socket: OwnedFd,
    /// What is to be sent on it: buffer, offset, end. The first is being sent.
    to_send: VecDeque<(u16, u32, u32)>,
    /// Nothing more comes from it.
    ended: bool,
}

#[derive(Clone, Copy)]
enum Kind {
    Receive,
    Send,
}

struct Relay {
    uring: IoUring,
    buffers: Buffers,
    receive: Receive,
    servers: Vec<String>,
    next_server: usize,
    pairs: Vec<Option<Pair>>,
    free: Vec<usize>,
    /// Ends whose receiving stopped because all buffers were in use.
    starved: VecDeque<(usize, usize)>,
    /// Ends that something is to be sent to when the turn ends.
    to_send: Vec<(usize, usize)>,
    listener: OwnedFd,
}

/// Relays for ever.
pub(crate) fn run(listen: &str, servers: &[&str], receive: Receive) -> io::Result<()> {
    let uring = IoUring::builder()
        .setup_single_issuer()
        .setup_defer_taskrun()
        .setup_coop_taskrun()
        .setup_cqsize(COMPLETIONS)
        .build(ENTRIES)?;
    let buffers = Buffers::register(&uring, BUFFERS, BUFFER_BYTES)?;
    let mut relay = Relay {
        uring,
        buffers,
        receive,
        servers: servers.iter().map(|&server| server.to_owned()).collect(),
        next_server: 0,
        pairs: Vec::new(),
        free: Vec::new(),
        starved: VecDeque::new(),
        to_send: Vec::new(),
        listener: net::listen(listen)?,
    };
    let _ = pgherd_uring::ask_for_slice(SLICE);
    relay.watch_listener();
    let mut done = Vec::new();
    loop {
        match relay.uring.submit_and_wait(1) {
            Ok(_) => {}
            Err(error) if error.raw_os_error() == Some(Errno::INTR.raw_os_error()) => {}
            Err(error) => return Err(error),
        }
        done.extend(relay.uring.completion().map(|entry| (entry.user_data(), entry.result(), entry.flags())));
        for (token, result, flags) in done.drain(..) {
            relay.completed(token, result, flags);
        }
        // Without a buffer that has come back it would only fail again.
        while relay.buffers.spare() > 0
            && let Some((at, side)) = relay.starved.pop_front()
        {
            relay.receive(at, side);
        }
        relay.send_all();
    }
}

impl Relay {
    fn push(&mut self, entry: &Entry) {
        loop {
            // SAFETY: descriptors and buffers of a request are kept until its completion.
            if unsafe { self.uring.submission().push(entry) }.is_ok() {
                return;
            }
            // The ring is full: what is in it goes first.
            let _ = self.uring.submit();
        }
    }

    /// Level-triggered readiness by a poll that is asked for again: clients do not come often.
    fn watch_listener(&mut self) {
        const POLLIN: u32 = 1;
        let fd = Fd(self.listener.as_raw_fd());
        self.push(&opcode::PollAdd::new(fd, POLLIN).build().user_data(LISTENER));
    }

    fn accept(&mut self) {
        while let Some(client) = net::accept(&self.listener) {
            let server = &self.servers[self.next_server % self.servers.len()];
            self.next_server += 1;
            let Ok(server) = net::connect(server) else { continue };
            let at = self.free.pop().unwrap_or_else(|| {
                self.pairs.push(None);
                self.pairs.len() - 1
            });
            let ends = [client, server].map(|socket| End { socket, to_send: VecDeque::new(), ended: false });
            self.pairs[at] = Some(Pair { ends, in_flight: 0 });
            self.receive(at, 0);
            self.receive(at, 1);
        }
        self.watch_listener();
    }

    fn receive(&mut self, at: usize, side: usize) {
        let Some(Some(pair)) = self.pairs.get_mut(at) else { return };
        pair.in_flight += 1;
        let fd = Fd(pair.ends[side].socket.as_raw_fd());
        let entry = match self.receive {
            Receive::Multishot | Receive::Direct => opcode::RecvMulti::new(fd, GROUP).build(),
            Receive::Single => opcode::Recv::new(fd, core::ptr::null_mut(), 0)
                .buf_group(GROUP)
                .ioprio(POLL_FIRST)
                .build()
                .flags(Flags::BUFFER_SELECT),
        };
        self.push(&entry.user_data(token(Kind::Receive, at, side)));
    }

    /// Sends what the turn has for each end, to servers first.
    fn send_all(&mut self) {
        let mut to_send = core::mem::take(&mut self.to_send);
        to_send.sort_by_key(|&(_, side)| side != SERVER);
        to_send.drain(..).for_each(|(at, side)| self.send(at, side));
        self.to_send = to_send;
    }

    fn send(&mut self, at: usize, side: usize) {
        let Some(Some(pair)) = self.pairs.get_mut(at) else { return };
        let Some(&(buffer, from, to)) = pair.ends[side].to_send.front() else { return };
        pair.in_flight += 1;
        let fd = Fd(pair.ends[side].socket.as_raw_fd());
        let start = self.buffers.start(buffer).wrapping_add(from as usize);
        const MSG_NOSIGNAL: i32 = 0x4000;
        let entry = opcode::Send::new(fd, start, to - from).flags(MSG_NOSIGNAL).build();
        self.push(&entry.user_data(token(Kind::Send, at, side)));
    }

    fn completed(&mut self, token: u64, result: i32, flags: u32) {
        if token == LISTENER {
            return self.accept();
        }
        let (kind, at, side) = parts(token);
        let more = cqueue::more(flags);
        if let Some(Some(pair)) = self.pairs.get_mut(at)
            && !more
        {
            pair.in_flight -= 1;
        }
        match kind {
            Kind::Receive => self.received(at, side, result, flags, more),
            Kind::Send => self.sent(at, side, result),
        }
        self.bury(at);
    }

    fn received(&mut self, at: usize, side: usize, result: i32, flags: u32, more: bool) {
        let Some(Some(pair)) = self.pairs.get_mut(at) else { return };
        let buffer = cqueue::buffer_select(flags);
        if buffer.is_some() {
            self.buffers.taken();
        }
        if let (Some(buffer), 1..) = (buffer, result) {
            self.pass_on(at, 1 - side, buffer, result.unsigned_abs());
            // A single request comes again only when the peer has taken this one: that is its back-pressure. The
            // others' is that buffers run out.
            if !more && self.receive != Receive::Single {
                self.receive(at, side);
            }
            return;
        }
        if let Some(buffer) = buffer {
            self.buffers.give_back(buffer);
        }
        if result == -Errno::NOBUFS.raw_os_error() {
            return self.starved.push_back((at, side));
        }
        pair.ends[side].ended = true;
        pair.pass_on_the_end(1 - side);
    }

    /// Sends what a buffer holds, behind what is being sent already.
    fn pass_on(&mut self, at: usize, side: usize, buffer: u16, count: u32) {
        let Some(Some(pair)) = self.pairs.get_mut(at) else { return };
        let end = &mut pair.ends[side];
        let mut from = 0;
        if self.receive == Receive::Direct && end.to_send.is_empty() {
            // A failure is found out by the request that tries again.
            from = rustix::net::send(&end.socket, self.buffers.bytes(buffer, count), SendFlags::NOSIGNAL)
                .map_or(0, |sent| sent as u32);
            if from == count {
                return self.buffers.give_back(buffer);
            }
        }
        end.to_send.push_back((buffer, from, count));
        if end.to_send.len() == 1 {
            self.to_send.push((at, side));
        }
    }

    fn sent(&mut self, at: usize, side: usize, result: i32) {
        let Some(Some(pair)) = self.pairs.get_mut(at) else { return };
        let Some(first) = pair.ends[side].to_send.front_mut() else { return };
        let taken = u32::try_from(result).unwrap_or(0);
        first.1 += taken;
        if taken > 0 && first.1 < first.2 {
            return self.send(at, side);
        }
        self.buffers.give_back(first.0);
        pair.ends[side].to_send.pop_front();
        if taken == 0 {
            // The peer is gone: the reading sides find out.
            let _ = rustix::net::shutdown(&pair.ends[side].socket, Shutdown::Both);
        }
        pair.pass_on_the_end(side);
        let source_ended = pair.ends[1 - side].ended;
        self.send(at, side);
        if self.receive == Receive::Single && !source_ended {
            self.receive(at, 1 - side);
        }
    }

    /// Frees a pair when both sides have ended and the kernel is done with it.
    fn bury(&mut self, at: usize) {
        let Some(Some(pair)) = self.pairs.get(at) else { return };
        if pair.in_flight > 0 || !pair.ends.iter().all(|end| end.ended) {
            return;
        }
        if let Some(pair) = self.pairs[at].take() {
            for (buffer, ..) in pair.ends.into_iter().flat_map(|end| end.to_send) {
                self.buffers.give_back(buffer);
            }
        }
        self.free.push(at);
    }
}

impl Pair {
    /// Ends the side `to` when nothing more will be sent on it.
    fn pass_on_the_end(&mut self, to: usize) {
        if self.ends[1 - to].ended && self.ends[to].to_send.is_empty() {
            let _ = rustix::net::shutdown(&self.ends[to].socket, Shutdown::Both);
        }
    }
}

fn token(kind: Kind, at: usize, side: usize) -> u64 {
    (at as u64) << 2 | (side as u64) << 1 | kind as u64
}

fn parts(token: u64) -> (Kind, usize, usize) {
    let kind = if token & 1 == 0 { Kind::Receive } else { Kind::Send };
    (kind, (token >> 2) as usize, (token >> 1 & 1) as usize)
}
