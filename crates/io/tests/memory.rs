//! Back-pressure: what a slow peer does not take, nobody piles up. A program of its own, because it looks at its
//! memory.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use std::io::{Read, Write};
use std::net::Shutdown;

use common::Front;
use pgherd_testkit::{Request, Target, raw_cluster, wait_for};

/// Bytes that flow through: far more than may be in memory.
const FLOW: usize = 256 * 1024 * 1024;

/// The most memory that the whole program may take at any time, in KiB.
const MEMORY_KIB: usize = 64 * 1024;

/// How often in a row the server has to be seen waiting.
const LOOKS: usize = 40;

fn memory_kib(field: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn results_and_copies_flow_through_in_bounded_memory() {
    let cluster = raw_cluster();
    let front = Front::start(cluster.node(0).unwrap().port(), 4);
    let target = Target::port(cluster, front.port);

    // A client that asks for much and reads nothing until the server has come to a stand.
    let client = target.connect().unwrap();
    let mut stream = client.stream().try_clone().unwrap();
    let rows = FLOW / 8192;
    let copy = format!("copy (select repeat('x', 8191) from generate_series(1, {rows})) to stdout");
    let mut question = Vec::new();
    Request::Query(copy).put(&mut question);
    stream.write_all(&question).unwrap();
    let stalled = "select count(*) from pg_stat_activity where wait_event = 'ClientWrite'";
    let direct = Target::node(cluster, cluster.node(0).unwrap());
    // A moment's wait may be any write's; one that lasts for many looks is for a client that reads nothing.
    let mut in_a_row = 0;
    wait_for("the server to wait for its client", || {
        in_a_row = if direct.psql(stalled) == "1" { in_a_row + 1 } else { 0 };
        in_a_row == LOOKS
    });
    let mut left = rows * (8192 + 5);
    let mut buffer = vec![0; 16 * 1024];
    while left > 0 {
        let n = stream.read(&mut buffer).unwrap();
        assert!(n > 0, "{left} bytes were to come");
        left = left.saturating_sub(n);
    }
    drop(client);

    // A client that sends much while the server takes nothing: the table is locked.
    direct.psql("create table sink (x text)");
    let mut locker = direct.connect().unwrap();
    locker.query("begin; lock table sink").unwrap();
    let client = target.connect().unwrap();
    let mut stream = client.stream().try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        let mut all = Vec::new();
        Request::Query("copy sink from stdin".to_owned()).put(&mut all);
        stream.write_all(&all).unwrap();
        let mut data = Vec::new();
        let mut line = vec![b'x'; 8191];
        line.push(b'\n');
        pgherd_wire::frontend::put_copy_data(&mut data, &line);
        for _ in 0..rows {
            stream.write_all(&data).unwrap();
        }
        let mut done = Vec::new();
        pgherd_wire::frontend::put_copy_done(&mut done);
        stream.write_all(&done).unwrap();
        stream
    });
    let locked = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'";
    wait_for("the server to wait for the lock", || direct.psql(locked) == "1");
    locker.query("rollback").unwrap();
    let stream = sender.join().unwrap();
    wait_for("the copy to be complete", || direct.psql("select count(*) from sink") == rows.to_string());
    stream.shutdown(Shutdown::Both).unwrap();

    let peak = memory_kib("VmHWM:");
    assert!(peak < MEMORY_KIB, "{peak} KiB at the peak");
}
