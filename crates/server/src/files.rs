use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Folders that are looked through for the configuration when no file is named, in this order: our own, the one of
/// Debian's package of Pgpool-II, the one of the PostgreSQL project's.
pub const CONFIGURATION_FOLDERS: [&str; 3] = ["/etc/pgherd", "/etc/pgpool2", "/etc/pgpool-II"];

/// The file of this name in the first of [`CONFIGURATION_FOLDERS`] that has it; in the first folder when none has.
pub fn default_file(name: &str) -> PathBuf {
    let mut all = CONFIGURATION_FOLDERS.iter().map(|folder| Path::new(folder).join(name));
    all.find(|path| path.exists()).unwrap_or_else(|| Path::new(CONFIGURATION_FOLDERS[0]).join(name))
}

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// Those of the system, or that the file is longer.
pub(crate) fn read_at_most(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let longest = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)?.take(longest).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("the file has more than {limit} bytes"),
        ));
    }
    Ok(bytes)
}
