//! The command line of `pgherd sandbox`.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::{Arg, Parser, ValueExt};

use crate::error::SandboxError;
use crate::node::Role;
use crate::sandbox::Sandbox;
use crate::spec::{Auth, Mode, Spec};

const HELP: &str = "\
Makes, breaks and removes clusters of real PostgreSQL servers in one folder.

Usage:
  pgherd sandbox up      --dir D [options]   make a cluster and start it
  pgherd sandbox status  --dir D             show its nodes
  pgherd sandbox stop N  --dir D             stop node N (fast)
  pgherd sandbox kill N  --dir D             end all processes of node N at once, like a crash
  pgherd sandbox start N --dir D             start node N again
  pgherd sandbox down    --dir D             stop everything and remove it

Options of up:
  --nodes N         how many servers, 1 to 16 (3)
  --mode MODE       streaming_replication (default), raw, native_replication,
                    logical_replication, snapshot_isolation, slony
  --port-base P     first port: pgherd's; PCP has the next, then the nodes (free ports)
  --pg-bin DIR      folder of PostgreSQL's programs (the newest installed, 13 to 18)
  --auth METHOD     what the servers ask over TCP: trust (default), password, md5,
                    scram-sha-256
  --slots           standbys hold replication slots

The folder gets a pgpool.conf, pcp.conf, pool_hba.conf and pool_passwd with which pgherd
runs in front of the cluster. As root, the servers run as the user postgres, or nobody.
";

/// Runs `pgherd sandbox` with the arguments behind that word. Errors go to standard error; the exit code is
/// then 1, or 2 when the command line is at fault.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut out = String::new();
    let result = parse(args).and_then(|request| perform(request, &mut out));
    // A reader that went away early has seen what it wanted.
    let _ = io::stdout().write_all(out.as_bytes());
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "pgherd sandbox: {error}");
            ExitCode::from(if matches!(error, SandboxError::Usage { .. }) { 2 } else { 1 })
        }
    }
}

/// What the command line asks for.
#[derive(Debug)]
enum Request {
    Help,
    Up { dir: PathBuf, spec: Spec },
    Status { dir: PathBuf },
    Node { dir: PathBuf, verb: NodeVerb, index: usize },
    Down { dir: PathBuf },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NodeVerb {
    Stop,
    Start,
    Kill,
}

fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Request, SandboxError> {
    let usage = |error: lexopt::Error| SandboxError::Usage { message: error.to_string() };
    let mut parser = Parser::from_args(args);
    let (mut words, mut dir, mut spec, mut options_of_up) = (Vec::new(), None, Spec::new(), false);
    while let Some(arg) = parser.next().map_err(usage)? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(Request::Help),
            Arg::Long("dir") => dir = Some(PathBuf::from(parser.value().map_err(usage)?)),
            Arg::Long(name) => {
                let name = name.to_owned();
                spec = option_of_up(spec, &name, &mut parser)?;
                options_of_up = true;
            }
            Arg::Value(word) => words.push(word.string().map_err(usage)?),
            Arg::Short(_) => return Err(usage(arg.unexpected())),
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if options_of_up && words.first() != Some(&"up") {
        return Err(SandboxError::Usage { message: "only `up` takes options besides --dir".to_owned() });
    }
    request(&words, dir, spec)
}

fn option_of_up(spec: Spec, name: &str, parser: &mut Parser) -> Result<Spec, SandboxError> {
    let usage = |error: lexopt::Error| SandboxError::Usage { message: format!("--{name}: {error}") };
    let mut text = || parser.value().and_then(|value| value.string()).map_err(usage);
    let unknown = |word: &str, known: String| SandboxError::Usage {
        message: format!("--{name} {word} is unknown; known are {known}"),
    };
    let number = |word: String| {
        let problem = format!("--{name} {word} is no number that can be used");
        word.parse::<u16>().map_err(|_| SandboxError::Usage { message: problem })
    };
    match name {
        "nodes" => Ok(spec.nodes(number(text()?)?.into())),
        "port-base" => Ok(spec.port_base(number(text()?)?)),
        "pg-bin" => Ok(spec.pg_bin(text()?)),
        "slots" => Ok(spec.slots(true)),
        "mode" => {
            let word = text()?;
            Ok(spec.mode(Mode::parse(&word).ok_or_else(|| unknown(&word, Mode::words()))?))
        }
        "auth" => {
            let word = text()?;
            Ok(spec.auth(Auth::parse(&word).ok_or_else(|| unknown(&word, Auth::words()))?))
        }
        other => Err(SandboxError::Usage { message: format!("there is no option --{other}") }),
    }
}

fn request(words: &[&str], dir: Option<PathBuf>, spec: Spec) -> Result<Request, SandboxError> {
    let fault = |message: String| Err(SandboxError::Usage { message });
    let verb = match words {
        [] => return Ok(Request::Help),
        [verb, ..] => *verb,
    };
    if !matches!(verb, "up" | "down" | "status" | "stop" | "start" | "kill") {
        return fault(format!("there is no command `{verb}`"));
    }
    let Some(dir) = dir else { return fault(format!("`{verb}` needs --dir")) };
    let node = |verb, index: &str| match index.parse() {
        Ok(index) => Ok(Request::Node { dir: dir.clone(), verb, index }),
        Err(_) => fault(format!("`{index}` is no number of a node")),
    };
    match words {
        ["up"] => Ok(Request::Up { dir, spec }),
        ["down"] => Ok(Request::Down { dir }),
        ["status"] => Ok(Request::Status { dir }),
        ["stop", index] => node(NodeVerb::Stop, index),
        ["start", index] => node(NodeVerb::Start, index),
        ["kill", index] => node(NodeVerb::Kill, index),
        ["stop" | "start" | "kill"] => fault(format!("`{verb}` needs the number of a node")),
        _ => fault(format!("`{verb}` is followed by too many words")),
    }
}

fn perform(request: Request, out: &mut String) -> Result<(), SandboxError> {
    match request {
        Request::Help => out.push_str(HELP),
        Request::Up { dir, spec } => {
            let sandbox = Sandbox::up(&dir, &spec)?;
            show(&sandbox, out);
            how_to_go_on(&sandbox, out);
        }
        Request::Status { dir } => show(&Sandbox::open(&dir)?, out),
        Request::Node { dir, verb, index } => {
            let sandbox = Sandbox::open(&dir)?;
            let node = sandbox.node(index)?;
            match verb {
                NodeVerb::Stop => node.stop()?,
                NodeVerb::Start => node.start()?,
                NodeVerb::Kill => node.kill()?,
            }
            show(&sandbox, out);
        }
        Request::Down { dir } => {
            let left = Sandbox::open(&dir)?.down()?;
            if !left.is_empty() {
                let names = left.join(", ");
                out.push_str(&format!(
                    "{} is kept for what the sandbox did not make: {names}\n",
                    dir.display()
                ));
            }
        }
    }
    Ok(())
}

fn show(sandbox: &Sandbox, out: &mut String) {
    out.push_str("node  port   state  role     process\n");
    for node in sandbox.nodes() {
        let role = node.role();
        let state = if role == Role::Down { "down" } else { "up" };
        let process = node.process().map_or("-".to_owned(), |process| process.pid().to_string());
        out.push_str(&format!("{:<5} {:<6} {state:<6} {role:<8} {process}\n", node.index(), node.port()));
    }
    if let Some(process) = sandbox.pgherd() {
        out.push_str(&format!("pgherd runs on port {} (process {})\n", sandbox.port(), process.pid()));
    }
}

fn how_to_go_on(sandbox: &Sandbox, out: &mut String) {
    let dir = sandbox.dir().display();
    let mode = sandbox.mode().word();
    out.push_str(&format!(
        "\nA {mode} cluster in {dir}\n\
         pgherd in front of it:  pgherd -n -f {dir}/pgpool.conf -F {dir}/pcp.conf -a {dir}/pool_hba.conf\n\
         connect through pgherd: psql -h {dir} -p {} -U postgres postgres\n\
         remove it:              pgherd sandbox down --dir {dir}\n",
        sandbox.port()
    ));
}

#[cfg(test)]
mod tests {
    use super::{NodeVerb, Request, parse};
    use crate::spec::Mode;

    fn parsed(line: &str) -> Result<Request, String> {
        parse(line.split(' ').map(Into::into)).map_err(|error| error.to_string())
    }

    #[test]
    fn options_reach_the_spec() {
        let line = "up --dir /x --nodes=2 --mode raw --port-base 11000 --slots";
        let Ok(Request::Up { dir, spec }) = parsed(line) else { panic!("not understood") };
        assert_eq!((dir.to_str(), spec.nodes, spec.mode), (Some("/x"), 2, Mode::Raw));
        assert_eq!((spec.port_base, spec.slots), (Some(11_000), true));
    }

    #[test]
    fn a_node_is_named_by_its_number() {
        let Ok(Request::Node { verb, index, .. }) = parsed("kill 1 --dir /x") else {
            panic!("not understood")
        };
        assert_eq!((verb, index), (NodeVerb::Kill, 1));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            ("up", "`up` needs --dir"),
            ("fly --dir /x", "there is no command `fly`"),
            ("stop --dir /x", "`stop` needs the number of a node"),
            ("stop one --dir /x", "`one` is no number of a node"),
            ("down 3 --dir /x", "`down` is followed by too many words"),
            ("up --dir /x --mode fast", "--mode fast is unknown; known are streaming_replication, raw"),
            ("up --dir /x --nodes many", "--nodes many is no number"),
            ("up --dir /x --color red", "there is no option --color"),
            ("down --dir /x --slots", "only `up` takes options besides --dir"),
            ("up --dir", "missing argument"),
        ];
        for (line, message) in cases {
            let error = parsed(line).map(|_| ()).unwrap_err();
            assert!(error.contains(message), "{line}: {error}");
        }
    }
}
