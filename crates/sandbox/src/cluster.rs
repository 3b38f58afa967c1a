use core::ops::Deref;

use crate::error::SandboxError;
use crate::guardian::{Guardian, temporary_folder};
use crate::sandbox::Sandbox;
use crate::spec::Spec;

/// A sandbox in a temporary folder that goes, servers and all, when this value is dropped or the process that
/// holds it has died, even by SIGKILL.
#[derive(Debug)]
pub struct Cluster {
    sandbox: Sandbox,
    // Dropped last, and it does all the removing.
    guardian: Guardian,
}

impl Cluster {
    /// Makes a cluster in a new temporary folder and starts its servers.
    ///
    /// # Errors
    /// As [`Sandbox::up`].
    pub fn start(spec: &Spec) -> Result<Self, SandboxError> {
        let dir = temporary_folder("pgherd-cluster")?;
        let guardian = Guardian::of(&dir)?;
        let sandbox = Sandbox::up(&dir, spec)?;
        Ok(Cluster { sandbox, guardian })
    }

    /// What keeps the folder; processes that use the cluster may be put under its guard.
    pub fn guardian(&self) -> &Guardian {
        &self.guardian
    }
}

impl Deref for Cluster {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.sandbox
    }
}
