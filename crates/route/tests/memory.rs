//! With its memory and without it, the router says the same of a statement, and decides the same.

mod common;

use common::{identity, quiet};
use pgherd_route::{
    AfterWrite, Decision, FunctionRule, Router, Routing, SessionFacts, Temporaries, TransactionFacts, Written,
};
use pgherd_sql::{Class, Relation, Statement, Text, analyse, classify};
use regex::bytes::Regex;

/// Statements where a literal stands at `#`.
#[rustfmt::skip]
const STATEMENTS: &[&str] = &[
    "SELECT #", "SELECT # FROM t WHERE a = # AND b IN (#, #)", "SELECT lower(#), #::int, #::regclass",
    "SELECT f(#)", "SELECT nextval(#)", "SELECT set_config(#, #, #)", "SELECT pg_terminate_backend(#)",
    "SELECT random(), #", "EXPLAIN (ANALYZE #) SELECT #", "EXPLAIN (COSTS #) SELECT #", "COPY t TO #",
    "COPY (SELECT #) TO STDOUT", "COPY (SELECT #) TO # WITH (FORMAT #)",
    "COPY t FROM STDIN WITH (DELIMITER #)", "SET a TO #", "ROLLBACK PREPARED #", "SELECT float(#) #",
    "SELECT U&# UESCAPE #", "SELECT a #", "SELECT # #", "VALUES (#), (#)", "FETCH # FROM c", "SHOW a",
    "SELECT interval # day", "SELECT x LIKE # ESCAPE #", "SELECT * FROM t LIMIT # OFFSET #", "SELECT $#",
    "SELECT a.#", "SELECT 1 --#", "SELECT 1 /*#*/", "SELECT \"#\"", "BEGIN; SELECT #",
    "PREPARE TRANSACTION #", "SELECT # FOR UPDATE", "SELECT * FROM t, s.u, t v WHERE v.a > #",
    "WITH t AS (SELECT #) SELECT * FROM t, u", "WITH t AS (DELETE FROM u RETURNING #) SELECT * FROM t",
    "INSERT INTO t VALUES (#), (#)", "UPDATE t SET a = # FROM u", "CREATE TEMP TABLE x AS SELECT #",
    "SET search_path TO #", "SET LOCAL work_mem = #", "SELECT set_config(#, #, false), f(#)",
    "PREPARE p AS SELECT * FROM t WHERE a = #", "EXECUTE p(#)", "EXPLAIN SELECT * FROM t WHERE a = #",
    "DECLARE c CURSOR FOR SELECT #", "BEGIN ISOLATION LEVEL SERIALIZABLE", "SET TRANSACTION READ ONLY",
    "SELECT has_table_privilege(#, #)", "SELECT # :: mood FROM t", "COPY (SELECT * FROM t WHERE a = #) TO STDOUT",
    "/* tag # */ SELECT * FROM t", "/*NO LOAD BALANCE*/ SELECT #",
];

#[rustfmt::skip]
const LITERALS: &[&str] = &[
    "1", "0", "-1", "1.5", "1e9", "12345678901234567890", "'x'", "''", "'it''s'", "'off'", "'nextval(1)'",
    "E'\\''", "'a\\'", "$$x$$", "$t$ ' $t$", "$1", "$2", "B'0'", "x'f'", "N'n'", "'pg_class'",
    "'; DELETE FROM t'", "true", "off", "1x", "0x1f", "'a'\n'b'", "'a' 'b'", "/*;*/ 7", "--\n8", "é", "'é'",
    "\u{0}", "'", "$$", "/*", "\"", ";", "f()", "f(1)", "STDOUT",
];

/// What is decided, as text that can be compared: a look-up by what it asks.
fn decided(
    router: &mut Router,
    text: &Text,
    raw: &str,
    session: &SessionFacts<'_>,
    routing: &Routing,
) -> Vec<String> {
    let decide = |statement: &Statement| match router.decide(statement, raw.as_bytes(), session, routing) {
        Decision::Lead(rule) => format!("lead: {}", rule.explain(statement)),
        Decision::Reader(rule) => format!("reader: {}", rule.explain(statement)),
        Decision::Ask(lookup) => lookup.query().to_owned(),
    };
    text.statements().iter().map(decide).collect()
}

/// Settings that make a difference.
fn routings() -> Vec<Routing> {
    let list =
        |texts: &[&str]| texts.iter().map(|text| Regex::new(text).expect("a pattern")).collect::<Vec<_>>();
    vec![
        Routing::default(),
        Routing {
            primary_patterns: list(&["'it''s'", "1e9"]),
            allow_sql_comments: true,
            ..Routing::default()
        },
        Routing { functions: FunctionRule::ReadOnly(list(&["lower"])), ..Routing::default() },
        Routing {
            after_write: AfterWrite::Adaptive,
            functions: FunctionRule::Write(list(&["f"])),
            ..Routing::default()
        },
    ]
}

#[test]
fn changes_no_decision() {
    let (identity, none) = (identity(), Temporaries::None);
    let written = [Relation::new(None, "u")];
    let mut sessions = [quiet(&identity, &none); 2];
    sessions[1].transaction = TransactionFacts::FRESH;
    sessions[1].written = Written::Known(&written);
    let (mut router, mut kinds) = (Router::new([6; 16]), [0_u32; 4]);
    for (round, routing) in routings().iter().enumerate() {
        for (i, statement) in STATEMENTS.iter().enumerate() {
            for first in 0..LITERALS.len() {
                let mut next = first;
                let raw = joined(statement, || {
                    next = (next + i + round + 1) % LITERALS.len();
                    LITERALS[next]
                });
                let fresh = analyse(raw.as_bytes());
                let read = router.read(raw.as_bytes());
                assert_eq!(*read, fresh, "{raw}");
                let session = &sessions[(i + first) % 2];
                let found = decided(&mut router, &read, &raw, session, routing);
                assert_eq!(
                    found,
                    decided(&mut Router::new([7; 16]), &fresh, &raw, session, routing),
                    "{raw}"
                );
                for one in found {
                    kinds[["lead", "reader", "WITH"]
                        .iter()
                        .position(|kind| one.starts_with(kind))
                        .unwrap_or(3)] += 1;
                }
            }
        }
    }
    assert!(kinds[..3].iter().all(|&count| count > 100) && kinds[3] == 0, "{kinds:?}");
}

#[test]
fn changes_no_answer() {
    let mut router = Router::new([5; 16]);
    let mut seen = [0_u32; 6];
    for round in 0..3 {
        for (i, statement) in STATEMENTS.iter().enumerate() {
            for first in 0..LITERALS.len() {
                let mut next = first;
                let text = joined(statement, || {
                    next = (next + i + round + 1) % LITERALS.len();
                    LITERALS[next]
                });
                let class = router.classify(text.as_bytes());
                assert_eq!(class, classify(text.as_bytes()), "{text}");
                seen[class as usize] += 1;
            }
        }
    }
    for class in [Class::Read, Class::ReadPrimary, Class::CopyIn, Class::Other] {
        assert!(seen[class as usize] > 50, "{class:?}: {seen:?}");
    }
}

/// Joins pieces with a glue that is new for each joint.
fn joined<'a>(text: &str, mut glue: impl FnMut() -> &'a str) -> String {
    let mut pieces = text.split('#');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + glue() + piece)
}
