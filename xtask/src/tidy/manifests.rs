//! Every crate takes the workspace's lints and says what it is.

use crate::finding::Finding;
use crate::metadata::Package;
use crate::tree::{Source, Tree};

pub(super) const RULE: &str = "manifests";

/// Looks at the packages of the workspace.
pub(crate) fn check(tree: &Tree, packages: &[Package], found: &mut Vec<Finding>) {
    for package in packages.iter().filter(|package| package.source.is_none()) {
        let folder = package.manifest.trim_end_matches("Cargo.toml");
        if let Some(manifest) = source(tree, &package.manifest) {
            check_manifest(manifest, found);
        }
        for root in ["src/lib.rs", "src/main.rs"] {
            if let Some(root) = source(tree, &format!("{folder}{root}")) {
                check_root(root, found);
            }
        }
    }
}

fn source<'a>(tree: &'a Tree, path: &str) -> Option<&'a Source> {
    tree.sources.iter().find(|source| source.path == path)
}

fn check_manifest(manifest: &Source, found: &mut Vec<Finding>) {
    let mut object = |message: &str| found.push(Finding::new(&manifest.path, 0, RULE, message));
    let compact: String = manifest.text.chars().filter(|c| *c != ' ').collect();
    if !compact.contains("[lints]\nworkspace=true\n") {
        object("the workspace's lints are not taken: [lints] workspace = true");
    }
    if !compact.contains("\ndescription=\"") {
        object("no description");
    }
    if !compact.contains("\npublish.workspace=true\n") {
        object("publish is not the workspace's");
    }
    if !compact.contains("\nlicense.workspace=true\n") {
        object("license is not the workspace's");
    }
}

fn check_root(root: &Source, found: &mut Vec<Finding>) {
    if !root.text.starts_with("//! ") {
        let message = "a crate begins with a //! comment that says what it is";
        found.push(Finding::new(&root.path, 1, RULE, message));
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::metadata::Package;
    use crate::tree::Tree;

    const GOOD: &str = "[package]\nname = \"a\"\nlicense.workspace = true\npublish.workspace = true\n\
                        description = \"an example\"\n\n[lints]\nworkspace = true\n";

    fn findings(manifest: &str, root: &str) -> usize {
        let (mut tree, mut found) = (Tree::default(), Vec::new());
        tree.add("crates/a/Cargo.toml", manifest);
        tree.add("crates/a/src/lib.rs", root);
        let package = Package {
            name: "a".to_owned(),
            version: "0.1.0".to_owned(),
            license: String::new(),
            source: None,
            manifest: "crates/a/Cargo.toml".to_owned(),
            dependencies: Vec::new(),
        };
        check(&tree, &[package], &mut found);
        found.len()
    }

    #[test]
    fn a_crate_takes_lints_and_says_what_it_is() {
        let cases = [
            (GOOD.to_owned(), "//! An example.\n", 0),
            (GOOD.to_owned(), "mod a;\n", 1),
            (GOOD.replace("workspace = true", "workspace = false"), "//! An example.\n", 3),
            (GOOD.replace("[lints]", "[lint]"), "//! An example.\n", 1),
            (GOOD.replace("description", "# description"), "//! An example.\n", 1),
        ];
        for (manifest, root, expected) in cases {
            assert_eq!(findings(&manifest, root), expected, "{manifest}{root}");
        }
    }
}
