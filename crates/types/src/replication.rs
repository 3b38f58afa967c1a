use core::fmt;
use core::num::ParseIntError;
use core::str::FromStr;
use core::time::Duration;

use crate::{Moment, NodeId, WalPages};

/// A position in the WAL, in bytes from its beginning (PostgreSQL's `pg_lsn`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lsn(pub u64);

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

/// The text is not two numbers of at most eight hexadecimal digits with a slash between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnLsn;

impl fmt::Display for NotAnLsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a position in the WAL, which looks like 16/B374D848")
    }
}

impl core::error::Error for NotAnLsn {}

impl From<ParseIntError> for NotAnLsn {
    fn from(_: ParseIntError) -> Self {
        NotAnLsn
    }
}

impl FromStr for Lsn {
    type Err = NotAnLsn;

    fn from_str(text: &str) -> Result<Self, NotAnLsn> {
        let (high, low) = text.split_once('/').ok_or(NotAnLsn)?;
        // The standard library takes a sign; PostgreSQL does not.
        if high.starts_with('+') || low.starts_with('+') {
            return Err(NotAnLsn);
        }
        let (high, low) = (u32::from_str_radix(high, 16)?, u32::from_str_radix(low, 16)?);
        Ok(Lsn(u64::from(high) << 32 | u64::from(low)))
    }
}

/// What is known of the replication at one moment. It never changes; the control plane publishes the next one whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replication {
    /// By number of the node; may be shorter than the topology.
    pub nodes: Vec<NodeReplication>,
    /// How the WAL is laid out; known once a node was asked for its position. Whoever asks a primary for its insert
    /// position has to take [`WalPages::end_of_records`] of it: no standby may ever get further without more writes.
    pub pages: Option<WalPages>,
}

impl Replication {
    /// What is known of a node.
    pub fn node(&self, id: NodeId) -> &NodeReplication {
        self.nodes.get(id.index()).unwrap_or(&UNKNOWN)
    }
}

/// What is known of a node's replication. Unless a field is known, nothing may be concluded from it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeReplication {
    /// Where the node was in the WAL: a standby has replayed all before it, a primary has inserted nothing behind it.
    /// Known only while sessions say that they need it, and never of a node that did not answer when last asked.
    pub position: Option<Position>,
    /// How far the node is behind the primary, as the last check every `sr_check_period` found. `None`: nobody checked,
    /// the node did not answer, or it is not a standby.
    pub delay: Option<Delay>,
    /// `state` of its row in the primary's `pg_stat_replication`, found by `backend_application_nameN`; may be empty.
    pub state: String,
    /// `sync_state` of the same row; may be empty.
    pub sync_state: String,
}

static UNKNOWN: NodeReplication =
    NodeReplication { position: None, delay: None, state: String::new(), sync_state: String::new() };

/// Where a node was in the WAL, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The position.
    pub lsn: Lsn,
    /// When the question was sent, or up to a millisecond earlier. What was committed on a primary before is before
    /// `lsn`. An event loop reads the clock once per turn: what a session saw in a turn is before `asked` only if
    /// `asked` is later than the time of a later turn.
    pub asked: Moment,
    /// What the node was then.
    pub in_recovery: bool,
}

/// How far a standby is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay {
    /// Bytes of WAL that it has yet to replay. `None` where only `replication_delay_source_cmd` knows of it.
    pub bytes: Option<u64>,
    /// For how long it has been behind. `None` where that cannot be told.
    pub time: Option<Duration>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_as_postgres_writes_them() {
        for (text, lsn) in [
            ("0/0", 0),
            ("16/B374D848", 0x16_B374_D848),
            ("0/1", 1),
            ("1/0", 1 << 32),
            ("FFFFFFFF/FFFFFFFF", u64::MAX),
        ] {
            assert_eq!(text.parse(), Ok(Lsn(lsn)));
            assert_eq!(Lsn(lsn).to_string(), text);
        }
        assert_eq!("16/b374d848".parse(), Ok(Lsn(0x16_B374_D848)));
        assert_eq!("16/0B374D848".parse::<Lsn>(), Ok(Lsn(0x16_B374_D848)));
    }

    #[test]
    fn what_is_no_position() {
        for text in ["", "/", "1", "1/", "/1", "1/2/3", "g/1", "1/-2", "+1/2", "1/+2", " 1/2", "100000000/0"]
        {
            assert_eq!(text.parse::<Lsn>(), Err(NotAnLsn), "{text:?}");
        }
    }

    #[test]
    fn nothing_is_known_of_a_node_without_an_entry() {
        let replication = Replication {
            nodes: vec![NodeReplication { state: "streaming".to_owned(), ..NodeReplication::default() }],
            pages: None,
        };
        assert_eq!(replication.node(NodeId(0)).state, "streaming");
        assert_eq!(replication.node(NodeId(1)), &NodeReplication::default());
    }
}
