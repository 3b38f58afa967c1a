//! The relay over epoll: the shape of pgherd's loop. One read buffer, written out straight from where it was read to;
//! a stream whose peer cannot take everything is not read until it can.

use std::io;
use std::os::fd::OwnedFd;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown};

use crate::net;

const READ_BUFFER_BYTES: usize = 32 * 1024;
const EVENTS_PER_TURN: usize = 256;
const LISTENER: u64 = u64::MAX;

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
    };
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
                token => relay.turn(token, flags),
            }
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

    fn turn(&mut self, token: u64, flags: EventFlags) {
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
        for (side, end) in pair.ends.iter_mut().enumerate() {
            if end.clogged == end.unsent.is_empty() {
                end.clogged = !end.clogged;
                let _ = epoll::modify(&self.epoll, &end.socket, data(at, side), interest(end.clogged));
            }
        }
        if !alive {
            for end in &pair.ends {
                let _ = rustix::net::shutdown(&end.socket, Shutdown::Both);
            }
            self.pairs[at] = None;
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
        while self.ends[from].readable && self.ends[1 - from].unsent.is_empty() {
            match rustix::net::recv(&self.ends[from].socket, &mut *buffer, RecvFlags::empty()) {
                Ok((0, _)) => return false,
                Ok((count, _)) => {
                    // A short read means that nothing is left; the end of a stream has an edge of its own.
                    self.ends[from].readable = count == buffer.len();
                    if !self.send(1 - from, &buffer[..count]) {
                        return false;
                    }
                }
                Err(Errno::AGAIN) => self.ends[from].readable = false,
                Err(Errno::INTR) => {}
                Err(_) => return false,
            }
        }
        true
    }

    fn send(&mut self, to: usize, bytes: &[u8]) -> bool {
        let sent = match rustix::net::send(&self.ends[to].socket, bytes, SendFlags::NOSIGNAL) {
            Ok(sent) => sent,
            Err(Errno::AGAIN | Errno::INTR) => 0,
            Err(_) => return false,
        };
        self.ends[to].unsent.extend_from_slice(&bytes[sent..]);
        true
    }

    fn flush(&mut self, to: usize) -> bool {
        let unsent = core::mem::take(&mut self.ends[to].unsent);
        self.send(to, &unsent)
    }
}
