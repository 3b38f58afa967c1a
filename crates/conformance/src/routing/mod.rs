//! Which node answers which statement: rows of sessions, each statement with the role of the node that has to answer
//! it, and the servers' own logs as the witnesses.

mod hearing;
mod node_logs;
mod row;

pub use hearing::{Hearing, Sends};
pub use node_logs::NodeLogs;
pub use row::{Answers, Row, Statement};
