//! What a client sends after its startup packet.

pub mod kind;

pub use kind::largest_body;
