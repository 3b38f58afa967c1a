//! Which crate may depend on which. An arrow never points up, and sideways only where the table draws it.

use crate::finding::Finding;
use crate::metadata::{Dependency, Package};

const RULE: &str = "layers";

/// From the bottom to the top. Only outside and above may touch the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Layer {
    Words,
    Logic,
    Outside,
    Assembly,
    Program,
    /// Stands beside the others: sees all of them, is seen only by tests.
    Tests,
    /// Sees nothing of ours, so that it builds in a moment.
    Tools,
}

/// One crate of ours and what it may use of its own layer or below.
struct Place {
    name: &'static str,
    layer: Layer,
    uses: Uses,
}

enum Uses {
    /// These crates of ours.
    Only(&'static [&'static str]),
    /// Everything in the layers below, and these beside it.
    AllBelow(&'static [&'static str]),
}

/// The picture. A crate that is not here may not be built.
const PLACES: &[Place] = &[
    words("pgherd-types", &[]),
    words("pgherd-wire", &["pgherd-types"]),
    words("pgherd-sql", &["pgherd-types"]),
    logic("pgherd-auth", &["pgherd-types", "pgherd-wire"]),
    logic("pgherd-route", &["pgherd-types", "pgherd-wire", "pgherd-sql"]),
    logic("pgherd-session", &["pgherd-types", "pgherd-wire", "pgherd-sql", "pgherd-auth", "pgherd-route"]),
    logic("pgherd-pool", &["pgherd-types"]),
    logic("pgherd-cache", &["pgherd-types", "pgherd-sql"]),
    logic("pgherd-cluster", &["pgherd-types"]),
    logic("pgherd-watchdog", &["pgherd-types"]),
    logic("pgherd-admin", &["pgherd-types", "pgherd-wire"]),
    logic("pgherd-config", &["pgherd-types"]),
    Place { name: "pgherd-uring", layer: Layer::Outside, uses: Uses::Only(&[]) },
    Place { name: "pgherd-io", layer: Layer::Outside, uses: Uses::AllBelow(&["pgherd-uring"]) },
    Place { name: "pgherd-sandbox", layer: Layer::Outside, uses: Uses::Only(&["pgherd-types"]) },
    Place { name: "pgherd-web", layer: Layer::Assembly, uses: Uses::AllBelow(&[]) },
    Place { name: "pgherd-server", layer: Layer::Assembly, uses: Uses::AllBelow(&["pgherd-web"]) },
    Place { name: "pgherd", layer: Layer::Program, uses: Uses::AllBelow(&[]) },
    tests("pgherd-model"),
    tests("pgherd-sim"),
    tests("pgherd-testkit"),
    tests("pgherd-conformance"),
    tests("pgherd-fuzzing"),
    tests("pgherd-bench"),
    Place { name: "xtask", layer: Layer::Tools, uses: Uses::Only(&[]) },
];

const fn words(name: &'static str, uses: &'static [&'static str]) -> Place {
    Place { name, layer: Layer::Words, uses: Uses::Only(uses) }
}

const fn logic(name: &'static str, uses: &'static [&'static str]) -> Place {
    Place { name, layer: Layer::Logic, uses: Uses::Only(uses) }
}

const fn tests(name: &'static str) -> Place {
    Place { name, layer: Layer::Tests, uses: Uses::AllBelow(&["pgherd-model", "pgherd-testkit"]) }
}

/// Crates that read clocks, draw random numbers or touch sockets and files: not for words and logic.
const WORLDLY: &[&str] = &[
    "async-io",
    "async-std",
    "chrono",
    "crossbeam-channel",
    "fastrand",
    "futures",
    "getrandom",
    "hyper",
    "io-uring",
    "jiff",
    "libc",
    "mio",
    "nix",
    "parking_lot",
    "polling",
    "rand",
    "reqwest",
    "rustix",
    "signal-hook",
    "smol",
    "socket2",
    "tempfile",
    "time",
    "tokio",
    "tracing-subscriber",
];

/// The layer of the crate in folder `crates/NAME`, if the table has it.
pub(crate) fn layer_of_folder(folder: &str) -> Option<Layer> {
    let full = format!("pgherd-{folder}");
    PLACES.iter().find(|place| place.name == full || place.name == folder).map(|place| place.layer)
}

/// Holds every package of the workspace against the table.
pub(crate) fn check(packages: &[Package], found: &mut Vec<Finding>) {
    for package in packages.iter().filter(|package| package.source.is_none()) {
        let Some(place) = place_of(&package.name) else {
            let message = format!("`{}` has no layer: give it one in xtask/src/tidy/layers.rs", package.name);
            found.push(Finding::new(&package.manifest, 0, RULE, message));
            continue;
        };
        for dependency in &package.dependencies {
            if let Some(message) = objection(place, dependency) {
                found.push(Finding::new(&package.manifest, 0, RULE, message));
            }
        }
    }
}

fn place_of(name: &str) -> Option<&'static Place> {
    PLACES.iter().find(|place| place.name == name)
}

fn objection(place: &Place, dependency: &Dependency) -> Option<String> {
    let Some(other) = place_of(&dependency.name) else {
        let pure = matches!(place.layer, Layer::Words | Layer::Logic);
        let worldly = WORLDLY.contains(&dependency.name.as_str());
        return (pure && worldly && !dependency.for_tests).then(|| {
            format!("{:?} crates do no IO: `{}` is not for `{}`", place.layer, dependency.name, place.name)
        });
    };
    if dependency.for_tests && place.layer != Layer::Tools {
        return None;
    }
    let allowed = match place.uses {
        Uses::Only(names) => names.contains(&other.name),
        Uses::AllBelow(beside) => other.layer < place.layer || beside.contains(&other.name),
    };
    (!allowed).then(|| {
        format!(
            "`{}` ({:?}) may not depend on `{}` ({:?}): see ARCHITECTURE.md",
            place.name, place.layer, other.name, other.layer
        )
    })
}

#[cfg(test)]
mod tests {
    use super::{PLACES, Uses, check, place_of};
    use crate::metadata::{Dependency, Package};

    fn objections(name: &str, on: &str, for_tests: bool) -> usize {
        let mut found = Vec::new();
        check(&[package(name, on, for_tests)], &mut found);
        found.len()
    }

    fn package(name: &str, on: &str, for_tests: bool) -> Package {
        Package {
            name: name.to_owned(),
            version: "0.1.0".to_owned(),
            license: String::new(),
            source: None,
            manifest: format!("crates/{name}/Cargo.toml"),
            dependencies: vec![Dependency { name: on.to_owned(), for_tests }],
        }
    }

    #[test]
    fn arrows_point_down() {
        let cases = [
            ("pgherd-wire", "pgherd-types", false, 0),
            ("pgherd-types", "pgherd-wire", false, 1),
            ("pgherd-wire", "pgherd-sql", false, 1),
            ("pgherd-session", "pgherd-route", false, 0),
            ("pgherd-route", "pgherd-session", false, 1),
            ("pgherd-session", "pgherd-io", false, 1),
            ("pgherd-session", "pgherd-pool", false, 1),
            ("pgherd-session", "pgherd-model", true, 0),
            ("pgherd-session", "pgherd-model", false, 1),
            ("pgherd-session", "tokio", false, 1),
            ("pgherd-session", "memchr", false, 0),
            ("pgherd-io", "rustix", false, 0),
            ("pgherd-io", "pgherd-server", false, 1),
            ("pgherd-server", "pgherd-io", false, 0),
            ("pgherd", "pgherd-server", false, 0),
            ("pgherd", "pgherd-testkit", false, 1),
            ("xtask", "pgherd-types", true, 1),
            ("pgherd-surprise", "memchr", false, 1),
        ];
        for (name, on, for_tests, expected) in cases {
            assert_eq!(objections(name, on, for_tests), expected, "{name} on {on}");
        }
    }

    #[test]
    fn the_table_itself_points_down() {
        for place in PLACES {
            let names = match place.uses {
                Uses::Only(names) | Uses::AllBelow(names) => names,
            };
            for name in names {
                let other = place_of(name).unwrap_or_else(|| panic!("{name} is not in the table"));
                assert!(other.layer <= place.layer, "{} on {name}", place.name);
            }
        }
    }
}
