use core::fmt;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use pgherd_uring::{Socket, Ticket};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown, SocketAddrUnix, SocketFlags,
    SocketType, sockopt,
};

use crate::outbox::Place;
use crate::rest::{Brought, Bulk};

/// A connected socket that never waits, with the bytes that it could not take yet.
///
/// Reads are edge-triggered: [`Stream::readable`] stays true until a read came back short, so that a stream that is
/// not read for a while costs no system call. Writability is watched only while something is unsent.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) socket: Socket,
    pub(crate) carrier: Carrier,
    /// There may be something to read.
    pub(crate) readable: bool,
    /// The peer has closed its side, so that no edge announces the end behind the last bytes.
    pub(crate) hung_up: bool,
    /// It is in the loop's list of streams with more to read.
    pub(crate) queued: bool,
    /// How much it has brought in a row.
    pub(crate) brought: Brought,
    state: Output,
}

/// Who moves a stream's bytes.
#[derive(Debug)]
pub(crate) enum Carrier {
    /// System calls of ours, when the stream is reported to be ready.
    Calls,
    /// The same, but that it is written to at the end of a turn.
    Turns(Place),
    /// A ring.
    Ring(ByRing),
    /// Calls at intervals, for as long as it brings much: see [`crate::rest`].
    Bulk(Bulk),
}

/// What is known of a stream whose bytes a ring moves.
#[derive(Debug, Default)]
pub(crate) struct ByRing {
    pub(crate) receiving: Receiving,
    /// Where this turn's output is.
    pub(crate) ticket: Ticket,
    /// What the ring brought while the stream was not to be read.
    kept: Option<Box<Kept>>,
    /// What comes behind it.
    end: Option<Last>,
    /// There may be more in the socket than the ring has told of, and all that it has told of was dealt with.
    look: bool,
    /// The stream brought more than was taken. Once the ring receives no more, it is read by calls until nothing is
    /// left.
    pub(crate) by_calls: bool,
    /// It brings much, and is to be read at intervals.
    pub(crate) bulk: bool,
    /// The end of the stream is watched, because nothing is received.
    pub(crate) end_watched: bool,
}

/// The request that receives for a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Receiving {
    /// There is none.
    #[default]
    Off,
    /// The kernel has it.
    On,
    /// It was cancelled, and has not ended yet.
    Stopping,
    /// There is to be none any more: the stream goes to another loop.
    Leaving,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Last {
    /// The peer has closed its side.
    Closed,
    /// The socket has failed.
    Failed,
}

/// Bytes that wait to be read or to be written, from the offset on.
#[derive(Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    from: usize,
}

/// What a stream can take.
#[derive(Debug)]
enum Output {
    /// Anything.
    Open,
    /// These bytes come first.
    Short(Box<Kept>),
    /// Nothing any more; what is written is dropped. The reading side finds out what happened.
    Broken,
}

/// What a read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// So many bytes, at least one.
    Bytes(usize),
    /// Nothing at the moment.
    Nothing,
    /// The peer has closed its side.
    Closed,
    /// The socket has failed.
    Failed,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The kernel has all of it.
    All,
    /// Some of it is kept here until the peer reads.
    Short,
    /// The peer cannot be written to any more.
    Broken,
}

/// Where a stream can be opened to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Endpoint {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Tcp(address) => address.fmt(f),
            Endpoint::Unix(path) => path.display().fmt(f),
        }
    }
}

impl Stream {
    /// A socket that was accepted, or is being connected. Its options are those of its listener, or set already: see
    /// [`be_prompt`].
    pub(crate) fn new(socket: OwnedFd) -> Stream {
        Stream {
            socket: Socket::new(socket),
            carrier: Carrier::Calls,
            readable: false,
            hung_up: false,
            queued: false,
            brought: Brought::default(),
            state: Output::Open,
        }
    }

    /// Begins to connect. The stream becomes writable when that has succeeded or failed: see [`Stream::connected`].
    pub(crate) fn connect(to: &Endpoint) -> Result<Stream, Errno> {
        let (family, tcp) = match to {
            Endpoint::Tcp(address) if address.is_ipv4() => (AddressFamily::INET, true),
            Endpoint::Tcp(_) => (AddressFamily::INET6, true),
            Endpoint::Unix(_) => (AddressFamily::UNIX, false),
        };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
        let begun = match to {
            Endpoint::Tcp(address) => rustix::net::connect(&socket, address),
            Endpoint::Unix(path) => rustix::net::connect(&socket, &SocketAddrUnix::new(path.as_path())?),
        };
        match begun {
            Ok(()) | Err(Errno::INPROGRESS) => {
                if tcp {
                    be_prompt(&socket);
                }
                Ok(Stream::new(socket))
            }
            Err(error) => Err(error),
        }
    }

    /// How connecting went, once the stream was reported writable.
    pub(crate) fn connected(&self) -> Result<(), Errno> {
        sockopt::socket_error(&self.socket)?
    }

    /// Reads once. A short read means that nothing is left, unless the peer has hung up.
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> Received {
        let broken = self.is_broken();
        if let Carrier::Ring(ring) = &mut self.carrier {
            if let Some(found) = ring.receive(buffer) {
                self.readable = true;
                return found;
            }
            let by_calls = ring.by_calls && ring.receiving == Receiving::Off;
            // The socket may hold the last words of a peer that cannot be written to.
            if !(ring.look || by_calls || broken) {
                self.readable = false;
                return Received::Nothing;
            }
        }
        self.receive_by_call(buffer)
    }

    fn receive_by_call(&mut self, buffer: &mut [u8]) -> Received {
        let room = buffer.len();
        loop {
            match rustix::net::recv(&self.socket, &mut *buffer, RecvFlags::empty()) {
                Ok((0, _)) => return Received::Closed,
                Ok((n, _)) => {
                    self.brought.note(n);
                    if let Carrier::Bulk(bulk) = &mut self.carrier {
                        bulk.note(n);
                    }
                    self.readable = n == room || self.hung_up || matches!(self.carrier, Carrier::Ring(_));
                    return Received::Bytes(n);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    self.readable = false;
                    match &mut self.carrier {
                        Carrier::Ring(ring) => (ring.look, ring.by_calls) = (false, false),
                        Carrier::Bulk(bulk) => bulk.note(0),
                        Carrier::Calls | Carrier::Turns(_) => {}
                    }
                    // A write failed and there is nothing left to read: that is the end.
                    return if self.is_broken() { Received::Failed } else { Received::Nothing };
                }
                Err(_) => return Received::Failed,
            }
        }
    }

    /// Its watch is about to change. A stream that brings much and waits to be told of does that no longer: what it is
    /// watched for besides would take the place of it.
    pub(crate) fn wait_no_more(&mut self) {
        if let Carrier::Bulk(bulk) = &self.carrier
            && bulk.waits()
        {
            self.leave_bulk();
        }
    }

    /// It brings little by now. It has to be watched as others are.
    pub(crate) fn leave_bulk(&mut self) {
        self.carrier = Carrier::Calls;
        self.brought.forget();
    }

    /// Lets the next reads find whatever the kernel holds, also what no event has told of yet.
    pub(crate) fn look_again(&mut self) {
        self.readable = true;
        if let Carrier::Ring(ring) = &mut self.carrier {
            ring.look = true;
        }
    }

    /// Keeps what is to be written behind what could not be written. `None` when it can be written now.
    pub(crate) fn queue(&mut self, parts: &[IoSlice<'_>]) -> Option<Sent> {
        match &mut self.state {
            Output::Open => None,
            Output::Short(kept) => {
                parts.iter().for_each(|part| kept.bytes.extend_from_slice(part));
                Some(Sent::Short)
            }
            Output::Broken => Some(Sent::Broken),
        }
    }

    /// Keeps what a ring could not write, to be written before anything else.
    pub(crate) fn keep_unsent(&mut self, rest: Vec<u8>) {
        self.state = Output::Short(Box::new(Kept { bytes: rest, from: 0 }));
    }

    /// Writes, or keeps what cannot be written now. After a short write, writability has to be watched.
    pub(crate) fn send(&mut self, parts: &[IoSlice<'_>]) -> Sent {
        if let Some(queued) = self.queue(parts) {
            return queued;
        }
        match send_now(&self.socket, parts) {
            Ok(sent) => {
                let mut skip = sent;
                let mut kept = Vec::new();
                for part in parts {
                    let done = skip.min(part.len());
                    skip -= done;
                    kept.extend_from_slice(part.get(done..).unwrap_or_default());
                }
                if kept.is_empty() {
                    return Sent::All;
                }
                self.keep_unsent(kept);
                Sent::Short
            }
            Err(_) => self.fail(),
        }
    }

    /// Writes what was kept. [`Sent::All`] when nothing is left; its memory is freed then.
    pub(crate) fn flush(&mut self) -> Sent {
        let Output::Short(kept) = &mut self.state else {
            return if self.is_broken() { Sent::Broken } else { Sent::All };
        };
        let rest = kept.bytes.get(kept.from..).unwrap_or_default();
        match send_now(&self.socket, &[IoSlice::new(rest)]) {
            Ok(sent) if sent == rest.len() => {
                self.state = Output::Open;
                Sent::All
            }
            Ok(sent) => {
                kept.from += sent;
                Sent::Short
            }
            Err(_) => self.fail(),
        }
    }

    /// Nothing can be written any more.
    pub(crate) fn fail(&mut self) -> Sent {
        self.state = Output::Broken;
        Sent::Broken
    }

    /// True while something is unsent.
    pub(crate) fn is_clogged(&self) -> bool {
        matches!(self.state, Output::Short(_))
    }

    /// True after a write failed.
    pub(crate) fn is_broken(&self) -> bool {
        matches!(self.state, Output::Broken)
    }

    /// Says that nothing more will be written. What the peer still sends can be read.
    pub(crate) fn finish(&self) {
        // A peer that is gone needs no goodbye.
        let _ = rustix::net::shutdown(&self.socket, Shutdown::Write);
    }
}

/// For TCP: small writes are sent at once, and dead peers are noticed by the kernel. What a listener has of this, the
/// sockets that it accepts have too.
pub(crate) fn be_prompt(socket: &OwnedFd) {
    // A socket without them works, slower or with a later end.
    let _ = sockopt::set_tcp_nodelay(socket, true);
    let _ = sockopt::set_socket_keepalive(socket, true);
}

impl ByRing {
    /// A stream that the ring receives from.
    pub(crate) fn received_from() -> Self {
        ByRing { receiving: Receiving::On, ..ByRing::default() }
    }

    /// Notes whether the request that receives is still there.
    pub(crate) fn goes_on(&mut self, more: bool) {
        self.receiving = match self.receiving {
            Receiving::On | Receiving::Stopping if !more => Receiving::Off,
            now @ (Receiving::On | Receiving::Stopping | Receiving::Off | Receiving::Leaving) => now,
        };
    }

    /// True when nothing that the ring has brought waits to be read.
    pub(crate) fn is_drained(&self) -> bool {
        self.kept.is_none() && self.end.is_none()
    }

    /// Keeps what the ring brought.
    pub(crate) fn keep(&mut self, bytes: &[u8]) {
        let kept = self.kept.get_or_insert_default();
        kept.bytes.extend_from_slice(bytes);
    }

    /// Notes what comes behind the last bytes.
    pub(crate) fn end(&mut self, how: Last) {
        self.end = Some(how);
    }

    /// True when the ring has brought the end.
    pub(crate) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// What the ring has brought and was not read.
    fn receive(&mut self, buffer: &mut [u8]) -> Option<Received> {
        let Some(kept) = &mut self.kept else {
            return self.end.map(|end| match end {
                Last::Closed => Received::Closed,
                Last::Failed => Received::Failed,
            });
        };
        let rest = kept.bytes.get(kept.from..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        kept.from += count;
        if kept.from == kept.bytes.len() {
            self.kept = None;
        }
        Some(Received::Bytes(count))
    }
}

/// Writes what there is room for: the number of bytes that it was.
///
/// # Errors
/// When nothing can be written any more.
pub(crate) fn write(socket: &Socket, bytes: &[u8]) -> io::Result<usize> {
    Ok(send_now(socket, &[IoSlice::new(bytes)])?)
}

/// How many bytes the kernel took: 0 when it can take none at the moment.
fn send_now(socket: &Socket, parts: &[IoSlice<'_>]) -> Result<usize, Errno> {
    loop {
        let sent = match parts {
            [one] => rustix::net::send(socket, one, SendFlags::NOSIGNAL),
            parts => {
                let mut none = SendAncillaryBuffer::default();
                rustix::net::sendmsg(socket, parts, &mut none, SendFlags::NOSIGNAL)
            }
        };
        match sent {
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return Ok(0),
            done => return done,
        }
    }
}
