//! The life of one client, without IO.
//!
//! A [`Session`] is told [`Event`]s and pushes [`Action`]s, in order. It opens no socket, reads no
//! clock and holds no lock, so that the same code runs under epoll, under io_uring and in a test that plays a hundred
//! thousand ugly interleavings a second.

mod action;
mod common;
mod context;
mod count;
mod dial;
mod effect;
mod event;
mod explain;
pub mod ledger;
mod leg;
mod messages;
mod parked;
mod peek;
mod planted;
mod processes;
mod queue;
mod rarely;
mod reset;
mod say;
mod serving;
mod session;
mod startup;
mod state;
mod text;
mod tracing;

pub use action::{Action, Actions, Bytes, Carrier, Closing, Report, Timer};
pub use common::Common;
pub use context::{Context, Policy, ResetList};
pub use count::Count;
pub use dial::{Dial, DialStep, Dialled};
pub use event::{Event, Gone, Refusal, Shutdown};
pub use parked::{Parked, ParkedStep};
#[cfg(feature = "planted-bugs")]
pub use planted::{PlantedBug, plant};
pub use processes::Processes;
pub use reset::{Reset, ResetStep};
pub use session::{CANCEL_KEY_BYTES, Session};
pub use tracing::{BackendMessages, Line, Tracing};
