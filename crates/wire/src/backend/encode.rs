use super::{TransactionStatus, kind};
use crate::{ProtocolVersion, write};

/// Appends AuthenticationOk.
pub fn authentication_ok(out: &mut Vec<u8>) {
    write::message(out, kind::AUTHENTICATION, |body| body.extend(0_u32.to_be_bytes()));
}

/// Appends BackendKeyData. The key has 4 bytes in protocol 3.0, 4 to 256 in 3.2.
pub fn backend_key_data(out: &mut Vec<u8>, process_id: u32, key: &[u8]) {
    write::message(out, kind::BACKEND_KEY_DATA, |body| {
        body.extend(process_id.to_be_bytes());
        body.extend(key);
    });
}

/// Appends ParameterStatus.
pub fn parameter_status(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    write::message(out, kind::PARAMETER_STATUS, |body| {
        write::string(body, name);
        write::string(body, value);
    });
}

/// Appends ReadyForQuery.
pub fn ready_for_query(out: &mut Vec<u8>, status: TransactionStatus) {
    write::message(out, kind::READY_FOR_QUERY, |body| body.push(status.byte()));
}

/// Appends CommandComplete with this tag.
pub fn command_complete(out: &mut Vec<u8>, tag: &[u8]) {
    write::message(out, kind::COMMAND_COMPLETE, |body| write::string(body, tag));
}

/// Appends NegotiateProtocolVersion: the newest version that is spoken, and the `_pq_.` options that are not known.
pub fn negotiate_protocol_version<'a>(
    out: &mut Vec<u8>,
    version: ProtocolVersion,
    unknown: impl ExactSizeIterator<Item = &'a [u8]>,
) {
    write::message(out, kind::NEGOTIATE_PROTOCOL_VERSION, |body| {
        body.extend(version.code().to_be_bytes());
        let n = u32::try_from(unknown.len()).expect("a startup packet is far below 4 GiB");
        body.extend(n.to_be_bytes());
        unknown.for_each(|name| write::string(body, name));
    });
}
