//! The transparency oracle: through a session, over shared backends, under any interleaving, each client sees
//! what it could have seen alone on a server of its own.
//!
//! `PGHERD_SEED=n cargo test -p pgherd-model --test oracle replay -- --nocapture` plays one seed and prints
//! all of it; `PGHERD_SEEDS=n` sets how many are played, `PGHERD_FIRST=n` which is the first of them.

use std::{env, thread};

use pgherd_model::oracle::{self, Promise};
use pgherd_route::Router;

const SEEDS: u64 = 200_000;
const THREADS: u64 = 2;

fn variable(name: &str) -> Option<u64> {
    env::var(name)
        .ok()
        .map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is not a number: {value}")))
}

#[test]
fn each_client_sees_what_it_could_have_seen_alone() {
    let seeds = variable("PGHERD_SEEDS").unwrap_or(SEEDS);
    let first = variable("PGHERD_FIRST").unwrap_or(0);
    let hunt =
        |part: u64| move || oracle::hunt((first..first + seeds).filter(move |seed| seed % THREADS == part));
    let hunters: Vec<_> = (0..THREADS).map(|part| thread::spawn(hunt(part))).collect();
    for hunter in hunters {
        if let Some((seed, why)) = hunter.join().expect("a hunter does not panic") {
            panic!("seed {seed}: {why}");
        }
    }
}

/// Seeds within which an old read is seen.
const OLD_READS: u64 = 100_000;

#[test]
fn what_is_not_promised_is_seen_to_be_missing() {
    let mut router = Router::default();
    let old = (0..OLD_READS).find_map(|seed| {
        let mut setup = oracle::setup(seed);
        if setup.promise == Promise::Session {
            return None;
        }
        // The sessions promise less than they are held to.
        setup.promise = Promise::Session;
        oracle::check(&setup, &mut router).err().map(|why| (seed, why))
    });
    let (seed, why) = old.expect("an old read is seen");
    println!("seed {seed}: {why}");
    assert!(why.contains("rows"), "it is about what is read: {why}");
}

#[test]
fn replay() {
    let Some(seed) = variable("PGHERD_SEED") else {
        println!("PGHERD_SEED names no seed to replay");
        return;
    };
    let setup = oracle::setup(seed);
    let mut router = Router::default();
    println!("{}", oracle::explain(&setup, &mut router));
    if let Err(why) = oracle::check(&setup, &mut router) {
        panic!("seed {seed}: {why}");
    }
}
