//! What nodes say of their WAL.

use core::time::Duration;

use pgherd_types::Lsn;

/// What a node said of its WAL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WalReport {
    /// It takes writes.
    Primary {
        /// Where its last record ends: [`WalPages::end_of_records`].
        end: Lsn,
        /// Its `pg_stat_replication`.
        senders: Vec<Sender>,
    },
    /// It is in recovery.
    Standby {
        /// Where the last record ends that it has replayed. `None`: it has replayed none.
        replayed: Option<Lsn>,
        /// How long ago the last transaction that it has replayed was committed, by the clocks of both servers.
        since_last_commit: Option<Duration>,
    },
}

/// A row of `pg_stat_replication`: a connection that sends WAL. What the asking user may not see is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sender {
    /// The receiver's name, `backend_application_nameN`.
    pub application_name: String,
    /// `streaming`, `catchup` and so on.
    pub state: String,
    /// `async`, `sync`, `quorum` or `potential`.
    pub sync_state: String,
    /// What the standby has told of writing, flushing and replaying, in this order.
    pub steps: [Step; 3],
}

/// How far a standby has got with one of the three things it does to WAL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Up to where.
    pub lsn: Option<Lsn>,
    /// How long recent WAL took to get there. `None` also when there was none.
    pub lag: Option<Duration>,
}

impl Sender {
    /// `replay_lag`.
    pub fn replay_lag(&self) -> Option<Duration> {
        let [_, _, replay] = self.steps;
        replay.lag
    }
}

/// How a server lays out its WAL, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalPages {
    /// `wal_block_size`.
    pub page: u64,
    /// `wal_segment_size`.
    pub segment: u64,
}

/// Bytes of the header of a page of WAL.
const PAGE_HEADER: u64 = 24;

/// Bytes of the header of a segment's first page.
const SEGMENT_HEADER: u64 = 40;

impl WalPages {
    /// Where the last record ends, when the next one will be inserted at `insert` (`pg_current_wal_insert_lsn()`).
    ///
    /// That is the same position but where the last record fills its page: then the next record comes behind the header
    /// of the next page, and a standby that has replayed everything stands before that header. Without this it would
    /// seem to be some bytes behind until more is written.
    pub fn end_of_records(self, insert: Lsn) -> Lsn {
        let behind = |unit: u64, header: u64| insert.0.checked_rem(unit) == Some(header);
        if behind(self.segment, SEGMENT_HEADER) {
            Lsn(insert.0 - SEGMENT_HEADER)
        } else if behind(self.page, PAGE_HEADER) && !behind(self.segment, PAGE_HEADER) {
            Lsn(insert.0 - PAGE_HEADER)
        } else {
            insert
        }
    }
}

#[cfg(test)]
mod tests {
    use pgherd_types::Lsn;

    use super::WalPages;

    #[test]
    fn the_header_of_a_page_is_no_record() {
        let pages = WalPages { page: 0x2000, segment: 0x0100_0000 };
        for (insert, end) in [
            (0x0300_2000, 0x0300_2000),
            (0x0300_2018, 0x0300_2000),
            (0x0300_2020, 0x0300_2020),
            // On any other page than a segment's first this is the end of something that was continued there.
            (0x0300_2028, 0x0300_2028),
            (0x0300_0028, 0x0300_0000),
            // Within the header of a segment nothing is inserted, so it cannot be that.
            (0x0300_0018, 0x0300_0018),
            (0, 0),
        ] {
            assert_eq!(pages.end_of_records(Lsn(insert)), Lsn(end), "{insert:x}");
        }
        let unknown = WalPages { page: 0, segment: 0 };
        assert_eq!(unknown.end_of_records(Lsn(0x0300_2018)), Lsn(0x0300_2018));
    }
}
