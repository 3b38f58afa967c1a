//! What clients see when a server goes while they work, and that they work on when it is back.

use pgherd_testkit::sandbox::{Cluster, Role, Spec};
use pgherd_testkit::{Client, ClientError, Message, Pgherd, Request, wait_for};

fn start() -> (Cluster, Pgherd) {
    let cluster = Cluster::start(&Spec::new()).expect("a cluster");
    let pgherd = Pgherd::start(&cluster, "health_check_period = 1\nsr_check_period = 1");
    (cluster, pgherd)
}

fn code(messages: &[Message]) -> Option<String> {
    messages.iter().find(|message| message.kind == b'E')?.field(b'C')
}

fn value(messages: &[Message]) -> Option<String> {
    messages.iter().find_map(Message::values)?.into_iter().next()?
}

/// A session whose reads go to a standby, and that standby's number.
fn reader(cluster: &Cluster, pgherd: &Pgherd) -> (Client, usize) {
    for _ in 0..100 {
        let mut client = pgherd.target().connect().expect("a session");
        let port = value(&client.query("SELECT inet_server_port()").expect("an answer")).expect("a port");
        let node = cluster.nodes().find(|node| node.port().to_string() == port).expect("a node");
        if node.role() == Role::Standby {
            return (client, node.index());
        }
    }
    panic!("a hundred sessions read from the primary");
}

#[test]
fn an_idle_session_does_not_notice_that_its_standby_goes() {
    let (cluster, pgherd) = start();
    let (mut client, index) = reader(&cluster, &pgherd);
    cluster.node(index).unwrap().kill().unwrap();
    let seen = client.query("SELECT inet_server_port()").unwrap();
    let port = value(&seen).unwrap_or_else(|| panic!("{seen:?}"));
    assert_ne!(port, cluster.node(index).unwrap().port().to_string());
    for _ in 0..20 {
        assert_eq!(pgherd.target().psql("SELECT 1"), "1");
    }
}

#[test]
fn a_session_in_a_transaction_is_told_that_its_primary_is_gone_and_others_are_served_when_it_is_back() {
    let (cluster, pgherd) = start();
    pgherd.target().psql("CREATE TABLE t (a int)");
    let mut client = pgherd.target().connect().unwrap();
    client.query("BEGIN").unwrap();
    client.query("INSERT INTO t VALUES (1)").unwrap();
    let mut idle = pgherd.target().connect().unwrap();
    idle.query("SELECT 1").unwrap();
    let primary = cluster.node(0).unwrap();
    primary.kill().unwrap();

    // The transaction cannot go on: as from a server that crashed, the connection ends, but with a reason.
    let goodbye = client.read().unwrap();
    let state = goodbye.field(b'C').unwrap_or_else(|| panic!("{goodbye:?}"));
    assert!(state.starts_with("08") || state.starts_with("57P"), "{goodbye:?}");
    assert!(matches!(client.read(), Err(ClientError::Closed)));

    primary.start().unwrap();
    wait_for("writes to work again", || {
        pgherd.target().psql_output("INSERT INTO t VALUES (3)").status.success()
    });
    assert_eq!(primary.psql("SELECT string_agg(DISTINCT a::text, ' ') FROM t").unwrap(), "3");
    // Who held nothing noticed nothing.
    assert_eq!(value(&idle.query("SELECT 'alive'").unwrap()).as_deref(), Some("alive"));
}

#[test]
fn a_terminated_backend_ends_what_it_ran_and_not_the_pool() {
    let (cluster, pgherd) = start();
    let primary = cluster.node(0).unwrap();
    let mut client = pgherd.target().connect().unwrap();
    let request = Request::Query("BEGIN; CREATE TABLE never (); SELECT pg_sleep(1000)".to_owned());
    client.send(&[request]).unwrap();
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid() AND state = 'active'";
    wait_for("the backend to be terminated", || primary.psql(kill).expect("the primary answers") == "1");
    let error = client.read_until(|message| message.kind == b'E').unwrap();
    assert_eq!(code(&error).as_deref(), Some("57P01"), "{error:?}");
    for _ in 0..20 {
        assert_eq!(pgherd.target().psql("SELECT 'alive'"), "alive");
    }
}

#[test]
fn kept_backends_that_die_are_not_handed_out() {
    let (cluster, pgherd) = start();
    let target = pgherd.target();
    for _ in 0..30 {
        target.psql("SELECT 1");
    }
    for node in cluster.nodes() {
        let all = "SELECT count(pg_terminate_backend(pid)) > 0 FROM pg_stat_activity \
                   WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
        node.psql(all).unwrap();
    }
    for n in 0..60 {
        let out = target.psql_output("SELECT 'alive'");
        assert!(out.status.success(), "session {n}: {}", String::from_utf8_lossy(&out.stderr));
    }
}

#[test]
fn with_no_server_left_clients_are_told_and_served_again_later() {
    let (cluster, pgherd) = start();
    for node in cluster.nodes() {
        node.kill().unwrap();
    }
    let refused = wait_for_refusal(&pgherd);
    assert_eq!(refused.field(b'S').as_deref(), Some("FATAL"), "{refused:?}");
    for node in cluster.nodes() {
        node.start().unwrap();
    }
    wait_for("clients to be served", || {
        let out = pgherd.target().psql_output("SELECT 1");
        out.status.success()
    });
}

fn wait_for_refusal(pgherd: &Pgherd) -> Message {
    let mut refusal = None;
    wait_for("a refusal", || {
        let said = match pgherd.target().connect() {
            Err(ClientError::Refused(message)) => Some(message),
            // Not dialled yet: the first statement tells.
            Ok(mut client) => {
                client.query("SELECT 1").ok().and_then(|all| all.into_iter().find(|m| m.kind == b'E'))
            }
            Err(_) => None,
        };
        refusal = said.filter(|message| message.field(b'S').as_deref() == Some("FATAL"));
        refusal.is_some()
    });
    refusal.expect("the wait ended with one")
}
