//! The files of a sandbox: pgherd's configuration, and what the servers' own configuration gets.

use core::fmt::Write;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use md5::{Digest, Md5};

use crate::error::SandboxError;
use crate::spec::{Auth, Mode};
use crate::state::State;

/// pgherd's configuration file.
pub(crate) const CONFIG: &str = "pgpool.conf";
/// pgherd's PCP users.
pub(crate) const PCP: &str = "pcp.conf";
/// pgherd's client rules.
pub(crate) const HBA: &str = "pool_hba.conf";
/// Passwords that pgherd knows.
pub(crate) const PASSWD: &str = "pool_passwd";
/// The PCP password for the `pcp_*` programs (through `PCPPASSFILE`).
pub(crate) const PCPPASS: &str = "pcppass";
/// pgherd's process id.
pub(crate) const PID: &str = "pgherd.pid";
/// What pgherd remembers of the nodes between two runs.
pub(crate) const STATUS: &str = "pgpool_status";

/// Every file above.
pub(crate) const ALL: [&str; 7] = [CONFIG, PCP, HBA, PASSWD, PCPPASS, PID, STATUS];

/// The superuser of the servers, and the user of PCP.
pub(crate) const USER: &str = "postgres";

/// The data directory of a node.
pub(crate) fn data_dir(dir: &Path, index: usize) -> PathBuf {
    dir.join(format!("node{index}"))
}

/// The log of a node.
pub(crate) fn log_file(dir: &Path, index: usize) -> PathBuf {
    dir.join(format!("node{index}.log"))
}

/// The Unix socket of a port, or with `.lock` for `suffix` the file that guards it.
pub(crate) fn socket(dir: &Path, port: u16, suffix: &str) -> PathBuf {
    dir.join(format!(".s.PGSQL.{port}{suffix}"))
}

/// Removes a file or a whole directory; nothing happens when there is none.
pub(crate) fn remove(path: &Path) -> Result<(), SandboxError> {
    let result = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(SandboxError::io(format!("cannot remove {}", path.display()))(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes pgherd's files. Passwords are made here; `server_password` is the one of the user postgres.
pub(crate) fn write_pgherd(dir: &Path, state: &State, server_password: &str) -> Result<(), SandboxError> {
    let pcp_password = random_password()?;
    let digest: String = Md5::digest(&pcp_password).iter().map(|byte| format!("{byte:02x}")).collect();
    let passwd = match state.auth {
        Auth::Trust => "# The servers of this sandbox trust everyone.\n".to_owned(),
        Auth::Password | Auth::Md5 | Auth::Scram => format!("{USER}:TEXT{server_password}\n"),
    };
    let hba = "# All clients of this machine are let in.\n\
               local all all trust\n\
               host all all 127.0.0.1/32 trust\n\
               host all all ::1/128 trust\n";
    write(dir, CONFIG, &pgpool_conf(dir, state), 0o644)?;
    write(dir, PCP, &format!("{USER}:{digest}\n"), 0o600)?;
    write(dir, HBA, hba, 0o644)?;
    write(dir, PASSWD, &passwd, 0o600)?;
    let pcppass = format!("localhost:{}:{USER}:{pcp_password}\n", state.pcp_port);
    write(dir, PCPPASS, &pcppass, 0o600)
}

/// Sixteen random bytes as hexadecimal digits.
pub(crate) fn random_password() -> Result<String, SandboxError> {
    let mut bytes = [0; 16];
    fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(SandboxError::io("cannot read /dev/urandom"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Files that pgherd reads belong to the caller: pgherd runs as the caller, not as the servers' user.
fn write(dir: &Path, name: &str, text: &str, mode: u32) -> Result<(), SandboxError> {
    use std::os::unix::fs::OpenOptionsExt;
    let path = dir.join(name);
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(mode);
    let open = options.open(&path);
    open.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
        .map_err(SandboxError::io(format!("cannot write {}", path.display())))
}

/// Backends that each server allows. Above what 100 clients and pgherd's own checks can need on one node.
const SERVER_CONNECTIONS: u32 = 300;

fn pgpool_conf(dir: &Path, state: &State) -> String {
    let dir_text = dir.display();
    let mut out = format!(
        "# pgherd in front of the sandbox in {dir_text}\n\
         backend_clustering_mode = '{}'\n\
         \n\
         listen_addresses = 'localhost'\n\
         port = {}\n\
         unix_socket_directories = '{dir_text}'\n\
         pcp_listen_addresses = 'localhost'\n\
         pcp_port = {}\n\
         pcp_socket_dir = '{dir_text}'\n\
         num_init_children = 100\n\
         read_consistency = 'session'\n\
         \n",
        state.mode.word(),
        state.port,
        state.pcp_port,
    );
    for (i, port) in state.nodes.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "backend_hostname{i} = '127.0.0.1'\n\
             backend_port{i} = {port}\n\
             backend_weight{i} = 1\n\
             backend_data_directory{i} = '{}'\n\
             backend_flag{i} = 'ALLOW_TO_FAILOVER'\n\
             backend_application_name{i} = 'server{i}'",
            data_dir(dir, i).display()
        );
    }
    let _ = write!(
        out,
        "\n\
         enable_pool_hba = off\n\
         pool_passwd = '{PASSWD}'\n\
         \n\
         sr_check_period = 2\n\
         sr_check_user = '{USER}'\n\
         sr_check_database = 'postgres'\n\
         health_check_period = 2\n\
         health_check_timeout = 5\n\
         health_check_user = '{USER}'\n\
         health_check_database = 'postgres'\n\
         \n\
         pid_file_name = '{dir_text}/{PID}'\n\
         work_dir = '{dir_text}'\n"
    );
    out
}

/// What `postgresql.conf` of a node gets behind the lines of `initdb`.
pub(crate) fn server_settings(dir: &Path, state: &State, index: usize, extra: &[(String, String)]) -> String {
    let port = state.nodes.get(index).copied().unwrap_or_default();
    let wal_level = if state.mode == Mode::LogicalReplication { "logical" } else { "replica" };
    let mut out = format!(
        "\n# The sandbox's own settings.\n\
         port = {port}\n\
         listen_addresses = '127.0.0.1'\n\
         unix_socket_directories = '{}'\n\
         cluster_name = 'node{index}'\n\
         max_connections = {SERVER_CONNECTIONS}\n\
         shared_buffers = '32MB'\n\
         max_prepared_transactions = 20\n\
         # Nothing here outlives the machine, and nothing may be left in memory when a server is killed.\n\
         fsync = off\n\
         full_page_writes = off\n\
         dynamic_shared_memory_type = mmap\n\
         wal_level = {wal_level}\n\
         max_wal_senders = 20\n\
         max_replication_slots = 20\n\
         wal_keep_size = '128MB'\n\
         wal_retrieve_retry_interval = '100ms'\n\
         hot_standby = on\n\
         password_encryption = '{}'\n\
         logging_collector = off\n\
         log_destination = 'stderr'\n\
         log_line_prefix = '%m [%p] %q%u@%d '\n",
        dir.display(),
        state.auth.encryption(),
    );
    if state.mode == Mode::SnapshotIsolation {
        out.push_str("default_transaction_isolation = 'repeatable read'\n");
    }
    for (name, value) in extra {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{name} = {value}");
    }
    out
}

/// `postgresql.auto.conf` of a standby.
pub(crate) fn standby_settings(state: &State, index: usize, slots: bool) -> String {
    let primary = state.nodes.first().copied().unwrap_or_default();
    let mut out = format!(
        "primary_conninfo = 'host=127.0.0.1 port={primary} user={USER} application_name=server{index}'\n\
         recovery_target_timeline = 'latest'\n"
    );
    if slots {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "primary_slot_name = '{}'", slot_name(index));
    }
    out
}

/// The replication slot of a standby on the primary.
pub(crate) fn slot_name(index: usize) -> String {
    format!("server{index}")
}

/// `pg_hba.conf` of a node.
pub(crate) fn server_hba(auth: Auth) -> String {
    let word = auth.word();
    format!(
        "local all all trust\n\
         local replication all trust\n\
         host replication all 127.0.0.1/32 trust\n\
         host all all 127.0.0.1/32 {word}\n\
         host all all ::1/128 {word}\n"
    )
}
