//! What clients that do nothing take. A program of its own, because it looks at its memory.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use common::Front;
use pgherd_pool::PoolLimits;
use pgherd_wire::ProtocolVersion;
use pgherd_wire::backend::{self, TransactionStatus};
use pgherd_wire::{frontend, startup};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Clients that come first: what all share has been made and used when they are there.
const FIRST: usize = 300;

/// Clients that are weighed, at the most. With the first they nearly fill the tables of the event loop.
const WEIGHED: usize = 590;

/// What one may take, its backend included, in bytes; docs/performance.md says what it is made of.
const MOST: usize = 1640;

/// Descriptors of one client: both ends of its connection, and both of its backend's.
const DESCRIPTORS: usize = 4;

/// Descriptors of everything else.
const OTHERS: usize = 100;

/// Both ends of what passes through the data plane. It takes no memory for a client but its two descriptors.
struct Ends {
    server: TcpListener,
    front: u16,
    held: Vec<TcpStream>,
}

impl Ends {
    /// A client comes, asks one thing, and stays.
    fn one_more(&mut self) {
        let mut client = TcpStream::connect(("127.0.0.1", self.front)).unwrap();
        let mut hello = Vec::new();
        let who = [("user", "somebody"), ("database", "something"), ("application_name", "a test")];
        startup::put_startup_message(&mut hello, ProtocolVersion::V3_0, who);
        client.write_all(&hello).unwrap();
        let (mut backend, _) = self.server.accept().unwrap();
        receive(&mut backend, b"\0");
        let mut opened = Vec::new();
        backend::put_authentication_ok(&mut opened);
        for name in ["server_version", "client_encoding", "TimeZone", "DateStyle", "application_name"] {
            backend::put_parameter_status(&mut opened, name.as_bytes(), b"some value of it");
        }
        backend::put_backend_key_data(&mut opened, 7, &[1, 2, 3, 4]);
        backend::put_ready_for_query(&mut opened, TransactionStatus::Idle);
        backend.write_all(&opened).unwrap();
        receive(&mut client, READY);
        let (mut question, mut answer) = (Vec::new(), Vec::new());
        frontend::put_query(&mut question, b"select 1");
        client.write_all(&question).unwrap();
        receive(&mut backend, b"select 1\0");
        backend::put_command_complete(&mut answer, b"SELECT 1");
        backend::put_ready_for_query(&mut answer, TransactionStatus::Idle);
        backend.write_all(&answer).unwrap();
        receive(&mut client, READY);
        self.held.extend([client, backend]);
    }
}

/// The end of what a session is told.
const READY: &[u8] = b"Z\0\0\0\x05I";

/// Reads up to these bytes.
fn receive(stream: &mut TcpStream, end: &[u8]) {
    let (mut buffer, mut have) = ([0; 1024], 0);
    while !buffer.get(..have).unwrap().ends_with(end) {
        let count = stream.read(buffer.get_mut(have..).unwrap()).unwrap();
        assert!(count > 0, "the connection was closed");
        have += count;
    }
}

/// Clients that are too few to be weighed.
const TOO_FEW: usize = 100;

/// How many clients may be weighed, once as many descriptors are allowed as there may be.
fn allowed() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let wanted = (DESCRIPTORS * (FIRST + WEIGHED) + OTHERS) as u64;
    let current = limit.maximum.map_or(wanted, |most| most.min(wanted)).max(limit.current.unwrap_or(wanted));
    setrlimit(Resource::Nofile, Rlimit { current: Some(current), ..limit }).unwrap();
    let clients = (current as usize - OTHERS) / DESCRIPTORS;
    clients.saturating_sub(FIRST).min(WEIGHED)
}

/// Memory of this program that no file is behind, in bytes.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

#[test]
fn an_idle_client_takes_no_more_than_was_promised() {
    let weighed = allowed();
    if weighed < TOO_FEW {
        return println!("this machine allows too few open files to weigh idle clients");
    }
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let front = Front::with(server.local_addr().unwrap().port(), |settings| {
        settings.threads = std::num::NonZeroUsize::new(1);
        settings.places.served = FIRST + WEIGHED;
        settings.pool = PoolLimits::new(FIRST + WEIGHED, 1);
        settings.hooks.observe = Arc::new(|_| {});
    });
    let mut ends = Ends { server, front: front.port, held: Vec::with_capacity(2 * (FIRST + WEIGHED)) };
    for _ in 0..FIRST {
        ends.one_more();
    }
    let before = memory();
    for _ in 0..weighed {
        ends.one_more();
    }
    let each = (memory() - before) / weighed;
    println!("{each} bytes for each of {weighed} idle clients");
    assert!(each <= MOST, "{each} bytes for each of {weighed} idle clients, and {MOST} are allowed");
}
