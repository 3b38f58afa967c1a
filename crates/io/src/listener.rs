use std::fs;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};

use crate::stream::be_prompt;
use crate::{Listen, Peer};

/// A socket that clients connect to. A Unix socket's file goes with it.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: OwnedFd,
    at: At,
}

#[derive(Debug)]
enum At {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Listener {
    /// Opens all sockets of an entry: a name may have several addresses. `backlog` is what `listen(2)` is given.
    ///
    /// # Errors
    /// With the address in the text, when none of an entry's addresses can be listened on.
    pub(crate) fn open(listen: &Listen, backlog: i32) -> io::Result<Vec<Listener>> {
        match listen {
            Listen::Tcp { host, port } => open_host(host, *port, backlog),
            Listen::Unix { directory, port, mode, group } => {
                let path = directory.join(format!(".s.PGSQL.{port}"));
                let opened = open_unix(&path, *mode, group.as_deref(), backlog);
                opened.map(|listener| vec![listener]).map_err(|error| at(&path.display(), &error))
            }
        }
    }

    /// The descriptor, for watching.
    pub(crate) fn socket(&self) -> &OwnedFd {
        &self.socket
    }

    /// The address that TCP clients connect to, with the port that was free if none was given.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match &self.at {
            At::Tcp(address) => Some(*address),
            At::Unix(_) => None,
        }
    }

    /// The next client, ready for reading without waiting; `None` when there is none.
    ///
    /// # Errors
    /// Those of `accept(2)`, for instance when the process has too many open files.
    pub(crate) fn accept(&self) -> io::Result<Option<(OwnedFd, Peer)>> {
        loop {
            match rustix::net::acceptfrom_with(&self.socket, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                Ok((socket, from)) => return Ok(Some((socket, self.peer(from)))),
                Err(rustix::io::Errno::AGAIN) => return Ok(None),
                // The client went away before it was its turn.
                Err(rustix::io::Errno::CONNABORTED | rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn peer(&self, from: Option<rustix::net::SocketAddrAny>) -> Peer {
        match &self.at {
            At::Unix(_) => Peer::Local,
            At::Tcp(_) => match from.and_then(|from| SocketAddr::try_from(from).ok()) {
                Some(address) => Peer::Tcp(address),
                None => Peer::Local,
            },
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        match &self.at {
            At::Tcp(_) => {}
            // Nothing can be done about a file that cannot be removed: the next start removes it as stale.
            At::Unix(path) => drop(fs::remove_file(path)),
        }
    }
}

fn open_host(host: &str, port: u16, backlog: i32) -> io::Result<Vec<Listener>> {
    let addresses: Vec<SocketAddr> = match host {
        "*" => vec![(Ipv4Addr::UNSPECIFIED, port).into(), (Ipv6Addr::UNSPECIFIED, port).into()],
        host => (host, port).to_socket_addrs().map_err(|error| at(&host, &error))?.collect(),
    };
    let mut opened = Vec::new();
    let mut failed = None;
    for address in addresses {
        match open_tcp(address, backlog) {
            Ok(listener) => opened.push(listener),
            Err(error) => failed = Some(at(&address, &error)),
        }
    }
    match (opened.is_empty(), failed) {
        (false, _) => Ok(opened),
        (true, Some(error)) => Err(error),
        (true, None) => {
            Err(io::Error::new(io::ErrorKind::NotFound, format!("{host}: the name has no address")))
        }
    }
}

fn open_tcp(address: SocketAddr, backlog: i32) -> io::Result<Listener> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = stream_socket(family)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    be_prompt(&socket);
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, backlog)?;
    let bound = SocketAddr::try_from(rustix::net::getsockname(&socket)?)?;
    Ok(Listener { socket, at: At::Tcp(bound) })
}

fn open_unix(path: &Path, mode: u32, group: Option<&str>, backlog: i32) -> io::Result<Listener> {
    remove_stale(path)?;
    let socket = stream_socket(AddressFamily::UNIX)?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    let listener = Listener { socket, at: At::Unix(path.to_owned()) };
    if let Some(group) = group.filter(|group| !group.is_empty()) {
        chown(path, None, Some(group_id(group)?))?;
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    rustix::net::listen(&listener.socket, backlog)?;
    Ok(listener)
}

fn stream_socket(family: AddressFamily) -> io::Result<OwnedFd> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    Ok(rustix::net::socket_with(family, SocketType::STREAM, flags, None)?)
}

/// Removes the socket file of a process that is gone.
fn remove_stale(path: &Path) -> io::Result<()> {
    let kind = match fs::symlink_metadata(path) {
        Ok(found) => found.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !kind.is_socket() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the file is there and is no socket"));
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens on it")),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) => Err(error),
    }
}

fn group_id(group: &str) -> io::Result<u32> {
    if let Ok(number) = group.parse() {
        return Ok(number);
    }
    let all = fs::read_to_string("/etc/group")?;
    let found = all.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(group)).then(|| fields.nth(1)?.parse().ok()).flatten()
    });
    found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("there is no group {group}")))
}

fn at(place: &dyn std::fmt::Display, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot listen on {place}: {error}"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::Listener;
    use crate::Listen;

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("pgherd-listener-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        path
    }

    fn unix(directory: PathBuf) -> Listen {
        Listen::Unix { directory, port: 9999, mode: 0o770, group: Some("0".to_owned()) }
    }

    #[test]
    fn a_stale_socket_file_is_replaced_and_a_live_one_is_not() {
        let directory = folder("stale");
        let path = directory.join(".s.PGSQL.9999");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "std leaves the file behind, like a process that was killed");
        // Only root may give a file to another group; the group of the caller is always allowed.
        let group = std::os::unix::fs::MetadataExt::gid(&fs::metadata(&directory).unwrap()).to_string();
        let entry =
            Listen::Unix { directory: directory.clone(), port: 9999, mode: 0o770, group: Some(group) };
        let first = Listener::open(&entry, 5).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o770);
        let text = Listener::open(&unix(directory.clone()), 5).unwrap_err().to_string();
        assert!(text.contains(".s.PGSQL.9999") && text.contains("another process"), "{text}");
        drop(first);
        assert!(!path.exists(), "the file goes with the listener");
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_file_that_is_no_socket_is_left_alone() {
        let directory = folder("file");
        fs::write(directory.join(".s.PGSQL.9999"), "precious").unwrap();
        let text = Listener::open(&unix(directory.clone()), 5).unwrap_err().to_string();
        assert!(text.contains("no socket"), "{text}");
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn tcp_takes_a_free_port_when_none_is_given() {
        let listeners = Listener::open(&Listen::Tcp { host: "127.0.0.1".to_owned(), port: 0 }, 5).unwrap();
        assert_ne!(listeners[0].address().unwrap().port(), 0);
        assert!(listeners[0].accept().unwrap().is_none(), "nobody is there, and nobody waits for anybody");
    }
}
