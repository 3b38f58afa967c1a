/// What one look at a node showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sighting {
    /// It could not be reached, did not answer in time, or is no PostgreSQL server.
    Unreachable,
    /// It is there but serves nobody: it starts, stops or recovers (57P03).
    NotServing,
    /// It is there and serves, but would not tell us what it is: it refused our login or our query.
    Silent,
    /// It answered `SELECT pg_is_in_recovery()`.
    Answered {
        /// The answer.
        in_recovery: bool,
    },
}

impl Sighting {
    /// True when the node can serve sessions.
    pub fn serves(self) -> bool {
        match self {
            Self::Unreachable | Self::NotServing => false,
            Self::Silent | Self::Answered { .. } => true,
        }
    }

    /// The node's answer, where there is one.
    pub fn in_recovery(self) -> Option<bool> {
        match self {
            Self::Unreachable | Self::NotServing | Self::Silent => None,
            Self::Answered { in_recovery } => Some(in_recovery),
        }
    }
}
