//! A configuration of its own for each test, and the program run with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use pgherd_testkit::sandbox::{Guardian, ProcessMark, free_ports, temporary_folder};
use pgherd_testkit::wait_for;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_pgherd");

/// A folder with a `pgpool.conf` whose only node is a port where nobody listens: what is tested here needs no server.
pub(crate) struct Setup {
    pub(crate) port: u16,
    guardian: Guardian,
}

impl Setup {
    /// A folder whose configuration ends with these lines.
    pub(crate) fn new(settings: &str) -> Self {
        let dir = temporary_folder("pgherd-life").expect("a temporary folder");
        let guardian = Guardian::of(&dir).expect("a guardian");
        let ports = free_ports(2).expect("free ports");
        let (port, nobody) = (ports[0], ports[1]);
        let setup = Setup { port, guardian };
        setup.write(&format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{dir}'\n\
             pid_file_name = '{dir}/pgherd.pid'\nwork_dir = '{dir}'\nlog_min_messages = debug1\n\
             backend_clustering_mode = raw\nbackend_hostname0 = '127.0.0.1'\nbackend_port0 = {nobody}\n\
             backend_weight0 = 1\n{settings}\n",
            dir = dir.display()
        ));
        setup
    }

    pub(crate) fn dir(&self) -> &Path {
        self.guardian.dir()
    }

    pub(crate) fn configuration(&self) -> PathBuf {
        self.dir().join("pgpool.conf")
    }

    pub(crate) fn pid_file(&self) -> PathBuf {
        self.dir().join("pgherd.pid")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir().join(format!(".s.PGSQL.{}", self.port))
    }

    /// Replaces the configuration.
    pub(crate) fn write(&self, text: &str) {
        fs::write(self.configuration(), text).expect("a configuration file");
    }

    /// Adds lines to the configuration.
    pub(crate) fn append(&self, text: &str) {
        let old = fs::read_to_string(self.configuration()).expect("a configuration file");
        self.write(&format!("{old}{text}\n"));
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("pgherd can be started")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg("-f").arg(self.configuration()).args(args).stdin(Stdio::null());
        command
    }

    /// Starts the program in the foreground and waits until it serves.
    pub(crate) fn start(&self) -> Running<'_> {
        self.start_with("true")
    }

    /// The same, after a command of the shell that is to be its process.
    pub(crate) fn start_with(&self, before: &str) -> Running<'_> {
        let log = fs::File::create(self.dir().join("log")).expect("a log file");
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("{before}; exec \"$@\"")).arg("sh").arg(PROGRAM);
        shell.arg("-f").arg(self.configuration()).arg("-n").stdin(Stdio::null());
        let child = shell.stdout(Stdio::null()).stderr(log).spawn().expect("sh can be started");
        let mut running = Running { setup: self, child };
        self.watch(running.child.id());
        wait_for("pgherd to serve or to end", || {
            running.log().contains("successfully started") || running.ended().is_some()
        });
        assert_eq!(running.ended(), None, "{}", running.log());
        running
    }

    /// Lets the guardian end a process that outlives the test.
    pub(crate) fn watch(&self, pid: u32) {
        if let Some(process) = i32::try_from(pid).ok().and_then(ProcessMark::of) {
            self.guardian.watch("pgherd", process).expect("a note for the guardian");
        }
    }

    /// The process id in the pid file.
    pub(crate) fn pid(&self) -> Option<u32> {
        fs::read_to_string(self.pid_file()).ok()?.trim().parse().ok()
    }
}

/// A pgherd in the foreground.
pub(crate) struct Running<'a> {
    setup: &'a Setup,
    child: Child,
}

impl Running<'_> {
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.setup.dir().join("log")).unwrap_or_default()
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a text in the log.
    #[track_caller]
    pub(crate) fn wait_for_log(&self, text: &str) {
        wait_for(&format!("{text:?} in the log"), || self.log().contains(text));
    }

    /// The exit code, if it has ended.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        self.child.try_wait().expect("it is our child").map(|status| status.code().unwrap_or(-1))
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        // The shell has a kill of its own; the program of that name is not on every machine.
        let kill = format!("kill -s {name} {pid}");
        let sent = Command::new("/bin/sh").args(["-c", &kill]).status().expect("a shell can be started");
        assert!(sent.success(), "kill -s {name}");
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> i32 {
        wait_for("pgherd to end", || self.ended().is_some());
        self.ended().expect("it has ended")
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // It has ended, or a test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a program said on standard error.
pub(crate) fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a program said on standard output.
pub(crate) fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
