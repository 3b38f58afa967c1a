//! The rows of `corpus/routing/`, in the simple and in the extended protocol.

use pgherd_conformance::Corpus;
use pgherd_conformance::routing::Row;
use pgherd_testkit::Pgherd;
use pgherd_testkit::sandbox::Mode;

use crate::stage::{DATABASE, Stage};

/// What every row has, unless it says otherwise: what may be balanced goes to a standby.
const SETTINGS: &str = "backend_weight0 = 0\nread_consistency = eventual\n";

#[test]
fn statements() {
    judge(Stage::shared(), "routing/statements.rows");
}

#[test]
fn rules() {
    judge(Stage::shared(), "routing/rules.rows");
}

#[test]
fn independent_servers() {
    for mode in [Mode::LogicalReplication, Mode::Slony] {
        judge(&Stage::in_mode(mode), "routing/modes.rows");
    }
}

#[test]
fn raw() {
    judge(&Stage::in_mode(Mode::Raw), "routing/raw.rows");
}

fn judge(stage: &Stage, file: &str) {
    let groups = Row::grouped(Row::parse(&Corpus::here().text(file)));
    let (mut runs, mut complaints) = (0, Vec::new());
    for group in groups {
        let pgherd = Pgherd::start(&stage.cluster, &format!("{SETTINGS}{}", group[0].settings.join("\n")));
        let target = pgherd.target().clone().database(DATABASE);
        let mut hearing = stage.hearing();
        for row in &group {
            for sends in row.sends.iter().copied() {
                runs += 1;
                row.direct.iter().for_each(|sql| stage.directly(sql));
                if let Err(complaint) = hearing.run(&target, row, sends) {
                    complaints.push(format!("{} ({}): {complaint}", row.name, sends.name()));
                }
            }
        }
    }
    assert!(complaints.is_empty(), "{} of {runs}:\n{}", complaints.len(), complaints.join("\n"));
    println!("{file}: {runs} sessions, all as written");
}
