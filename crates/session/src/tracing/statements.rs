use std::collections::HashMap;
use std::sync::Arc;

use pgherd_wire::{frame::HEADER_BYTES, frontend};

use crate::Carrier;

/// Knows the texts behind the names of prepared statements and portals, for the lines on Bind and Execute. There is one
/// only while statements are traced.
#[derive(Debug, Default)]
pub(crate) struct StatementTracer {
    statements: HashMap<Box<[u8]>, Arc<[u8]>>,
    portals: HashMap<Box<[u8]>, Arc<[u8]>>,
    bytes: usize,
}

/// Bytes of names and texts that are remembered. What finds no room is shown by its name.
const REMEMBERED_BYTES: usize = 1024 * 1024;

/// What is remembered beside the bytes of a name and a text.
const ENTRY_BYTES: usize = 64;

impl StatementTracer {
    /// A message that is sent to a backend, or as much of it as is at hand: what carries a statement, and its text.
    /// `None` for a message that carries none. `known` gives the text of a statement that was prepared before.
    pub(crate) fn statement(
        &mut self,
        message: &[u8],
        known: impl Fn(&[u8]) -> Option<Arc<[u8]>>,
    ) -> Option<(Carrier, Arc<[u8]>)> {
        let body = message.get(HEADER_BYTES..)?;
        let (one, rest) = string(body);
        match *message.first()? {
            frontend::kind::QUERY => {
                // It ends what has no name.
                self.forget(b"", Kind::Statement);
                self.forget(b"", Kind::Portal);
                Some((Carrier::Query, one.into()))
            }
            frontend::kind::PARSE => {
                let text: Arc<[u8]> = string(rest).0.into();
                self.remember(one, Kind::Statement, &text);
                Some((Carrier::Parse, text))
            }
            frontend::kind::BIND => {
                let name = string(rest).0;
                let found = self.statements.get(name).cloned().or_else(|| known(name));
                let text = found.unwrap_or_else(|| named("prepared statement", name));
                self.remember(one, Kind::Portal, &text);
                Some((Carrier::Bind, text))
            }
            frontend::kind::EXECUTE => {
                let text = self.portals.get(one).cloned();
                Some((Carrier::Execute, text.unwrap_or_else(|| named("portal", one))))
            }
            frontend::kind::CLOSE => {
                let name = string(body.get(1..).unwrap_or_default()).0;
                self.forget(name, if body.first() == Some(&b'S') { Kind::Statement } else { Kind::Portal });
                None
            }
            _ => None,
        }
    }

    fn remember(&mut self, name: &[u8], kind: Kind, text: &Arc<[u8]>) {
        self.forget(name, kind);
        let size = size(name, text);
        if self.bytes + size <= REMEMBERED_BYTES {
            self.bytes += size;
            self.of(kind).insert(name.into(), Arc::clone(text));
        }
    }

    fn forget(&mut self, name: &[u8], kind: Kind) {
        if let Some(text) = self.of(kind).remove(name) {
            self.bytes -= size(name, &text);
        }
    }

    fn of(&mut self, kind: Kind) -> &mut HashMap<Box<[u8]>, Arc<[u8]>> {
        match kind {
            Kind::Statement => &mut self.statements,
            Kind::Portal => &mut self.portals,
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Statement,
    Portal,
}

fn size(name: &[u8], text: &[u8]) -> usize {
    name.len() + text.len() + ENTRY_BYTES
}

/// What is shown where the text is not known.
fn named(what: &str, name: &[u8]) -> Arc<[u8]> {
    format!("{what} \"{}\"", String::from_utf8_lossy(name)).into_bytes().into()
}

/// A string up to its NUL, or to the end of what is at hand, and what follows.
fn string(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    (bytes.get(..end).unwrap_or_default(), bytes.get(end + 1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{REMEMBERED_BYTES, StatementTracer};
    use crate::Carrier;

    fn shown(tracer: &mut StatementTracer, kind: u8, body: &str) -> Option<(Carrier, String)> {
        let message = [&[kind, 0, 0, 0, 0][..], body.as_bytes()].concat();
        let known = |name: &[u8]| (name == b"old").then(|| b"select 'old'"[..].into());
        let (carrier, text) = tracer.statement(&message, known)?;
        Some((carrier, String::from_utf8_lossy(&text).into_owned()))
    }

    #[test]
    fn texts_behind_names() {
        let cases = [
            (b'P', "s\0select 1\0\0\0", Some((Carrier::Parse, "select 1"))),
            (b'P', "\0select 2\0\0\0", Some((Carrier::Parse, "select 2"))),
            (b'B', "p\0s\0", Some((Carrier::Bind, "select 1"))),
            (b'B', "\0\0", Some((Carrier::Bind, "select 2"))),
            (b'E', "p\0", Some((Carrier::Execute, "select 1"))),
            (b'E', "\0", Some((Carrier::Execute, "select 2"))),
            (b'B', "\0old\0", Some((Carrier::Bind, "select 'old'"))),
            (b'E', "\0", Some((Carrier::Execute, "select 'old'"))),
            (b'Q', "begin\0", Some((Carrier::Query, "begin"))),
            (b'B', "\0\0", Some((Carrier::Bind, "prepared statement \"\""))),
            (b'C', "Ss\0", None),
            (b'B', "x\0s\0", Some((Carrier::Bind, "prepared statement \"s\""))),
            (b'E', "p\0", Some((Carrier::Execute, "select 1"))),
            (b'C', "Pp\0", None),
            (b'E', "p\0", Some((Carrier::Execute, "portal \"p\""))),
            (b'D', "Ss\0", None),
            (b'S', "", None),
            (b'P', "cut\0select 3", Some((Carrier::Parse, "select 3"))),
        ];
        let mut tracer = StatementTracer::default();
        for (kind, body, expected) in cases {
            let expected = expected.map(|(carrier, text)| (carrier, text.to_owned()));
            assert_eq!(shown(&mut tracer, kind, body), expected, "{} {body:?}", char::from(kind));
        }
    }

    #[test]
    fn it_remembers_no_more_than_it_may() {
        let mut tracer = StatementTracer::default();
        let text = "x".repeat(1000);
        for name in 0..2000 {
            shown(&mut tracer, b'P', &format!("s{name}\0{text}\0"));
        }
        assert!(tracer.bytes <= REMEMBERED_BYTES && tracer.statements.len() > 900);
        let unknown = shown(&mut tracer, b'B', "\0s1999\0").unwrap().1;
        assert_eq!(unknown, "prepared statement \"s1999\"");
        for name in 0..2000 {
            shown(&mut tracer, b'C', &format!("Ss{name}\0"));
        }
        shown(&mut tracer, b'C', "P\0");
        assert_eq!(tracer.bytes, 0);
    }
}
