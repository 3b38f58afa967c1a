//! The tables of `SHOW pool_...`.

mod nodes;
mod processes;
mod settings;
mod stats;

pub use nodes::{DelayUnit, pool_nodes};
pub use processes::{ProcessFacts, ProcessStatus, pool_processes};
pub use settings::{SettingFacts, pool_status};
pub use stats::pool_backend_stats;

use crate::Table;

/// `SHOW pool_version`.
pub fn pool_version(version: &str) -> Table {
    Table::single("pool_version", version)
}
