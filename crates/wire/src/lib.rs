//! PostgreSQL's wire protocol, versions 3.0 to 3.2: the one codec for clients, backends and tests.
//!
//! [`frame`] finds message boundaries in a stream that arrives in arbitrary pieces, without copying. The
//! other modules read and write single messages: [`startup`] what comes before the first message, [`frontend`]
//! what a client sends, [`backend`] what a server sends, [`error_response`] its errors and notices. Reading borrows
//! from the bytes at hand and allocates nothing; writing appends to a buffer of the caller's. Nothing here does IO
//! or keeps state between messages.

pub mod backend;
mod body;
pub mod error_response;
pub mod frame;
pub mod frontend;
mod list;
#[cfg(test)]
mod random;
pub mod sqlstate;
pub mod startup;
mod version;
mod write;

pub use body::{Body, BodyError};
pub use frame::{Framer, Piece};
pub use list::{Formats, Oids, Values};
pub use sqlstate::SqlState;
pub use version::ProtocolVersion;
