//! What both checklists share.

use std::env;
use std::fmt::{Debug, Display};

/// Why a check could not be finished.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

/// A variable of the connection.
pub fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}

/// Prints a line for a check.
pub fn report(name: &str, result: Result<impl Debug, impl Display>) {
    match result {
        Ok(value) => println!("{name}: {value:?}"),
        Err(error) => println!("{name}: FAIL {}", error.to_string().replace('\n', " ")),
    }
}
