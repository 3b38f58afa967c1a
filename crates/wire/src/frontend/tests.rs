use super::*;
use crate::random::{Random, mend_length};
use crate::{BodyError, Framer};

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind];
    out.extend((body.len() as u32 + 4).to_be_bytes());
    out.extend(body);
    out
}

fn slices(values: &[Option<Vec<u8>>]) -> Vec<Option<&[u8]>> {
    values.iter().map(|value| value.as_deref()).collect()
}

#[test]
fn limits_are_a_server_process_s_own() {
    let cases = [
        (b'Q', Some(0x3fff_fffa)),
        (b'P', Some(0x3fff_fffa)),
        (b'B', Some(0x3fff_fffa)),
        (b'F', Some(0x3fff_fffa)),
        (b'd', Some(0x3fff_fffa)),
        (b'p', Some(65_531)),
        (b'C', Some(9_996)),
        (b'D', Some(9_996)),
        (b'E', Some(9_996)),
        (b'H', Some(9_996)),
        (b'S', Some(9_996)),
        (b'X', Some(9_996)),
        (b'c', Some(9_996)),
        (b'f', Some(9_996)),
    ];
    for kind in 0..=255 {
        let expected = cases.iter().find(|case| case.0 == kind).and_then(|case| case.1);
        assert_eq!(largest_body(kind), expected, "{kind}");
    }
    assert!(Framer::new(largest_body).next(&mut &b"C\0\0\x27\x10"[..]).is_ok(), "10000");
    assert!(Framer::new(largest_body).next(&mut &b"C\0\0\x27\x11"[..]).is_err(), "10001");
}

#[test]
fn parse_and_bind_give_back_what_went_in() {
    let random = &mut Random::new(1);
    for _ in 0..2000 {
        let (name, text) = (random.text(10), random.text(60));
        let types = random.list(5, |r| r.next() as u32);
        let mut out = Vec::new();
        put_parse(&mut out, &name, &text, types.iter().copied());
        let Ok(Message::Parse(parse)) = Message::parse(&out) else { panic!("{out:?}") };
        assert_eq!((parse.name, parse.text), (&*name, &*text));
        assert_eq!(parse.types.collect::<Vec<_>>(), types);

        let (formats, result_formats) =
            (random.list(5, |r| r.next() as i16), random.list(3, |r| r.next() as i16));
        let parameters = random.list(6, Random::value);
        out.clear();
        put_bind(
            &mut out,
            &text,
            &name,
            formats.iter().copied(),
            slices(&parameters).into_iter(),
            result_formats.iter().copied(),
        );
        let Ok(Message::Bind(bind)) = Message::parse(&out) else { panic!("{out:?}") };
        assert_eq!((bind.portal, bind.statement), (&*text, &*name));
        assert_eq!(bind.formats.collect::<Vec<_>>(), formats);
        let mut walked = bind.parameters;
        for left in (0..parameters.len()).rev() {
            assert!(walked.next().is_some());
            assert_eq!(walked.len(), left);
        }
        assert_eq!(bind.parameters.collect::<Vec<_>>(), slices(&parameters));
        assert_eq!(bind.result_formats.collect::<Vec<_>>(), result_formats);
    }
}

#[test]
fn a_function_call_gives_back_what_went_in() {
    let random = &mut Random::new(2);
    for _ in 0..2000 {
        let formats = random.list(5, |r| r.next() as i16);
        let (arguments, result) = (random.list(6, Random::value), random.next() as i16);
        let function = random.next() as u32;
        let mut out = Vec::new();
        put_function_call(
            &mut out,
            function,
            formats.iter().copied(),
            slices(&arguments).into_iter(),
            result,
        );
        let Ok(Message::FunctionCall(call)) = Message::parse(&out) else { panic!("{out:?}") };
        assert_eq!((call.function, call.result_format), (function, result));
        assert_eq!(call.formats.collect::<Vec<_>>(), formats);
        assert_eq!(call.arguments.collect::<Vec<_>>(), slices(&arguments));
    }
}

/// One of each of the plain kinds, as bytes and as read.
fn plain() -> Vec<(Vec<u8>, Message<'static>)> {
    vec![
        (message(b'Q', b"select 1\0"), Message::Query(b"select 1")),
        (message(b'D', b"Ss\0"), Message::Describe(Target::Statement(b"s"))),
        (message(b'D', b"P\0"), Message::Describe(Target::Portal(b""))),
        (message(b'C', b"Pp\0"), Message::Close(Target::Portal(b"p"))),
        (message(b'E', b"p\0\0\0\0\x07"), Message::Execute { portal: b"p", max_rows: 7 }),
        (message(b'E', b"\0\xff\xff\xff\xff"), Message::Execute { portal: b"", max_rows: -1 }),
        (message(b'H', b""), Message::Flush),
        (message(b'S', b""), Message::Sync),
        (message(b'X', b""), Message::Terminate),
        (message(b'c', b""), Message::CopyDone),
        (message(b'f', b"no\0"), Message::CopyFail(b"no")),
        (message(b'd', b"a\0b"), Message::CopyData(b"a\0b")),
        (message(b'd', b""), Message::CopyData(b"")),
        (message(b'p', b"secret\0"), Message::Password(Credential::new(b"secret\0"))),
    ]
}

#[test]
fn plain_messages_are_read_and_written() {
    for (bytes, expected) in plain() {
        assert_eq!(Message::parse(&bytes), Ok(expected));
        let mut out = Vec::new();
        expected.put(&mut out);
        assert_eq!(out, bytes, "{expected:?}");
    }
    assert_eq!(Message::parse(&message(b'X', b"anything")), Ok(Message::Terminate));
    assert_eq!(Message::parse(&message(b'c', b"anything")), Ok(Message::CopyDone));
}

#[test]
fn malformed_messages_are_refused() {
    use BodyError::{BadCount, BadValue, Insufficient, InvalidString, NotOneMessage, Trailing, UnknownKind};
    let cases: [(u8, &[u8], BodyError); 21] = [
        (b'Q', b"select 1", InvalidString),
        (b'Q', b"", InvalidString),
        (b'Q', b"select 1\0drop\0", Trailing),
        (b'P', b"s\0t\0", Insufficient),
        (b'P', b"s\0t\0\0\x01\0\0\0", Insufficient),
        (b'P', b"s\0t\0\xff\xff", Insufficient),
        (b'P', b"s\0t\0\0\0x", Trailing),
        (b'B', b"p\0s\0\0\0\0\x01\xff\xff\xff\xfe\0\0", BadCount),
        (b'B', b"p\0s\0\0\0\0\x01\x7f\xff\xff\xff\0\0", Insufficient),
        (b'B', b"p\0s\0\0\0\0\x01\0\0\0\x01", Insufficient),
        (b'B', b"p\0s\0\0\0\0\0", Insufficient),
        (b'B', b"p\0s\0\0\0\xff\xff", Insufficient),
        (b'D', b"", Insufficient),
        (b'D', b"Xs\0", BadValue(b'X')),
        (b'C', b"S", InvalidString),
        (b'E', b"p\0\0\0", Insufficient),
        (b'S', b"x", Trailing),
        (b'H', b"x", Trailing),
        (b'f', b"why", InvalidString),
        (b'F', b"\0\0\0\x01\0\0\0\0", Insufficient),
        (b'Z', b"I", UnknownKind(b'Z')),
    ];
    for (kind, body, expected) in cases {
        assert_eq!(Message::parse(&message(kind, body)), Err(expected), "{}", body.escape_ascii());
    }
    for bad in [&b""[..], b"Q", b"Q\0\0\0", b"Q\0\0\0\x03", b"Q\0\0\0\x06\0", b"Q\0\0\0\x05\0\0"] {
        assert_eq!(Message::parse(bad), Err(NotOneMessage), "{bad:?}");
    }
}

#[test]
fn credentials() {
    let credential = |bytes: &'static [u8]| Credential::new(bytes);
    assert_eq!(credential(b"pw\0").password(), Ok(&b"pw"[..]));
    assert_eq!(credential(b"pw").password(), Err(BodyError::InvalidString));
    assert_eq!(credential(b"pw\0x").password(), Err(BodyError::Trailing));
    let mut out = Vec::new();
    put_sasl_initial(&mut out, b"SCRAM-SHA-256", Some(b"n,,"));
    let Ok(Message::Password(read)) = Message::parse(&out) else { panic!() };
    let expected = SaslInitial { mechanism: b"SCRAM-SHA-256", response: Some(b"n,,") };
    assert_eq!(read.sasl_initial(), Ok(expected));
    out.clear();
    put_sasl_initial(&mut out, b"X", None);
    let Ok(Message::Password(read)) = Message::parse(&out) else { panic!() };
    assert_eq!(read.sasl_initial(), Ok(SaslInitial { mechanism: b"X", response: None }));
    out.clear();
    put_sasl_response(&mut out, b"c=biws");
    let Ok(Message::Password(read)) = Message::parse(&out) else { panic!() };
    assert_eq!(read.response(), b"c=biws");
    assert_eq!(credential(b"X\0\0\0\0\x09abc").sasl_initial(), Err(BodyError::Insufficient));
    assert_eq!(credential(b"X\0\0\0\0\x01abc").sasl_initial(), Err(BodyError::Trailing));
    let mut out = Vec::new();
    put_password(&mut out, b"hunter2");
    assert_eq!(format!("{:?}", Message::parse(&out)), "Ok(Password(Credential(*****)))");
}

/// Whatever is done to a message: it is refused, or it is read and written back as the same bytes.
#[test]
fn damaged_messages_are_refused_or_canonical() {
    let random = &mut Random::new(3);
    let mut seeds: Vec<Vec<u8>> = plain().into_iter().map(|(bytes, _)| bytes).collect();
    let (mut bind, mut parse, mut call) = (Vec::new(), Vec::new(), Vec::new());
    put_bind(
        &mut bind,
        b"p",
        b"s",
        [0, 1].into_iter(),
        [Some(&b"abc"[..]), None].into_iter(),
        [1].into_iter(),
    );
    put_parse(&mut parse, b"s", b"select $1", [23].into_iter());
    put_function_call(&mut call, 957, [1].into_iter(), [Some(&b"abcd"[..])].into_iter(), 1);
    seeds.extend([bind, parse, call]);
    let (mut read, mut out) = (0, Vec::new());
    for _ in 0..40_000 {
        let mut bytes = seeds[random.below(seeds.len())].clone();
        for _ in 0..random.below(4) {
            random.damage(&mut bytes);
        }
        mend_length(&mut bytes);
        let Ok(message) = Message::parse(&bytes) else { continue };
        out.clear();
        message.put(&mut out);
        // What comes with these two is not looked at, and not written.
        let bodiless = matches!(message, Message::Terminate | Message::CopyDone);
        let expected = if bodiless { vec![bytes[0], 0, 0, 0, 4] } else { bytes };
        assert_eq!(out, expected);
        read += 1;
    }
    assert!(read > 10_000, "{read}: the damage is too great to test anything");
}
