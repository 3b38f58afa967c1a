use core::time::Duration;
use std::collections::VecDeque;
use std::io::{self, IoSlice, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use crate::completion::Completion;
use crate::outbox::{Rank, Ticket};
use crate::ring::Ring;
use crate::socket::Socket;

/// More than a socket takes at once.
const MUCH: usize = 8 * 1024 * 1024;

/// How long a working ring may take for what is there already.
const LIMIT: Duration = Duration::from_secs(1);

/// Tries what a [`Ring`] needs on a pair of sockets: receiving into shared buffers more than once, ending that, and
/// sends that are done when they are submitted and tell what they could not send.
///
/// # Errors
/// When something of it is missing: the kernel is too old, or it, or a container, forbids it.
pub fn probe() -> io::Result<()> {
    let mut ring = Ring::new()?;
    ring.enable()?;
    let (near, far) = UnixStream::pair()?;
    near.set_nonblocking(true)?;
    far.set_nonblocking(true)?;
    let mut peer = far.try_clone()?;
    let mut ends = [near, far].map(|stream| Socket::new(OwnedFd::from(stream)));
    ends.iter_mut().for_each(|socket| ring.adopt(socket));
    let [near, far] = &mut ends;
    let tried = receives(&mut ring, near, far).and_then(|()| sends(&mut ring, near, &mut peer));
    drop(ends);
    ring.close().and(tried)
}

/// Two messages, by one request.
fn receives(ring: &mut Ring, from: &mut Socket, to: &mut Socket) -> io::Result<()> {
    let (memory, mut heard) = (ring.memory(), VecDeque::new());
    ring.receive(to, 1);
    for word in [b"one", b"two"] {
        ring.send(from, 2, Rank::Last, &mut Ticket::default(), &[IoSlice::new(word)]);
        ring.turn(Some(LIMIT), &mut heard)?;
        match heard.pop_front() {
            Some(Completion::Received { name: 1, bytes, more: true }) if memory.bytes(&bytes) == word => {
                ring.give_back(bytes);
            }
            _ => return Err(io::Error::other("receiving more than once does not work")),
        }
    }
    ring.stop_now(to, &mut heard)
}

/// A send that is too long reports what is left, and what is not left is there.
fn sends(ring: &mut Ring, from: &Socket, peer: &mut UnixStream) -> io::Result<()> {
    let (mut heard, much) = (VecDeque::new(), vec![7; MUCH]);
    ring.send(from, 2, Rank::Last, &mut Ticket::default(), &[IoSlice::new(&much)]);
    ring.turn(Some(LIMIT), &mut heard)?;
    let Some(Completion::Unsent { name: 2, rest, broken: false }) = heard.pop_front() else {
        return Err(io::Error::other("a send that does not wait does not say what it left"));
    };
    let mut there = 0;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match peer.read(&mut buffer) {
            Ok(n @ 1..) => there += n,
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    if there + rest.len() == MUCH {
        Ok(())
    } else {
        Err(io::Error::other("a send that does not wait is not done when it should be"))
    }
}
