//! Decision notes: one number each, and all of them in the index.

use std::collections::BTreeMap;

use crate::finding::Finding;
use crate::tree::{Source, Tree};

const RULE: &str = "decisions";

const FOLDER: &str = "docs/decisions/";
const INDEX: &str = "docs/decisions/README.md";
const DIGITS: usize = 4;

/// Looks at every note.
pub(crate) fn check(tree: &Tree, found: &mut Vec<Finding>) {
    let index = tree.sources.iter().find(|source| source.path == INDEX);
    let index = index.map_or("", |source| source.text.as_str());
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for source in tree.sources.iter().filter(|source| source.path != INDEX) {
        let Some(name) = source.path.strip_prefix(FOLDER) else { continue };
        if let Some(message) = objection(name, source, index) {
            found.push(Finding::new(&source.path, 0, RULE, message));
        }
        if let Some(other) = name.get(..DIGITS).and_then(|number| seen.insert(number, name)) {
            found.push(Finding::new(&source.path, 0, RULE, format!("{other} has the same number")));
        }
    }
}

fn objection(name: &str, source: &Source, index: &str) -> Option<String> {
    let number = name.get(..DIGITS).filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    let Some(number) = number.filter(|_| name.get(DIGITS..).is_some_and(|rest| rest.starts_with('-'))) else {
        return Some("a note is named NNNN-what-was-decided.md".to_owned());
    };
    if !source.text.starts_with(&format!("# {number}: ")) {
        return Some(format!("a note begins with `# {number}: ` and its title"));
    }
    (!index.contains(&format!("({name})"))).then(|| format!("not in the index: link to it from {INDEX}"))
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tree::Tree;

    #[test]
    fn notes_are_numbered_titled_and_listed() {
        let cases = [
            ("docs/decisions/0001-a.md", "# 0001: a\n", 0),
            ("docs/decisions/0001-a.md", "# a\n", 1),
            ("docs/decisions/0002-b.md", "# 0002: b\n", 1),
            ("docs/decisions/notes.md", "# 0001: a\n", 1),
            ("docs/decisions/0003-c.md", "# 0003: c\n", 1),
            ("docs/other.md", "# a\n", 0),
        ];
        for (path, text, expected) in cases {
            let (mut tree, mut found) = (Tree::default(), Vec::new());
            tree.add("docs/decisions/0003-d.md", "# 0003: d\n");
            tree.add("docs/decisions/README.md", "[a](0001-a.md) [c](0003-c.md) [d](0003-d.md)\n");
            tree.add(path, text);
            check(&tree, &mut found);
            assert_eq!(found.len(), expected, "{path}: {text}");
        }
    }
}
