//! A row for each rule of routing that needs no catalog, and for the order in which they are asked.

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use common::{identity, quiet, rule, select};
use pgherd_route::{
    AfterWrite, Consistency, FunctionRule, Held, Mutations, Name, Object, Related, Router, Routing, Rule,
    SessionFacts, TEMPORARIES, Temporaries, Tracking, TransactionFacts, Written, WroteBefore, written_by,
};
use pgherd_sql::{Calls, Discard, Place, Relation, Statement, Temporary, Verb, Why};
use pgherd_types::{ClusteringMode, Moment};
use regex::bytes::Regex;

/// The rule for a statement in a quiet session that something was changed about.
fn of(
    statement: &Statement,
    text: &str,
    routing: &Routing,
    change: impl FnOnce(&mut SessionFacts<'_>),
) -> Option<Rule> {
    let (identity, none) = (identity(), Temporaries::None);
    let mut session = quiet(&identity, &none);
    change(&mut session);
    rule(&mut Router::default(), statement, text, &session, routing)
}

fn one() -> Statement {
    select(&[], &[])
}

fn with_place(place: Place) -> Statement {
    Statement { place, ..one() }
}

fn with_verb(verb: Verb) -> Statement {
    Statement { verb, place: Place::Primary(Why::Verb), ..one() }
}

#[test]
fn what_the_statement_is() {
    let explain =
        |analyse, inner: Statement| with_verb(Verb::Explain { analyse, statement: Box::new(inner) });
    let prepare =
        |inner: Statement| with_verb(Verb::Prepare { name: "p".into(), statement: Box::new(inner) });
    let insert = || Statement { verb: Verb::Insert, place: Place::Writes(Why::Verb), ..one() };
    let lead = |why| Some(Rule::Statement(why));
    let table = [
        (one(), Some(Rule::Balanced)),
        (Statement { verb: Verb::CopyOut, ..one() }, Some(Rule::Balanced)),
        (with_place(Place::Writes(Why::Into)), lead(Why::Into)),
        (with_place(Place::Writes(Why::Locking)), lead(Why::Locking)),
        (with_place(Place::Writes(Why::WritingCte)), lead(Why::WritingCte)),
        (with_place(Place::Writes(Why::PrimaryFunction)), lead(Why::PrimaryFunction)),
        (with_place(Place::Primary(Why::Catalog)), lead(Why::Catalog)),
        (with_place(Place::Primary(Why::NodesOwn)), lead(Why::NodesOwn)),
        (Statement { verb: Verb::CopyOut, ..with_place(Place::Writes(Why::Locking)) }, lead(Why::Locking)),
        (insert(), lead(Why::Verb)),
        (explain(false, one()), Some(Rule::Balanced)),
        (explain(true, one()), Some(Rule::Balanced)),
        (explain(false, insert()), lead(Why::Verb)),
        (explain(true, with_place(Place::Writes(Why::Into))), lead(Why::Into)),
        (prepare(one()), Some(Rule::Balanced)),
        (prepare(insert()), lead(Why::Verb)),
        (with_verb(Verb::Show), lead(Why::Verb)),
        (with_verb(Verb::Cursor), lead(Why::Verb)),
        (with_verb(Verb::Set), lead(Why::Verb)),
        (with_verb(Verb::Discard(Discard::All)), lead(Why::Verb)),
        (with_verb(Verb::Lock { weak: true }), lead(Why::Verb)),
        (with_verb(Verb::CopyIn), lead(Why::Verb)),
        (with_verb(Verb::CopyServer), lead(Why::Verb)),
    ];
    for (statement, expected) in table {
        assert_eq!(of(&statement, "SELECT", &Routing::default(), |_| ()), expected, "{statement:?}");
    }
}

#[test]
fn how_the_text_begins() {
    let strict = Routing { ignore_leading_white_space: false, ..Routing::default() };
    let comments = Routing { allow_sql_comments: true, ..strict.clone() };
    let plain = Routing::default();
    let table = [
        (&plain, "SELECT 1", Rule::Balanced),
        (&plain, "(select 1)", Rule::Balanced),
        (&plain, "with a as (select 1) select 1", Rule::Balanced),
        (&plain, "TABLE t", Rule::Balanced),
        (&plain, "  SELECT 1", Rule::Balanced),
        (&plain, "VALUES (1)", Rule::Head),
        (&plain, "/* tag */ SELECT 1", Rule::Head),
        (&plain, "-- tag\nSELECT 1", Rule::Head),
        (&plain, "SELECT /* tag */ 1", Rule::Balanced),
        (&plain, "/*NO LOAD BALANCE*/ SELECT 1", Rule::NoBalance),
        (&strict, "  SELECT 1", Rule::LeadingBlank),
        (&strict, "SELECT 1", Rule::Balanced),
        (&comments, "  SELECT 1", Rule::Balanced),
        (&comments, "VALUES (1)", Rule::Balanced),
        (&comments, "/* tag */ SELECT 1", Rule::Balanced),
        (&comments, "/*NO LOAD BALANCE*/ SELECT 1", Rule::Balanced),
    ];
    for (routing, text, expected) in table {
        assert_eq!(of(&one(), text, routing, |_| ()), Some(expected), "{text}");
    }
    let explain = with_verb(Verb::Explain { analyse: false, statement: Box::new(one()) });
    assert_eq!(
        of(&explain, "/* x */ EXPLAIN SELECT 1", &plain, |_| ()),
        Some(Rule::Balanced),
        "not asked of EXPLAIN"
    );
}

/// Transactions and `disable_load_balance_on_write`: for each of its values, in the order `off`, `transaction`,
/// `trans_transaction`, `always`, `dml_adaptive`, `dml_adaptive_global`.
#[test]
fn transactions_and_writes() {
    const VALUES: [AfterWrite; 6] = [
        AfterWrite::Off,
        AfterWrite::Transaction,
        AfterWrite::TransTransaction,
        AfterWrite::Always,
        AfterWrite::Adaptive,
        AfterWrite::AdaptiveGlobal,
    ];
    let open = |serializable, failed, wrote, ddl| TransactionFacts::Open { serializable, failed, wrote, ddl };
    let fresh = TransactionFacts::FRESH;
    let none = TransactionFacts::None;
    use Rule::{
        Balanced as B, CatalogChanged as C, Failed as F, Serializable as S, Wrote as W, WroteAlways as A,
        WroteEarlier as E,
    };
    let table = [
        (none, WroteBefore::Never, [B, B, B, B, B, B]),
        (fresh, WroteBefore::Never, [B, B, B, B, B, B]),
        (open(false, false, true, false), WroteBefore::Never, [B, W, W, W, B, B]),
        (open(false, true, false, false), WroteBefore::Never, [F, F, F, F, F, F]),
        (open(true, false, false, false), WroteBefore::Never, [S, S, S, S, S, S]),
        (open(false, false, true, true), WroteBefore::Never, [C, C, C, C, C, C]),
        (none, WroteBefore::Outside, [B, B, B, A, B, B]),
        (fresh, WroteBefore::Outside, [B, B, B, A, B, B]),
        (none, WroteBefore::InTransaction, [B, B, B, A, B, B]),
        (fresh, WroteBefore::InTransaction, [B, B, E, A, B, B]),
    ];
    for (transaction, wrote_before, expected) in table {
        let found = VALUES.map(|after_write| {
            let routing = Routing { after_write, ..Routing::default() };
            of(&one(), "SELECT", &routing, |session| {
                session.transaction = transaction;
                session.wrote_before = wrote_before;
            })
        });
        assert_eq!(found, expected.map(Some), "{transaction:?} {wrote_before:?}");
    }
}

/// What is not committed is on no other node, whichever tables it was written to.
#[test]
fn with_read_consistency_a_transaction_sees_what_it_has_written() {
    let consistency = Consistency::Session { wait: Duration::ZERO };
    for after_write in [AfterWrite::Off, AfterWrite::Adaptive, AfterWrite::AdaptiveGlobal] {
        let routing = Routing { after_write, consistency, ..Routing::default() };
        let wrote = |wrote| TransactionFacts::Open { serializable: false, failed: false, wrote, ddl: false };
        let found =
            [false, true].map(|is| of(&one(), "SELECT", &routing, |session| session.transaction = wrote(is)));
        assert_eq!(found, [Some(Rule::Balanced), Some(Rule::WroteUnseen)], "{after_write:?}");
    }
}

#[test]
fn modes_and_switches() {
    let mode = |mode| Routing { mode, ..Routing::default() };
    let table = [
        (mode(ClusteringMode::StreamingReplication), Rule::Balanced),
        (mode(ClusteringMode::LogicalReplication), Rule::Balanced),
        (mode(ClusteringMode::Slony), Rule::Balanced),
        (mode(ClusteringMode::Raw), Rule::Mode),
        (Routing { load_balance: false, ..Routing::default() }, Rule::BalancingOff),
    ];
    for (routing, expected) in table {
        assert_eq!(of(&one(), "SELECT", &routing, |_| ()), Some(expected), "{:?}", routing.mode);
    }
    for held in [Held::Listens, Held::HiddenState, Held::LocalSettings] {
        let found = of(&one(), "SELECT", &Routing::default(), |session| session.held = Some(held));
        assert_eq!(found, Some(Rule::Held(held)));
    }
}

#[test]
fn temporary_objects() {
    let named = |names: &[&str]| Temporaries::Named(names.iter().map(|&name| name.into()).collect());
    let typed = Statement { types: [Relation::new(None, "t")].into(), ..one() };
    let own = {
        let mut statement = select(&[], &["has_table_privilege"]);
        statement.functions[0].known = Calls::Own;
        Statement { place: Place::Primary(Why::NodesOwn), ..statement }
    };
    let t = Some(Rule::Temporary);
    let table: [(Statement, Temporaries, Option<Rule>); 13] = [
        (select(&["t"], &[]), named(&["t"]), t),
        (select(&["public.t"], &[]), named(&["t"]), None),
        (select(&["u"], &[]), named(&["t"]), None),
        (select(&["pg_temp.u"], &[]), Temporaries::None, t),
        (select(&["pg_temp_3.u"], &[]), Temporaries::None, t),
        (select(&[], &["pg_temp.f"]), Temporaries::None, t),
        (typed.clone(), named(&["t"]), t),
        (typed, Temporaries::None, Some(Rule::Balanced)),
        (select(&["u"], &[]), Temporaries::Unknown, t),
        (one(), Temporaries::Unknown, Some(Rule::Balanced)),
        (select(&[], &["f"]), named(&["t"]), t),
        (own.clone(), named(&["t"]), t),
        (own, Temporaries::None, None),
    ];
    for (statement, temporaries, expected) in table {
        let identity = identity();
        let session = quiet(&identity, &temporaries);
        let found = rule(&mut Router::default(), &statement, "SELECT", &session, &Routing::default());
        assert_eq!(found, expected, "{statement:?} {temporaries:?}");
    }
    let found = of(&select(&["t"], &[]), "SELECT", &Routing::default(), |session| {
        session.names.search_path = Some(b"SET search_path = PG_TEMP, public");
    });
    assert_eq!(found, t);
}

#[test]
fn what_temporaries_a_session_has() {
    let mut all = Temporaries::None;
    let made = |names: &[&str]| Statement {
        temporary: Temporary::Named(names.iter().map(|&name| name.into()).collect()),
        ..with_verb(Verb::Ddl)
    };
    all.note(&one());
    assert_eq!(all, Temporaries::None);
    all.note(&made(&["t"]));
    let view =
        Statement { writes: [Relation::new(None, "v")].into(), verb: Verb::Ddl, ..select(&["t"], &[]) };
    all.note(&view);
    assert_eq!(all, Temporaries::Named(BTreeSet::from(["t".into(), "v".into()])), "a view of one is one");
    for i in 0..TEMPORARIES {
        all.note(&made(&[&format!("t{i}")]));
    }
    assert_eq!(all, Temporaries::Unknown, "more than are told apart");
    let mut any = Temporaries::None;
    any.note(&Statement { temporary: Temporary::Unknown, ..one() });
    assert_eq!(any, Temporaries::Unknown);
}

#[test]
fn patterns_and_function_lists() {
    let list =
        |texts: &[&str]| texts.iter().map(|text| Regex::new(text).expect("a pattern")).collect::<Vec<_>>();
    let routing = Routing { primary_patterns: list(&["nothing", "(?i)from secret"]), ..Routing::default() };
    assert_eq!(of(&one(), "SELECT 1 FROM Secret", &routing, |_| ()), Some(Rule::Pattern(1)));
    assert_eq!(of(&one(), "SELECT 1 FROM open", &routing, |_| ()), Some(Rule::Balanced));
    assert_eq!(
        Rule::Pattern(1).to_string(),
        "the text matches pattern 2 of primary_routing_query_pattern_list",
        "counted from 1"
    );

    let read_only = FunctionRule::ReadOnly(list(&["^f$", "^s.g$", "^extract$"]));
    let write = FunctionRule::Write(list(&["^w.*$", "^s.v$"]));
    let name = Name::Called;
    let table: [(&FunctionRule, &[&str], Rule); 10] = [
        (&read_only, &["f"], Rule::Balanced),
        (&read_only, &["s.g"], Rule::Balanced),
        (&read_only, &["s.f"], Rule::NotReadOnly(name(0))),
        (&read_only, &["f", "count"], Rule::NotReadOnly(name(1))),
        (&read_only, &["pg_catalog.extract"], Rule::Balanced),
        (&read_only, &[], Rule::Balanced),
        (&write, &["f", "random"], Rule::Balanced),
        (&write, &["f", "wipe"], Rule::Writing(name(1))),
        (&write, &["s.v"], Rule::Writing(name(0))),
        (&write, &["v"], Rule::Balanced),
    ];
    for (functions, called, expected) in table {
        let routing = Routing { functions: functions.clone(), ..Routing::default() };
        let mut statement = select(&[], called);
        // What a user's function leaves behind would be asked first.
        statement.functions.iter_mut().for_each(|function| function.known = Calls::Alike);
        assert_eq!(of(&statement, "SELECT", &routing, |_| ()), Some(expected), "{called:?}");
    }
}

fn calls_built_in(name: &str) -> Statement {
    let mut statement = select(&[], &[name]);
    statement.functions[0].known = Calls::Alike;
    statement
}

/// Whoever has temporary objects reads from the lead, so it has to be known whether a function makes some.
#[test]
fn what_a_function_leaves_is_asked_also_where_the_lead_is_certain() {
    let asks = |transaction, held| {
        of(&select(&[], &["f"]), "SELECT f()", &Routing::default(), |session| {
            session.transaction = transaction;
            session.held = held;
        })
    };
    let open = |wrote, ddl| TransactionFacts::Open { serializable: false, failed: false, wrote, ddl };
    assert_eq!(asks(open(true, false), None), None);
    assert_eq!(asks(open(true, true), None), Some(Rule::CatalogChanged), "the answer may be taken back");
    assert_eq!(asks(open(true, false), Some(Held::HiddenState)), Some(Rule::Held(Held::HiddenState)));
    let wrote = of(&calls_built_in("lower"), "SELECT", &Routing::default(), |session| {
        session.transaction = open(true, false)
    });
    assert_eq!(wrote, Some(Rule::Wrote));
}

#[test]
fn dml_adaptive() {
    let object = |name: &str| match name.strip_suffix("()") {
        Some(name) => Object::Function(name.into()),
        None => Object::Relation(name.into()),
    };
    let pair = |written: &str, read: &str| Related { written: object(written), read: object(read) };
    let routing = Routing {
        after_write: AfterWrite::Adaptive,
        related: vec![pair("t", "v"), pair("f()", "u"), pair("t", "g()")],
        ..Routing::default()
    };
    let insert = Statement { verb: Verb::Insert, writes: [Relation::new(Some("s"), "t")].into(), ..one() };
    let call = select(&[], &["f"]);
    let read = Name::Read(0);
    let table: [(&Statement, Statement, Option<Rule>); 8] = [
        (&insert, select(&["t"], &[]), Some(Rule::WrittenHere(read))),
        (&insert, select(&["other.t"], &[]), Some(Rule::WrittenHere(read))),
        (&insert, select(&["v"], &[]), Some(Rule::Related(read))),
        (&insert, select(&["u"], &[]), None),
        (&insert, calls_built_in("g"), Some(Rule::Related(Name::Called(0)))),
        (&call, select(&["u"], &[]), Some(Rule::Related(read))),
        (&call, select(&["t"], &[]), None),
        (&call, select(&["f"], &[]), None),
    ];
    for (before, statement, expected) in table {
        let written: Vec<_> = written_by(before).collect();
        let (identity, none) = (identity(), Temporaries::None);
        let session = SessionFacts {
            transaction: TransactionFacts::Open {
                serializable: false,
                failed: false,
                wrote: true,
                ddl: false,
            },
            written: Written::Known(&written),
            ..quiet(&identity, &none)
        };
        let found = rule(&mut Router::default(), &statement, "SELECT", &session, &routing);
        assert_eq!(found, expected, "{statement:?} after {written:?}");
        let unnoted = SessionFacts { written: Written::Something, ..session };
        let found = rule(&mut Router::default(), &statement, "SELECT", &unnoted, &routing);
        assert_eq!(found, Some(Rule::Wrote), "{statement:?}");
    }
}

#[test]
fn dml_adaptive_global() {
    let tracking = Tracking { mutations: Arc::new(Mutations::new([1; 16], 64, 128)), ..Tracking::default() };
    let routing =
        Routing { after_write: AfterWrite::AdaptiveGlobal, tracking: tracking.clone(), ..Routing::default() };
    let at = |now, reads: &[&str]| {
        of(&select(reads, &[]), "SELECT", &routing, |session| session.now = Moment(now))
    };
    assert_eq!(at(1999, &["t"]), Some(Rule::ColdStart));
    assert_eq!(at(2000, &["t"]), None);
    let written = [Relation::new(None, "t")];
    tracking.mutations.mark("postgres", &written, &tracking, Some(Duration::from_millis(100)), Moment(3000));
    assert_eq!(at(3499, &["s.t"]), Some(Rule::WrittenLately(Name::Read(0))));
    assert_eq!(at(3499, &["u", "t"]), Some(Rule::WrittenLately(Name::Read(1))));
    assert_eq!(at(3499, &["u"]), None);
    assert_eq!(at(3500, &["t"]), None);
}

#[test]
fn what_is_said_names_the_object_and_the_parameter() {
    let statement = select(&["a", "s.b"], &["f"]);
    let table = [
        (Rule::Unlogged(Name::Read(1)), "a relation is unlogged: s.b"),
        (Rule::Volatile(Name::Called(0)), "a function is volatile: f"),
        (Rule::Volatile(Name::Called(7)), "a function is volatile"),
        (Rule::BalancingOff, "load_balance_mode is off"),
        (Rule::Held(Held::Listens), "the session has run LISTEN"),
    ];
    for (rule, expected) in table {
        assert_eq!(rule.explain(&statement), expected);
    }
    let explain = with_verb(Verb::Explain { analyse: false, statement: Box::new(statement) });
    assert_eq!(Rule::Foreign(Name::Read(0)).explain(&explain), "a relation is foreign: a");
}
