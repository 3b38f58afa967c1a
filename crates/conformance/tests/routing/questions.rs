//! What pgherd asks the primary for itself, in the client's transaction: where it fails, the transaction goes on.

use core::time::Duration;

use pgherd_testkit::{Client, Message, Pgherd, Target};

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

#[test]
fn a_time_limit_of_next_to_nothing() {
    let stage = Stage::shared();
    let target = database(stage, "locked_catalogs", "");
    let pgherd = Pgherd::start(&stage.cluster, &format!("{SETTINGS}read_consistency = eventual\n"));
    let mut client = session(&pgherd, "locked_catalogs");
    // What a plain table is read with does not look there, and a look at views and their likes does.
    let mut locker = target.connect().expect("a direct session");
    locker.rows("BEGIN");
    locker.rows("LOCK TABLE pg_catalog.pg_inherits IN ACCESS EXCLUSIVE MODE");
    let mut limit = Duration::from_millis(1);
    loop {
        client.rows("BEGIN");
        client.rows(&format!("SET LOCAL statement_timeout = {}", limit.as_millis()));
        let read = client.query("SELECT count(*) FROM t").expect("the session goes on");
        if code(&read).is_none() {
            break;
        }
        // The statement itself may take longer than that.
        assert_eq!(code(&read).as_deref(), Some("57014"));
        client.rows("ROLLBACK");
        limit *= 2;
        assert!(limit <= LONGEST, "a time limit that the look-up exceeds ends the transaction");
    }
    client.rows("SET LOCAL statement_timeout = 0");
    client.rows("INSERT INTO t VALUES (1)");
    client.rows("COMMIT");
    locker.rows("COMMIT");
    assert_eq!(target.psql("SELECT count(*) FROM t").trim(), "1");
}
