//! What tells an event loop of its sockets, and moves their bytes: epoll with system calls, or io_uring.

use core::time::Duration;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, OwnedFd};

use pgherd_uring::{Batch, Completion, Filled, Interest, Rank, Ring};
use rustix::event::epoll::{self, EventData, EventFlags};

use crate::outbox::{Outbox, Place};
use crate::rest::{Bulk, Then};
use crate::stream::{ByRing, Carrier, Receiving, Sent, Stream};
use crate::token::Token;

/// The driver of one loop. Under both, sockets of clients and backends come and go through the same calls; what
/// differs is who reads and writes them.
#[derive(Debug)]
pub(crate) enum Driver {
    /// The kernel tells which sockets are ready, and the loop reads and writes.
    Epoll(EpollDriver),
    /// The kernel reads and writes the sockets of clients and backends. Others are told of when they are ready.
    Ring(Box<RingDriver>),
}

/// Readiness from epoll, and what this turn has for the streams of clients and backends.
#[derive(Debug)]
pub(crate) struct EpollDriver {
    pub(crate) epoll: OwnedFd,
    pub(crate) outbox: Outbox,
    /// What writes to many streams by one call, where the kernel has that.
    pub(crate) batch: Option<Batch>,
}

#[derive(Debug)]
pub(crate) struct RingDriver {
    pub(crate) ring: Ring,
    /// What the kernel has said and was not dealt with.
    pub(crate) heard: VecDeque<Completion>,
    /// Streams whose receiving ended because all buffers were in use.
    starved: VecDeque<Token>,
}

impl Driver {
    pub(crate) fn epoll() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Driver::Epoll(EpollDriver { epoll, outbox: Outbox::new(), batch: Batch::new().ok() }))
    }

    pub(crate) fn ring() -> io::Result<Self> {
        let (heard, starved) = (VecDeque::new(), VecDeque::new());
        Ok(Driver::Ring(Box::new(RingDriver { ring: Ring::new()?, heard, starved })))
    }

    /// Lets the loop hear of a stream.
    ///
    /// # Errors
    /// When the kernel has no room for it.
    pub(crate) fn watch(&mut self, stream: &mut Stream, token: Token, writable: bool) -> io::Result<()> {
        match self {
            Driver::Epoll(EpollDriver { epoll, .. }) => {
                let data = EventData::new_u64(token.bits());
                epoll::add(epoll, &stream.socket, data, interest(writable))?;
                stream.carrier = by_calls(token);
                Ok(())
            }
            Driver::Ring(driver) => {
                driver.ring.adopt(&mut stream.socket);
                driver.watch(stream, token, writable);
                Ok(())
            }
        }
    }

    /// Changes what a stream that is watched already is called, and whether its writability is watched.
    pub(crate) fn rewatch(&mut self, stream: &mut Stream, token: Token, writable: bool) {
        stream.wait_no_more();
        match self {
            Driver::Epoll(driver) => driver.rewatch(stream, token, writable),
            Driver::Ring(driver) => driver.watch(stream, token, writable),
        }
    }

    /// Watches a stream on, whose watch has ended by itself.
    pub(crate) fn watch_on(&mut self, stream: &mut Stream, token: Token) {
        if let Driver::Ring(driver) = self {
            driver.watch(stream, token, true);
        }
    }

    /// Ends the watch of a stream that moves to another loop. With a ring, its receiving has ended already.
    pub(crate) fn unwatch(&mut self, stream: &mut Stream) {
        self.write_out(stream);
        match self {
            Driver::Epoll(EpollDriver { epoll, .. }) => {
                // What is watched can always be forgotten.
                let _ = epoll::delete(epoll, &stream.socket);
            }
            Driver::Ring(driver) => {
                driver.ring.unwatch(&mut stream.socket);
                driver.ring.release(&mut stream.socket);
                stream.carrier = Carrier::Calls;
            }
        }
    }

    /// Watches a descriptor that can be read now and then: `each_time`, or once.
    ///
    /// # Errors
    /// When the kernel has no room for it.
    pub(crate) fn watch_fd(&mut self, fd: &OwnedFd, token: Token, how: FdWatch) -> io::Result<()> {
        match self {
            Driver::Epoll(EpollDriver { epoll, .. }) => {
                let flags = match how {
                    FdWatch::Edges => EventFlags::IN | EventFlags::ET,
                    FdWatch::Level => EventFlags::IN,
                };
                Ok(epoll::add(epoll, fd, EventData::new_u64(token.bits()), flags)?)
            }
            Driver::Ring(driver) => {
                let interest = match how {
                    FdWatch::Edges => Interest::Readable,
                    FdWatch::Level => Interest::ReadableOnce,
                };
                driver.ring.watch_fd(fd.as_fd(), token.bits(), interest);
                Ok(())
            }
        }
    }

    /// Ends the watch of a descriptor.
    pub(crate) fn unwatch_fd(&mut self, fd: &OwnedFd, token: Token) {
        match self {
            Driver::Epoll(EpollDriver { epoll, .. }) => {
                let _ = epoll::delete(epoll, fd);
            }
            Driver::Ring(driver) => driver.ring.unwatch_name(token.bits()),
        }
    }

    /// Writes, at once or at the end of the turn. What the kernel does not take is kept in the stream; of what is
    /// written at the end of the turn that is told later.
    pub(crate) fn send(&mut self, stream: &mut Stream, token: Token, parts: &[IoSlice<'_>]) -> Sent {
        stream.brought.forget();
        if let Some(queued) = stream.queue(parts) {
            return queued;
        }
        let driver = match self {
            Driver::Epoll(driver) => return driver.send(stream, token, parts),
            Driver::Ring(driver) => driver,
        };
        let Carrier::Ring(by_ring) = &mut stream.carrier else { return stream.send(parts) };
        let long = parts.iter().any(|part| part.len() > COPIED_BYTES && !driver.ring.has(part));
        if long && !driver.ring.is_open(by_ring.ticket) {
            return stream.send(parts);
        }
        driver.ring.send(&stream.socket, token.bits(), rank(token), &mut by_ring.ticket, parts);
        Sent::All
    }

    /// Writes what was collected for a stream now, by a call: the stream is about to go.
    pub(crate) fn write_out(&mut self, stream: &mut Stream) {
        let bytes = match (self, &mut stream.carrier) {
            (Driver::Ring(driver), Carrier::Ring(by_ring)) => driver.ring.take_back(&mut by_ring.ticket),
            (Driver::Epoll(driver), Carrier::Turns(place)) => driver.outbox.take_back(place),
            (Driver::Ring(_) | Driver::Epoll(_), _) => return,
        };
        if !bytes.is_empty() {
            stream.send(&[IoSlice::new(&bytes)]);
        }
    }

    /// Lets a stream that brings much be read at intervals. What it brings is not told of meanwhile.
    pub(crate) fn read_at_intervals(&mut self, stream: &mut Stream, token: Token) {
        self.write_out(stream);
        stream.carrier = Carrier::Bulk(Bulk::new());
        self.rewatch(stream, token, stream.is_clogged());
    }

    /// Nothing that the stream has brought waits to be read: it may bring more. True when it is to be looked at again
    /// after a rest, as nothing will tell of it.
    #[must_use]
    pub(crate) fn read_on(&mut self, stream: &mut Stream, token: Token) -> bool {
        match &mut stream.carrier {
            Carrier::Bulk(bulk) => match bulk.then() {
                Then::Rest => return true,
                Then::Wait if !stream.is_clogged() => self.watch_once(stream, token),
                Then::Wait | Then::Leave => {
                    stream.leave_bulk();
                    self.rewatch(stream, token, stream.is_clogged());
                }
                Then::Stay => {}
            },
            Carrier::Turns(_) if stream.brought.is_much() => {
                self.read_at_intervals(stream, token);
                return self.read_on(stream, token);
            }
            Carrier::Ring(by_ring) if by_ring.receiving == Receiving::Off && !by_ring.has_ended() => {
                by_ring.receiving = Receiving::On;
                by_ring.by_calls = false;
                if let Driver::Ring(driver) = self {
                    driver.ring.receive(&mut stream.socket, token.bits());
                }
            }
            Carrier::Calls | Carrier::Turns(_) | Carrier::Ring(_) => {}
        }
        false
    }

    /// Lets it be told once when a stream that is read at intervals brings something.
    fn watch_once(&mut self, stream: &mut Stream, token: Token) {
        match self {
            Driver::Epoll(driver) => {
                driver.change(stream, token, EventFlags::IN | EventFlags::RDHUP | EventFlags::ONESHOT);
            }
            Driver::Ring(driver) => {
                driver.ring.unwatch(&mut stream.socket);
                driver.ring.watch(&mut stream.socket, token.bits(), Interest::ReadableOnce);
            }
        }
    }

    /// The stream has begun to bring much: the ring is to receive no more of it.
    pub(crate) fn stop_for_bulk(&mut self, stream: &mut Stream) {
        if let (Driver::Ring(driver), Carrier::Ring(by_ring)) = (self, &mut stream.carrier)
            && by_ring.receiving == Receiving::On
        {
            by_ring.bulk = true;
            by_ring.receiving = Receiving::Stopping;
            driver.ring.stop(&stream.socket);
        }
    }

    /// The stream is not to be read for now: what it brings would pile up here. When it is read again, that is by calls
    /// until there is nothing left: it brings more than is taken.
    pub(crate) fn hold(&mut self, stream: &mut Stream, token: Token) {
        let (Driver::Ring(driver), Carrier::Ring(by_ring)) = (self, &mut stream.carrier) else { return };
        match by_ring.receiving {
            Receiving::On => {
                by_ring.receiving = Receiving::Stopping;
                driver.ring.stop(&stream.socket);
            }
            Receiving::Off | Receiving::Stopping | Receiving::Leaving => {}
        }
        by_ring.by_calls = true;
        if !by_ring.end_watched {
            by_ring.end_watched = true;
            driver.ring.watch(&mut stream.socket, token.bits(), Interest::End);
        }
    }

    /// The stream waits for a receive buffer.
    pub(crate) fn starve(&mut self, token: Token) {
        if let Driver::Ring(driver) = self {
            driver.starved.push_back(token);
        }
    }

    /// True when a turn is not to wait: the kernel has said what was not dealt with yet, or streams wait for receive
    /// buffers that sends hold, which come back when the turn ends.
    pub(crate) fn is_in_a_hurry(&self) -> bool {
        match self {
            Driver::Epoll(_) => false,
            Driver::Ring(driver) => !(driver.heard.is_empty() && driver.starved.is_empty()),
        }
    }

    /// A stream that waits for a receive buffer, if there is one for it.
    pub(crate) fn next_starved(&mut self, armed: usize) -> Option<Token> {
        match self {
            Driver::Epoll(_) => None,
            Driver::Ring(driver) if armed < driver.ring.spare_buffers() => driver.starved.pop_front(),
            Driver::Ring(_) => None,
        }
    }

    /// The next word of the kernel.
    pub(crate) fn next_heard(&mut self) -> Option<Completion> {
        match self {
            Driver::Epoll(_) => None,
            Driver::Ring(driver) => driver.heard.pop_front(),
        }
    }

    /// What the kernel did not take in the last turn. It is the first that is heard.
    pub(crate) fn next_unsent(&mut self) -> Option<(Token, Vec<u8>, bool)> {
        let Driver::Ring(driver) = self else { return None };
        let Some(Completion::Unsent { .. }) = driver.heard.front() else { return None };
        let Some(Completion::Unsent { name, rest, broken }) = driver.heard.pop_front() else { return None };
        Some((Token::from_bits(name), rest, broken))
    }

    /// The next word of the kernel about a stream's input, before its turn.
    pub(crate) fn next_heard_of(&mut self, token: Token) -> Option<Completion> {
        let Driver::Ring(driver) = self else { return None };
        let is_its = |one: &Completion| match one {
            Completion::Received { name, .. } | Completion::Ended { name, .. } => *name == token.bits(),
            Completion::Ready { .. } | Completion::Unsent { .. } => false,
        };
        let at = driver.heard.iter().position(is_its)?;
        driver.heard.remove(at)
    }

    /// Ends a stream's receiving, so that it can move to another loop. What it brought is among what is heard.
    ///
    /// # Errors
    /// When the kernel does not do it.
    pub(crate) fn stop_receiving(&mut self, stream: &mut Stream) -> io::Result<()> {
        let (Driver::Ring(driver), Carrier::Ring(by_ring)) = (self, &mut stream.carrier) else {
            return Ok(());
        };
        let before = core::mem::replace(&mut by_ring.receiving, Receiving::Leaving);
        match before {
            Receiving::On | Receiving::Stopping => driver.ring.stop_now(&stream.socket, &mut driver.heard),
            Receiving::Off | Receiving::Leaving => Ok(()),
        }
    }

    /// Gives back the buffer of what was heard.
    pub(crate) fn give_back(&mut self, bytes: Filled) {
        if let Driver::Ring(driver) = self {
            driver.ring.give_back(bytes);
        }
    }

    /// Ends a turn of a ring and begins the next.
    ///
    /// # Panics
    /// When the kernel fails: the loop cannot go on.
    pub(crate) fn turn(&mut self, limit: Option<Duration>) {
        if let Driver::Ring(driver) = self
            && let Err(error) = driver.ring.turn(limit, &mut driver.heard)
        {
            panic!("io_uring failed: {error}");
        }
    }

    /// Ends everything, before the loop ends.
    pub(crate) fn close(&mut self) {
        if let Driver::Ring(driver) = self {
            // What does not end with it ends with the process.
            let _ = driver.ring.close();
        }
    }
}

/// What is longer, and in no receive buffer, is not worth copying for the end of the turn: it is written at once.
const COPIED_BYTES: usize = 4 * 1024;

/// How a descriptor is watched.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FdWatch {
    /// It is told of when something new comes.
    Edges,
    /// It is told of as long as there is something; with a ring, once, and has to be watched again.
    Level,
}

impl EpollDriver {
    fn rewatch(&mut self, stream: &mut Stream, token: Token, writable: bool) {
        let interest = match (&stream.carrier, by_calls(token)) {
            (Carrier::Bulk(_), Carrier::Turns(_)) if writable => EventFlags::OUT | EventFlags::ET,
            (Carrier::Bulk(_), Carrier::Turns(_)) => EventFlags::ET,
            (Carrier::Turns(_), Carrier::Turns(_)) => interest(writable),
            (_, carrier) => {
                stream.carrier = carrier;
                interest(writable)
            }
        };
        self.change(stream, token, interest);
    }

    fn change(&self, stream: &Stream, token: Token, interest: EventFlags) {
        // The stream is watched already, and a change needs no memory: it cannot fail.
        let _ = epoll::modify(&self.epoll, &stream.socket, EventData::new_u64(token.bits()), interest);
    }

    fn send(&mut self, stream: &mut Stream, token: Token, parts: &[IoSlice<'_>]) -> Sent {
        let Carrier::Turns(place) = &mut stream.carrier else { return stream.send(parts) };
        if parts.iter().all(|part| part.len() <= COPIED_BYTES) {
            self.outbox.put(token, place, parts);
            return Sent::All;
        }
        let before = self.outbox.take_back(place);
        if before.is_empty() {
            return stream.send(parts);
        }
        let mut all = vec![IoSlice::new(&before)];
        all.extend_from_slice(parts);
        stream.send(&all)
    }
}

/// When a stream is written to at the end of a turn. Servers come first: they are at work while the clients are written
/// to, and nobody that a client's answer wakes up takes the processor before them.
pub(crate) fn rank(token: Token) -> Rank {
    match token {
        Token::Backend(_) => Rank::First,
        Token::Client(_)
        | Token::Dialling(_)
        | Token::Canceller(_)
        | Token::Parting(_)
        | Token::Listener(_)
        | Token::Mailbox => Rank::Last,
    }
}

/// How a stream of this name is written to by calls.
fn by_calls(token: Token) -> Carrier {
    match token {
        Token::Client(_) | Token::Backend(_) => Carrier::Turns(Place::default()),
        Token::Dialling(_)
        | Token::Canceller(_)
        | Token::Parting(_)
        | Token::Listener(_)
        | Token::Mailbox => Carrier::Calls,
    }
}

impl RingDriver {
    /// Watches a stream under its present name.
    fn watch(&mut self, stream: &mut Stream, token: Token, writable: bool) {
        let name = token.bits();
        match token {
            Token::Client(_) | Token::Backend(_) if matches!(stream.carrier, Carrier::Bulk(_)) => {
                self.ring.unwatch(&mut stream.socket);
                if writable {
                    self.ring.watch(&mut stream.socket, name, Interest::Writable);
                }
            }
            Token::Client(_) | Token::Backend(_) => {
                if matches!(stream.carrier, Carrier::Calls) {
                    self.ring.unwatch(&mut stream.socket);
                    stream.readable = false;
                    stream.carrier = Carrier::Ring(ByRing::received_from());
                    self.ring.receive(&mut stream.socket, name);
                }
                if writable {
                    self.ring.watch(&mut stream.socket, name, Interest::Writable);
                } else if let Carrier::Ring(by_ring) = &mut stream.carrier {
                    by_ring.end_watched = false;
                    self.ring.unwatch(&mut stream.socket);
                }
            }
            Token::Dialling(_) | Token::Canceller(_) | Token::Parting(_) => {
                // What it may still bring under its old name is not wanted any more.
                self.ring.stop(&stream.socket);
                self.ring.unwatch(&mut stream.socket);
                stream.carrier = Carrier::Calls;
                let interest = if writable { Interest::Both } else { Interest::Readable };
                self.ring.watch(&mut stream.socket, name, interest);
            }
            Token::Listener(_) | Token::Mailbox => {}
        }
    }
}

fn interest(writable: bool) -> EventFlags {
    let reading = EventFlags::IN | EventFlags::RDHUP | EventFlags::ET;
    if writable { reading | EventFlags::OUT } else { reading }
}
