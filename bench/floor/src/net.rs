//! Opening sockets.

use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;

use rustix::net::sockopt::set_tcp_nodelay;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

/// Clients that the kernel lets wait.
const BACKLOG: i32 = 4096;

/// Listens, without waiting in `accept`.
pub(crate) fn listen(address: &str) -> io::Result<OwnedFd> {
    let listener = TcpListener::bind(address)?;
    // The standard library's backlog is short for ten thousand clients that come at once.
    rustix::net::listen(&listener, BACKLOG)?;
    listener.set_nonblocking(true)?;
    Ok(listener.into())
}

/// Connects, waiting for it: a listener on the same machine answers at once. The socket does not wait afterwards.
pub(crate) fn connect(server: &str) -> io::Result<OwnedFd> {
    if server.starts_with('/') {
        let socket =
            rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        rustix::net::connect(&socket, &SocketAddrUnix::new(server)?)?;
        rustix::io::ioctl_fionbio(&socket, true)?;
        return Ok(socket);
    }
    let stream = std::net::TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    Ok(stream.into())
}

/// The next client, if there is one.
pub(crate) fn accept(listener: &OwnedFd) -> Option<OwnedFd> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let client = rustix::net::accept_with(listener, flags).ok()?;
    // A socket without it works, slower.
    let _ = set_tcp_nodelay(&client, true);
    Some(client)
}
