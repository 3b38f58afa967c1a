//! Appending a server's messages. Strings end before their first NUL; lists hold up to 65535 items.

use super::{Authentication, Column, CopyDirection, TransactionStatus, kind};
use crate::{ProtocolVersion, write};

/// Appends AuthenticationOk. Other steps: [`Authentication::put`].
pub fn put_authentication_ok(out: &mut Vec<u8>) {
    Authentication::Ok.put(out);
}

/// Appends AuthenticationSASL with these mechanisms.
pub fn put_authentication_sasl<'a>(out: &mut Vec<u8>, mechanisms: impl IntoIterator<Item = &'a [u8]>) {
    write::message(out, kind::AUTHENTICATION, |body| {
        body.extend(10_u32.to_be_bytes());
        mechanisms.into_iter().for_each(|name| write::string(body, name));
        body.push(0);
    });
}

/// Appends BackendKeyData. The key has 4 bytes in protocol 3.0, 4 to 256 in 3.2.
pub fn put_backend_key_data(out: &mut Vec<u8>, process_id: u32, key: &[u8]) {
    write::message(out, kind::BACKEND_KEY_DATA, |body| {
        body.extend(process_id.to_be_bytes());
        body.extend(key);
    });
}

/// Appends CommandComplete with this tag.
pub fn put_command_complete(out: &mut Vec<u8>, tag: &[u8]) {
    write::message(out, kind::COMMAND_COMPLETE, |body| write::string(body, tag));
}

/// Appends CopyData.
pub fn put_copy_data(out: &mut Vec<u8>, data: &[u8]) {
    write::message(out, kind::COPY_DATA, |body| body.extend(data));
}

/// Appends CopyInResponse, CopyOutResponse or CopyBothResponse. Formats: 0 text, 1 binary.
pub fn put_copy_response(
    out: &mut Vec<u8>,
    direction: CopyDirection,
    format: u8,
    columns: impl ExactSizeIterator<Item = i16>,
) {
    write::message(out, direction.kind(), |body| {
        body.push(format);
        write::formats(body, columns);
    });
}

/// Appends DataRow.
pub fn put_data_row<'a>(out: &mut Vec<u8>, row: impl ExactSizeIterator<Item = Option<&'a [u8]>>) {
    write::message(out, kind::DATA_ROW, |body| write::values(body, row));
}

/// Appends a message that has no body: BindComplete, CloseComplete, CopyDone, EmptyQueryResponse, NoData,
/// ParseComplete, PortalSuspended.
pub fn put_empty(out: &mut Vec<u8>, kind: u8) {
    write::message(out, kind, |_| ());
}

/// Appends FunctionCallResponse.
pub fn put_function_call_response(out: &mut Vec<u8>, value: Option<&[u8]>) {
    write::message(out, kind::FUNCTION_CALL_RESPONSE, |body| write::value(body, value));
}

/// Appends NegotiateProtocolVersion: the version that is spoken, and the `_pq_.` options that are not known.
pub fn put_negotiate_protocol_version<'a>(
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

/// Appends NotificationResponse.
pub fn put_notification(out: &mut Vec<u8>, process_id: u32, channel: &[u8], payload: &[u8]) {
    write::message(out, kind::NOTIFICATION_RESPONSE, |body| {
        body.extend(process_id.to_be_bytes());
        write::string(body, channel);
        write::string(body, payload);
    });
}

/// Appends ParameterDescription.
pub fn put_parameter_description(out: &mut Vec<u8>, types: impl ExactSizeIterator<Item = u32>) {
    write::message(out, kind::PARAMETER_DESCRIPTION, |body| {
        write::count(body, types.len());
        types.for_each(|oid| body.extend(oid.to_be_bytes()));
    });
}

/// Appends ParameterStatus.
pub fn put_parameter_status(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    write::message(out, kind::PARAMETER_STATUS, |body| {
        write::string(body, name);
        write::string(body, value);
    });
}

/// Appends ReadyForQuery.
pub fn put_ready_for_query(out: &mut Vec<u8>, status: TransactionStatus) {
    write::message(out, kind::READY_FOR_QUERY, |body| body.push(status.byte()));
}

/// Appends RowDescription.
pub fn put_row_description<'a>(out: &mut Vec<u8>, columns: impl ExactSizeIterator<Item = Column<'a>>) {
    write::message(out, kind::ROW_DESCRIPTION, |body| {
        write::count(body, columns.len());
        columns.for_each(|column| column.put(body));
    });
}
