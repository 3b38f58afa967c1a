use super::*;
use crate::error_response::Fields;

fn packet(code: u32, rest: &[u8]) -> Vec<u8> {
    let mut out = (rest.len() as u32 + 8).to_be_bytes().to_vec();
    out.extend(code.to_be_bytes());
    out.extend(rest);
    out
}

const V3: u32 = 3 << 16;

type Names = Result<(String, String), StartupError>;

/// User and database.
fn start(rest: &[u8]) -> Names {
    let bytes = packet(V3, rest);
    let Request::Start(message) = parse(&bytes)? else { panic!("no startup message") };
    Ok((message.user.to_owned(), message.database.to_owned()))
}

fn names(user: &str, database: &str) -> Names {
    Ok((user.to_owned(), database.to_owned()))
}

#[test]
fn layouts() {
    use StartupError::{BadLayout, NoUser};
    let cases: [(&[u8], Names); 17] = [
        (b"user\0u\0database\0d\0\0", names("u", "d")),
        (b"database\0d\0user\0u\0\0", names("u", "d")),
        (b"user\0u\0\0", names("u", "u")),
        (b"user\0u\0database\0\0\0", names("u", "u")),
        (b"user\0a\0user\0b\0\0", names("b", "b")),
        (b"user\0a\0user\0\0\0", Err(NoUser)),
        (b"USER\0u\0\0", Err(NoUser)),
        (b"\0", Err(NoUser)),
        (b"database\0d\0\0", Err(NoUser)),
        (b"", Err(BadLayout)),
        (b"user", Err(BadLayout)),
        (b"user\0", Err(BadLayout)),
        (b"user\0u", Err(BadLayout)),
        (b"user\0u\0", Err(BadLayout)),
        (b"user\0u\0database\0\0", Err(BadLayout)),
        (b"user\0u\0\0\0", Err(BadLayout)),
        (b"user\0u\0\0database\0d\0\0", Err(BadLayout)),
    ];
    for (rest, expected) in cases {
        assert_eq!(start(rest), expected, "{}", rest.escape_ascii());
    }
}

#[test]
fn parameters_keep_their_order_and_protocol_options_are_apart() {
    let bytes = packet(V3 | 2, b"a\0\x31\0user\0u\0_pq_.x\0y\0b\0\0a\0\x32\0_pq_.\0\0\0");
    let Ok(Request::Start(message)) = parse(&bytes) else { panic!() };
    assert_eq!(message.options, [("a", "1"), ("b", ""), ("a", "2")]);
    assert_eq!(message.protocol_options, ["_pq_.x", "_pq_."]);
    assert_eq!(message.version, ProtocolVersion::V3_2);
    assert!(message.needs_negotiation());
}

#[test]
fn replication_is_a_boolean_or_database() {
    let cases = [
        ("database", Some(Replication::Logical)),
        ("true", Some(Replication::Physical)),
        ("T", Some(Replication::Physical)),
        ("on", Some(Replication::Physical)),
        ("yes", Some(Replication::Physical)),
        ("1", Some(Replication::Physical)),
        ("off", Some(Replication::No)),
        ("n", Some(Replication::No)),
        ("0", Some(Replication::No)),
        ("o", None),
        ("", None),
        ("DATABASE", None),
        ("truest", None),
    ];
    for (value, expected) in cases {
        let bytes = packet(V3, format!("user\0u\0replication\0{value}\0\0").as_bytes());
        match (parse(&bytes), expected) {
            (Ok(Request::Start(message)), Some(expected)) => {
                assert_eq!(message.replication, expected, "{value}")
            }
            (Err(StartupError::BadReplication { value: named }), None) => assert_eq!(named, value),
            (other, expected) => panic!("{value}: {other:?} instead of {expected:?}"),
        }
    }
}

#[test]
fn versions() {
    let ask = |major: u32, minor: u32| match parse(&packet(major << 16 | minor, b"user\0u\0\0")) {
        Ok(Request::Start(message)) => Ok((message.version.spoken(), message.needs_negotiation())),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.to_string()),
    };
    assert_eq!(ask(3, 0), Ok((ProtocolVersion::V3_0, false)));
    assert_eq!(ask(3, 2), Ok((ProtocolVersion::V3_2, false)));
    assert_eq!(ask(3, 9999), Ok((ProtocolVersion::V3_2, true)));
    for (major, minor) in [(0, 0), (1, 0), (2, 0), (4, 0), (1234, 1), (65535, 65535)] {
        let text = format!("unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.2");
        assert_eq!(ask(major, minor), Err(text));
    }
}

#[test]
fn lengths_are_checked_before_anything_else() {
    for (length, fits) in [(0, false), (4, false), (7, false), (8, true), (10_004, true), (10_005, false)] {
        let expected = if fits { Ok(Some(length as usize)) } else { Err(StartupError::BadLength { length }) };
        assert_eq!(packet_bytes(&length.to_be_bytes()), expected);
    }
    assert!(packet_bytes(b"GET / HTTP/1.1\r\n").is_err());
    assert!(packet_bytes(&[255; 4]).is_err());
    for short in 0..4 {
        assert_eq!(packet_bytes(&[0; 3][..short.min(3)]), Ok(None));
    }
    let mut whole = packet(SSL_CODE, b"");
    assert_eq!(parse(&whole), Ok(Request::Ssl));
    whole.push(0);
    assert_eq!(parse(&whole), Err(StartupError::BadLength { length: 9 }));
    assert_eq!(parse(&whole[..6]), Err(StartupError::BadLength { length: 6 }));
}

#[test]
fn requests_without_a_session() {
    let mut out = Vec::new();
    put_ssl_request(&mut out);
    assert_eq!(out, b"\0\0\0\x08\x04\xd2\x16\x2f");
    assert_eq!(parse(&out), Ok(Request::Ssl));
    out.clear();
    put_gssenc_request(&mut out);
    assert_eq!(out, b"\0\0\0\x08\x04\xd2\x16\x30");
    assert_eq!(parse(&out), Ok(Request::GssEnc));
    for (length, fits) in [(0, false), (3, false), (4, true), (32, true), (256, true), (257, false)] {
        let key = vec![7; length];
        out.clear();
        put_cancel_request(&mut out, 0x8000_0001, &key);
        let expected = match fits {
            true => Ok(Request::Cancel(CancelRequest { process_id: 0x8000_0001, key: &key })),
            false => Err(StartupError::BadCancelRequest),
        };
        assert_eq!(parse(&out), expected, "{length}");
    }
    assert_eq!(parse(&packet(CANCEL_CODE, b"\0\0")), Err(StartupError::BadCancelRequest));
}

#[test]
fn what_is_written_is_read_back() {
    let parameters = [("user", "u"), ("options", "-c a=b"), ("database", "d"), ("_pq_.z", "")];
    let mut out = Vec::new();
    put_startup_message(&mut out, ProtocolVersion::V3_2, parameters);
    let expected = StartupMessage {
        version: ProtocolVersion::V3_2,
        user: "u",
        database: "d",
        replication: Replication::No,
        options: vec![("options", "-c a=b")],
        protocol_options: vec!["_pq_.z"],
    };
    assert_eq!(parse(&out), Ok(Request::Start(expected)));
    assert_eq!(packet_bytes(&out), Ok(Some(out.len())));
}

#[test]
fn what_the_client_is_told() {
    let version = |major| StartupError::UnsupportedVersion { version: ProtocolVersion { major, minor: 0 } };
    let cases = [
        (StartupError::NoUser, "28000"),
        (StartupError::BadLayout, "08P01"),
        (StartupError::BadReplication { value: "x".into() }, "22023"),
        (StartupError::NotUtf8 { name: "user".into() }, "22021"),
        (version(4), "0A000"),
    ];
    for (error, code) in cases {
        let mut out = Vec::new();
        error.put(&mut out);
        let fields = Fields::of_message(&out).unwrap();
        assert_eq!(fields.code().unwrap().as_str(), code, "{error:?}");
        assert_eq!(fields.message(), Some(error.to_string().as_bytes()));
    }
    let mut out = Vec::new();
    version(2).put(&mut out);
    assert_eq!(out, b"EFATAL:  unsupported frontend protocol 2.0: server supports 3.0 to 3.2\n\0");
    for silent in [StartupError::BadLength { length: 1 }, StartupError::BadCancelRequest] {
        out.clear();
        silent.put(&mut out);
        assert!(out.is_empty(), "{silent:?}");
    }
}

#[test]
fn names_that_are_not_utf8_are_refused() {
    assert_eq!(start(b"user\0\xff\0\0"), Err(StartupError::NotUtf8 { name: "user".into() }));
    assert_eq!(start("user\0\u{fc}\0\0".as_bytes()), names("\u{fc}", "\u{fc}"));
}

#[test]
fn a_cancel_key_is_not_printed() {
    let shown = format!("{:?}", CancelRequest { process_id: 5, key: b"AAAA" });
    assert!(shown.contains('5') && !shown.contains("65") && !shown.contains("AAAA"), "{shown}");
}
