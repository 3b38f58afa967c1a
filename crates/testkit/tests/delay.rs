//! How far standbys are behind, as pgherd finds and shows it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use pgherd_testkit::sandbox::{Cluster, Spec};
use pgherd_testkit::{Pgherd, Target, wait_for};

/// `replication_delay`, `replication_state` and `replication_sync_state` of a node.
fn shown(pgherd: &Pgherd, node: usize) -> [String; 3] {
    let table = pgherd.target().psql("SHOW pool_nodes");
    let row =
        table.lines().find(|row| row.starts_with(&format!("{node}|"))).unwrap_or_else(|| panic!("{table}"));
    let columns: Vec<&str> = row.split('|').collect();
    [columns[10].to_owned(), columns[11].to_owned(), columns[12].to_owned()]
}

fn bytes(pgherd: &Pgherd, node: usize) -> u64 {
    let [delay, ..] = shown(pgherd, node);
    delay.parse().unwrap_or_else(|_| panic!("no number of bytes: {delay}"))
}

/// A delay as a time; `None` when it is not shown as one.
fn seconds(pgherd: &Pgherd, node: usize) -> Option<f64> {
    let [delay, ..] = shown(pgherd, node);
    let (number, unit) = delay.split_once(' ')?;
    assert!(unit == "second" || unit == "seconds", "{delay}");
    number.parse().ok()
}

#[test]
fn the_delay_of_a_standby_rises_and_goes_away() {
    let cluster = Cluster::start(&Spec::new()).expect("a cluster");
    let own = "sr_check_period = 1\nlog_standby_delay = ";
    let by_bytes = Pgherd::start(&cluster, &format!("{own}if_over_threshold\ndelay_threshold = 1000000"));
    let by_time = Pgherd::start(&cluster, &format!("{own}always\ndelay_threshold_by_time = 1s"));
    let (primary, late) = (cluster.node(0).unwrap(), cluster.node(1).unwrap());
    for node in [1, 2] {
        wait_for("the standbys to be seen", || {
            shown(&by_bytes, node) == ["0", "streaming", "async"].map(str::to_owned)
        });
        wait_for("the standbys to be no time behind", || seconds(&by_time, node) == Some(0.0));
    }
    assert_eq!(shown(&by_bytes, 0), ["0", "", ""].map(str::to_owned), "the primary is behind nobody");
    // It has been idle for longer than the threshold, and still nobody is late.
    late.psql("SELECT pg_wal_replay_pause()").unwrap();
    primary.psql("CREATE TABLE t AS SELECT repeat('x', 1000) FROM generate_series(1, 10000)").unwrap();
    wait_for("the bytes to be seen", || bytes(&by_bytes, 1) > 5_000_000);
    wait_for("the time to rise", || seconds(&by_time, 1).is_some_and(|time| time > 2.0));
    wait_for("the other standby to have it all", || bytes(&by_bytes, 2) == 0);
    wait_for("the other standby to be no time behind", || seconds(&by_time, 2) == Some(0.0));
    let said = format!(
        "Replication of node: 1 is behind {} bytes from the primary server (node: 0)",
        bytes(&by_bytes, 1)
    );
    by_bytes.wait_for_log(&said);
    wait_for("the log to tell of the time", || {
        by_time.log().lines().any(|line| {
            line.contains("Replication of node: 1 is behind")
                && line.contains("second(s) from the primary server (node: 0)")
        })
    });
    let status = by_bytes.target().psql("SHOW pool_status");
    assert!(status.contains(&format!("standby_delay1|{}|", bytes(&by_bytes, 1))), "{status}");

    late.psql("SELECT pg_wal_replay_resume()").unwrap();
    wait_for("the standby to catch up", || bytes(&by_bytes, 1) == 0 && seconds(&by_time, 1) == Some(0.0));
    assert!(!by_bytes.log().contains("node: 2 is behind"), "it was never over the threshold");

    // What is not known is no delay, and a standby that is gone is none of the primary's any more.
    late.psql("SELECT pg_wal_replay_pause()").unwrap();
    primary.psql("INSERT INTO t SELECT * FROM t").unwrap();
    wait_for("the bytes to be seen", || bytes(&by_bytes, 1) > 0);
    late.kill().unwrap();
    wait_for("the standby to be gone", || shown(&by_bytes, 1) == ["0", "", ""].map(str::to_owned));
}

/// Writes until a record of WAL ends where its page does: the next record will come behind a header.
fn fill_a_page(primary: &Target) {
    // A record is a multiple of eight bytes long: with lengths that differ by eight one of 1,024 fills the page. The
    // last length that was tried is the rest of the page, less what a record has beside it, which is measured first.
    let sql = "DO $$ DECLARE
        before pg_lsn; beside numeric; rest numeric;
    BEGIN
        FOR try IN 1..100 LOOP
            before := pg_current_wal_insert_lsn();
            PERFORM pg_logical_emit_message(false, '', repeat('x', 512));
            beside := pg_current_wal_insert_lsn() - before - 512;
            rest := mod(8192 - mod(pg_current_wal_insert_lsn() - '0/0', 8192), 8192) - beside;
            IF rest >= 512 THEN
                PERFORM pg_logical_emit_message(false, '', repeat('x', rest::int));
                EXIT WHEN mod(pg_current_wal_insert_lsn() - '0/0', 8192) = 24;
            END IF;
        END LOOP;
        ASSERT mod(pg_current_wal_insert_lsn() - '0/0', 8192) = 24, 'no record has filled its page';
    END $$";
    primary.psql(sql);
}

#[test]
fn a_standby_that_has_everything_is_not_behind_though_the_last_page_is_full() {
    // Nobody waits for these records, and an idle WAL writer sleeps for 25 times its delay.
    let spec = Spec::new().nodes(2).setting("autovacuum", "off").setting("wal_writer_delay", "10ms");
    let cluster = Cluster::start(&spec).expect("a cluster");
    let pgherd = Pgherd::start(&cluster, "sr_check_period = 1");
    let [primary, standby] = [0, 1].map(|index| Target::node(&cluster, cluster.node(index).unwrap()));
    // The server itself writes now and then, and then the page is not the last any more: it is tried again.
    wait_for("nothing to be written after a full page", || {
        standby.psql("SELECT pg_wal_replay_pause()");
        fill_a_page(&primary);
        let insert = || primary.psql("SELECT pg_current_wal_insert_lsn()");
        let full = insert();
        wait_for("the standby to be behind", || bytes(&pgherd, 1) > 0);
        standby.psql("SELECT pg_wal_replay_resume()");
        wait_for("the standby to catch up", || bytes(&pgherd, 1) == 0);
        insert() == full
    });
}

#[test]
fn an_external_command_tells_the_delay() {
    let cluster = Cluster::start(&Spec::new()).expect("a cluster");
    let (script, values, asked) =
        (cluster.dir().join("delay.sh"), cluster.dir().join("values"), cluster.dir().join("asked"));
    let text = format!("#!/bin/sh\necho \"$@\" > '{}'\ncat '{}'\n", asked.display(), values.display());
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(&values, "25 2500.5\n").unwrap();
    let settings = format!(
        "sr_check_period = 1\nlog_standby_delay = always\nlog_min_messages = debug1\n\
         replication_delay_source_cmd = '{}'\nreplication_delay_source_timeout = 3",
        script.display()
    );
    let pgherd = Pgherd::start(&cluster, &settings);
    let delays = || [shown(&pgherd, 1)[0].clone(), shown(&pgherd, 2)[0].clone()];
    let are = |first: &str, second: &str| delays() == [first, second].map(str::to_owned);
    wait_for("the command to be asked", || are("0.025000 second", "2.500500 seconds"));
    let port = |index| cluster.node(index).unwrap().port();
    let names = format!("127.0.0.1:{} 127.0.0.1:{}", port(1), port(2));
    assert_eq!(fs::read_to_string(&asked).unwrap().trim_end(), names, "the standbys and not the primary");
    pgherd.wait_for_log(&format!("executing replication delay command: {} {names}", script.display()));
    pgherd.wait_for_log(
        "Replication of node: 1 is behind 0.025 second(s) from the primary server (node: 0) [external command]",
    );

    fs::write(&values, "-1 x\n").unwrap();
    pgherd.wait_for_log("node 1 is reported as down by external command (delay -1), relying on health check");
    wait_for("what was known of the node that is down to stay", || are("0.025000 second", "0"));
    fs::remove_file(&values).unwrap();
    pgherd.wait_for_log("replication delay command failed with exit code 1");
    assert_eq!(pgherd.target().psql("SELECT 1"), "1");
}
