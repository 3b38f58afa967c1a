//! What a client sends after its startup packet.

mod credential;
mod encode;
pub mod kind;
mod message;
#[cfg(test)]
mod tests;

pub use credential::{Credential, SaslInitial};
pub use encode::{
    put_bind, put_close, put_copy_data, put_copy_done, put_copy_fail, put_describe, put_execute, put_flush,
    put_function_call, put_parse, put_password, put_query, put_sasl_initial, put_sasl_response, put_sync,
    put_terminate,
};
pub use kind::largest_body;
pub use message::{Bind, FunctionCall, Message, Parse, Target};
