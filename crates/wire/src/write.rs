//! Appending messages to a buffer.

/// Appends one message: its kind, its length, and the body that `body` appends.
pub(crate) fn message(out: &mut Vec<u8>, kind: u8, body: impl FnOnce(&mut Vec<u8>)) {
    out.push(kind);
    packet(out, body);
}

/// Appends what comes without a kind byte: a length, and the body that `body` appends.
pub(crate) fn packet(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend([0; 4]);
    body(out);
    let length = u32::try_from(out.len() - at).expect("messages are made of parts far below 4 GiB");
    if let Some(slot) = out.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *slot = length.to_be_bytes();
    }
}

/// Appends a string and its closing NUL. A string cannot hold a NUL: it ends before the first.
pub(crate) fn string(out: &mut Vec<u8>, text: &[u8]) {
    let end = memchr::memchr(0, text).unwrap_or(text.len());
    out.extend_from_slice(text.get(..end).unwrap_or_default());
    out.push(0);
}

/// Appends a value with its length before it, -1 for NULL.
pub(crate) fn value(out: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        None => out.extend((-1_i32).to_be_bytes()),
        Some(bytes) => {
            let length = i32::try_from(bytes.len()).expect("values are far below 2 GiB");
            out.extend(length.to_be_bytes());
            out.extend(bytes);
        }
    }
}

/// Appends a count of fields, parameters or formats.
///
/// # Panics
/// Above 65535: the caller makes more than the protocol can say.
pub(crate) fn count(out: &mut Vec<u8>, n: usize) {
    let n = u16::try_from(n).expect("the protocol counts to 65535");
    out.extend(n.to_be_bytes());
}

/// Appends a count and formats.
pub(crate) fn formats(out: &mut Vec<u8>, formats: impl ExactSizeIterator<Item = i16>) {
    count(out, formats.len());
    formats.for_each(|format| out.extend(format.to_be_bytes()));
}

/// Appends a count and values.
pub(crate) fn values<'a>(out: &mut Vec<u8>, values: impl ExactSizeIterator<Item = Option<&'a [u8]>>) {
    count(out, values.len());
    values.for_each(|bytes| value(out, bytes));
}
