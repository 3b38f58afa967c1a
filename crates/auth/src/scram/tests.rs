use super::*;

/// The exchange of RFC 7677, section 3.
const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
const SERVER_FIRST: &[u8] =
    b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const CLIENT_FINAL: &str = concat!(
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,",
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
);
const SERVER_FINAL: &[u8] = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

fn last(password: &str) -> (Last, String) {
    let first = First::with_nonce(Secret::new(password), "user", NONCE.to_owned());
    assert_eq!(first.message(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    let (deriving, derive) = first.server_first(SERVER_FIRST).unwrap();
    deriving.prove(&derive.run())
}

#[test]
fn the_exchange_of_rfc_7677() {
    let (last, message) = last("pencil");
    assert_eq!(message, CLIENT_FINAL);
    assert_eq!(last.server_final(SERVER_FINAL), Ok(()));
}

#[test]
fn a_server_that_does_not_know_the_password_is_found_out() {
    assert_eq!(last("pen").0.server_final(SERVER_FINAL), Err(AuthError::WrongServerSignature));
    let right = last("pencil").0;
    let cases: [(&[u8], AuthError); 8] = [
        (b"v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", AuthError::WrongServerSignature),
        (b"v=", AuthError::WrongServerSignature),
        (b"v=6rri", AuthError::WrongServerSignature),
        (b"v=???", AuthError::Malformed("its signature is not base64")),
        (
            b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=,x=y",
            AuthError::Malformed("its signature is not base64"),
        ),
        (b"", AuthError::Malformed("no signature in its last message")),
        (b"\xff", AuthError::Malformed("not UTF-8")),
        (b"e=invalid-\x1bproof", AuthError::Server("invalid-proof".to_owned())),
    ];
    for (message, expected) in cases {
        assert_eq!(right.server_final(message), Err(expected), "{}", message.escape_ascii());
    }
    assert_eq!(right.server_final(&[b'v'; MESSAGE_BYTES + 1]), Err(AuthError::Malformed("too long")));
}

#[test]
fn a_nonce_is_base64_of_the_random_bytes() {
    let first = First::new(Secret::new("x"), "", &[0xff; NONCE_BYTES]);
    assert_eq!(first.message(), "n,,n=,r=////////////////////////");
}

#[test]
fn no_step_shows_the_password() {
    let first = First::new(Secret::new("pencil"), "", &[0; NONCE_BYTES]);
    let shown = format!("{first:?}");
    let server_first = format!("r={}X,s=c2FsdA==,i=1", first.nonce);
    let (deriving, derive) = first.server_first(server_first.as_bytes()).unwrap();
    let shown = format!("{shown}{deriving:?}{derive:?}");
    let shown = format!("{shown}{:?}", derive.run());
    assert!(!shown.contains("pencil") && shown.contains("*****"), "{shown}");
}
