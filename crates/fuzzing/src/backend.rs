use pgherd_auth::{PoolPasswd, ServerAuth, Step};
use pgherd_types::Secret;
use pgherd_wire::backend::{Authentication, Message, kind, largest_body};
use pgherd_wire::error_response::Fields;

use crate::messages::{same_however_cut, seeded};

/// The password of the user that authenticates, in its three forms that are worth a try.
const PASSWORDS: [&[u8]; 3] = [b"u:TEXTpencil", b"u:md50123456789abcdef0123456789abcdef", b""];

/// What a server sends: four bytes that decide the cuts and the password, then messages. Authentication messages are
/// answered.
pub fn backend(data: &[u8]) {
    let (seed, stream) = seeded(data);
    let in_run = &[kind::DATA_ROW, kind::COPY_DATA];
    let seen = same_however_cut(stream, seed, largest_body, in_run);
    let line = PASSWORDS.get(seed as usize % PASSWORDS.len()).copied().unwrap_or_default();
    let (passwords, _) = PoolPasswd::parse(line);
    let mut auth = ServerAuth::new("u", passwords.get("u").cloned(), [0; 18]);
    for bytes in &seen.whole {
        let Ok(message) = Message::parse(bytes) else { continue };
        let mut out = Vec::new();
        message.put(&mut out);
        assert_eq!(out, *bytes, "{message:?}");
        look(&message);
        if let Message::Authentication(step) = message {
            convince(&mut auth, step);
        }
    }
    head(&seen.open);
}

/// Takes a step of authentication. Work is done only where it is little.
fn convince(auth: &mut ServerAuth, asked: Authentication<'_>) {
    match auth.step(asked) {
        Step::Send(bytes) => assert!(is_one_message(&bytes)),
        Step::Derive(job) if job.iterations() <= 2 => {
            if let Step::Send(bytes) = auth.derived(&job.run()) {
                assert!(is_one_message(&bytes));
            }
        }
        Step::Derive(_) | Step::Wait | Step::Done => {}
        Step::Failed(error) => assert!(!error.to_string().contains("pencil")),
    }
}

fn is_one_message(bytes: &Secret) -> bool {
    pgherd_wire::frontend::Message::parse(bytes.expose()).is_ok()
}

/// Walks through what a message holds.
fn look(message: &Message<'_>) {
    match message {
        Message::DataRow(row) => assert_eq!(row.len(), row.count()),
        Message::RowDescription(columns) => assert_eq!(columns.len(), columns.count()),
        Message::ParameterDescription(types) => assert_eq!(types.len(), types.count()),
        Message::CopyResponse(copy) => assert_eq!(copy.columns.len(), copy.columns.count()),
        Message::NegotiateProtocolVersion(negotiate) => {
            assert_eq!(negotiate.unknown.len(), negotiate.unknown.count());
        }
        Message::ErrorResponse(fields) | Message::NoticeResponse(fields) => {
            let _ = (fields.severity(), fields.code(), fields.message());
        }
        Message::Authentication(_)
        | Message::BackendKeyData(_)
        | Message::BindComplete
        | Message::CloseComplete
        | Message::CommandComplete(_)
        | Message::CopyData(_)
        | Message::CopyDone
        | Message::EmptyQueryResponse
        | Message::FunctionCallResponse(_)
        | Message::NoData
        | Message::NotificationResponse { .. }
        | Message::ParameterStatus { .. }
        | Message::ParseComplete
        | Message::PortalSuspended
        | Message::ReadyForQuery(_) => {}
    }
}

/// States that the head of an error gives the first fields of it.
fn head(open: &[u8]) {
    if let Some((b'E' | b'N', body)) = open.split_first() {
        let body = body.get(4..).unwrap_or_default();
        let all: Vec<_> = Fields::of_body(body).collect();
        for end in 0..body.len().min(64) {
            let some: Vec<_> = Fields::of_body(body.split_at(end).0).collect();
            assert!(all.starts_with(&some), "{end}");
        }
    }
}
