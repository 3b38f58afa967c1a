//! Generated statements: what the normal text says of a statement is what the statement says itself.
//!
//! The oracle is PostgreSQL's scanner and grammar on the text as it is (with `standard_conforming_strings` and
//! UTF-8, which the parser library assumes): where they find statements in a text, the class of its normal
//! text must be the class of the text, or `Other`.

use std::panic;
use std::sync::atomic::{AtomicU32, Ordering};

use pgherd_sql::{Class, Shape, classify, classify_normal, normalise};

/// A small generator (splitmix64): the seed is in the message of a failed check.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[usize::try_from(self.next() % from.len() as u64).expect("small")]
    }

    fn chance(&mut self, one_in: u64) -> bool {
        self.next().is_multiple_of(one_in)
    }
}

/// What a scanner can trip over.
#[rustfmt::skip]
const TOKENS: &[&str] = &[
    "'", "''", "\\", "\\'", "E'", "e'", "\"", "\"\"", "$$", "$a$", "$b$", "a$b$", "$1", "$12", "--", "\n",
    "\r", "/*", "*/", ";", "SELECT", "select", "1", "12.5", "1e5", "1e", ".5", "1..2", "1_0", "0x1f", "1a",
    ",", ", ", "(", ")", "f(", "nextval(", "lower(", " ", "\t", "U&'", "u&\"", "b'", "X'", "n'", "N", "E",
    "é", "表", "-", "+", "*", "/", "|", "@", "::", "::regclass", "::int", "FROM", "t", "pg_class",
    "UPDATE t SET a=1", "DELETE FROM t", "FOR UPDATE", "INTO x", "COMMIT", "uescape", "'!'", "[", "]", ":",
    "=", "<>", "random()", "?", "{", "~", "x", "\u{b}", "\u{c}", "as", "1)",
];

fn soup(random: &mut Random) -> String {
    let start =
        random.pick(&["SELECT ", "SELECT 1", "SELECT '", "SELECT 1 FROM t WHERE a = '", "VALUES (", ""]);
    let length = random.next() % 12;
    (0..length).fold(start.to_owned(), |text, _| text + random.pick(TOKENS))
}

#[rustfmt::skip]
const LITERALS: &[&str] = &[
    "'x'", "''", "'it''s'", "'; DELETE FROM t --'", "'/*'", "E'\\''", "E'a\\\\'", "$$'$$", "$q$ $$ ; $q$",
    "1", "-1", "1.5", "1e-3", ".5", "99999999999", "$1", "$2", "B'01'", "x'1f'", "N'x'", "true", "null",
    "'a'\n'b'", "E'a'\n'\\'b'", "U&'x'",
];

#[rustfmt::skip]
const EXPRESSIONS: &[&str] = &[
    "a", "t.a", "lower(#)", "f(#)", "nextval(#)", "random()", "#::int", "#::regclass", "(#)", "# + #",
    "a = #", "a IN (#, #, #)", "a IN (#)", "a IN (#, #,#, #, #, #, #, #, #, #, #)",
    "(a, b) IN ((#, 1), (#, 1), (#,1), (1, 1), (1, 2), (2, #), (3, 1), (4, 1), (1, 7), (1, #))",
    "ARRAY[#, #]", "(SELECT # FROM t)", "EXISTS (SELECT 1 FROM pg_class WHERE #)", "CASE WHEN # THEN # END",
    "coalesce(#, #)", "a LIKE #", "count(*)", "sum(#) OVER (ORDER BY #)", "\"A\"", "\"a\"\"b\"", "- #",
    "NOT #", "int '4'", "interval # day", "set_config(#, #, #)", "current_schema", "now()", "\"lower\"(#)",
    "pg_catalog.lower(#)",
];

#[rustfmt::skip]
const STATEMENTS: &[&str] = &[
    "SELECT #", "SELECT # FROM t WHERE #", "SELECT #, # FROM t ORDER BY # LIMIT #", "VALUES (#, #), (#, #)",
    "TABLE t", "WITH w AS (SELECT #) SELECT # FROM w", "WITH w AS (DELETE FROM t WHERE #) SELECT #",
    "SELECT # FROM t FOR UPDATE", "SELECT # INTO u", "EXPLAIN SELECT #", "EXPLAIN (ANALYZE #) SELECT #",
    "COPY (SELECT #) TO STDOUT", "COPY t FROM STDIN", "COPY t TO #", "SHOW a", "BEGIN", "COMMIT PREPARED #",
    "ROLLBACK TO a", "SELECT # UNION SELECT #", "SELECT #; SELECT #", "UPDATE t SET a = #", "SET a = #",
    "SELECT * FROM generate_series(#, #) g", "SELECT * FROM t, LATERAL f(#)",
    "SELECT # FROM information_schema.tables", "(SELECT #)", "SELECT (#, #) = (#, #)", "LISTEN a", "",
];

#[rustfmt::skip]
const SPACES: &[&str] = &[
    " ", "  ", "\n", "\t", " /* x */ ", "/*;*/", "/* /* ' */ */", " -- '\n", "--;\r\n", " \u{c}",
];

/// A statement with its literals, white space and letter case drawn anew each time.
fn statement(random: &mut Random) -> String {
    let mut text = random.pick(STATEMENTS).to_owned();
    for depth in 0..4 {
        let mut next = String::new();
        for piece in text.split_inclusive('#') {
            next.push_str(piece.trim_end_matches('#'));
            if piece.ends_with('#') {
                let from = if depth < 3 && !random.chance(3) { EXPRESSIONS } else { LITERALS };
                next.push_str(random.pick(from));
            }
        }
        text = next;
    }
    let text = text.replace('#', "1");
    let mut spaced = String::new();
    for piece in text.split_inclusive(' ') {
        spaced.push_str(piece.trim_end_matches(' '));
        if piece.ends_with(' ') {
            spaced.push_str(if random.chance(3) { random.pick(SPACES) } else { " " });
        }
    }
    spaced
}

fn check(text: &str, seed: u64) -> Class {
    let class = classify(text.as_bytes());
    if class != Class::Other && pg_raw_parse::parse(text).is_ok() {
        assert_eq!(class, classify_normal(text.as_bytes()), "seed {seed}: {text}");
    }
    class
}

/// Runs `draw` with many seeds and counts the classes, so that a generator that makes only rubbish is seen.
fn many(seeds: std::ops::Range<u64>, draw: fn(&mut Random) -> String) -> [u32; 6] {
    let mut counts = [0; 6];
    for seed in seeds {
        counts[check(&draw(&mut Random(seed)), seed) as usize] += 1;
    }
    counts
}

#[test]
fn soup_of_tokens() {
    let counts = many(0..300_000, soup);
    assert!(counts[Class::Read as usize] > 5_000, "{counts:?}");
}

#[test]
fn statements_with_other_literals_and_spaces() {
    let counts = many(0..100_000, statement);
    for class in [Class::Read, Class::ReadPrimary, Class::Transaction, Class::CopyIn, Class::Other] {
        assert!(counts[class as usize] > 1_000, "{class:?}: {counts:?}");
    }
}

/// Any bytes get an answer, and the normal text of a normal text is of the same class.
#[test]
fn bytes() {
    // A panic inside the parser library is caught by `classify_normal`, so it is looked for here.
    static PANICS: AtomicU32 = AtomicU32::new(0);
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        before(info);
    }));
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for seed in 0..200_000 {
        let random = &mut Random(seed);
        let mut text = if random.chance(2) { soup(random) } else { statement(random) }.into_bytes();
        for _ in 0..random.next() % 4 {
            let at = usize::try_from(random.next() % (text.len() as u64 + 1)).expect("small");
            text.insert(at, random.next().to_ne_bytes()[0]);
        }
        if normalise(&text, &mut first) == Shape::Candidate {
            let class = classify_normal(&first);
            assert_eq!(
                normalise(&first, &mut second),
                Shape::Candidate,
                "seed {seed}: {}",
                text.escape_ascii()
            );
            assert_eq!(classify_normal(&second), class, "seed {seed}: {}", text.escape_ascii());
        }
    }
    assert_eq!(PANICS.load(Ordering::Relaxed), 0);
}
