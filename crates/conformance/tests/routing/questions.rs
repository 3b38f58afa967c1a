//! What pgherd asks the primary for itself, in the client's transaction: where it fails, the transaction goes on.

use core::time::Duration;
use std::thread;

use pgherd_testkit::{Client, Message, Pgherd, Request, Target, wait_for};

use crate::stage::Stage;

const SETTINGS: &str = "backend_weight0 = 0\n";

/// A database of the test's own, with a table that the role reporter may read and write, and what else it needs.
fn database(stage: &Stage, name: &str, more: &str) -> Target {
    stage.directly(&format!("CREATE DATABASE {name}"));
    let target = stage.primary.clone().database(name);
    target.psql("CREATE TABLE t (a int); CREATE TABLE t2 (a int); GRANT ALL ON t, t2 TO PUBLIC");
    target.psql(more);
    stage.cluster.wait_for_replay().expect("the standbys replay");
    target
}

fn session(pgherd: &Pgherd, database: &str) -> Client {
    pgherd.target().clone().database(database).user("reporter").connect().expect("a session")
}

fn code(messages: &[Message]) -> Option<String> {
    messages.iter().find(|message| message.kind == b'E')?.field(b'C')
}

/// A transaction that reads first, and then writes.
fn transact(client: &mut Client) {
    client.rows("BEGIN");
    client.rows("SAVEPOINT pgherd");
    client.rows("SELECT count(*) FROM t");
    client.rows("INSERT INTO t VALUES (1)");
    client.rows("ROLLBACK TO SAVEPOINT pgherd");
    client.rows("INSERT INTO t VALUES (2)");
    client.rows("SELECT count(*) FROM t2");
    assert_eq!(client.rows("SELECT a FROM t"), [["2"]]);
    client.rows("COMMIT");
    assert_eq!(client.rows("SELECT a FROM t"), [["2"]]);
}

#[test]
fn catalogs_that_may_not_be_read() {
    let stage = Stage::shared();
    database(stage, "no_catalogs", "REVOKE SELECT ON pg_catalog.pg_class, pg_catalog.pg_proc FROM PUBLIC");
    let pgherd = Pgherd::start(&stage.cluster, &format!("{SETTINGS}read_consistency = eventual\n"));
    let mut client = session(&pgherd, "no_catalogs");
    assert_eq!(code(&client.query("SELECT 1 FROM pg_class").unwrap()).as_deref(), Some("42501"));
    transact(&mut client);
}

#[test]
fn a_position_that_may_not_be_asked_for() {
    let stage = Stage::shared();
    let revoke = "REVOKE EXECUTE ON FUNCTION pg_catalog.pg_current_wal_insert_lsn() FROM PUBLIC";
    database(stage, "no_positions", revoke);
    let pgherd = Pgherd::start(&stage.cluster, &format!("{SETTINGS}read_consistency = session\n"));
    let mut client = session(&pgherd, "no_positions");
    client.rows("SELECT count(*) FROM t");
    transact(&mut client);
    client.rows("BEGIN");
    client.rows("INSERT INTO t VALUES (3)");
    client.rows("COMMIT AND CHAIN");
    client.rows("SELECT count(*) FROM t");
    client.rows("INSERT INTO t VALUES (4)");
    client.rows("COMMIT");
    assert_eq!(client.value("SELECT count(*) FROM t"), "3");
}

/// The longest time limit that is tried.
const LONGEST: Duration = Duration::from_secs(30);

/// A transaction that reads and writes, of which the beginning has a time limit. False when it was exceeded.
fn transact_within(client: &mut Client, limit: Duration) -> bool {
    let limited = format!("SET LOCAL statement_timeout = {}", limit.as_millis());
    client.rows("BEGIN");
    client.rows(&limited);
    for text in ["SELECT count(*) FROM t", "SET LOCAL statement_timeout = 0"] {
        let answer = client.query(text).expect("the session goes on");
        if let Some(code) = code(&answer) {
            // The statement itself may take longer than that.
            assert_eq!(code, "57014", "{text}, within {limit:?}");
            client.rows("ROLLBACK");
            return false;
        }
    }
    client.rows("INSERT INTO t VALUES (1)");
    client.rows("COMMIT");
    true
}

/// What a plain table is read with does not look there, and a look at views and their likes does.
const LOCK_CATALOGS: &str = "LOCK TABLE pg_catalog.pg_inherits IN ACCESS EXCLUSIVE MODE";

#[test]
fn a_time_limit_of_next_to_nothing() {
    let stage = Stage::shared();
    let target = database(stage, "locked_catalogs", "");
    let pgherd = Pgherd::start(&stage.cluster, &format!("{SETTINGS}read_consistency = eventual\n"));
    let mut client = session(&pgherd, "locked_catalogs");
    let mut locker = target.connect().expect("a direct session");
    locker.rows("BEGIN");
    locker.rows(LOCK_CATALOGS);
    let mut limit = Duration::from_millis(1);
    while !transact_within(&mut client, limit) {
        limit *= 2;
        assert!(limit <= LONGEST, "a time limit that the look-up exceeds ends the transaction");
    }
    locker.rows("COMMIT");
    assert_eq!(target.psql("SELECT count(*) FROM t").trim(), "1");
}

#[test]
fn a_cancel_while_a_lock_is_waited_for() {
    let stage = Stage::shared();
    let target = database(stage, "cancelled_questions", "");
    let pgherd = Pgherd::start(&stage.cluster, &format!("{SETTINGS}read_consistency = eventual\n"));
    let mut client = session(&pgherd, "cancelled_questions");
    let mut locker = target.connect().expect("a direct session");
    locker.rows("BEGIN");
    locker.rows("LOCK TABLE t2 IN ACCESS EXCLUSIVE MODE");
    locker.rows(LOCK_CATALOGS);
    let waits = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
        WHERE NOT l.granted AND d.datname = current_database()";
    let (process, key) = client.key().map(|(process, key)| (process, key.to_vec())).expect("a cancel key");
    for begin in ["", "BEGIN"] {
        client.rows(begin);
        client.send(&[Request::Query("SELECT count(*) FROM t2".to_owned())]).expect("it is sent");
        wait_for("the session to wait", || target.psql(waits).trim() == "1");
        thread::scope(|scope| {
            let answer = scope.spawn(|| client.read_until_ready().expect("the session goes on"));
            // A server too may have forgotten one that comes between two statements.
            wait_for("the cancel", || {
                Client::cancel_with(pgherd.target().port, process, &key).expect("a cancel request is sent");
                answer.is_finished()
            });
            let answer = answer.join().expect("an answer");
            assert_eq!(code(&answer).as_deref(), Some("57014"), "{begin}");
        });
    }
    client.rows("ROLLBACK");
    locker.rows("COMMIT");
    assert_eq!(client.value("SELECT count(*) FROM t2"), "0");
}
