//! What becomes of the unnamed portal in a transaction that has failed.

use crate::message::Message;

/// Both without the answers about an unnamed portal that are as good as one another.
///
/// In a transaction that has failed a portal can be made nowhere, and run nowhere. Which of the refusals is told
/// depends on which backend the portal was made on: docs/differences.md.
pub(super) fn without_refusals(want: &[Message], got: &[Message]) -> (Vec<Message>, Vec<Message>) {
    let (mut kept_want, mut kept_got) = (Vec::new(), Vec::new());
    let (mut want, mut got) = (want, got);
    let mut failed = false;
    while let ([first_want, rest_want @ ..], [first_got, rest_got @ ..]) = (want, got) {
        if failed && first_want != first_got && refuses(first_want) && refuses(first_got) {
            (want, got) = (to_the_end(want), to_the_end(got));
            continue;
        }
        if first_want.kind == b'Z' {
            failed = first_want.body == b"E";
        }
        kept_want.push(first_want.clone());
        kept_got.push(first_got.clone());
        (want, got) = (rest_want, rest_got);
    }
    kept_want.extend_from_slice(want);
    kept_got.extend_from_slice(got);
    (kept_want, kept_got)
}

/// True for an answer to Describe or Execute of a portal that is not there, or cannot be run any more.
fn refuses(message: &Message) -> bool {
    match message.kind {
        b'n' | b'I' => true,
        b'E' => message.field(b'C').is_some_and(|code| ["25P02", "34000", "55000"].contains(&code)),
        _ => false,
    }
}

/// What is left of the answers when those of this batch are taken away.
fn to_the_end(answers: &[Message]) -> &[Message] {
    let ready = answers.iter().position(|message| message.kind == b'Z').unwrap_or(answers.len());
    &answers[ready..]
}

#[cfg(test)]
mod tests {
    use super::without_refusals;
    use crate::message::Message;

    fn answers(all: &[&str]) -> Vec<Message> {
        let one = |text: &&str| match text.split_once(' ') {
            Some(("E", code)) => Message::new(b'E', format!("C{code}\0\0")),
            Some((_, status)) => Message::new(b'Z', status),
            None => Message::new(text.as_bytes()[0], ""),
        };
        all.iter().map(one).collect()
    }

    #[test]
    fn refusals_are_alike_in_a_failed_transaction_only() {
        for (want, got, alike) in [
            (vec!["Z E", "E 25P02", "Z E", "Z I"], vec!["Z E", "E 34000", "Z E", "Z I"], true),
            (vec!["Z E", "n", "3", "Z E"], vec!["Z E", "E 25P02", "Z E"], true),
            (vec!["Z E", "E 25P02", "Z E", "Z I"], vec!["Z E", "E 34000", "Z E", "Z E"], false),
            (vec!["Z T", "E 25P02", "Z E"], vec!["Z T", "E 34000", "Z E"], false),
            (vec!["Z E", "E 25P02", "Z E"], vec!["Z E", "E 26000", "Z E"], false),
            (vec!["Z E", "E 25P02", "Z E"], vec!["Z E", "2", "Z E"], false),
            (vec!["Z E", "E 25P02", "Z E"], vec!["Z E"], false),
        ] {
            let (kept_want, kept_got) = without_refusals(&answers(&want), &answers(&got));
            assert_eq!(kept_want == kept_got, alike, "{want:?} {got:?}");
        }
    }
}
