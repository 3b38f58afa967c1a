//! Cancel requests: who may, what they reach, and what they never reach.

use pgherd_conformance::{Scene, Witness};
use pgherd_testkit::sandbox::Cluster;
use pgherd_testkit::{Client, Message, Request, Target, streaming_cluster};
use pgherd_wire::ProtocolVersion;

const FOR_EVER: &str = "select pg_sleep(1000)";

fn begin(scene: &mut Scene, client: &mut Client, sql: &str) {
    client.send(&[Request::Query(sql.to_owned())]).expect("the connection is open");
    let sleeping = format!(
        "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = '{}'",
        scene.database()
    );
    scene.witness.wait_for(&sleeping, "1");
}

fn texts(messages: &[Message]) -> Vec<String> {
    messages.iter().map(Message::text).collect()
}

/// What a client of a server sees of a cancelled statement.
fn cancelled_directly(scene: &mut Scene) -> Vec<String> {
    let mut direct = scene.direct.connect().expect("a direct session");
    begin(scene, &mut direct, FOR_EVER);
    direct.cancel().expect("a cancel request is taken");
    texts(&direct.read_until_ready().expect("the session goes on"))
}

#[test]
fn a_running_statement_is_cancelled_by_its_own_key_only() {
    let mut scene = Scene::raw("cancel_keys", "");
    let expected = cancelled_directly(&mut scene);
    let port = scene.through.port;
    let who = [("user", "postgres"), ("database", "cancel_keys")];
    for (version, key_bytes) in [(ProtocolVersion::V3_0, 4), (ProtocolVersion::V3_2, 32)] {
        let mut client = Client::login_with(port, version, &who).expect("a session");
        let (pid, key) = client.key().map(|(pid, key)| (pid, key.to_vec())).expect("a key");
        assert_eq!(key.len(), key_bytes);
        begin(&mut scene, &mut client, FOR_EVER);
        let mut wrong = key.clone();
        wrong[key_bytes - 1] ^= 1;
        let short = &key[..key_bytes - 1];
        let zeros = vec![0; 32];
        let long = [&key[..], b"\0"].concat();
        for (pid, key) in
            [(pid, &wrong[..]), (pid, short), (pid, &zeros), (pid, &long), (pid + 64, &key), (0, &key)]
        {
            // A request that is no request may be answered with a closed connection only, too.
            Client::cancel_with(port, pid, key).expect("it is not answered");
        }
        // All of them have been dealt with by the time that a later client is served.
        assert_eq!(scene.client().value("select 1"), "1");
        let sleeping =
            "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = 'cancel_keys'";
        assert_eq!(scene.witness.value(sleeping), "1", "it still runs");
        client.cancel().expect("a cancel request is taken");
        assert_eq!(texts(&client.read_until_ready().expect("the session goes on")), expected);
        assert_eq!(client.value("select 1"), "1");
        client.bye();
    }
}

/// The key of another session, with this one's process id and the other way round.
#[test]
fn keys_of_others_do_nothing() {
    let mut scene = Scene::raw("cancel_others", "");
    let (mut one, two) = (scene.client(), scene.client());
    let port = scene.through.port;
    begin(&mut scene, &mut one, FOR_EVER);
    let pid = one.key().map(|(pid, _)| pid).expect("a key");
    let key = two.key().map(|(_, key)| key.to_vec()).expect("a key");
    Client::cancel_with(port, pid, &key).expect("it is not answered");
    two.cancel().expect("a cancel request is taken");
    assert_eq!(scene.client().value("select 1"), "1");
    let sleeping =
        "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = 'cancel_others'";
    assert_eq!(scene.witness.value(sleeping), "1", "it still runs");
    one.cancel().expect("a cancel request is taken");
    one.read_until_ready().expect("the session goes on");
}

/// In the extended protocol the rest of the batch is skipped, as it is directly.
#[test]
fn a_batch_is_cancelled() {
    let mut scene = Scene::raw("cancel_batch", "");
    let mut seen = Vec::new();
    for target in [scene.direct.clone(), scene.through.clone()] {
        let mut client = target.connect().expect("a session");
        let parse =
            |sql: &str| Request::Parse { name: String::new(), sql: sql.to_owned(), types: Vec::new() };
        let bind = || Request::Bind {
            portal: String::new(),
            statement: String::new(),
            params: vec![],
            results: vec![],
        };
        let execute = || Request::Execute(String::new(), 0);
        client
            .send(&[parse(FOR_EVER), bind(), execute(), parse("select 2"), bind(), execute(), Request::Sync])
            .expect("the connection is open");
        client.send(&[Request::Query("select 3".to_owned())]).expect("the connection is open");
        let sleeping =
            "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = 'cancel_batch'";
        scene.witness.wait_for(sleeping, "1");
        client.cancel().expect("a cancel request is taken");
        let mut all = texts(&client.read_until_ready().expect("the batch ends"));
        all.extend(texts(&client.read_until_ready().expect("the next statement is answered")));
        seen.push(all);
        client.bye();
    }
    assert_eq!(seen[0], seen[1]);
}

/// A cancel request that comes too late must not meet the statement of whoever has the backend by then.
#[test]
fn a_late_cancel_request_hits_nobody() {
    let scene = Scene::raw("cancel_late", "num_init_children = 2\nmax_pool = 1");
    let port = scene.through.port;
    for _ in 0..50 {
        let mut client = scene.client();
        assert_eq!(client.value("select 1"), "1");
        let (pid, key) = client.key().map(|(pid, key)| (pid, key.to_vec())).expect("a key");
        // Three ways to be late: while idle, with the next statement of the same client, after the client has gone.
        Client::cancel_with(port, pid, &key).expect("it is not answered");
        assert_eq!(client.value("select 2"), "2");
        client.bye();
        Client::cancel_with(port, pid, &key).expect("it is not answered");
        let mut next = scene.client();
        assert_eq!(next.value("select 3 from (select pg_sleep(0.002)) slept"), "3");
        next.bye();
    }
}

/// Requests that race with the end of the statement: whoever they hit, it is the client that asked for it.
#[test]
fn a_cancel_request_races_with_the_end_of_its_statement() {
    let scene = Scene::raw("cancel_race", "num_init_children = 2\nmax_pool = 1");
    for round in 0..50 {
        let mut client = scene.client();
        let sql = format!("select pg_sleep({})", f64::from(round % 5) / 2000.0);
        client.send(&[Request::Query(sql)]).expect("the connection is open");
        client.cancel().expect("a cancel request is taken");
        client.read_until_ready().expect("the statement ends in one way or the other");
        client.bye();
        let mut next = scene.client();
        assert_eq!(next.value("select 3 from (select pg_sleep(0.002)) slept"), "3");
        next.bye();
    }
}

/// A database whose reads go to the second of two nodes; and a witness there.
fn reads_on_a_standby(cluster: &Cluster, database: &str) -> (Scene, Witness) {
    let scene =
        Scene::before(cluster, database, "backend_weight0 = 0\nbackend_weight1 = 1\nbackend_weight2 = 0");
    let standby = Target::node(cluster, cluster.node(1).expect("node 1"));
    (scene, Witness::on(&standby))
}

#[test]
fn a_balanced_read_is_cancelled_where_it_runs() {
    let (mut scene, mut standby) = reads_on_a_standby(streaming_cluster(), "cancel_standby");
    scene.direct.connect().expect("a direct session").rows("create table t as select 1 as i");
    let mut holder = scene.direct.connect().expect("a direct session");
    // The lock is replayed on the standby, and holds up readers there.
    holder.rows("begin; lock table t in access exclusive mode; select pg_switch_wal()");
    let standby_locks = "select count(*) from pg_locks where mode = 'AccessExclusiveLock' and granted \
                         and database = (select oid from pg_database where datname = 'cancel_standby')";
    standby.wait_for(standby_locks, "1");
    let mut client = scene.client();
    client.send(&[Request::Query("select i from t".to_owned())]).expect("the connection is open");
    standby.wait_for_blocked("cancel_standby", 1);
    let waits_on_primary = "select count(*) from pg_stat_activity \
                            where wait_event_type = 'Lock' and datname = 'cancel_standby'";
    assert_eq!(scene.witness.value(waits_on_primary), "0");
    client.cancel().expect("a cancel request is taken");
    let answer = client.read_until_ready().expect("the session goes on");
    assert!(answer.iter().any(|message| message.field(b'C').as_deref() == Some("57014")), "{answer:?}");
    holder.rows("rollback");
    assert_eq!(client.value("select i from t"), "1");
}
