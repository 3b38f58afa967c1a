//! Text made to mislead, to exhaust, or to break.

use pgherd_sql::{Calls, NORMAL_BYTES, Place, Shape, TEXT_BYTES, Text, analyse, normalise};

fn normal(text: &[u8]) -> (Shape, String) {
    let mut normal = Vec::new();
    let shape = normalise(text, &mut normal);
    (shape, String::from_utf8_lossy(&normal).into_owned())
}

/// Whether any node may answer the text: it is one statement, and calls nothing that is not known.
fn is_read(text: &[u8]) -> bool {
    match analyse(text) {
        Text::One(one) => {
            one.place == Place::Anywhere
                && one.functions.iter().all(|function| function.known == Calls::Alike)
        }
        Text::Empty | Text::Several(_) | Text::Unread => false,
    }
}

#[test]
fn writes_do_not_hide() {
    let table: [&[u8]; 22] = [
        b"SELECT 1 /*;*/; DELETE FROM t",
        b"SELECT 1 /* /* */ */; DELETE FROM t",
        b"SELECT 1 --\n; DELETE FROM t",
        b"SELECT 1 --\r; DELETE FROM t",
        b"SELECT '--'; DELETE FROM t --'",
        b"SELECT '/*'; DELETE FROM t --*/'",
        b"SELECT $$'$$; DELETE FROM t --'",
        b"SELECT $a$ $$ $a$; DELETE FROM t -- $$",
        b"SELECT \"'\"; DELETE FROM t --'",
        b"SELECT 'a''b'; DELETE FROM t",
        b"SELECT E'\\''; DELETE FROM t --'",
        b"SELECT e'\\\\'; DELETE FROM t --'",
        b"SELECT E''\n'\\''; DELETE FROM t --'",
        b"SELECT 1-/**/- 1; DELETE FROM t",
        b"SELECT 1*/**/2; DELETE FROM t",
        b"SELECT $1; DELETE FROM t",
        b"SELECT a$b$; DELETE FROM t; --$b$",
        b"SELECT next/**/val, nextval('s')",
        b"SELECT \"nextval\"('s')",
        b"SELECT NextVal ('s')",
        b"WITH a AS (SELECT 1), b AS (DELETE FROM t RETURNING 1) SELECT * FROM a",
        b"SELECT 1 WHERE 'x' = ANY (ARRAY(SELECT set_config('a', 'b', false)))",
    ];
    for text in table {
        assert!(!is_read(text), "{}", text.escape_ascii());
    }
}

#[test]
fn comments_and_strings_do_not_mislead() {
    let table: [&[u8]; 12] = [
        b"SELECT '; DELETE FROM t'",
        b"SELECT 1 -- ; DELETE FROM t",
        b"SELECT /* ; DELETE /* nested */ FROM t */ 1",
        b"SELECT $$; DELETE FROM t$$",
        b"SELECT \"; DELETE FROM t\" FROM u",
        b"SELECT 'nextval(''s'')', $f$ f() $f$",
        b"SELECT 'a'\n'b'",
        b"SELECT E'a\\'; DELETE FROM t --'",
        b"\x0b\x0c\r\nSELECT\t1",
        b"SELECT 'caf\xc3\xa9', \"\xe8\xa1\xa8\" FROM t\xc3\xa9",
        b"SELECT '\xe9', t\xe9 FROM \xe9t",                 // LATIN1
        b"SELECT '\x83\x5c\x81\x7c' FROM \x83\x65\x83\x5f", // SJIS, letters that end in `\`, `|`, `e` and `_`
    ];
    for text in table {
        assert!(is_read(text), "{}", text.escape_ascii());
    }
}

/// What one server reads one way and the next another way, by its settings or version, goes to the primary.
#[test]
fn what_settings_decide_is_other() {
    let table: [&[u8]; 14] = [
        b"SELECT 'a\\'; DELETE FROM t --'", // standard_conforming_strings
        b"SELECT 'a\\'",
        b"SELECT 'a\\\\'",
        b"SELECT 'a' -- continued\n'\\'; DELETE FROM t --'",
        b"SELECT E'\x81\\'; DELETE FROM t --'", // client_encoding
        b"SELECT '\x83\\', f('')",
        b"SELECT \x83|lower(1)",
        b"SELECT \x83\\",
        b"SELECT \x83[1]",
        b"SELECT U&'!0061' UESCAPE '!'",
        b"SELECT U&\"l!006fwer\"('x') UESCAPE '!'",
        b"SELECT u&\"lo!0077er\"('x') UESCAPE '!'",
        b"SELECT 0x1fg",
        b"SELECT 1\0; DELETE FROM t",
    ];
    for text in table {
        assert!(!is_read(text), "{}", text.escape_ascii());
    }
}

/// A letter of another encoding never makes a name that is a built-in's.
#[test]
fn names_of_other_encodings_stay_foreign() {
    for high in 0x80..=0xff_u8 {
        for name in ["lower", "abs", "now"] {
            for at in 0..=name.len() {
                let (head, tail) = name.split_at(at);
                let text = [b"SELECT ", head.as_bytes(), &[high], tail.as_bytes(), b"(1)"].concat();
                assert!(!is_read(&text), "{}", text.escape_ascii());
                let cut = tail.get(1..).unwrap_or_default();
                let text = [b"SELECT ", head.as_bytes(), &[high], cut.as_bytes(), b"(1)"].concat();
                assert!(!is_read(&text), "{}", text.escape_ascii());
            }
        }
    }
}

#[test]
fn deep_nesting_ends_in_an_answer() {
    let deep = 9000;
    // As deep as a text may be, and a hundred times deeper than the grammar goes.
    let deepest = (NORMAL_BYTES - 100) / 2;
    let nested = [
        ["SELECT ", &"(".repeat(deepest), "1", &")".repeat(deepest)].concat(),
        ["SELECT ", &"(".repeat(100_000), "1", &")".repeat(100_000)].concat(),
        ["SELECT 1", &"+1".repeat(deepest)].concat(),
        ["SELECT ", &"-a".repeat(deepest)].concat(),
        ["UPDATE t SET a = 1", &"+a".repeat(deepest)].concat(),
        ["SELECT ", &"NOT ".repeat(deepest / 2), "true"].concat(),
        [&"EXPLAIN ".repeat(deep), "SELECT 1"].concat(),
        [&"PREPARE a AS ".repeat(4000), "SELECT 1"].concat(),
        ["CREATE RULE r AS ON INSERT TO t DO ", &"(".repeat(deep), "SELECT 1", &")".repeat(deep)].concat(),
        ["CREATE SCHEMA a ", &"CREATE TABLE a (a int) ".repeat(2500)].concat(),
        ["SELECT ", &"(".repeat(deep), "1", &")".repeat(deep)].concat(),
        ["SELECT ", &"NOT ".repeat(deep), "true"].concat(),
        ["SELECT 1", &"+1".repeat(deep)].concat(),
        ["SELECT ", &"- ".repeat(deep), "1"].concat(),
        ["SELECT 1", &" UNION SELECT 1".repeat(deep / 4)].concat(),
        ["SELECT 1", &" UNION ALL SELECT a FROM t".repeat(deep / 10)].concat(),
        [&"(".repeat(deep), "SELECT 1", &")".repeat(deep)].concat(),
        ["SELECT ", &"abs(".repeat(deep), "1", &")".repeat(deep)].concat(),
        ["SELECT ", &"ARRAY[".repeat(deep), &"]".repeat(deep)].concat(),
        ["SELECT a", &"[1]".repeat(deep)].concat(),
        ["SELECT a", &"::int".repeat(deep)].concat(),
        ["SELECT 1", &" AND a".repeat(deep)].concat(),
        ["SELECT ", &"CASE WHEN a THEN ".repeat(3000), "1", &" END".repeat(3000)].concat(),
        ["SELECT * FROM ", &"(SELECT * FROM ".repeat(2000), "t", &") s".repeat(2000)].concat(),
        ["SELECT * FROM t", &" JOIN t ON true".repeat(3000)].concat(),
        [&"WITH a AS (".repeat(2000), "SELECT 1", &") SELECT 1".repeat(2000)].concat(),
        ["SELECT 1 ", &"/*".repeat(deep), &"*/".repeat(deep)].concat(),
    ];
    // On a small stack: whatever recursed would not survive it.
    let answers = std::thread::Builder::new()
        .stack_size(256 * 1024)
        .spawn(move || nested.map(|text| (analyse(text.as_bytes()), text)))
        .expect("a thread")
        .join()
        .expect("no stack overflow");
    for (answer, text) in answers {
        assert!(matches!(answer, Text::One(_) | Text::Unread), "{answer:?}: {:.60}", text);
    }
}

#[test]
fn lists_of_literals_have_one_normal_text() {
    let list = |n: usize, literal: &str| {
        let list = vec![literal; n].join(", ");
        format!("SELECT * FROM t WHERE id IN ({list}) AND b = 1")
    };
    for literal in [
        "7",
        "-7",
        "7.5",
        "'it''s'",
        "$1",
        "E'\\''",
        "x'0f'",
        "$$;$$",
        "(1, 'a')",
        "(-1,-2,$3)",
        "('x')",
        "NULL",
    ] {
        let (shape, nine) = normal(list(9, literal).as_bytes());
        assert_eq!(shape, Shape::Candidate);
        for n in [10, 11, 1000, 200_000] {
            assert_eq!(normal(list(n, literal).as_bytes()), (shape, nine.clone()), "{n} {literal}");
        }
    }
    let megabyte = list(200_000, "7123");
    assert!(megabyte.len() > 1024 * 1024);
    assert_eq!(calls(&megabyte), Some(0));
    let rows = list(100_000, "(7123, '7')");
    assert_eq!(calls(&rows), Some(0));
    let hidden = rows.replacen("7123, '7')) AND", "7123, f())) AND", 1);
    assert_eq!(calls(&hidden), Some(1));
    let hidden = megabyte.replacen("7123, 7123, 7123)", "7123, f(), 7123)", 1);
    assert_eq!(calls(&hidden), Some(1));
}

/// What follows a literal that is left out does not become a part of the one before it.
#[test]
fn tokens_do_not_grow_together() {
    for text in
        ["SELECT 1,2,3,4,5,6,7,8,'x'e5", "SELECT 1,2,3,4,5,6,7,8,'x'AS y", "SELECT 1,2,3,4,5,6,7,8,9 y"]
    {
        assert!(is_read(text.as_bytes()), "{text}");
    }
    assert_eq!(analyse(b"SELECT 1,2,3,4,5,6,7,8,'x'5"), Text::Unread);
    assert_eq!(analyse(b"SELECT 1,2,3,4,5,6,7,8,'x''y''z', 1a"), Text::Unread);
}

/// How many functions a text calls, of a text that is one statement.
fn calls(text: &str) -> Option<usize> {
    match analyse(text.as_bytes()) {
        Text::One(statement) => Some(statement.functions.len()),
        Text::Empty | Text::Several(_) | Text::Unread => None,
    }
}

/// Rows that are all literals, NULL, DEFAULT, true or false are one row, whatever each of them holds.
#[test]
fn rows_of_values_have_one_normal_text() {
    let insert =
        |rows: &str| normal(format!("INSERT INTO t (a, b, c) VALUES {rows} RETURNING a").as_bytes()).1;
    let one = insert("(1, '1', 1)");
    for rows in [
        "(2, 'x', true), (3, NULL, false)",
        "(-2, 'x', null), (DEFAULT, 'y', 3), (4, $1, 1.5)",
        "(2, 'x', default) , (NULL,'y',3 )",
        &vec!["(17, 'it''s', NULL)"; 100_000].join(", "),
    ] {
        assert_eq!(insert(rows), one, "{rows:.60}");
    }
    for rows in [
        "(1, '1', now())",
        "(1, '1', 1), (f(), '1', 1)",
        "(1, '1', 1 + a)",
        "(1, '1', null::x)",
        "(1, '1', t.null)",
    ] {
        assert_ne!(insert(rows), one, "{rows}");
    }
}

#[test]
fn comments_that_change_do_not_show() {
    let (_, plain) = normal(b"SELECT a FROM t WHERE b = 1");
    for text in [
        "/*traceparent='00-1-2-01'*/ SELECT a FROM t WHERE b = 2",
        "SELECT a FROM t WHERE b = 31415 -- request 77",
        "select  a\n\tfrom T where b = /* here */ 7 /*trace=/*8*/*/",
    ] {
        assert_eq!(normal(text.as_bytes()).1, plain, "{text}");
    }
}

#[test]
fn limits_are_kept() {
    let names = |bytes: usize| format!("SELECT {}", "a,".repeat(bytes / 2));
    assert_eq!(normal(names(NORMAL_BYTES - 100).as_bytes()).0, Shape::Candidate);
    assert_eq!(normal(names(NORMAL_BYTES + 100).as_bytes()).0, Shape::Other);
    let comment = |bytes: usize| format!("SELECT 1 /*{}*/", " ".repeat(bytes));
    assert!(is_read(comment(TEXT_BYTES - 100).as_bytes()));
    assert!(!is_read(comment(TEXT_BYTES).as_bytes()));
    // Two nodes are visited per column.
    assert!(is_read(names(NORMAL_BYTES / 4).trim_end_matches(',').as_bytes()));
    assert!(!is_read(names(NORMAL_BYTES - 100).trim_end_matches(',').as_bytes()));
}

/// Of a text that is too long not even its white space is looked at.
#[test]
fn texts_that_are_too_long_cost_nothing() {
    let mut text = b"INSERT INTO t VALUES ('".to_vec();
    text.resize(100 * 1024 * 1024, b'x');
    text.extend_from_slice(b"')");
    let mut normal = Vec::new();
    assert_eq!(normalise(&text, &mut normal), Shape::Other);
    assert_eq!(normal.capacity(), 0);
    assert_eq!(analyse(&text), Text::Unread);
}

/// Names of common table expressions are compared with each other only so often.
#[test]
fn many_common_table_expressions_end_in_an_answer() {
    let names = |n: usize| (0..n).map(|i| format!("a{i} AS (SELECT 1)")).collect::<Vec<_>>().join(", ");
    let uses = |n: usize| vec!["a0"; n].join(", ");
    let few = format!("WITH {} SELECT * FROM {}", names(500), uses(500));
    assert!(is_read(few.as_bytes()));
    let many = format!("WITH {} SELECT * FROM {}", names(2500), uses(5000));
    assert_eq!(analyse(many.as_bytes()), Text::Unread);
}
