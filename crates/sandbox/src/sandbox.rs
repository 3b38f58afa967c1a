use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::account::Account;
use crate::error::SandboxError;
use crate::files::{self, USER};
use crate::install::Installation;
use crate::node::{Node, Role};
use crate::ports;
use crate::processes::ProcessMark;
use crate::run;
use crate::spec::{Auth, Mode, NODES_MAX, Spec};
use crate::state::{self, Folder, State};
use crate::template;

/// The longest path of a sandbox's folder, in bytes: a Unix socket's path has at most 107, and
/// `/.s.PGSQL.65535.lock` has to fit behind it.
const DIR_BYTES: usize = 107 - 20;

/// How long standbys may take to replay what the primary has written.
const REPLAY_LIMIT: Duration = Duration::from_secs(60);

/// A cluster of real PostgreSQL servers in one folder. Dropping this value leaves the folder and its servers
/// as they are.
#[derive(Debug)]
pub struct Sandbox {
    dir: PathBuf,
    state: State,
}

impl Sandbox {
    /// Makes a sandbox in `dir` and starts its servers. The folder is made when it does not exist.
    ///
    /// # Errors
    /// When the folder holds anything, when there is no PostgreSQL, no free port, or a server does not start.
    /// Nothing that was made is left behind then.
    pub fn up(dir: &Path, spec: &Spec) -> Result<Self, SandboxError> {
        check_spec(spec)?;
        let install = Installation::find(spec.pg_bin.as_deref())?;
        let account = Account::find()?;
        let folder = claim(dir)?;
        let dir = dir.canonicalize().map_err(SandboxError::io(format!("cannot find {}", dir.display())))?;
        let result = Self::fill(&dir, spec, &install, account, folder);
        if result.is_err() {
            // The first error is the one to report.
            let _ = Self::open(&dir).and_then(|half| half.remove_contents());
            let _ = give_back(&dir, folder);
        }
        result
    }

    fn fill(
        dir: &Path,
        spec: &Spec,
        install: &Installation,
        account: Account,
        folder: Folder,
    ) -> Result<Self, SandboxError> {
        check_dir(dir)?;
        give(dir, &account)?;
        check_enterable(dir, &account)?;
        let wanted = spec.nodes + 2;
        let ports = match spec.port_base {
            Some(base) => ports::ports_from(base, wanted)?,
            None => ports::free_ports(wanted)?,
        };
        let [port, pcp_port, nodes @ ..] = ports.as_slice() else {
            return Err(SandboxError::NoPorts { wanted });
        };
        let state = State {
            mode: spec.mode,
            auth: spec.auth,
            bin: install.bin().to_owned(),
            account,
            folder,
            port: *port,
            pcp_port: *pcp_port,
            nodes: nodes.to_vec(),
        };
        state.write(dir)?;
        let password = files::random_password()?;
        files::write_pgherd(dir, &state, &password)?;
        let sandbox = Sandbox { dir: dir.to_owned(), state };
        sandbox.make_nodes(spec, install)?;
        sandbox.start_all()?;
        sandbox.finish(spec, &password)?;
        Ok(sandbox)
    }

    /// The sandbox in a folder.
    ///
    /// # Errors
    /// When there is none.
    pub fn open(dir: &Path) -> Result<Self, SandboxError> {
        let missing = |_| SandboxError::NotASandbox { dir: dir.to_owned() };
        let dir = dir.canonicalize().map_err(missing)?;
        let state = State::read(&dir)?;
        Ok(Sandbox { dir, state })
    }

    /// Stops the servers and removes all that the sandbox made; the folder, too, if the sandbox made it and it holds
    /// nothing else. Returns the names of what else it holds.
    ///
    /// # Errors
    /// When a pgherd still uses the sandbox, or a server does not stop.
    pub fn down(self) -> Result<Vec<String>, SandboxError> {
        if let Some(process) = self.pgherd() {
            return Err(SandboxError::PgherdRuns { pid: process.pid(), config: self.config_file() });
        }
        self.remove_contents()?;
        let left: Vec<String> = fs::read_dir(&self.dir)
            .map_err(SandboxError::io(format!("cannot read {}", self.dir.display())))?
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        if left.is_empty() || matches!(self.state.folder, Folder::Found { .. }) {
            give_back(&self.dir, self.state.folder)?;
        }
        Ok(left)
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// How the nodes are related.
    pub fn mode(&self) -> Mode {
        self.state.mode
    }

    /// The folder of PostgreSQL's programs.
    pub fn bin(&self) -> &Path {
        &self.state.bin
    }

    /// The port on which pgherd listens with [`Sandbox::config_file`].
    pub fn port(&self) -> u16 {
        self.state.port
    }

    /// The port on which pgherd answers PCP with [`Sandbox::config_file`].
    pub fn pcp_port(&self) -> u16 {
        self.state.pcp_port
    }

    /// pgherd's configuration file; `pcp.conf`, `pool_hba.conf` and `pool_passwd` are beside it.
    pub fn config_file(&self) -> PathBuf {
        self.dir.join(files::CONFIG)
    }

    /// The nodes, in order.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        self.state.nodes.iter().enumerate().map(|(index, port)| Node::new(self, index, *port))
    }

    /// One node.
    ///
    /// # Errors
    /// When there is none of this number.
    pub fn node(&self, index: usize) -> Result<Node<'_>, SandboxError> {
        let nodes = self.state.nodes.len();
        self.nodes().nth(index).ok_or(SandboxError::NoSuchNode { index, nodes })
    }

    /// The pgherd that runs with the sandbox's configuration, if there is one.
    pub fn pgherd(&self) -> Option<ProcessMark> {
        let file = fs::read_to_string(self.dir.join(files::PID)).ok()?;
        let process = ProcessMark::of(file.lines().next()?.trim().parse().ok()?)?;
        // The file may have been left by one that crashed, and the number be another's by now.
        let name = fs::read_to_string(format!("/proc/{}/comm", process.pid())).ok()?;
        (name.starts_with("pgherd") || name.starts_with("pgpool")).then_some(process)
    }

    /// Waits until every running standby has replayed what the primary has written by now.
    ///
    /// # Errors
    /// When there is no primary, or a standby does not get there in a minute.
    pub fn wait_for_replay(&self) -> Result<(), SandboxError> {
        let roles: Vec<(Node<'_>, Role)> = self.nodes().map(|node| (node, node.role())).collect();
        let Some((primary, _)) = roles.iter().find(|(_, role)| *role == Role::Primary) else {
            return Err(SandboxError::Late { what: "a primary".to_owned(), seconds: 0 });
        };
        let written = primary.psql("SELECT pg_current_wal_insert_lsn()")?;
        let replayed = format!("SELECT pg_last_wal_replay_lsn() >= '{written}'");
        for (node, _) in roles.iter().filter(|(_, role)| *role == Role::Standby) {
            let what = || format!("node {} to replay up to {written}", node.index());
            run::wait_until(what, REPLAY_LIMIT, || Ok(node.psql(&replayed)? == "t"))?;
        }
        Ok(())
    }

    pub(crate) fn account(&self) -> &Account {
        &self.state.account
    }

    fn make_nodes(&self, spec: &Spec, install: &Installation) -> Result<(), SandboxError> {
        let first = files::data_dir(&self.dir, 0);
        template::make(&first, install, self.account())?;
        // The copies are taken before any server runs. In streaming replication that is a cold base backup:
        // a standby continues from the same checkpoint by what the primary streams.
        for node in self.nodes().skip(1) {
            template::copy(&first, &node.data_dir())?;
        }
        self.nodes().try_for_each(|node| self.configure(node, spec))
    }

    fn configure(&self, node: Node<'_>, spec: &Spec) -> Result<(), SandboxError> {
        let data = node.data_dir();
        let edit = |name: &str, text: String, keep: bool| -> io::Result<()> {
            let path = data.join(name);
            let old = if keep { fs::read_to_string(&path)? } else { String::new() };
            fs::write(&path, old + &text)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
            if self.account().switch {
                chown(&path, Some(self.account().uid), Some(self.account().gid))?;
            }
            Ok(())
        };
        let standby = spec.mode == Mode::StreamingReplication && node.index() > 0;
        let settings = files::server_settings(&self.dir, &self.state, node.index(), &spec.settings);
        let write_all = || -> io::Result<()> {
            edit("postgresql.conf", settings, true)?;
            edit("pg_hba.conf", files::server_hba(spec.auth), false)?;
            if standby {
                edit("standby.signal", String::new(), false)?;
                let text = files::standby_settings(&self.state, node.index(), spec.slots);
                edit("postgresql.auto.conf", text, true)?;
            }
            Ok(())
        };
        write_all().map_err(SandboxError::io(format!("cannot write into {}", data.display())))
    }

    fn start_all(&self) -> Result<(), SandboxError> {
        thread::scope(|scope| {
            let starts: Vec<_> = self.nodes().map(|node| scope.spawn(move || node.start())).collect();
            starts.into_iter().try_for_each(|start| match start.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            })
        })
    }

    /// What needs running servers: passwords, slots, and standbys that really stream.
    fn finish(&self, spec: &Spec, password: &str) -> Result<(), SandboxError> {
        let writable = |node: &Node<'_>| spec.mode != Mode::StreamingReplication || node.index() == 0;
        if spec.auth != Auth::Trust {
            let sql = format!("ALTER ROLE {USER} PASSWORD '{password}'");
            self.nodes().filter(writable).try_for_each(|node| node.psql(&sql).map(drop))?;
        }
        if spec.mode != Mode::StreamingReplication {
            return Ok(());
        }
        let primary = self.node(0)?;
        if spec.slots {
            for node in self.nodes().skip(1) {
                let slot = files::slot_name(node.index());
                primary.psql(&format!("SELECT pg_create_physical_replication_slot('{slot}', true)"))?;
            }
        }
        let standbys = (self.state.nodes.len() - 1).to_string();
        let streaming = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'";
        let what = || "the standbys to stream".to_owned();
        run::wait_until(what, REPLAY_LIMIT, || Ok(primary.psql(streaming)? == standbys))
    }

    fn remove_contents(&self) -> Result<(), SandboxError> {
        // Standbys first: a primary waits at its end until its standbys have everything.
        let nodes: Vec<Node<'_>> = self.nodes().collect();
        for node in nodes.iter().rev() {
            if node.stop().is_err() {
                node.kill()?;
            }
        }
        for node in nodes {
            files::remove(&node.data_dir())?;
            files::remove(&files::log_file(&self.dir, node.index()))?;
            files::remove(&files::socket(&self.dir, node.port(), ""))?;
            files::remove(&files::socket(&self.dir, node.port(), ".lock"))?;
        }
        files::remove(&files::socket(&self.dir, self.state.port, ""))?;
        files::remove(&files::socket(&self.dir, self.state.pcp_port, ""))?;
        files::ALL.iter().try_for_each(|name| files::remove(&self.dir.join(name)))?;
        // Last: without it the folder is no sandbox, and what failed could not be tried again.
        files::remove(&self.dir.join(state::FILE))
    }
}

fn check_spec(spec: &Spec) -> Result<(), SandboxError> {
    if (1..=NODES_MAX).contains(&spec.nodes) {
        return Ok(());
    }
    Err(SandboxError::Usage { message: format!("--nodes {} is not from 1 to {NODES_MAX}", spec.nodes) })
}

/// Makes the folder, or makes sure that it is empty.
fn claim(dir: &Path) -> Result<Folder, SandboxError> {
    if dir.join(state::FILE).exists() {
        return Err(SandboxError::Exists { dir: dir.to_owned() });
    }
    let cannot = |what: &str| SandboxError::io(format!("cannot {what} {}", dir.display()));
    match fs::read_dir(dir) {
        Ok(mut entries) => match entries.next() {
            None => {
                let meta = fs::metadata(dir).map_err(cannot("look at"))?;
                Ok(Folder::Found { uid: meta.uid(), gid: meta.gid() })
            }
            Some(_) => Err(SandboxError::NotEmpty { dir: dir.to_owned() }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(dir)
            .map(|()| Folder::Made)
            .map_err(cannot("make")),
        Err(error) => Err(cannot("read")(error)),
    }
}

/// Removes a folder that the sandbox made, and returns one that it found to its owner.
fn give_back(dir: &Path, folder: Folder) -> Result<(), SandboxError> {
    match folder {
        Folder::Made => {
            fs::remove_dir(dir).map_err(SandboxError::io(format!("cannot remove {}", dir.display())))
        }
        Folder::Found { uid, gid } if rustix::process::geteuid().is_root() => {
            chown(dir, Some(uid), Some(gid))
                .map_err(SandboxError::io(format!("cannot give {} back", dir.display())))
        }
        Folder::Found { .. } => Ok(()),
    }
}

/// The path goes unquoted into command lines of PostgreSQL's and quoted into configuration files.
fn check_dir(dir: &Path) -> Result<(), SandboxError> {
    let bad = |problem| Err(SandboxError::BadFolder { dir: dir.to_owned(), problem });
    let Some(text) = dir.to_str() else { return bad("its path is no UTF-8 text") };
    if text.len() > DIR_BYTES {
        return bad("its path is longer than 87 bytes, too long for a Unix socket");
    }
    if text
        .contains(|c: char| c.is_control() || c.is_whitespace() || matches!(c, '\'' | '"' | '\\' | ',' | '#'))
    {
        return bad("its path holds a blank, a quote, a backslash, a comma or a #");
    }
    Ok(())
}

fn give(dir: &Path, account: &Account) -> Result<(), SandboxError> {
    if !account.switch {
        return Ok(());
    }
    chown(dir, Some(account.uid), Some(account.gid)).map_err(SandboxError::io(format!(
        "cannot give {} to {}",
        dir.display(),
        account.name
    )))
}

fn check_enterable(dir: &Path, account: &Account) -> Result<(), SandboxError> {
    match run::output(account.command("test").arg("-w").arg(dir)) {
        Ok(_) => Ok(()),
        Err(SandboxError::Program { .. }) => {
            Err(SandboxError::NotEnterable { dir: dir.to_owned(), user: account.name.clone() })
        }
        Err(other) => Err(other),
    }
}
