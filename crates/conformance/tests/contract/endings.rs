//! How sessions end, and what the next client of the same server process sees of them: nothing.

use pgherd_conformance::Scene;
use pgherd_testkit::{Client, Request, wait_for};

/// Room for one client and one backend: whoever comes next gets what the last one left.
const ONE: &str = "num_init_children = 1\nmax_pool = 1";

/// What a session can leave behind without being in the middle of anything.
const RESIDUE: [&str; 10] = [
    "set work_mem = '7777kB'",
    "set search_path = pg_catalog, pg_temp",
    "set session characteristics as transaction isolation level serializable",
    "create temp table left_behind (i int)",
    "select pg_advisory_lock(4711)",
    "prepare left_behind as select 1",
    "declare left_behind cursor with hold for select 1",
    "listen left_behind",
    "select set_config('my.own', 'left behind', false), setseed(0.5)",
    "set role pg_monitor",
];

/// All of it, in one row.
const LOOK: &str = "select current_user, session_user, current_setting('work_mem'), current_setting('search_path'), \
     current_setting('default_transaction_isolation'), current_setting('my.own', true), \
     to_regclass('pg_temp.left_behind'), (select count(*) from pg_prepared_statements), \
     (select count(*) from pg_cursors), (select count(*) from pg_listening_channels()), \
     (select count(*) from pg_locks where locktype = 'advisory' \
      and database = (select oid from pg_database where datname = current_database()))";

/// Whether the next client gets the same server process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Backend {
    Stays,
    Goes,
}

/// One way to end, the name of it, and what becomes of the backend.
type Ending = (&'static str, fn(Client), Backend);

const ENDINGS: [Ending; 15] = [
    ("Terminate", Client::bye, Backend::Stays),
    ("EOF while idle", drop, Backend::Stays),
    ("Terminate in a transaction", |client| after(client, &["begin"]).bye(), Backend::Stays),
    ("EOF in a transaction", |client| drop(after(client, &["begin", "select 1"])), Backend::Stays),
    ("EOF in a failed transaction", |client| drop(after(client, &["begin", "selec"])), Backend::Stays),
    ("EOF behind an error", |client| drop(after(client, &["selec"])), Backend::Stays),
    ("EOF in the header of a message", |client| sending(client, b"Q\0\0"), Backend::Stays),
    ("EOF in a Query", |client| sending(client, b"Q\0\0\0\x64select"), Backend::Stays),
    ("EOF in a Bind", |client| sending(client, b"B\0\0\0\x64\0\0"), Backend::Stays),
    ("EOF in CopyData outside of COPY", |client| sending(client, b"d\0\0\x10\0abcdef"), Backend::Goes),
    ("EOF in a batch", |client| drop(in_a_batch(client)), Backend::Goes),
    ("Terminate in a batch", |client| in_a_batch(client).bye(), Backend::Goes),
    ("EOF in COPY IN", |client| drop(in_copy(client)), Backend::Goes),
    ("Terminate in COPY IN", |client| in_copy(client).bye(), Backend::Goes),
    ("EOF in a result", |client| drop(in_a_result(client)), Backend::Goes),
];

fn after(mut client: Client, statements: &[&str]) -> Client {
    for statement in statements {
        client.query(statement).expect("the session goes on");
    }
    client
}

fn sending(mut client: Client, bytes: &[u8]) {
    client.send_bytes(bytes).expect("the connection is open");
}

/// An INSERT is executed, and its Sync is missing.
fn in_a_batch(mut client: Client) -> Client {
    let parse = Request::Parse {
        name: "open".to_owned(),
        sql: "insert into public.kept values (13)".to_owned(),
        types: Vec::new(),
    };
    let bind = Request::Bind {
        portal: String::new(),
        statement: "open".to_owned(),
        params: Vec::new(),
        results: Vec::new(),
    };
    client
        .send(&[parse, bind, Request::Execute(String::new(), 0), Request::Flush])
        .expect("the connection is open");
    client.read_until(|message| message.kind == b'C').expect("the INSERT is answered");
    client
}

fn in_copy(mut client: Client) -> Client {
    client.send(&[Request::Query("copy public.kept from stdin".to_owned())]).expect("the connection is open");
    client.read_until(|message| message.kind == b'G').expect("the COPY begins");
    client.send(&[Request::CopyData(b"13\n13\n".to_vec())]).expect("the connection is open");
    client
}

fn in_a_result(mut client: Client) -> Client {
    let sql = "select repeat('x', 1000) from generate_series(1, 100000)";
    client.send(&[Request::Query(sql.to_owned())]).expect("the connection is open");
    client.read_until(|message| message.kind == b'D').expect("a row comes");
    client
}

fn every_ending(mut scene: Scene) {
    let mut direct = scene.direct.connect().expect("a direct session");
    direct.rows("create table kept (i int)");
    direct.rows("grant all on kept to public");
    let fresh = direct.rows(LOOK);
    for (name, end, fate) in ENDINGS {
        let mut client = scene.client();
        let first = client.backend_pid();
        for statement in RESIDUE {
            client.rows(statement);
        }
        assert_ne!(client.rows(LOOK), fresh, "{name}: the residue is there");
        end(client);
        let mut next = scene.client();
        let second = next.backend_pid();
        if fate == Backend::Goes {
            // As with a server, its locks go when it has noticed.
            scene.witness.wait_for_end_of(&first);
        }
        assert_eq!(next.rows(LOOK), fresh, "{name}: what the next client sees");
        match fate {
            Backend::Stays => assert_eq!(second, first, "{name}: the backend is used again"),
            Backend::Goes => assert_ne!(second, first, "{name}: the backend must not be used again"),
        }
        assert_eq!(next.value("select count(*) from kept"), "0", "{name}: nothing was committed");
        next.bye();
        direct.bye();
        scene.wait_for_rest();
        direct = scene.direct.connect().expect("a direct session");
    }
}

#[test]
fn nothing_is_left_behind_in_raw_mode() {
    every_ending(Scene::raw("endings_raw", ONE));
}

#[test]
fn nothing_is_left_behind_in_streaming_mode() {
    every_ending(Scene::streaming("endings_streaming", ONE));
}

/// As with a server: what was sent before the end is done, and nobody else gets its backend meanwhile.
#[test]
fn a_statement_outlives_its_client() {
    let mut scene = Scene::raw("endings_running", "num_init_children = 2\nmax_pool = 1");
    let mut holder = scene.direct.connect().expect("a direct session");
    holder.rows("create table kept (i int)");
    for leave in [drop, Client::bye] {
        holder.rows("truncate kept");
        holder.rows("select pg_advisory_lock(1)");
        let mut client = scene.client();
        let first = client.backend_pid();
        let sql = "insert into kept select 1 from (select pg_advisory_xact_lock(1)) held";
        client.send(&[Request::Query(sql.to_owned())]).expect("the connection is open");
        scene.witness.wait_for_blocked("endings_running", 1);
        leave(client);
        let mut next = scene.client();
        assert_ne!(next.backend_pid(), first, "a backend that runs a statement is not given away");
        next.bye();
        holder.rows("select pg_advisory_unlock(1)");
        scene.witness.wait_for_end_of(&first);
        assert_eq!(holder.value("select count(*) from kept"), "1", "the statement was done");
    }
}

/// Statements and the goodbye in one packet, as short-lived scripts send them.
#[test]
fn a_goodbye_right_behind_statements() {
    let mut scene = Scene::raw("endings_goodbye", ONE);
    let mut direct = scene.direct.connect().expect("a direct session");
    direct.rows("create table kept (i int)");
    let mut client = scene.client();
    let insert = |i: u32| Request::Query(format!("insert into kept values ({i})"));
    client.send(&[insert(1), insert(2), Request::Terminate]).expect("the connection is open");
    client.read_to_end().expect("pgherd closes the connection");
    scene.wait_for_rest();
    wait_for("both rows", || direct.value("select count(*) from kept") == "2");
}

#[test]
fn clients_that_leave_before_they_are_in() {
    let mut scene = Scene::raw("endings_early", ONE);
    let startup = b"\0\0\0\x26\0\x03\0\0user\0postgres\0database\0x\0";
    for bytes in [&b""[..], b"\0", b"\0\0\0\x08", b"\0\0\0\x08\x04\xd2\x16\x2f", startup] {
        for _ in 0..20 {
            let mut client = Client::connect(scene.through.port).expect("a connection");
            client.send_bytes(bytes).expect("the connection is open");
        }
    }
    // None of them holds the one place that there is.
    assert_eq!(scene.client().value("select 1"), "1");
    scene.wait_for_backends(1);
}

/// Clients end in every way at once. Nothing is lost by it: neither a place nor a backend, and nobody meets the
/// remains of another.
#[test]
fn a_storm_of_endings() {
    let mut scene = Scene::streaming(
        "endings_storm",
        "num_init_children = 3\nmax_pool = 1\nlisten_backlog_multiplier = 10",
    );
    let mut direct = scene.direct.connect().expect("a direct session");
    direct.rows("create table kept (i int)");
    direct.rows("grant all on kept to public");
    let target = &scene.through;
    std::thread::scope(|scope| {
        for first in 0..8 {
            scope.spawn(move || {
                for turn in 0..2 * ENDINGS.len() {
                    let (name, end, _) = ENDINGS[(first + turn) % ENDINGS.len()];
                    let mut client = target.connect().unwrap_or_else(|error| panic!("{name}: {error}"));
                    client.rows("set work_mem = '7777kB'");
                    assert_eq!(client.value("select 1"), "1", "{name}");
                    end(client);
                }
            });
        }
    });
    scene.wait_for_rest();
    let mut clients = [scene.client(), scene.client(), scene.client()];
    for client in &mut clients {
        assert_eq!(client.value("show work_mem"), "4MB");
    }
    assert_eq!(clients[0].value("select count(*) from kept"), "0");
    direct.bye();
    scene.wait_for_backends(3);
}
