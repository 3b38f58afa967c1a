//! In front of real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use std::process::Stdio;
use std::sync::Arc;
use std::thread;

use common::Front;
use pgherd_auth::PoolPasswd;
use pgherd_io::{Listen, Probe, ProbeError, ProbeTarget};
use pgherd_pool::BackendStage;
use pgherd_testkit::sandbox::{Auth, Cluster, Mode, Spec};
use pgherd_testkit::{Client, Request, SOON, Target, raw_cluster, wait_for};
use pgherd_types::Address;

fn server() -> (&'static Cluster, u16) {
    let cluster = raw_cluster();
    (cluster, cluster.node(0).unwrap().port())
}

fn front(places: usize) -> (Front, Target) {
    let (cluster, port) = server();
    let front = Front::start(port, places);
    let target = Target::port(cluster, front.port);
    (front, target)
}

#[test]
fn psql_and_pgbench() {
    let (_front, target) = front(40);
    assert_eq!(target.psql("select sum(x) from generate_series(1, 10) x"), "55");
    target.psql("create table if not exists pgbench_marks (x int)");
    target.pgbench(&["-i", "-q", "-s", "1"]);
    for mode in ["simple", "extended", "prepared"] {
        let report = target.pgbench(&["-n", "-S", "-M", mode, "-c", "20", "-j", "2", "-t", "50"]);
        assert!(report.contains("number of failed transactions: 0"), "{report}");
    }
    let report = target.pgbench(&["-n", "-C", "-S", "-c", "8", "-t", "20"]);
    assert!(report.contains("number of failed transactions: 0"), "{report}");
}

#[test]
fn two_hundred_clients_at_once() {
    let (front, target) = front(50);
    let clients = || {
        let mine = target.clone();
        thread::spawn(move || {
            let mut client = mine.connect().unwrap();
            // The pool's places are fewer than the clients: most of them wait before they are greeted.
            client.set_read_limit(SOON);
            for _ in 0..20 {
                assert_eq!(client.query("select 1").unwrap().len(), 4);
            }
        })
    };
    let all: Vec<_> = (0..200).map(|_| clients()).collect();
    all.into_iter().for_each(|client| client.join().unwrap());
    wait_for("all sessions to be gone", || front.handle.sessions().is_empty());
    assert!(front.handle.backends().len() <= 50);
}

#[test]
fn cancel_reaches_the_right_statement() {
    // The only place is taken: a cancel request needs none.
    let (_front, target) = front(1);
    let (cluster, port) = server();
    let direct = Target::port(cluster, port);
    let mut client = target.connect().unwrap();
    let (process, key) = client.key().map(|(process, key)| (process, key.to_vec())).unwrap();
    client.send(&[Request::Query("select pg_sleep(60)".to_owned())]).unwrap();
    let asked = "select count(*) from pg_stat_activity where state = 'active' and query like '%pg_sleep(60)'";
    wait_for("the statement to run", || direct.psql(asked) == "1");
    let mut wrong = key.clone();
    wrong[0] ^= 1;
    for key in [&wrong, &key] {
        let mut request = Vec::new();
        pgherd_wire::startup::put_cancel_request(&mut request, process, key);
        let mut canceller = Client::connect(target.port).unwrap();
        canceller.send_bytes(&request).unwrap();
        assert!(canceller.read().is_err(), "a cancel request is never answered");
    }
    let answer = client.read_until_ready().unwrap();
    let code = answer.iter().find_map(|message| message.field(b'C'));
    assert_eq!(code.as_deref(), Some("57014"), "{answer:?}");
    assert_eq!(client.query("select 1").unwrap().len(), 4);
}

#[test]
fn a_killed_backend_ends_its_statement_and_nothing_else() {
    let (_front, target) = front(4);
    let mut other = target.connect().unwrap();
    let mut client = target.connect().unwrap();
    let answer = client.query("select pg_terminate_backend(pg_backend_pid())").unwrap_err();
    drop(answer);
    assert_eq!(other.query("select 1").unwrap().len(), 4);
    assert_eq!(target.psql("select 1"), "1");
}

#[test]
fn clients_and_servers_may_be_on_unix_sockets() {
    let (cluster, port) = server();
    let directory = std::env::temp_dir().join(format!("pgherd-unix-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let front = Front::with(port, |settings| {
        let directory = directory.clone();
        settings.listeners.push(Listen::Unix { directory, port, mode: 0o777, group: None });
    });
    let target = Target::port(cluster, port);
    let psql = target
        .program("psql")
        .env("PGHOST", &directory)
        .args(["-X", "-A", "-t", "-c", "select 1"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&psql.stdout), "1\n", "{psql:?}");
    assert!(front.saw("Local"));
    drop(front);
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0, "the socket file is gone");
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn nothing_is_left_behind_by_those_who_are_killed() {
    // A cluster of its own: other tests' backends are not to be terminated.
    let cluster = Cluster::start(&Spec::new().nodes(1).mode(Mode::Raw)).unwrap();
    let port = cluster.node(0).unwrap().port();
    let (front, direct) = (Front::start(port, 40), Target::port(&cluster, port));
    let target = Target::port(&cluster, front.port);
    direct.pgbench(&["-i", "-q"]);
    let run = |args: &[&str]| {
        let mut program = target.program("pgbench");
        program.args(["-n", "-c", "15", "-T", "60"]).args(args);
        program.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let opened = || front.seen.lock().unwrap().iter().filter(|line| line.starts_with("Opened")).count();
    for round in 1..=3 {
        let mut programs = [run(&["-C", "-S"]), run(&["-N", "-M", "extended"])];
        wait_for("some sessions", || opened() > 100 * round);
        direct.psql(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'pgbench'",
        );
        for program in &mut programs {
            program.kill().unwrap();
            program.wait().unwrap();
        }
    }
    wait_for("all sessions to be gone", || front.handle.sessions().is_empty());
    let all_idle =
        || front.handle.backends().iter().all(|row| matches!(row.stage, BackendStage::Idle { .. }));
    wait_for("all backends to be idle", all_idle);
    let busy = "select count(*) from pg_stat_activity where application_name = 'pgbench' and state <> 'idle'";
    wait_for("no transaction to be left open", || direct.psql(busy) == "0");
    let open = direct.psql("select count(*) from pg_stat_activity where application_name = 'pgbench'");
    assert_eq!(open, front.handle.backends().len().to_string());
    assert_eq!(target.psql("select 1"), "1");
}

#[test]
fn every_password_method_of_a_server() {
    for method in [Auth::Password, Auth::Md5, Auth::Scram] {
        let cluster = Cluster::start(&Spec::new().nodes(1).mode(Mode::Raw).auth(method)).unwrap();
        let file = std::fs::read(cluster.dir().join("pool_passwd")).unwrap();
        let (known, complaints) = PoolPasswd::parse(&file);
        assert!(complaints.is_empty());
        let port = cluster.node(0).unwrap().port();
        let front = Front::with(port, |settings| {
            let mut live = (*settings.live).clone();
            live.passwords = Arc::new(move |user| known.get(user).cloned());
            settings.live = Arc::new(live);
        });
        let target = Target::port(&cluster, front.port);
        assert_eq!(target.psql("select current_user"), "postgres", "{method:?}");
        let stranger = target.user("stranger").psql_output("select 1");
        let words = String::from_utf8_lossy(&stranger.stderr).into_owned();
        assert!(!stranger.status.success(), "{method:?}: {words}");
    }
}

#[test]
fn what_a_session_leaves_behind_does_not_reach_the_next() {
    let (_front, target) = front(1);
    assert_eq!(target.psql("set search_path to nowhere; create temp table t (x int); begin; select 1"), "1");
    assert_eq!(target.psql("show search_path"), "\"$user\", public");
    assert_eq!(target.psql("select to_regclass('pg_temp.t') is null"), "t");
}

#[test]
fn the_probe_reads_rows_and_errors() {
    let (_, port) = server();
    let target = ProbeTarget {
        address: Address::Tcp { host: "localhost".to_owned(), port },
        user: "postgres".to_owned(),
        database: "postgres".to_owned(),
        password: None,
    };
    let mut probe = Probe::open(&target, SOON).unwrap();
    let rows = probe.ask("select pg_catalog.pg_is_in_recovery(), null").unwrap();
    assert_eq!(rows, [[Some("f".to_owned()), None]]);
    let wrong = probe.ask("select 1/0").unwrap_err();
    assert!(matches!(&wrong, ProbeError::Server { code, .. } if code == "22012"), "{wrong:?}");
    probe.renew(SOON);
    let wide = probe.ask("select repeat('x', 10000)").unwrap();
    assert_eq!(wide[0][0].as_ref().map(String::len), Some(10_000), "an error is no end");
    assert!(matches!(probe.ask_prepared(), Err(ProbeError::Server { code, .. }) if code == "26000"));
    probe.prepare("select pg_catalog.pg_is_in_recovery()").unwrap();
    for _ in 0..3 {
        assert_eq!(probe.ask_prepared().unwrap(), [[Some("f".to_owned())]]);
    }
    probe.renew(core::time::Duration::ZERO);
    assert!(matches!(probe.ask("select 1"), Err(ProbeError::Fault(_))), "its time is over");
    let nobody = ProbeTarget { user: "nobody".to_owned(), ..target.clone() };
    let refused = Probe::open(&nobody, SOON).unwrap_err();
    assert!(matches!(&refused, ProbeError::Server { code, .. } if code == "28000"), "{refused:?}");
    let nowhere = Address::Tcp { host: "127.0.0.1".to_owned(), port: 1 };
    let absent = Probe::open(&ProbeTarget { address: nowhere, ..target }, SOON).unwrap_err();
    assert!(matches!(absent, ProbeError::Fault(_)), "{absent:?}");
}
