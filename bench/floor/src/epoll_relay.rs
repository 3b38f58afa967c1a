//! The relay over epoll: the shape of pgherd's loop. One read buffer; what is short is written when the turn ends, to
//! servers first and by one call, and what is long at once; a stream whose peer cannot take everything is not read
//! until it can.

use core::time::Duration;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use pgherd_uring::Batch;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown};

use crate::net;

const READ_BUFFER_BYTES: usize = 64 * 1024;
const EVENTS_PER_TURN: usize = 64;
const LISTENER: u64 = u64::MAX;
/// What is longer is not worth copying.
const SHORT_BYTES: usize = 4 * 1024;
/// The place of the server in a pair.
pub(crate) const SERVER: usize = 1;
/// The time slice that is asked for, as pgherd does.
pub(crate) const SLICE: Duration = Duration::from_millis(5);

/// A client and its server.
struct Pair {
    ends: [End; 2],
}

/// One socket, and what it could not take yet.
struct End {
    socket: OwnedFd,
    unsent: Vec<u8>,
    /// An edge announced bytes that nobody has read.
    readable: bool,
    /// Its writability is watched.
    clogged: bool,
}

struct Relay {
    epoll: OwnedFd,
    listener: OwnedFd,
    servers: Vec<String>,
    next_server: usize,
    pairs: Vec<Option<Pair>>,
    free: Vec<usize>,
    buffer: Box<[u8]>,
    /// Ends that were written to in this turn.
    written: Vec<(usize, usize)>,
    /// Ends with more to read, which no edge will tell of.
    unread: Vec<(usize, usize)>,
    batch: Batch,
}

/// Relays for ever.
pub(crate) fn run(listen: &str, servers: &[&str]) -> io::Result<()> {
    let mut relay = Relay {
        epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
        listener: net::listen(listen)?,
        servers: servers.iter().map(|&server| server.to_owned()).collect(),
        next_server: 0,
        pairs: Vec::new(),
        free: Vec::new(),
        buffer: vec![0; READ_BUFFER_BYTES].into_boxed_slice(),
        written: Vec::new(),
        unread: Vec::new(),
        batch: Batch::new()?,
    };
    let _ = pgherd_uring::ask_for_slice(SLICE);
    epoll::add(&relay.epoll, &relay.listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    let mut events: Vec<Event> = Vec::with_capacity(EVENTS_PER_TURN);
    loop {
        match epoll::wait(&relay.epoll, spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in events.drain(..) {
            let (data, flags) = (event.data, event.flags);
            match data.u64() {
                LISTENER => relay.accept(),
                token => relay.event(token, flags),
            }
        }
        relay.end_turn();
        while relay.read_on() {
            relay.end_turn();
        }
    }
}

impl Relay {
    fn accept(&mut self) {
        while let Some(client) = net::accept(&self.listener) {
            let server = &self.servers[self.next_server % self.servers.len()];
            self.next_server += 1;
            let Ok(server) = net::connect(server) else { continue };
            let at = self.free.pop().unwrap_or_else(|| {
                self.pairs.push(None);
                self.pairs.len() - 1
            });
            let ends = [client, server].map(End::new);
            for (side, end) in ends.iter().enumerate() {
                let _ = epoll::add(&self.epoll, &end.socket, data(at, side), interest(false));
            }
            self.pairs[at] = Some(Pair { ends });
        }
    }

    fn event(&mut self, token: u64, flags: EventFlags) {
        let (at, side) = (token as usize / 2, token as usize % 2);
        let Some(Some(pair)) = self.pairs.get_mut(at) else { return };
        let mut alive = true;
        if flags.contains(EventFlags::OUT) && !pair.ends[side].unsent.is_empty() {
            alive = pair.flush(side) && pair.pump(1 - side, &mut self.buffer);
        }
        if flags.intersects(EventFlags::IN | EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR) {
            pair.ends[side].readable = true;
            alive = alive && pair.pump(side, &mut self.buffer);
        }
        if alive {
            self.written.extend([(at, 0), (at, 1)]);
        } else {
            self.end(at);
        }
    }

    /// Writes what the turn has for each end.
    fn end_turn(&mut self) {
        self.written.sort_unstable_by_key(|&(at, side)| (side != SERVER, at));
        self.written.dedup();
        let to_write = self.written.iter().filter_map(|&(at, side)| {
            let end = &self.pairs[at].as_ref()?.ends[side];
            (!end.clogged && !end.unsent.is_empty())
                .then(|| ((at, side), end.socket.as_fd(), &end.unsent[..]))
        });
        let mut outcomes = Vec::new();
        self.batch.write(to_write, |which, outcome| outcomes.push((which, outcome)));
        for ((at, side), outcome) in outcomes {
            match (outcome, &mut self.pairs[at]) {
                (Ok(sent), Some(pair)) => drop(pair.ends[side].unsent.drain(..sent)),
                _ => self.end(at),
            }
        }
        for (at, side) in core::mem::take(&mut self.written) {
            let Some(pair) = &mut self.pairs[at] else { continue };
            let end = &mut pair.ends[side];
            if end.clogged == end.unsent.is_empty() {
                end.clogged = !end.clogged;
                let _ = epoll::modify(&self.epoll, &end.socket, data(at, side), interest(end.clogged));
            }
            if !end.clogged && pair.ends[1 - side].readable {
                self.unread.push((at, 1 - side));
            }
        }
    }

    /// Reads what the last turn has left, and can be passed on now. False when that is nothing.
    fn read_on(&mut self) -> bool {
        let unread = core::mem::take(&mut self.unread);
        for &(at, side) in &unread {
            let Some(pair) = &mut self.pairs[at] else { continue };
            if pair.pump(side, &mut self.buffer) {
                self.written.push((at, 1 - side));
            } else {
                self.end(at);
            }
        }
        !unread.is_empty()
    }

    fn end(&mut self, at: usize) {
        if let Some(pair) = self.pairs[at].take() {
            for end in &pair.ends {
                let _ = rustix::net::shutdown(&end.socket, Shutdown::Both);
            }
            self.free.push(at);
        }
    }
}

impl End {
    fn new(socket: OwnedFd) -> Self {
        End { socket, unsent: Vec::new(), readable: false, clogged: false }
    }
}

fn data(pair: usize, side: usize) -> EventData {
    EventData::new_u64((pair * 2 + side) as u64)
}

fn interest(writable: bool) -> EventFlags {
    let reading = EventFlags::IN | EventFlags::RDHUP | EventFlags::ET;
    if writable { reading | EventFlags::OUT } else { reading }
}

impl Pair {
    /// Reads one side and writes to the other until one of them has enough. False at the end of the pair.
    fn pump(&mut self, from: usize, buffer: &mut [u8]) -> bool {
        while self.ends[from].readable && !self.ends[1 - from].clogged {
            match rustix::net::recv(&self.ends[from].socket, &mut *buffer, RecvFlags::empty()) {
                Ok((0, _)) => return false,
                Ok((count, _)) => {
                    // A short read means that nothing is left; the end of a stream has an edge of its own.
                    self.ends[from].readable = count == buffer.len();
                    let to = &mut self.ends[1 - from];
                    to.unsent.extend_from_slice(&buffer[..count]);
                    if count > SHORT_BYTES && !self.flush(1 - from) {
                        return false;
                    }
                    if !self.ends[1 - from].unsent.is_empty() {
                        break;
                    }
                }
                Err(Errno::AGAIN) => self.ends[from].readable = false,
                Err(Errno::INTR) => {}
                Err(_) => return false,
            }
        }
        true
    }

    fn flush(&mut self, to: usize) -> bool {
        let end = &mut self.ends[to];
        let sent = match rustix::net::send(&end.socket, &end.unsent, SendFlags::NOSIGNAL) {
            Ok(sent) => sent,
            Err(Errno::AGAIN | Errno::INTR) => 0,
            Err(_) => return false,
        };
        end.unsent.drain(..sent);
        true
    }
}
