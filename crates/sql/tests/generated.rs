//! Generated statements: what the normal text says of a statement is what the statement says itself.
//!
//! The oracle is PostgreSQL's scanner and grammar on the text as it is (with `standard_conforming_strings` and
//! UTF-8, which the parser library assumes): where they find statements in a text, its normal text must say the
//! same, or not be read, or say that the text has to be looked at in full.

use std::panic;
use std::sync::atomic::{AtomicU32, Ordering};

use pgherd_sql::{
    Literals, Place, Remembered, Shape, Template, Text, analyse, analyse_in_full, analyse_normal, normalise,
    normalise_noting,
};

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
    "=", "<>", "random()", "?", "{", "~", "x", "\u{b}", "\u{c}", "as", "1)", "SET", "TEMP TABLE", "0x1f", "1_000",
    "INSERT INTO", "WITH", "LOCK", "set_config(", "pg_terminate_backend(",
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
    "INSERT INTO t (a) VALUES (#, #), (#, #), (#, #), (#, #), (#, #), (#, #), (#, #), (#, #), (#, #), (#, #)",
    "INSERT INTO t SELECT # FROM u ON CONFLICT (a) DO UPDATE SET b = # RETURNING #", "DELETE FROM t USING u WHERE #",
    "MERGE INTO t USING (SELECT # AS a) u ON # WHEN MATCHED THEN UPDATE SET a = # WHEN NOT MATCHED THEN DO NOTHING",
    "PREPARE p AS SELECT #", "EXECUTE p(#, #)", "DECLARE c CURSOR FOR SELECT #", "FETCH 3 FROM c", "CALL p(#)",
    "CREATE TEMP TABLE x AS SELECT #", "CREATE TABLE x (a int DEFAULT #)", "LOCK TABLE t", "DO 'UPDATE t SET a = 1'",
    "SET LOCAL transaction_read_only = #", "SELECT pg_terminate_backend(#)", "SELECT set_config(#, #, true)",
    "BEGIN ISOLATION LEVEL SERIALIZABLE", "WITH t AS (SELECT #) SELECT * FROM t, s.t, u", "DISCARD ALL", "RESET a",
    "SELECT # FROM information_schema.tables", "(SELECT #)", "SELECT (#, #) = (#, #)", "LISTEN a", "",
];

#[rustfmt::skip]
const SPACES: &[&str] = &[
    " ", "  ", "\n", "\t", " /* x */ ", "/*;*/", "/* /* ' */ */", " -- '\n", "--;\r\n", " \u{c}",
];

/// A statement with its literals drawn anew each time.
fn filled(random: &mut Random, literals: &[&str]) -> String {
    let mut text = random.pick(STATEMENTS).to_owned();
    for depth in 0..4 {
        let mut next = String::new();
        for piece in text.split_inclusive('#') {
            next.push_str(piece.trim_end_matches('#'));
            if piece.ends_with('#') {
                let from = if depth < 3 && !random.chance(3) { EXPRESSIONS } else { literals };
                next.push_str(random.pick(from));
            }
        }
        text = next;
    }
    text.replace('#', "1")
}

/// A statement with its literals and white space drawn anew each time.
fn statement(random: &mut Random) -> String {
    let text = filled(random, LITERALS);
    let mut spaced = String::new();
    for piece in text.split_inclusive(' ') {
        spaced.push_str(piece.trim_end_matches(' '));
        if piece.ends_with(' ') {
            spaced.push_str(if random.chance(3) { random.pick(SPACES) } else { " " });
        }
    }
    spaced
}

/// Looks at a text in every way; gives what it is.
fn check(text: &str, seed: u64) -> Text {
    let answer = analyse(text.as_bytes());
    let mut normal = Vec::new();
    if normalise(text.as_bytes(), &mut normal) != Shape::Candidate {
        return answer;
    }
    let as_it_is = analyse_in_full(text.as_bytes());
    match analyse_normal(&normal) {
        Remembered::Text(remembered) => {
            assert_eq!(remembered, answer, "seed {seed}: {text}");
            let refused = as_it_is == Text::Unread || answer == Text::Unread;
            assert!(refused || as_it_is == answer, "seed {seed}: {text}: {as_it_is:#?} and {answer:#?}");
        }
        Remembered::LookInFull => assert_eq!(as_it_is, answer, "seed {seed}: {text}"),
    }
    answer
}

/// How many texts were of which kind, so that a generator that makes only rubbish is seen.
#[derive(Debug, Default)]
struct Counts {
    anywhere: u32,
    primary: u32,
    writes: u32,
    several: u32,
    unread: u32,
}

impl Counts {
    fn add(&mut self, text: &Text) {
        let count = match text {
            Text::Empty => return,
            Text::Unread => &mut self.unread,
            Text::Several(_) => &mut self.several,
            Text::One(one) => match one.place {
                Place::Anywhere => &mut self.anywhere,
                Place::Primary(_) => &mut self.primary,
                Place::Writes(_) => &mut self.writes,
            },
        };
        *count += 1;
    }

    fn least(&self) -> u32 {
        [self.anywhere, self.primary, self.writes, self.several, self.unread].into_iter().min().unwrap_or(0)
    }
}

fn many(seeds: std::ops::Range<u64>, draw: fn(&mut Random) -> String) -> Counts {
    let mut counts = Counts::default();
    for seed in seeds {
        counts.add(&check(&draw(&mut Random(seed)), seed));
    }
    counts
}

#[test]
fn soup_of_tokens() {
    let counts = many(0..300_000, soup);
    assert!(counts.anywhere > 5_000 && counts.writes > 500, "{counts:?}");
}

#[test]
fn statements_with_other_literals_and_spaces() {
    let counts = many(0..100_000, statement);
    assert!(counts.least() > 1_000, "{counts:?}");
}

/// Kinds of literals, by the letter that stands for one: those of a kind have one normal text.
#[rustfmt::skip]
const KINDS: &[(&str, &[&str])] = &[
    ("\u{1}", &["'x'", "''", "'it''s'", "'; DELETE FROM t --'", "$$'$$", "$q$ $$ ; $q$", "'a'\n'b'"]),
    ("\u{2}", &["1", "1.5", "1e-3", "5.", "99999999999", "0x1f", "1_000"]),
    ("\u{3}", &["$1", "$22"]),
    ("\u{4}", &["E'\\''", "e'a'", "E'a'\n'\\'b'"]),
];

/// A statement, twice, with literals and spaces of its own each time.
fn twins(random: &mut Random) -> [String; 2] {
    let letters: Vec<_> = KINDS.iter().map(|(letter, _)| *letter).collect();
    let skeleton = filled(random, &letters);
    [0, 1].map(|_| {
        let mut text = String::new();
        for letter in skeleton.chars() {
            let letter = letter.to_string();
            let kind = KINDS.iter().find(|(kind, _)| *kind == letter);
            match kind {
                Some((_, literals)) => text.push_str(random.pick(literals)),
                // A blank first: a comment right behind an operator is part of another operator.
                None if letter == " " => text.extend([" ", random.pick(SPACES)]),
                None => text.push_str(&letter),
            }
        }
        text
    })
}

#[test]
fn literals_and_comments_change_nothing() {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let mut remembered = 0;
    for seed in 0..100_000 {
        let [one, other] = twins(&mut Random(seed));
        let shapes = [normalise(one.as_bytes(), &mut first), normalise(other.as_bytes(), &mut second)];
        if shapes != [Shape::Candidate; 2] {
            continue;
        }
        assert_eq!(
            first.escape_ascii().to_string(),
            second.escape_ascii().to_string(),
            "seed {seed}: {one}: {other}"
        );
        if let Remembered::Text(text) = analyse_normal(&first) {
            remembered += 1;
            for twin in [&one, &other] {
                let as_it_is = analyse_in_full(twin.as_bytes());
                let refused = as_it_is == Text::Unread || text == Text::Unread;
                assert!(refused || as_it_is == text, "seed {seed}: {twin}");
            }
        }
    }
    assert!(remembered > 50_000, "{remembered}");
}

/// Any bytes get an answer, and the normal text of a normal text says the same.
#[test]
fn bytes() {
    // A panic inside the parser library is caught by `analyse_normal`, so it is looked for here.
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
        analyse(&text);
        if normalise(&text, &mut first) == Shape::Candidate {
            let shown = text.escape_ascii();
            let said = analyse_normal(&first);
            assert_eq!(normalise(&first, &mut second), Shape::Candidate, "seed {seed}: {shown}");
            let again = analyse_normal(&second);
            assert_eq!(again, said, "seed {seed}: {shown}");
        }
    }
    assert_eq!(PANICS.load(Ordering::Relaxed), 0);
}

/// A text of a template has the template's normal text.
#[test]
fn a_template_stands_for_what_is_the_same() {
    let mut random = Random(4711);
    let (mut matched, mut other) = (0_u32, 0_u32);
    for _ in 0..60_000 {
        let text = if random.chance(3) { soup(&mut random) } else { statement(&mut random) };
        let (mut normal, mut literals) = (Vec::new(), Literals::default());
        let shape = normalise_noting(text.as_bytes(), &mut normal, &mut literals);
        if shape != Shape::Candidate {
            continue;
        }
        let template = Template::new(text.as_bytes(), &literals);
        assert!(template.matches(text.as_bytes()), "{text}");
        for _ in 0..8 {
            let changed = changed(&mut random, &text);
            if !template.matches(changed.as_bytes()) {
                other += 1;
                continue;
            }
            matched += u32::from(changed != text);
            let mut again = Vec::new();
            assert_eq!(normalise(changed.as_bytes(), &mut again), shape, "{text}\n{changed}");
            assert_eq!(again, normal, "{text}\n{changed}");
        }
    }
    assert!(matched > 5_000 && other > 5_000, "{matched} and {other}");
}

/// The text with something else in the place of some of its bytes: often in that of a number or of a string's inside.
fn changed(random: &mut Random, text: &str) -> String {
    #[rustfmt::skip]
    const OTHERS: &[&str] = &[
        "0", "7", "123", "99x", "1.5", "1e5", "", "'", "''", "\\", "a", "é", " ", "--", "/*", "$1", "_", ".",
    ];
    let digits = |byte: u8| byte.is_ascii_digit();
    let quote = |byte: u8| byte == b'\'';
    let wanted: &dyn Fn(u8) -> bool = match random.next() % 3 {
        0 => &digits,
        1 => &quote,
        _ => &|_| true,
    };
    let places: Vec<usize> =
        text.char_indices().filter(|&(at, _)| wanted(text.as_bytes()[at])).map(|(at, _)| at).collect();
    if places.is_empty() {
        return text.to_owned();
    }
    let at = places[usize::try_from(random.next() % places.len() as u64).expect("small")];
    let is_quote = text.as_bytes()[at] == b'\'';
    let start = if is_quote { at + 1 } else { at };
    let width =
        if is_quote || random.chance(4) { 0 } else { text[start..].chars().next().map_or(0, char::len_utf8) };
    format!("{}{}{}", &text[..start], random.pick(OTHERS), &text[start + width..])
}
