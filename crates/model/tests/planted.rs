//! The oracle is worth as much as the mistakes that it finds: each of these is made on purpose, and has to be
//! found.

use pgherd_model::oracle;
use pgherd_session::{PlantedBug, plant};

/// Seeds within which each mistake is found.
const SEEDS: u64 = 50_000;

#[test]
fn each_planted_bug_is_found() {
    let mut escaped = Vec::new();
    for bug in PlantedBug::ALL {
        plant(Some(bug));
        match oracle::first_wrong(0..SEEDS) {
            Some((seed, why)) => println!("{bug:?}: seed {seed}: {why}"),
            None => escaped.push(bug),
        }
    }
    plant(None);
    assert!(escaped.is_empty(), "not found within {SEEDS} seeds: {escaped:?}");
}
