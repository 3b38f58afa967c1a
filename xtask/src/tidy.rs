//! The house rules that no compiler knows. Each rule is a function from the repository to findings.

mod decisions;
mod layers;
mod leftovers;
mod licences;
mod links;
mod manifests;
mod purity;
mod shape;
mod size;
mod strays;
mod terms;

use std::path::Path;

use crate::finding::Finding;
use crate::metadata::{self, Package};
use crate::tree::Tree;

/// Holds all rules against the repository in `root`; the error lists what they found.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let tree = Tree::read(root)?;
    let packages = metadata::read(root)?;
    let found = excuse(findings(&tree, &packages), EXCEPTIONS);
    if found.is_empty() {
        println!("tidy: {} files, {} packages, nothing to object to", tree.sources.len(), packages.len());
        return Ok(());
    }
    let lines: Vec<String> = found.iter().map(Finding::to_string).collect();
    Err(format!("{}\ntidy: {} findings", lines.join("\n"), found.len()))
}

fn findings(tree: &Tree, packages: &[Package]) -> Vec<Finding> {
    let mut found = Vec::new();
    layers::check(packages, &mut found);
    licences::check(packages, &mut found);
    manifests::check(tree, packages, &mut found);
    purity::check(tree, &mut found);
    size::check(tree, &mut found);
    leftovers::check(tree, &mut found);
    shape::check(tree, &mut found);
    links::check(tree, &mut found);
    decisions::check(tree, &mut found);
    strays::check(tree, &mut found);
    terms::check(tree, &mut found);
    found.sort();
    found.dedup();
    found
}

/// A finding that stands, and why.
#[derive(Debug, Clone, Copy)]
struct Exception {
    rule: &'static str,
    /// A file, or a folder when it ends with `/`.
    path: &'static str,
    reason: &'static str,
}

/// Kept short: each entry is a debt, or a place where the rule's subject is itself the content.
const EXCEPTIONS: &[Exception] = &[
    Exception {
        rule: terms::RULE,
        path: "xtask/src/tidy/terms.rs",
        reason: "the list of the words to avoid",
    },
    Exception {
        rule: manifests::RULE,
        path: "crates/uring/Cargo.toml",
        reason: "the one crate with `unsafe`: it names the workspace's lints itself",
    },
    Exception {
        rule: terms::RULE,
        path: "crates/config/",
        reason: "former names of settings, which old files still have",
    },
];

/// Drops what an exception covers, and objects to exceptions that cover nothing any more.
fn excuse(found: Vec<Finding>, exceptions: &[Exception]) -> Vec<Finding> {
    let mut left = found;
    for exception in exceptions {
        let before = left.len();
        left.retain(|finding| !exception.covers(finding));
        if left.len() == before {
            let message = format!("the exception ({}) covers nothing: remove it", exception.reason);
            left.push(Finding::new(exception.path, 0, exception.rule, message));
        }
    }
    left
}

impl Exception {
    fn covers(&self, finding: &Finding) -> bool {
        let folder = self.path.ends_with('/') && finding.path.starts_with(self.path);
        self.rule == finding.rule && (folder || self.path == finding.path)
    }
}

#[cfg(test)]
mod tests {
    use super::{Exception, excuse};
    use crate::finding::Finding;

    const LONG: Exception = Exception { rule: "size", path: "a/", reason: "a table" };

    #[test]
    fn an_exception_covers_its_rule_in_its_folder() {
        let found = vec![
            Finding::new("a/b.rs", 1, "size", "long"),
            Finding::new("a/b.rs", 1, "shape", "ragged"),
            Finding::new("b.rs", 1, "size", "long"),
        ];
        let left = excuse(found, &[LONG]);
        assert_eq!(left.iter().map(|f| f.message.as_str()).collect::<Vec<_>>(), ["ragged", "long"]);
    }

    #[test]
    fn a_stale_exception_is_a_finding() {
        let left = excuse(Vec::new(), &[LONG]);
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].rule, "size");
    }
}
