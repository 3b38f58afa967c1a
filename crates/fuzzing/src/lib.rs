//! What is fuzzed. Each function takes arbitrary bytes and panics when something that must hold does not.
//!
//! The programs in `fuzz/` call them with bytes that libFuzzer makes up; a test calls them with the committed corpus.

mod backend;
mod config;
mod frontend;
mod messages;
mod sql;

pub use backend::backend;
pub use config::config;
pub use frontend::frontend;
pub use sql::sql;

/// A target, by name.
pub type Target = (&'static str, fn(&[u8]));

/// All targets, by the names of their programs and corpus folders.
pub const TARGETS: &[Target] =
    &[("backend", backend), ("config", config), ("frontend", frontend), ("sql", sql)];
