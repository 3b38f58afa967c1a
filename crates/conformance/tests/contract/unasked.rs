//! What a server says without being asked: notifications, parameters, notices.

use pgherd_conformance::{Scene, Witness};
use pgherd_testkit::sandbox::{Cluster, Mode, Spec};
use pgherd_testkit::{Message, Request, Target, streaming_cluster, wait_for};

fn texts(messages: &[Message]) -> Vec<String> {
    messages.iter().map(Message::text).collect()
}

#[test]
fn notifications_reach_a_client_that_does_nothing() {
    for scene in [Scene::raw("unasked_notify", ""), Scene::streaming("unasked_notify", "")] {
        let (mut listener, mut notifier) = (scene.client(), scene.client());
        listener.rows("listen c");
        for payload in ["one", "two"] {
            notifier.rows(&format!("notify c, '{payload}'"));
            let message = listener.read().expect("a notification while idle");
            assert_eq!(message.text(), format!("NotificationResponse c {payload}"));
        }
        // In a transaction they wait for its end, on either side.
        listener.rows("begin");
        notifier.rows("begin; notify c, 'three'; commit");
        let answer = texts(&listener.query("commit").expect("the session goes on"));
        assert!(answer.contains(&"NotificationResponse c three".to_owned()), "{answer:?}");
        // Who has left hears nothing, and nor does the next client of its backend.
        listener.bye();
        let mut next = scene.client();
        notifier.rows("notify c, 'four'");
        assert_eq!(texts(&next.query("select 1").expect("a session")).len(), 4);
    }
}

/// The process id in a notification is that of the server process, as the notifier sees it.
#[test]
fn a_notification_names_its_sender() {
    let scene = Scene::raw("unasked_sender", "");
    let mut client = scene.client();
    client.rows("listen c");
    let pid = client.backend_pid();
    let answer = client.query("notify c").expect("the session goes on");
    let body = answer.iter().find(|message| message.kind == b'A').map(|message| message.body.clone());
    let sender = body.and_then(|body| body.first_chunk().map(|bytes| u32::from_be_bytes(*bytes)));
    assert_eq!(sender.map(|pid| pid.to_string()), Some(pid));
}

/// A reload of the server changes a reported parameter: sessions that are idle hear of it, those that come later are
/// told the new value, whether their backend was idle or is new.
#[test]
fn parameters_change_while_nobody_asks() {
    let cluster =
        Cluster::start(&Spec::new().nodes(1).mode(Mode::Raw)).unwrap_or_else(|error| panic!("{error}"));
    let mut scene = Scene::before(&cluster, "unasked_reload", "num_init_children = 4\nmax_pool = 1");
    let pooled = scene.client();
    let mut idle = scene.client();
    let mut direct = scene.direct.connect().expect("a direct session");
    pooled.bye();
    scene.wait_for_rest();
    scene.witness.run("alter system set timezone = 'Asia/Tokyo'");
    scene.witness.run("select pg_reload_conf()");
    wait_for("the server to reload", || {
        scene.direct.connect().is_ok_and(|mut new| new.value("show timezone") == "Asia/Tokyo")
    });
    let told = texts(&direct.query("select 1").expect("the session goes on"));
    assert!(told.contains(&"ParameterStatus TimeZone = Asia/Tokyo".to_owned()), "{told:?}");
    assert_eq!(texts(&idle.query("select 1").expect("the session goes on")), told);
    for _ in 0..3 {
        // With a backend that was idle it may be told behind the first statement only, as in the session above.
        let mut next = scene.client();
        let mut all = texts(next.startup());
        all.extend(texts(&next.query("select 1").expect("a session")));
        let last = all.iter().rfind(|line| line.contains("TimeZone"));
        assert_eq!(last.map(String::as_str), Some("ParameterStatus TimeZone = Asia/Tokyo"), "{all:?}");
        assert_eq!(next.value("show timezone"), "Asia/Tokyo");
    }
}

#[test]
fn notices_come_where_they_belong() {
    let scene = Scene::raw("unasked_notices", "");
    let script = [
        "do $$ begin raise notice 'one'; raise warning 'two'; end $$",
        "drop table if exists nothing",
        "begin; begin",
        "commit; commit",
        "set client_min_messages = debug1",
        "create temp table t (i int primary key)",
    ];
    let seen = [&scene.direct, &scene.through].map(|target| {
        let mut client = target.connect().expect("a session");
        script.map(|sql| texts(&client.query(sql).expect("the session goes on")))
    });
    assert_eq!(seen[0], seen[1]);
}

/// A balanced read on a standby, and what the primary says meanwhile: whole, and between messages.
#[test]
fn the_primary_speaks_during_a_balanced_read() {
    let mut scene =
        Scene::streaming("unasked_read", "backend_weight0 = 0\nbackend_weight1 = 1\nbackend_weight2 = 0");
    let node = streaming_cluster().node(1).expect("node 1");
    let mut standby = Witness::on(&Target::node(streaming_cluster(), node));
    scene.direct.connect().expect("a direct session").rows("create table t as select 1 as i");
    streaming_cluster().wait_for_replay().expect("the standbys follow");
    let mut client = scene.client();
    assert_eq!(client.value("select i from t"), "1");
    assert_eq!(standby.backends("unasked_read"), 1, "the read was balanced");
    let pid = scene.witness.value("select pid from pg_stat_activity where datname = 'unasked_read'");
    let mut holder = scene.direct.connect().expect("a direct session");
    holder.rows("begin; lock table t in access exclusive mode; select pg_switch_wal()");
    standby.wait_for(
        "select count(*) from pg_locks where mode = 'AccessExclusiveLock' and granted and \
                      database = (select oid from pg_database where datname = 'unasked_read')",
        "1",
    );
    client.send(&[Request::Query("select i from t".to_owned())]).expect("the connection is open");
    standby.wait_for_blocked("unasked_read", 1);
    // The lead goes while it is not needed: the read goes on, and the session with another lead.
    scene.witness.run(&format!("select pg_terminate_backend({pid})"));
    scene.witness.wait_for_end_of(&pid);
    holder.rows("rollback");
    let answer = texts(&client.read_until_ready().expect("the read is answered"));
    assert_eq!(answer[1..], ["DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"]);
    wait_for("the new lead", || client.backend_pid() != pid);
}
