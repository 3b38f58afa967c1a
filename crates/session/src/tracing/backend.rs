use pgherd_types::NodeId;
use pgherd_wire::{Framer, backend::kind};

use super::BackendMessages;

/// Makes lines of the messages of backends (`log_backend_messages`).
#[derive(Debug, Default)]
pub(crate) struct BackendTracer {
    /// What came last, and how often it came again.
    last: Option<(NodeId, u8)>,
    repeats: u64,
}

impl BackendTracer {
    /// Takes bytes of a backend; `framer` is where its stream is.
    pub(crate) fn take(
        &mut self,
        how: BackendMessages,
        node: NodeId,
        mut framer: Framer,
        mut bytes: &[u8],
        lines: &mut impl FnMut(String),
    ) {
        // What is no message ends the backend, and the session says so.
        while let Ok(Some(piece)) = framer.next(&mut bytes) {
            if piece.first {
                self.message(how, node, piece.kind, lines);
            }
        }
    }

    fn message(&mut self, how: BackendMessages, node: NodeId, kind: u8, lines: &mut impl FnMut(String)) {
        match how {
            BackendMessages::None => {}
            BackendMessages::Verbose => {
                self.last = None;
                self.repeats = 0;
                lines(format!("{} message from backend {node}", name(kind)));
            }
            BackendMessages::Terse if self.last == Some((node, kind)) => self.repeats += 1,
            BackendMessages::Terse => {
                let (last, repeats) = (self.last.replace((node, kind)), core::mem::take(&mut self.repeats));
                if let (Some((node, kind)), 1..) = (last, repeats) {
                    lines(format!(
                        "last {} message from backend {node} repeated {repeats} times",
                        name(kind)
                    ));
                }
                lines(format!("{} message from backend {node}", name(kind)));
            }
        }
    }
}

/// The protocol's name of a message.
fn name(message: u8) -> &'static str {
    match message {
        kind::AUTHENTICATION => "AuthenticationRequest",
        kind::BACKEND_KEY_DATA => "BackendKeyData",
        kind::BIND_COMPLETE => "BindComplete",
        kind::CLOSE_COMPLETE => "CloseComplete",
        kind::COMMAND_COMPLETE => "CommandComplete",
        kind::COPY_BOTH_RESPONSE => "CopyBothResponse",
        kind::COPY_DATA => "CopyData",
        kind::COPY_DONE => "CopyDone",
        kind::COPY_IN_RESPONSE => "CopyInResponse",
        kind::COPY_OUT_RESPONSE => "CopyOutResponse",
        kind::DATA_ROW => "DataRow",
        kind::EMPTY_QUERY_RESPONSE => "EmptyQueryResponse",
        kind::ERROR_RESPONSE => "ErrorResponse",
        kind::FUNCTION_CALL_RESPONSE => "FunctionCallResponse",
        kind::NEGOTIATE_PROTOCOL_VERSION => "NegotiateProtocolVersion",
        kind::NO_DATA => "NoData",
        kind::NOTICE_RESPONSE => "NoticeResponse",
        kind::NOTIFICATION_RESPONSE => "NotificationResponse",
        kind::PARAMETER_DESCRIPTION => "ParameterDescription",
        kind::PARAMETER_STATUS => "ParameterStatus",
        kind::PARSE_COMPLETE => "ParseComplete",
        kind::PORTAL_SUSPENDED => "PortalSuspended",
        kind::READY_FOR_QUERY => "ReadyForQuery",
        kind::ROW_DESCRIPTION => "RowDescription",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use pgherd_types::NodeId;
    use pgherd_wire::{Framer, backend};

    use super::{BackendMessages, BackendTracer};

    fn lines(how: BackendMessages, batches: &[(u8, &[u8])]) -> Vec<String> {
        let (mut tracer, mut lines) = (BackendTracer::default(), Vec::new());
        for (node, kinds) in batches {
            let bytes: Vec<u8> = kinds
                .iter()
                .flat_map(|kind| {
                    [*kind, 0, 0, 0, if *kind == b'Z' { 5 } else { 4 }]
                        .into_iter()
                        .chain((*kind == b'Z').then_some(b'I'))
                })
                .collect();
            let framer = Framer::new(backend::largest_body);
            tracer.take(how, NodeId(*node), framer, &bytes, &mut |line| lines.push(line));
        }
        lines
    }

    #[test]
    fn runs_are_two_lines_when_terse_and_all_are_when_verbose() {
        let batches: [(u8, &[u8]); 3] = [(0, b"TDD"), (0, b"DCZ"), (1, b"Z")];
        assert_eq!(lines(BackendMessages::None, &batches), Vec::<String>::new());
        assert_eq!(
            lines(BackendMessages::Terse, &batches),
            [
                "RowDescription message from backend 0",
                "DataRow message from backend 0",
                "last DataRow message from backend 0 repeated 2 times",
                "CommandComplete message from backend 0",
                "ReadyForQuery message from backend 0",
                "ReadyForQuery message from backend 1",
            ]
        );
        assert_eq!(
            lines(BackendMessages::Verbose, &[(2, b"TDDC")]),
            [
                "RowDescription message from backend 2",
                "DataRow message from backend 2",
                "DataRow message from backend 2",
                "CommandComplete message from backend 2",
            ]
        );
    }

    #[test]
    fn a_message_that_comes_in_two_pieces_is_one() {
        let mut framer = Framer::new(backend::largest_body);
        let (one, two) = b"D\0\0\0\x0axxxxxx".split_at(7);
        let (mut tracer, mut lines) = (BackendTracer::default(), Vec::new());
        let verbose = BackendMessages::Verbose;
        tracer.take(verbose, NodeId(0), framer.clone(), one, &mut |line| lines.push(line));
        assert!(framer.next(&mut &one[..]).is_ok());
        tracer.take(verbose, NodeId(0), framer, two, &mut |line| lines.push(line));
        assert_eq!(lines, ["DataRow message from backend 0"]);
    }
}
