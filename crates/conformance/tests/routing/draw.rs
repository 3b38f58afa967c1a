//! Which node is drawn for a session's reads (3.4): by weight, by lists, by chance.

use std::fs;

use pgherd_testkit::{Pgherd, Target, wait_for};
use rustix::process::Signal;

use crate::stage::{DATABASE, Stage, application};

/// Sessions that are drawn for one share.
const SESSIONS: usize = 120;

/// From how many sessions a node answers, of `SESSIONS` that call themselves `name`.
fn shares(stage: &Stage, target: &Target, name: &str) -> [usize; 3] {
    let mut shares = [0; 3];
    for _ in 0..SESSIONS {
        let mut client = application(target, name);
        shares[stage.reads_from(&mut client)] += 1;
        client.bye();
    }
    shares
}

/// Whether the shares are near these percentages: six standard deviations, so that chance alone does not fail it.
fn near(shares: [usize; 3], percent: [usize; 3]) -> bool {
    shares.iter().zip(percent).all(|(&got, percent)| {
        let (mean, n) = (SESSIONS * percent / 100, SESSIONS * percent * (100 - percent));
        let deviation = (n as f64).sqrt() / 100.0;
        got.abs_diff(mean) as f64 <= 6.0 * deviation + f64::from(u8::from(percent % 100 != 0))
    })
}

#[test]
fn by_weight_and_by_other_weights_after_a_reload() {
    let stage = Stage::shared();
    let weights = |weights: [f64; 3]| {
        let lines = weights.iter().enumerate().map(|(i, weight)| format!("backend_weight{i} = {weight}\n"));
        lines.collect::<String>()
    };
    let pgherd = Pgherd::start(&stage.cluster, &weights([1.0, 1.0, 2.0]));
    let target = pgherd.target().clone().database(DATABASE);
    let mut before = application(&target, "before");
    stage.reads_from(&mut before);
    let found = shares(stage, &target, "x");
    assert!(near(found, [25, 25, 50]), "{found:?}");

    let file = pgherd.config_file();
    let old = fs::read_to_string(&file).expect("a configuration");
    fs::write(&file, old + &weights([0.0, 0.0, 1.0])).expect("a configuration");
    pgherd.signal(Signal::HUP);
    wait_for("the new weights", || {
        let nodes = target.psql("SHOW pool_nodes");
        nodes.lines().map(|line| line.split('|').nth(5)).eq(["0.000000", "0.000000", "1.000000"].map(Some))
    });
    let found = shares(stage, &target, "x");
    assert_eq!(found, [0, 0, SESSIONS]);
    // Whoever has drawn keeps to it.
    let first = stage.reads_from(&mut before);
    assert!((0..10).all(|_| stage.reads_from(&mut before) == first));
}

#[test]
fn by_lists_with_ratios() {
    let stage = Stage::shared();
    let list = "id:1(0.5),first:primary(0.25),any:standby(0.75),sure:2,never:1(0.0)";
    let settings = format!(
        "backend_weight0 = 1\nbackend_weight1 = 0\nbackend_weight2 = 3\n\
         app_name_redirect_preference_list = '{list}'\n"
    );
    let pgherd = Pgherd::start(&stage.cluster, &settings);
    let target = pgherd.target().clone().database(DATABASE);
    let table = [
        // In the other half the weights of the other nodes count.
        ("id", [12, 50, 38]),
        // In the other three quarters node 2 has all of the weight.
        ("first", [25, 0, 75]),
        // In the other quarter it is the primary.
        ("any", [25, 0, 75]),
        ("sure", [0, 0, 100]),
        ("never", [25, 0, 75]),
        ("nobody", [25, 0, 75]),
    ];
    for (name, percent) in table {
        let found = shares(stage, &target, name);
        assert!(near(found, percent), "{name}: {found:?} of {SESSIONS}, and not {percent:?} per cent");
    }
}

#[test]
fn for_each_statement() {
    let stage = Stage::shared();
    // However late the nodes are.
    let settings = "backend_weight0 = 0\nstatement_level_load_balance = on\nread_consistency = eventual\n";
    let pgherd = Pgherd::start(&stage.cluster, settings);
    let mut client = pgherd.target().clone().database(DATABASE).connect().expect("a session");
    let mut counts = [0; 3];
    for _ in 0..60 {
        counts[stage.reads_from(&mut client)] += 1;
    }
    assert!(counts[0] == 0 && counts[1] > 5 && counts[2] > 5, "{counts:?}");
}
