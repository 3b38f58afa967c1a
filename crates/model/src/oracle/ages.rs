//! How old what a client reads may be.

use crate::message::Message;

/// What a client's reads are promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// They may be older than what the client has written, and than what it has read before.
    Eventual,
    /// They see what it has written and what it has read.
    Session,
}

/// What a client should have seen and what it saw, made comparable: where a count is as new as is promised, it counts
/// as the one that it should be.
///
/// # Errors
/// A read that is older than that.
pub(super) fn compare(
    promise: Promise,
    want: &[Message],
    got: &[Message],
) -> Result<(Vec<Message>, Vec<Message>), String> {
    let (want, mut got) = match promise {
        Promise::Eventual => (without_copies(want), without_copies(got)),
        Promise::Session => (want.to_vec(), got.to_vec()),
    };
    let mut newest = 0;
    for (want, got) in want.iter().zip(&mut got) {
        if want == got {
            if let Some(shared) = shared(want)
                && newest > 0
                && promise == Promise::Session
            {
                return Err(format!("it reads {shared} rows, and has read {newest} more before"));
            }
            continue;
        }
        let shown = match (shared(want), shared(got)) {
            (Some(own), Some(seen)) => {
                if promise == Promise::Session {
                    let others = seen
                        .checked_sub(own)
                        .ok_or_else(|| format!("it reads {seen} rows, and has written {own} itself"))?;
                    if others < newest {
                        return Err(format!(
                            "it reads {others} rows of others, and has read {newest} before"
                        ));
                    }
                    newest = others;
                }
                true
            }
            (None, None) => {
                if promise == Promise::Session && is_older(want, got) {
                    return Err(format!("it counts fewer rows than it should: {got:?} instead of {want:?}"));
                }
                promise == Promise::Eventual && is_older(want, got) || is_refused_alike(want, got)
            }
            (Some(_), None) | (None, Some(_)) => false,
        };
        if !shown {
            break;
        }
        got.clone_from(want);
    }
    Ok((want, got))
}

/// The count of a table that several clients write to.
fn shared(message: &Message) -> Option<usize> {
    core::str::from_utf8(value(message)?.strip_prefix(b"n")?).ok()?.parse().ok()
}

fn value(message: &Message) -> Option<&[u8]> {
    if message.kind == b'D' { message.body.get(6..) } else { None }
}

fn is_older(want: &Message, got: &Message) -> bool {
    let count = |message| core::str::from_utf8(value(message)?).ok()?.parse::<usize>().ok();
    count(want).zip(count(got)).is_some_and(|(want, got)| got < want)
}

/// In a transaction that has failed, which of two mistakes of one message is told depends on where its statement was
/// prepared.
fn is_refused_alike(want: &Message, got: &Message) -> bool {
    let code =
        |message: &Message| if message.kind == b'E' { message.field(b'C').map(str::to_owned) } else { None };
    code(want).as_deref() == Some("08P01") && code(got).as_deref() == Some("25P02")
}

/// An old COPY TO has fewer lines.
fn without_copies(all: &[Message]) -> Vec<Message> {
    let one = |message: &Message| match (message.kind, message.body.starts_with(b"COPY ")) {
        (b'd', _) => None,
        (b'C', true) => Some(Message::new(b'C', b"COPY".as_slice())),
        _ => Some(message.clone()),
    };
    all.iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::{Promise, compare};
    use crate::message::Message;

    fn rows(values: &[&str]) -> Vec<Message> {
        values
            .iter()
            .map(|value| Message::new(b'D', [b"\0\x01\0\0\0\x01", value.as_bytes()].concat()))
            .collect()
    }

    #[test]
    fn what_is_old_and_what_is_not() {
        for (want, got, session, eventual) in [
            (["n0", "n1"], ["n0", "n1"], true, true),
            (["n0", "n1"], ["n5", "n7"], true, true),
            (["n0", "n1"], ["n5", "n6"], true, true),
            (["n0", "n1"], ["n5", "n5"], false, true),
            (["n0", "n1"], ["n5", "n1"], false, true),
            (["n0", "n1"], ["n0", "n0"], false, true),
            (["3", "4"], ["3", "3"], false, true),
            (["3", "4"], ["3", "5"], false, false),
            (["3", "c"], ["3", "d"], false, false),
        ] {
            let (want, got) = (rows(&want), rows(&got));
            let good = |promise| compare(promise, &want, &got).is_ok_and(|(want, got)| want == got);
            assert_eq!(
                (good(Promise::Session), good(Promise::Eventual)),
                (session, eventual),
                "{want:?} {got:?}"
            );
        }
    }
}
