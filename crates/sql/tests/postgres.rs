//! The statements of PostgreSQL's own regression tests, where a checkout of it is at hand:
//!
//! ```sh
//! PGHERD_POSTGRES_SOURCE=~/postgres cargo test -p pgherd-sql --test postgres -- --nocapture
//! ```
//!
//! Every statement gets an answer, the same over its normal text and without, and nothing that is known to write is
//! taken for a read. What is not read is printed, for somebody to look at.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use pgherd_sql::{Place, Remembered, Shape, Text, Verb, analyse, analyse_in_full, analyse_normal, normalise};

/// Fewer statements than this: the files are not the ones that are meant.
const LEAST_STATEMENTS: usize = 20_000;
/// The share of statements that may be unread: errors that are made on purpose, and variables of psql.
const UNREAD_PERCENT: usize = 4;

#[test]
fn regression_tests_of_postgresql() {
    let Some(source) = std::env::var_os("PGHERD_POSTGRES_SOURCE") else {
        println!("skipped: PGHERD_POSTGRES_SOURCE names no checkout of PostgreSQL");
        return;
    };
    let folder = PathBuf::from(source).join("src/test/regress/sql");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .expect("the checkout has src/test/regress/sql")
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.extension().is_some_and(|end| end == "sql"))
        .collect();
    files.sort();
    let (mut all, mut unread) = (0, 0);
    let mut kinds = BTreeMap::new();
    for file in files {
        let text = fs::read(&file).expect("a file can be read");
        for statement in statements(&text) {
            all += 1;
            let answer = look(&statement);
            *kinds.entry(kind(&answer)).or_insert(0) += 1;
            if answer == Text::Unread {
                unread += 1;
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                println!("{name}: {}", one_line(&statement));
            }
        }
    }
    println!("{kinds:#?}\n{unread} of {all} unread");
    assert!(all >= LEAST_STATEMENTS, "{all} statements");
    assert!(unread * 100 <= all * UNREAD_PERCENT, "{unread} of {all}");
}

/// Analyses a statement in every way there is.
fn look(statement: &[u8]) -> Text {
    let answer = analyse(statement);
    let mut normal = Vec::new();
    if normalise(statement, &mut normal) == Shape::Candidate {
        let as_it_is = analyse_in_full(statement);
        match analyse_normal(&normal) {
            Remembered::Text(remembered) => {
                assert_eq!(remembered, answer, "{}", one_line(statement));
                // A literal may make a text one that the grammar refuses, or taking it away does (UESCAPE).
                let refused = as_it_is == Text::Unread || answer == Text::Unread;
                assert!(refused || as_it_is == answer, "{}: {as_it_is:#?}", one_line(statement));
            }
            Remembered::LookInFull => assert_eq!(as_it_is, answer, "{}", one_line(statement)),
        }
    }
    for one in answer.statements() {
        let first = first_word(statement);
        if matches!(one.verb, Verb::Select) && answer.statements().len() == 1 {
            let starts = ["select", "with", "values", "table", "("];
            assert!(starts.iter().any(|start| first.starts_with(start)), "{}", one_line(statement));
        }
        let writes = ["insert", "update", "delete", "merge", "create", "drop", "alter", "truncate", "grant"];
        if writes.contains(&first.as_str()) && answer.statements().len() == 1 {
            assert!(matches!(one.place, Place::Writes(_)), "{}", one_line(statement));
        }
    }
    answer
}

fn kind(text: &Text) -> String {
    match text {
        Text::Empty => "empty".to_owned(),
        Text::Unread => "unread".to_owned(),
        Text::Several(_) => "several".to_owned(),
        Text::One(one) => {
            let verb = format!("{:?}", one.verb);
            let end = verb.find(|c: char| !c.is_alphanumeric()).unwrap_or(verb.len());
            format!("{} {:?}", verb.get(..end).unwrap_or_default(), one.place)
        }
    }
}

fn one_line(statement: &[u8]) -> String {
    let text = String::from_utf8_lossy(statement);
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(160).collect()
}

/// The first word behind comments.
fn first_word(statement: &[u8]) -> String {
    let mut normal = Vec::new();
    normalise(statement, &mut normal);
    let text = String::from_utf8_lossy(&normal).into_owned();
    text.split(|c: char| !(c.is_ascii_alphabetic() || c == '('))
        .find(|word| !word.is_empty())
        .unwrap_or("")
        .into()
}

/// Cuts a script of psql into statements: its commands and the data of COPY are left out.
fn statements(script: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut one = Vec::new();
    let mut data = false;
    for line in script.split_inclusive(|&b| b == b'\n') {
        if data || line.starts_with(b"\\") {
            data &= line.trim_ascii() != b"\\.";
            continue;
        }
        one.extend_from_slice(line);
        let ends = line.trim_ascii_end().ends_with(b";") || line.contains(&b';');
        if ends && is_whole(&one) {
            let text = String::from_utf8_lossy(&one).to_ascii_lowercase();
            data = text.contains("from stdin");
            found.push(core::mem::take(&mut one));
        }
    }
    found
}

/// Whether nothing is open at the end of a text: no string, comment, parenthesis, or body of a function.
fn is_whole(text: &[u8]) -> bool {
    let mut normal = Vec::new();
    if normalise(text, &mut normal) == Shape::Other {
        // A string or comment may be open. What is not understood for another reason ends with its line.
        return normalise(&[text, b"*/"].concat(), &mut normal) == Shape::Other
            && normalise(&[text, b"'"].concat(), &mut normal) == Shape::Other
            && normalise(&[text, b"\""].concat(), &mut normal) == Shape::Other
            && !text
                .windows(2)
                .any(|pair| pair[0] == b'$' && (pair[1] == b'$' || pair[1].is_ascii_alphabetic()));
    }
    let normal = String::from_utf8_lossy(&normal).into_owned();
    let count = |what: &str| normal.matches(what).count();
    let atomic = normal.contains("begin atomic") && !normal.trim_end_matches([';', ' ']).ends_with("end");
    normal.trim_end().ends_with(';') && count("(") == count(")") && !atomic
}
