//! How pgherd itself stops, and what it reads again.

use std::fs;
use std::net::TcpStream;

use pgherd_conformance::Scene;
use pgherd_testkit::{Client, Message, Pgherd, Request, StopMode, raw_cluster, wait_for};
use rustix::process::Signal;

fn texts(messages: &[Message]) -> Vec<String> {
    messages.iter().map(Message::text).collect()
}

/// Nothing of it is left: neither a pid file nor sockets nor backends.
fn is_gone(scene: &mut Scene) {
    let names: Vec<String> = fs::read_dir(scene.pgherd.dir())
        .expect("its folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with(".s.PGSQL") || name.contains("pid"))
        .collect();
    assert!(names.is_empty(), "{names:?}");
    assert!(TcpStream::connect(("127.0.0.1", scene.through.port)).is_err(), "somebody listens");
    scene.wait_for_backends(0);
}

fn signalled(scene: &Scene, signal: Signal, word: &str) {
    scene.pgherd.signal(signal);
    scene.pgherd.wait_for_log(&format!("received {word} shutdown"));
}

#[test]
fn smart_waits_for_sessions_and_refuses_new_ones() {
    let mut scene = Scene::raw("shutdown_smart", "num_init_children = 2");
    let files = fs::read_dir(scene.pgherd.dir()).expect("its folder").flatten();
    let names: Vec<_> = files.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    assert!(names.iter().any(|name| name.starts_with(".s.PGSQL")), "{names:?}");
    let (mut one, mut two) = (scene.client(), scene.client());
    one.rows("begin");
    let silent = Client::connect(scene.through.port).expect("a connection");
    signalled(&scene, Signal::TERM, "smart");
    for _ in 0..3 {
        let refused = scene.through.connect().expect_err("pgherd is shutting down").to_string();
        assert_eq!(refused, "ErrorResponse S=FATAL V=FATAL C=57P03 M=the database system is shutting down");
    }
    assert_eq!(one.value("select 1"), "1");
    one.rows("commit");
    // Who is in may still be cancelled.
    two.send(&[Request::Query("select pg_sleep(1000)".to_owned())]).expect("the connection is open");
    let sleeping =
        "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = 'shutdown_smart'";
    scene.witness.wait_for(sleeping, "1");
    two.cancel().expect("a cancel request is taken");
    two.read_until_ready().expect("the session goes on");
    one.bye();
    two.bye();
    // Who has not even said who it is, is not waited for.
    assert_eq!(scene.pgherd.wait().code(), Some(0));
    drop(silent);
    is_gone(&mut scene);
}

#[test]
fn fast_tells_every_session() {
    let mut scene = Scene::raw("shutdown_fast", "num_init_children = 3");
    let mut idle = scene.client();
    let mut in_transaction = scene.client();
    in_transaction.rows("create table t (i int)");
    in_transaction.rows("begin; insert into t values (1)");
    let mut busy = scene.client();
    busy.send(&[Request::Query("select pg_sleep(1000)".to_owned())]).expect("the connection is open");
    let mut silent = Client::connect(scene.through.port).expect("a connection");
    let sleeping =
        "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = 'shutdown_fast'";
    scene.witness.wait_for(sleeping, "1");
    assert_eq!(scene.pgherd.stop(StopMode::Fast).code(), Some(0));
    let bye = "ErrorResponse S=FATAL V=FATAL C=57P01 M=terminating connection due to administrator command";
    for client in [&mut idle, &mut in_transaction, &mut busy] {
        assert_eq!(texts(&client.read_to_end().expect("the connection is closed")), [bye]);
    }
    silent.read_to_end().expect("the connection is closed");
    // As with a server that is shut down, a statement that runs is not left running.
    is_gone(&mut scene);
    let mut direct = scene.direct.connect().expect("a direct session");
    assert_eq!(direct.value("select count(*) from t"), "0", "the transaction is rolled back");
}

#[test]
fn immediate_ends_at_once() {
    let mut scene = Scene::raw("shutdown_immediate", "");
    let mut client = scene.client();
    client.rows("begin");
    assert_eq!(scene.pgherd.stop(StopMode::Immediate).code(), Some(0));
    let last = client.read_to_end().expect("the connection is closed");
    assert_eq!(last.iter().filter_map(|message| message.field(b'C')).collect::<Vec<_>>(), ["57P02"]);
    is_gone(&mut scene);
}

#[test]
fn a_smart_shutdown_is_hurried() {
    let mut scene = Scene::raw("shutdown_hurried", "");
    let mut client = scene.client();
    client.rows("begin");
    signalled(&scene, Signal::TERM, "smart");
    assert_eq!(client.value("select 1"), "1");
    assert_eq!(scene.pgherd.stop(StopMode::Fast).code(), Some(0));
    let last = client.read_to_end().expect("the connection is closed");
    assert_eq!(last.iter().filter_map(|message| message.field(b'C')).collect::<Vec<_>>(), ["57P01"]);
    is_gone(&mut scene);
}

/// Clients that wait for a place are in nobody's way.
#[test]
fn clients_that_wait_are_sent_away() {
    for (mode, signal, code) in [("smart", Signal::TERM, "57P03"), ("fast", Signal::INT, "57P01")] {
        let mut scene = Scene::raw(&format!("shutdown_waiting_{mode}"), "num_init_children = 1");
        let mut inside = scene.client();
        let target = scene.through.clone();
        let waiting = std::thread::spawn(move || target.connect().map(drop));
        wait_for("a client that waits", || {
            inside.rows("show pool_processes").iter().any(|row| row.contains(&"Connecting".to_owned()))
        });
        signalled(&scene, signal, mode);
        let refused = waiting.join().expect("no panic").expect_err("no place any more").to_string();
        assert!(refused.contains(&format!("C={code}")), "{mode}: {refused}");
        inside.bye();
        assert_eq!(scene.pgherd.wait().code(), Some(0));
        is_gone(&mut scene);
    }
}

fn weights(client: &mut Client) -> Vec<String> {
    const WEIGHT: usize = 5;
    client.rows("show pool_nodes").iter().map(|row| row[WEIGHT].clone()).collect()
}

#[test]
fn a_reload_changes_what_it_may_and_names_what_it_may_not() {
    let pgherd = Pgherd::start(raw_cluster(), "client_idle_limit = 0");
    let mut client = pgherd.target().connect().expect("a session");
    assert_eq!(weights(&mut client), ["0.500000", "0.500000"]);
    let old = fs::read_to_string(pgherd.config_file()).expect("a configuration");
    let line = old.lines().count() + 1;
    let new = format!("{old}num_init_children = 7\nbackend_weight1 = 3\nclient_idle_limit = 1\n");
    fs::write(pgherd.config_file(), new).expect("a configuration");
    pgherd.signal(Signal::HUP);
    wait_for("the new weights", || weights(&mut client) == ["0.250000", "0.750000"]);
    let told = format!("{}:{line}: ", pgherd.config_file().display());
    wait_for("what waits for the next start", || {
        pgherd
            .log()
            .lines()
            .any(|text| text.contains("num_init_children") && text.contains(&told) && text.contains('7'))
    });
    // What sessions obey is obeyed by the next one.
    let mut idle = pgherd.target().connect().expect("a session");
    let last = idle.read_to_end().expect("it is closed");
    assert_eq!(last.iter().filter_map(|message| message.field(b'C')).collect::<Vec<_>>(), ["57P05"]);
    // A file with an error changes nothing.
    let broken = format!("{old}backend_weight1 = 5\nclient_idle_limit = soon\n");
    fs::write(pgherd.config_file(), broken).expect("a configuration");
    pgherd.signal(Signal::HUP);
    let told = format!("{}:{}: ", pgherd.config_file().display(), line + 1);
    wait_for("the complaint", || {
        pgherd.log().lines().any(|text| text.contains(&told) && text.contains("soon"))
    });
    let mut client = pgherd.target().connect().expect("a session");
    assert_eq!(weights(&mut client), ["0.250000", "0.750000"]);
}

/// Patterns and lists of before a reload are forgotten, also what sessions remember of statements that they matched.
#[test]
fn a_reload_replaces_the_lists_of_routing() {
    let scene = Scene::streaming("shutdown_lists", "backend_weight0 = 0");
    let config = scene.pgherd.config_file();
    let old = fs::read_to_string(&config).expect("a configuration");
    let primary = scene.direct.connect().expect("a direct session").value("select inet_server_port()");
    let mut client = scene.client();
    let mut on_primary = || {
        ["select inet_server_port(), 1", "select inet_server_port(), abs(2)"]
            .map(|sql| client.value(sql) == primary)
    };
    assert_eq!(on_primary(), [false, false], "nothing is listed");
    let lists = [
        ("primary_routing_query_pattern_list = '.*, 1'", [true, false]),
        ("write_function_list = 'abs'", [false, true]),
        ("primary_routing_query_pattern_list = '.*port.*'", [true, true]),
        ("", [false, false]),
    ];
    for (line, expected) in lists {
        fs::write(&config, format!("{old}{line}\n")).expect("a configuration");
        scene.pgherd.signal(Signal::HUP);
        wait_for(&format!("`{line}` to be obeyed"), || on_primary() == expected);
    }
}
