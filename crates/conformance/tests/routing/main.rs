//! Every rule of routing on real servers: which node answers, by the servers' own logs.

mod answers;
mod delay;
mod draw;
mod late;
mod questions;
mod rows;
mod stage;
mod terminations;
