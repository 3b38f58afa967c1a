use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pgherd_auth::PoolPasswd;
use pgherd_config::Settings;
use pgherd_io::Passwords;

use crate::files::read_at_most;

/// Bytes of `pool_passwd`.
const PASSWD_BYTES: usize = 16 << 20;

/// The passwords of `pool_passwd`, and what is wrong with the file.
pub(crate) struct PasswordFile {
    pub(crate) passwords: Passwords,
    pub(crate) problems: Vec<String>,
}

/// Reads `pool_passwd`, which is relative to the folder of the configuration file. That there is no such file is no
/// problem: servers may trust us.
pub(crate) fn read(settings: &Settings, configuration: &Path) -> PasswordFile {
    let name = &settings.connections.pool_passwd;
    if name.is_empty() {
        return PasswordFile { passwords: Arc::new(|_| None), problems: Vec::new() };
    }
    let path = beside(configuration, name);
    let (file, problems) = match read_at_most(&path, PASSWD_BYTES) {
        Ok(text) => {
            let (file, complaints) = PoolPasswd::parse(&text);
            let told = complaints.iter().map(|one| format!("{}: {one}", path.display()));
            (file, told.collect())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => (PoolPasswd::default(), Vec::new()),
        Err(error) => {
            (PoolPasswd::default(), vec![format!("could not read \"{}\": {error}", path.display())])
        }
    };
    PasswordFile { passwords: Arc::new(move |user| file.get(user).cloned()), problems }
}

/// A file named in the configuration, relative to the folder that it is in.
fn beside(configuration: &Path, name: &str) -> PathBuf {
    configuration.parent().unwrap_or_else(|| Path::new("")).join(name)
}
