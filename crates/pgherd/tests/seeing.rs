//! What can be seen of the work of pgherd, through the program and in front of real servers: settings of a session's
//! own, statements in the log.

use std::fs;

use pgherd_testkit::{
    Client, ClientError, Message, Pgherd, Request, raw_cluster, streaming_cluster, wait_for,
};
use rustix::process::Signal;

fn connect(pgherd: &Pgherd) -> Client {
    pgherd.target().connect().expect("the session opens")
}

/// The letters of the answer's messages.
fn kinds(client: &mut Client, sql: &str) -> String {
    let messages = client.query(sql).expect("the session goes on");
    messages.iter().map(|message| char::from(message.kind)).collect()
}

fn error(client: &mut Client, sql: &str) -> Option<(String, String)> {
    let messages = client.query(sql).expect("the session goes on");
    let error = messages.iter().find(|message: &&Message| message.kind == b'E')?;
    Some((error.field(b'C')?, error.field(b'M')?))
}

#[test]
fn what_a_session_sets_holds_for_it_alone_and_over_a_reload() {
    let pgherd = Pgherd::start(raw_cluster(), "log_line_prefix = '%p '");
    let (mut one, mut two) = (connect(&pgherd), connect(&pgherd));
    let is_logged = |text: &str| pgherd.log().contains(&format!("statement: {text}\n"));
    assert_eq!(kinds(&mut one, "pgpool set log_statement to on"), "CZ");
    assert_eq!(one.value("pgpool show log_statement"), "on");
    assert_eq!(two.value("pgpool show log_statement"), "off");
    kinds(&mut two, "select 'of two'");
    kinds(&mut one, "select 'of one'");
    wait_for("the statement of the session that wants it", || is_logged("select 'of one'"));
    assert!(!is_logged("select 'of two'"));

    let file = fs::read_to_string(pgherd.config_file()).unwrap();
    fs::write(pgherd.config_file(), format!("{file}\nlog_connections = on\n")).unwrap();
    pgherd.signal(Signal::HUP);
    wait_for("the reload", || connect(&pgherd).value("pgpool show log_connections") == "on");
    assert_eq!(one.value("pgpool show log_connections"), "on", "it has what it did not set from the file");
    kinds(&mut one, "select 'after the reload'");
    wait_for("the statement after the reload", || is_logged("select 'after the reload'"));

    assert_eq!(kinds(&mut one, "pgpool reset all"), "CZ");
    kinds(&mut one, "select 'reset'");
    kinds(&mut two, "pgpool set log_statement = on");
    kinds(&mut two, "select 'now two'");
    wait_for("the statement of the other", || is_logged("select 'now two'"));
    assert!(!is_logged("select 'reset'"));
    two.bye();
    let mut three = connect(&pgherd);
    assert_eq!(three.value("pgpool show log_statement"), "off", "it ended with its session");
}

#[test]
fn a_session_may_limit_its_own_idle_time_and_nothing_that_is_the_operators() {
    let pgherd = Pgherd::start(raw_cluster(), "");
    let (mut one, mut two) = (connect(&pgherd), connect(&pgherd));
    let refusal = Some((
        "55P02".to_owned(),
        "invalid Context, value for parameter \"port\" cannot be changed".to_owned(),
    ));
    assert_eq!(error(&mut one, "PGPOOL SET port TO 1"), refusal);
    kinds(&mut one, "begin");
    let messages = one.query("PGPOOL SET client_idle_limit TO '1s'").unwrap();
    assert_eq!(messages.last().and_then(Message::ready), Some(b'T'), "its transaction goes on");
    let last = one.read().expect("the limit comes");
    assert_eq!(last.field(b'C').as_deref(), Some("57P05"));
    assert!(matches!(one.read(), Err(ClientError::Closed)));
    assert_eq!(two.value("select 1"), "1", "it has been idle for as long");
}

#[test]
fn messages_of_the_protocol_are_logged_for_the_session_that_wants_it() {
    let pgherd = Pgherd::start(raw_cluster(), "log_line_prefix = ''");
    let mut client = connect(&pgherd);
    kinds(&mut client, "pgpool set log_client_messages = on");
    kinds(&mut client, "pgpool set log_backend_messages = terse");
    assert_eq!(kinds(&mut client, "select * from generate_series(1, 3)"), "TDDDCZ", "nothing is told");
    let wanted = "LOG:  Query message from frontend.\nDETAIL:  query: \"select * from generate_series(1, 3)\"\n\
        LOG:  RowDescription message from backend 0\nLOG:  DataRow message from backend 0\n\
        LOG:  last DataRow message from backend 0 repeated 2 times\n\
        LOG:  CommandComplete message from backend 0\nLOG:  ReadyForQuery message from backend 0\n";
    pgherd.wait_for_log(wanted);
    kinds(&mut client, "pgpool set client_min_messages to log");
    let told = kinds(&mut client, "select * from generate_series(1, 3)");
    assert_eq!(told, "NTNDDDNNCNZ", "a notice before each message, none in the middle of a run");
    let mut other = connect(&pgherd);
    assert_eq!(kinds(&mut other, "select 'unseen'"), "TDCZ");
    client.bye();
    wait_for("the goodbye in the log", || pgherd.log().contains("LOG:  Terminate message from frontend.\n"));
    assert!(!pgherd.log().contains("unseen"));
}

/// A batch that runs one statement with a parameter.
fn batch(sql: &str) -> Vec<Request> {
    vec![
        Request::Parse { name: "s".to_owned(), sql: sql.to_owned(), types: Vec::new() },
        Request::Bind {
            portal: String::new(),
            statement: "s".to_owned(),
            params: Vec::new(),
            results: Vec::new(),
        },
        Request::Execute(String::new(), 0),
        Request::Sync,
    ]
}

/// The kinds of messages, and the words of the notices among them.
fn noticed(messages: &[Message]) -> (String, Vec<String>) {
    let notices = messages.iter().filter(|message| message.kind == b'N');
    let words = notices.filter_map(|message| message.field(b'M')).collect();
    (messages.iter().map(|message| char::from(message.kind)).collect(), words)
}

#[test]
fn each_statement_is_logged_with_its_node_and_its_process() {
    let settings = "log_line_prefix = ''\nlog_statement = on\nlog_per_node_statement = on";
    let pgherd = Pgherd::start(raw_cluster(), settings);
    let mut client = connect(&pgherd);
    let pid = client.value("select pg_backend_pid()");
    client.send(&batch("select 'prepared'")).unwrap();
    client.read_until_ready().unwrap();
    let line = |text: &str| format!("LOG:  DB node id: 0 backend pid: {pid} statement: {text}\n");
    let wanted = [
        line("Parse: select 'prepared'"),
        line("Bind: select 'prepared'"),
        "LOG:  statement: select 'prepared'\n".to_owned(),
        line("Execute: select 'prepared'"),
    ];
    pgherd.wait_for_log(&wanted.concat());
    let simple = "LOG:  statement: select pg_backend_pid()\n".to_owned() + &line("select pg_backend_pid()");
    pgherd.wait_for_log(&simple);
}

#[test]
fn a_client_is_told_where_its_statements_go_before_they_are_answered() {
    let pgherd = Pgherd::start(raw_cluster(), "");
    let mut client = connect(&pgherd);
    kinds(&mut client, "pgpool set notice_per_node_statement = on");
    let told = noticed(&client.query("select 1; select 2").unwrap());
    assert_eq!(told, ("NTDCTDCZ".to_owned(), vec!["DB node id: 0 statement: select 1; select 2".to_owned()]));
    client.send(&batch("select 3")).unwrap();
    let (kinds_of_all, words) = noticed(&client.read_until_ready().unwrap());
    let expected = ["Parse: select 3", "Bind: select 3", "Execute: select 3"];
    assert_eq!(words, expected.map(|text| format!("DB node id: 0 statement: {text}")));
    assert_eq!(kinds_of_all.replace('N', ""), "12DCZ");
    kinds(&mut client, "pgpool set client_min_messages = warning");
    assert_eq!(kinds(&mut client, "select 4"), "TDCZ");
    assert!(!pgherd.log().contains("select"), "the log is another matter");
}

#[test]
fn a_route_is_explained_and_nothing_is_run() {
    let pgherd = Pgherd::start(streaming_cluster(), "backend_weight0 = 0\nbackend_weight1 = 0");
    let mut client = connect(&pgherd);
    let mut route = |sql: &str| client.rows(&format!("explain (route) {sql}")).concat();
    let reads = ["2", "standby", "it only reads, and any node answers alike"];
    assert_eq!(route("select 1"), reads);
    let write = ["0", "primary", "statements of this kind are the primary's"];
    assert_eq!(route("create table never (i int)"), write);
    assert_eq!(route("select nextval('never')")[..2], ["0", "primary"]);
    assert_eq!(route("prepare p as select 1"), reads);
    assert_eq!(route("select 1; select 2"), ["0", "primary", "several statements in one string"]);
    assert_eq!(route("selec 1"), ["0", "primary", "the text could not be read"]);
    assert_eq!(client.value("select to_regclass('never') is null"), "t");
    kinds(&mut client, "begin");
    kinds(&mut client, "create table never (i int)");
    let answer = client.query("explain (route) select 1").unwrap();
    let row = answer.iter().find_map(Message::values).unwrap();
    assert_eq!(row[2].as_deref(), Some("the transaction has changed a catalog"));
    assert_eq!(answer.last().and_then(Message::ready), Some(b'T'));
    kinds(&mut client, "rollback");
    assert_eq!(kinds(&mut client, "explain (route)"), "TDCZ");
}

#[test]
fn nodes_are_counted_for() {
    let pgherd = Pgherd::start(streaming_cluster(), "backend_weight0 = 0\nbackend_weight1 = 0");
    let mut client = connect(&pgherd);
    for sql in [
        "select 1",
        "create table counted (i int)",
        "insert into counted values (1)",
        "with w as (select 1) update counted set i = 2",
        "delete from counted",
        "drop table counted",
        "show work_mem",
    ] {
        client.query(sql).unwrap();
    }
    client.send(&batch("select 2")).unwrap();
    client.read_until_ready().unwrap();
    client.query("selec").unwrap();
    let rows = client.rows("show pool_backend_stats");
    let counts: Vec<String> = rows.iter().map(|row| row[6..].join(" ")).collect();
    assert_eq!(counts[0], "1 1 1 2 2 0 0 1", "insert update delete ddl other panic fatal error");
    assert_eq!(counts[1..], ["0 0 0 0 0 0 0 0"; 2]);
    // Where the read behind the writes went is up to how far the standby was.
    let selects = |rows: &[Vec<String>], column: usize| -> Vec<u64> {
        rows.iter().map(|row| row[column].parse().expect("a count")).collect()
    };
    let counted = selects(&rows, 5);
    assert!(counted.iter().sum::<u64>() == 2 && counted[1] == 0 && counted[2] >= 1, "{counted:?}");
    let nodes = client.rows("show pool_nodes");
    assert_eq!(selects(&nodes, 8), counted);
    assert_eq!(nodes.iter().map(|row| row[9].as_str()).collect::<Vec<_>>(), ["false", "false", "true"]);
}
