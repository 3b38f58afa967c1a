//! Messages that are none, in the middle of a session, and clients that stop talking before they stop listening.

use std::net::Shutdown;

use pgherd_conformance::{Scene, first_difference};
use pgherd_testkit::{Param, Request, Target};

fn raw(bytes: &[u8]) -> Request {
    Request::Raw(bytes.to_vec())
}

fn query(sql: &str) -> Request {
    Request::Query(sql.to_owned())
}

fn parse(name: &str, sql: &str) -> Request {
    Request::Parse { name: name.to_owned(), sql: sql.to_owned(), types: Vec::new() }
}

fn bind(statement: &str) -> Request {
    let params = vec![Param::Text("1".to_owned())];
    Request::Bind { portal: String::new(), statement: statement.to_owned(), params, results: Vec::new() }
}

fn execute() -> Request {
    Request::Execute(String::new(), 0)
}

/// What a client sees that sends all of it at once, closes its side and reads to the end.
fn talk(target: &Target, requests: &[Request]) -> Vec<String> {
    let mut client = target.connect().expect("a session");
    client.query("create temp table here (i int)").expect("the session goes on");
    client.send(requests).expect("the connection is open");
    client.stream().shutdown(Shutdown::Write).expect("a socket");
    match client.read_to_end() {
        Ok(all) => all.iter().map(|message| essence(&message.text())).collect(),
        Err(error) => vec![error.to_string()],
    }
}

/// Without the place in the server's source. And an end in the middle of COPY is always a Terminate for the server,
/// whose text is another one than for a connection that is closed.
fn essence(line: &str) -> String {
    let ends_copy = ["M=unexpected EOF on client connection", "M=unexpected message type 0x58 during COPY"];
    if ends_copy.iter().any(|text| line.contains(text)) {
        return "the COPY ends".to_owned();
    }
    line.split(" F=").next().unwrap_or_default().to_owned()
}

fn compare(scene: &Scene, cases: &[(&str, Vec<Request>)]) {
    let differences: Vec<String> = cases
        .iter()
        .filter_map(|(name, requests)| {
            let difference =
                first_difference(&talk(&scene.direct, requests), &talk(&scene.through, requests));
            difference.map(|difference| format!("{name}:\n{difference}"))
        })
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert_eq!(scene.client().value("select 1"), "1");
}

/// Messages that a server does not like.
fn garbage() -> Vec<(&'static str, Vec<Request>)> {
    let alone: [(&'static str, &[u8]); 17] = [
        ("an unknown kind", b"z\0\0\0\x04"),
        ("kind 0", b"\0\0\0\0\x04"),
        ("kind 255", b"\xff\0\0\0\x04"),
        ("a reply", b"T\0\0\0\x06\0\0"),
        ("length 3", b"Q\0\0\0\x03"),
        ("a negative length", b"Q\xff\xff\xff\xff"),
        ("a Sync with a body", b"S\0\0\0\x08abcd"),
        ("a Query without its end", b"Q\0\0\0\x0cselect 1"),
        ("a Query with something behind its end", b"Q\0\0\0\x10select 1\0ab\0"),
        ("an empty Query without its end", b"Q\0\0\0\x04"),
        ("a Parse without its end", b"P\0\0\0\x08abcd"),
        ("a Bind that is too short", b"B\0\0\0\x06\0\0"),
        ("a Describe of something else", b"D\0\0\0\x06X\0"),
        ("a Close of something else", b"C\0\0\0\x06X\0"),
        ("an Execute without its end", b"E\0\0\0\x05\0"),
        ("a password", b"p\0\0\0\x08abc\0"),
        ("a function call that is none", b"F\0\0\0\x06\0\0"),
    ];
    let followed = |bytes: &[u8]| vec![raw(bytes), Request::Sync, query("select 2"), Request::Terminate];
    let mut cases: Vec<_> = alone.into_iter().map(|(name, bytes)| (name, followed(bytes))).collect();
    cases.push((
        "COPY messages outside of COPY",
        vec![
            Request::CopyData(b"x".to_vec()),
            Request::CopyDone,
            Request::CopyFail("x".to_owned()),
            query("select 2"),
        ],
    ));
    cases.push(("a Query in a batch", vec![parse("", "select 1"), query("select 2"), Request::Sync]));
    cases.push((
        "a Query in a failed batch",
        vec![parse("", "selec"), query("select 2"), Request::Sync, query("select 3")],
    ));
    cases
        .push(("a Query in COPY", vec![query("copy here from stdin"), query("select 2"), query("select 3")]));
    cases
}

#[test]
fn garbage_is_answered_as_by_a_server_in_raw_mode() {
    compare(&Scene::raw("garbage_raw", ""), &garbage());
}

#[test]
fn garbage_is_answered_as_by_a_server_in_streaming_mode() {
    compare(&Scene::streaming("garbage_streaming", ""), &garbage());
}

/// What was asked before the goodbye is answered.
fn goodbyes() -> Vec<(&'static str, Vec<Request>)> {
    vec![
        ("EOF behind a Query", vec![query("select 1")]),
        ("EOF behind Queries", vec![query("select 1"), query("selec"), query("select 3")]),
        ("Terminate behind a Query", vec![query("select 1"), Request::Terminate]),
        ("Terminate and more", vec![query("select 1"), Request::Terminate, query("select 2")]),
        ("EOF behind a slow Query", vec![query("select 1 from (select pg_sleep(0.1)) s"), query("select 2")]),
        ("EOF behind a long result", vec![query("select repeat('x', 1000) from generate_series(1, 5000)")]),
        ("EOF behind a batch", vec![parse("", "select $1::int"), bind(""), execute(), Request::Sync]),
        (
            "EOF behind two batches",
            vec![
                parse("s", "select $1::int"),
                bind("s"),
                execute(),
                Request::Sync,
                bind("s"),
                execute(),
                Request::Sync,
                query("select 2"),
            ],
        ),
        ("EOF in a flushed batch", vec![parse("", "select $1::int"), bind(""), execute(), Request::Flush]),
        (
            "Terminate in a flushed batch",
            vec![parse("", "select $1::int"), bind(""), execute(), Request::Flush, Request::Terminate],
        ),
        ("EOF in COPY IN", vec![query("copy here from stdin"), Request::CopyData(b"1\n".to_vec())]),
        ("Terminate in COPY IN", vec![query("copy here from stdin"), Request::Terminate]),
        (
            "EOF behind COPY IN",
            vec![
                query("copy here from stdin"),
                Request::CopyData(b"1\n".to_vec()),
                Request::CopyDone,
                query("select i from here"),
            ],
        ),
        ("EOF in a transaction", vec![query("begin"), query("select 1")]),
        ("EOF in half a message", vec![query("select 1"), raw(b"Q\0\0\0\x10sel")]),
        ("Terminate alone", vec![Request::Terminate]),
        ("EOF alone", vec![]),
    ]
}

#[test]
fn a_goodbye_waits_for_the_answers_in_raw_mode() {
    compare(&Scene::raw("goodbye_raw", ""), &goodbyes());
}

#[test]
fn a_goodbye_waits_for_the_answers_in_streaming_mode() {
    compare(&Scene::streaming("goodbye_streaming", ""), &goodbyes());
}
