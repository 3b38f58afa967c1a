//! What nodes are asked about their WAL, and how the answers are read. All names are fully qualified and no operator is
//! used: a search path must not be able to answer for the server.

use core::time::Duration;

use pgherd_cluster::{Sender, Step, WalReport};
use pgherd_io::{Probe, ProbeError, ProbeRows};
use pgherd_types::{Lsn, WalPages};

const PAGES: &str = "SELECT pg_catalog.current_setting('wal_block_size'), \
    pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size'))";

/// The same text whatever the node is: it may have been promoted since it was last asked.
const POSITION: &str = "SELECT pg_catalog.pg_is_in_recovery(), \
    CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() \
    ELSE pg_catalog.pg_current_wal_insert_lsn() END";

const SINCE_LAST_COMMIT: &str = "SELECT EXTRACT(EPOCH FROM pg_catalog.timestamptz_mi( \
    pg_catalog.clock_timestamp(), pg_catalog.pg_last_xact_replay_timestamp()))";

const SENDERS: &str = "SELECT application_name, state, sync_state, write_lsn, flush_lsn, replay_lsn, \
    EXTRACT(EPOCH FROM write_lag), EXTRACT(EPOCH FROM flush_lag), EXTRACT(EPOCH FROM replay_lag) \
    FROM pg_catalog.pg_stat_replication";

/// Where a node is in its WAL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) in_recovery: bool,
    /// Where its last record ends, or the last that it has replayed. `None`: it has replayed none.
    pub(crate) end: Option<Lsn>,
}

/// Asks how the node lays out its WAL, which it does not change while it runs.
pub(crate) fn ask_pages(probe: &mut Probe) -> Result<Option<WalPages>, ProbeError> {
    Ok(read_pages(&probe.ask(PAGES)?))
}

/// Asks where the node is. `None` when it answers something else.
fn ask_place(probe: &mut Probe, pages: WalPages) -> Result<Option<Place>, ProbeError> {
    Ok(read_place(&probe.ask(POSITION)?, pages))
}

/// Makes ready for [`ask_place_again`].
pub(crate) fn prepare_place(probe: &mut Probe) -> Result<(), ProbeError> {
    probe.prepare(POSITION)
}

/// Asks where the node is, for those who ask often.
pub(crate) fn ask_place_again(probe: &mut Probe, pages: WalPages) -> Result<Option<Place>, ProbeError> {
    Ok(read_place(&probe.ask_prepared()?, pages))
}

/// Asks for all that the check every `sr_check_period` wants to know.
pub(crate) fn ask_report(probe: &mut Probe) -> Result<Option<WalReport>, ProbeError> {
    let Some(pages) = ask_pages(probe)? else { return Ok(None) };
    let Some(place) = ask_place(probe, pages)? else { return Ok(None) };
    if place.in_recovery {
        let since_last_commit = read_time(cell(&probe.ask(SINCE_LAST_COMMIT)?, 0));
        return Ok(Some(WalReport::Standby { replayed: place.end, since_last_commit }));
    }
    let Some(end) = place.end else { return Ok(None) };
    let senders = probe.ask(SENDERS)?.iter().map(|row| read_sender(row)).collect();
    Ok(Some(WalReport::Primary { end, senders }))
}

fn read_pages(rows: &ProbeRows) -> Option<WalPages> {
    Some(WalPages { page: cell(rows, 0)?.parse().ok()?, segment: cell(rows, 1)?.parse().ok()? })
}

fn read_place(rows: &ProbeRows, pages: WalPages) -> Option<Place> {
    let lsn: Option<Lsn> = match cell(rows, 1) {
        Some(text) => Some(text.parse().ok()?),
        None => None,
    };
    match cell(rows, 0)? {
        "t" => Some(Place { in_recovery: true, end: lsn }),
        "f" => Some(Place { in_recovery: false, end: lsn.map(|insert| pages.end_of_records(insert)) }),
        _ => None,
    }
}

fn read_sender(row: &[Option<String>]) -> Sender {
    let text = |at: usize| row.get(at)?.as_deref();
    let step =
        |at: usize| Step { lsn: text(at).and_then(|lsn| lsn.parse().ok()), lag: read_time(text(at + 3)) };
    Sender {
        application_name: text(0).unwrap_or_default().to_owned(),
        state: text(1).unwrap_or_default().to_owned(),
        sync_state: text(2).unwrap_or_default().to_owned(),
        steps: [step(3), step(4), step(5)],
    }
}

/// Seconds; less than none where two clocks disagree, which counts as none.
fn read_time(seconds: Option<&str>) -> Option<Duration> {
    let seconds: f64 = seconds?.parse().ok()?;
    Duration::try_from_secs_f64(seconds.max(0.0)).ok()
}

/// A value of the first row.
fn cell(rows: &ProbeRows, at: usize) -> Option<&str> {
    rows.first()?.get(at)?.as_deref()
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use pgherd_cluster::{Sender, Step};
    use pgherd_io::ProbeRows;
    use pgherd_types::{Lsn, WalPages};

    use super::{Place, read_pages, read_place, read_sender, read_time};

    const PAGES: WalPages = WalPages { page: 8192, segment: 16 << 20 };

    /// A row of these words, where `-` is NULL.
    fn row(words: &str) -> Vec<Option<String>> {
        words.split_whitespace().map(|word| (word != "-").then(|| word.to_owned())).collect()
    }

    fn rows(words: &str) -> ProbeRows {
        vec![row(words)]
    }

    #[test]
    fn places() {
        let place = |in_recovery, end: Option<u64>| Some(Place { in_recovery, end: end.map(Lsn) });
        for (words, expected) in [
            ("t 0/3000018", place(true, Some(0x300_0018))),
            ("f 0/3002018", place(false, Some(0x300_2000))),
            ("t 0/3002018", place(true, Some(0x300_2018))),
            ("t -", place(true, None)),
            ("- 0/1", None),
            ("maybe 0/1", None),
            ("t x", None),
            ("", None),
        ] {
            assert_eq!(read_place(&rows(words), PAGES), expected, "{words:?}");
        }
        assert_eq!(read_place(&vec![], PAGES), None);
    }

    #[test]
    fn pages() {
        assert_eq!(read_pages(&rows("8192 16777216")), Some(PAGES));
        for wrong in ["8192", "8192 -", "x 16777216", "8192 16MB", "-1 1", ""] {
            assert_eq!(read_pages(&rows(wrong)), None, "{wrong:?}");
        }
    }

    #[test]
    fn senders() {
        let step = |lsn, millis| Step { lsn: Some(Lsn(lsn)), lag: Some(Duration::from_millis(millis)) };
        let full = read_sender(&row("server1 streaming async 0/3 0/2 0/1 0.001 0.002 1.5"));
        let expected = Sender {
            application_name: "server1".to_owned(),
            state: "streaming".to_owned(),
            sync_state: "async".to_owned(),
            steps: [step(3, 1), step(2, 2), step(1, 1500)],
        };
        assert_eq!(full, expected);
        // What a user without pg_monitor sees, and what is no answer to our query.
        let hidden = Sender { application_name: "server1".to_owned(), ..Sender::default() };
        assert_eq!(read_sender(&row("server1 - - - - - - - -")), hidden);
        assert_eq!(read_sender(&row("server1")), hidden);
        assert_eq!(read_sender(&[]), Sender::default());
    }

    #[test]
    fn times() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1.25", Some(1_250_000)),
            ("0.000001", Some(1)),
            ("1e-06", Some(1)),
            ("-3", Some(0)),
            ("x", None),
            ("NaN", Some(0)),
            ("inf", None),
            ("1e300", None),
        ] {
            assert_eq!(read_time(Some(text)), expected.map(Duration::from_micros), "{text}");
        }
        assert_eq!(read_time(None), None);
    }
}
