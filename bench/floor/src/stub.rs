//! A server that answers every query with one row.

use std::io;
use std::os::fd::OwnedFd;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

use crate::net;

const LISTENER: u64 = u64::MAX;
const EVENTS_PER_TURN: usize = 256;
/// Bytes of one read; no client of a stub sends more before it reads.
const READ_BYTES: usize = 16 * 1024;

const SSL_REQUEST: [u8; 4] = 80_877_103_u32.to_be_bytes();
const GSSENC_REQUEST: [u8; 4] = 80_877_104_u32.to_be_bytes();

/// What has come of a message that is not whole yet, and whether the startup packet is behind us.
struct Connection {
    socket: OwnedFd,
    rest: Vec<u8>,
    started: bool,
}

/// Serves for ever.
pub(crate) fn run(listen: &str) -> io::Result<()> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let listener = net::listen(listen)?;
    epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    let mut connections: Vec<Option<Connection>> = Vec::new();
    let mut free = Vec::new();
    let mut events: Vec<Event> = Vec::with_capacity(EVENTS_PER_TURN);
    let (mut buffer, mut answer) = (vec![0; READ_BYTES], Vec::new());
    loop {
        match epoll::wait(&epoll, spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in events.drain(..) {
            let data = event.data;
            if data.u64() == LISTENER {
                while let Some(socket) = net::accept(&listener) {
                    let at = free.pop().unwrap_or(connections.len());
                    epoll::add(&epoll, &socket, EventData::new_u64(at as u64), EventFlags::IN)?;
                    let new = Some(Connection { socket, rest: Vec::new(), started: false });
                    if at == connections.len() {
                        connections.push(new);
                    } else {
                        connections[at] = new;
                    }
                }
                continue;
            }
            let at = data.u64() as usize;
            let Some(connection) = &mut connections[at] else { continue };
            if !connection.turn(&mut buffer, &mut answer) {
                connections[at] = None;
                free.push(at);
            }
        }
    }
}

impl Connection {
    /// Reads once and answers. False when the client is gone.
    fn turn(&mut self, buffer: &mut [u8], answer: &mut Vec<u8>) -> bool {
        let Ok((count, _)) = rustix::net::recv(&self.socket, &mut *buffer, RecvFlags::empty()) else {
            return false;
        };
        if count == 0 {
            return false;
        }
        self.rest.extend_from_slice(&buffer[..count]);
        answer.clear();
        let mut at = 0;
        while let Some(taken) = self.message(at, answer) {
            at += taken;
        }
        self.rest.drain(..at);
        if self.rest.is_empty() {
            self.rest = Vec::new();
        }
        answer.is_empty() || rustix::net::send(&self.socket, answer, SendFlags::NOSIGNAL) == Ok(answer.len())
    }

    /// Answers the message at an offset; how long it is, when it is whole.
    fn message(&mut self, at: usize, answer: &mut Vec<u8>) -> Option<usize> {
        let bytes = self.rest.get(at..)?;
        let header = usize::from(self.started);
        let length = u32::from_be_bytes(bytes.get(header..header + 4)?.try_into().ok()?) as usize;
        let message = bytes.get(..header + length)?;
        let code = message.get(header + 4..header + 8);
        if !self.started && (code == Some(&SSL_REQUEST) || code == Some(&GSSENC_REQUEST)) {
            answer.push(b'N');
        } else if !self.started {
            self.started = true;
            put(answer, b'R', &[0; 4]);
            put(answer, b'S', b"server_version\x0015.0\0");
            put(answer, b'S', b"client_encoding\0UTF8\0");
            put(answer, b'K', &[0, 0, 0, 1, 0, 0, 0, 1]);
            put(answer, b'Z', b"I");
        } else if message.first() == Some(&b'Q') {
            let recovery = message.windows(17).any(|word| word == b"pg_is_in_recovery");
            put(answer, b'T', b"\0\x01?column?\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0");
            put(answer, b'D', if recovery { b"\0\x01\0\0\0\x01f" } else { b"\0\x01\0\0\0\x011" });
            put(answer, b'C', b"SELECT 1\0");
            put(answer, b'Z', b"I");
        } else if message.first() == Some(&b'S') {
            put(answer, b'Z', b"I");
        }
        Some(header + length)
    }
}

fn put(out: &mut Vec<u8>, kind: u8, body: &[u8]) {
    out.push(kind);
    out.extend((body.len() as u32 + 4).to_be_bytes());
    out.extend(body);
}
