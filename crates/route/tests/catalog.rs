//! Look-ups, against a real server: what is asked is understood, whatever names, settings and search path are, and
//! what comes back is what decides.

mod common;

use common::{identity, quiet, select};
use pgherd_route::{Decision, Name, NameScope, Router, Routing, Rule, Temporaries};
use pgherd_sql::Statement;
use pgherd_testkit::{Client, Target, raw_cluster};
use pgherd_types::Moment;

/// A session at a server, and the router that asks it.
struct Session {
    client: Client,
    router: Router,
    search_path: Option<String>,
}

impl Session {
    /// In a database of its own.
    fn new(database: &str, setup: &str) -> Self {
        let cluster = raw_cluster();
        let target = Target::node(cluster, cluster.node(0).expect("node 0"));
        target.psql(&format!("drop database if exists {database} with (force)"));
        target.psql(&format!("create database {database}"));
        let mut client = target.database(database).connect().expect("a session");
        client.rows(setup);
        Session { client, router: Router::new([3; 16]), search_path: None }
    }

    fn path(&mut self, path: &str) {
        self.client.rows(&format!("set search_path = {path}"));
        self.search_path = Some(path.to_owned());
    }

    /// The decision, and how many look-ups it took.
    fn decide(&mut self, statement: &Statement, routing: &Routing) -> (Rule, usize) {
        let (identity, none) = (identity(), Temporaries::None);
        let mut facts = quiet(&identity, &none);
        let path = self.search_path.clone();
        facts.names = NameScope { search_path: path.as_deref().map(str::as_bytes), ..facts.names };
        for asked in 0.. {
            assert!(asked < 3, "asks again and again: {statement:?}");
            match self.router.decide(statement, b"SELECT", &facts, routing) {
                Decision::Lead(rule) | Decision::Reader(rule) => return (rule, asked),
                Decision::Ask(lookup) => {
                    let answer = self.answer(lookup.query());
                    self.router.learn(lookup, &answer, 0).expect("an answer that is understood");
                }
            }
        }
        unreachable!()
    }

    /// The rows, as they come.
    fn answer(&mut self, query: &str) -> Vec<u8> {
        let messages = self.client.query(query).expect("an answer");
        let error = messages.iter().find(|message| message.kind == b'E').map(|error| error.text());
        assert_eq!(error, None, "{query}");
        let rows = messages.iter().filter(|message| message.kind == b'D');
        let raw = rows.map(|row| {
            let length = u32::try_from(row.body.len() + 4).expect("a small row").to_be_bytes();
            [&[row.kind][..], &length, &row.body].concat()
        });
        raw.collect::<Vec<_>>().concat()
    }

    #[track_caller]
    fn expect(&mut self, table: &[(&[&str], &[&str], Rule)]) {
        for (reads, functions, rule) in table {
            let (found, _) = self.decide(&select(reads, functions), &Routing::default());
            assert_eq!(found, *rule, "{reads:?} {functions:?}: {found}");
        }
    }
}

const FIRST: Name = Name::Read(0);
const CALLED: Name = Name::Called(0);

#[test]
fn kinds_of_relations() {
    let mut session = Session::new(
        "route_kinds",
        r#"
        create table plain (a int);
        create unlogged table fast (a int);
        create temp table passing (a int);
        create foreign data wrapper w; create server s foreign data wrapper w;
        create foreign table far (a int) server s;
        create view v_plain as select * from plain;
        create view v_fast as select p.a from plain p, fast f;
        create view v_v_fast as select 1 as a from v_plain where exists (select from v_fast);
        create view v_far as select * from far;
        create materialized view m_fast as select * from fast;
        create table part (a int) partition by list (a);
        create table part1 partition of part for values in (1);
        create table mixed (a int) partition by list (a);
        create unlogged table mixed1 partition of mixed for values in (1);
        create table parent (a int);
        create unlogged table child () inherits (parent);
        create view v_random as select random() from plain;
        create view v_v_random as select * from v_random;
        create view v_xid as select txid_current();
        create view v_lock as select * from plain for update;
        create sequence seq;
        create view v_seq as select nextval('seq') as n;
        create view v_now as select now(), lower('A') from plain where a < 3 order by a;
        create function noisy(int, int) returns bool language plpgsql volatile as 'begin return true; end';
        create operator <<<< (leftarg = int, rightarg = int, function = noisy);
        create view v_operator as select 1 <<<< 2 as yes;
        "#,
    );
    session.expect(&[
        (&["plain"], &[], Rule::Balanced),
        (&["public.plain"], &[], Rule::Balanced),
        (&["fast"], &[], Rule::Unlogged(FIRST)),
        (&["plain", "fast"], &[], Rule::Unlogged(Name::Read(1))),
        (&["passing"], &[], Rule::TemporaryRelation(FIRST)),
        (&["far"], &[], Rule::Foreign(FIRST)),
        (&["v_plain"], &[], Rule::Balanced),
        (&["v_fast"], &[], Rule::Unlogged(FIRST)),
        (&["v_v_fast"], &[], Rule::Unlogged(FIRST)),
        (&["v_far"], &[], Rule::Foreign(FIRST)),
        (&["m_fast"], &[], Rule::Balanced),
        (&["part"], &[], Rule::Balanced),
        (&["part1"], &[], Rule::Balanced),
        (&["mixed"], &[], Rule::Unlogged(FIRST)),
        (&["parent"], &[], Rule::Unlogged(FIRST)),
        (&["v_random"], &[], Rule::VolatileView(FIRST)),
        (&["v_v_random"], &[], Rule::VolatileView(FIRST)),
        (&["v_xid"], &[], Rule::PrimaryView(FIRST)),
        (&["v_lock"], &[], Rule::PrimaryView(FIRST)),
        (&["v_seq"], &[], Rule::PrimaryView(FIRST)),
        (&["v_operator"], &[], Rule::VolatileView(FIRST)),
        (&["v_now"], &[], Rule::Balanced),
        (&["seq"], &[], Rule::PrimaryView(FIRST)),
        (&["nowhere"], &[], Rule::Absent(FIRST)),
        (&["no_schema.plain"], &[], Rule::Absent(FIRST)),
    ]);
}

#[test]
fn kinds_of_functions() {
    let mut session = Session::new(
        "route_functions",
        r#"
        create schema other;
        create function calm(int) returns int language sql stable as 'select 1';
        create function other.calm(int) returns int language sql volatile as 'select 1';
        create function mixed(int) returns int language sql immutable as 'select 1';
        create function mixed(text) returns int language sql volatile as 'select 1';
        create function wild() returns int language plpgsql as 'begin return 1; end';
        create function step(int, int) returns int language sql volatile as 'select 1';
        create aggregate calm_sum(int) (sfunc = int4pl, stype = int);
        create aggregate wild_sum(int) (sfunc = step, stype = int);
        create procedure proc() language sql as 'select 1';
        "#,
    );
    session.expect(&[
        (&[], &["calm"], Rule::Balanced),
        (&[], &["other.calm"], Rule::Volatile(CALLED)),
        (&[], &["mixed"], Rule::Volatile(CALLED)),
        (&[], &["wild"], Rule::Volatile(CALLED)),
        (&[], &["calm_sum"], Rule::Balanced),
        (&[], &["wild_sum"], Rule::Volatile(CALLED)),
        (&[], &["proc"], Rule::Volatile(CALLED)),
        (&[], &["calm", "random"], Rule::Volatile(Name::Called(1))),
        (&[], &["pg_catalog.lower"], Rule::Balanced),
        (&[], &["has_table_privilege"], Rule::Balanced),
        (&[], &["nothing"], Rule::Absent(CALLED)),
    ]);
}

#[test]
fn what_functions_may_leave_behind() {
    let table = [
        ("begin return (select count(*) from t); end", false),
        ("begin update t set a = 1; return 1; end", false),
        (
            "begin if true then update t set a = 1; else insert into t values (1); end if; return 1; end",
            false,
        ),
        ("begin create temp table x (a int); return 1; end", true),
        ("begin create TEMPORARY table x (a int); return 1; end", true),
        ("begin set search_path = x; return 1; end", true),
        ("begin if true then\n reset all; end if; return 1; end", true),
        ("begin perform set_config('a.b', 'c', false); return 1; end", true),
        ("begin execute 'select 1'; return 1; end", true),
        ("begin listen x; return 1; end", true),
        ("begin return (select max(temperature) from t); end", false),
    ];
    let mut session = Session::new("route_leaves", "create table t (a int, temperature int)");
    for (i, (body, leaves)) in table.iter().enumerate() {
        let name = format!("f{i}");
        session.client.rows(&format!("create function {name}() returns int language plpgsql as $${body}$$"));
        let statement = select(&[], &[&name]);
        let (identity, none) = (identity(), Temporaries::None);
        let facts = quiet(&identity, &none);
        assert!(!session.router.leaves_behind(&statement, &facts), "nothing is known yet");
        session.decide(&statement, &Routing::default());
        assert_eq!(session.router.leaves_behind(&statement, &facts), *leaves, "{body}");
    }
}

#[test]
fn names_that_are_hard_to_write() {
    const NAMES: [&str; 9] =
        ["it's", "back\\slash", "\\'", "\\", "Großes Ärger", "名前", "E'x", "a\nb", "select"];
    let mut session = Session::new("route_names", "select 1");
    for name in NAMES {
        session.client.rows(&format!("create unlogged table \"{name}\" (a int)"));
    }
    let settings = [
        "standard_conforming_strings = off",
        "backslash_quote = off",
        "escape_string_warning = on",
        "quote_all_identifiers = on",
    ];
    for setting in settings {
        session.client.rows(&format!("set {setting}"));
        for name in NAMES {
            session.router.refresh(0, Moment(0));
            let statement = select(&[name], &[]);
            let mut fresh = Router::new([4; 16]);
            core::mem::swap(&mut session.router, &mut fresh);
            assert_eq!(
                session.decide(&statement, &Routing::default()),
                (Rule::Unlogged(FIRST), 1),
                "{name:?}"
            );
        }
    }
}

#[test]
fn in_another_client_encoding_only_plain_names_are_asked_about() {
    let (identity, none) = (identity(), Temporaries::None);
    let mut facts = quiet(&identity, &none);
    facts.names.utf8 = false;
    let mut router = Router::default();
    let mut rule =
        |name| common::rule(&mut router, &select(&[name], &[]), "SELECT", &facts, &Routing::default());
    assert_eq!(rule("Ärger"), Some(Rule::Unreadable(FIRST)));
    assert_eq!(rule("plain"), None);
}

#[test]
fn the_search_path_decides_what_a_name_means() {
    let mut session = Session::new(
        "route_path",
        r#"
        create schema one; create schema two; create schema trap;
        create table one.t (a int); create unlogged table two.t (a int);
        create function one.f() returns int language sql stable as 'select 1';
        create function two.f() returns int language sql volatile as 'select 1';
        create function trap.lies(anyelement, anyelement) returns bool language plpgsql
            as 'begin raise exception ''called''; end';
        create operator trap.= (leftarg = anyelement, rightarg = anyelement, function = trap.lies);
        create function trap.name_lies(name, name) returns bool language plpgsql
            as 'begin raise exception ''called''; end';
        create operator trap.= (leftarg = name, rightarg = name, function = trap.name_lies);
        create function trap.bool_or(bool) returns bool language plpgsql
            as 'begin raise exception ''called''; end';
        create function trap.pg_table_is_visible(oid) returns bool language plpgsql
            as 'begin raise exception ''called''; end';
        create table trap.pg_class (oid oid, relname text);
        "#,
    );
    session.path("one, two");
    session.expect(&[(&["t"], &[], Rule::Balanced), (&[], &["f"], Rule::Balanced)]);
    session.path("two, one");
    session.expect(&[(&["t"], &[], Rule::Unlogged(FIRST)), (&[], &["f"], Rule::Volatile(CALLED))]);
    session.path("one");
    session.expect(&[(&["t"], &[], Rule::Balanced), (&["two.t"], &[], Rule::Unlogged(FIRST))]);
    session.path("''");
    session.expect(&[(&["t"], &[], Rule::Absent(FIRST)), (&["one.t"], &[], Rule::Balanced)]);
    session.path("trap, one, pg_catalog");
    session.expect(&[(&["t"], &[], Rule::Balanced), (&[], &["f"], Rule::Balanced)]);
}

#[test]
fn what_is_known_is_not_asked_again_until_a_ddl_passes_or_it_expires() {
    let mut session = Session::new("route_memory", "create table t (a int); create table u (a int)");
    let (t, both) = (select(&["t"], &[]), select(&["t", "u"], &[]));
    let mut routing = Routing::default();
    assert_eq!(session.decide(&t, &routing), (Rule::Balanced, 1));
    assert_eq!(session.decide(&t, &routing), (Rule::Balanced, 0));
    assert_eq!(session.decide(&both, &routing), (Rule::Balanced, 1));

    session.client.rows("alter table t set unlogged");
    assert_eq!(session.decide(&t, &routing), (Rule::Balanced, 0), "nobody told that a DDL has passed");
    session.router.refresh(1, Moment(0));
    let (identity, none) = (identity(), Temporaries::None);
    let facts = quiet(&identity, &none);
    let Decision::Ask(lookup) = session.router.decide(&t, b"", &facts, &routing) else {
        panic!("it is forgotten")
    };
    let answer = session.answer(lookup.query());
    assert!(session.router.learn(lookup, &answer, 2).is_err(), "another DDL has passed since it was asked");
    let Decision::Ask(lookup) = session.router.decide(&t, b"", &facts, &routing) else {
        panic!("it is forgotten")
    };
    assert_eq!(session.router.learn(lookup, &answer, 2), Ok(()));
    assert_eq!(session.decide(&t, &routing), (Rule::Unlogged(FIRST), 0));

    routing.relations.expire = Some(core::time::Duration::from_secs(10));
    let mut later = facts;
    later.now = Moment(facts.now.0 + 9_999);
    assert!(matches!(session.router.decide(&t, b"", &later, &routing), Decision::Lead(_)));
    later.now = Moment(facts.now.0 + 10_000);
    assert!(matches!(session.router.decide(&t, b"", &later, &routing), Decision::Ask(_)));
}

#[test]
fn what_is_not_there_is_asked_again_soon() {
    let mut session = Session::new("route_absent", "select 1");
    let (identity, none) = (identity(), Temporaries::None);
    let mut facts = quiet(&identity, &none);
    let (statement, routing) = (select(&["t"], &[]), Routing::default());
    session.router.refresh(0, facts.now);
    assert_eq!(session.decide(&statement, &routing), (Rule::Absent(FIRST), 1));
    session.client.rows("create table t (a int)");
    assert_eq!(session.decide(&statement, &routing), (Rule::Absent(FIRST), 0));
    facts.now = Moment(facts.now.0 + 1000);
    assert!(matches!(session.router.decide(&statement, b"", &facts, &routing), Decision::Ask(_)));
}

#[test]
fn answers_that_are_none() {
    let mut session = Session::new("route_answers", "create table t (a int)");
    let (identity, none) = (identity(), Temporaries::None);
    let facts = quiet(&identity, &none);
    let (statement, routing) = (select(&["t"], &["f"]), Routing::default());
    let ask = |router: &mut Router| match router.decide(&statement, b"", &facts, &routing) {
        Decision::Ask(lookup) => lookup,
        other @ (Decision::Lead(_) | Decision::Reader(_)) => panic!("{other:?}"),
    };
    let lookup = ask(&mut session.router);
    let good = session.answer(lookup.query());
    for cut in 1..good.len() {
        let lookup = ask(&mut session.router);
        assert!(session.router.learn(lookup, &good[..cut], 0).is_err(), "cut at {cut}");
    }
    let mut wrong = good.clone();
    for at in 0..good.len() {
        wrong[at] ^= 0x55;
        let lookup = ask(&mut session.router);
        // It may be another row that could be; it may not be a panic.
        if session.router.learn(lookup, &wrong, 0).is_ok() {
            session.router = Router::new([3; 16]);
        }
        wrong[at] = good[at];
    }
}
