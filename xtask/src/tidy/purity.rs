//! Words and logic do no IO: time, randomness and bytes come in as arguments.

use super::layers::{self, Layer};
use crate::finding::Finding;
use crate::mask::is_word;
use crate::tree::{Source, Tree};

const RULE: &str = "purity";

/// What the code of a pure crate may not say, and what it does instead.
const WORLD: &[(&str, &str)] = &[
    ("std::net", "addresses are in core::net, sockets in crates/io"),
    ("std::fs", "files are read above and passed in"),
    ("std::process", "processes are an action for the layers above"),
    ("std::thread", "threads belong to the layers above"),
    ("std::env", "the environment is read at start and passed in"),
    ("std::os", "descriptors belong to crates/io"),
    ("thread::spawn", "threads belong to the layers above"),
    ("thread::sleep", "waiting is a timer action"),
    ("Instant", "time comes in as a Moment"),
    ("SystemTime", "time comes in as an argument"),
    ("RandomState", "randomness comes in as an argument"),
    ("TcpStream", "sockets belong to crates/io"),
    ("UnixStream", "sockets belong to crates/io"),
    ("Mutex", "ownership is the lock"),
    ("RwLock", "ownership is the lock"),
    ("async", "logic is synchronous: events in, actions out"),
    ("println!", "text for people is a report action"),
    ("eprintln!", "text for people is a report action"),
];

/// Looks at the code of every words and logic crate, its tests left out.
pub(crate) fn check(tree: &Tree, found: &mut Vec<Finding>) {
    for source in tree.rust().filter(|source| is_pure(&source.path)) {
        check_source(source, found);
    }
}

fn is_pure(path: &str) -> bool {
    let mut parts = path.split('/');
    let (Some("crates"), Some(folder), Some("src")) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    matches!(layers::layer_of_folder(folder), Some(Layer::Words | Layer::Logic))
}

fn check_source(source: &Source, found: &mut Vec<Finding>) {
    for (number, line) in source.code_lines().filter(|(number, _)| !source.is_test(*number)) {
        for (pattern, instead) in WORLD.iter().filter(|(pattern, _)| says(line, pattern)) {
            let message = format!("`{pattern}` in a crate without IO: {instead}");
            found.push(Finding::new(&source.path, number, RULE, message));
        }
    }
}

/// Whether `line` has `pattern` as whole words.
pub(crate) fn says(line: &str, pattern: &str) -> bool {
    line.match_indices(pattern).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + pattern.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tree::Tree;

    fn findings(path: &str, text: &str) -> usize {
        let (mut tree, mut found) = (Tree::default(), Vec::new());
        tree.add(path, text);
        check(&tree, &mut found);
        found.len()
    }

    #[test]
    fn the_world_is_kept_out_of_logic() {
        let cases = [
            ("crates/session/src/a.rs", "use std::net::TcpStream;\n", 2),
            ("crates/session/src/a.rs", "let now = Instant::now();\n", 1),
            ("crates/session/src/a.rs", "use std::fs;\n", 1),
            ("crates/types/src/a.rs", "async fn f() {}\n", 1),
            ("crates/session/src/a.rs", "// Instant::now() would be wrong here\n", 0),
            ("crates/session/src/a.rs", "struct InstantReply;\n", 0),
            ("crates/session/src/a.rs", "#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n", 0),
            ("crates/session/tests/a.rs", "use std::fs;\n", 0),
            ("crates/io/src/a.rs", "use std::fs;\n", 0),
        ];
        for (path, text, expected) in cases {
            assert_eq!(findings(path, text), expected, "{path}: {text}");
        }
    }
}
