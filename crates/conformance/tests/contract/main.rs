//! The contract of a server process, and what pgherd promises of its pool, against real servers. Wherever a direct
//! connection shows what is right, it is asked.

mod cancel;
mod endings;
mod garbage;
mod loss;
mod passwords;
mod places;
mod pool;
mod shutdown;
mod startup;
mod unasked;
