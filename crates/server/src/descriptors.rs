use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors beside those of clients and backends: listeners, event loops, log, helper queries, files.
const SPARE: u64 = 256;

/// What a process may open, compared with what the settings can need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Descriptors {
    /// It is enough.
    Enough,
    /// It is not, and the system does not allow more.
    TooFew {
        /// How many there can be.
        allowed: u64,
        /// How many may be needed.
        needed: u64,
    },
}

/// Descriptors that so many clients, served and waiting, with a backend on each node can need.
pub(crate) fn needed(served: usize, waiting: usize, nodes: usize) -> u64 {
    let each = nodes.saturating_add(1);
    u64::try_from(served.saturating_mul(each).saturating_add(waiting))
        .unwrap_or(u64::MAX)
        .saturating_add(SPARE)
}

/// Raises this process's limit of open files as far as it is needed and allowed.
pub(crate) fn raise(needed: u64) -> Descriptors {
    let limit = getrlimit(Resource::Nofile);
    let allows = |limit: Option<u64>| limit.is_none_or(|limit| limit >= needed);
    if allows(limit.current) {
        return Descriptors::Enough;
    }
    let maximum = if allows(limit.maximum) { limit.maximum } else { Some(needed) };
    // Only a privileged process may raise the maximum; where that fails, all that is allowed is taken.
    let attempts = [Rlimit { current: Some(needed), maximum }, Rlimit { current: limit.maximum, ..limit }];
    let _ = attempts.into_iter().any(|wanted| setrlimit(Resource::Nofile, wanted).is_ok());
    let now = getrlimit(Resource::Nofile).current;
    if allows(now) { Descriptors::Enough } else { Descriptors::TooFew { allowed: now.unwrap_or(0), needed } }
}

#[cfg(test)]
mod tests {
    use super::{Descriptors, SPARE, needed, raise};

    #[test]
    fn a_client_needs_one_for_itself_and_one_for_each_node() {
        assert_eq!(needed(100, 200, 3), 600 + SPARE);
        assert_eq!(needed(usize::MAX, 1, 3), u64::MAX);
    }

    #[test]
    fn what_is_allowed_already_is_enough() {
        assert_eq!(raise(1), Descriptors::Enough);
    }
}
