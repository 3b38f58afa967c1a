use core::time::Duration;
use std::collections::BTreeMap;

use pgherd_cluster::{Lag, Lags, Sender, Step, WalReport};
use pgherd_config::{Backend, LogDelay, Settings};
use pgherd_types::{Address, ClusteringMode, Delay, Moment, Node, NodeId, Topology};

use crate::delay_command::{DelayCommand, TimeBehind, Told};
use crate::log::Level;

/// The delay of the standbys, as found every `sr_check_period`: from what the nodes say of their WAL, and the time from
/// `replication_delay_source_cmd` instead, where there is one.
#[derive(Debug, Default)]
pub(crate) struct Delays {
    /// What the nodes said in the present round of the check.
    reports: Vec<(NodeId, WalReport)>,
    history: Lags,
    lags: Vec<(NodeId, Lag)>,
    /// What the command told last; `None` without a command.
    told: Option<BTreeMap<NodeId, Duration>>,
}

/// Something for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Remark {
    pub(crate) level: Level,
    pub(crate) text: String,
    pub(crate) detail: Option<String>,
}

/// What the check may look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) topology: &'a Topology,
    /// When the present round began.
    pub(crate) begun: Moment,
}

impl Seen<'_> {
    /// True when somebody wants to know the delay.
    pub(crate) fn is_watched(&self) -> bool {
        !self.settings.standby.sr_check_period.is_zero()
            && self.topology.mode == ClusteringMode::StreamingReplication
    }

    /// The primary, while it serves.
    fn primary(&self) -> Option<NodeId> {
        let serves = |id: &NodeId| self.topology.node(*id).is_some_and(Node::is_usable);
        self.topology.primary.filter(serves)
    }

    fn names(&self) -> Vec<(NodeId, &str)> {
        self.settings.nodes().map(|(id, node)| (id, node.backend_application_name.as_str())).collect()
    }

    /// The command to run, where one is configured and has something to tell of.
    pub(crate) fn command(&self) -> Option<DelayCommand> {
        let own = &self.settings.standby;
        let primary = self.primary()?;
        let standby = |(id, node): (NodeId, &Backend)| {
            let name = match node.address() {
                Address::Tcp { host, port } => format!("{host}:{port}"),
                Address::Unix { directory, port } => format!("{directory}:{port}"),
            };
            (id != primary).then_some((id, name))
        };
        let standbys: Vec<_> = self.settings.nodes().filter_map(standby).collect();
        if own.replication_delay_source_cmd.is_empty() || standbys.is_empty() || !self.is_watched() {
            return None;
        }
        let command = own.replication_delay_source_cmd.clone();
        Some(DelayCommand { command, standbys, limit: own.replication_delay_source_timeout })
    }

    /// How far a standby is behind, if that is to be logged.
    fn remark(&self, node: NodeId, lag: &Lag) -> Option<Remark> {
        let (delay, primary, own) = (lag.delay?, self.primary()?, &self.settings.standby);
        let limit = own.delay_threshold_by_time;
        let (behind, is_over) = if limit.is_zero() {
            let bytes = delay.bytes.filter(|&bytes| bytes > 0)?;
            (format!("{bytes} bytes"), own.delay_threshold > 0 && bytes > own.delay_threshold)
        } else {
            let time = delay.time.filter(|time| !time.is_zero())?;
            (format!("{:.6} second(s)", time.as_secs_f64()), time > limit)
        };
        let text = format!(
            "Replication of node: {node} is behind {behind} from the primary server (node: {primary})"
        );
        let detail = lag.sender.as_ref().and_then(steps);
        is_wanted(own.log_standby_delay, is_over).then_some(Remark { level: Level::Log, text, detail })
    }

    /// What the command told of a standby, if that is to be logged.
    fn remark_told(&self, node: NodeId, time: Duration) -> Option<Remark> {
        let (primary, own) = (self.primary()?, &self.settings.standby);
        let limit = own.delay_threshold_by_time;
        let is_over = !limit.is_zero() && time > limit;
        let text = format!(
            "Replication of node: {node} is behind {:.3} second(s) from the primary server (node: {primary}) \
             [external command]",
            time.as_secs_f64()
        );
        let wanted = !time.is_zero() && is_wanted(own.log_standby_delay, is_over);
        wanted.then_some(Remark { level: Level::Log, text, detail: None })
    }
}

impl Delays {
    /// A round of the check begins.
    pub(crate) fn begin(&mut self) {
        self.reports.clear();
    }

    /// Takes what some nodes said in this round, and judges it together with what the others said before.
    pub(crate) fn take(&mut self, new: Vec<(NodeId, WalReport)>, seen: Seen<'_>) -> Vec<Remark> {
        if !seen.is_watched() {
            *self = Delays::default();
            return Vec::new();
        }
        let nodes: Vec<_> = new.iter().map(|(node, _)| *node).collect();
        self.reports.extend(new);
        self.lags = self.history.judge(seen.primary(), &seen.names(), &self.reports, seen.begun);
        if !seen.settings.standby.replication_delay_source_cmd.is_empty() {
            self.told.get_or_insert_default().retain(|node, _| seen.primary() != Some(*node));
            return Vec::new();
        }
        self.told = None;
        // Once per round and standby: when it or the primary was the last to answer.
        let is_new =
            |node: NodeId| nodes.contains(&node) || seen.primary().is_some_and(|id| nodes.contains(&id));
        self.lags
            .iter()
            .filter(|(node, _)| is_new(*node))
            .filter_map(|(node, lag)| seen.remark(*node, lag))
            .collect()
    }

    /// Takes what the command told.
    pub(crate) fn take_told(&mut self, told: Told, seen: Seen<'_>) -> Vec<Remark> {
        // The setting and the primary may be others since the command was started.
        let Some(command) = seen.command() else { return Vec::new() };
        let plain = |(level, text)| Remark { level, text, detail: None };
        let mut remarks: Vec<_> = told.remarks.into_iter().map(plain).collect();
        let is_standby = |node: NodeId| command.standbys.iter().any(|(standby, _)| *standby == node);
        let own = self.told.get_or_insert_default();
        own.retain(|node, _| is_standby(*node));
        for (node, behind) in told.delays.into_iter().filter(|(node, _)| is_standby(*node)) {
            match behind {
                TimeBehind::Known(time) => {
                    own.insert(node, time);
                    remarks.extend(seen.remark_told(node, time));
                }
                TimeBehind::Unknown => drop(own.remove(&node)),
                TimeBehind::Down => {}
            }
        }
        remarks
    }

    /// What is known of each node now.
    pub(crate) fn lags(&self) -> Vec<(NodeId, Lag)> {
        let with_told = |(node, lag): &(NodeId, Lag)| {
            let mut lag = lag.clone();
            if let Some(told) = &self.told {
                let (bytes, time) = (lag.delay.and_then(|delay| delay.bytes), told.get(node).copied());
                lag.delay = (bytes.is_some() || time.is_some()).then_some(Delay { bytes, time });
            }
            (*node, lag)
        };
        self.lags.iter().map(with_told).collect()
    }
}

fn is_wanted(when: LogDelay, is_over: bool) -> bool {
    match when {
        LogDelay::Always => true,
        LogDelay::IfOverThreshold => is_over,
        LogDelay::None => false,
    }
}

/// What the standby has done with the WAL it got; none of it when the asking user may not see that.
fn steps(sender: &Sender) -> Option<String> {
    let told = |(what, step): (&str, Step)| {
        let lsn = step.lsn?;
        let lag = step.lag.map(|lag| format!(" ({:.6} s)", lag.as_secs_f64())).unwrap_or_default();
        Some(format!("{what} up to {lsn}{lag}"))
    };
    let steps: Vec<_> =
        ["written", "flushed", "replayed"].into_iter().zip(sender.steps).filter_map(told).collect();
    (!steps.is_empty()).then(|| steps.join(", "))
}

#[cfg(test)]
mod tests;
