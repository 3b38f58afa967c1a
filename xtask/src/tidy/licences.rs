//! What the program is built from: known licences, one registry.

use crate::finding::Finding;
use crate::metadata::Package;

const RULE: &str = "licences";

/// Licences that put no conditions on a program beyond keeping their text.
const FINE: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "PostgreSQL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Looks at everything that does not come from this repository.
pub(crate) fn check(packages: &[Package], found: &mut Vec<Finding>) {
    for package in packages {
        let Some(source) = &package.source else { continue };
        let mut object = |message: String| found.push(Finding::new("Cargo.lock", 0, RULE, message));
        let name = format!("{} {}", package.name, package.version);
        if source != REGISTRY {
            object(format!("{name} comes from {source}, not from crates.io"));
        }
        if !is_fine(&package.license) {
            object(format!("{name} has the licence `{}`, which nobody has looked at", package.license));
        }
    }
}

/// Whether the expression can be met with licences of the list. Old manifests write `/` for OR.
fn is_fine(expression: &str) -> bool {
    let known = |term: &str| FINE.contains(&term.trim());
    let flat = expression.replace('/', " OR ");
    if flat.contains('(') {
        // Nested: every term has to be fine, which is stricter than the expression and needs no parser.
        let terms = flat.replace(['(', ')'], " ").replace(" AND ", " OR ");
        return terms.split(" OR ").all(known);
    }
    flat.split(" OR ").any(|choice| choice.split(" AND ").all(known))
}

#[cfg(test)]
mod tests {
    use super::{REGISTRY, check, is_fine};
    use crate::metadata::Package;

    #[test]
    fn expressions_are_read() {
        let cases = [
            ("MIT", true),
            ("MIT OR Apache-2.0", true),
            ("MIT/Apache-2.0", true),
            ("GPL-3.0-only", false),
            ("GPL-3.0-only OR MIT", true),
            ("MIT AND GPL-3.0-only", false),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
            ("(MIT OR Apache-2.0) AND GPL-3.0-only", false),
            ("", false),
        ];
        for (expression, fine) in cases {
            assert_eq!(is_fine(expression), fine, "{expression}");
        }
    }

    #[test]
    fn strange_sources_are_named() {
        let package = |source: &str, license: &str| Package {
            name: "a".to_owned(),
            version: "1.0.0".to_owned(),
            license: license.to_owned(),
            source: Some(source.to_owned()),
            manifest: String::new(),
            dependencies: Vec::new(),
        };
        let mut found = Vec::new();
        check(&[package(REGISTRY, "MIT")], &mut found);
        assert!(found.is_empty());
        check(&[package("git+https://example.org/a", "MIT"), package(REGISTRY, "SSPL-1.0")], &mut found);
        assert_eq!(found.len(), 2);
    }
}
