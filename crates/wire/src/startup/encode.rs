use super::{CANCEL_CODE, GSSENC_CODE, SSL_CODE};
use crate::{ProtocolVersion, write};

/// Appends a startup packet. The parameters are written in the order given; `user` has to be among them.
pub fn put_startup_message<'a>(
    out: &mut Vec<u8>,
    version: ProtocolVersion,
    parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
) {
    write::packet(out, |body| {
        body.extend(version.code().to_be_bytes());
        for (name, value) in parameters {
            write::string(body, name.as_bytes());
            write::string(body, value.as_bytes());
        }
        body.push(0);
    });
}

/// Appends an SSLRequest.
pub fn put_ssl_request(out: &mut Vec<u8>) {
    write::packet(out, |body| body.extend(SSL_CODE.to_be_bytes()));
}

/// Appends a GSSENCRequest.
pub fn put_gssenc_request(out: &mut Vec<u8>) {
    write::packet(out, |body| body.extend(GSSENC_CODE.to_be_bytes()));
}

/// Appends a CancelRequest with what BackendKeyData told.
pub fn put_cancel_request(out: &mut Vec<u8>, process_id: u32, key: &[u8]) {
    write::packet(out, |body| {
        body.extend(CANCEL_CODE.to_be_bytes());
        body.extend(process_id.to_be_bytes());
        body.extend(key);
    });
}
