//! The program in front of real servers: what sessions see of it when it starts, stops, and when the cluster changes.

use std::fs;

use pgherd_testkit::sandbox::{Cluster, Spec, temporary_folder};
use pgherd_testkit::{Client, ClientError, Pgherd, Request, StopMode, streaming_cluster, wait_for};
use rustix::process::Signal;

/// Some columns of a line of `SHOW pool_nodes`.
fn nodes(pgherd: &Pgherd, columns: &[usize]) -> Vec<String> {
    let all = pgherd.target().psql("show pool_nodes");
    let line = |line: &str| {
        let values: Vec<&str> = line.split('|').collect();
        assert_eq!(values.len(), 14, "{line}");
        columns.iter().map(|&column| values[column]).collect::<Vec<_>>().join(" ")
    };
    all.lines().map(line).collect()
}

fn refusal(pgherd: &Pgherd) -> Option<String> {
    match pgherd.target().connect() {
        Err(ClientError::Refused(message)) => message.field(b'C'),
        Ok(_) | Err(_) => None,
    }
}

fn answers(client: &mut Client) -> bool {
    client.query("select 1").is_ok_and(|messages| messages.iter().any(|message| message.values().is_some()))
}

#[test]
fn the_herd_looks_like_one_server() {
    let mut pgherd = Pgherd::start(streaming_cluster(), "sr_check_password = 'hunter2'");
    let target = pgherd.target().clone();
    // Node, status, what the server says, role, what the server says.
    let expected = ["0 up up primary primary", "1 up up standby standby", "2 up up standby standby"];
    assert_eq!(nodes(&pgherd, &[0, 3, 4, 6, 7]), expected);
    assert_eq!(nodes(&pgherd, &[5, 10]), ["0.333333 0"; 3]);
    assert!(target.psql("SHOW pool_version").contains("pgherd"));
    assert!(!target.psql("show pool_status").contains("hunter2"));
    assert_eq!(target.psql("pgpool show port"), target.port.to_string());
    assert!(target.psql("show pool_processes").contains("|postgres|postgres|"));
    assert!(!target.psql_output("pgpool set port = 1").status.success());
    assert_eq!(pgherd.stop(StopMode::Smart).code(), Some(0));
}

#[test]
fn a_smart_stop_lets_sessions_finish_and_refuses_new_ones() {
    let mut pgherd = Pgherd::start(streaming_cluster(), "");
    let mut client = pgherd.target().connect().unwrap();
    assert!(answers(&mut client));
    pgherd.signal(Signal::TERM);
    wait_for("new clients to be refused as a server that shuts down does", || {
        refusal(&pgherd).as_deref() == Some("57P03")
    });
    assert!(answers(&mut client), "who is there may go on");
    drop(client);
    assert_eq!(pgherd.wait().code(), Some(0));
    assert_eq!(fs::read_to_string(pgherd.dir().join("pgpool_status")).unwrap(), "up\nup\nup\n");
}

#[test]
fn a_fast_stop_sends_sessions_away_also_after_a_smart_one() {
    let mut pgherd = Pgherd::start(streaming_cluster(), "");
    let mut client = pgherd.target().connect().unwrap();
    client.query("begin").unwrap();
    pgherd.signal(Signal::TERM);
    wait_for("the smart stop", || refusal(&pgherd).is_some());
    pgherd.signal(Signal::INT);
    let last = client.read().unwrap();
    assert_eq!((last.field(b'C').as_deref(), last.field(b'S').as_deref()), (Some("57P01"), Some("FATAL")));
    assert!(matches!(client.read(), Err(ClientError::Closed)));
    assert_eq!(pgherd.wait().code(), Some(0));
}

#[test]
fn statements_are_logged_under_the_name_of_the_application() {
    let pgherd = Pgherd::start(
        streaming_cluster(),
        "log_statement = on\nlog_per_node_statement = on\nlog_line_prefix = '%a %u@%d '",
    );
    let mut psql = pgherd.target().program("psql");
    psql.env("PGAPPNAME", "my app").args(["-X", "-c", "select 'a\nb'", "-c", "begin; commit"]);
    assert!(psql.status().unwrap().success());
    wait_for("the statements in the log", || {
        let log = pgherd.log();
        log.contains("\nmy_app postgres@postgres LOG:  statement: select 'a\n\tb'\n")
            && log.contains("\nmy_app postgres@postgres LOG:  statement: begin; commit\n")
    });
    let mut client = pgherd.target().connect().unwrap();
    let parse = Request::Parse { name: String::new(), sql: "select $1::int".to_owned(), types: Vec::new() };
    client.send(&[parse, Request::Sync]).unwrap();
    client.read_until_ready().unwrap();
    pgherd.wait_for_log(" statement: Parse: select $1::int\n");
    let pid = pgherd.target().psql("begin; select pg_backend_pid()");
    let line = format!("LOG:  DB node id: 0 backend pid: {pid} statement: begin; select pg_backend_pid()\n");
    pgherd.wait_for_log(&line);
}

#[test]
fn a_reload_takes_a_new_node_in() {
    let cluster = streaming_cluster();
    let pgherd = Pgherd::start(cluster, "backend_port1 = 0\nbackend_port2 = 0");
    assert_eq!(nodes(&pgherd, &[0, 3]), ["0 up"]);
    let new = cluster.node(1).unwrap().port();
    let file = fs::read_to_string(pgherd.config_file()).unwrap();
    fs::write(pgherd.config_file(), format!("{file}\nbackend_port1 = {new}\nbackend_weight0 = 0\n")).unwrap();
    let mut client = pgherd.target().connect().unwrap();
    pgherd.signal(Signal::HUP);
    wait_for("node 1 to be up", || nodes(&pgherd, &[0, 3, 5]) == ["0 up 0.000000", "1 up 1.000000"]);
    assert!(answers(&mut client), "who is there goes on");
    wait_for("a read on the new node", || {
        pgherd.target().psql("select inet_server_port()") == new.to_string()
    });
}

#[test]
fn nodes_that_return_and_standbys_that_are_promoted_are_seen() {
    let cluster = Cluster::start(&Spec::new().nodes(2)).unwrap();
    cluster.node(1).unwrap().stop().unwrap();
    let pgherd = Pgherd::start(&cluster, "sr_check_period = 1");
    assert_eq!(nodes(&pgherd, &[0, 3, 4, 6]), ["0 up up primary", "1 down down standby"]);
    cluster.node(1).unwrap().start().unwrap();
    wait_for("node 1 to return", || nodes(&pgherd, &[3, 7]) == ["up primary", "up standby"]);
    cluster.node(1).unwrap().kill().unwrap();
    wait_for("node 1 to be left out", || nodes(&pgherd, &[3, 4]) == ["up up", "down down"]);
    cluster.node(1).unwrap().start().unwrap();
    wait_for("node 1 to return again", || nodes(&pgherd, &[3, 7]) == ["up primary", "up standby"]);
    cluster.node(0).unwrap().kill().unwrap();
    cluster.node(1).unwrap().promote().unwrap();
    pgherd.wait_for_log("node 1 is the primary now");
    pgherd.target().psql("create table written_after_promotion (a int)");
}

#[test]
fn a_node_that_was_down_stays_down_unless_that_is_forgotten() {
    let work = temporary_folder("pgherd-work").unwrap();
    let settings = format!("work_dir = '{}'", work.display());
    let file = work.join("pgpool_status");
    fs::write(&file, "up\ndown \nup\n").unwrap();
    let mut pgherd = Pgherd::start(streaming_cluster(), &settings);
    assert_eq!(nodes(&pgherd, &[3, 6]), ["up primary", "down standby", "up standby"]);
    assert_eq!(pgherd.stop(StopMode::Fast).code(), Some(0));
    assert_eq!(fs::read_to_string(&file).unwrap(), "up\ndown\nup\n");
    fs::write(&file, "up\nUP\n").unwrap();
    let pgherd = Pgherd::start(streaming_cluster(), &settings);
    assert_eq!(nodes(&pgherd, &[3]), ["up", "up", "up"]);
    drop(pgherd);
    fs::remove_dir_all(work).unwrap();
}
