//! What is left open: placeholders, debugging, tests that are switched off or that sleep.

use super::purity::says;
use crate::finding::Finding;
use crate::tree::{Source, Tree};

const RULE: &str = "leftovers";

/// In code, of tests or not.
const IN_CODE: &[(&str, &str)] = &[
    ("todo!", "finish it, or leave the feature out"),
    ("unimplemented!", "finish it, or leave the feature out"),
    ("dbg!", "debugging stays at home"),
    ("#[ignore", "a test that does not run does not test"),
];

/// In the code of tests.
const IN_TESTS: &[(&str, &str)] = &[
    ("thread::sleep", "wait for the condition, with a deadline"),
    ("time::sleep", "wait for the condition, with a deadline"),
];

/// In comments.
const IN_COMMENTS: &[&str] = &["FIXME", "XXX", "TODO", "HACK"];

/// Looks at code and at comments apart, so that a string may hold such a word.
pub(crate) fn check(tree: &Tree, found: &mut Vec<Finding>) {
    for source in tree.rust() {
        check_code(source, found);
        check_comments(source, found);
    }
}

fn check_code(source: &Source, found: &mut Vec<Finding>) {
    for (number, line) in source.code_lines() {
        let for_tests = if source.is_test(number) { IN_TESTS } else { &[] };
        for (pattern, instead) in IN_CODE.iter().chain(for_tests) {
            // An attribute starts with a sign, where words have no border to look at.
            let there = if pattern.starts_with('#') { line.contains(pattern) } else { says(line, pattern) };
            if there {
                let message = format!("`{pattern}`: {instead}");
                found.push(Finding::new(&source.path, number, RULE, message));
            }
        }
    }
}

fn check_comments(source: &Source, found: &mut Vec<Finding>) {
    for (at, line) in source.masked.comments.lines().enumerate() {
        for word in IN_COMMENTS.iter().filter(|word| says(line, word)) {
            let message = format!("{word}: do it now, or open an issue and say what is so in plain words");
            found.push(Finding::new(&source.path, at + 1, RULE, message));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tree::Tree;

    #[test]
    fn leftovers_are_found() {
        let cases = [
            ("src/a.rs", "fn f() { todo!() }\n", 1),
            ("src/a.rs", "fn f() { unimplemented!(\"later\") }\n", 1),
            ("src/a.rs", "fn f() { dbg!(1); }\n", 1),
            ("src/a.rs", "#[ignore = \"slow\"]\nfn f() {}\n", 1),
            ("src/a.rs", "// FIXME: wrong\n", 1),
            ("src/a.rs", "/* XXX */ // TODO\n", 2),
            ("src/a.rs", "// SQLSTATE XX000\nlet s = \"FIXME todo!()\";\n", 0),
            ("src/a.rs", "fn f() { std::thread::sleep(d) }\n", 0),
            ("tests/a.rs", "fn f() { std::thread::sleep(d) }\n", 1),
            ("src/a.rs", "#[cfg(test)]\nmod tests {\n    fn f() { thread::sleep(d) }\n}\n", 1),
        ];
        for (path, text, expected) in cases {
            let (mut tree, mut found) = (Tree::default(), Vec::new());
            tree.add(path, text);
            check(&tree, &mut found);
            assert_eq!(found.len(), expected, "{path}: {text}");
        }
    }
}
