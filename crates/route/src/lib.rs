//! Which node answers a statement.
//!
//! [`Router`] says what a statement is, remembering what it has seen; [`choose_read_node`] draws the node that
//! answers a session's reads.

mod balance;
mod memory;
mod router;

pub use balance::choose_read_node;
pub use memory::DECISIONS_BYTES;
pub use router::Router;
