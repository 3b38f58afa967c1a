//! What a client sees through pgherd is what it would see from a server: a corpus of statements and protocol
//! scripts, given to both, and the comparison.
//!
//! The corpus lies in `corpus/`: `*.sql` files are one session each, a statement (or, in `multi.sql`, a string of
//! several) up to a line that ends with `;`; `protocol.script` holds scripts of single messages.
//! Beside the corpus, `tests/contract/` holds pgherd to the contract of a server process, and to what it promises of
//! its pool.
//!
//! `corpus/answers.sql` and `answers.script` hold what other programs between client and server are known to answer
//! differently. `corpus/routing/` holds the rows of [`routing`]: which node answers which statement. `corpus/README.md`
//! names the test for each kind of failure that is known from elsewhere.
//!
//! `differences.txt` lists, by name and with a reason, the few places where the answers may differ.

mod corpus;
mod differences;
pub mod routing;
mod scene;
mod session;
mod witness;

pub use corpus::{Corpus, ScriptCase};
pub use differences::Differences;
pub use scene::Scene;
pub use session::{Protocol, run_statements};
pub use witness::Witness;

/// The first line in which two transcripts differ, with what leads up to it; `None` when they are the same.
pub fn first_difference(direct: &[String], through: &[String]) -> Option<String> {
    const LEADING_LINES: usize = 6;
    let at = (0..direct.len().max(through.len())).find(|&at| direct.get(at) != through.get(at))?;
    let lead = direct.get(at.saturating_sub(LEADING_LINES)..at.min(direct.len())).unwrap_or_default();
    let line = |all: &[String]| all.get(at).map_or("(nothing)".to_owned(), Clone::clone);
    let lead: String = lead.iter().map(|line| format!("    {}\n", shortened(line))).collect();
    Some(format!("{lead}  directly: {}\n  through:  {}", shortened(&line(direct)), shortened(&line(through))))
}

fn shortened(line: &str) -> String {
    const SHOWN_CHARS: usize = 400;
    match line.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}... ({} bytes)", line.get(..end).unwrap_or_default(), line.len()),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::first_difference;

    #[test]
    fn the_first_difference_is_shown_with_what_leads_to_it() {
        let lines = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(first_difference(&lines("a b"), &lines("a b")), None);
        let shown = first_difference(&lines("a b c"), &lines("a x c")).unwrap();
        assert_eq!(shown, "    a\n  directly: b\n  through:  x");
        let shown = first_difference(&lines("a b"), &lines("a")).unwrap();
        assert_eq!(shown, "    a\n  directly: b\n  through:  (nothing)");
    }
}
