//! io_uring for an event loop, with an interface that is safe.
//!
//! A [`Ring`] receives from many [`Socket`]s into one set of buffers, each armed once, and sends what was collected in
//! a turn of the loop with one system call, in which it also waits for what comes next. Everything else that a loop
//! wants to know (may this be written to, does somebody want to connect) is readiness, as with epoll.
//!
//! Beside it, what epoll can have of this ([`Batch`]), and what else of Linux no crate wraps ([`ask_for_slice`]).
//!
//! What makes it simple: **sends never wait**. The kernel takes what it has room for while it is told of it, and
//! reports only those that it did not take whole; so nothing is on its way out between two turns, and no buffer stays
//! with a peer that does not read.

mod batch;
mod buffers;
mod completion;
mod memory;
mod outbox;
mod probe;
mod ring;
mod schedule;
mod socket;

pub use batch::Batch;
pub use completion::{Completion, End};
pub use memory::{Filled, Memory};
pub use outbox::{Rank, Ticket};
pub use probe::probe;
pub use ring::{Interest, Ring};
pub use schedule::ask_for_slice;
pub use socket::Socket;
