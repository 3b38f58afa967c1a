//! A short tour of pgherd in front of a sandbox of three PostgreSQL servers. What `./demo` runs.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use pgherd_testkit::sandbox::{Cluster, ProcessMark, Spec};
use pgherd_testkit::{Pgherd, StopMode, Target};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// pgherd's usual port.
const PORT: u16 = 9999;
/// Sessions that ask who answers. With fewer, one of three nodes could be missed by chance.
const SESSIONS: usize = 60;

type Outcome<T> = Result<T, Box<dyn core::error::Error>>;

fn main() -> ExitCode {
    let once = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--once") => true,
        Some("--help" | "-h") => {
            println!(
                "usage: ./demo [--once]\n\n  --once   the tour only; exit code 0 when all of it was right"
            );
            return ExitCode::SUCCESS;
        }
        Some(other) => {
            eprintln!("demo: there is no option {other}; see ./demo --help");
            return ExitCode::from(2);
        }
    };
    // What the kit finds wrong it says by a panic, with pgherd's log: the place in the source is of no use here.
    std::panic::set_hook(Box::new(|info| {
        let payload = info.payload();
        let text =
            payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref::<&str>().copied());
        eprintln!("\ndemo: {}", text.unwrap_or("something failed"));
    }));
    match demo(once) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\ndemo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn demo(once: bool) -> Outcome<()> {
    // Before anything is made, so that no signal ends the demo without its clearing up.
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let started = Instant::now();
    heading("A cluster of three PostgreSQL servers, and pgherd in front of it");
    let cluster = Cluster::start(&Spec::new())?;
    println!("PostgreSQL from {} in {}", cluster.bin().display(), cluster.dir().display());
    for node in cluster.nodes() {
        println!("  node {} on port {}: {}", node.index(), node.port(), node.role());
    }
    let mut pgherd = Pgherd::start_on(&cluster, port_9999(), "");
    println!("pgherd on port {}, up after {:.1} s", pgherd.target().port, started.elapsed().as_secs_f32());

    tour(&cluster, pgherd.target())?;

    if !once {
        how_to_connect(&cluster, &pgherd);
        signals.forever().next();
        println!("\nStopping pgherd and the servers, removing {}", cluster.dir().display());
    }
    let left = Leftovers::of(&cluster, &pgherd);
    let status = pgherd.stop(StopMode::Fast);
    check(status.success(), || format!("pgherd ended with {status}; its log:\n{}", pgherd.log()))?;
    drop(pgherd);
    drop(cluster);
    left.check()?;
    if once {
        println!("\nAll was right, and nothing is left behind ({:.1} s).", started.elapsed().as_secs_f32());
    }
    Ok(())
}

fn tour(cluster: &Cluster, herd: &Target) -> Outcome<()> {
    heading("SHOW pool_nodes");
    let table = output(herd, "psql", &["-X", "-c", "SHOW pool_nodes"])?;
    print!("{table}");
    let up = table.lines().filter(|line| line.contains(" up ")).count();
    check(up == 3, || format!("{up} nodes are up instead of 3"))?;

    heading("Writes go to the primary");
    let primary = cluster.node(0)?.port().to_string();
    herd.psql("CREATE TABLE herd (id int PRIMARY KEY, name text)");
    let wrote =
        herd.psql("INSERT INTO herd VALUES (1, 'cow'), (2, 'ox'), (3, 'calf') RETURNING inet_server_port()");
    println!("INSERT was answered by port {}", wrote.lines().next().unwrap_or_default());
    check(wrote.lines().all(|port| port == primary), || format!("not by the primary's {primary}"))?;
    cluster.wait_for_replay()?;

    heading("Reads are spread over all nodes");
    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..SESSIONS {
        let row = herd.psql("SELECT inet_server_port(), count(*) FROM herd");
        let (port, count) = row.split_once('|').ok_or("a row has two columns")?;
        check(count == "3", || format!("port {port} sees {count} rows instead of 3"))?;
        *answers.entry(port.to_owned()).or_default() += 1;
    }
    for node in cluster.nodes() {
        let times = answers.get(&node.port().to_string()).copied().unwrap_or_default();
        println!(
            "node {} ({:<7}) answered {times:>2} of {SESSIONS} sessions",
            node.index(),
            node.role().to_string()
        );
        check(times > 0, || format!("node {} answered none", node.index()))?;
    }

    heading("A transaction that writes stays on the primary");
    let row = herd.psql(
        "BEGIN; UPDATE herd SET name = 'bull' WHERE id = 2;
         SELECT inet_server_port(), name FROM herd WHERE id = 2; COMMIT",
    );
    println!("UPDATE and SELECT: {row}");
    check(row == format!("{primary}|bull"), || format!("expected {primary}|bull"))?;

    heading("Errors are PostgreSQL's own");
    let failed = herd.psql_output("SELECT 1 / 0");
    let text = String::from_utf8_lossy(&failed.stderr).into_owned();
    print!("{text}");
    check(text.contains("ERROR:  division by zero"), || "that is another error".to_owned())?;

    heading("A little pgbench");
    output(herd, "pgbench", &["-i", "-q", "-s", "1"])?;
    cluster.wait_for_replay()?;
    let runs: [(&str, &[&str]); 2] = [
        ("select only, prepared, 8 clients", &["-n", "-S", "-M", "prepared", "-c", "8", "-T", "2"]),
        ("read and write, 4 clients", &["-n", "-c", "4", "-t", "100"]),
    ];
    for (name, args) in runs {
        let report = herd.pgbench(args);
        let line = |start: &str| report.lines().find(|line| line.starts_with(start)).unwrap_or_default();
        let number = |start: &str| line(start).split_whitespace().nth(2).and_then(|n| n.parse::<f64>().ok());
        let tps = number("tps = ").ok_or("pgbench reports no rate")?;
        println!("{name}: {tps:.0} transactions per second");
        let failed = line("number of failed transactions");
        check(failed.is_empty() || failed.contains(": 0 "), || report.clone())?;
    }
    Ok(())
}

fn how_to_connect(cluster: &Cluster, pgherd: &Pgherd) {
    let psql = cluster.bin().join("psql");
    heading("Your turn");
    println!("connect:  {} -h localhost -p {} -U postgres postgres", psql.display(), pgherd.target().port);
    println!("look at:  SHOW pool_nodes; SHOW pool_status; SHOW pool_version");
    println!("settings: {}", pgherd.config_file().display());
    println!("log:      {}", pgherd.dir().join("pgherd.log").display());
    println!(
        "break it: kill -9 {} ends node 2",
        cluster.nodes().nth(2).and_then(|n| n.process()).map_or(0, |p| p.pid())
    );
    println!("Ctrl-C stops everything and removes it.");
    // Nobody may be looking: then there is nothing to show.
    let _ = io::stdout().flush();
}

/// The usual port, unless it is taken.
fn port_9999() -> Option<u16> {
    if TcpListener::bind(("127.0.0.1", PORT)).is_ok() {
        return Some(PORT);
    }
    println!("Port {PORT} is taken: pgherd gets a free one.");
    None
}

/// What has to be gone after the demo.
struct Leftovers {
    folders: Vec<PathBuf>,
    servers: Vec<ProcessMark>,
    /// Ids of the servers' shared memory.
    memory: Vec<String>,
    port: u16,
}

impl Leftovers {
    fn of(cluster: &Cluster, pgherd: &Pgherd) -> Self {
        let memory = |dir: PathBuf| {
            let text = fs::read_to_string(dir.join("postmaster.pid")).ok()?;
            Some(text.lines().nth(6)?.split_whitespace().nth(1)?.to_owned())
        };
        Leftovers {
            folders: vec![cluster.dir().to_owned(), pgherd.dir().to_owned()],
            servers: cluster.nodes().filter_map(|node| node.process()).collect(),
            memory: cluster.nodes().filter_map(|node| memory(node.data_dir())).collect(),
            port: pgherd.target().port,
        }
    }

    fn check(&self) -> Outcome<()> {
        for folder in &self.folders {
            check(!folder.exists(), || format!("{} is still there", folder.display()))?;
        }
        for server in &self.servers {
            check(!server.is_alive(), || format!("the server with process id {} still runs", server.pid()))?;
        }
        let segments = fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
        let ids: Vec<&str> = segments.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
        let left = self.memory.iter().find(|id| ids.contains(&id.as_str()));
        check(left.is_none(), || format!("shared memory {left:?} is still there"))?;
        check(TcpListener::bind(("127.0.0.1", self.port)).is_ok(), || {
            format!("port {} is still taken", self.port)
        })
    }
}

fn output(target: &Target, program: &str, args: &[&str]) -> Outcome<String> {
    let out = target.program(program).args(args).output()?;
    let errors = String::from_utf8_lossy(&out.stderr).into_owned();
    check(out.status.success(), || format!("{program} failed: {errors}"))?;
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

fn heading(text: &str) {
    println!("\n== {text}");
}

fn check(right: bool, problem: impl FnOnce() -> String) -> Outcome<()> {
    if right { Ok(()) } else { Err(problem().into()) }
}
