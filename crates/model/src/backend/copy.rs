use super::{Backend, Busy, Failure, Wires, error};
use crate::message::{Message, put};
use crate::sql::CopyIn;

/// A COPY IN that reads from the client.
#[derive(Debug)]
pub(super) struct Copying {
    pub(super) table: usize,
    pub(super) how: CopyIn,
    pub(super) lines: usize,
}

/// The error of a COPY that fails before it reads.
pub(super) fn doomed() -> Failure {
    Failure::new("P0001", "a statement trigger refuses")
}

impl Backend {
    /// A message while COPY IN reads: `CopyGetData` of src/backend/commands/copyfromparse.c.
    pub(super) fn in_copy(&mut self, message: &Message, wires: &mut Wires<'_>) {
        let Busy::Copy(copying) = &mut self.busy else { return };
        let outcome = match message.kind {
            b'd' | b'c' | b'f' if copying.how == CopyIn::Doomed => Err(doomed()),
            b'd' if message.body.starts_with(b"bad") => {
                Err(Failure::new("22P02", "invalid input syntax for type integer: \"bad\""))
            }
            b'd' if copying.how == CopyIn::Checked => {
                Err(Failure::new("23514", "new row violates check constraint"))
            }
            b'd' => {
                copying.lines += 1;
                Ok(None)
            }
            b'c' => Ok(Some((copying.table, copying.lines))),
            b'f' => {
                let why = message.body.strip_suffix(b"\0").unwrap_or_default();
                Err(Failure::new(
                    "57014",
                    format!("COPY from stdin failed: {}", String::from_utf8_lossy(why)),
                ))
            }
            // Not even a cancel is noticed: the next message is read at once.
            b'H' | b'S' => return,
            kind => return self.lost_in_copy(kind, wires),
        };
        match outcome {
            _ if self.cancelled => {
                self.fail(&Failure::new("57014", "canceling statement due to user request"), wires);
            }
            Ok(None) => {}
            Ok(Some((table, lines))) => {
                self.busy = Busy::No;
                self.insert(table, lines);
                self.waited(&format!("COPY {lines}"), wires);
            }
            Err(why) => self.fail(&why, wires),
        }
    }

    /// A message that has no place in COPY IN costs the connection, since PostgreSQL 14: its body is not read.
    fn lost_in_copy(&mut self, kind: u8, wires: &mut Wires<'_>) {
        let text = format!("unexpected message type 0x{kind:02X} during COPY from stdin");
        self.lost(("08P01", &text), wires);
    }

    /// The client is gone before COPY IN has ended.
    pub(super) fn lost_at_end(&mut self, wires: &mut Wires<'_>) {
        self.lost(("08006", "unexpected EOF on client connection with an open transaction"), wires);
    }

    fn lost(&mut self, (code, text): (&str, &str), wires: &mut Wires<'_>) {
        error(b'E', "ERROR", code, text, wires.out);
        self.fatal("08P01", "terminating connection because protocol synchronization was lost", wires.out);
    }

    /// Answers COPY TO STDOUT.
    pub(super) fn copy_out(&mut self, table: usize, wires: &mut Wires<'_>) -> String {
        let lines = self.count(table, wires.data);
        put(wires.out, b'H', |out| out.extend_from_slice(&[0, 0, 1, 0, 0]));
        for line in 0..lines {
            put(wires.out, b'd', |out| out.extend_from_slice(format!("t{table} {line}\n").as_bytes()));
        }
        put(wires.out, b'c', |_| {});
        format!("COPY {lines}")
    }
}
