use core::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

/// Why a sandbox could not do what it was asked. The text says what, where, and what to do.
#[derive(Debug)]
pub enum SandboxError {
    /// The command line asks for something that there is not.
    Usage {
        /// What is wrong with it.
        message: String,
    },
    /// The folder holds files that no sandbox made.
    NotEmpty {
        /// The folder.
        dir: PathBuf,
    },
    /// The folder is already a sandbox.
    Exists {
        /// The folder.
        dir: PathBuf,
    },
    /// The folder holds no sandbox.
    NotASandbox {
        /// The folder.
        dir: PathBuf,
    },
    /// The state file of the folder cannot be understood.
    BadState {
        /// The state file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The folder's path cannot be used by PostgreSQL.
    BadFolder {
        /// The folder.
        dir: PathBuf,
        /// Why not.
        problem: &'static str,
    },
    /// The unprivileged user that runs the servers cannot enter the folder.
    NotEnterable {
        /// The folder.
        dir: PathBuf,
        /// The user's name.
        user: String,
    },
    /// No usable PostgreSQL server was found.
    NoServer {
        /// Where it was looked for.
        searched: Vec<PathBuf>,
        /// What was found there instead, if anything.
        found: Option<String>,
    },
    /// There is no unprivileged user to run the servers as.
    NoAccount,
    /// No run of free ports could be had.
    NoPorts {
        /// How many are needed.
        wanted: usize,
    },
    /// A port that was asked for is taken.
    PortTaken {
        /// The port.
        port: u16,
    },
    /// There is no node of this number.
    NoSuchNode {
        /// The number asked for.
        index: usize,
        /// How many nodes there are.
        nodes: usize,
    },
    /// A pgherd that uses the folder still runs.
    PgherdRuns {
        /// Its process id.
        pid: i32,
        /// Its configuration file.
        config: PathBuf,
    },
    /// A file or process operation failed.
    Io {
        /// What was being done.
        what: String,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A program failed.
    Program {
        /// The program's name.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// What it printed, and the end of the server's log where there is one.
        output: String,
    },
    /// A condition did not come true in time.
    Late {
        /// What was waited for.
        what: String,
        /// How long, in seconds.
        seconds: u64,
    },
}

impl SandboxError {
    /// An adapter for `map_err`: `what` says what was being done.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| SandboxError::Io { what: what.into(), source }
    }
}

impl fmt::Display for SandboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage { message } => write!(f, "{message}; see `pgherd sandbox --help`"),
            Self::NotEmpty { dir } => write!(
                f,
                "{} holds files that no sandbox made; give --dir a new or an empty folder",
                dir.display()
            ),
            Self::Exists { dir } => write!(
                f,
                "{0} is a sandbox already; remove it with `pgherd sandbox down --dir {0}`",
                dir.display()
            ),
            Self::NotASandbox { dir } => {
                write!(f, "{} is no sandbox; make one with `pgherd sandbox up`", dir.display())
            }
            Self::BadState { path, problem } => write!(f, "{}: {problem}", path.display()),
            Self::BadFolder { dir, problem } => {
                write!(f, "{} cannot be used: {problem}; give --dir another folder", dir.display())
            }
            Self::NotEnterable { dir, user } => write!(
                f,
                "the user {user}, who has to run the servers, cannot enter {}; give --dir a folder that all may \
                 enter, such as one in /tmp",
                dir.display()
            ),
            Self::NoServer { searched, found } => no_server(f, searched, found.as_deref()),
            Self::NoAccount => f.write_str(
                "PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody; make one",
            ),
            Self::NoPorts { wanted } => {
                write!(f, "no {wanted} free ports in a row were found; give a first one with --port-base")
            }
            Self::PortTaken { port } => write!(f, "port {port} is taken; give another --port-base, or none"),
            Self::NoSuchNode { index, nodes } => {
                write!(f, "there is no node {index}; the nodes are 0 to {}", nodes.saturating_sub(1))
            }
            Self::PgherdRuns { pid, config } => write!(
                f,
                "pgherd (process {pid}) still runs on this folder; stop it first: pgherd -f {} stop",
                config.display()
            ),
            Self::Io { what, source } => write!(f, "{what}: {source}"),
            Self::Program { program, status, output } => {
                write!(f, "{program} failed ({status}): {}", output.trim_end())
            }
            Self::Late { what, seconds } => write!(f, "waited {seconds} seconds in vain for {what}"),
        }
    }
}

fn no_server(f: &mut fmt::Formatter<'_>, searched: &[PathBuf], found: Option<&str>) -> fmt::Result {
    match found {
        Some(found) => write!(f, "{found} is no PostgreSQL server from 13 to 18")?,
        None => f.write_str("no PostgreSQL server was found")?,
    }
    f.write_str("; looked in")?;
    for (i, dir) in searched.iter().enumerate() {
        write!(f, "{} {}", if i == 0 { "" } else { "," }, dir.display())?;
    }
    f.write_str(
        ". Install one (Debian: apt-get install postgresql) or name its programs' folder with --pg-bin",
    )
}

impl core::error::Error for SandboxError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Usage { .. }
            | Self::NotEmpty { .. }
            | Self::Exists { .. }
            | Self::NotASandbox { .. }
            | Self::BadState { .. }
            | Self::BadFolder { .. }
            | Self::NotEnterable { .. }
            | Self::NoServer { .. }
            | Self::NoAccount
            | Self::NoPorts { .. }
            | Self::PortTaken { .. }
            | Self::NoSuchNode { .. }
            | Self::PgherdRuns { .. }
            | Self::Program { .. }
            | Self::Late { .. } => None,
        }
    }
}
