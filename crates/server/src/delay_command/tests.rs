use core::time::Duration;
use std::time::Instant;

use pgherd_types::NodeId;

use super::{DelayCommand, TimeBehind, Told, read};

fn standbys() -> Vec<(NodeId, String)> {
    vec![(NodeId(1), "localhost:5433".to_owned()), (NodeId(4), "a; exit 9:5436".to_owned())]
}

fn known(us: u64) -> TimeBehind {
    TimeBehind::Known(Duration::from_micros(us))
}

#[test]
fn what_the_command_prints() {
    use TimeBehind::{Down, Unknown};
    // The output, what it says of the two nodes, and the beginning of each remark.
    let cases: &[(&str, [TimeBehind; 2], &[&str])] = &[
        ("25 50\n", [known(25_000), known(50_000)], &[]),
        ("25.5\t100.75", [known(25_500), known(100_750)], &[]),
        ("0 0.001\n", [known(0), known(1)], &[]),
        (
            "-1 50",
            [Down, known(50_000)],
            &["node 1 is reported as down by external command (delay -1), relying on health check"],
        ),
        ("-1 -1.0", [Down, Down], &["node 1 is", "node 4 is"]),
        (
            "-25 50",
            [known(0), known(50_000)],
            &["negative delay value -25.000 for node 1 (other than -1), treating as 0"],
        ),
        ("invalid 50", [Unknown, known(50_000)], &["invalid delay value 'invalid' for node 1"]),
        ("1 inf", [known(1000), Unknown], &["invalid delay value 'inf' for node 4"]),
        (
            "9999999 50",
            [known(9_999_999_000), known(50_000)],
            &["extremely large delay value 9999999.000 for node 1"],
        ),
        ("1e300 1", [Unknown, known(1000)], &["extremely large"]),
        ("", [Unknown, Unknown], &["replication delay command produced no output"]),
        (" \n", [Unknown, Unknown], &["replication delay command produced no output"]),
        (
            "25",
            [known(25_000), Unknown],
            &[
                "replication delay command returned 1 values, expected 2 (one for each replica). Command should \
              output one delay value per replica",
            ],
        ),
        ("1 2 3", [known(1000), known(2000)], &["replication delay command returned 3 values, expected 2"]),
    ];
    for (output, [first, second], remarks) in cases {
        let told = read(output, &standbys());
        assert_eq!(told.delays, [(NodeId(1), *first), (NodeId(4), *second)], "{output:?}");
        assert_eq!(told.remarks.len(), remarks.len(), "{output:?}: {:?}", told.remarks);
        for ((_, text), begin) in told.remarks.iter().zip(*remarks) {
            assert!(text.starts_with(begin), "{text}");
        }
    }
}

fn run(command: &str, limit: Duration) -> Told {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let command = DelayCommand { command: command.to_owned(), standbys: standbys(), limit };
    runtime.block_on(command.run())
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn the_command_is_told_the_standbys_as_words() {
    let told = run("test \"$1\" = localhost:5433 && test \"$2\" = 'a; exit 9:5436' && echo 1 2 &&:", LONG);
    assert_eq!(told.delays, [(NodeId(1), known(1000)), (NodeId(4), known(2000))], "{:?}", told.remarks);
    let command = DelayCommand { command: "./x.sh -v".to_owned(), standbys: standbys(), limit: LONG };
    assert_eq!(command.text(), "./x.sh -v localhost:5433 a; exit 9:5436");
}

#[test]
fn failures_are_told_and_change_nothing() {
    for (command, limit, begin) in [
        ("exit 3;", LONG, "replication delay command failed with exit code 3: exit 3; localhost:5433"),
        ("./nowhere/no_such_command", LONG, "replication delay command failed with exit code 127: "),
        ("kill -9 $$;", LONG, "replication delay command was ended by signal 9: "),
        // It ignores what can be ignored, and leaves a child behind that holds its output open.
        (
            "trap '' TERM; sleep 60 & echo 1 2; wait;",
            Duration::from_secs(1),
            "replication delay command timed out after 1 seconds: ",
        ),
    ] {
        let begun = Instant::now();
        let told = run(command, limit);
        assert!(told.delays.is_empty(), "{command}");
        assert!(told.remarks.len() == 1 && told.remarks[0].1.starts_with(begin), "{:?}", told.remarks);
        assert!(begun.elapsed() < Duration::from_secs(30), "{command}");
    }
}

#[test]
fn endless_output_is_cut() {
    let told = run("yes 7;:", LONG);
    assert_eq!(told.delays, [(NodeId(1), known(7000)), (NodeId(4), known(7000))]);
    assert!(
        told.remarks[0].1.starts_with("replication delay command returned 2048 values"),
        "{:?}",
        told.remarks
    );
}
