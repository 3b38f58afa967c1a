//! What a server sends.

mod authentication;
mod columns;
mod copy;
mod encode;
mod key_data;
pub mod kind;
mod message;
mod negotiate;
mod status;
#[cfg(test)]
mod tests;

pub use authentication::{Authentication, Mechanisms};
pub use columns::{Column, Columns};
pub use copy::{CopyDirection, CopyResponse};
pub use encode::{
    put_authentication_ok, put_authentication_sasl, put_backend_key_data, put_command_complete,
    put_copy_data, put_copy_response, put_data_row, put_empty, put_function_call_response,
    put_negotiate_protocol_version, put_notification, put_parameter_description, put_parameter_status,
    put_ready_for_query, put_row_description,
};
pub use key_data::BackendKeyData;
pub use kind::largest_body;
pub use message::Message;
pub use negotiate::{Negotiate, Options};
pub use status::TransactionStatus;
