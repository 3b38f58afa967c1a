//! Backends and servers that go away under sessions. Every test here has servers of its own to break.

use pgherd_conformance::{Scene, Witness};
use pgherd_testkit::sandbox::{Cluster, Mode, Spec};
use pgherd_testkit::{Client, Message, Pgherd, Request, Target, streaming_cluster, wait_for};
use rustix::process::Signal;

fn cluster(spec: &Spec) -> Cluster {
    Cluster::start(spec).unwrap_or_else(|error| panic!("no cluster: {error}"))
}

fn code(message: &Message) -> Option<String> {
    message.field(b'C')
}

fn terminate(scene: &mut Scene, pid: &str) {
    scene.witness.run(&format!("select pg_terminate_backend({pid})"));
    scene.witness.wait_for_end_of(pid);
}

#[test]
fn a_session_terminates_its_own_backend() {
    for scene in [Scene::raw("loss_own", ""), Scene::streaming("loss_own", "")] {
        let seen = [&scene.direct, &scene.through].map(|target| {
            let mut client = target.connect().expect("a session");
            let suicide = "select pg_terminate_backend(pg_backend_pid())".to_owned();
            client.send(&[Request::Query(suicide)]).expect("the connection is open");
            let all = client.read_to_end().expect("the connection is closed");
            all.iter().map(Message::text).collect::<Vec<_>>()
        });
        assert_eq!(seen[0], seen[1]);
        assert_eq!(scene.client().value("select 1"), "1");
    }
}

/// What a session may have on its backend, and whether it can do without that backend: it has nothing there, or what
/// it has can be repeated on another.
const STATES: [(&str, bool); 12] = [
    ("select 1", true),
    ("show work_mem", true),
    ("begin; commit", true),
    ("begin", false),
    ("selec", false),
    ("set work_mem = '7MB'", true),
    ("select set_config('work_mem', '7MB', false)", false),
    ("create temp table mine (i int)", false),
    ("prepare mine as select 1", true),
    ("select pg_advisory_lock(77)", false),
    ("listen mine", false),
    ("declare mine cursor with hold for select 1", false),
];

/// A session that holds nothing on its backend does not notice its loss; any other one hears what a client of the
/// server would hear, and ends. In no case does it go on without what it had.
fn terminated_while_idle(mut scene: Scene, spares: bool) {
    for (statement, stateless) in STATES {
        let heard = [scene.direct.clone(), scene.through.clone()].map(|target| {
            let mut client = target.connect().expect("a session");
            let pid = client.backend_pid();
            client.query(statement).expect("the session goes on");
            terminate(&mut scene, &pid);
            (client, pid)
        });
        let [(mut direct, _), (mut through, first)] = heard;
        let told = direct.read_to_end().expect("the connection is closed");
        assert_eq!(told.len(), 1, "{told:?}");
        if stateless && spares {
            assert_ne!(through.backend_pid(), first, "{statement}: another backend, and no word of it");
            through.bye();
        } else {
            assert_eq!(through.read_to_end().expect("the connection is closed"), told, "{statement}");
        }
    }
    assert_eq!(scene.client().value("select 1"), "1");
}

#[test]
fn backends_of_idle_sessions_are_terminated_in_raw_mode() {
    terminated_while_idle(Scene::raw("loss_idle_raw", ""), false);
}

#[test]
fn backends_of_idle_sessions_are_terminated_in_streaming_mode() {
    // Reads on the primary too: it is the lead's loss that is looked at.
    let weights = "backend_weight0 = 1\nbackend_weight1 = 0\nbackend_weight2 = 0";
    terminated_while_idle(Scene::streaming("loss_idle_streaming", weights), true);
}

#[test]
fn backends_of_idle_sessions_are_terminated_without_load_balancing() {
    terminated_while_idle(Scene::streaming("loss_idle_plain", "load_balance_mode = off"), false);
}

/// Something that a client begins, and the name of it.
type Begun = (&'static str, fn(&mut Client));

#[test]
fn a_backend_is_terminated_in_the_middle() {
    let mut scene = Scene::raw("loss_middle", "");
    let begun: [Begun; 3] = [
        ("a statement", |client| {
            client
                .send(&[Request::Query("select pg_sleep(1000)".to_owned())])
                .expect("the connection is open");
        }),
        ("COPY IN", |client| {
            client.query("create temp table t (i int)").expect("the session goes on");
            client.send(&[Request::Query("copy t from stdin".to_owned())]).expect("the connection is open");
            client.read_until(|message| message.kind == b'G').expect("the COPY begins");
        }),
        ("a transaction", |client| drop(client.query("begin").expect("the session goes on"))),
    ];
    for (name, begin) in begun {
        let heard = [scene.direct.clone(), scene.through.clone()].map(|target| {
            let mut client = target.connect().expect("a session");
            let pid = client.backend_pid();
            begin(&mut client);
            // It waits for its client or for its time, and does nothing else.
            let waits =
                "select wait_event_type in ('Client', 'Timeout') and state <> 'idle' from pg_stat_activity";
            scene.witness.wait_for(&format!("{waits} where pid = {pid}"), "t");
            terminate(&mut scene, &pid);
            client.read_to_end().expect("the connection is closed")
        });
        assert_eq!(heard[0], heard[1], "{name}");
        assert_eq!(heard[0].last().and_then(code).as_deref(), Some("57P01"), "{name}");
    }
    assert_eq!(scene.client().value("select 1"), "1");
}

#[test]
fn a_server_stops_and_starts_again() {
    let cluster = cluster(&Spec::new().nodes(1).mode(Mode::Raw));
    let node = cluster.node(0).expect("node 0");
    let scene = Scene::before(&cluster, "loss_stop", "");
    for stop in ["fast", "immediate", "crash"] {
        let [mut direct, mut through] = [&scene.direct, &scene.through].map(|target| {
            let mut client = target.connect().expect("a session");
            client.query("begin").expect("the session goes on");
            client
        });
        let mut pooled = scene.client();
        pooled.value("select 1");
        pooled.bye();
        match stop {
            "fast" => node.stop().expect("the server stops"),
            "immediate" => {
                node.process().expect("the server runs").signal(Signal::QUIT);
                wait_for("the server to end", || node.process().is_none());
            }
            _ => node.kill().expect("the server is killed"),
        }
        let told = direct.read_to_end().expect("the connection is closed");
        let heard = through.read_to_end().expect("the session is closed");
        // A server process that is to end at once tries to say so, and may be killed before it has; one that is killed
        // may say something, or not.
        let says_nothing = heard.first().is_some_and(|first| code(first).as_deref() == Some("08006"));
        if stop == "fast" || stop == "immediate" && !says_nothing {
            assert_eq!(heard.get(..told.len()), Some(&told[..]), "{stop}: {heard:?}");
        }
        // A session never ends without an ErrorResponse, as it may do where a server is killed.
        let codes: Vec<String> =
            heard.iter().filter(|message| message.kind == b'E').filter_map(code).collect();
        assert!(codes == ["57P01"] || stop != "fast" && codes == ["08006"], "{stop}: {heard:?}");
        let refused = scene.through.connect().expect_err("there is no server").to_string();
        assert!(refused.contains("S=FATAL"), "{stop}: {refused}");
        node.start().unwrap_or_else(|error| panic!("{stop}: {error}"));
        wait_for("new sessions", || {
            scene.through.connect().is_ok_and(|mut new| new.value("select 1") == "1")
        });
    }
}

/// 57P03 is passed on in the server's own words.
#[test]
fn a_server_that_takes_no_connections_now() {
    let cluster = cluster(&Spec::new().nodes(1).mode(Mode::Raw));
    let scene = Scene::before(&cluster, "loss_smart", "");
    let mut open = scene.client();
    assert_eq!(open.value("select 1"), "1");
    cluster.node(0).expect("node 0").process().expect("the server runs").signal(Signal::TERM);
    let mut direct = String::new();
    wait_for("the server to refuse", || {
        direct = scene.direct.connect().err().map_or_else(String::new, |error| error.to_string());
        direct.contains("C=57P03")
    });
    assert_eq!(scene.through.connect().expect_err("the server is shutting down").to_string(), direct);
    assert_eq!(open.value("select 2"), "2", "who is in stays in");
}

/// A scene whose reads go to the second of two nodes, which may be broken.
struct Balanced {
    cluster: Cluster,
    scene: Scene,
    standby: Witness,
    holder: Client,
}

impl Balanced {
    fn new(database: &str) -> Self {
        let cluster = cluster(&Spec::new().nodes(2));
        let scene = Scene::before(&cluster, database, "backend_weight0 = 0\nbackend_weight1 = 1");
        let mut holder = scene.direct.connect().expect("a direct session");
        holder.rows("create table t as select 1 as i");
        cluster.wait_for_replay().expect("the standby follows");
        let standby = Witness::on(&Target::node(&cluster, cluster.node(1).expect("node 1")));
        Balanced { cluster, scene, standby, holder }
    }

    /// Locks the table on both nodes.
    fn lock(&mut self) {
        self.holder.rows("begin; lock table t in access exclusive mode; select pg_switch_wal()");
        let held = "select count(*) from pg_locks where mode = 'AccessExclusiveLock' and granted";
        self.standby.wait_for(held, "1");
    }
}

#[test]
fn a_standby_is_killed_under_a_read() {
    let mut at = Balanced::new("loss_read");
    at.lock();
    let mut client = at.scene.client();
    let read = |sql: &str| Request::Query(sql.to_owned());
    client.send(&[read("select i from t"), read("select 2")]).expect("the connection is open");
    at.standby.wait_for_blocked("loss_read", 1);
    at.cluster.node(1).expect("node 1").kill().expect("the standby is killed");
    at.scene.witness.wait_for_blocked("loss_read", 1);
    at.holder.rows("commit");
    let answer = client.read_until_ready().expect("the primary answers");
    let texts: Vec<String> = answer.iter().map(Message::text).collect();
    assert_eq!(texts[1..], ["DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"], "{texts:?}");
    let answer = client.read_until_ready().expect("the next statement is answered");
    assert_eq!(answer[1].text(), "DataRow 2");
    assert_eq!(client.value("select 3"), "3");
}

/// Rows that the client has seen cannot be taken back: it is told, and the session goes on. RowDescription and rows are
/// made 64 bytes long, so that what the server sends at once (8 kB, when the next row comes) ends with one of them.
#[test]
fn a_standby_is_killed_under_rows() {
    const ROWS: usize = 200;
    const SENT_AT_ONCE: usize = 8192 / 64;
    let at = Balanced::new("loss_rows");
    let mut client = at.scene.client();
    let sql = format!(
        "select repeat('x', 53) as {} from generate_series(1, {ROWS}) union all \
         select 'y' from generate_series(1, 100000) a, generate_series(1, 100000) b having count(*) < 0",
        "c".repeat(38)
    );
    client.send(&[Request::Query(sql)]).expect("the connection is open");
    for _ in 0..SENT_AT_ONCE {
        client.read().expect("a row");
    }
    at.cluster.node(1).expect("node 1").kill().expect("the standby is killed");
    let answer = client.read_until_ready().expect("the session goes on");
    assert_eq!(answer.len(), 2, "{answer:?}");
    assert_eq!((answer[0].kind, code(&answer[0]).as_deref()), (b'E', Some("08006")), "{answer:?}");
    assert_eq!(answer[1].ready(), Some(b'I'));
    assert_eq!(client.value("select i from t"), "1");
}

#[test]
fn a_backend_on_a_standby_is_terminated_while_idle() {
    let mut scene =
        Scene::streaming("loss_reader", "backend_weight0 = 0\nbackend_weight1 = 1\nbackend_weight2 = 0");
    let node = streaming_cluster().node(1).expect("node 1");
    let mut standby = Witness::on(&Target::node(streaming_cluster(), node));
    let mut client = scene.client();
    for _ in 0..5 {
        assert_eq!(client.value("select 1"), "1");
        let pids = "select pid from pg_stat_activity where datname = 'loss_reader'";
        let pid = standby.value(pids);
        assert!(!pid.is_empty(), "the read was balanced");
        standby.run(&format!("select pg_terminate_backend({pid})"));
        standby.wait_for_end_of(&pid);
    }
    assert_eq!(client.value("select 1"), "1");
    scene.wait_for_rest();
}

#[test]
fn a_primary_is_killed_under_a_transaction() {
    let cluster = cluster(&Spec::new().nodes(2));
    let scene = Scene::before(&cluster, "loss_primary", "");
    let mut client = scene.client();
    client.rows("begin; create table t (i int)");
    cluster.node(0).expect("node 0").kill().expect("the primary is killed");
    let last = client.read_to_end().expect("the session is closed");
    let codes: Vec<String> = last.iter().filter_map(code).collect();
    // A server process may outlive the first one for long enough to say goodbye.
    assert!(codes == ["08006"] || codes == ["57P01"], "{last:?}");
    let refused = scene.through.connect().expect_err("there is no primary").to_string();
    assert!(refused.contains("S=FATAL"), "{refused}");
    cluster.node(0).expect("node 0").start().expect("the primary starts again");
    wait_for("new sessions", || scene.through.connect().is_ok_and(|mut new| new.value("select 1") == "1"));
}

/// A session that begins while there is no primary reads from a standby, and goes to the primary when that is back.
#[test]
fn a_session_begins_without_a_primary() {
    const WRITE: &str = "create table t as select 1 as i";
    let cluster = cluster(&Spec::new().nodes(2));
    cluster.node(0).expect("node 0").kill().expect("the primary is killed");
    let pgherd = Pgherd::start(&cluster, "sr_check_period = 1");
    let mut client = pgherd.target().connect().expect("a session");
    assert_eq!(client.value("select pg_is_in_recovery()"), "t");
    let mut writes = pgherd.target().connect().expect("a session");
    let refused = writes.query(WRITE).expect("the session goes on");
    assert_eq!(refused.iter().find_map(code).as_deref(), Some("25006"));
    cluster.node(0).expect("node 0").start().expect("the primary starts again");
    wait_for("the primary to answer", || client.value("select pg_is_in_recovery()") == "f");
    client.rows(WRITE);
    assert_eq!(client.value("select i from t"), "1");
    // What a standby has refused keeps the other one nowhere.
    assert_eq!(writes.value("select pg_is_in_recovery()"), "f");
    writes.rows("insert into t values (2)");
}
