//! With its memory and without it, the router says the same of a statement.

use pgherd_route::Router;
use pgherd_sql::{Class, classify};

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
    "PREPARE TRANSACTION #", "SELECT # FOR UPDATE",
];

#[rustfmt::skip]
const LITERALS: &[&str] = &[
    "1", "0", "-1", "1.5", "1e9", "12345678901234567890", "'x'", "''", "'it''s'", "'off'", "'nextval(1)'",
    "E'\\''", "'a\\'", "$$x$$", "$t$ ' $t$", "$1", "$2", "B'0'", "x'f'", "N'n'", "'pg_class'",
    "'; DELETE FROM t'", "true", "off", "1x", "0x1f", "'a'\n'b'", "'a' 'b'", "/*;*/ 7", "--\n8", "é", "'é'",
    "\u{0}", "'", "$$", "/*", "\"", ";", "f()", "f(1)", "STDOUT",
];

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
