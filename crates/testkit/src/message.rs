use pgherd_wire::backend::kind;
use pgherd_wire::{Body, BodyError};

/// A message that a server sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Its kind byte.
    pub kind: u8,
    /// Its body, without header.
    pub body: Vec<u8>,
}

/// Object ids below this are PostgreSQL's own and the same in every database.
const FIRST_OWN_OID: u32 = 16_384;

impl core::fmt::Debug for Message {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.text())
    }
}

impl Message {
    /// The transaction status of a ReadyForQuery: `I`, `T` or `E`.
    pub fn ready(&self) -> Option<u8> {
        if self.kind == kind::READY_FOR_QUERY { self.body.first().copied() } else { None }
    }

    /// A field of an ErrorResponse or NoticeResponse, by its letter.
    pub fn field(&self, letter: u8) -> Option<String> {
        if !matches!(self.kind, kind::ERROR_RESPONSE | kind::NOTICE_RESPONSE) {
            return None;
        }
        let mut fields = self.body.split(|b| *b == 0).filter_map(<[u8]>::split_first);
        fields
            .find(|(first, _)| **first == letter)
            .map(|(_, rest)| String::from_utf8_lossy(rest).into_owned())
    }

    /// The values of a DataRow, as text.
    pub fn values(&self) -> Option<Vec<Option<String>>> {
        if self.kind != kind::DATA_ROW {
            return None;
        }
        let mut body = Body::new(&self.body);
        let mut values = Vec::new();
        for _ in 0..body.u16().ok()? {
            values.push(body.value().ok()?.map(|bytes| String::from_utf8_lossy(bytes).into_owned()));
        }
        Some(values)
    }

    /// One line that says all that must be the same wherever the message comes from. Left out are process ids and
    /// keys, and object ids that depend on what was made before.
    pub fn text(&self) -> String {
        match self.describe() {
            Ok(text) => text,
            Err(error) => {
                format!("{}: {error}: {}", char::from(self.kind).escape_default(), show(&self.body))
            }
        }
    }

    fn describe(&self) -> Result<String, BodyError> {
        let mut body = Body::new(&self.body);
        let text = match self.kind {
            kind::AUTHENTICATION => format!("Authentication {}", body.u32()?),
            kind::BACKEND_KEY_DATA => return Ok("BackendKeyData".to_owned()),
            kind::BIND_COMPLETE => "BindComplete".to_owned(),
            kind::CLOSE_COMPLETE => "CloseComplete".to_owned(),
            kind::COMMAND_COMPLETE => format!("CommandComplete {}", show(body.string()?)),
            kind::COPY_BOTH_RESPONSE => copy("CopyBothResponse", &mut body)?,
            kind::COPY_DATA => format!("CopyData {}", show(body.rest())),
            kind::COPY_DONE => "CopyDone".to_owned(),
            kind::COPY_IN_RESPONSE => copy("CopyInResponse", &mut body)?,
            kind::COPY_OUT_RESPONSE => copy("CopyOutResponse", &mut body)?,
            kind::DATA_ROW => {
                let count = body.u16()?;
                let values =
                    (0..count).map(|_| body.value().map(show_value)).collect::<Result<Vec<_>, _>>()?;
                format!("DataRow {}", values.join(" | "))
            }
            kind::EMPTY_QUERY_RESPONSE => "EmptyQueryResponse".to_owned(),
            kind::ERROR_RESPONSE => fields("ErrorResponse", &mut body)?,
            kind::FUNCTION_CALL_RESPONSE => format!("FunctionCallResponse {}", show_value(body.value()?)),
            kind::NEGOTIATE_PROTOCOL_VERSION => {
                let (version, count) = (body.u32()?, body.u32()?);
                let names = (0..count).map(|_| body.string().map(show)).collect::<Result<Vec<_>, _>>()?;
                format!("NegotiateProtocolVersion {version:x} {}", names.join(" "))
            }
            kind::NO_DATA => "NoData".to_owned(),
            kind::NOTICE_RESPONSE => fields("NoticeResponse", &mut body)?,
            kind::NOTIFICATION_RESPONSE => {
                body.u32()?;
                format!("NotificationResponse {} {}", show(body.string()?), show(body.string()?))
            }
            kind::PARAMETER_DESCRIPTION => {
                let count = body.u16()?;
                let types = (0..count).map(|_| body.u32().map(show_oid)).collect::<Result<Vec<_>, _>>()?;
                format!("ParameterDescription {}", types.join(" "))
            }
            kind::PARAMETER_STATUS => {
                format!("ParameterStatus {} = {}", show(body.string()?), show(body.string()?))
            }
            kind::PARSE_COMPLETE => "ParseComplete".to_owned(),
            kind::PORTAL_SUSPENDED => "PortalSuspended".to_owned(),
            kind::READY_FOR_QUERY => format!("ReadyForQuery {}", char::from(body.u8()?)),
            kind::ROW_DESCRIPTION => {
                let count = body.u16()?;
                let columns = (0..count).map(|_| column(&mut body)).collect::<Result<Vec<_>, _>>()?;
                format!("RowDescription {}", columns.join(" | "))
            }
            other => return Err(BodyError::UnknownKind(other)),
        };
        body.end()?;
        Ok(text.trim_end().to_owned())
    }
}

fn column(body: &mut Body<'_>) -> Result<String, BodyError> {
    let name = show(body.string()?);
    let (table, attribute, oid) = (body.u32()?, body.i16()?, body.u32()?);
    let (size, modifier, format) = (body.i16()?, body.i32()?, body.i16()?);
    let of = if table == 0 { String::new() } else { format!(" of {}.{attribute}", show_oid(table)) };
    Ok(format!("{name}{of}: {} size {size} modifier {modifier} format {format}", show_oid(oid)))
}

fn copy(name: &str, body: &mut Body<'_>) -> Result<String, BodyError> {
    let (format, count) = (body.u8()?, body.u16()?);
    let formats =
        (0..count).map(|_| body.u16().map(|code| code.to_string())).collect::<Result<Vec<_>, _>>()?;
    Ok(format!("{name} format {format} columns {}", formats.join(" ")))
}

fn fields(name: &str, body: &mut Body<'_>) -> Result<String, BodyError> {
    let mut out = name.to_owned();
    loop {
        match body.u8()? {
            0 => return Ok(out),
            letter => {
                out.push_str(&format!(" {}={}", char::from(letter).escape_default(), show(body.string()?)))
            }
        }
    }
}

fn show_oid(oid: u32) -> String {
    if oid < FIRST_OWN_OID { oid.to_string() } else { "own".to_owned() }
}

fn show_value(value: Option<&[u8]>) -> String {
    value.map_or("NULL".to_owned(), show)
}

/// Text as it is, with `\n` and the like for control characters; what is no UTF-8 byte by byte.
fn show(bytes: &[u8]) -> String {
    match core::str::from_utf8(bytes) {
        Ok(text) => {
            let escape =
                |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
            text.chars().map(escape).collect()
        }
        Err(_) => bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::Message;

    #[test]
    fn messages_are_shown_in_words() {
        let row = b"\0\x03\0\0\0\x01a\xff\xff\xff\xff\0\0\0\x02\xff\x00";
        let cases: [(u8, &[u8], &str); 6] = [
            (b'Z', b"T", "ReadyForQuery T"),
            (b'D', row, "DataRow a | NULL | \\xff\\x00"),
            (b'E', b"SERROR\0C42601\0\0", "ErrorResponse S=ERROR C=42601"),
            (b'A', b"\0\0\0\x07chan\0hi\0", "NotificationResponse chan hi"),
            (b't', b"\0\x02\0\0\0\x17\0\0\x40\0", "ParameterDescription 23 own"),
            (b'Z', b"", "Z: insufficient data left in message: "),
        ];
        for (kind, body, text) in cases {
            assert_eq!(Message { kind, body: body.to_vec() }.text(), text);
        }
    }

    #[test]
    fn fields_and_values_are_found() {
        let error = Message { kind: b'E', body: b"SERROR\0C42601\0Moh\0\0".to_vec() };
        assert_eq!((error.field(b'M').as_deref(), error.field(b'D')), (Some("oh"), None));
        let row = Message { kind: b'D', body: b"\0\x02\0\0\0\x01a\xff\xff\xff\xff".to_vec() };
        assert_eq!(row.values(), Some(vec![Some("a".to_owned()), None]));
    }
}
