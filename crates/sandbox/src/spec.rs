use std::path::PathBuf;

/// The most nodes that a sandbox has. Each costs some 60 MB of disk.
pub const NODES_MAX: usize = 16;

/// What a sandbox shall be.
#[derive(Clone, Debug)]
pub struct Spec {
    pub(crate) nodes: usize,
    pub(crate) mode: Mode,
    pub(crate) auth: Auth,
    pub(crate) port_base: Option<u16>,
    pub(crate) pg_bin: Option<PathBuf>,
    pub(crate) slots: bool,
    pub(crate) settings: Vec<(String, String)>,
}

impl Default for Spec {
    fn default() -> Self {
        Spec {
            nodes: 3,
            mode: Mode::StreamingReplication,
            auth: Auth::Trust,
            port_base: None,
            pg_bin: None,
            slots: false,
            settings: Vec::new(),
        }
    }
}

impl Spec {
    /// Three nodes in streaming replication, on free ports, with the newest PostgreSQL installed.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many servers, 1 to [`NODES_MAX`].
    #[must_use]
    pub fn nodes(mut self, nodes: usize) -> Self {
        self.nodes = nodes;
        self
    }

    /// How the nodes are related.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// What the servers ask of a client that comes over TCP.
    #[must_use]
    pub fn auth(mut self, auth: Auth) -> Self {
        self.auth = auth;
        self
    }

    /// The first port: pgherd's; PCP has the next, the nodes those after it. Free ports otherwise.
    #[must_use]
    pub fn port_base(mut self, port: u16) -> Self {
        self.port_base = Some(port);
        self
    }

    /// The folder of PostgreSQL's programs. The newest installed version from 13 to 18 otherwise.
    #[must_use]
    pub fn pg_bin(mut self, dir: impl Into<PathBuf>) -> Self {
        self.pg_bin = Some(dir.into());
        self
    }

    /// Whether standbys hold a replication slot on the primary.
    #[must_use]
    pub fn slots(mut self, slots: bool) -> Self {
        self.slots = slots;
        self
    }

    /// A line for every server's `postgresql.conf`, after all others. The value is written as it is.
    #[must_use]
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }
}

/// How the nodes are related: the words of `backend_clustering_mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Node 0 is the primary, the others its standbys.
    StreamingReplication,
    /// Independent servers, of which clients see one.
    Raw,
    /// Independent servers that get the same writes.
    NativeReplication,
    /// Independent servers; publications are for the user to make (`wal_level` is logical).
    LogicalReplication,
    /// Independent servers that get the same writes under REPEATABLE READ.
    SnapshotIsolation,
    /// Independent servers for a trigger-based replication that the user sets up.
    Slony,
}

impl Mode {
    const ALL: [Mode; 6] = [
        Mode::StreamingReplication,
        Mode::Raw,
        Mode::NativeReplication,
        Mode::LogicalReplication,
        Mode::SnapshotIsolation,
        Mode::Slony,
    ];

    /// The word in `pgpool.conf`.
    pub fn word(self) -> &'static str {
        match self {
            Mode::StreamingReplication => "streaming_replication",
            Mode::Raw => "raw",
            Mode::NativeReplication => "native_replication",
            Mode::LogicalReplication => "logical_replication",
            Mode::SnapshotIsolation => "snapshot_isolation",
            Mode::Slony => "slony",
        }
    }

    /// The mode of a word.
    pub fn parse(word: &str) -> Option<Mode> {
        Self::ALL.into_iter().find(|mode| mode.word() == word)
    }

    /// All words, for messages.
    pub(crate) fn words() -> String {
        Self::ALL.map(Mode::word).join(", ")
    }
}

/// What the servers ask of a client that comes over TCP. Over the folder's Unix sockets all are trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Nothing.
    Trust,
    /// A password in clear text.
    Password,
    /// An md5 answer.
    Md5,
    /// SCRAM-SHA-256.
    Scram,
}

impl Auth {
    const ALL: [Auth; 4] = [Auth::Trust, Auth::Password, Auth::Md5, Auth::Scram];

    /// The word in `pg_hba.conf`.
    pub fn word(self) -> &'static str {
        match self {
            Auth::Trust => "trust",
            Auth::Password => "password",
            Auth::Md5 => "md5",
            Auth::Scram => "scram-sha-256",
        }
    }

    /// The method of a word.
    pub fn parse(word: &str) -> Option<Auth> {
        Self::ALL.into_iter().find(|auth| auth.word() == word)
    }

    /// All words, for messages.
    pub(crate) fn words() -> String {
        Self::ALL.map(Auth::word).join(", ")
    }

    /// The `password_encryption` under which this method works.
    pub(crate) fn encryption(self) -> &'static str {
        match self {
            Auth::Trust | Auth::Password | Auth::Scram => "scram-sha-256",
            Auth::Md5 => "md5",
        }
    }
}
