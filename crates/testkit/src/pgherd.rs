use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use pgherd_sandbox::{Guardian, ProcessMark, Sandbox, free_ports, temporary_folder};
use rustix::process::Signal;

use crate::program::pgherd_program;
use crate::target::Target;
use crate::wait_for;

/// A pgherd in the foreground, in a temporary folder of its own, in front of a sandbox. It is killed, and the folder
/// removed, when this value is dropped or the test process has died.
#[derive(Debug)]
pub struct Pgherd {
    child: Child,
    target: Target,
    pcp_port: u16,
    // Dropped last: it removes the folder.
    guardian: Guardian,
}

/// How a pgherd is asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopMode {
    /// After the last client has gone.
    Smart,
    /// Now, with a goodbye to the clients.
    Fast,
    /// Now.
    Immediate,
}

impl Pgherd {
    /// Starts pgherd with the sandbox's configuration and the lines of `settings` after it, and waits until a client
    /// can log in.
    ///
    /// # Panics
    /// When that does not come to be; then with its log.
    #[track_caller]
    pub fn start(sandbox: &Sandbox, settings: &str) -> Self {
        Self::start_on(sandbox, None, settings)
    }

    /// As [`Pgherd::start`], on a given port.
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    pub fn start_on(sandbox: &Sandbox, port: Option<u16>, settings: &str) -> Self {
        let mut pgherd = Self::launch(sandbox, port, settings);
        let target = pgherd.target.clone();
        let mut ended = None;
        let mut last = None;
        wait_for("pgherd to take a client or to end", || {
            ended = pgherd.child.try_wait().ok().flatten();
            last = target.connect().err();
            ended.is_some() || last.is_none()
        });
        assert!(ended.is_none(), "pgherd ended with {ended:?}; its log:\n{}", pgherd.log());
        pgherd
    }

    /// Starts pgherd as [`Pgherd::start_on`] does and waits for nothing.
    ///
    /// # Panics
    /// When it cannot be started.
    #[track_caller]
    pub fn launch(sandbox: &Sandbox, port: Option<u16>, settings: &str) -> Self {
        let dir = temporary_folder("pgherd-test").expect("a temporary folder");
        let guardian = Guardian::of(&dir).expect("a guardian");
        let ports = free_ports(2).expect("free ports");
        let [free, pcp_port] = ports.as_slice() else { panic!("asked for two ports, got {ports:?}") };
        let port = port.unwrap_or(*free);
        let config = config(sandbox, &dir, port, *pcp_port, settings);
        for name in ["pcp.conf", "pool_hba.conf", "pool_passwd"] {
            fs::copy(sandbox.dir().join(name), dir.join(name)).expect("a file of the sandbox");
        }
        fs::write(dir.join("pgpool.conf"), config).expect("a configuration file");
        let log = File::create(dir.join("pgherd.log")).expect("a log file");
        let mut command = Command::new(pgherd_program());
        command.arg("-n");
        for (option, name) in [("-f", "pgpool.conf"), ("-F", "pcp.conf"), ("-a", "pool_hba.conf")] {
            command.arg(option).arg(dir.join(name));
        }
        // In a process group of its own it survives the Ctrl-C that ends a demo, and can be stopped in order.
        command.process_group(0);
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a log file")).stderr(log);
        let child = command.spawn().expect("pgherd can be started");
        if let Some(process) = i32::try_from(child.id()).ok().and_then(ProcessMark::of) {
            guardian.watch("pgherd", process).expect("a note for the guardian");
        }
        Pgherd { child, target: Target::port(sandbox, port), pcp_port: *pcp_port, guardian }
    }

    /// Where clients connect to.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The port on which it answers PCP.
    pub fn pcp_port(&self) -> u16 {
        self.pcp_port
    }

    /// Its folder, with `pgpool.conf` and the other files.
    pub fn dir(&self) -> &Path {
        self.guardian.dir()
    }

    /// Its configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.dir().join("pgpool.conf")
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to its log so far.
    pub fn log(&self) -> String {
        fs::read(self.dir().join("pgherd.log"))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Waits until its log has this text: a line is written beside the event loops, so that it may come a little later
    /// than the answer to the statement that it is about.
    ///
    /// # Panics
    /// When it does not come in time.
    #[track_caller]
    pub fn wait_for_log(&self, text: &str) {
        wait_for(&format!("{text:?} in the log of pgherd"), || self.log().contains(text));
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        if let Some(process) = i32::try_from(self.child.id()).ok().and_then(ProcessMark::of) {
            process.signal(signal);
        }
    }

    /// Asks it to stop and waits until it has ended.
    ///
    /// # Panics
    /// When it does not end in time.
    #[track_caller]
    pub fn stop(&mut self, mode: StopMode) -> ExitStatus {
        self.signal(match mode {
            StopMode::Smart => Signal::TERM,
            StopMode::Fast => Signal::INT,
            StopMode::Immediate => Signal::QUIT,
        });
        self.wait()
    }

    /// Waits until it has ended.
    ///
    /// # Panics
    /// When it does not end in time.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        wait_for("pgherd to end", || {
            status = self.child.try_wait().expect("pgherd is our child");
            status.is_some()
        });
        status.expect("the wait ended with a status")
    }
}

impl Drop for Pgherd {
    fn drop(&mut self) {
        // The guardian would do it too; here it is also waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- log of pgherd ---\n{}--- end of the log ---", self.log());
        }
    }
}

/// The `io_driver` that tests are to run on, from the environment variable `PGHERD_TEST_IO_DRIVER`; `None` leaves it to
/// pgherd.
pub fn io_driver() -> Option<String> {
    std::env::var("PGHERD_TEST_IO_DRIVER").ok().filter(|driver| !driver.is_empty())
}

/// The sandbox's configuration; of a parameter that occurs twice the last one counts.
fn config(sandbox: &Sandbox, dir: &Path, port: u16, pcp_port: u16, settings: &str) -> String {
    let base = fs::read_to_string(sandbox.config_file()).expect("the sandbox's configuration");
    let dir = dir.display();
    let driver = io_driver().map_or_else(String::new, |driver| format!("io_driver = {driver}"));
    format!(
        "{base}\n\
         port = {port}\n\
         pcp_port = {pcp_port}\n\
         unix_socket_directories = '{dir}'\n\
         pcp_socket_dir = '{dir}'\n\
         pid_file_name = '{dir}/pgherd.pid'\n\
         work_dir = '{dir}'\n\
         {driver}\n\
         {settings}\n"
    )
}
