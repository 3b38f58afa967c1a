//! What is decided late (3.5): statements that were prepared for one node and are run on another, and names that
//! only one node knows.

use pgherd_testkit::{Client, Message, Param, Pgherd, Request, Target, wait_for};

use crate::stage::{DATABASE, Stage, application};

const SETTINGS: &str = "backend_weight0 = 0\nread_consistency = eventual\n";

fn start(settings: &str) -> (&'static Stage, Pgherd, Client) {
    let stage = Stage::shared();
    let pgherd = Pgherd::start(&stage.cluster, &format!("{SETTINGS}{settings}"));
    let client = pgherd.target().clone().database(DATABASE).connect().expect("a session");
    (stage, pgherd, client)
}

fn batch(client: &mut Client, requests: &[Request]) -> Vec<Message> {
    requests.iter().for_each(|request| client.queue(request));
    client.queue(&Request::Sync);
    client.read_until_ready().expect("the session goes on")
}

fn parse(name: &str, sql: &str) -> Request {
    Request::Parse { name: name.to_owned(), sql: sql.to_owned(), types: Vec::new() }
}

fn run(name: &str) -> [Request; 2] {
    let bind = Request::Bind {
        portal: String::new(),
        statement: name.to_owned(),
        params: Vec::new(),
        results: Vec::new(),
    };
    [bind, Request::Execute(String::new(), 0)]
}

/// The node whose port is the first value.
fn node(stage: &Stage, messages: &[Message]) -> usize {
    let port = messages.iter().find_map(Message::values).and_then(|row| row.into_iter().next().flatten());
    let found = stage.cluster.nodes().find(|node| Some(node.port().to_string()) == port);
    found.unwrap_or_else(|| panic!("no node answered: {messages:?}")).index()
}

fn code(messages: &[Message]) -> Option<String> {
    messages.iter().find(|message| message.kind == b'E')?.field(b'C')
}

#[test]
fn what_was_parsed_for_a_standby_is_run_on_the_primary_after_a_write() {
    let (stage, _pgherd, mut client) = start("");
    batch(&mut client, &[parse("s", "SELECT inet_server_port()"), Request::Describe(b'S', "s".to_owned())]);
    assert_ne!(node(stage, &batch(&mut client, &run("s"))), 0);
    client.rows("BEGIN");
    assert_ne!(node(stage, &batch(&mut client, &run("s"))), 0, "before the write");
    client.rows("INSERT INTO u VALUES (1)");
    assert_eq!(node(stage, &batch(&mut client, &run("s"))), 0, "after the write");
    client.rows("COMMIT");
    assert_ne!(node(stage, &batch(&mut client, &run("s"))), 0, "after the transaction");
}

#[test]
fn what_was_prepared_by_sql_is_run_on_the_primary_after_a_write() {
    let (stage, _pgherd, mut client) = start("");
    client.rows("PREPARE s AS SELECT inet_server_port()");
    let from = |client: &mut Client| node(stage, &client.query("EXECUTE s").expect("the session goes on"));
    assert_ne!(from(&mut client), 0);
    client.rows("BEGIN");
    client.rows("INSERT INTO u VALUES (1)");
    assert_eq!(from(&mut client), 0, "after the write");
    client.rows("COMMIT");
    assert_ne!(from(&mut client), 0, "after the transaction");
    client.rows("DEALLOCATE s");
    for _ in 0..2 {
        assert_eq!(code(&client.query("EXECUTE s").unwrap()).as_deref(), Some("26000"));
    }
    client.rows("BEGIN");
    client.rows("INSERT INTO u VALUES (1)");
    assert_eq!(code(&client.query("EXECUTE s").unwrap()).as_deref(), Some("26000"), "on the primary, too");
}

/// What a standby alone has is prepared on the primary before a statement names it there, wherever the name stands.
#[test]
fn what_names_a_statement_of_a_standby_finds_it_on_the_primary() {
    let (stage, _pgherd, mut client) = start("");
    let table = "CREATE TEMP TABLE made AS EXECUTE";
    for text in
        ["EXPLAIN EXECUTE", "EXPLAIN (ANALYZE) EXECUTE", table, "EXPLAIN CREATE TABLE made AS EXECUTE"]
    {
        client.rows("DISCARD ALL");
        client.rows("PREPARE s AS SELECT inet_server_port()");
        batch(&mut client, &[parse("p", "SELECT inet_server_port()")]);
        for name in ["s", "p"] {
            assert_ne!(node(stage, &client.query(&format!("EXECUTE {name}")).unwrap()), 0, "{text} {name}");
            assert_eq!(code(&client.query(&format!("{text} {name}")).unwrap()), None, "{text} {name}");
            client.rows("DROP TABLE IF EXISTS made");
        }
    }
    let nothing = client.query("EXPLAIN EXECUTE nothing").unwrap();
    assert_eq!(code(&nothing).as_deref(), Some("26000"));
}

/// The same where only the source of a function names it.
#[test]
fn what_a_function_executes_is_on_the_primary() {
    let (stage, _pgherd, mut client) = start("");
    client.rows(
        "CREATE FUNCTION runs(sql text) RETURNS int LANGUAGE plpgsql AS \
         'DECLARE found int; BEGIN EXECUTE sql INTO found; RETURN found; END'",
    );
    client.rows("PREPARE s AS SELECT inet_server_port()");
    assert_ne!(node(stage, &client.query("EXECUTE s").unwrap()), 0);
    assert_eq!(node(stage, &client.query("SELECT runs('EXECUTE s')").unwrap()), 0);
    // One of several cannot be prepared there any more.
    client.rows("CREATE TABLE going (a int)");
    wait_for("the table on the standby", || {
        code(&client.query("PREPARE a AS TABLE going").unwrap()).is_none()
    });
    for name in ["b", "c", "d"] {
        client.rows(&format!("PREPARE {name} AS SELECT inet_server_port()"));
    }
    client.rows("DROP TABLE going");
    for name in ["b", "c", "d"] {
        assert_eq!(node(stage, &client.query(&format!("SELECT runs('EXECUTE {name}')")).unwrap()), 0);
    }
    client.rows("BEGIN");
    assert_eq!(node(stage, &client.query("SELECT runs('EXECUTE s')").unwrap()), 0, "nothing is tried there");
    client.rows("COMMIT; DROP FUNCTION runs");
}

#[test]
fn a_write_between_parse_and_bind_of_one_batch_counts() {
    let (stage, _pgherd, mut client) = start("");
    client.rows("BEGIN");
    let mut requests =
        vec![parse("read", "SELECT inet_server_port()"), parse("write", "INSERT INTO u VALUES (1)")];
    requests.extend(run("write"));
    requests.extend(run("read"));
    assert_eq!(node(stage, &batch(&mut client, &requests)), 0);
}

#[test]
fn dml_adaptive_decides_again_at_bind() {
    let (stage, _pgherd, mut client) = start("disable_load_balance_on_write = 'dml_adaptive'\n");
    batch(&mut client, &[parse("u", "SELECT inet_server_port(), count(*) FROM u")]);
    batch(&mut client, &[parse("t", "SELECT inet_server_port(), count(*) FROM t")]);
    client.rows("BEGIN");
    assert_ne!(node(stage, &batch(&mut client, &run("u"))), 0);
    client.rows("INSERT INTO u VALUES (1)");
    assert_eq!(node(stage, &batch(&mut client, &run("u"))), 0, "the table that was written");
    assert_ne!(node(stage, &batch(&mut client, &run("t"))), 0, "another table");
    client.rows("COMMIT");
    assert_ne!(node(stage, &batch(&mut client, &run("u"))), 0, "after the transaction");
}

#[test]
fn names_that_nobody_knows_get_the_servers_answers() {
    let (_, _pgherd, mut client) = start("");
    batch(&mut client, &[parse("", "SELECT 1")]);
    let table: [(&[Request], Option<&str>); 5] = [
        (&run("nobody"), Some("26000")),
        (&[Request::Execute("nobody".to_owned(), 0)], Some("34000")),
        (&[Request::Describe(b'S', "nobody".to_owned())], Some("26000")),
        (&[Request::Describe(b'P', "nobody".to_owned())], Some("34000")),
        (&[Request::Close(b'S', "nobody".to_owned()), Request::Close(b'P', "nobody".to_owned())], None),
    ];
    for (requests, expected) in table {
        assert_eq!(code(&batch(&mut client, requests)).as_deref(), expected, "{requests:?}");
    }
    assert_eq!(client.value("SELECT 'goes on'"), "goes on");
}

#[test]
fn a_portal_that_a_cursor_made_is_described_on_the_primary() {
    let (_, _pgherd, mut client) = start("");
    client.rows("BEGIN");
    client.rows("SELECT 1");
    client.rows("DECLARE c CURSOR FOR SELECT a FROM t");
    let seen = batch(&mut client, &[Request::Describe(b'P', "c".to_owned())]);
    assert_eq!(code(&seen), None, "{seen:?}");
    assert!(seen.iter().any(|message| message.kind == b'T'), "{seen:?}");
}

#[test]
fn a_function_call_message_is_a_write() {
    let (stage, _pgherd, mut client) = start("");
    let oid = stage.primary.psql("SELECT 'inet_server_port'::regproc::oid").parse().expect("an oid");
    client.rows("SELECT 1");
    let call = Request::Function { oid, args: Vec::new(), result: pgherd_testkit::Format::Text };
    client.send(&[call]).expect("a connection");
    let seen = client.read_until_ready().expect("the session goes on");
    let answer = seen.iter().find(|message| message.kind == b'V').expect("an answer");
    let port = String::from_utf8_lossy(answer.body.get(4..).unwrap_or_default());
    assert_eq!(port, stage.node(0).port().to_string());
}

#[test]
fn a_backend_of_the_primary_is_ended() {
    ends_a_backend("INSERT INTO u VALUES (1)", &[0]);
}

/// Ends the backend, on one of these nodes, of a session that has run `sql`.
fn ends_a_backend(sql: &str, nodes: &[usize]) {
    let (stage, pgherd, mut client) = start("");
    let target = pgherd.target().clone().database(DATABASE);
    let mut victim = application(&target, "victim");
    victim.rows(sql);
    let pid_on = |index: &usize| {
        let node = Target::node(&stage.cluster, stage.node(*index)).database(DATABASE);
        let sql = "SELECT pid FROM pg_stat_activity WHERE application_name = 'victim'";
        Some(node.psql(sql)).filter(|pid| !pid.is_empty())
    };
    let pid = nodes.iter().find_map(pid_on).expect("a backend of the victim");
    let seen = client.query(&format!("SELECT pg_terminate_backend({pid})")).expect("the session goes on");
    let answer = seen.iter().find_map(Message::values).expect("a row");
    assert_eq!(answer, [Some("t".to_owned())], "{sql}: {seen:?}");
    wait_for("the backend's end", || nodes.iter().all(|index| pid_on(index).is_none()));
    drop(victim);
    assert_eq!(target.psql("SELECT 'others go on'"), "others go on");
}

#[test]
fn parameters_do_not_change_where_a_statement_goes() {
    let (stage, _pgherd, mut client) = start("");
    let sql = "SELECT inet_server_port(), $1::text";
    for value in ["x", "'; DELETE FROM t; --", "/*NO LOAD BALANCE*/"] {
        let bind = Request::Bind {
            portal: String::new(),
            statement: String::new(),
            params: vec![Param::Text(value.to_owned())],
            results: Vec::new(),
        };
        let seen = batch(&mut client, &[parse("", sql), bind, Request::Execute(String::new(), 0)]);
        assert_ne!(node(stage, &seen), 0, "{value}");
    }
}
