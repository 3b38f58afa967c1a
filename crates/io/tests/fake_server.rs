//! Backends that behave as real ones rarely do.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use core::time::Duration;
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use common::{Enough, FakeServer, Front, topology, usual, well};
use pgherd_testkit::{Client, ClientError, Request, wait_for};
use pgherd_types::NodeStatus;
use pgherd_wire::backend::{self, TransactionStatus};

const WHO: [(&str, &str); 2] = [("user", "u"), ("database", "d")];

fn kinds(client: &mut Client, sql: &str) -> String {
    client.query(sql).unwrap().iter().map(|message| char::from(message.kind)).collect()
}

fn idle(front: &Front) -> usize {
    let is_idle = |row: &pgherd_pool::BackendRow| matches!(row.stage, pgherd_pool::BackendStage::Idle { .. });
    front.handle.backends().iter().filter(|row| is_idle(row)).count()
}

#[test]
fn a_backend_is_used_again() {
    let server = FakeServer::start(well);
    let front = Front::start(server.port, 4);
    for _ in 0..5 {
        let mut client = Client::login(front.port, &WHO).unwrap();
        assert_eq!(kinds(&mut client, "select 1"), "CZ");
        drop(client);
        wait_for("the backend to be idle", || idle(&front) == 1);
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[test]
fn answers_may_come_byte_by_byte() {
    fn slowly(kind: u8, body: &[u8], stream: &mut TcpStream) -> Enough {
        for byte in usual(kind, body) {
            stream.write_all(&[byte]).unwrap();
        }
        Enough::No
    }
    let server = FakeServer::start(slowly);
    let front = Front::start(server.port, 4);
    let mut client = Client::login(front.port, &WHO).unwrap();
    for _ in 0..20 {
        assert_eq!(kinds(&mut client, "select 1"), "CZ");
    }
}

#[test]
fn questions_may_come_byte_by_byte() {
    let server = FakeServer::start(well);
    let front = Front::start(server.port, 4);
    let mut client = Client::login(front.port, &WHO).unwrap();
    let mut question = Vec::new();
    pgherd_wire::frontend::put_query(&mut question, b"select 1");
    for byte in question {
        client.send_bytes(&[byte]).unwrap();
    }
    let answer = client.read_until_ready().unwrap();
    assert_eq!(answer.iter().map(|message| message.kind).collect::<Vec<_>>(), b"CZ");
}

#[test]
fn a_backend_that_fails_its_reset_is_not_used_again() {
    fn no_reset(kind: u8, body: &[u8], stream: &mut TcpStream) -> Enough {
        if body.starts_with(b"DISCARD") {
            return Enough::Yes;
        }
        well(kind, body, stream)
    }
    let server = FakeServer::start(no_reset);
    let front = Front::start(server.port, 1);
    for _ in 0..3 {
        let mut client = Client::login(front.port, &WHO).unwrap();
        assert_eq!(kinds(&mut client, "select 1"), "CZ");
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 3);
}

#[test]
fn a_backend_that_speaks_out_of_turn_while_idle_is_not_used_again() {
    fn chatter(kind: u8, body: &[u8], stream: &mut TcpStream) -> Enough {
        let mut out = usual(kind, body);
        if body.starts_with(b"DISCARD") {
            stream.write_all(&out).unwrap();
            out.clear();
            backend::put_command_complete(&mut out, b"SURPRISE");
        }
        stream.write_all(&out).unwrap();
        Enough::No
    }
    let server = FakeServer::start(chatter);
    let front = Front::start(server.port, 1);
    for _ in 0..3 {
        let mut client = Client::login(front.port, &WHO).unwrap();
        assert_eq!(kinds(&mut client, "select 1"), "CZ");
        drop(client);
        wait_for("the backend to be closed", || front.handle.backends().is_empty());
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 3);
}

#[test]
fn an_idle_backend_that_died_is_forgotten() {
    fn dies(kind: u8, body: &[u8], stream: &mut TcpStream) -> Enough {
        well(kind, body, stream);
        if body.starts_with(b"DISCARD") { Enough::Yes } else { Enough::No }
    }
    let server = FakeServer::start(dies);
    let front = Front::start(server.port, 1);
    for _ in 0..5 {
        let mut client = Client::login(front.port, &WHO).unwrap();
        assert_eq!(kinds(&mut client, "select 1"), "CZ");
        drop(client);
        wait_for("its end to be noticed", || front.handle.backends().is_empty());
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 5);
}

#[test]
fn a_backend_that_dies_in_a_statement_ends_no_other_session() {
    fn dies(kind: u8, body: &[u8], stream: &mut TcpStream) -> Enough {
        if body.starts_with(b"die") { Enough::Yes } else { well(kind, body, stream) }
    }
    let server = FakeServer::start(dies);
    let front = Front::start(server.port, 4);
    let mut other = Client::login(front.port, &WHO).unwrap();
    assert_eq!(kinds(&mut other, "select 1"), "CZ");
    let mut client = Client::login(front.port, &WHO).unwrap();
    client.send(&[Request::Query("die".to_owned())]).unwrap();
    let answer = client.read().unwrap();
    assert_eq!(answer.kind, b'E', "{answer:?}");
    assert_eq!(kinds(&mut other, "select 1"), "CZ");
    assert!(front.saw("BackendLost"));
}

#[test]
fn sessions_wait_for_a_place_in_order_and_leave_the_queue_when_they_hang_up() {
    let server = FakeServer::start(well);
    let front = Front::start(server.port, 1);
    let first = Client::login(front.port, &WHO).unwrap();
    let stages = |wanted| front.handle.sessions().iter().filter(|row| row.stage == wanted).count();
    let waiting = || stages(pgherd_io::SessionStage::Waiting);
    let mut quitter = Client::connect(front.port).unwrap();
    let mut hello = Vec::new();
    let version = pgherd_wire::ProtocolVersion::V3_0;
    pgherd_wire::startup::put_startup_message(&mut hello, version, WHO);
    quitter.send_bytes(&hello).unwrap();
    wait_for("one to wait", || waiting() == 1);
    let port = front.port;
    let patient = std::thread::spawn(move || Client::login(port, &WHO).map(drop));
    wait_for("two to wait", || waiting() == 2);
    drop(quitter);
    wait_for("the one that hung up to be gone", || waiting() == 1);
    drop(first);
    patient.join().unwrap().unwrap();
}

#[test]
fn an_idle_backend_is_closed_when_its_time_is_over_or_its_node_goes_down() {
    let server = FakeServer::start(well);
    let short = Front::with(server.port, |settings| {
        settings.pool.life_time = Some(Duration::from_millis(1));
    });
    drop(Client::login(short.port, &WHO).unwrap());
    wait_for("its time to be over", || short.handle.backends().is_empty());

    let front = Front::start(server.port, 4);
    drop(Client::login(front.port, &WHO).unwrap());
    wait_for("the backend to be idle", || idle(&front) == 1);
    front.handle.publish_topology(Arc::new(topology(server.port, NodeStatus::Down, 2)));
    wait_for("the backend to be closed", || front.handle.backends().is_empty());
}

#[test]
fn a_failure_inside_ends_one_session_and_nothing_else() {
    let server = FakeServer::start(well);
    let front = Front::with(server.port, |settings| {
        settings.hooks.admin = Arc::new(|ask| {
            assert!(!ask.text.starts_with(b"show pool_failure"), "a failure for the test");
            None
        });
    });
    let mut other = Client::login(front.port, &WHO).unwrap();
    let mut client = Client::login(front.port, &WHO).unwrap();
    client.send(&[Request::Query("show pool_failure".to_owned())]).unwrap();
    let last = client.read().unwrap();
    assert_eq!((last.kind, last.field(b'C').as_deref()), (b'E', Some("XX000")), "{last:?}");
    assert!(client.read().is_err(), "the connection is closed");
    assert_eq!(kinds(&mut other, "select 1"), "CZ");
    wait_for("its place and its backend to be free", || front.handle.sessions().len() == 1);
    assert!(front.saw("SessionPanicked"));
}

#[test]
fn a_client_that_never_says_who_it_is_is_dropped() {
    let server = FakeServer::start(well);
    let front = Front::with(server.port, |settings| {
        let mut live = (*settings.live).clone();
        live.policy.authentication_timeout = Some(Duration::from_millis(50));
        settings.live = Arc::new(live);
    });
    let mut silent = Client::connect(front.port).unwrap();
    let heard = silent.read();
    assert!(matches!(heard, Err(ClientError::Closed)), "without a word, as PostgreSQL does: {heard:?}");
    wait_for("its session to be gone", || front.handle.sessions().is_empty());
}

#[test]
fn a_server_that_does_not_answer_is_given_up() {
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let front = Front::with(mute.local_addr().unwrap().port(), |settings| {
        let mut live = (*settings.live).clone();
        live.connect_timeout = Some(Duration::from_millis(50));
        settings.live = Arc::new(live);
    });
    assert!(Client::login(front.port, &WHO).is_err());
    assert!(front.saw("DialFailed"));
    assert!(front.handle.backends().is_empty(), "its place in the budget is free");
}

#[test]
fn the_parameters_of_an_idle_backend_are_kept_right() {
    fn renamed(kind: u8, body: &[u8], stream: &mut TcpStream) -> Enough {
        let mut out = usual(kind, body);
        if body.starts_with(b"DISCARD") {
            backend::put_parameter_status(&mut out, b"server_version", b"15.1");
        }
        stream.write_all(&out).unwrap();
        Enough::No
    }
    let server = FakeServer::start(renamed);
    let front = Front::start(server.port, 1);
    let mut client = Client::login(front.port, &WHO).unwrap();
    assert_eq!(kinds(&mut client, "select 1"), "CZ");
    drop(client);
    let client = Client::login(front.port, &WHO).unwrap();
    let told = client.startup().iter().any(|message| message.body.ends_with(b"server_version\x0015.1\0"));
    assert!(told, "{:?}", client.startup());
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[test]
fn a_transaction_that_cannot_be_ended_ends_the_backend() {
    fn open(kind: u8, body: &[u8], stream: &mut TcpStream) -> Enough {
        let mut out = Vec::new();
        if kind == b'Q' {
            backend::put_command_complete(&mut out, b"BEGIN");
        }
        backend::put_ready_for_query(&mut out, TransactionStatus::InTransaction);
        let _ = body;
        stream.write_all(&out).unwrap();
        Enough::No
    }
    let server = FakeServer::start(open);
    let front = Front::start(server.port, 1);
    for _ in 0..2 {
        let mut client = Client::login(front.port, &WHO).unwrap();
        assert_eq!(kinds(&mut client, "begin"), "CZ");
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 2);
}
