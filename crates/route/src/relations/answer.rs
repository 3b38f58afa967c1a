use core::fmt;

use pgherd_sql::Fingerprint;
use pgherd_wire::Values;
use pgherd_wire::backend::Message;

use super::facts::{Fact, FunctionFacts, RelationFacts};
use super::lookup::{Kind, Lookup};

/// An answer of which nothing was learnt. The statement is the lead's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadAnswer {
    /// A DDL has passed since the question was asked.
    Outdated,
    /// It is not what the query returns.
    Malformed,
}

impl fmt::Display for BadAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadAnswer::Outdated => "a DDL has passed since the catalog was asked",
            BadAnswer::Malformed => "the catalog's answer is not what was asked for",
        })
    }
}

impl core::error::Error for BadAnswer {}

/// Columns of a row, behind the place of the name.
const FLAGS: usize = 6;

/// The facts that an answer, a run of DataRow messages, holds: one for each name that was asked about.
pub(super) fn facts(lookup: &Lookup, answer: &[u8]) -> Result<Vec<(Fingerprint, Fact)>, BadAnswer> {
    let mut facts: Vec<(Fingerprint, Fact)> =
        lookup.keys.iter().map(|&(key, _)| (key, Fact::Absent)).collect();
    let mut rest = answer;
    while !rest.is_empty() {
        let (message, behind) = split(rest).ok_or(BadAnswer::Malformed)?;
        rest = behind;
        let Ok(Message::DataRow(row)) = Message::parse(message) else { return Err(BadAnswer::Malformed) };
        let (at, flags) = read(row).ok_or(BadAnswer::Malformed)?;
        let (slot, asked) = facts.get_mut(at).zip(lookup.keys.get(at)).ok_or(BadAnswer::Malformed)?;
        slot.1 = fact(asked.1, flags);
    }
    Ok(facts)
}

/// The first message, and what is behind it.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = bytes.get(1..5)?.first_chunk().copied().map(u32::from_be_bytes)?;
    bytes.split_at_checked(usize::try_from(length).ok()?.checked_add(1)?)
}

fn read(mut row: Values<'_>) -> Option<(usize, [bool; FLAGS])> {
    let at = str::from_utf8(row.next()??).ok()?.parse().ok()?;
    let mut flags = [false; FLAGS];
    for flag in &mut flags {
        *flag = match row.next()?? {
            b"t" => true,
            b"f" => false,
            _ => return None,
        };
    }
    row.next().is_none().then_some((at, flags))
}

fn fact(kind: Kind, flags: [bool; FLAGS]) -> Fact {
    let [temporary, unlogged, foreign, volatile, primary, leaves] = flags;
    match kind {
        Kind::Relation => {
            Fact::Relation(RelationFacts { temporary, unlogged, foreign, volatile, primary, leaves })
        }
        Kind::Function => Fact::Function(FunctionFacts { volatile, leaves }),
    }
}
