use pgherd_types::{ClusteringMode, Node, NodeId, NodeStatus, Topology};

use crate::{Candidate, Change, NodeSpec, Sighting, SpecProblem, StatusFile, StatusWord, elect};

/// A standby that does not serve so often in a row gets no sessions any more. Once may be a busy moment.
const MISSES: u8 = 2;

/// All nodes, and what is known of them. The one owner of a cluster's state; sessions see it through the
/// [`Topology`] that is made from it.
#[derive(Debug)]
pub struct Cluster {
    mode: ClusteringMode,
    members: Vec<Member>,
    primary: Option<NodeId>,
    rivals: Vec<NodeId>,
    epoch: u64,
}

#[derive(Debug)]
struct Member {
    spec: NodeSpec,
    standing: Standing,
    in_recovery: Option<bool>,
    /// How often in a row it did not serve when it was looked at.
    misses: u8,
    /// Last change of `standing`, in seconds since 1970.
    since_s: u64,
}

/// How a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// The slot is not configured.
    Unused,
    /// Nobody has looked yet.
    Unchecked,
    /// It serves.
    Serving,
    /// It was not there when it was looked for. It returns by itself where the mode allows that.
    Missing,
    /// It was taken out, and stays out until somebody attaches it.
    Detached,
}

impl Standing {
    fn status(self) -> NodeStatus {
        match self {
            Self::Unused => NodeStatus::Unused,
            Self::Unchecked => NodeStatus::Waiting,
            Self::Serving => NodeStatus::Up,
            Self::Missing | Self::Detached => NodeStatus::Down,
        }
    }
}

impl Cluster {
    /// The nodes as configured, by number. `remembered` is what the last run left in the status file: a node that was
    /// down stays so. `now_s` is the time in seconds since 1970.
    pub fn new(mode: ClusteringMode, specs: Vec<NodeSpec>, remembered: &StatusFile, now_s: u64) -> Self {
        let member = |(index, spec): (usize, NodeSpec)| {
            let standing = match (spec.is_used(), remembered.get(index)) {
                (false, _) => Standing::Unused,
                (true, Some(StatusWord::Down)) => Standing::Detached,
                (true, Some(StatusWord::Up | StatusWord::Unused) | None) => Standing::Unchecked,
            };
            Member { spec, standing, in_recovery: None, misses: 0, since_s: now_s }
        };
        let members = specs.into_iter().enumerate().map(member).collect();
        let mut cluster = Cluster { mode, members, primary: None, rivals: Vec::new(), epoch: 1 };
        cluster.hold_election();
        cluster
    }

    /// Takes in what was seen, by node. Unknown numbers are ignored. Returns what changed; when it is not empty or a
    /// role is newly known, [`Cluster::topology`] has a new epoch.
    pub fn see(&mut self, sightings: &[(NodeId, Sighting)], now_s: u64) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut differs = false;
        for &(node, sighting) in sightings {
            let rules = Rules { may_return: self.may_return(sighting), may_go: self.may_go(node) };
            let Some(member) = self.members.get_mut(node.index()) else { continue };
            let before = (member.standing, member.in_recovery);
            changes.extend(member.see(node, sighting, rules));
            if member.standing != before.0 {
                member.since_s = now_s;
            }
            differs |= (member.standing, member.in_recovery) != before;
        }
        let elected = self.hold_election();
        differs |= !elected.is_empty();
        changes.extend(elected);
        self.epoch += u64::from(differs);
        changes
    }

    /// Takes in a reloaded configuration: weights and flags at once, new nodes at the end or in unused slots. What
    /// cannot be changed while running stays as it was and is returned.
    pub fn reconfigure(&mut self, specs: Vec<NodeSpec>, now_s: u64) -> (Vec<Change>, Vec<SpecProblem>) {
        let mut changes = Vec::new();
        let mut problems = Vec::new();
        for (node, member) in ids().zip(&self.members).skip(specs.len()) {
            if member.standing != Standing::Unused {
                problems.push(SpecProblem::Removed(node));
            }
        }
        for (node, spec) in ids().zip(specs) {
            match self.members.get_mut(node.index()) {
                None => {
                    let standing = if spec.is_used() { Standing::Unchecked } else { Standing::Unused };
                    changes.extend(spec.is_used().then_some(Change::Added(node)));
                    self.members.push(Member {
                        spec,
                        standing,
                        in_recovery: None,
                        misses: 0,
                        since_s: now_s,
                    });
                }
                Some(member) => member.reconfigure(node, spec, now_s, &mut changes, &mut problems),
            }
        }
        changes.extend(self.hold_election());
        self.epoch += 1;
        (changes, problems)
    }

    /// The picture that sessions get.
    pub fn topology(&self) -> Topology {
        let nodes = ids().zip(&self.members).map(|(id, member)| member.node(id)).collect();
        Topology { epoch: self.epoch, mode: self.mode, nodes, primary: self.primary }
    }

    /// The words of the status file. Only a node that must stay out is `down`: one that merely was not there is looked
    /// for again at the next start.
    pub fn status_file(&self) -> StatusFile {
        let word = |member: &Member| match member.standing {
            Standing::Unused => StatusWord::Unused,
            Standing::Detached => StatusWord::Down,
            Standing::Missing if !self.mode.has_primary() => StatusWord::Down,
            Standing::Missing | Standing::Unchecked | Standing::Serving => StatusWord::Up,
        };
        StatusFile::new(self.members.iter().map(word).collect())
    }

    /// Nodes that are worth looking at: all that are configured and were not taken out.
    pub fn to_watch(&self) -> Vec<NodeId> {
        let watched = |member: &Member| match member.standing {
            Standing::Unused | Standing::Detached => false,
            Standing::Unchecked | Standing::Serving | Standing::Missing => true,
        };
        ids().zip(&self.members).filter(|(_, member)| watched(member)).map(|(id, _)| id).collect()
    }

    /// True while the mode needs a primary and none is known.
    pub fn lacks_primary(&self) -> bool {
        self.mode.has_primary() && self.primary.is_none()
    }

    /// What was configured for a node.
    pub fn spec(&self, node: NodeId) -> Option<&NodeSpec> {
        self.members.get(node.index()).map(|member| &member.spec)
    }

    /// Whether a missing node that is seen like this may serve again. Where something else than pgherd replicates the
    /// data, a standby has caught up or will; elsewhere its data are old, and only an operator may bring it back.
    fn may_return(&self, sighting: Sighting) -> bool {
        match sighting {
            Sighting::Unreachable | Sighting::NotServing => false,
            Sighting::Silent | Sighting::Answered { in_recovery: false } => {
                self.mode.has_primary() && self.primary.is_none()
            }
            Sighting::Answered { in_recovery: true } => self.mode.has_primary(),
        }
    }

    /// Whether a node that does not serve any more may be left out: a standby, because there is another node for all
    /// that it did, and it returns by itself. Taking out a primary is failover, which has its own rules.
    fn may_go(&self, node: NodeId) -> bool {
        self.mode.has_primary() && self.primary.is_some_and(|primary| primary != node)
    }

    fn hold_election(&mut self) -> Vec<Change> {
        let candidates: Vec<Candidate> =
            ids().zip(&self.members).filter_map(|(id, member)| member.candidate(id)).collect();
        let result = elect(self.mode, self.primary, &candidates);
        let mut changes = Vec::new();
        if result.primary != self.primary {
            changes.push(Change::Primary { from: self.primary, to: result.primary });
        }
        // Nodes of logical replication all take writes.
        if self.mode == ClusteringMode::StreamingReplication {
            let new = result.rivals.iter().filter(|rival| !self.rivals.contains(rival));
            changes.extend(new.copied().map(Change::Rival));
        }
        self.primary = result.primary;
        self.rivals = result.rivals;
        changes
    }
}

/// What the cluster as a whole allows for a node.
#[derive(Clone, Copy, Debug)]
struct Rules {
    may_return: bool,
    may_go: bool,
}

impl Member {
    /// Takes in what was seen.
    fn see(&mut self, id: NodeId, sighting: Sighting, rules: Rules) -> Option<Change> {
        self.misses = if sighting.serves() { 0 } else { self.misses.saturating_add(1) };
        let (standing, change) = match self.standing {
            Standing::Unused | Standing::Detached => return None,
            Standing::Serving if rules.may_go && self.misses >= MISSES => {
                (Standing::Missing, Some(Change::Lost(id)))
            }
            Standing::Serving => (Standing::Serving, None),
            Standing::Unchecked if sighting.serves() => (Standing::Serving, Some(Change::Found(id))),
            Standing::Unchecked => (Standing::Missing, Some(Change::Missing(id))),
            Standing::Missing if rules.may_return => (Standing::Serving, Some(Change::Returned(id))),
            Standing::Missing => {
                // Said once: afterwards the answer is the same as before.
                let new = sighting.serves() && self.in_recovery != sighting.in_recovery();
                self.in_recovery = sighting.in_recovery();
                return new.then_some(Change::Stranger(id));
            }
        };
        self.standing = standing;
        self.in_recovery = sighting.in_recovery();
        change
    }

    fn reconfigure(
        &mut self,
        id: NodeId,
        spec: NodeSpec,
        now_s: u64,
        changes: &mut Vec<Change>,
        problems: &mut Vec<SpecProblem>,
    ) {
        match (self.standing, spec.is_used()) {
            (Standing::Unused, false) => {}
            (Standing::Unused, true) => {
                changes.push(Change::Added(id));
                self.standing = Standing::Unchecked;
                self.since_s = now_s;
                self.spec = spec;
            }
            (Standing::Unchecked | Standing::Serving | Standing::Missing | Standing::Detached, false) => {
                problems.push(SpecProblem::Removed(id));
            }
            (Standing::Unchecked | Standing::Serving | Standing::Missing | Standing::Detached, true) => {
                if (&spec.hostname, spec.port) != (&self.spec.hostname, self.spec.port) {
                    problems.push(SpecProblem::Moved(id));
                }
                self.spec.weight = spec.weight;
                self.spec.always_primary = spec.always_primary;
            }
        }
    }

    fn candidate(&self, node: NodeId) -> Option<Candidate> {
        match self.standing {
            Standing::Unused | Standing::Missing | Standing::Detached => None,
            Standing::Unchecked | Standing::Serving => {
                let always_primary = self.spec.always_primary;
                Some(Candidate { node, always_primary, in_recovery: self.in_recovery })
            }
        }
    }

    fn node(&self, id: NodeId) -> Node {
        Node {
            id,
            hostname: self.spec.hostname.clone(),
            port: self.spec.port,
            address: self.spec.address.clone(),
            weight: self.spec.weight,
            status: self.standing.status(),
            in_recovery: self.in_recovery,
            status_changed_s: self.since_s,
        }
    }
}

fn ids() -> impl Iterator<Item = NodeId> {
    (0..=u8::MAX).map(NodeId)
}

#[cfg(test)]
mod tests;
