//! Authentication towards servers, and the passwords that it needs.
//!
//! [`ServerAuth`] answers a server's Authentication messages: it is told each of them and says what to send. It does no
//! IO, has no clock and no randomness of its own, and hands the one expensive step, PBKDF2, out as a job for another
//! thread. [`PoolPasswd`] reads `pool_passwd`. Nothing here prints a password.

mod error;
mod md5;
mod passwd;
mod scram;
mod server;
mod stored;

pub use error::{AuthError, Method};
pub use passwd::{Complaint, PoolPasswd, Problem};
pub use scram::{Derive, Derived, NONCE_BYTES, SCRAM_ITERATIONS};
pub use server::{ServerAuth, Step};
pub use stored::{Form, StoredPassword};
