use pgherd_types::{Fault, Whose};
use pgherd_wire::backend;
use pgherd_wire::frontend::{Credential, Message};

use super::*;
use crate::Form;

fn auth(password: Option<&str>) -> ServerAuth {
    let password = password.map(|stored| StoredPassword::recognise(stored.as_bytes()));
    ServerAuth::new("alice", password, [7; NONCE_BYTES])
}

/// What `step` sends, as the credential inside.
fn sent(step: Step, check: impl FnOnce(Credential<'_>)) {
    let Step::Send(bytes) = step else { panic!("{step:?} instead of something to send") };
    let Ok(Message::Password(credential)) = Message::parse(bytes.expose()) else { panic!("no credential") };
    check(credential);
}

fn failed(step: Step) -> AuthError {
    let Step::Failed(error) = step else { panic!("{step:?} instead of a failure") };
    error
}

/// Offers SASL mechanisms.
fn offer(auth: &mut ServerAuth, mechanisms: &[&[u8]]) -> Step {
    let mut message = Vec::new();
    backend::put_authentication_sasl(&mut message, mechanisms.iter().copied());
    let Ok(backend::Message::Authentication(step)) = backend::Message::parse(&message) else { panic!() };
    auth.step(step)
}

/// Plays the server's side of SCRAM with our own client's parts, up to its last message.
fn scram_until_last(auth: &mut ServerAuth) -> String {
    let mut nonce = String::new();
    sent(offer(auth, &[b"SCRAM-SHA-256-PLUS", b"SCRAM-SHA-256"]), |credential| {
        let initial = credential.sasl_initial().unwrap();
        assert_eq!(initial.mechanism, b"SCRAM-SHA-256");
        let text = String::from_utf8(initial.response.unwrap().to_vec()).unwrap();
        nonce = text.strip_prefix("n,,n=,r=").unwrap().to_owned();
    });
    let server_first = format!("r={nonce}server,s=c2FsdA==,i=2");
    let Step::Derive(job) = auth.step(Authentication::SaslContinue(server_first.as_bytes())) else {
        panic!()
    };
    // It is meant for another thread.
    let derived = std::thread::spawn(move || job.run()).join().unwrap();
    let mut answer = String::new();
    sent(auth.derived(&derived), |credential| {
        answer = String::from_utf8(credential.response().to_vec()).unwrap();
    });
    assert!(answer.starts_with(&format!("c=biws,r={nonce}server,p=")), "{answer}");
    nonce
}

#[test]
fn trust_asks_for_nothing() {
    assert!(matches!(auth(None).step(Authentication::Ok), Step::Done));
    assert!(matches!(auth(Some("x")).step(Authentication::Ok), Step::Done));
}

#[test]
fn clear_text() {
    let mut auth = auth(Some("TEXTsecret"));
    sent(auth.step(Authentication::Cleartext), |credential| {
        assert_eq!(credential.password(), Ok(&b"secret"[..]))
    });
    assert!(matches!(auth.step(Authentication::Ok), Step::Done));
    assert_eq!(failed(auth.step(Authentication::Ok)), AuthError::OutOfOrder);
}

#[test]
fn md5_from_the_password_and_from_its_hash_is_the_same() {
    let salt = [1, 2, 3, 4];
    let stored = String::from_utf8(md5::stored(b"secret", b"alice").expose().to_vec()).unwrap();
    let mut answers = Vec::new();
    for password in ["secret".to_owned(), format!("md5{stored}")] {
        let mut auth = auth(Some(&password));
        sent(auth.step(Authentication::Md5 { salt }), |credential| {
            answers.push(credential.password().unwrap().to_vec());
        });
        assert!(matches!(auth.step(Authentication::Ok), Step::Done));
    }
    assert_eq!(answers[0], answers[1]);
    assert!(answers[0].starts_with(b"md5") && answers[0].len() == 35);
}

#[test]
fn a_server_asks_once() {
    for first in [Authentication::Cleartext, Authentication::Md5 { salt: [0; 4] }] {
        for second in [Authentication::Cleartext, Authentication::Md5 { salt: [1; 4] }, Authentication::Gss] {
            let mut auth = auth(Some("secret"));
            assert!(matches!(auth.step(first), Step::Send(_)));
            assert_eq!(failed(auth.step(second)), AuthError::OutOfOrder, "{first:?}, then {second:?}");
        }
    }
}

#[test]
fn scram_goes_through_all_its_steps() {
    let mut auth = auth(Some("secret"));
    scram_until_last(&mut auth);
    let State::ScramLast(last) = &auth.state else { panic!("{:?}", auth.state) };
    let signature = last.signature_for_tests();
    assert!(matches!(auth.step(Authentication::SaslFinal(signature.as_bytes())), Step::Wait));
    assert!(matches!(auth.step(Authentication::Ok), Step::Done));
}

#[test]
fn a_server_that_cannot_prove_itself_fails() {
    let mut wrong = auth(Some("secret"));
    scram_until_last(&mut wrong);
    let signature = b"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    assert_eq!(failed(wrong.step(Authentication::SaslFinal(signature))), AuthError::WrongServerSignature);
    assert_eq!(failed(wrong.step(Authentication::Ok)), AuthError::OutOfOrder, "it stays failed");

    let mut skipped = auth(Some("secret"));
    scram_until_last(&mut skipped);
    assert_eq!(failed(skipped.step(Authentication::Ok)), AuthError::OutOfOrder, "Ok in place of the proof");

    let mut early = auth(Some("secret"));
    let _ = offer(&mut early, &[b"SCRAM-SHA-256"]);
    assert_eq!(
        failed(early.step(Authentication::Ok)),
        AuthError::OutOfOrder,
        "Ok in place of the first message"
    );
    let mut downgraded = auth(Some("secret"));
    let _ = offer(&mut downgraded, &[b"SCRAM-SHA-256"]);
    assert_eq!(
        failed(downgraded.step(Authentication::Cleartext)),
        AuthError::OutOfOrder,
        "clear text after all"
    );
}

#[test]
fn a_hostile_server_gets_no_work_out_of_us() {
    let mut auth = auth(Some("secret"));
    let mut nonce = String::new();
    sent(offer(&mut auth, &[b"SCRAM-SHA-256"]), |credential| {
        let response = credential.sasl_initial().unwrap().response.unwrap();
        nonce = String::from_utf8_lossy(response.strip_prefix(b"n,,n=,r=").unwrap()).into_owned();
    });
    let message = format!("r={nonce}x,s=c2FsdA==,i=4294967295");
    let error = failed(auth.step(Authentication::SaslContinue(message.as_bytes())));
    assert_eq!(error, AuthError::TooManyIterations { asked: 4_294_967_295 });
}

#[test]
fn which_password_is_fit_for_which_method() {
    let md5 = "md50123456789abcdef0123456789abcdef";
    let user: Box<str> = "alice".into();
    let wrong = |form, method| AuthError::WrongForm { user: user.clone(), form, method };
    let none = |method| AuthError::NoPassword { user: user.clone(), method };
    let cases = [
        (None, Method::Cleartext, none(Method::Cleartext)),
        (None, Method::Md5, none(Method::Md5)),
        (None, Method::Scram, none(Method::Scram)),
        (Some(md5), Method::Cleartext, wrong(Form::Md5, Method::Cleartext)),
        (Some(md5), Method::Scram, wrong(Form::Md5, Method::Scram)),
        (Some("AESx"), Method::Md5, wrong(Form::Aes, Method::Md5)),
        (Some("AESx"), Method::Scram, wrong(Form::Aes, Method::Scram)),
        (Some("SCRAM-SHA-256$x"), Method::Cleartext, wrong(Form::Scram, Method::Cleartext)),
        (Some("SCRAM-SHA-256$x"), Method::Md5, wrong(Form::Scram, Method::Md5)),
    ];
    for (password, method, expected) in cases {
        let mut auth = auth(password);
        let step = if method == Method::Cleartext {
            auth.step(Authentication::Cleartext)
        } else if method == Method::Md5 {
            auth.step(Authentication::Md5 { salt: [0; 4] })
        } else {
            offer(&mut auth, &[b"SCRAM-SHA-256"])
        };
        let error = failed(step);
        assert_eq!(error, expected);
        assert!(error.is_want_of_password());
        assert_eq!(Fault::from(error).whose, Whose::Operator);
    }
}

#[test]
fn methods_that_are_not_spoken() {
    let cases = [
        (Authentication::KerberosV5, Method::Kerberos),
        (Authentication::ScmCredential, Method::Scm),
        (Authentication::Gss, Method::Gss),
        (Authentication::Sspi, Method::Sspi),
        (Authentication::Unknown { code: 13, data: b"" }, Method::Other(13)),
    ];
    for (message, method) in cases {
        assert_eq!(failed(auth(Some("x")).step(message)), AuthError::Unsupported(method));
    }
    let plus = offer(&mut auth(Some("x")), &[b"SCRAM-SHA-256-PLUS", b"OAUTHBEARER"]);
    assert_eq!(failed(plus), AuthError::Unsupported(Method::OtherSasl));
    for message in
        [Authentication::SaslContinue(b""), Authentication::SaslFinal(b""), Authentication::GssContinue(b"")]
    {
        assert_eq!(failed(auth(Some("x")).step(message)), AuthError::OutOfOrder);
    }
}

#[test]
fn nothing_that_is_printed_holds_the_password() {
    let mut auth = auth(Some("hunter2"));
    let mut shown = format!("{auth:?}");
    shown += &format!("{:?}", auth.step(Authentication::Cleartext));
    assert!(!shown.contains("hunter2"), "{shown}");
}
