use pgherd_auth::{NONCE_BYTES, StoredPassword};
use pgherd_types::Identity;
use pgherd_wire::backend::{self, Authentication, TransactionStatus};
use pgherd_wire::error_response::ErrorResponse;
use pgherd_wire::startup::{Request, parse};
use pgherd_wire::{ProtocolVersion, SqlState};

use super::{Dial, DialStep};
use crate::Refusal;

fn dial(password: Option<&str>) -> Dial {
    let identity = Identity::new("alice", "db", [("application_name".to_owned(), "test".to_owned())]);
    let password = password.map(|text| StoredPassword::recognise(text.as_bytes()));
    let mut out = Vec::new();
    let dial = Dial::start(&identity, password, [7; NONCE_BYTES], &mut out);
    let Ok(Request::Start(packet)) = parse(&out) else { panic!("no startup packet") };
    assert_eq!(packet.version, ProtocolVersion::V3_2);
    dial
}

fn step(dial: &mut Dial, write: impl FnOnce(&mut Vec<u8>)) -> (DialStep, Vec<u8>) {
    let (mut bytes, mut out) = (Vec::new(), Vec::new());
    write(&mut bytes);
    (dial.receive(&bytes, &mut out), out)
}

fn greeting(key: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    backend::put_authentication_ok(&mut bytes);
    backend::put_parameter_status(&mut bytes, b"server_version", b"15.1");
    backend::put_backend_key_data(&mut bytes, 42, key);
    backend::put_ready_for_query(&mut bytes, TransactionStatus::Idle);
    bytes
}

#[test]
fn a_login_is_understood_whatever_the_cut() {
    let mut stream = Vec::new();
    backend::put_negotiate_protocol_version(&mut stream, ProtocolVersion::V3_0, [].into_iter());
    stream.extend(greeting(&[1, 2, 3, 4]));
    for cut in 1..=stream.len() {
        let mut dial = dial(None);
        let mut last = DialStep::Waiting;
        for piece in stream.chunks(cut) {
            assert!(matches!(last, DialStep::Waiting));
            last = dial.receive(piece, &mut Vec::new());
        }
        let DialStep::Ready(dialled) = last else { panic!("cut at {cut}: {last:?}") };
        assert_eq!(dialled.facts.parameters.get("server_version"), Some("15.1"));
        assert_eq!((dialled.facts.process_id, dialled.cancel_key.expose()), (42, &[1, 2, 3, 4][..]));
    }
}

#[test]
fn a_long_key_is_for_those_who_speak_3_2() {
    let mut new = dial(None);
    assert!(matches!(new.receive(&greeting(&[9; 32]), &mut Vec::new()), DialStep::Ready(_)));
    let mut old = dial(None);
    step(&mut old, |out| backend::put_negotiate_protocol_version(out, ProtocolVersion::V3_0, [].into_iter()));
    let step = old.receive(&greeting(&[9; 32]), &mut Vec::new());
    assert!(matches!(step, DialStep::Refused(Refusal::Fault(_))), "{step:?}");
}

#[test]
fn the_servers_refusal_is_kept_word_for_word() {
    let mut words = Vec::new();
    let code = SqlState::parse(b"28000").unwrap();
    ErrorResponse::fatal(code, "role \"alice\" does not exist").put(&mut words);
    let (said, _) = step(&mut dial(None), |out| out.extend(&words));
    let DialStep::Refused(Refusal::Server(kept)) = said else { panic!("{said:?}") };
    assert_eq!(kept, words);
}

#[test]
fn a_password_is_sent_when_there_is_one() {
    let ask = |out: &mut Vec<u8>| Authentication::Cleartext.put(out);
    let (said, sent) = step(&mut dial(Some("secret")), ask);
    assert!(matches!(said, DialStep::Waiting));
    assert_eq!(sent, b"p\0\0\0\x0bsecret\0");
    let (said, _) = step(&mut dial(None), ask);
    assert!(matches!(said, DialStep::Refused(Refusal::NoPassword)), "{said:?}");
}

#[test]
fn rows_and_early_words_do_not_belong_into_a_login() {
    let (said, _) = step(&mut dial(None), |out| backend::put_ready_for_query(out, TransactionStatus::Idle));
    assert!(matches!(said, DialStep::Refused(Refusal::Fault(_))), "{said:?}");
    let (said, _) = step(&mut dial(None), |out| {
        out.extend(greeting(&[1; 4]));
        out.push(b'Z');
    });
    assert!(matches!(said, DialStep::Refused(Refusal::Fault(_))), "{said:?}");
}
