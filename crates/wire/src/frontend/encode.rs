//! Appending a client's messages. Strings end before their first NUL; lists hold up to 65535 items.

use super::{Target, kind};
use crate::write;

/// Appends Query.
pub fn put_query(out: &mut Vec<u8>, text: &[u8]) {
    write::message(out, kind::QUERY, |body| write::string(body, text));
}

/// Appends Parse.
pub fn put_parse(out: &mut Vec<u8>, name: &[u8], text: &[u8], types: impl ExactSizeIterator<Item = u32>) {
    write::message(out, kind::PARSE, |body| {
        write::string(body, name);
        write::string(body, text);
        write::count(body, types.len());
        types.for_each(|oid| body.extend(oid.to_be_bytes()));
    });
}

/// Appends Bind. Formats are none, one for all, or one for each.
pub fn put_bind<'a>(
    out: &mut Vec<u8>,
    portal: &[u8],
    statement: &[u8],
    formats: impl ExactSizeIterator<Item = i16>,
    parameters: impl ExactSizeIterator<Item = Option<&'a [u8]>>,
    result_formats: impl ExactSizeIterator<Item = i16>,
) {
    write::message(out, kind::BIND, |body| {
        write::string(body, portal);
        write::string(body, statement);
        write::formats(body, formats);
        write::values(body, parameters);
        write::formats(body, result_formats);
    });
}

/// Appends Describe.
pub fn put_describe(out: &mut Vec<u8>, target: Target<'_>) {
    write::message(out, kind::DESCRIBE, |body| put_target(body, target));
}

/// Appends Close.
pub fn put_close(out: &mut Vec<u8>, target: Target<'_>) {
    write::message(out, kind::CLOSE, |body| put_target(body, target));
}

/// Appends Execute; `max_rows` 0 asks for all.
pub fn put_execute(out: &mut Vec<u8>, portal: &[u8], max_rows: i32) {
    write::message(out, kind::EXECUTE, |body| {
        write::string(body, portal);
        body.extend(max_rows.to_be_bytes());
    });
}

/// Appends Flush.
pub fn put_flush(out: &mut Vec<u8>) {
    write::message(out, kind::FLUSH, |_| ());
}

/// Appends Sync.
pub fn put_sync(out: &mut Vec<u8>) {
    write::message(out, kind::SYNC, |_| ());
}

/// Appends Terminate.
pub fn put_terminate(out: &mut Vec<u8>) {
    write::message(out, kind::TERMINATE, |_| ());
}

/// Appends FunctionCall.
pub fn put_function_call<'a>(
    out: &mut Vec<u8>,
    function: u32,
    formats: impl ExactSizeIterator<Item = i16>,
    arguments: impl ExactSizeIterator<Item = Option<&'a [u8]>>,
    result_format: i16,
) {
    write::message(out, kind::FUNCTION_CALL, |body| {
        body.extend(function.to_be_bytes());
        write::formats(body, formats);
        write::values(body, arguments);
        body.extend(result_format.to_be_bytes());
    });
}

/// Appends CopyData.
pub fn put_copy_data(out: &mut Vec<u8>, data: &[u8]) {
    write::message(out, kind::COPY_DATA, |body| body.extend(data));
}

/// Appends CopyDone.
pub fn put_copy_done(out: &mut Vec<u8>) {
    write::message(out, kind::COPY_DONE, |_| ());
}

/// Appends CopyFail.
pub fn put_copy_fail(out: &mut Vec<u8>, reason: &[u8]) {
    write::message(out, kind::COPY_FAIL, |body| write::string(body, reason));
}

/// Appends PasswordMessage: clear text, or `md5` and 32 digits.
pub fn put_password(out: &mut Vec<u8>, password: &[u8]) {
    write::message(out, kind::PASSWORD, |body| write::string(body, password));
}

/// Appends SASLInitialResponse.
pub fn put_sasl_initial(out: &mut Vec<u8>, mechanism: &[u8], response: Option<&[u8]>) {
    write::message(out, kind::PASSWORD, |body| {
        write::string(body, mechanism);
        write::value(body, response);
    });
}

/// Appends SASLResponse.
pub fn put_sasl_response(out: &mut Vec<u8>, response: &[u8]) {
    write::message(out, kind::PASSWORD, |body| body.extend(response));
}

fn put_target(body: &mut Vec<u8>, target: Target<'_>) {
    match target {
        Target::Statement(name) => {
            body.push(b'S');
            write::string(body, name);
        }
        Target::Portal(name) => {
            body.push(b'P');
            write::string(body, name);
        }
    }
}
