//! For tests against the real thing: clusters of PostgreSQL servers, a running pgherd in front of them, and a client
//! that sends and reads single messages of the protocol.
//!
//! Everything here ends with the test process, however that ends. Nothing sleeps for a guess: what is waited for
//! is a condition with a deadline. Failures panic with what was waited for and the log: this is for tests.

mod client;
mod message;
mod pgherd;
mod program;
mod request;
mod script;
mod shared;
mod target;

pub use client::{Client, ClientError};
pub use message::Message;
pub use pgherd::{Pgherd, StopMode, io_driver};
pub use program::pgherd_program;
pub use request::{Format, Param, Request};
pub use script::{Script, ScriptError, Writes};
pub use shared::{raw_cluster, streaming_cluster};
pub use target::Target;

pub use pgherd_sandbox as sandbox;

use std::time::Duration;

/// How long a test waits for what has to happen soon.
pub const SOON: Duration = Duration::from_secs(20);

/// Waits until `holds` says yes; it is asked every few milliseconds.
///
/// # Panics
/// When [`SOON`] passes first.
#[track_caller]
pub fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    if let Err(error) = sandbox::wait_until(|| what.to_owned(), SOON, || Ok(holds())) {
        panic!("{error}");
    }
}
