//! The hottest paths of pgherd, ready to be walked any number of times: by the micro-benchmarks (`cargo bench -p
//! pgherd-bench`), and by `hot-path` under callgrind, which counts the instructions of each (`bench/instructions`).

mod conversation;
mod decisions;
pub mod messages;
mod path;

pub use conversation::{Conversation, Drawn};
pub use decisions::Decisions;
pub use path::{Path, Walk};
