use core::time::Duration;

use pgherd_types::{Delay, Lsn, Moment, NodeId};

use super::{HISTORY, Lag, Lags};
use crate::{Sender, Step, WalReport};

const NAMES: [(NodeId, &str); 3] = [(NodeId(0), "a"), (NodeId(1), "b"), (NodeId(4), "")];

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn at(seconds: u64) -> Moment {
    Moment(seconds * 1000)
}

fn sender(name: &str, replay_lag: Option<u64>) -> Sender {
    let replay = Step { lsn: None, lag: replay_lag.map(s) };
    Sender {
        application_name: name.to_owned(),
        state: "streaming".to_owned(),
        sync_state: "async".to_owned(),
        steps: [Step::default(), Step::default(), replay],
    }
}

fn primary(end: u64, senders: &[Sender]) -> (NodeId, WalReport) {
    (NodeId(0), WalReport::Primary { end: Lsn(end), senders: senders.to_vec() })
}

fn standby(node: u8, replayed: u64, since_last_commit: Option<u64>) -> (NodeId, WalReport) {
    let since_last_commit = since_last_commit.map(s);
    (NodeId(node), WalReport::Standby { replayed: Some(Lsn(replayed)), since_last_commit })
}

/// Lags that have seen the primary at these positions at these seconds.
fn seen(history: &[(u64, u64)]) -> Lags {
    let mut lags = Lags::default();
    for &(second, end) in history {
        lags.judge(Some(NodeId(0)), &NAMES, &[primary(end, &[])], at(second));
    }
    lags
}

fn delay(bytes: u64, time: Option<u64>) -> Option<Delay> {
    Some(Delay { bytes: Some(bytes), time: time.map(s) })
}

#[test]
fn bytes_and_states() {
    let senders = [sender("b", None), sender("other", None)];
    let reports = [primary(100, &senders), standby(1, 70, None), standby(4, 120, None)];
    let lags = Lags::default().judge(Some(NodeId(0)), &NAMES, &reports, at(9));
    let ahead = Delay { bytes: Some(0), time: Some(Duration::ZERO) };
    let expected = [
        (NodeId(0), Lag::default()),
        (NodeId(1), Lag { delay: delay(30, Some(0)), sender: Some(sender("b", None)) }),
        (NodeId(4), Lag { delay: Some(ahead), sender: None }),
    ];
    assert_eq!(lags, expected);
}

#[test]
fn nothing_is_known_where_one_of_the_two_did_not_answer() {
    let unreplayed = (NodeId(1), WalReport::Standby { replayed: None, since_last_commit: None });
    let rival = (NodeId(1), WalReport::Primary { end: Lsn(7), senders: vec![] });
    let cases = [
        (Some(NodeId(0)), vec![primary(100, &[])]),
        (Some(NodeId(0)), vec![standby(1, 70, None)]),
        (Some(NodeId(0)), vec![]),
        (None, vec![primary(100, &[]), standby(1, 70, None)]),
        (Some(NodeId(0)), vec![primary(100, &[]), unreplayed]),
        (Some(NodeId(0)), vec![primary(100, &[]), rival]),
    ];
    for (primary, reports) in cases {
        let lags = Lags::default().judge(primary, &NAMES, &reports, at(9));
        assert_eq!(lags.len(), 3);
        assert!(lags.iter().all(|(_, lag)| lag.delay.is_none()), "{reports:?}");
    }
}

#[test]
fn time() {
    // Seconds and positions of the primary before, the standby's position and last commit, replay_lag, and the time.
    type Case = (&'static [(u64, u64)], u64, Option<u64>, Option<u64>, Option<u64>);
    let cases: &[Case] = &[
        // Told by the primary, or by the age of the last commit.
        (&[], 70, None, Some(5), Some(5)),
        (&[], 70, Some(3), None, Some(3)),
        (&[], 70, Some(3), Some(5), Some(5)),
        // Nobody tells: only what the checks prove.
        (&[(10, 70), (20, 80)], 75, None, None, Some(10)),
        (&[], 75, None, None, Some(0)),
        // The last commit is old because nothing was written after it: it had all when the primary was last there.
        (&[(10, 70), (20, 70), (27, 70)], 70, Some(3600), None, Some(3)),
        // The primary does not tell of a standby that stands still: it has been behind since the primary went on.
        (&[(10, 70), (12, 80), (20, 90)], 70, None, Some(1), Some(18)),
        // It has everything: nothing else counts.
        (&[(10, 70)], 100, Some(3600), Some(7), Some(0)),
    ];
    for &(history, replayed, since_last_commit, replay_lag, expected) in cases {
        let mut lags = seen(history);
        let reports = [primary(100, &[sender("b", replay_lag)]), standby(1, replayed, since_last_commit)];
        let judged = lags.judge(Some(NodeId(0)), &NAMES, &reports, at(30));
        assert_eq!(judged[1].1.delay, delay(100 - replayed, expected), "{history:?} {replayed}");
    }
}

#[test]
fn another_primary_has_another_history() {
    let reports = [(NodeId(1), WalReport::Primary { end: Lsn(100), senders: vec![] }), standby(0, 70, None)];
    let judged = seen(&[(1, 70), (2, 80)]).judge(Some(NodeId(1)), &NAMES, &reports, at(30));
    assert_eq!(judged[0].1.delay, delay(30, Some(0)), "node 0 was at 80 itself");
    let judged = seen(&[(1, 70), (2, 500)]).judge(
        Some(NodeId(0)),
        &NAMES,
        &[primary(100, &[]), standby(1, 70, None)],
        at(30),
    );
    assert_eq!(judged[1].1.delay, delay(30, Some(0)), "the primary was restored from an older copy");
}

#[test]
fn history_is_bounded() {
    let long: Vec<_> = (1..=3 * HISTORY as u64).map(|n| (n, n)).collect();
    let mut lags = seen(&long);
    assert_eq!(lags.history.len(), HISTORY);
    let last = 3 * HISTORY as u64;
    let judged = lags.judge(Some(NodeId(0)), &NAMES, &[primary(last, &[]), standby(1, 1, None)], at(last));
    let at_least = HISTORY as u64 - 1;
    assert_eq!(judged[1].1.delay, delay(last - 1, Some(at_least)));
}
