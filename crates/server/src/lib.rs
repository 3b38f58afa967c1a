//! pgherd put together: configuration, data plane, control plane, log, start, reload and shutdown.
//!
//! [`start()`] runs until pgherd is stopped. The calling thread becomes the control plane: it watches the nodes, takes
//! signals, reloads, and tells the event loops of the data plane what changed. [`stop()`] and [`reload`] talk to a
//! pgherd that runs already.

mod admin;
mod board;
mod configuration;
mod control;
mod daemon;
mod delay_command;
mod delays;
mod descriptors;
mod files;
mod log;
mod look;
mod observe;
mod passwords;
mod pid_file;
mod plan;
mod positions;
mod signals;
mod start;
mod status;
mod stop;
mod version;
mod wal;

pub use configuration::{ConfigurationError, Loaded, load};
pub use daemon::detach;
pub use files::{CONFIGURATION_FOLDERS, default_file};
pub use pid_file::PidFileError;
pub use start::{StartError, StartOptions, start};
pub use stop::{SignalError, StopMode, reload, stop};
pub use version::{COMPATIBLE, version_text};
