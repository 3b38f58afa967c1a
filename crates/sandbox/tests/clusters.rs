//! Real clusters: made, broken, and gone afterwards.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use pgherd_sandbox::{Auth, Cluster, Mode, Role, Sandbox, SandboxError, Spec, temporary_folder, wait_until};

const LIMIT: Duration = Duration::from_secs(30);

#[track_caller]
fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let waited = wait_until(|| what.to_owned(), LIMIT, || Ok(holds()));
    assert!(waited.is_ok(), "{waited:?}");
}

fn roles(sandbox: &Sandbox) -> Vec<Role> {
    sandbox.nodes().map(|node| node.role()).collect()
}

/// Shared memory segments whose ids the servers of a sandbox note.
fn memory(sandbox: &Sandbox) -> Vec<String> {
    let noted = |path: PathBuf| {
        let text = fs::read_to_string(path).ok()?;
        Some(text.lines().nth(6)?.split_whitespace().nth(1)?.to_owned())
    };
    sandbox.nodes().filter_map(|node| noted(node.data_dir().join("postmaster.pid"))).collect()
}

fn exists_in_memory(id: &str) -> bool {
    let list = fs::read_to_string("/proc/sysvipc/shm").expect("Linux lists its shared memory");
    list.lines().any(|line| line.split_whitespace().nth(1) == Some(id))
}

#[test]
fn standbys_replay_what_the_primary_writes_and_each_node_can_be_broken_and_mended() {
    let cluster = Cluster::start(&Spec::new()).unwrap();
    let [primary, one, two] = [0, 1, 2].map(|index| cluster.node(index).unwrap());
    assert_eq!(roles(&cluster), [Role::Primary, Role::Standby, Role::Standby]);
    primary.psql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS n").unwrap();
    cluster.wait_for_replay().unwrap();
    assert_eq!(two.psql("SELECT count(*) FROM t").unwrap(), "1000");
    let names = primary.psql("SELECT application_name FROM pg_stat_replication ORDER BY 1").unwrap();
    assert_eq!(names, "server1\nserver2");

    one.stop().unwrap();
    two.kill().unwrap();
    assert_eq!(roles(&cluster), [Role::Primary, Role::Down, Role::Down]);
    primary.psql("INSERT INTO t SELECT generate_series(1, 1000)").unwrap();
    primary.kill().unwrap();
    primary.start().unwrap();
    one.start().unwrap();
    two.start().unwrap();
    assert_eq!(roles(&cluster), [Role::Primary, Role::Standby, Role::Standby]);
    cluster.wait_for_replay().unwrap();
    for node in cluster.nodes() {
        assert_eq!(node.psql("SELECT count(*) FROM t").unwrap(), "2000", "node {}", node.index());
    }

    primary.kill().unwrap();
    one.promote().unwrap();
    assert_eq!(roles(&cluster), [Role::Down, Role::Primary, Role::Standby]);
}

#[test]
fn independent_nodes_know_nothing_of_each_other() {
    let cluster = Cluster::start(&Spec::new().nodes(2).mode(Mode::SnapshotIsolation)).unwrap();
    assert_eq!(roles(&cluster), [Role::Primary, Role::Primary]);
    cluster.node(0).unwrap().psql("CREATE TABLE t (n int)").unwrap();
    let error = cluster.node(1).unwrap().psql("SELECT * FROM t").unwrap_err();
    assert!(error.to_string().contains("relation \"t\" does not exist"), "{error}");
    let isolation = cluster.node(1).unwrap().psql("SHOW transaction_isolation").unwrap();
    assert_eq!(isolation, "repeatable read");
}

#[test]
fn passwords_are_asked_for_and_known_to_pool_passwd() {
    let spec = Spec::new().nodes(2).auth(Auth::Scram).slots(true).setting("work_mem", "'7MB'");
    let cluster = Cluster::start(&spec).unwrap();
    let passwd = fs::read_to_string(cluster.dir().join("pool_passwd")).unwrap();
    let password = passwd.trim_end().strip_prefix("postgres:TEXT").unwrap();
    let connect = |password: &str| {
        let mut psql = Command::new(cluster.bin().join("psql"));
        psql.args(["-X", "-w", "-A", "-t", "-h", "127.0.0.1", "-U", "postgres", "-c", "SHOW work_mem"]);
        psql.args(["-p", &cluster.node(1).unwrap().port().to_string(), "postgres"]);
        psql.env("PGPASSWORD", password).output().unwrap()
    };
    cluster.wait_for_replay().unwrap();
    assert_eq!(String::from_utf8_lossy(&connect(password).stdout), "7MB\n");
    assert!(String::from_utf8_lossy(&connect("wrong").stderr).contains("password authentication failed"));
    let slots = cluster.node(0).unwrap().psql("SELECT slot_name, active FROM pg_replication_slots").unwrap();
    assert_eq!(slots, "server1|t");
}

#[test]
fn down_removes_what_up_made_and_nothing_else() {
    let dir = temporary_folder("pgherd-down").unwrap();
    let sandbox = Sandbox::up(&dir, &Spec::new().nodes(1)).unwrap();
    let again = Sandbox::up(&dir, &Spec::new().nodes(1)).unwrap_err();
    assert!(matches!(again, SandboxError::Exists { .. }), "{again}");
    fs::write(dir.join("mine"), "text").unwrap();
    assert_eq!(sandbox.down().unwrap(), ["mine"]);
    assert_eq!(fs::read_to_string(dir.join("mine")).unwrap(), "text");

    // The folder was there before the sandbox: it is kept, and its owner's again.
    assert_eq!(fs::metadata(&dir).unwrap().uid(), fs::metadata(dir.join("mine")).unwrap().uid());
    let inner = dir.join("made");
    assert_eq!(Sandbox::up(&inner, &Spec::new().nodes(1)).unwrap().down().unwrap(), [""; 0]);
    assert!(!inner.exists());

    let foreign = Sandbox::up(&dir, &Spec::new().nodes(1)).unwrap_err();
    assert!(matches!(foreign, SandboxError::NotEmpty { .. }), "{foreign}");
    let none = Sandbox::open(&dir).unwrap_err();
    assert!(matches!(none, SandboxError::NotASandbox { .. }), "{none}");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_server_that_cannot_start_leaves_nothing_behind_but_its_reason() {
    let dir = temporary_folder("pgherd-broken").unwrap();
    let spec = Spec::new().nodes(2).setting("shared_buffers", "'a lot'");
    let error = Sandbox::up(&dir, &spec).unwrap_err().to_string();
    assert!(error.contains("invalid value for parameter \"shared_buffers\": \"a lot\""), "{error}");
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
    fs::remove_dir(&dir).unwrap();
}

#[test]
fn paths_that_postgresql_cannot_use_are_refused() {
    let base = temporary_folder("pgherd-paths").unwrap();
    for name in ["with blank", "quo'te", "com,ma", &"long".repeat(30)] {
        let error = Sandbox::up(&base.join(name), &Spec::new().nodes(1)).unwrap_err();
        assert!(matches!(error, SandboxError::BadFolder { .. }), "{name}: {error}");
        assert!(!base.join(name).exists(), "{name}");
    }
    fs::remove_dir(&base).unwrap();
}

/// The variable under which this test program plays the owner that is killed.
const HOLD: &str = "PGHERD_TEST_HOLD_CLUSTER";

#[test]
fn a_cluster_does_not_outlive_an_owner_that_is_killed() {
    if std::env::var_os(HOLD).is_some() {
        return hold();
    }
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_cluster_does_not_outlive_an_owner_that_is_killed", "--nocapture"])
        .env(HOLD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(owner.stdout.take().unwrap()).lines().map_while(Result::ok);
    let dir = lines.filter_map(|line| line.split_once("cluster in ").map(|(_, dir)| dir.to_owned())).next();
    let dir = PathBuf::from(dir.expect("the owner says where its cluster is"));
    let sandbox = Sandbox::open(&dir).unwrap();
    let servers: Vec<_> = sandbox.nodes().map(|node| node.process().unwrap()).collect();
    let segments = memory(&sandbox);
    assert!(segments.len() == 2 && segments.iter().all(|id| exists_in_memory(id)));

    owner.kill().unwrap();
    owner.wait().unwrap();
    wait_for("the servers to go", || servers.iter().all(|server| !server.is_alive()));
    wait_for("the folder to go", || !Path::new(&dir).exists());
    assert!(!segments.iter().any(|id| exists_in_memory(id)));
}

fn hold() {
    let cluster = Cluster::start(&Spec::new().nodes(2)).expect("a cluster");
    println!("\ncluster in {}", cluster.dir().display());
    // Until the other end goes, which it does when the test that started this process has ended.
    let _ = std::io::stdin().lines().count();
}

#[test]
fn a_killed_server_frees_its_memory() {
    let cluster = Cluster::start(&Spec::new().nodes(1)).unwrap();
    let segments = memory(&cluster);
    assert!(segments.len() == 1 && exists_in_memory(&segments[0]));
    cluster.node(0).unwrap().kill().unwrap();
    assert!(!exists_in_memory(&segments[0]));
    let dir = cluster.dir().to_owned();
    drop(cluster);
    assert!(!dir.exists());
}
