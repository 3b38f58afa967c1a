//! What nodes say of their WAL.

use core::time::Duration;

use pgherd_types::Lsn;

/// What a node said of its WAL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WalReport {
    /// It takes writes.
    Primary {
        /// Where its last record ends: [`WalPages::end_of_records`](pgherd_types::WalPages::end_of_records).
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
