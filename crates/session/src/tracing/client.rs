use pgherd_wire::{Framer, Piece, frame::HEADER_BYTES, frontend};

use super::Line;

/// Makes a line of each message of the client (`log_client_messages`). It follows the client's stream on its own, and
/// sees each byte once, however often the session is handed it.
#[derive(Debug)]
pub(crate) struct ClientTracer {
    framer: Framer,
    /// The message being read; `None` when its beginning was not seen.
    message: Option<Vec<u8>>,
    /// CopyData messages since the last other one: a run of them is one line.
    copied: u64,
    /// Bytes that were seen and will be handed back.
    seen: usize,
}

/// Bytes of a message that are looked at. A longer one shows its beginning.
const TRACED_BYTES: usize = 16 * 1024;

impl ClientTracer {
    /// A tracer of what follows; `framer` is where the session is in the stream.
    pub(crate) fn new(framer: Framer) -> Self {
        ClientTracer { framer, message: None, copied: 0, seen: 0 }
    }

    /// Takes bytes of the client, of which the session may hold some back.
    pub(crate) fn take(&mut self, bytes: &[u8], lines: &mut impl FnMut(Line)) {
        let mut input = bytes.get(self.seen..).unwrap_or_default();
        self.seen = 0;
        // What is no message ends the session, which says so.
        while let Ok(Some(piece)) = self.framer.next(&mut input) {
            self.piece(&piece, lines);
        }
    }

    /// The session has held back so many of the bytes: they come again.
    pub(crate) fn comes_again(&mut self, bytes: usize) {
        self.seen = bytes;
    }

    fn piece(&mut self, piece: &Piece<'_>, lines: &mut impl FnMut(Line)) {
        if piece.kind == frontend::kind::COPY_DATA {
            self.copied += u64::from(piece.first);
            self.message = None;
            return;
        }
        if piece.first {
            self.message = Some(piece.carried.bytes().to_vec());
        }
        let Some(message) = &mut self.message else { return };
        let room = TRACED_BYTES.saturating_sub(message.len());
        message.extend_from_slice(piece.raw.get(..room).unwrap_or(piece.raw));
        if !piece.last {
            return;
        }
        if self.copied > 0 {
            let count = core::mem::take(&mut self.copied);
            lines(line("CopyData", Some(format!("count: {count}"))));
        }
        if let Some(line) = describe(message) {
            lines(line);
        }
        self.message = None;
    }
}

/// The line on a CancelRequest.
pub(crate) fn cancel_line(process_id: u32) -> Line {
    line("Cancel", Some(format!("process id: {process_id}")))
}

fn line(kind: &str, detail: Option<String>) -> Line {
    Line { text: format!("{kind} message from frontend."), detail }
}

/// The line on a message, or on as much of it as was kept. `None` for a kind that no session has.
fn describe(message: &[u8]) -> Option<Line> {
    let body = message.get(HEADER_BYTES..).unwrap_or_default();
    let (one, rest) = text(body);
    let two = || text(rest).0;
    let (kind, detail) = match *message.first()? {
        frontend::kind::QUERY => ("Query", Some(format!("query: \"{one}\""))),
        frontend::kind::PARSE => ("Parse", Some(format!("statement: \"{one}\", query: \"{}\"", two()))),
        frontend::kind::BIND => ("Bind", Some(format!("portal: \"{one}\", statement: \"{}\"", two()))),
        frontend::kind::DESCRIBE => ("Describe", Some(target(body))),
        frontend::kind::EXECUTE => ("Execute", Some(format!("portal: \"{one}\""))),
        frontend::kind::CLOSE => ("Close", Some(target(body))),
        frontend::kind::FUNCTION_CALL => {
            let oid = body.first_chunk().map_or(0, |oid| u32::from_be_bytes(*oid));
            ("FunctionCall", Some(format!("oid: \"{oid}\"")))
        }
        frontend::kind::COPY_DONE => ("CopyDone", None),
        frontend::kind::COPY_FAIL => ("CopyFail", None),
        frontend::kind::FLUSH => ("Flush", None),
        frontend::kind::SYNC => ("Sync", None),
        frontend::kind::TERMINATE => ("Terminate", None),
        _ => return None,
    };
    Some(line(kind, detail))
}

/// What a Describe or a Close is for.
fn target(body: &[u8]) -> String {
    let what = if body.first() == Some(&b'S') { "statement" } else { "portal" };
    format!("{what}: \"{}\"", text(body.get(1..).unwrap_or_default()).0)
}

/// A text up to its NUL, or to the end of what was kept, and what follows.
fn text(bytes: &[u8]) -> (String, &[u8]) {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    let text = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned();
    (text, bytes.get(end + 1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use pgherd_wire::{Framer, frontend};

    use super::{ClientTracer, TRACED_BYTES, cancel_line};
    use crate::tracing::Line;

    fn shown(line: &Line) -> String {
        format!("{} {}", line.text, line.detail.as_deref().unwrap_or("-"))
    }

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap();
        [&[kind][..], &length.to_be_bytes(), body].concat()
    }

    /// A session of every kind of message, and the lines on it.
    fn everything() -> (Vec<u8>, Vec<&'static str>) {
        let kinds: [(u8, &[u8], &str); 15] = [
            (b'Q', b"select 1\0", "Query message from frontend. query: \"select 1\""),
            (
                b'P',
                b"s\0select $1\0\0\0",
                "Parse message from frontend. statement: \"s\", query: \"select $1\"",
            ),
            (b'B', b"p\0s\0\0\0\0\0\0\0", "Bind message from frontend. portal: \"p\", statement: \"s\""),
            (b'D', b"Ss\0", "Describe message from frontend. statement: \"s\""),
            (b'D', b"P\0", "Describe message from frontend. portal: \"\""),
            (b'E', b"p\0\0\0\0\0", "Execute message from frontend. portal: \"p\""),
            (b'C', b"Ss\0", "Close message from frontend. statement: \"s\""),
            (b'H', b"", "Flush message from frontend. -"),
            (b'S', b"", "Sync message from frontend. -"),
            (b'F', b"\0\0\x03\xbd\0\0\0\0\0\0", "FunctionCall message from frontend. oid: \"957\""),
            (b'd', b"abc", ""),
            (b'd', b"abc", "CopyData message from frontend. count: 2"),
            (b'c', b"", "CopyDone message from frontend. -"),
            (b'f', b"no\0", "CopyFail message from frontend. -"),
            (b'X', b"", "Terminate message from frontend. -"),
        ];
        let stream = kinds.iter().flat_map(|(kind, body, _)| message(*kind, body)).collect();
        (stream, kinds.iter().map(|(.., line)| *line).filter(|line| !line.is_empty()).collect())
    }

    #[test]
    fn each_kind_of_message_has_its_line_whatever_the_cut() {
        let (stream, expected) = everything();
        for cut in 1..=stream.len() {
            let mut tracer = ClientTracer::new(Framer::new(frontend::largest_body));
            let mut lines = Vec::new();
            stream.chunks(cut).for_each(|chunk| tracer.take(chunk, &mut |line| lines.push(shown(&line))));
            assert_eq!(lines, expected, "cut at {cut}");
        }
        assert_eq!(shown(&cancel_line(7)), "Cancel message from frontend. process id: 7");
    }

    #[test]
    fn what_is_handed_back_is_not_seen_twice() {
        let (stream, expected) = everything();
        let mut tracer = ClientTracer::new(Framer::new(frontend::largest_body));
        let mut lines = Vec::new();
        let mut at = 0;
        while at < stream.len() {
            tracer.take(&stream[at..], &mut |line| lines.push(shown(&line)));
            // The session takes a little of it each time.
            at += 3;
            tracer.comes_again(stream.len().saturating_sub(at));
        }
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_message_whose_beginning_was_not_seen_has_no_line_and_a_long_one_is_cut() {
        let mut framer = Framer::new(frontend::largest_body);
        let long = message(b'Q', &[b'x'; 3 * TRACED_BYTES]);
        assert!(framer.next(&mut &long[..100]).is_ok());
        let mut tracer = ClientTracer::new(framer);
        let mut lines = Vec::new();
        tracer.take(&long[100..], &mut |line| lines.push(shown(&line)));
        assert_eq!(lines, Vec::<String>::new());
        tracer.take(&long, &mut |line| lines.push(shown(&line)));
        assert!(lines[0].starts_with("Query message from frontend. query: \"xxx"));
        assert!(lines[0].len() < TRACED_BYTES + 100);
    }
}
