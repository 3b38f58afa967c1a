//! What can be seen of the work of pgherd, through the program and in front of real servers: settings of a session's
//! own, statements in the log.

use std::fs;

use pgherd_testkit::{Client, ClientError, Message, Pgherd, raw_cluster, wait_for};
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
    wait_for("the messages in the log", || pgherd.log().contains(wanted));
    kinds(&mut client, "pgpool set client_min_messages to log");
    let told = kinds(&mut client, "select * from generate_series(1, 3)");
    assert_eq!(told, "NTNDDDNNCNZ", "a notice before each message, none in the middle of a run");
    let mut other = connect(&pgherd);
    assert_eq!(kinds(&mut other, "select 'unseen'"), "TDCZ");
    client.bye();
    wait_for("the goodbye in the log", || pgherd.log().contains("LOG:  Terminate message from frontend.\n"));
    assert!(!pgherd.log().contains("unseen"));
}
