//! White space and line length of the files that people write.

use crate::finding::Finding;
use crate::tree::{Source, Tree};

const RULE: &str = "shape";

/// Counted in characters.
const LINE_LENGTH: usize = 120;

/// Looks at every written file.
pub(crate) fn check(tree: &Tree, found: &mut Vec<Finding>) {
    for source in tree.written().filter(|source| is_checked(&source.path)) {
        check_source(source, found);
    }
}

/// Licences keep the form in which their authors publish them.
fn is_checked(path: &str) -> bool {
    !path.starts_with("LICENSE-")
}

fn check_source(source: &Source, found: &mut Vec<Finding>) {
    let mut object = |line, message: &str| found.push(Finding::new(&source.path, line, RULE, message));
    let text = &source.text;
    if !text.is_empty() && !text.ends_with('\n') {
        object(0, "the last line has no end");
    }
    if text.ends_with("\n\n") {
        object(0, "empty lines at the end");
    }
    for (at, line) in text.lines().enumerate() {
        if line.ends_with([' ', '\t', '\r']) {
            object(at + 1, "white space at the end of the line");
        }
        if source.path.ends_with(".rs") && line.contains('\t') {
            object(at + 1, "a tab; Rust is indented with spaces, and a literal says \\t");
        }
        if line.chars().count() > LINE_LENGTH && !may_be_long(&source.path, line) {
            object(at + 1, "the line is longer than 120 characters");
        }
    }
}

/// A row of a table and an address cannot be broken.
fn may_be_long(path: &str, line: &str) -> bool {
    let markdown = path.ends_with(".md");
    (markdown && line.starts_with('|')) || line.contains("https://") || path.ends_with(".svg")
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tree::Tree;

    #[test]
    fn ragged_files_are_found() {
        let long = "x".repeat(121);
        let cases = [
            ("a.rs", "fn a() {}\n".to_owned(), 0),
            ("a.rs", "fn a() {} \n".to_owned(), 1),
            ("a.rs", "\tfn a() {}\n".to_owned(), 1),
            ("a.rs", "fn a() {}".to_owned(), 1),
            ("a.rs", "fn a() {}\n\n".to_owned(), 1),
            ("a.rs", format!("{long}\n"), 1),
            ("a.rs", format!("{}\n", "é".repeat(120)), 0),
            ("a.md", format!("{long}\n"), 1),
            ("a.md", format!("| {long} |\n"), 0),
            ("Makefile", "\ttrue\n".to_owned(), 0),
            ("fuzz/corpus/a", "no end ".to_owned(), 0),
        ];
        for (path, text, expected) in cases {
            let (mut tree, mut found) = (Tree::default(), Vec::new());
            tree.add(path, &text);
            check(&tree, &mut found);
            assert_eq!(found.len(), expected, "{path}: {text}");
        }
    }
}
