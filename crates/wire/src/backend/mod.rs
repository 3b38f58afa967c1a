//! What a server sends.

mod encode;
pub mod kind;
mod status;

pub use encode::{
    authentication_ok, backend_key_data, command_complete, negotiate_protocol_version, parameter_status,
    ready_for_query,
};
pub use kind::largest_body;
pub use status::TransactionStatus;
