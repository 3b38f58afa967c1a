//! Every rule of routing on real servers: which node answers, by the servers' own logs.

mod answers;
mod rows;
mod stage;
