use pgherd_wire::frontend::{Message, kind, largest_body};
use pgherd_wire::startup::{self, Replication, Request, StartupMessage};

use crate::messages::{same_however_cut, seeded};

/// What a client sends: four bytes that decide the cuts, then startup packets, then messages.
pub fn frontend(data: &[u8]) {
    let (seed, mut stream) = seeded(data);
    while let Some(rest) = packet(stream) {
        stream = rest;
    }
    let in_run = &[kind::COPY_DATA];
    for message in same_however_cut(stream, seed, largest_body, in_run).whole {
        read(&message);
    }
}

/// Reads one startup packet; gives what follows it when it was one.
fn packet(stream: &[u8]) -> Option<&[u8]> {
    let bytes = startup::packet_bytes(stream).ok()??;
    let (packet, rest) = stream.split_at_checked(bytes)?;
    let mut out = Vec::new();
    match startup::parse(packet) {
        Ok(Request::Ssl) => startup::put_ssl_request(&mut out),
        Ok(Request::GssEnc) => startup::put_gssenc_request(&mut out),
        Ok(Request::Cancel(cancel)) => startup::put_cancel_request(&mut out, cancel.process_id, cancel.key),
        Ok(Request::Start(message)) => return start(&message).then_some(rest),
        Err(error) => {
            error.put(&mut out);
            assert_eq!(error.told(), !out.is_empty());
            return None;
        }
    }
    // These two may carry bytes that nobody looks at.
    assert!(packet.ends_with(out.get(4..8).unwrap_or_default()) || packet.len() > 8);
    assert_eq!(startup::parse(&out), startup::parse(packet));
    Some(rest)
}

/// States that a startup message is read back as it is written.
fn start(message: &StartupMessage<'_>) -> bool {
    assert!(!message.user.is_empty() && !message.database.is_empty());
    let replication = match message.replication {
        Replication::No => None,
        Replication::Physical => Some("true"),
        Replication::Logical => Some("database"),
    };
    let named = [("user", message.user), ("database", message.database)];
    let parameters = named
        .into_iter()
        .chain(replication.map(|value| ("replication", value)))
        .chain(message.options.iter().copied())
        .chain(message.protocol_options.iter().map(|&name| (name, "")));
    let mut out = Vec::new();
    startup::put_startup_message(&mut out, message.version, parameters);
    // Names that the client left out may make it too long.
    if matches!(startup::packet_bytes(&out), Ok(Some(_))) {
        assert_eq!(startup::parse(&out), Ok(Request::Start(message.clone())));
    }
    true
}

/// States that a message which is understood is written as it came.
fn read(bytes: &[u8]) {
    let Ok(message) = Message::parse(bytes) else { return };
    let mut out = Vec::new();
    message.put(&mut out);
    match message {
        // What comes with these two is not looked at.
        Message::Terminate | Message::CopyDone => assert_eq!(out.len(), 5),
        Message::Password(credential) => {
            assert_eq!(out, bytes);
            // One body can be read as any of them; none may panic.
            let _ = (credential.password(), credential.sasl_initial());
        }
        Message::Bind(bind) => {
            assert_eq!(out, bytes);
            assert_eq!(bind.parameters.len(), bind.parameters.count());
            assert_eq!(bind.formats.len(), bind.formats.count());
        }
        Message::Close(_)
        | Message::CopyData(_)
        | Message::CopyFail(_)
        | Message::Describe(_)
        | Message::Execute { .. }
        | Message::Flush
        | Message::FunctionCall(_)
        | Message::Parse(_)
        | Message::Query(_)
        | Message::Sync => assert_eq!(out, bytes),
    }
}
