use core::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use pgherd_cluster::{Cluster, StatusFile};
use pgherd_config::Settings;
use pgherd_io::{DataPlane, DataPlaneSettings, DriverInUse, Handle, Hooks, Observation, Passwords, secret};
use pgherd_route::Mutations;
use pgherd_types::ClusteringMode;

use crate::admin::{AdminDesk, Shown};
use crate::board::Board;
use crate::configuration::{ConfigurationError, load_usable};
use crate::control::{Control, first_look};
use crate::delays::Delays;
use crate::descriptors::{self, Descriptors};
use crate::log::{Level, Log, Record, Source};
use crate::observe::Observer;
use crate::pid_file::{PidFile, PidFileError};
use crate::positions::Positions;
use crate::signals::Signals;
use crate::status::StatusStore;
use crate::version::version_text;
use crate::{configuration, daemon, passwords, plan};

/// How pgherd is started.
#[derive(Clone, Debug)]
pub struct StartOptions {
    /// The configuration file, `-f`.
    pub configuration: PathBuf,
    /// `-D`: what the last run knew of the nodes is not looked at.
    pub discard_status: bool,
    /// `-d`: debug lines are logged.
    pub debug: bool,
    /// This is the child that [`detach`](crate::detach) started.
    pub detached: bool,
}

/// Why pgherd did not start, or ended in another way than it should.
#[derive(Debug)]
pub enum StartError {
    /// The configuration cannot be used.
    Configuration(ConfigurationError),
    /// No node is configured.
    NoNode,
    /// The mode sends writes to all nodes, and that does not exist yet: one node alone would get them.
    NoReplication,
    /// There is no pid file.
    PidFile(PidFileError),
    /// The system refused something before there was a log.
    NotStarted(&'static str, io::Error),
    /// The system refused something.
    System(&'static str, io::Error),
    /// A socket could not be opened.
    Listen(io::Error),
    /// The event loops ended though nobody told them to.
    LoopsEnded,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration(error) => error.fmt(f),
            Self::NoNode => f.write_str("no node is configured; set backend_hostname0 and backend_port0"),
            Self::NoReplication => f.write_str(
                "backend_clustering_mode asks for replication by pgherd, which does not exist yet: writes would \
                 reach one node only; use streaming_replication or raw",
            ),
            Self::PidFile(error) => error.fmt(f),
            Self::NotStarted(what, error) | Self::System(what, error) => write!(f, "{what}: {error}"),
            Self::Listen(error) => error.fmt(f),
            Self::LoopsEnded => f.write_str("the event loops have ended, which is an error inside pgherd"),
        }
    }
}

impl std::error::Error for StartError {}

impl StartError {
    /// True when it happened after the log was there, and is told there.
    pub fn is_logged(&self) -> bool {
        match self {
            Self::Configuration(_)
            | Self::NoNode
            | Self::NoReplication
            | Self::PidFile(_)
            | Self::NotStarted(..) => false,
            Self::System(..) | Self::Listen(_) | Self::LoopsEnded => true,
        }
    }
}

/// Runs pgherd until it is stopped. The calling thread becomes the control plane.
///
/// # Errors
/// See [`StartError`]. After an orderly stop there is none.
pub fn start(options: &StartOptions) -> Result<(), StartError> {
    if options.detached {
        daemon::leave_session()
            .map_err(|error| StartError::NotStarted("could not leave the session", error))?;
    }
    let loaded = load_usable(&options.configuration).map_err(StartError::Configuration)?;
    let settings = loaded.settings;
    if settings.nodes().next().is_none() {
        return Err(StartError::NoNode);
    }
    match settings.connections.backend_clustering_mode {
        ClusteringMode::NativeReplication | ClusteringMode::SnapshotIsolation => {
            return Err(StartError::NoReplication);
        }
        ClusteringMode::StreamingReplication
        | ClusteringMode::LogicalReplication
        | ClusteringMode::Slony
        | ClusteringMode::Raw => {}
    }
    let pid_file = PidFile::create(Path::new(&settings.files.pid_file_name)).map_err(StartError::PidFile)?;
    let (least, format) = plan::log(&settings, options.debug);
    let log = Log::start(io::stderr(), least, format)
        .map_err(|error| StartError::NotStarted("could not start the log", error))?;
    log_panics(&log);
    let say = |level, text: String| log.write(Record::new(level, Source::part("main"), text));
    for problem in &loaded.problems {
        log.write(configuration::record(problem));
    }
    let result = serve(options, settings, &log);
    match &result {
        Ok(()) => say(Level::Log, "shutdown is complete".to_owned()),
        Err(error) => say(Level::Fatal, error.to_string()),
    }
    log.flush();
    drop(pid_file);
    result
}

/// All between the log's start and its end.
fn serve(options: &StartOptions, settings: Settings, log: &Log) -> Result<(), StartError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| StartError::System("could not start the control plane", error))?;
    // Caught from here on: an early signal must not end the process with its files left behind.
    let signals = {
        let _inside = runtime.enter();
        Signals::catch().map_err(|error| StartError::System("could not catch signals", error))?
    };
    warn_of_settings(&settings, log);
    let file = passwords::read(&settings, &options.configuration);
    for problem in &file.problems {
        log.write(Record::new(Level::Warning, Source::part("main"), problem.clone()));
    }
    let status = StatusStore::new(&settings);
    let remembered = remembered(options, &status, log);
    let mode = settings.connections.backend_clustering_mode;
    let mut cluster = Cluster::new(mode, plan::nodes(&settings), &remembered, now_s());
    first_look(&mut cluster, &settings, &file.passwords, log);
    let shown = Shown { settings: Arc::new(settings), topology: Arc::new(cluster.topology()) };
    let desk = Arc::new(AdminDesk::new(shown.clone()));
    let observer = Arc::new(Observer::new(log.clone(), &shown.settings));
    let key = secret().map_err(|error| StartError::System("could not draw a random number", error))?;
    let mutations = plan::mutations(&shown.settings, key);
    let data_plane = open(&shown, &file.passwords, &mutations, &desk, &observer)?;
    desk.connect(&data_plane);
    announce(&data_plane, log);
    if options.detached {
        let kept = daemon::serves().map_err(|error| StartError::System("could not detach", error))?;
        if !kept {
            let text = "standard error is not a file: the log of this daemon goes nowhere from here on";
            log.write(Record::new(Level::Warning, Source::part("main"), text));
        }
    }
    let settings = shown.settings;
    let board = Arc::new(Board::new(Arc::clone(&data_plane)));
    let control = Control {
        options: options.clone(),
        settings,
        passwords: file.passwords,
        mutations,
        cluster,
        status,
        log: log.clone(),
        desk,
        observer,
        positions: Positions::new(Arc::clone(&data_plane), Arc::clone(&board)),
        board,
        delays: Delays::default(),
        round: data_plane.now(),
        data_plane,
    };
    let was_told = runtime.block_on(control.run(signals));
    // A look at a node that does not answer may still be under way, and nobody waits for what it sees.
    runtime.shutdown_background();
    if was_told { Ok(()) } else { Err(StartError::LoopsEnded) }
}

fn open(
    shown: &Shown,
    passwords: &Passwords,
    mutations: &Arc<Mutations>,
    desk: &Arc<AdminDesk>,
    observer: &Arc<Observer>,
) -> Result<Arc<Handle>, StartError> {
    let settings = &shown.settings;
    let plan = DataPlaneSettings {
        listeners: plan::listeners(settings),
        threads: plan::threads(settings),
        driver: plan::driver(settings),
        topology: Arc::clone(&shown.topology),
        live: Arc::new(plan::live(settings, Arc::clone(passwords), mutations)),
        places: plan::places(settings),
        pool: plan::pool(settings),
        hooks: hooks(desk, observer),
    };
    DataPlane::start(plan).map(Arc::new).map_err(StartError::Listen)
}

/// What the event loops ask and tell.
fn hooks(desk: &Arc<AdminDesk>, observer: &Arc<Observer>) -> Hooks {
    let (answers, owns, forgets) = (Arc::clone(desk), Arc::clone(desk), Arc::clone(desk));
    let (bounds, observer) = (Arc::clone(observer), Arc::clone(observer));
    Hooks {
        admin: Arc::new(move |ask| answers.answer(ask)),
        own_policy: Arc::new(move |session, common| {
            let own = owns.own(session);
            bounds.bound(session, own.as_ref().and_then(|(_, bounds)| *bounds));
            own.map(|(settings, _)| Arc::new(plan::own_policy(common, &settings)))
        }),
        observe: Arc::new(move |observation| {
            observer.take(&observation);
            if let Observation::Closed { session, .. } = observation {
                forgets.forget(session);
            }
        }),
    }
}

/// What the last run left, unless it is not wanted.
fn remembered(options: &StartOptions, status: &StatusStore, log: &Log) -> StatusFile {
    if options.discard_status {
        return StatusFile::default();
    }
    status.read().unwrap_or_else(|error| {
        let text = format!("could not read the status file \"{}\": {error}", status.path().display());
        log.write(Record::new(Level::Warning, Source::part("main"), text));
        StatusFile::default()
    })
}

/// Says what the operator should know before clients come.
fn warn_of_settings(settings: &Settings, log: &Log) {
    let warn = |record: Record| log.write(record);
    let warning = |text: String| Record::new(Level::Warning, Source::part("main"), text);
    let open = plan::open_addresses(settings);
    if !open.is_empty() {
        let text = format!(
            "clients are not authenticated yet, and listen_addresses = '{}' lets others in",
            open.join(",")
        );
        warn(warning(text).hint("Let a firewall keep strangers away, or listen on localhost only."));
    }
    if settings.connections.backend_clustering_mode.has_primary() && !plan::can_ask_roles(settings) {
        let text =
            "sr_check_user is empty: the nodes cannot be asked which of them is the primary".to_owned();
        warn(warning(text).hint("Set sr_check_user to a user who may log in on all nodes."));
    }
    let places = plan::places(settings);
    let needed = descriptors::needed(places.served, places.waiting, settings.nodes().count());
    match descriptors::raise(needed) {
        Descriptors::Enough => {}
        Descriptors::TooFew { allowed, needed } => {
            let text = format!("{needed} open files may be needed, and the system allows {allowed}");
            warn(warning(text).hint("Raise the limit (ulimit -n, LimitNOFILE), or lower num_init_children."));
        }
    }
}

fn announce(data_plane: &Handle, log: &Log) {
    let say = |text: String| log.write(Record::new(Level::Log, Source::part("main"), text));
    for address in data_plane.addresses() {
        say(format!("listening on {address}"));
    }
    match data_plane.driver() {
        DriverInUse::Epoll => say("clients are served with epoll".to_owned()),
        DriverInUse::IoUring => say("clients are served with io_uring".to_owned()),
        DriverInUse::EpollInstead(why) => {
            say(format!("clients are served with epoll, because io_uring does not work here: {why}"));
        }
    }
    say(format!("pgherd successfully started. version {}", version_text()));
}

/// Panics go to the log in one line. The thread's own fate is not changed by it.
fn log_panics(log: &Log) {
    let log = log.clone();
    std::panic::set_hook(Box::new(move |info| {
        let payload = info.payload();
        let text =
            payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref::<&str>().copied());
        let text = text.unwrap_or("no message");
        let place = info.location().map_or_else(String::new, |place| format!(" at {place}"));
        let record =
            Record::new(Level::Error, Source::part("main"), format!("internal error{place}: {text}"));
        log.write(record);
        // The process ends with its main thread.
        if std::thread::current().name() == Some("main") {
            log.flush();
        }
    }));
}

/// The time in seconds since 1970.
pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
