//! Files that nobody meant to commit.

use crate::finding::Finding;
use crate::tree::Tree;

const RULE: &str = "strays";

/// What lies in the repository's own folder. Everything else has a folder.
const ROOT: &[&str] = &[
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "clippy.toml",
    "demo",
    "rustfmt.toml",
    "test",
];

/// How names begin and end that programs give to what they leave behind.
const LEFT_BEHIND: &[(&str, &str)] =
    &[("crash-", ""), ("", ".orig"), ("", ".rej"), ("", ".swp"), ("", "~"), ("", ".log")];

/// Looks at the names of all files.
pub(crate) fn check(tree: &Tree, found: &mut Vec<Finding>) {
    for path in tree.sources.iter().map(|source| source.path.as_str()) {
        let name = path.rsplit('/').next().unwrap_or(path);
        if path == name && !ROOT.contains(&name) {
            let message =
                "does not belong into the repository's own folder, or into the list of those that do";
            found.push(Finding::new(path, 0, RULE, message));
        }
        let left = |(start, end): &(&str, &str)| name.starts_with(start) && name.ends_with(end);
        if LEFT_BEHIND.iter().any(left) {
            found.push(Finding::new(path, 0, RULE, "looks like something that a program left behind"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tree::Tree;

    #[test]
    fn strays_are_found() {
        let cases = [
            ("README.md", 0),
            ("NOTES.md", 1),
            ("fuzz/crash-0123", 1),
            ("fuzz/corpus/config/crash-0123", 1),
            ("crates/a/src/lib.rs.orig", 1),
            ("crates/a/src/log.rs", 0),
        ];
        for (path, expected) in cases {
            let (mut tree, mut found) = (Tree::default(), Vec::new());
            tree.add(path, "");
            check(&tree, &mut found);
            assert_eq!(found.len(), expected, "{path}");
        }
    }
}
