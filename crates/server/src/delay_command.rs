//! `replication_delay_source_cmd`: a command that tells how far the standbys are behind.

use core::time::Duration;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};

use pgherd_types::NodeId;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::log::Level;

/// Bytes that the command may print.
const OUTPUT_BYTES: u64 = 4096;

/// A delay that is worth a warning, in milliseconds: an hour.
const LARGE_MS: f64 = 3_600_000.0;

/// How the command is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DelayCommand {
    /// `replication_delay_source_cmd`, for the shell.
    pub(crate) command: String,
    /// The standbys that it is asked about, and how it is told of them: as `host:port`, in this order.
    pub(crate) standbys: Vec<(NodeId, String)>,
    /// `replication_delay_source_timeout`.
    pub(crate) limit: Duration,
}

/// What the command told, as far as it did.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Told {
    pub(crate) delays: Vec<(NodeId, TimeBehind)>,
    /// What the operator should know.
    pub(crate) remarks: Vec<(Level, String)>,
}

/// What the command said of a standby.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeBehind {
    /// It is so long behind.
    Known(Duration),
    /// It said nothing that could be read.
    Unknown,
    /// The standby is down: what was known of it stays.
    Down,
}

impl DelayCommand {
    /// The command as the log shows it.
    pub(crate) fn text(&self) -> String {
        let mut text = self.command.clone();
        for (_, name) in &self.standbys {
            text.push(' ');
            text.push_str(name);
        }
        text
    }

    /// Runs the command. It is ended, with all that it started, when its time is over.
    pub(crate) async fn run(self) -> Told {
        match self.output().await {
            Ok(output) => read(&output, &self.standbys),
            Err(failure) => Told {
                delays: Vec::new(),
                remarks: vec![(Level::Error, format!("{failure}: {}", self.text()))],
            },
        }
    }

    async fn output(&self) -> Result<String, String> {
        // The names are arguments of the shell and never part of what it reads as a program.
        let mut child = Command::new("/bin/sh")
            .arg("-c")
            .arg(format!("{} \"$@\"", self.command))
            .arg("sh")
            .args(self.standbys.iter().map(|(_, name)| name))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("failed to execute replication delay command ({error})"))?;
        let ended = timeout(self.limit, finish(&mut child)).await;
        if !matches!(ended, Ok(Ok(_))) {
            end(&child);
        }
        let (output, status) = ended
            .map_err(|_| {
                format!("replication delay command timed out after {} seconds", self.limit.as_secs())
            })?
            .map_err(|error| format!("failed to read output from replication delay command ({error})"))?;
        match (status.code(), status.signal()) {
            (Some(0), _) => Ok(output),
            (Some(code), _) => Err(format!("replication delay command failed with exit code {code}")),
            (None, signal) => {
                Err(format!("replication delay command was ended by signal {}", signal.unwrap_or_default()))
            }
        }
    }
}

async fn finish(child: &mut Child) -> std::io::Result<(String, ExitStatus)> {
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        // A command that goes on after that is ended by a broken pipe.
        stdout.take(OUTPUT_BYTES).read_to_end(&mut output).await?;
    }
    Ok((String::from_utf8_lossy(&output).into_owned(), child.wait().await?))
}

/// Ends a command and all that it started.
fn end(child: &Child) {
    let process = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(group) = process {
        // That it is gone already is no error.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Reads what the command printed: a number of milliseconds for each standby.
fn read(output: &str, standbys: &[(NodeId, String)]) -> Told {
    let mut told = Told::default();
    let words: Vec<_> = output.split_ascii_whitespace().collect();
    if words.is_empty() {
        told.warn("replication delay command produced no output".to_owned());
    } else if words.len() != standbys.len() {
        told.warn(format!(
            "replication delay command returned {} values, expected {} (one for each replica). \
             Command should output one delay value per replica",
            words.len(),
            standbys.len()
        ));
    }
    let mut words = words.into_iter();
    for (node, _) in standbys {
        let delay = words.next().map_or(TimeBehind::Unknown, |word| told.judge(*node, word));
        told.delays.push((*node, delay));
    }
    told
}

impl Told {
    fn warn(&mut self, text: String) {
        self.remarks.push((Level::Warning, text));
    }

    fn judge(&mut self, node: NodeId, word: &str) -> TimeBehind {
        let Some(ms) = word.parse::<f64>().ok().filter(|ms| ms.is_finite()) else {
            self.warn(format!("invalid delay value '{word}' for node {node}: its delay is not known"));
            return TimeBehind::Unknown;
        };
        #[expect(clippy::float_cmp, reason = "the command writes this very number")]
        if ms == -1.0 {
            let text = format!(
                "node {node} is reported as down by external command (delay -1), relying on health check to notice"
            );
            self.remarks.push((Level::Log, text));
            return TimeBehind::Down;
        }
        if ms < 0.0 {
            self.warn(format!("negative delay value {ms:.3} for node {node} (other than -1), treating as 0"));
        } else if ms > LARGE_MS {
            self.warn(format!("extremely large delay value {ms:.3} for node {node}"));
        }
        Duration::try_from_secs_f64(ms.max(0.0) / 1000.0).map_or(TimeBehind::Unknown, TimeBehind::Known)
    }
}

#[cfg(test)]
mod tests;
