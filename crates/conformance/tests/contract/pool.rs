//! Who shares a backend with whom, how many there are, and how long they live.

use pgherd_conformance::{Scene, Witness};
use pgherd_testkit::{Client, Message, Target, streaming_cluster, wait_for};

fn with_options(target: &Target, options: &[(&str, &str)]) -> Client {
    let who = [("user", target.user.as_str()), ("database", target.database.as_str())];
    let parameters = [&who[..], options].concat();
    Client::login(target.port, &parameters).unwrap_or_else(|error| panic!("{options:?}: {error}"))
}

/// The process id behind a client that comes and goes.
fn visit(target: &Target, options: &[(&str, &str)]) -> String {
    let mut client = with_options(target, options);
    let pid = client.backend_pid();
    client.bye();
    pid
}

#[test]
fn clients_one_after_the_other_share_one_backend() {
    let mut scene = Scene::raw("pool_one", "num_init_children = 1\nmax_pool = 1");
    let first = visit(&scene.through, &[]);
    for _ in 0..20 {
        assert_eq!(visit(&scene.through, &[]), first);
    }
    assert_eq!(scene.witness.backends("pool_one"), 1);
}

#[test]
fn only_clients_that_are_alike_share() {
    let scene = Scene::raw("pool_kinds", "num_init_children = 1\nmax_pool = 8");
    let mut direct = scene.direct.connect().expect("a direct session");
    direct.rows("drop role if exists other; create role other login");
    let other_user = scene.through.clone().user("other");
    let other_database = scene.through.clone().database("postgres");
    let kinds: [(&Target, &[(&str, &str)]); 6] = [
        (&scene.through, &[]),
        (&scene.through, &[("application_name", "one")]),
        (&scene.through, &[("application_name", "two")]),
        (&scene.through, &[("options", "-c work_mem=5MB")]),
        (&other_user, &[]),
        (&other_database, &[]),
    ];
    let first = kinds.map(|(target, options)| visit(target, options));
    for (i, pid) in first.iter().enumerate() {
        assert!(!first[..i].contains(pid), "kind {i} shares {pid}: {first:?}");
    }
    for (i, (target, options)) in kinds.iter().enumerate() {
        wait_for("the same backend once more", || visit(target, options) == first[i]);
    }
}

/// What a startup packet sets is there in every session with it, and reset to it.
#[test]
fn startup_options_survive_the_reset() {
    let scene = Scene::raw("pool_options", "num_init_children = 1\nmax_pool = 1");
    let options = [("options", "-c work_mem=5MB -c statement_timeout=33s"), ("TimeZone", "Asia/Tokyo")];
    let look = "select current_setting('work_mem'), current_setting('statement_timeout'), current_setting('TimeZone')";
    let mut pids = Vec::new();
    for _ in 0..2 {
        let mut client = with_options(&scene.through, &options);
        assert_eq!(client.rows(look), [["5MB", "33s", "Asia/Tokyo"]]);
        client.rows("set work_mem = '6MB'; set timezone = 'UTC'; set statement_timeout = 0");
        pids.push(client.backend_pid());
        client.bye();
    }
    assert_eq!(pids[0], pids[1]);
}

/// What a client was told when it came in.
fn parameters(client: &Client) -> Vec<String> {
    let mut lines: Vec<String> = client.startup().iter().map(Message::text).collect();
    lines.sort();
    lines
}

/// A client is told the parameters of the backend that it gets, also when somebody else changed them before.
#[test]
fn parameter_status_is_that_of_a_fresh_session() {
    let scene = Scene::raw("pool_parameters", "num_init_children = 1\nmax_pool = 1");
    let mut client = scene.client();
    client.rows("set application_name = 'x'; set timezone = 'Asia/Tokyo'; set datestyle = 'SQL, DMY'");
    client.rows("set client_encoding = 'LATIN1'; set standard_conforming_strings = off");
    client.bye();
    let direct = scene.direct.connect().expect("a direct session");
    assert_eq!(parameters(&scene.client()), parameters(&direct));
}

/// The standby that answers the reads has parameters of its own, `in_hot_standby` among them: nobody hears of those.
#[test]
fn parameter_status_is_the_primarys() {
    const SAID: [&str; 7] = [
        "set timezone = 'Asia/Tokyo'",
        "select 1",
        "begin; set local datestyle = 'German'",
        "select 1",
        "rollback",
        "select 1",
        "discard all",
    ];
    let scene = Scene::streaming("pool_standby", "num_init_children = 1\nmax_pool = 1\nbackend_weight0 = 0");
    let mut direct = scene.direct.connect().expect("a direct session");
    for _ in 0..2 {
        let mut client = scene.client();
        assert_eq!(parameters(&client), parameters(&direct));
        assert_ne!(client.value("select inet_server_port()"), direct.value("select inet_server_port()"));
        for sql in SAID {
            let [told, expected] = [&mut client, &mut direct].map(|session| {
                let answer = session.query(sql).expect("the session goes on");
                answer.iter().map(Message::text).collect::<Vec<_>>()
            });
            assert_eq!(told, expected, "{sql}");
        }
        client.bye();
    }
}

#[test]
fn there_are_never_more_backends_than_the_settings_allow() {
    let mut scene = Scene::raw("pool_budget", "num_init_children = 2\nmax_pool = 2");
    let database = scene.database().to_owned();
    for round in 0..3 {
        for name in ["a", "b", "c", "d", "e", "f"] {
            let options = [("application_name", name)];
            let mut here = with_options(&scene.through, &options);
            let mut there = with_options(&scene.through, &options);
            assert_ne!(here.backend_pid(), there.backend_pid());
            let count = scene.witness.backends(&database);
            assert!(count <= 4, "round {round}, {name}: {count} backends");
            here.bye();
            there.bye();
        }
    }
    assert_eq!(scene.witness.backends(&database), 4, "the pool is full");
}

#[test]
fn connection_cache_off() {
    let mut scene = Scene::raw("pool_off", "connection_cache = off");
    let first = visit(&scene.through, &[]);
    scene.witness.wait_for_end_of(&first);
    assert_ne!(visit(&scene.through, &[]), first);
    scene.wait_for_backends(0);
}

#[test]
fn connection_life_time() {
    let mut scene = Scene::raw("pool_life", "connection_life_time = 1");
    let mut stays = scene.client();
    let (kept, idle) = (stays.backend_pid(), visit(&scene.through, &[]));
    scene.witness.wait_for_end_of(&idle);
    assert_eq!(stays.backend_pid(), kept, "only idle backends grow old");
    stays.bye();
    scene.wait_for_backends(0);
}

#[test]
fn a_reset_query_list_of_ones_own() {
    let settings = "num_init_children = 1\nmax_pool = 1\nreset_query_list = 'ABORT; RESET work_mem'";
    let scene = Scene::raw("pool_reset", settings);
    let mut client = scene.client();
    let first = client.backend_pid();
    client.rows("set work_mem = '6MB'; set maintenance_work_mem = '66MB'; prepare p as select 1");
    client.rows("begin");
    client.bye();
    let mut next = scene.client();
    let look = "select current_setting('work_mem'), current_setting('maintenance_work_mem')";
    assert_eq!(next.rows(look), [["4MB", "66MB"]], "what the list resets is reset, and nothing else");
    assert_eq!(next.value("select name from pg_prepared_statements"), "p");
    assert_eq!(next.backend_pid(), first);
}

/// A backend that cannot be reset is not given to anybody.
#[test]
fn a_reset_that_fails() {
    let lists =
        ["ABORT; no such statement", "ABORT; BEGIN", "COPY pg_class TO STDOUT", "COPY pg_class FROM STDIN"];
    for (i, list) in lists.iter().enumerate() {
        let settings = format!("num_init_children = 1\nmax_pool = 1\nreset_query_list = '{list}'");
        let mut scene = Scene::raw(&format!("pool_reset_{i}"), &settings);
        let first = visit(&scene.through, &[]);
        assert_ne!(visit(&scene.through, &[]), first, "{list}");
        scene.witness.wait_for_end_of(&first);
    }
}

#[test]
fn a_database_is_dropped_under_its_backends() {
    let mut scene = Scene::raw("pool_drop", "num_init_children = 2\nmax_pool = 1");
    let pooled = visit(&scene.through, &[]);
    let mut open = scene.client();
    let held = open.backend_pid();
    scene.witness.run("drop database pool_drop with (force)");
    let last = open.read_to_end().expect("the session ends with its backend");
    let fields = last.last().and_then(|message| message.field(b'C'));
    assert_eq!(fields.as_deref(), Some("57P01"), "{last:?}");
    let refused = scene.through.connect().expect_err("there is no such database").to_string();
    let direct = scene.direct.connect().expect_err("there is no such database").to_string();
    assert_eq!(refused, direct);
    scene.witness.run("create database pool_drop");
    let again = visit(&scene.through, &[]);
    assert!(again != pooled && again != held);
}

/// A pooled backend that the server closes is not what the next client gets to feel.
#[test]
fn a_pooled_backend_is_terminated() {
    let mut scene = Scene::raw("pool_killed", "num_init_children = 1\nmax_pool = 1");
    for _ in 0..5 {
        let pid = visit(&scene.through, &[]);
        scene.witness.run(&format!("select pg_terminate_backend({pid})"));
        scene.witness.wait_for_end_of(&pid);
        assert_ne!(visit(&scene.through, &[]), pid);
    }
}

/// A session that has left nothing behind needs no reset, and one that may have left something gets it.
#[test]
fn who_leaves_nothing_is_not_reset() {
    const LIST: &str = "num_init_children = 1\nmax_pool = 1\nbackend_weight1 = 0\nbackend_weight2 = 0";
    let mut scene = Scene::streaming("pool_reset", LIST);
    let mut direct = scene.direct.connect().expect("a direct session");
    for sql in [
        "create table plain (a int)",
        "create function own() returns text stable language sql as $$ select set_config('work_mem', '5MB', false) $$",
        "create view shows as select a from plain",
        "create view calls as select own()",
        "create table guarded (a int)",
        "alter table guarded enable row level security",
    ] {
        direct.rows(sql);
    }
    direct.bye();
    let table = [
        ("select 1 from plain", false),
        ("select a, now(), version() from shows", false),
        ("select a from plain for update", true),
        ("select own()", true),
        ("select * from calls", true),
        ("select * from guarded", true),
        ("select set_config('work_mem', '5MB', false)", true),
        ("set work_mem = '5MB'", true),
        ("insert into plain values (1)", true),
        ("create temp table mine (a int)", true),
        ("select 1; select 2", true),
        ("begin; select 1; commit", true),
    ];
    for (sql, reset) in table {
        let mut client = scene.client();
        let pid = client.backend_pid();
        client.rows(sql);
        client.bye();
        let last = if reset { "DISCARD ALL" } else { sql };
        scene.witness.wait_for(
            &format!("select query || state from pg_stat_activity where pid = {pid}"),
            &format!("{last}idle"),
        );
        let mut next = scene.client();
        assert_eq!(next.backend_pid(), pid, "{sql}");
        assert_eq!(next.rows("show work_mem"), [["4MB"]], "{sql}");
        next.bye();
    }
}

/// A list that does more than throw away is run on whatever backend was used: the lead, and the standby that only read.
#[test]
fn a_list_that_does_more_is_always_run() {
    let settings =
        "reset_query_list = 'ABORT; DISCARD ALL; SELECT 4711'\nbackend_weight0 = 0\nbackend_weight1 = 0";
    let scene = Scene::streaming("pool_list", settings);
    let mut client = scene.client();
    let standby = streaming_cluster().node(2).expect("node 2");
    assert_eq!(client.value("select inet_server_port()"), standby.port().to_string());
    let pid = client.value("select pg_backend_pid()");
    client.bye();
    Witness::on(&Target::node(streaming_cluster(), standby)).wait_for(
        &format!("select query || state from pg_stat_activity where pid = {pid}"),
        "SELECT 4711idle",
    );
}
