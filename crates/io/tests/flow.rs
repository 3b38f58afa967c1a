//! Much at once: slow readers, streams both ways, more clients than a ring has buffers, backends that move.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::Ordering;
use std::sync::{Condvar, Mutex};
use std::thread;

use common::{Enough, FakeServer, Front, usual, well};
use pgherd_pool::BackendStage;
use pgherd_testkit::{Client, Request, wait_for};
use pgherd_wire::backend;
use pgherd_wire::frontend;

const WHO: [(&str, &str); 2] = [("user", "u"), ("database", "d")];

/// Bytes of a row of the servers here, with its head.
const ROW_BYTES: usize = 1024;

/// Rows of a long answer: far more than the sockets on its way hold.
const MANY_ROWS: u32 = 16 * 1024;

/// Clients that ask for a long answer and do not read it: more than a ring has buffers.
const SLOW_CLIENTS: usize = 80;

/// A row whose bytes tell which one it is.
fn put_row(out: &mut Vec<u8>, number: u32) {
    let start = out.len();
    out.extend_from_slice(b"D");
    out.extend_from_slice(&(ROW_BYTES as u32 - 1).to_be_bytes());
    out.extend_from_slice(&1_u16.to_be_bytes());
    out.extend_from_slice(&(ROW_BYTES as u32 - 11).to_be_bytes());
    while out.len() < start + ROW_BYTES {
        out.extend_from_slice(&number.to_be_bytes());
    }
    out.truncate(start + ROW_BYTES);
}

/// The number of a question that is made of this word and a number.
fn number_behind(word: &str, body: &[u8]) -> Option<u32> {
    let text = String::from_utf8_lossy(body.split(|byte| *byte == 0).next().unwrap()).into_owned();
    text.strip_prefix(word).map(|number| number.parse().unwrap())
}

/// Answers `rows N` with so many of them, and anything else as usual.
fn rows(kind: u8, body: &[u8], stream: &mut TcpStream) -> Enough {
    let Some(count) = number_behind("rows ", body) else { return well(kind, body, stream) };
    let mut out = Vec::new();
    for number in 0..count {
        put_row(&mut out, number);
        if out.len() > 64 * 1024 {
            // A client that goes away takes its answer with it.
            if stream.write_all(&out).is_err() {
                return Enough::Yes;
            }
            out.clear();
        }
    }
    out.extend_from_slice(&usual(kind, b"SELECT\0"));
    if stream.write_all(&out).is_ok() { Enough::No } else { Enough::Yes }
}

fn ask(client: &Client, sql: &str) -> TcpStream {
    let mut stream = client.stream().try_clone().unwrap();
    let mut question = Vec::new();
    Request::Query(sql.to_owned()).put(&mut question);
    stream.write_all(&question).unwrap();
    stream
}

/// Reads an answer of `rows` in pieces of `piece` bytes, and compares all of it.
fn read_rows(stream: &mut TcpStream, count: u32, piece: usize) {
    let block = |number: u32| {
        let mut out = Vec::new();
        if number < count {
            put_row(&mut out, number);
        } else {
            out = usual(b'Q', b"SELECT\0");
        }
        out
    };
    let mut buffer = vec![0; piece];
    let (mut number, mut expected) = (0, block(0));
    while number <= count {
        let n = stream.read(&mut buffer).unwrap();
        assert!(n > 0, "{number} of {count} rows came");
        let mut got = &buffer[..n];
        while !got.is_empty() {
            let length = got.len().min(expected.len());
            assert!(length > 0 && got[..length] == expected[..length], "row {number} is another one");
            got = &got[length..];
            expected.drain(..length);
            if expected.is_empty() && number <= count {
                number += 1;
                expected = if number <= count { block(number) } else { Vec::new() };
            }
        }
    }
}

#[test]
fn a_fast_client_is_served_while_many_do_not_read() {
    let server = FakeServer::start(rows);
    let front = Front::start(server.port, SLOW_CLIENTS + 2);
    let slow: Vec<Client> = (0..SLOW_CLIENTS).map(|_| Client::login(front.port, &WHO).unwrap()).collect();
    let mut streams: Vec<TcpStream> =
        slow.iter().map(|client| ask(client, &format!("rows {MANY_ROWS}"))).collect();
    for _ in 0..2 {
        let mut fast = Client::login(front.port, &WHO).unwrap();
        for _ in 0..500 {
            assert_eq!(fast.query("select 1").unwrap().len(), 2);
        }
        let mut much = ask(&fast, "rows 5000");
        read_rows(&mut much, 5000, 64 * 1024);
    }
    // Some go away in the middle, the others get all of it.
    streams.drain(20..).for_each(|stream| stream.shutdown(Shutdown::Both).unwrap());
    for stream in &mut streams {
        read_rows(stream, MANY_ROWS, 8 * 1024);
    }
}

#[test]
fn a_client_that_reads_in_small_pieces_gets_every_byte() {
    let server = FakeServer::start(rows);
    let front = Front::start(server.port, 4);
    let client = Client::login(front.port, &WHO).unwrap();
    for (count, piece) in [(100, 1), (3000, 77), (3000, 5000), (3000, 100_000)] {
        let mut stream = ask(&client, &format!("rows {count}"));
        read_rows(&mut stream, count, piece);
    }
}

#[test]
fn questions_and_answers_flow_both_ways_at_once() {
    const QUESTIONS: u32 = 3000;
    let server = FakeServer::start(rows);
    let front = Front::start(server.port, 4);
    let client = Client::login(front.port, &WHO).unwrap();
    let mut writer = client.stream().try_clone().unwrap();
    let asking = thread::spawn(move || {
        let mut all = Vec::new();
        let padding = "x".repeat(8000);
        for _ in 0..QUESTIONS {
            frontend::put_query(&mut all, b"rows 8");
            frontend::put_query(&mut all, format!("select '{padding}'").as_bytes());
            writer.write_all(&all).unwrap();
            all.clear();
        }
    });
    let mut reader = client.stream().try_clone().unwrap();
    let mut expected = Vec::new();
    (0..8).for_each(|number| put_row(&mut expected, number));
    expected.extend_from_slice(&usual(b'Q', b"SELECT\0"));
    expected.extend_from_slice(&usual(b'Q', b"SELECT\0"));
    let mut got = vec![0; expected.len()];
    for question in 0..QUESTIONS {
        reader.read_exact(&mut got).unwrap();
        assert!(got == expected, "the answer to question {question}");
    }
    asking.join().unwrap();
}

#[test]
fn a_client_that_says_no_more_still_gets_its_answers() {
    let server = FakeServer::start(rows);
    let front = Front::start(server.port, 4);
    for count in [1, 20_000] {
        let client = Client::login(front.port, &WHO).unwrap();
        let mut stream = ask(&client, &format!("rows {count}"));
        stream.shutdown(Shutdown::Write).unwrap();
        read_rows(&mut stream, count, 3000);
        assert_eq!(stream.read(&mut [0]).unwrap(), 0, "and then the end");
    }
    wait_for("the sessions to be gone", || front.handle.sessions().is_empty());
}

/// Rows with which an answer counts as long.
const LONG: u32 = 1024;

/// Pieces of `halting` that may be sent.
static ALLOWED: (Mutex<u32>, Condvar) = (Mutex::new(0), Condvar::new());

/// Rows of a piece of `halting`: now and then so few that they count as little.
fn rows_of_piece(piece: u32) -> u32 {
    if piece.is_multiple_of(7) { 1 } else { 8 }
}

const PIECES: u32 = 60;

/// Answers `halting` with a long answer, whose last pieces come when they are allowed.
fn halting(kind: u8, body: &[u8], stream: &mut TcpStream) -> Enough {
    if !body.starts_with(b"halting") {
        return well(kind, body, stream);
    }
    let (mut out, mut sent) = (Vec::new(), 0);
    for piece in 0..=PIECES {
        let (allowed, changed) = &ALLOWED;
        drop(changed.wait_while(allowed.lock().unwrap(), |allowed| *allowed < piece).unwrap());
        let count = if piece == 0 { LONG } else { rows_of_piece(piece) };
        (sent..sent + count).for_each(|number| put_row(&mut out, number));
        sent += count;
        if piece == PIECES {
            out.extend_from_slice(&usual(kind, b"SELECT\0"));
        }
        stream.write_all(&out).unwrap();
        out.clear();
    }
    Enough::No
}

/// Reads what a server says to anything.
fn read_usual(stream: &mut TcpStream) {
    let expected = usual(b'Q', b"SELECT\0");
    let mut got = vec![0; expected.len()];
    stream.read_exact(&mut got).unwrap();
    assert_eq!(got, expected);
}

/// Lets the loops do other things for a while.
fn something_else(other: &mut Client) {
    for _ in 0..10 {
        assert_eq!(other.query("select 1").unwrap().len(), 2);
    }
}

#[test]
fn what_comes_behind_a_pause_of_a_long_answer_or_question_is_noticed() {
    let server = FakeServer::start(halting);
    let front = Front::start(server.port, 4);
    let client = Client::login(front.port, &WHO).unwrap();
    let mut other = Client::login(front.port, &WHO).unwrap();
    let mut stream = ask(&client, "halting");
    let (mut got, mut number) = (vec![0; ROW_BYTES], 0);
    for piece in 0..=PIECES {
        let count = if piece == 0 { LONG } else { rows_of_piece(piece) };
        for _ in 0..count {
            stream.read_exact(&mut got).unwrap();
            let mut expected = Vec::new();
            put_row(&mut expected, number);
            assert!(got == expected, "row {number} is another one");
            number += 1;
        }
        something_else(&mut other);
        *ALLOWED.0.lock().unwrap() += 1;
        ALLOWED.1.notify_all();
    }
    read_usual(&mut stream);

    let mut question = Vec::new();
    frontend::put_query(&mut question, format!("select '{}'", "x".repeat(1024 * 1024)).as_bytes());
    let (long, rest) = question.split_at(600 * 1024);
    stream.write_all(long).unwrap();
    for piece in rest.chunks(8 * 1024) {
        something_else(&mut other);
        stream.write_all(piece).unwrap();
    }
    read_usual(&mut stream);
}

/// Bytes of a question that the sockets on its way do not hold: they take 6 and 4 MiB each, unless they are told to
/// take more.
const LONG_QUESTION: usize = 24 * 1024 * 1024;

/// Notices of a server that has much to say, each of 8 KiB or so.
const NOTICES: usize = 2048;

fn notice() -> Vec<u8> {
    let fields = format!("SNOTICE\0VNOTICE\0C00000\0M{}\0\0", "y".repeat(8 * 1024));
    let length = (fields.len() as u32 + 4).to_be_bytes();
    [b"N", &length[..], fields.as_bytes()].concat()
}

/// True once the servers of `deaf` may hear the next question.
static HEARING: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

/// Answers `deaf N` with so many rows, and does not listen before it is let; then it says a lot before it listens.
fn deaf(kind: u8, body: &[u8], stream: &mut TcpStream) -> Enough {
    let Some(count) = number_behind("deaf ", body) else { return well(kind, body, stream) };
    let mut out = Vec::new();
    (0..count).for_each(|number| put_row(&mut out, number));
    out.extend_from_slice(&usual(kind, b"SELECT\0"));
    stream.write_all(&out).unwrap();
    let (hearing, changed) = &HEARING;
    *changed.wait_while(hearing.lock().unwrap(), |hearing| !*hearing).unwrap() = false;
    (0..NOTICES).for_each(|_| stream.write_all(&notice()).unwrap());
    Enough::No
}

#[test]
fn who_waits_for_a_long_question_to_be_heard_hears_what_is_said_before() {
    let server = FakeServer::start(deaf);
    let front = Front::start(server.port, 4);
    let client = Client::login(front.port, &WHO).unwrap();
    let mut other = Client::login(front.port, &WHO).unwrap();
    let mut question = Vec::new();
    frontend::put_query(&mut question, format!("select '{}'", "x".repeat(LONG_QUESTION)).as_bytes());
    for count in [LONG, LONG + 100, LONG + 200] {
        let mut stream = ask(&client, &format!("deaf {count}"));
        read_rows(&mut stream, count, 64 * 1024);
        something_else(&mut other);
        let sent = write_what_fits(&mut stream, &question, &mut other);
        *HEARING.0.lock().unwrap() = true;
        HEARING.1.notify_all();
        let (expected, mut got) = (notice(), notice());
        for number in 0..NOTICES {
            got.fill(0);
            stream.read_exact(&mut got).unwrap();
            assert!(got == expected, "notice {number}");
        }
        stream.write_all(&question[sent..]).unwrap();
        read_usual(&mut stream);
    }
}

/// Writes until nothing is taken any more, also when the loops have had time. Returns how much that was.
fn write_what_fits(stream: &mut TcpStream, bytes: &[u8], other: &mut Client) -> usize {
    let (mut sent, mut refused) = (0, 0);
    stream.set_nonblocking(true).unwrap();
    while refused < 3 {
        match stream.write(&bytes[sent..]) {
            Ok(count) => (sent, refused) = (sent + count, 0),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                refused += 1;
                something_else(other);
            }
            Err(error) => panic!("{error}"),
        }
    }
    stream.set_nonblocking(false).unwrap();
    assert!(sent < bytes.len(), "the sockets hold all of it");
    sent
}

/// Answers `breaking` with the beginning of a long answer, and goes away when it is allowed.
fn breaking(kind: u8, body: &[u8], stream: &mut TcpStream) -> Enough {
    if !body.starts_with(b"breaking") {
        return well(kind, body, stream);
    }
    let mut out = Vec::new();
    (0..LONG).for_each(|number| put_row(&mut out, number));
    stream.write_all(&out).unwrap();
    // The client says that it has read all of it by asking for more.
    stream.read_exact(&mut [0]).unwrap();
    Enough::Yes
}

#[test]
fn a_server_that_goes_away_in_a_long_answer_is_noticed() {
    let server = FakeServer::start(breaking);
    let front = Front::start(server.port, 4);
    let client = Client::login(front.port, &WHO).unwrap();
    let mut other = Client::login(front.port, &WHO).unwrap();
    let mut stream = ask(&client, "breaking");
    let mut got = vec![0; LONG as usize * ROW_BYTES];
    stream.read_exact(&mut got).unwrap();
    something_else(&mut other);
    let _more = ask(&client, "select 1");
    let mut last_words = Vec::new();
    // It may end with a reset, because there was something that nobody read.
    let _ = stream.read_to_end(&mut last_words);
    assert!(last_words.starts_with(b"E"), "{last_words:?}");
    wait_for("the session to be gone", || front.handle.sessions().len() == 1);
}

#[test]
fn a_backend_moves_between_two_loops_as_often_as_wanted() {
    let server = FakeServer::start(rows);
    let front = Front::start(server.port, 1);
    for round in 0..200 {
        let client = Client::login(front.port, &WHO).unwrap();
        let mut stream = ask(&client, "rows 50");
        read_rows(&mut stream, 50, 4096);
        drop((client, stream));
        let is_idle = || {
            front.handle.backends().iter().all(|row| matches!(row.stage, BackendStage::Idle { .. }))
                && front.handle.sessions().is_empty()
        };
        wait_for("the backend to be idle", is_idle);
        assert_eq!(server.connections.load(Ordering::SeqCst), 1, "in round {round}");
    }
}

#[test]
fn what_an_idle_backend_says_while_it_moves_is_heard() {
    /// After each reset, a parameter changes when nobody holds the backend.
    fn restless(kind: u8, body: &[u8], stream: &mut TcpStream) -> Enough {
        if !body.starts_with(b"DISCARD") {
            return well(kind, body, stream);
        }
        well(kind, body, stream);
        for number in 0..50_u8 {
            let mut out = Vec::new();
            backend::put_parameter_status(&mut out, b"restless", &[b'a' + number % 26]);
            stream.write_all(&out).unwrap();
        }
        Enough::No
    }
    let server = FakeServer::start(restless);
    let front = Front::start(server.port, 2);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..100 {
                    let mut client = Client::login(front.port, &WHO).unwrap();
                    let answer = client.query("select 1").unwrap();
                    let kinds: Vec<u8> = answer.iter().map(|message| message.kind).collect();
                    assert!(kinds.ends_with(b"CZ"), "{answer:?}");
                }
            });
        }
    });
    wait_for("the sessions to be gone", || front.handle.sessions().is_empty());
}
