//! The oracle is worth as much as the mistakes that it finds: each of these is made on purpose, and has to be
//! found.

use pgherd_model::oracle;
use pgherd_session::{PlantedBug, plant};

/// Seeds within which each mistake is found.
const SEEDS: u64 = 50_000;

/// The first seed whose run is wrong with the mistake, and only with it.
fn first_wrong(bug: PlantedBug) -> Option<(u64, String)> {
    let mut from = 0;
    loop {
        plant(Some(bug));
        let (seed, why) = oracle::first_wrong(from..SEEDS)?;
        plant(None);
        if oracle::first_wrong(seed..=seed).is_none() {
            return Some((seed, why));
        }
        from = seed + 1;
    }
}

#[test]
fn each_planted_bug_is_found() {
    let mut escaped = Vec::new();
    for bug in PlantedBug::ALL {
        match first_wrong(bug) {
            Some((seed, why)) => println!("{bug:?}: seed {seed}: {why}"),
            None => escaped.push(bug),
        }
    }
    plant(None);
    assert!(escaped.is_empty(), "not found within {SEEDS} seeds: {escaped:?}");
}
