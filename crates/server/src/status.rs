use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;

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
        let mut file = File::create(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        self.written = Some(text);
        Ok(())
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &std::path::Path {
        &self.path
    }
}
