use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use pgherd_cluster::StatusFile;
use pgherd_config::Settings;

use crate::files::read_at_most;

/// Bytes of the status file: 128 short lines, and room for what people add.
const STATUS_BYTES: usize = 64 * 1024;

/// `work_dir/pgpool_status` on the disk. It is written when its text changes.
#[derive(Debug)]
pub(crate) struct StatusStore {
    path: PathBuf,
    written: Option<String>,
}

impl StatusStore {
    /// The file of these settings.
    pub(crate) fn new(settings: &Settings) -> Self {
        StatusStore { path: PathBuf::from(&settings.files.work_dir).join("pgpool_status"), written: None }
    }

    /// What the last run left. That there is no file means that nothing is known.
    ///
    /// # Errors
    /// When there is a file that cannot be read.
    pub(crate) fn read(&self) -> io::Result<StatusFile> {
        match read_at_most(&self.path, STATUS_BYTES) {
            Ok(bytes) => Ok(StatusFile::parse(&String::from_utf8_lossy(&bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(StatusFile::default()),
            Err(error) => Err(error),
        }
    }

    /// Writes the file, if it would be another one than before. It is replaced whole, so that a crash leaves the old or
    /// the new one. Nothing is written when no node is up.
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) fn write(&mut self, status: &StatusFile) -> io::Result<()> {
        let Some(text) = status.render() else { return Ok(()) };
        if self.written.as_ref() == Some(&text) {
            return Ok(());
        }
        let new = self.path.with_extension("new");
        let mut file = create_anew(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        self.written = Some(text);
        Ok(())
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes a file that was not there. `work_dir` is `/tmp` by default, where anybody can put a link that leads elsewhere.
fn create_anew(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    OpenOptions::new().write(true).create_new(true).open(path)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use pgherd_cluster::StatusFile;
    use pgherd_config::Settings;

    use super::StatusStore;

    #[test]
    fn what_is_written_is_read_and_a_link_in_the_way_leads_nowhere() {
        let dir = std::env::temp_dir().join(format!("pgherd-status-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let precious = dir.join("precious");
        fs::write(&precious, "precious").unwrap();
        symlink(&precious, dir.join("pgpool_status.new")).unwrap();
        symlink(&precious, dir.join("pgpool_status")).unwrap();
        let mut settings = Settings::default();
        settings.files.work_dir = dir.to_string_lossy().into_owned();
        let mut store = StatusStore::new(&settings);
        let status = StatusFile::parse("up\ndown\n");
        store.write(&status).unwrap();
        assert_eq!(store.read().unwrap(), status);
        assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
        store.write(&StatusFile::default()).unwrap();
        assert_eq!(store.read().unwrap(), status, "a file without a node that is up is not written");
        fs::remove_dir_all(&dir).unwrap();
        assert_eq!(store.read().unwrap(), StatusFile::default(), "no file says nothing");
        assert!(store.write(&status).is_ok(), "the same text is not written again");
        assert!(store.write(&StatusFile::parse("up\n")).is_err());
    }
}
