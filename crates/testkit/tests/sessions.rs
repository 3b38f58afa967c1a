//! What sessions through pgherd may expect of each other: nothing left behind, nothing leaking, a place in the queue.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use pgherd_testkit::{
    Client, ClientError, Message, Pgherd, Request, StopMode, Target, raw_cluster, streaming_cluster, wait_for,
};
use rustix::process::Signal;

/// The first value of the first row.
fn value(messages: &[Message]) -> Option<String> {
    messages.iter().find_map(Message::values)?.into_iter().next()?
}

/// The SQLSTATE of the first error.
fn code(messages: &[Message]) -> Option<String> {
    messages.iter().find_map(|message| if message.kind == b'E' { message.field(b'C') } else { None })
}

fn ask(client: &mut Client, sql: &str) -> Option<String> {
    value(&client.query(sql).expect("the session goes on"))
}

fn primary(pgherd: &Pgherd) -> Target {
    let cluster = raw_cluster();
    assert!(pgherd.target().port != 0);
    Target::node(cluster, cluster.node(0).expect("node 0"))
}

/// Backends of a database that pgherd opened, as the first node counts them, that fulfil a condition.
fn backends(direct: &Target, database: &str, condition: &str) -> String {
    direct.psql(&format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND pid <> pg_backend_pid() AND {condition}"
    ))
}

/// A database of its own for a test, so that its backends can be counted.
fn database(pgherd: &Pgherd, name: &str) -> (Target, Target) {
    let direct = primary(pgherd);
    direct.psql(&format!("CREATE DATABASE {name}"));
    (pgherd.target().clone().database(name), direct)
}

#[test]
fn sequential_sessions_share_one_backend_and_see_nothing_of_each_other() {
    let pgherd = Pgherd::start(raw_cluster(), "");
    let (target, direct) = database(&pgherd, "sharing");
    let mut pids = BTreeSet::new();
    for n in 0..20 {
        let mut client = target.connect().unwrap();
        pids.insert(ask(&mut client, "SELECT pg_backend_pid()"));
        assert_eq!(ask(&mut client, "SHOW work_mem").as_deref(), Some("4MB"), "session {n}");
        assert_eq!(ask(&mut client, "SELECT count(*) FROM pg_prepared_statements").as_deref(), Some("0"));
        assert_eq!(ask(&mut client, "SELECT to_regclass('pg_temp.mine') IS NULL").as_deref(), Some("t"));
        assert_eq!(ask(&mut client, "SELECT count(*) FROM pg_listening_channels()").as_deref(), Some("0"));
        assert_eq!(ask(&mut client, "SELECT pg_try_advisory_lock(7)").as_deref(), Some("t"));
        client.query("SET work_mem = '9MB'; CREATE TEMP TABLE mine (a int); LISTEN mine").unwrap();
        client.query("PREPARE mine AS SELECT 1; DECLARE c CURSOR WITH HOLD FOR SELECT 1; BEGIN").unwrap();
        client.send(&[Request::Terminate]).unwrap();
        client.read_until(|_| false).unwrap_err();
        // The connection is closed before the backend is reset: whoever comes sooner gets another backend.
        let reset = "state = 'idle' AND query LIKE '%DISCARD ALL%'";
        wait_for("the reset of the backend", || backends(&direct, "sharing", reset) == "1");
    }
    assert_eq!(pids.len(), 1, "{pids:?}");
    assert_eq!(backends(&direct, "sharing", "true"), "1");
}

#[test]
fn a_client_that_vanishes_leaves_no_transaction_and_no_lock() {
    let pgherd = Pgherd::start(raw_cluster(), "");
    let (target, direct) = database(&pgherd, "vanishing");
    target.psql("CREATE TABLE t (a int)");
    let ways: [(&str, &[&str]); 4] = [
        ("in a transaction", &["BEGIN; LOCK TABLE t"]),
        ("in a failed transaction", &["BEGIN; LOCK TABLE t; SELECT 1/0"]),
        ("in COPY", &["BEGIN; LOCK TABLE t", "COPY t FROM STDIN"]),
        ("idle", &["SELECT 1"]),
    ];
    for (name, statements) in ways {
        let mut client = target.connect().unwrap();
        for sql in statements {
            client.send(&[Request::Query((*sql).to_owned())]).unwrap();
            client.read_until(|message| message.ready().is_some() || message.kind == b'G').unwrap();
        }
        client.stream().shutdown(Shutdown::Both).unwrap();
        wait_for(&format!("the end of what was {name}"), || {
            backends(&direct, "vanishing", "state <> 'idle'") == "0"
        });
        assert_eq!(target.psql("BEGIN; LOCK TABLE t NOWAIT; COMMIT; SELECT 'free'"), "free", "{name}");
    }
}

#[test]
fn what_a_vanished_client_sent_is_carried_out_as_a_server_would() {
    let pgherd = Pgherd::start(raw_cluster(), "");
    let (target, direct) = database(&pgherd, "running");
    target.psql("CREATE TABLE t (a int)");
    let mut holder = Target::connect(&direct.clone().database("running")).unwrap();
    holder.query("BEGIN; LOCK TABLE t").unwrap();
    let mut client = target.connect().unwrap();
    client.send(&[Request::Query("INSERT INTO t VALUES (1)".to_owned())]).unwrap();
    wait_for("the statement to wait", || backends(&direct, "running", "wait_event_type = 'Lock'") == "1");
    drop(client);
    holder.query("COMMIT").unwrap();
    wait_for("the row", || target.psql("SELECT count(*) FROM t") == "1");
    wait_for("the end of all work", || backends(&direct, "running", "state <> 'idle'") == "0");
}

#[test]
fn cancelling_needs_the_right_key_and_ends_one_statement_only() {
    let pgherd = Pgherd::start(raw_cluster(), "");
    let (target, direct) = database(&pgherd, "cancelling");
    let mut client = target.connect().unwrap();
    let mut other = target.connect().unwrap();
    let slow = || Request::Query("SELECT pg_sleep(1000)".to_owned());
    client.send(&[slow()]).unwrap();
    other.send(&[slow()]).unwrap();
    wait_for("both to run", || backends(&direct, "cancelling", "state = 'active'") == "2");

    let (pid, key) = client.key().map(|(pid, key)| (pid, key.to_vec())).unwrap();
    let wrong: Vec<u8> = key.iter().map(|byte| !byte).collect();
    for key in [wrong.as_slice(), &[], &[0; 300]] {
        let body = [&80_877_102_u32.to_be_bytes(), &pid.to_be_bytes(), key].concat();
        let length = u32::try_from(body.len() + 4).unwrap();
        let mut stream = TcpStream::connect(("127.0.0.1", target.port)).unwrap();
        stream.write_all(&[length.to_be_bytes().as_slice(), &body].concat()).unwrap();
        let mut answer = Vec::new();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        // An answer there may be when the packet itself is wrong; no cancel.
        let _ = stream.read_to_end(&mut answer);
    }
    assert_eq!(backends(&direct, "cancelling", "state = 'active'"), "2");

    client.cancel().unwrap();
    assert_eq!(code(&client.read_until_ready().unwrap()).as_deref(), Some("57014"));
    assert_eq!(backends(&direct, "cancelling", "state = 'active'"), "1");
    // A late cancel hits nothing: neither this session's next statement nor the backend's next owner.
    client.cancel().unwrap();
    assert_eq!(ask(&mut client, "SELECT 'alive'").as_deref(), Some("alive"));
    other.cancel().unwrap();
    assert_eq!(code(&other.read_until_ready().unwrap()).as_deref(), Some("57014"));
}

#[test]
fn clients_above_the_limit_wait_and_are_served_when_others_go() {
    let pgherd = Pgherd::start(raw_cluster(), "num_init_children = 4");
    let target = pgherd.target();
    let served: Vec<Client> = (0..4).map(|_| target.connect().unwrap()).collect();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| target.connect().map(|mut client| ask(&mut client, "SELECT 5")));
        let mut impatient = Client::connect(target.port).unwrap();
        impatient.set_read_limit(Duration::from_millis(300));
        assert!(matches!(impatient.read(), Err(ClientError::Late)));
        drop(served);
        assert_eq!(waiting.join().unwrap().unwrap().as_deref(), Some("5"));
    });
}

#[test]
fn reserved_connections_refuse_instead() {
    let pgherd = Pgherd::start(raw_cluster(), "num_init_children = 4\nreserved_connections = 1");
    let target = pgherd.target();
    // The client with which the kit looked whether pgherd answers has to be gone first.
    let mut served: Vec<Client> = Vec::new();
    wait_for("three places", || {
        served.extend(target.connect().ok());
        served.len() == 3
    });
    let ClientError::Refused(message) = target.connect().unwrap_err() else { panic!("not refused") };
    assert_eq!(message.field(b'C').as_deref(), Some("53300"));
    drop(served);
    wait_for("a free place", || target.connect().is_ok());
}

#[test]
fn a_hundred_clients_at_once_all_get_their_own_answers() {
    let pgherd = Pgherd::start(streaming_cluster(), "num_init_children = 40");
    let target = pgherd.target();
    thread::scope(|scope| {
        for n in 0..100 {
            scope.spawn(move || {
                let mut client = target.connect().expect("a place");
                for i in 0..20 {
                    let expected = format!("{n}-{i}");
                    assert_eq!(ask(&mut client, &format!("SELECT '{n}' || '-' || '{i}'")), Some(expected));
                }
            });
        }
    });
}

#[test]
fn a_fast_stop_says_goodbye_and_a_smart_one_waits() {
    let mut pgherd = Pgherd::start(raw_cluster(), "");
    let mut idle = pgherd.target().connect().unwrap();
    assert!(pgherd.stop(StopMode::Fast).success());
    let goodbye = idle.read().unwrap();
    assert_eq!(
        (goodbye.field(b'S').as_deref(), goodbye.field(b'C').as_deref()),
        (Some("FATAL"), Some("57P01"))
    );
    assert!(matches!(idle.read(), Err(ClientError::Closed)));

    let mut pgherd = Pgherd::start(raw_cluster(), "");
    let mut busy = pgherd.target().connect().unwrap();
    pgherd.signal(Signal::TERM);
    let target = pgherd.target().clone();
    wait_for("new clients to be refused", || target.connect().is_err());
    assert_eq!(ask(&mut busy, "SELECT 'still here'").as_deref(), Some("still here"));
    busy.send(&[Request::Terminate]).unwrap();
    assert!(pgherd.wait().success());
}

#[test]
fn a_killed_pgherd_leaves_no_transaction_on_the_servers_and_starts_again_on_the_same_port() {
    let mut pgherd = Pgherd::start(raw_cluster(), "");
    let (target, direct) = database(&pgherd, "killed");
    let mut client = target.connect().unwrap();
    client.query("BEGIN; SELECT pg_current_xact_id()").unwrap();
    pgherd.signal(Signal::KILL);
    pgherd.wait();
    wait_for("the backends to go", || backends(&direct, "killed", "true") == "0");
    let again = Pgherd::start_on(raw_cluster(), Some(target.port), "");
    assert_eq!(again.target().psql("SELECT 1"), "1");
}

#[test]
fn what_is_no_startup_packet_is_refused_and_harms_nobody() {
    let pgherd = Pgherd::start(raw_cluster(), "authentication_timeout = 1");
    let target = pgherd.target();
    let mut bystander = target.connect().unwrap();
    let packet = |body: &[u8]| [&u32::try_from(body.len() + 4).unwrap().to_be_bytes(), body].concat();
    let hostile: Vec<(&str, Vec<u8>)> = vec![
        ("a web browser", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        ("a length of nothing", vec![0; 4]),
        ("a length of 4 GiB", vec![255; 8]),
        ("protocol 2.0", packet(&[0, 2, 0, 0])),
        ("protocol 4.0", packet(b"\0\x04\0\0user\0postgres\0\0")),
        ("no user", packet(b"\0\x03\0\0database\0postgres\0\0")),
        ("no end", packet(b"\0\x03\0\0user\0postgres")),
        ("an odd number of strings", packet(b"\0\x03\0\0user\0postgres\0database\0\0")),
        ("half a packet", vec![0, 0, 0, 50, 0, 3, 0, 0]),
        ("nothing", vec![]),
    ];
    for (name, bytes) in hostile {
        let mut stream = TcpStream::connect(("127.0.0.1", target.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(&bytes).unwrap();
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Ok(_) => {}
            // What arrived unread makes the kernel reset the connection: that is an end, too.
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{name}: {error}"),
        }
        assert!(answer.is_empty() || answer.starts_with(b"E"), "{name}: {answer:?}");
        assert_eq!(ask(&mut bystander, "SELECT 1").as_deref(), Some("1"), "{name}");
    }
}

#[test]
fn encryption_is_refused_politely_and_the_session_goes_on_in_the_clear() {
    let pgherd = Pgherd::start(raw_cluster(), "");
    for code in [80_877_103_u32, 80_877_104] {
        let mut stream = TcpStream::connect(("127.0.0.1", pgherd.target().port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(&[8_u32.to_be_bytes(), code.to_be_bytes()].concat()).unwrap();
        let mut answer = [0; 1];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"N");
        stream.write_all(b"\0\0\0\x17\0\x03\0\0user\0postgres\0\0").unwrap();
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"R");
    }
}

#[test]
fn idle_clients_and_kept_backends_go_when_their_time_is_over() {
    let pgherd = Pgherd::start(raw_cluster(), "client_idle_limit = 1\nconnection_life_time = 1");
    let (target, direct) = database(&pgherd, "ageing");
    let mut client = target.connect().unwrap();
    assert_eq!(ask(&mut client, "SELECT 1").as_deref(), Some("1"));
    let last = client.read().unwrap();
    assert_eq!(last.field(b'S').as_deref(), Some("FATAL"), "{last:?}");
    assert!(matches!(client.read(), Err(ClientError::Closed)));
    wait_for("the kept backend to go", || backends(&direct, "ageing", "true") == "0");
}

#[test]
fn without_a_cache_no_backend_is_kept() {
    let pgherd = Pgherd::start(raw_cluster(), "connection_cache = off");
    let (target, direct) = database(&pgherd, "uncached");
    assert_eq!(target.psql("SELECT 1"), "1");
    wait_for("the backend to go", || backends(&direct, "uncached", "true") == "0");
}
