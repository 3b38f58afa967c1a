//! Runs a command with a fresh cluster and a pgherd in front of it, and removes both afterwards.
//!
//! The command finds pgherd through `PGHOST`, `PGPORT`, `PGUSER` and `PGDATABASE`, and in `HERD_NODES` the ports of the
//! nodes, in `HERD_BIN` PostgreSQL's programs, in `HERD_PID` pgherd's process id, in `HERD_DIR` its folder.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use lexopt::{Arg, Parser, ValueExt};
use pgherd_testkit::sandbox::{Cluster, Mode, Spec};
use pgherd_testkit::{Pgherd, Target};

const USAGE: &str = "\
usage: with-herd [--mode MODE] [--nodes N] [--set 'NAME = VALUE']... [--direct] -- COMMAND [ARGUMENT]...

  --mode MODE   streaming_replication (default), raw, ...
  --nodes N     how many servers (3)
  --set LINE    a line for pgherd's configuration
  --direct      no pgherd: the command gets node 0
";

struct Options {
    spec: Spec,
    settings: String,
    direct: bool,
    command: Vec<OsString>,
}

fn main() -> ExitCode {
    let options = match parse() {
        Ok(options) => options,
        Err(error) => {
            eprint!("with-herd: {error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("with-herd: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse() -> Result<Options, lexopt::Error> {
    let mut parser = Parser::from_env();
    let (mut spec, mut settings, mut direct) = (Spec::new(), String::new(), false);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("mode") => {
                let word = parser.value()?.string()?;
                spec = spec.mode(Mode::parse(&word).ok_or(format!("there is no mode {word}"))?);
            }
            Arg::Long("nodes") => spec = spec.nodes(parser.value()?.parse()?),
            Arg::Long("set") => settings.push_str(&format!("{}\n", parser.value()?.string()?)),
            Arg::Long("direct") => direct = true,
            Arg::Value(first) => {
                let command = std::iter::once(first).chain(parser.raw_args()?).collect();
                return Ok(Options { spec, settings, direct, command });
            }
            Arg::Short(_) | Arg::Long(_) => return Err(arg.unexpected()),
        }
    }
    Err("the command is missing".into())
}

fn run(options: &Options) -> Result<ExitCode, Box<dyn core::error::Error>> {
    let cluster = Cluster::start(&options.spec)?;
    let pgherd = (!options.direct).then(|| Pgherd::start(&cluster, &options.settings));
    let target = match &pgherd {
        Some(pgherd) => pgherd.target().clone(),
        None => Target::node(&cluster, cluster.node(0)?),
    };
    let (program, args) = options.command.split_first().ok_or("the command is missing")?;
    let nodes: Vec<String> = cluster.nodes().map(|node| node.port().to_string()).collect();
    let mut command = Command::new(program);
    command
        .args(args)
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", target.port.to_string())
        .env("PGUSER", &target.user)
        .env("PGDATABASE", &target.database)
        .env("HERD_NODES", nodes.join(" "))
        .env("HERD_BIN", cluster.bin());
    if let Some(pgherd) = &pgherd {
        command.env("HERD_PID", pgherd.pid().to_string()).env("HERD_DIR", pgherd.dir());
    }
    let status = command.status()?;
    if !status.success()
        && let Some(pgherd) = &pgherd
    {
        let log = pgherd.log();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(40)..).unwrap_or_default().join("\n");
        eprintln!("with-herd: the command ended with {status}; the end of pgherd's log:\n{tail}");
    }
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}
