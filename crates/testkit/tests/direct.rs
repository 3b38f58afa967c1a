//! The kit itself, directly against PostgreSQL servers.

use pgherd_testkit::{
    Client, ClientError, Request, Script, Target, Writes, raw_cluster, streaming_cluster, wait_for,
};
use pgherd_wire::ProtocolVersion;

fn target() -> Target {
    let cluster = raw_cluster();
    Target::node(cluster, cluster.node(0).expect("node 0"))
}

#[test]
fn a_script_shows_what_clients_see() {
    let script = r#"
        Query "SELECT 1 AS one, NULL::text"
        +Parse s "SELECT $1::int + 1"
        +Bind "" s 41 -> binary
        +Describe P ""
        +Execute ""
        Sync
        +Parse bad "SELEC"
        +Execute ""
        +Sync
        +Query ""
        Read 2
        Query "CREATE TEMP TABLE t (a int); COPY t FROM STDIN"
        CopyData "1\n2\n"
        CopyDone
        Function 1397 -5 -> text
        Query "LISTEN c"
        @b Query "NOTIFY c, 'hello'"
        Next 1
        @b Terminate
        @b Closed
    "#;
    let seen = Script::parse(script).unwrap().run(&target(), Writes::Apart);
    let expected = [
        "RowDescription one: 23 size 4 modifier -1 format 0 | text: 25 size -1 modifier -1 format 0",
        "DataRow 1 | NULL",
        "CommandComplete SELECT 1",
        "ReadyForQuery I",
        "ParseComplete",
        "BindComplete",
        "RowDescription ?column?: 23 size 4 modifier -1 format 1",
        "DataRow \\u{0}\\u{0}\\u{0}*",
        "CommandComplete SELECT 1",
        "ReadyForQuery I",
        "ErrorResponse S=ERROR V=ERROR C=42601 M=syntax error at or near \"SELEC\" P=1 F=scan.l",
        "ReadyForQuery I",
        "EmptyQueryResponse",
        "ReadyForQuery I",
        "CommandComplete CREATE TABLE",
        "CopyInResponse format 0 columns 0",
        "CommandComplete COPY 2",
        "ReadyForQuery I",
        "FunctionCallResponse 5",
        "ReadyForQuery I",
        "CommandComplete LISTEN",
        "ReadyForQuery I",
        "@b CommandComplete NOTIFY",
        "@b ReadyForQuery I",
        "NotificationResponse c hello",
    ];
    assert_eq!(seen.len(), expected.len(), "{seen:#?}");
    for (seen, expected) in seen.iter().zip(expected) {
        // The line and routine in PostgreSQL's source differ between versions.
        assert!(seen.starts_with(expected), "{seen}\n{expected}");
    }
}

#[test]
fn a_statement_can_be_cancelled() {
    let mut client = target().connect().unwrap();
    let mut other = target().connect().unwrap();
    let (pid, _) = client.key().unwrap();
    let running = format!("SELECT 1 FROM pg_stat_activity WHERE pid = {pid} AND state = 'active'");
    client.send(&[Request::Query("SELECT pg_sleep(100)".to_owned())]).unwrap();
    wait_for("the statement to run", || other.query(&running).unwrap().len() > 3);
    client.cancel().unwrap();
    let seen = client.read_until_ready().unwrap();
    assert_eq!(seen.iter().find_map(|message| message.field(b'C')).as_deref(), Some("57014"));
}

#[test]
fn versions_are_negotiated_and_refusals_are_shown() {
    let parameters = [("user", "postgres"), ("_pq_.x", "1")];
    let client = Client::login_with(target().port, ProtocolVersion::V3_2, &parameters).unwrap();
    let first = client.startup().first().unwrap().text();
    // A server older than 18 speaks 3.0.
    assert!(first.starts_with("NegotiateProtocolVersion ") && first.ends_with("_pq_.x"), "{first}");

    let refused = target().database("nowhere").connect().unwrap_err();
    let ClientError::Refused(message) = refused else { panic!("{refused}") };
    assert_eq!(message.field(b'C').as_deref(), Some("3D000"));
}

#[test]
fn psql_and_pgbench_run() {
    let cluster = streaming_cluster();
    let target = Target::node(cluster, cluster.node(0).unwrap());
    assert_eq!(target.psql("SELECT 1, 'a'; SELECT 2"), "1|a\n2");
    let failed = target.psql_output("SELECT 1/0");
    assert!(String::from_utf8_lossy(&failed.stderr).contains("division by zero"));
    target.psql("CREATE DATABASE bench");
    let target = target.database("bench");
    target.pgbench(&["-i", "-q"]);
    let report = target.pgbench(&["-n", "-c", "2", "-t", "10"]);
    assert!(report.contains("number of transactions actually processed: 20/20"), "{report}");
}
