use super::*;
use crate::random::{Random, mend_length};
use crate::{BodyError, ProtocolVersion};

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind];
    out.extend((body.len() as u32 + 4).to_be_bytes());
    out.extend(body);
    out
}

fn put(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

/// One of each kind.
fn seeds() -> Vec<Vec<u8>> {
    let error = b"SERROR\0VERROR\0C42P01\0Mrelation \"x\" does not exist\0P15\0\0";
    let mut all = vec![
        put(put_authentication_ok),
        put(|out| Authentication::Cleartext.put(out)),
        put(|out| Authentication::Md5 { salt: [1, 2, 3, 4] }.put(out)),
        put(|out| Authentication::SaslContinue(b"r=abc,s=ZGVm,i=4096").put(out)),
        put(|out| Authentication::SaslFinal(b"v=abc").put(out)),
        put(|out| put_authentication_sasl(out, [&b"SCRAM-SHA-256-PLUS"[..], b"SCRAM-SHA-256"])),
        put(|out| put_backend_key_data(out, 7, b"abcd")),
        put(|out| put_backend_key_data(out, 7, &[9; 32])),
        put(|out| put_command_complete(out, b"SELECT 1")),
        put(|out| put_copy_data(out, b"1\t2\n")),
        put(|out| put_copy_response(out, CopyDirection::In, 0, [0, 0].into_iter())),
        put(|out| put_copy_response(out, CopyDirection::Out, 1, [1].into_iter())),
        put(|out| put_copy_response(out, CopyDirection::Both, 0, [].into_iter())),
        put(|out| put_data_row(out, [Some(&b"1"[..]), None, Some(b"")].into_iter())),
        put(|out| put_function_call_response(out, Some(b"x"))),
        put(|out| put_function_call_response(out, None)),
        put(|out| put_negotiate_protocol_version(out, ProtocolVersion::V3_0, [&b"_pq_.a"[..]].into_iter())),
        put(|out| put_notification(out, 42, b"channel", b"payload")),
        put(|out| put_parameter_description(out, [23, 25].into_iter())),
        put(|out| put_parameter_status(out, b"TimeZone", b"UTC")),
        put(|out| put_ready_for_query(out, TransactionStatus::InTransaction)),
        put(|out| {
            put_row_description(out, [Column::text(b"a", 25, -1), Column::text(b"", 23, 4)].into_iter())
        }),
        message(b'E', error),
        message(b'N', error),
    ];
    all.extend(b"123cIns".map(|kind| message(kind, b"")));
    all
}

#[test]
fn one_of_each_kind_is_read_and_written_back() {
    let mut kinds: Vec<u8> = Vec::new();
    for bytes in seeds() {
        let read = Message::parse(&bytes).unwrap_or_else(|error| panic!("{error}: {bytes:?}"));
        assert_eq!(put(|out| read.put(out)), bytes, "{read:?}");
        assert!(bytes.len() - 5 <= largest_body(bytes[0]).unwrap() as usize, "{read:?}");
        kinds.push(bytes[0]);
    }
    let known: Vec<u8> = (0..=255).filter(|&kind| largest_body(kind).is_some()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, known, "every kind has a seed, and no other");
}

#[test]
fn what_is_written_means_what_was_meant() {
    let bytes = put(|out| put_data_row(out, [Some(&b"1"[..]), None, Some(b"")].into_iter()));
    let Ok(Message::DataRow(row)) = Message::parse(&bytes) else { panic!() };
    assert_eq!(row.collect::<Vec<_>>(), [Some(&b"1"[..]), None, Some(b"")]);

    let columns = [
        Column { name: b"a", table: 1, number: 2, type_oid: 3, type_bytes: -4, type_modifier: -5, format: 1 },
        Column::text(b"b", 25, -1),
    ];
    let bytes = put(|out| put_row_description(out, columns.into_iter()));
    let Ok(Message::RowDescription(read)) = Message::parse(&bytes) else { panic!() };
    assert_eq!(read.collect::<Vec<_>>(), columns);

    let bytes = put(|out| put_authentication_sasl(out, [&b"A"[..], b"B"]));
    let Ok(Message::Authentication(Authentication::Sasl(mechanisms))) = Message::parse(&bytes) else {
        panic!()
    };
    assert_eq!(mechanisms.collect::<Vec<_>>(), [b"A", b"B"]);

    let options = [&b"_pq_.a"[..], b"_pq_.b"];
    let bytes = put(|out| put_negotiate_protocol_version(out, ProtocolVersion::V3_2, options.into_iter()));
    let Ok(Message::NegotiateProtocolVersion(read)) = Message::parse(&bytes) else { panic!() };
    assert_eq!((read.version, read.unknown.collect::<Vec<_>>()), (ProtocolVersion::V3_2, options.to_vec()));

    let bytes = put(|out| put_copy_response(out, CopyDirection::Both, 0, [1, 0].into_iter()));
    let Ok(Message::CopyResponse(read)) = Message::parse(&bytes) else { panic!() };
    assert_eq!((read.direction, read.format), (CopyDirection::Both, 0));
    assert_eq!(read.columns.collect::<Vec<_>>(), [1, 0]);

    for status in [TransactionStatus::Idle, TransactionStatus::InTransaction, TransactionStatus::Failed] {
        let bytes = put(|out| put_ready_for_query(out, status));
        assert_eq!(Message::parse(&bytes), Ok(Message::ReadyForQuery(status)));
    }
}

#[test]
fn malformed_messages_are_refused() {
    use BodyError::{BadCount, BadValue, Insufficient, InvalidString, Trailing, UnknownKind};
    let cases: [(u8, &[u8], BodyError); 21] = [
        (b'R', b"", Insufficient),
        (b'R', b"\0\0\0\0x", Trailing),
        (b'R', b"\0\0\0\x05abc", Insufficient),
        (b'R', b"\0\0\0\x05abcde", Trailing),
        (b'R', b"\0\0\0\x0aSCRAM", InvalidString),
        (b'R', b"\0\0\0\x0aSCRAM\0", InvalidString),
        (b'R', b"\0\0\0\x0aSCRAM\0\0x", Trailing),
        (b'K', b"\0\0\0\x01abc", BadCount),
        (b'K', &[1; 4 + 257], BadCount),
        (b'Z', b"X", BadValue(b'X')),
        (b'Z', b"", Insufficient),
        (b'Z', b"II", Trailing),
        (b'D', b"\0\x01\0\0\0\x05abcd", Insufficient),
        (b'D', b"\xff\xff", Insufficient),
        (b'T', b"\xff\xffa\0", Insufficient),
        (b'v', b"\0\x03\0\0\xff\xff\xff\xffa\0", InvalidString),
        (b'G', b"\0\0\x02\0\0", Insufficient),
        (b'S', b"a\0b", InvalidString),
        (b'A', b"\0\0\0\x01a\0b\0c", Trailing),
        (b'C', b"SELECT 1", InvalidString),
        (b'Q', b"x\0", UnknownKind(b'Q')),
    ];
    for (kind, body, expected) in cases {
        assert_eq!(Message::parse(&message(kind, body)), Err(expected), "{}", body.escape_ascii());
    }
}

#[test]
fn rows_and_columns_give_back_what_went_in() {
    let random = &mut Random::new(11);
    for _ in 0..2000 {
        let row = random.list(8, Random::value);
        let slices: Vec<_> = row.iter().map(|value| value.as_deref()).collect();
        let bytes = put(|out| put_data_row(out, slices.iter().copied()));
        let Ok(Message::DataRow(read)) = Message::parse(&bytes) else { panic!("{bytes:?}") };
        assert_eq!(read.collect::<Vec<_>>(), slices);

        let names = random.list(8, |r| r.text(12));
        let columns: Vec<_> = names
            .iter()
            .map(|name| Column {
                name,
                table: random.next() as u32,
                number: random.next() as i16,
                type_oid: random.next() as u32,
                type_bytes: random.next() as i16,
                type_modifier: random.next() as i32,
                format: random.next() as i16,
            })
            .collect();
        let bytes = put(|out| put_row_description(out, columns.iter().copied()));
        let Ok(Message::RowDescription(read)) = Message::parse(&bytes) else { panic!("{bytes:?}") };
        assert_eq!(read.collect::<Vec<_>>(), columns);
    }
}

/// Whatever is done to a message: it is refused, or it is read and written back as the same bytes.
#[test]
fn damaged_messages_are_refused_or_canonical() {
    let random = &mut Random::new(12);
    let seeds = seeds();
    let mut read = 0;
    for _ in 0..60_000 {
        let mut bytes = seeds[random.below(seeds.len())].clone();
        for _ in 0..random.below(4) {
            random.damage(&mut bytes);
        }
        mend_length(&mut bytes);
        let Ok(message) = Message::parse(&bytes) else { continue };
        assert_eq!(put(|out| message.put(out)), bytes, "{message:?}");
        read += 1;
    }
    assert!(read > 15_000, "{read}: the damage is too great to test anything");
}

#[test]
fn a_cancel_key_is_not_printed() {
    let bytes = put(|out| put_backend_key_data(out, 5, b"AAAA"));
    let shown = format!("{:?}", Message::parse(&bytes));
    assert!(shown.contains("process_id: 5") && !shown.contains("65"), "{shown}");
}
