//! What sessions are tested against: a model of PostgreSQL's server process, random client programs, and the
//! oracle that says whether a client could have told pgherd from a server of its own.

pub mod backend;
/// A client that plays its program, whatever it is connected to.
pub mod client;
/// Messages as the model reads and writes them.
pub mod message;
/// Whether what the clients saw is what they could have seen alone.
pub mod oracle;
mod pool;
/// Random clients.
pub mod program;
mod rng;
/// The texts that the model understands.
pub mod sql;
pub mod transcript;
pub mod world;

pub use message::Message;
pub use rng::Rng;
