//! Places for clients, their order, and the limits on clients that do nothing.

use pgherd_conformance::{Scene, Witness};
use pgherd_testkit::{Client, ClientError, Message, Request, Target, raw_cluster, wait_for};

/// A startup packet for protocol 3.0.
fn startup(target: &Target) -> Vec<u8> {
    let body = format!("\0\x03\0\0user\0{}\0database\0{}\0\0", target.user, target.database);
    [&u32::try_from(body.len() + 4).expect("a short packet").to_be_bytes()[..], body.as_bytes()].concat()
}

/// A client that waits for a place; it is known to wait when this returns.
fn waiting(scene: &Scene, insider: &mut Client) -> Client {
    let before = connecting(insider);
    let mut client = Client::connect(scene.through.port).expect("a connection");
    client.send_bytes(&startup(&scene.through)).expect("the connection is open");
    wait_for("a client more that waits", || connecting(insider) == before + 1);
    client
}

/// Clients that are not in yet and have said who they are.
fn connecting(insider: &mut Client) -> usize {
    let rows = insider.rows("show pool_processes");
    rows.iter().filter(|row| row.contains(&"Connecting".to_owned()) && !row[3].is_empty()).count()
}

fn gets_in(client: &mut Client) -> Vec<Message> {
    client.read_until_ready().unwrap_or_else(|error| panic!("a client that has its turn: {error}"))
}

/// Nothing has been sent to the client.
fn has_heard_nothing(client: &Client) -> bool {
    client.stream().set_nonblocking(true).expect("a socket");
    let peeked = client.stream().peek(&mut [0]);
    client.stream().set_nonblocking(false).expect("a socket");
    peeked.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}

#[test]
fn clients_wait_in_order_and_those_who_hang_up_are_forgotten() {
    let scene = Scene::raw("places_order", "num_init_children = 2");
    let (mut one, two) = (scene.client(), scene.client());
    let mut third = waiting(&scene, &mut one);
    let fourth = waiting(&scene, &mut one);
    let mut fifth = waiting(&scene, &mut one);
    two.bye();
    gets_in(&mut third);
    assert!(has_heard_nothing(&fourth) && has_heard_nothing(&fifth));
    drop(fourth);
    wait_for("the fourth to be forgotten", || connecting(&mut one) == 1);
    assert!(has_heard_nothing(&fifth));
    third.bye();
    gets_in(&mut fifth);
    assert_eq!(fifth.value("select 1"), "1");
}

/// Everybody gets a turn, whatever comes and goes.
#[test]
fn many_clients_share_two_places() {
    let mut scene =
        Scene::raw("places_many", "num_init_children = 2\nmax_pool = 1\nlisten_backlog_multiplier = 10");
    let target = &scene.through;
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(move || {
                for _ in 0..5 {
                    let mut client = target.connect().expect("a turn");
                    assert_eq!(client.value("select 1"), "1");
                    client.bye();
                }
            });
        }
    });
    let count = scene.witness.backends("places_many");
    assert!((1..=2).contains(&count), "{count} backends");
}

#[test]
fn reserved_connections_refuse_instead() {
    let scene = Scene::raw("places_reserved", "num_init_children = 2\nreserved_connections = 1");
    let first = scene.client();
    match scene.through.connect() {
        Err(ClientError::Refused(error)) => assert_eq!(
            error.text(),
            "ErrorResponse S=FATAL V=FATAL C=53300 M=Sorry, too many clients already"
        ),
        other => panic!("a client too many: {other:?}"),
    }
    first.bye();
    wait_for("the place to be free", || scene.through.connect().is_ok());
}

#[test]
fn a_cancel_request_needs_no_place() {
    let mut scene = Scene::raw("places_cancel", "num_init_children = 1");
    let mut client = scene.client();
    client.send(&[Request::Query("select pg_sleep(1000)".to_owned())]).expect("the connection is open");
    scene.witness.wait_for(
        "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = 'places_cancel'",
        "1",
    );
    client.cancel().expect("a cancel request is taken");
    let answer = client.read_until_ready().expect("the session goes on");
    assert!(answer.iter().any(|message| message.field(b'C').as_deref() == Some("57014")), "{answer:?}");
}

#[test]
fn client_idle_limit() {
    let mut scene = Scene::raw("places_idle", "client_idle_limit = 1");
    let mut holder = scene.direct.connect().expect("a direct session");
    holder.rows("select pg_advisory_lock(1)");
    let mut busy = scene.client();
    busy.send(&[Request::Query("select pg_advisory_lock(1)".to_owned())]).expect("the connection is open");
    scene.witness.wait_for_blocked("places_idle", 1);
    // An idle one that comes later ends earlier.
    let mut idle = scene.client();
    let last = idle.read_to_end().expect("the idle session is closed");
    let texts: Vec<String> = last.iter().map(Message::text).collect();
    assert_eq!(
        texts,
        ["ErrorResponse S=FATAL V=FATAL C=57P05 M=terminating connection due to client_idle_limit \
          D=child connection forced to terminate due to client_idle_limit:1 is reached"]
    );
    holder.rows("select pg_advisory_unlock(1)");
    busy.read_until_ready().expect("a session that waits for its server is not idle");
    let mut in_transaction = scene.client();
    in_transaction.rows("begin");
    assert_eq!(in_transaction.read_to_end().expect("it is closed").len(), 1);
    scene.wait_for_rest();
}

/// What a server does with a client that does not say who it is: it closes the connection without a word.
#[test]
fn authentication_timeout() {
    let scene = Scene::raw("places_silent", "authentication_timeout = 1\nnum_init_children = 1");
    let node = raw_cluster().node(1).expect("node 1");
    let server = Target::node(raw_cluster(), node);
    let mut direct = Witness::on(&server);
    direct.run("alter system set authentication_timeout = '1s'");
    direct.run("select pg_reload_conf()");
    wait_for("the server to reload", || {
        server.connect().is_ok_and(|mut new| new.value("show authentication_timeout") == "1s")
    });
    let mut inside = scene.client();
    let mut waits = waiting(&scene, &mut inside);
    let whole = startup(&scene.through);
    for begin in [&[][..], &whole[..2], &whole[..20], b"\0\0\0\x08\x04\xd2\x16\x2f"] {
        for port in [server.port, scene.through.port] {
            let mut client = Client::connect(port).expect("a connection");
            client.send_bytes(begin).expect("the connection is open");
            if begin.len() == 8 {
                assert_eq!(client.read_byte().expect("SSLRequest is answered"), b'N');
            }
            let heard = client.read_to_end().expect("the connection is closed");
            assert!(heard.is_empty(), "{begin:?} on {port}: {heard:?}");
        }
    }
    // Who waits for a place has said who it is, and may wait for longer than that.
    assert!(has_heard_nothing(&waits));
    inside.bye();
    gets_in(&mut waits);
}
