//! The statements that pgherd answers itself: `SHOW pool_...` and `PGPOOL ...`. Pure: facts come in, messages go out.
//!
//! [`AdminRequest::parse`] recognises a request, the functions in [`tables`] make a [`Table`] of what the caller knows,
//! and [`Table::put`] writes it as a server would answer. The columns are those of Pgpool-II 4.8.

mod lexer;
mod request;
mod table;
pub mod tables;

pub use request::{AdminRequest, Form, Report};
pub use table::Table;
