use core::fmt;
use std::io::IoSlice;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown, SocketAddrUnix, SocketFlags,
    SocketType, sockopt,
};

/// A connected socket that never waits, with the bytes that it could not take yet.
///
/// Reads are edge-triggered: [`Stream::readable`] stays true until a read came back short, so that a stream that is
/// not read for a while costs no system call. Writability is watched only while something is unsent.
#[derive(Debug)]
pub(crate) struct Stream {
    socket: OwnedFd,
    /// There may be something to read.
    pub(crate) readable: bool,
    /// The peer has closed its side, so that no edge announces the end behind the last bytes.
    pub(crate) hung_up: bool,
    /// It is in the loop's list of streams with more to read.
    pub(crate) queued: bool,
    state: Output,
}

/// What a stream can take.
#[derive(Debug)]
enum Output {
    /// Anything.
    Open,
    /// These bytes, from the offset on, come first.
    Short(Vec<u8>, usize),
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// A socket that was accepted, or is being connected. For TCP, small writes are sent at once and dead peers are
    /// noticed by the kernel.
    pub(crate) fn new(socket: OwnedFd, tcp: bool) -> Stream {
        if tcp {
            // A socket without them works, slower or with a later end.
            let _ = sockopt::set_tcp_nodelay(&socket, true);
            let _ = sockopt::set_socket_keepalive(&socket, true);
        }
        Stream { socket, readable: false, hung_up: false, queued: false, state: Output::Open }
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
            Ok(()) | Err(Errno::INPROGRESS) => Ok(Stream::new(socket, tcp)),
            Err(error) => Err(error),
        }
    }

    /// How connecting went, once the stream was reported writable.
    pub(crate) fn connected(&self) -> Result<(), Errno> {
        sockopt::socket_error(&self.socket)?
    }

    /// Lets a loop watch the stream.
    pub(crate) fn watch(&self, epoll: &OwnedFd, token: u64, writable: bool) -> Result<(), Errno> {
        epoll::add(epoll, &self.socket, EventData::new_u64(token), interest(writable))
    }

    /// Ends the watch, before the stream moves to another loop.
    pub(crate) fn unwatch(&self, epoll: &OwnedFd) {
        // What is watched can always be forgotten.
        let _ = epoll::delete(epoll, &self.socket);
    }

    /// Changes the token of a watched stream, and whether its writability is watched.
    pub(crate) fn rewatch(&self, epoll: &OwnedFd, token: u64, writable: bool) {
        // The stream is watched already, and a change needs no memory: it cannot fail.
        let _ = epoll::modify(epoll, &self.socket, EventData::new_u64(token), interest(writable));
    }

    /// Reads once. A short read means that nothing is left, unless the peer has hung up.
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> Received {
        let room = buffer.len();
        loop {
            match rustix::net::recv(&self.socket, &mut *buffer, RecvFlags::empty()) {
                Ok((0, _)) => return Received::Closed,
                Ok((n, _)) => {
                    self.readable = n == room || self.hung_up;
                    return Received::Bytes(n);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    self.readable = false;
                    // A write failed and there is nothing left to read: that is the end.
                    return if self.is_broken() { Received::Failed } else { Received::Nothing };
                }
                Err(_) => return Received::Failed,
            }
        }
    }

    /// Writes, or keeps what cannot be written now. After a short write, writability has to be watched.
    pub(crate) fn send(&mut self, parts: &[IoSlice<'_>]) -> Sent {
        match &mut self.state {
            Output::Open => {}
            Output::Short(kept, _) => {
                parts.iter().for_each(|part| kept.extend_from_slice(part));
                return Sent::Short;
            }
            Output::Broken => return Sent::Broken,
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
                self.state = Output::Short(kept, 0);
                Sent::Short
            }
            Err(_) => self.fail(),
        }
    }

    /// Writes what was kept. [`Sent::All`] when nothing is left; its memory is freed then.
    pub(crate) fn flush(&mut self) -> Sent {
        let Output::Short(kept, from) = &mut self.state else {
            return if self.is_broken() { Sent::Broken } else { Sent::All };
        };
        let rest = kept.get(*from..).unwrap_or_default();
        match send_now(&self.socket, &[IoSlice::new(rest)]) {
            Ok(sent) if sent == rest.len() => {
                self.state = Output::Open;
                Sent::All
            }
            Ok(sent) => {
                *from += sent;
                Sent::Short
            }
            Err(_) => self.fail(),
        }
    }

    fn fail(&mut self) -> Sent {
        self.state = Output::Broken;
        Sent::Broken
    }

    /// True while something is unsent.
    pub(crate) fn is_clogged(&self) -> bool {
        matches!(self.state, Output::Short(..))
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

fn interest(writable: bool) -> EventFlags {
    let reading = EventFlags::IN | EventFlags::RDHUP | EventFlags::ET;
    if writable { reading | EventFlags::OUT } else { reading }
}

/// How many bytes the kernel took: 0 when it can take none at the moment.
fn send_now(socket: &OwnedFd, parts: &[IoSlice<'_>]) -> Result<usize, Errno> {
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
