//! PostgreSQL's wire protocol, versions 3.0 and 3.2: the one codec for clients, backends and tests.
//!
//! [`frame`] finds message boundaries in a stream that arrives in arbitrary pieces, without copying. The
//! other modules read and write single messages. Nothing here does IO or keeps state between messages.

pub mod frame;

pub use frame::{Framer, Piece};
