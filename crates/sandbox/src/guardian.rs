use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::SandboxError;
use crate::processes::ProcessMark;

/// What the guardian does once nobody holds the other end of its standard input. `$1` is the folder.
///
/// A server is one whose working folder is a `node*` folder there; a process of `*.process` is one that
/// started when the file says. Nothing else is touched.
const SCRIPT: &str = r#"
trap '' INT TERM HUP QUIT
while read -r _; do :; done
dir=$1
servers() {
    for data in "$dir"/node*/; do
        data=${data%/}
        pid=$(head -n 1 "$data/postmaster.pid" 2>/dev/null) || continue
        [ "$(readlink "/proc/$pid/cwd")" = "$data" ] && echo "$pid"
    done
}
started() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }
for file in "$dir"/*.process; do
    read -r pid start 2>/dev/null <"$file" || continue
    [ "$(started "$pid")" = "$start" ] && kill -KILL "$pid"
done
tries=0
for pid in $(servers); do kill -QUIT "$pid"; done
while [ -n "$(servers)" ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 500 ]; then
        for pid in $(servers); do kill -KILL "$pid"; done
    fi
    [ "$tries" -gt 1000 ] && exit 1
    sleep 0.02
done
rm -rf "$dir"
"#;

/// Keeps a temporary folder, and the processes that belong to it, from outliving its owner: a small shell
/// process that waits until the owner is gone, by whatever death, then ends them and removes the folder.
#[derive(Debug)]
pub struct Guardian {
    dir: PathBuf,
    child: Child,
}

impl Guardian {
    /// Guards `dir`, which is removed when this value is dropped or its process has died.
    ///
    /// # Errors
    /// When the guardian cannot be started.
    pub fn of(dir: &Path) -> Result<Self, SandboxError> {
        let dir = dir.canonicalize().map_err(SandboxError::io(format!("cannot find {}", dir.display())))?;
        let mut sh = Command::new("/bin/sh");
        sh.args(["-c", SCRIPT, "pgherd-sandbox-guardian"]).arg(&dir).current_dir("/");
        // In a process group of its own it survives the Ctrl-C that ends its owner.
        sh.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let child = sh.spawn().map_err(SandboxError::io("cannot start /bin/sh"))?;
        Ok(Guardian { dir, child })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Puts a process under guard: it is killed when the folder goes.
    ///
    /// # Errors
    /// When the note of it cannot be written.
    pub fn watch(&self, name: &str, process: ProcessMark) -> Result<(), SandboxError> {
        let path = self.dir.join(format!("{name}.process"));
        fs::write(&path, format!("{} {}\n", process.pid(), process.started()))
            .map_err(SandboxError::io(format!("cannot write {}", path.display())))
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // Whether it went well shows in the folder: there is nobody to tell here.
        let _ = self.child.wait();
    }
}

/// Makes a new folder for temporary things, which all may enter.
///
/// # Errors
/// When it cannot be made.
pub fn temporary_folder(prefix: &str) -> Result<PathBuf, SandboxError> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("{prefix}-{}-{number}", std::process::id()));
        match fs::DirBuilder::new().mode(0o755).create(&path) {
            Ok(()) => return Ok(path),
            // Left by a process that had the same number before a restart of the machine.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(SandboxError::io(format!("cannot make {}", path.display()))(error)),
        }
    }
}
