use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};

/// A process that cannot be mistaken for a later one of the same number: its id and when it started, in
/// clock ticks since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessMark {
    pid: i32,
    started: u64,
}

impl ProcessMark {
    /// The process that has this id now.
    pub fn of(pid: i32) -> Option<Self> {
        let (state, started) = stat(pid)?;
        is_live(state).then_some(ProcessMark { pid, started })
    }

    /// Its id.
    pub fn pid(self) -> i32 {
        self.pid
    }

    /// When it started, in clock ticks since boot.
    pub fn started(self) -> u64 {
        self.started
    }

    /// Whether it still runs. A process that has ended and was not waited for does not.
    pub fn is_alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Sends it a signal; nothing happens when it is gone.
    pub fn signal(self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.pid).filter(|_| self.is_alive()) {
            // It may end at this moment: then there is nothing to do.
            let _ = kill_process(pid, signal);
        }
    }
}

/// The server that runs in a data directory: the process that `postmaster.pid` there names, if it is a
/// `postgres` whose working folder is that directory (a server goes there when it starts).
pub(crate) fn postmaster(data: &Path) -> Option<ProcessMark> {
    let file = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let mark = ProcessMark::of(file.lines().next()?.trim().parse().ok()?)?;
    works_in(mark.pid, data).then_some(mark)
}

/// The id of the System V shared memory that a server of this data directory made, from its `postmaster.pid`.
pub(crate) fn shared_memory(data: &Path) -> Option<String> {
    let file = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let id = file.lines().nth(6)?.split_whitespace().nth(1)?;
    id.bytes().all(|b| b.is_ascii_digit()).then(|| id.to_owned())
}

/// All processes of the server in a data directory: those of the program `postgres` that work there.
pub(crate) fn server_processes(data: &Path) -> Vec<ProcessMark> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| works_in(*pid, data)).filter_map(ProcessMark::of).collect()
}

fn works_in(pid: i32, data: &Path) -> bool {
    let link = |name: &str| fs::read_link(format!("/proc/{pid}/{name}")).ok();
    // A program that was upgraded under the server shows as "postgres (deleted)".
    let is_server = |exe: PathBuf| {
        exe.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("postgres"))
    };
    link("cwd").is_some_and(|cwd| cwd == data) && link("exe").is_some_and(is_server)
}

/// State letter and start time of a process.
fn stat(pid: i32) -> Option<(u8, u64)> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse_stat(line: &str) -> Option<(u8, u64)> {
    // The second field is the program's name in parentheses and may hold anything, also parentheses.
    let rest = line.get(line.rfind(')')? + 1..)?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?.bytes().next()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}

fn is_live(state: u8) -> bool {
    !matches!(state, b'Z' | b'X' | b'x')
}

#[cfg(test)]
mod tests {
    use super::{ProcessMark, parse_stat, postmaster};
    use rustix::process::Signal;
    use std::process::Command;

    #[test]
    fn state_and_start_are_read_past_any_name() {
        let line = "12 (a) b (c) S 1 12 12 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 99 1\n";
        assert_eq!(parse_stat(line), Some((b'S', 4711)));
        assert_eq!(parse_stat("12 (a"), None);
    }

    #[test]
    fn a_process_that_ended_is_not_alive_before_and_after_it_is_waited_for() {
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        let mark = ProcessMark::of(child.id() as i32).unwrap();
        assert!(mark.is_alive());
        mark.signal(Signal::KILL);
        child.wait().unwrap();
        assert!(!mark.is_alive());
    }

    #[test]
    fn a_pid_file_that_names_a_foreign_process_names_no_server() {
        let dir = std::env::temp_dir().join(format!("pgherd-processes-{}", std::process::id()));
        std::fs::create_dir(&dir).unwrap();
        std::fs::write(dir.join("postmaster.pid"), format!("{}\n", std::process::id())).unwrap();
        let found = postmaster(&dir);
        std::fs::remove_dir_all(&dir).unwrap();
        assert_eq!(found, None);
    }
}
