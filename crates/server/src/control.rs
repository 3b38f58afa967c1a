use core::time::Duration;
use std::sync::Arc;

use pgherd_cluster::{Change, Cluster};
use pgherd_config::Settings;
use pgherd_io::{Handle, Passwords};
use pgherd_route::Mutations;
use pgherd_session::Shutdown;
use pgherd_types::{Moment, Topology};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::admin::{AdminDesk, Shown};
use crate::board::Board;
use crate::configuration::{self, ConfigurationError, load_usable};
use crate::delay_command::Told;
use crate::delays::{Delays, Remark, Seen};
use crate::log::{Level, Log, Record, Source};
use crate::look::{Look, Question, look, look_and_tell};
use crate::observe::Observer;
use crate::positions::Positions;
use crate::signals::{Signals, Wish};
use crate::start::{StartOptions, now_s};
use crate::status::StatusStore;
use crate::{passwords, plan};

/// How long the start waits for nodes that do not answer. What is known then is served; the rest is found out
/// while serving.
const FIRST_LOOK_LIMIT: Duration = Duration::from_secs(3);
/// How long a later look at the nodes may take where `connect_timeout` does not say.
const LOOK_LIMIT: Duration = Duration::from_secs(10);
/// Time between two looks while the primary is searched for, as in Pgpool-II.
const SEARCH_PERIOD: Duration = Duration::from_secs(1);
/// The part of pgherd that looks at the nodes, in log lines.
const CHECKER: &str = "sr_check_worker";

/// The control plane: everything that decides, and is in no hurry.
pub(crate) struct Control {
    pub(crate) options: StartOptions,
    pub(crate) settings: Arc<Settings>,
    pub(crate) passwords: Passwords,
    pub(crate) mutations: Arc<Mutations>,
    pub(crate) cluster: Cluster,
    pub(crate) status: StatusStore,
    pub(crate) log: Log,
    pub(crate) desk: Arc<AdminDesk>,
    pub(crate) observer: Arc<Observer>,
    pub(crate) data_plane: Arc<Handle>,
    pub(crate) board: Arc<Board>,
    pub(crate) positions: Positions,
    pub(crate) delays: Delays,
    /// When the present round of the check began.
    pub(crate) round: Moment,
}

/// The search for a primary that is not known.
#[derive(Clone, Copy, Debug)]
enum Search {
    /// It is known, or the mode has none.
    Over,
    /// It goes on, until this moment if there is a limit.
    On { until: Option<Instant> },
    /// It took too long. The periodic look may still find one.
    GivenUp,
}

/// Looks at the nodes for the first time, before anybody is served.
pub(crate) fn first_look(cluster: &mut Cluster, settings: &Settings, passwords: &Passwords, log: &Log) {
    let limit =
        plan::some(settings.health.connect_timeout).map_or(FIRST_LOOK_LIMIT, |own| own.min(FIRST_LOOK_LIMIT));
    let looks = look(&plan::probes(settings, passwords, &cluster.to_watch()), Question::Role, limit);
    take_in(cluster, &looks, log);
}

/// Takes looks into the cluster and logs what changed.
fn take_in(cluster: &mut Cluster, looks: &[Look], log: &Log) -> Vec<Change> {
    let sightings: Vec<_> = looks.iter().map(|look| (look.node, look.sighting)).collect();
    let changes = cluster.see(&sightings, now_s());
    for change in &changes {
        let level = if change.is_alarming() { Level::Warning } else { Level::Log };
        let record = Record::new(level, Source::part(CHECKER), change.to_string());
        log.write(match reason(change, looks) {
            Some(reason) => record.detail(reason),
            None => record,
        });
    }
    for look in looks {
        if let Some(reason) = &look.reason {
            let text = format!("node {} did not answer what it is: {reason}", look.node);
            log.write(Record::new(Level::Debug1, Source::part(CHECKER), text));
        }
    }
    changes
}

/// What the node said that the change is about.
fn reason<'a>(change: &Change, looks: &'a [Look]) -> Option<&'a str> {
    let node = match change {
        Change::Missing(node) | Change::Lost(node) | Change::Found(node) => node,
        Change::Returned(_)
        | Change::Stranger(_)
        | Change::Rival(_)
        | Change::Added(_)
        | Change::Primary { .. } => {
            return None;
        }
    };
    looks.iter().find(|look| look.node == *node)?.reason.as_deref()
}

impl Control {
    /// Serves until the data plane has ended. False when it did so without being told.
    pub(crate) async fn run(mut self, mut signals: Signals) -> bool {
        let mut ended = self.watch_end();
        let mut stopping: Option<Shutdown> = None;
        let mut search = self.search(Search::Over);
        // What was seen at the start is the role alone.
        let mut next_look = self.next_look(search).map(|_| Instant::now());
        let mut running: Option<UnboundedReceiver<Vec<Look>>> = None;
        let mut command: Option<JoinHandle<Told>> = None;
        self.store_status();
        self.aim_positions(&self.cluster.topology());
        loop {
            tokio::select! {
                wish = signals.next() => match wish {
                    Wish::Stop(how) => stopping = self.stop(stopping, how),
                    Wish::Reload if stopping.is_none() => {
                        self.reload();
                        search = self.search(search);
                        next_look = Some(Instant::now());
                    }
                    Wish::Reload | Wish::Nothing => {}
                },
                () = until(next_look), if running.is_none() => running = Some(self.start_look()),
                looks = next_part(&mut running) => if let Some(looks) = looks {
                    self.take_looks(looks);
                    command = command.or_else(|| self.start_command());
                } else {
                    running = None;
                    search = self.search(search);
                    next_look = self.next_look(search);
                },
                told = finished(&mut command) => {
                    command = None;
                    self.take_told(told);
                }
                _ = &mut ended => break,
            }
        }
        self.store_status();
        stopping.is_some()
    }

    /// Tells when the last event loop has ended.
    fn watch_end(&self) -> oneshot::Receiver<()> {
        let (tell, ended) = oneshot::channel();
        let data_plane = Arc::clone(&self.data_plane);
        tokio::task::spawn_blocking(move || {
            data_plane.join();
            // Nobody listens only when the control plane is gone, too.
            let _ = tell.send(());
        });
        ended
    }

    /// Starts to stop, or stops more urgently than before. A milder wish than before changes nothing.
    fn stop(&self, before: Option<Shutdown>, how: Shutdown) -> Option<Shutdown> {
        let urgency = |how| match how {
            Shutdown::Smart => 1,
            Shutdown::Fast => 2,
            Shutdown::Immediate => 3,
        };
        if before.map_or(0, urgency) >= urgency(how) {
            return before;
        }
        let word = match how {
            Shutdown::Smart => "smart",
            Shutdown::Fast => "fast",
            Shutdown::Immediate => "immediate",
        };
        self.say(Level::Log, "main", format!("received {word} shutdown request"));
        self.data_plane.shutdown(how);
        Some(how)
    }

    /// Starts a round of the check. What the nodes answer comes in one part or two.
    fn start_look(&mut self) -> UnboundedReceiver<Vec<Look>> {
        let targets = plan::probes(&self.settings, &self.passwords, &self.cluster.to_watch());
        let limit = plan::some(self.settings.health.connect_timeout).unwrap_or(LOOK_LIMIT);
        self.round = self.data_plane.now();
        self.delays.begin();
        let question = if self.seen(&self.cluster.topology()).is_watched() {
            Question::RoleAndWal
        } else {
            Question::Role
        };
        let (tell, told) = unbounded_channel();
        // Nobody listens any more when pgherd ends.
        let note = move |looks| drop(tell.send(looks));
        tokio::task::spawn_blocking(move || look_and_tell(&targets, question, limit, note));
        told
    }

    fn take_looks(&mut self, looks: Vec<Look>) {
        let before = self.cluster.topology().epoch;
        take_in(&mut self.cluster, &looks, &self.log);
        if self.cluster.topology().epoch != before {
            self.publish();
        }
        let reports = looks.into_iter().filter_map(|look| Some((look.node, look.wal?))).collect();
        self.watch(|delays, seen| delays.take(reports, seen));
    }

    /// Runs `replication_delay_source_cmd`, where there is one.
    fn start_command(&self) -> Option<JoinHandle<Told>> {
        let command = self.seen(&self.cluster.topology()).command()?;
        self.say(Level::Debug1, CHECKER, format!("executing replication delay command: {}", command.text()));
        Some(tokio::spawn(command.run()))
    }

    fn take_told(&mut self, told: Told) {
        self.watch(|delays, seen| delays.take_told(told, seen));
    }

    /// Lets something change what is known of the delays, and tells of it.
    fn watch(&mut self, change: impl FnOnce(&mut Delays, Seen<'_>) -> Vec<Remark>) {
        let mut delays = core::mem::take(&mut self.delays);
        let remarks = change(&mut delays, self.seen(&self.cluster.topology()));
        self.board.set_lags(&delays.lags());
        self.delays = delays;
        for remark in remarks {
            let record = Record::new(remark.level, Source::part(CHECKER), remark.text);
            self.log.write(match remark.detail {
                Some(detail) => record.detail(detail),
                None => record,
            });
        }
    }

    fn seen<'a>(&'a self, topology: &'a Topology) -> Seen<'a> {
        Seen { settings: &self.settings, topology, begun: self.round }
    }

    /// Makes the cluster as it is now known to the sessions, and to the next run.
    fn publish(&mut self) {
        let topology = Arc::new(self.cluster.topology());
        self.data_plane.publish_topology(Arc::clone(&topology));
        self.aim_positions(&topology);
        self.desk.show(Shown { settings: Arc::clone(&self.settings), topology });
        self.store_status();
    }

    /// Which nodes are asked where they are in the WAL, while a session needs to know.
    fn aim_positions(&mut self, topology: &Topology) {
        let nodes: Vec<_> =
            topology.nodes.iter().filter(|node| node.is_usable()).map(|node| node.id).collect();
        let targets = if plan::asks_positions(&self.settings) {
            plan::probes(&self.settings, &self.passwords, &nodes)
        } else {
            Vec::new()
        };
        if let Err(error) = self.positions.aim(targets) {
            let text = format!("could not start to ask a node for its position in the WAL: {error}");
            self.say(Level::Error, CHECKER, text);
        }
    }

    fn store_status(&mut self) {
        if let Err(error) = self.status.write(&self.cluster.status_file()) {
            let text =
                format!("could not write the status file \"{}\": {error}", self.status.path().display());
            self.say(Level::Warning, "main", text);
        }
    }

    /// What becomes of the search for the primary.
    fn search(&self, before: Search) -> Search {
        if !self.cluster.lacks_primary() {
            return Search::Over;
        }
        match before {
            Search::Over if !plan::can_ask_roles(&self.settings) => Search::GivenUp,
            Search::Over => {
                let limit = plan::some(self.settings.failover.search_primary_node_timeout);
                self.say(Level::Log, CHECKER, "no primary is known; searching for it".to_owned());
                Search::On { until: limit.map(|limit| Instant::now() + limit) }
            }
            Search::On { until: Some(until) } if until <= Instant::now() => {
                let text = "no primary was found within search_primary_node_timeout".to_owned();
                self.say(Level::Warning, CHECKER, text);
                Search::GivenUp
            }
            Search::On { until } => Search::On { until },
            Search::GivenUp => Search::GivenUp,
        }
    }

    fn next_look(&self, search: Search) -> Option<Instant> {
        match search {
            Search::On { .. } => Some(Instant::now() + SEARCH_PERIOD),
            Search::Over | Search::GivenUp
                if self.settings.connections.backend_clustering_mode.has_primary() =>
            {
                plan::some(self.settings.standby.sr_check_period).map(|period| Instant::now() + period)
            }
            Search::Over | Search::GivenUp => None,
        }
    }

    /// Reads the configuration again. With an error in it, everything stays as it is.
    fn reload(&mut self) {
        self.say(Level::Log, "main", "reload config files".to_owned());
        let loaded = match load_usable(&self.options.configuration) {
            Ok(loaded) => loaded,
            Err(error) => {
                if let ConfigurationError::Wrong(_, problems) = &error {
                    problems.iter().for_each(|problem| self.log.write(configuration::record(problem)));
                }
                let text = format!("the configuration stays as it was: {}", error.summary());
                return self.say(Level::Error, "main", text);
            }
        };
        for problem in &loaded.problems {
            self.log.write(configuration::record(problem));
        }
        let reload = self.settings.reload(&loaded.settings);
        for change in &reload.waiting {
            let place = loaded.place(&change.name);
            let place = place.map_or_else(String::new, |(file, line)| format!("{}:{line}: ", file.display()));
            let text = format!(
                "{place}{} stays {} until pgherd is started again; the file says {}",
                change.name, change.old, change.new
            );
            self.say(Level::Warning, "main", text);
        }
        for change in &reload.changed {
            self.say(
                Level::Log,
                "main",
                format!("{} is {} now, after {}", change.name, change.new, change.old),
            );
        }
        self.apply(reload.settings);
    }

    fn apply(&mut self, settings: Settings) {
        self.settings = Arc::new(settings);
        let (least, format) = plan::log(&self.settings, self.options.debug);
        self.log.configure(least, format);
        self.observer.configure(&self.settings);
        let file = passwords::read(&self.settings, &self.options.configuration);
        for problem in file.problems {
            self.say(Level::Warning, "main", problem);
        }
        self.passwords = file.passwords;
        let live = plan::live(&self.settings, Arc::clone(&self.passwords), &self.mutations);
        // The loops lay what sessions have of their own over what is shown, as soon as they see the new settings.
        let topology = Arc::new(self.cluster.topology());
        self.desk.show(Shown { settings: Arc::clone(&self.settings), topology });
        self.data_plane.publish_settings(Arc::new(live));
        let (changes, problems) = self.cluster.reconfigure(plan::nodes(&self.settings), now_s());
        for change in changes {
            self.say(Level::Log, "main", change.to_string());
        }
        for problem in problems {
            self.say(Level::Warning, "main", problem.to_string());
        }
        self.publish();
    }

    fn say(&self, level: Level, part: &'static str, text: String) {
        self.log.write(Record::new(level, Source::part(part), text));
    }
}

/// Waits for a moment; for ever, when there is none.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => core::future::pending().await,
    }
}

/// Waits for the next part of what is being looked at, `None` after the last; for ever, when nobody looks.
async fn next_part(running: &mut Option<UnboundedReceiver<Vec<Look>>>) -> Option<Vec<Look>> {
    match running {
        Some(parts) => parts.recv().await,
        None => core::future::pending().await,
    }
}

/// Waits for a command that is under way; for ever, when none is.
async fn finished(running: &mut Option<JoinHandle<Told>>) -> Told {
    match running {
        // A command that failed inside pgherd has told nothing.
        Some(command) => command.await.unwrap_or_default(),
        None => core::future::pending().await,
    }
}
