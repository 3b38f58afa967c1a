//! The log, in the form that Pgpool-II's has: `<log_line_prefix>LEVEL:  message`, then DETAIL and HINT.
//!
//! Whoever has something to say makes a [`Record`] and hands it to [`Log::write`], which never waits: lines go through
//! a bounded queue to a thread that formats and writes them. What does not fit is counted and the number is
//! logged.

mod level;
mod prefix;
mod record;
mod writer;

pub(crate) use level::Level;
pub(crate) use prefix::Prefix;
pub(crate) use record::{Record, SessionNames, Source};
pub(crate) use writer::{Format, Log, Verbosity};
