use super::{ErrorResponse, Field, Fields, Severity, field};
use crate::{BodyError, SqlState, sqlstate};

fn put(response: &ErrorResponse<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    response.put(&mut out);
    out
}

#[test]
fn what_is_built_is_read_back() {
    let made = put(&ErrorResponse::fatal(sqlstate::ADMIN_SHUTDOWN, "over").detail("because").hint("wait"));
    assert_eq!(made[0], b'E');
    let fields = Fields::of_message(&made).unwrap();
    assert_eq!(fields.severity(), Some(Severity::Fatal));
    assert_eq!(fields.code(), Some(sqlstate::ADMIN_SHUTDOWN));
    assert_eq!(fields.message(), Some(&b"over"[..]));
    assert_eq!(fields.get(field::DETAIL), Some(&b"because"[..]));
    assert_eq!(fields.get(field::HINT), Some(&b"wait"[..]));
    assert_eq!(fields.get(field::TABLE), None);
    assert_eq!(fields.last(), Some(Field { code: b'H', text: b"wait" }));
}

#[test]
fn mild_ones_are_notices() {
    let severities = [
        (Severity::Panic, b'E'),
        (Severity::Fatal, b'E'),
        (Severity::Error, b'E'),
        (Severity::Warning, b'N'),
        (Severity::Notice, b'N'),
        (Severity::Debug, b'N'),
        (Severity::Info, b'N'),
        (Severity::Log, b'N'),
    ];
    for (severity, kind) in severities {
        let made = put(&ErrorResponse::new(severity, sqlstate::WARNING, "x"));
        assert_eq!(made[0], kind, "{severity:?}");
        assert_eq!(Fields::of_message(&made).unwrap().severity(), Some(severity));
    }
}

#[test]
fn the_untranslated_severity_counts() {
    let both = b"SFEHLER\0VERROR\0C42601\0\0";
    assert_eq!(Fields::of_body(both).severity(), Some(Severity::Error));
    assert_eq!(Fields::of_body(b"SFATAL\0\0").severity(), Some(Severity::Fatal));
    assert_eq!(Fields::of_body(b"SFEHLER\0\0").severity(), None);
    assert_eq!(Fields::of_body(b"C4260\0\0").code(), None);
}

#[test]
fn a_head_gives_the_fields_that_are_whole() {
    let head = Fields::of_body(b"SERROR\0C57P01\0Mterminating conn");
    assert_eq!(head.code().map(|c| c.as_str().to_owned()).as_deref(), Some("57P01"));
    assert_eq!(head.message(), None);
    assert_eq!(head.count(), 2);
}

#[test]
fn a_whole_message_has_to_be_well_formed() {
    let message = |body: &[u8]| {
        let mut out = vec![b'E'];
        out.extend((body.len() as u32 + 4).to_be_bytes());
        out.extend(body);
        out
    };
    let cases: [(&[u8], Result<(), BodyError>); 5] = [
        (b"\0", Ok(())),
        (b"Mx\0\0", Ok(())),
        (b"Mx\0", Err(BodyError::Insufficient)),
        (b"Mx", Err(BodyError::InvalidString)),
        (b"Mx\0\0y", Err(BodyError::Trailing)),
    ];
    for (body, expected) in cases {
        assert_eq!(Fields::of_message(&message(body)).map(|_| ()), expected, "{body:?}");
    }
    assert_eq!(Fields::of_message(b"Z\0\0\0\x05I").map(|_| ()), Err(BodyError::UnknownKind(b'Z')));
}

#[test]
fn a_text_with_a_nul_cannot_add_fields() {
    let made = put(&ErrorResponse::error(sqlstate::SYNTAX_ERROR, "a\0Hdo evil"));
    let fields = Fields::of_message(&made).unwrap();
    assert_eq!(fields.message(), Some(&b"a"[..]));
    assert_eq!(fields.get(field::HINT), None);
}

#[test]
fn legacy_clients_get_a_line() {
    let mut out = Vec::new();
    let code = SqlState::parse(b"0A000").unwrap();
    ErrorResponse::fatal(code, "unsupported frontend protocol 2.0").put_legacy(&mut out);
    assert_eq!(out, b"EFATAL:  unsupported frontend protocol 2.0\n\0");
}
