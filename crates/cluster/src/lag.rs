use core::time::Duration;
use std::collections::VecDeque;

use pgherd_types::{Delay, Lsn, Moment, NodeId};

use crate::{Sender, WalReport};

/// How far the standbys are behind, judged from what the nodes say of their WAL.
///
/// In bytes that is a difference. In time it is the primary's `replay_lag` of the standby where its row is found by
/// `backend_application_nameN`, else the age of the last transaction that the standby has replayed. Neither is right
/// while little is written (the row has no value then, and the last transaction may be old though nothing came after
/// it), so both are held within what the primary's positions at earlier checks prove.
#[derive(Debug, Default)]
pub struct Lags {
    primary: Option<NodeId>,
    history: VecDeque<Stay>,
}

/// What is known of how far a standby is behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// How far it is behind; `None` when it or the primary did not answer.
    pub delay: Option<Delay>,
    /// Its row of the primary's `pg_stat_replication`, found by `backend_application_nameN`.
    pub sender: Option<Sender>,
}

/// The primary was at a position from one check to another.
#[derive(Clone, Copy, Debug)]
struct Stay {
    lsn: Lsn,
    first: Moment,
    last: Moment,
}

/// Positions of the primary that are kept.
const HISTORY: usize = 128;

impl Lags {
    /// Judges what the nodes said at `now`. `names` are the `backend_application_nameN` of all nodes but those that are
    /// not configured. Returns what is known of each of these nodes, in the same order; of the primary that is nothing.
    pub fn judge(
        &mut self,
        primary: Option<NodeId>,
        names: &[(NodeId, &str)],
        reports: &[(NodeId, WalReport)],
        now: Moment,
    ) -> Vec<(NodeId, Lag)> {
        let of = |node: NodeId| reports.iter().find(|(id, _)| *id == node).map(|(_, report)| report);
        let (end, senders) = match primary.and_then(of) {
            Some(WalReport::Primary { end, senders }) => (Some(*end), senders.as_slice()),
            Some(WalReport::Standby { .. }) | None => (None, &[][..]),
        };
        self.remember(primary, end, now);
        let lag = |&(node, name): &(NodeId, &str)| {
            if primary == Some(node) {
                return (node, Lag::default());
            }
            let is_its = |sender: &&Sender| !name.is_empty() && sender.application_name == name;
            let sender = senders.iter().rfind(is_its).cloned();
            let delay = match (end, of(node)) {
                (Some(end), Some(WalReport::Standby { replayed: Some(replayed), since_last_commit })) => {
                    let told = sender.as_ref().and_then(Sender::replay_lag).or(*since_last_commit);
                    Some(self.delay(end, *replayed, told, now))
                }
                (Some(_) | None, Some(WalReport::Standby { .. } | WalReport::Primary { .. }) | None) => None,
            };
            (node, Lag { delay, sender })
        };
        names.iter().map(lag).collect()
    }

    /// Nothing that was seen before counts any more.
    pub fn forget(&mut self) {
        self.history.clear();
    }

    fn remember(&mut self, primary: Option<NodeId>, end: Option<Lsn>, now: Moment) {
        let Some(end) = end else { return };
        let went_back = self.history.back().is_some_and(|stay| stay.lsn > end);
        if self.primary != primary || went_back {
            self.forget();
        }
        self.primary = primary;
        match self.history.back_mut() {
            Some(stay) if stay.lsn == end => stay.last = now,
            Some(_) | None => self.history.push_back(Stay { lsn: end, first: now, last: now }),
        }
        if self.history.len() > HISTORY {
            self.history.pop_front();
        }
    }

    fn delay(&self, end: Lsn, replayed: Lsn, told: Option<Duration>, now: Moment) -> Delay {
        let bytes = end.0.saturating_sub(replayed.0);
        if bytes == 0 {
            return Delay { bytes: Some(0), time: Some(Duration::ZERO) };
        }
        // It has been behind at least since the primary was first seen further on, and at most since the primary was
        // last seen no further than it.
        let least = self.history.iter().find(|stay| stay.lsn > replayed).map(|stay| now.since(stay.first));
        let most = self.history.iter().rfind(|stay| stay.lsn <= replayed).map(|stay| now.since(stay.last));
        let told = told.map(|told| most.map_or(told, |most| told.min(most)));
        Delay { bytes: Some(bytes), time: told.max(least) }
    }
}

#[cfg(test)]
mod tests;
