//! Functions fit a screen, files fit a head.

use crate::finding::Finding;
use crate::mask::is_word;
use crate::tree::{Source, Tree, end_of_item};

const RULE: &str = "size";

/// Lines of code from the signature to the closing brace; comments and empty lines are free.
const FUNCTION_LINES: usize = 70;

/// Lines of any kind.
const FILE_LINES: usize = 800;

/// Holds Rust files and scripts to the limits.
pub(crate) fn check(tree: &Tree, found: &mut Vec<Finding>) {
    for source in tree.written().filter(|source| is_code(source)) {
        let lines = source.text.lines().count();
        if lines > FILE_LINES {
            let message = format!("{lines} lines; a file has at most {FILE_LINES}");
            found.push(Finding::new(&source.path, 0, RULE, message));
        }
    }
    for source in tree.rust() {
        check_functions(source, found);
    }
}

fn is_code(source: &Source) -> bool {
    let first = source.text.lines().next().unwrap_or_default();
    [".rs", ".sh", ".py"].iter().any(|ext| source.path.ends_with(ext)) || first.starts_with("#!")
}

fn check_functions(source: &Source, found: &mut Vec<Finding>) {
    let code = &source.masked.code;
    for (at, name) in functions(code) {
        let body = &code[at..end_of_item(code, at)];
        let lines = body.lines().filter(|line| !line.trim().is_empty()).count();
        if lines > FUNCTION_LINES {
            let number = code[..at].matches('\n').count() + 1;
            let message =
                format!("fn {name} has {lines} lines of code; a function has at most {FUNCTION_LINES}");
            found.push(Finding::new(&source.path, number, RULE, message));
        }
    }
}

/// Where each named function starts, and its name.
fn functions(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.match_indices("fn ").filter_map(|(at, word)| {
        let whole = !code[..at].chars().next_back().is_some_and(is_word);
        let rest = &code[at + word.len()..];
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        (whole && end > 0).then(|| (at, &rest[..end]))
    })
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tree::Tree;

    fn messages(path: &str, text: &str) -> Vec<String> {
        let (mut tree, mut found) = (Tree::default(), Vec::new());
        tree.add(path, text);
        check(&tree, &mut found);
        found.into_iter().map(|finding| format!("{}: {}", finding.line, finding.message)).collect()
    }

    fn function(body: &str, times: usize) -> String {
        format!("fn short() -> [u8; 2] {{}}\n\nfn long(\n) {{\n{}}}\nfn next() {{}}\n", body.repeat(times))
    }

    #[test]
    fn long_functions_are_named() {
        assert!(messages("a.rs", &function("    a(); // {\n", 67)).is_empty());
        let found = messages("a.rs", &function("    a(); // {\n", 69));
        assert_eq!(found, ["3: fn long has 71 lines of code; a function has at most 70"]);
    }

    #[test]
    fn comments_and_empty_lines_are_free() {
        assert!(messages("a.rs", &function("    // why\n\n", 200)).is_empty());
    }

    #[test]
    fn long_files_are_named() {
        assert!(messages("a.rs", &"\n".repeat(800)).is_empty());
        assert_eq!(messages("a.rs", &"\n".repeat(801)).len(), 1);
        assert_eq!(messages("demo", &format!("#!/bin/sh\n{}", "\n".repeat(800))).len(), 1);
        assert!(messages("fuzz/corpus/a.rs", &"\n".repeat(900)).is_empty());
        assert!(messages("table.csv", &"1\n".repeat(900)).is_empty());
    }
}
