//! SET, RESET, BEGIN and their like, word by word.

use super::{Characteristics, Control, Isolation, Setting, Sql};

/// A word of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    /// Outside of quotes, in lower case.
    Plain(String),
    /// Inside of them.
    Quoted(String),
}

/// A statement about settings or transactions; `None` when it is none, or none that the model knows.
pub(super) fn statement(text: &str) -> Option<Sql> {
    let words = words(text)?;
    let plain: Vec<&str> = words.iter().map(Word::plain).collect();
    Some(match plain.as_slice() {
        ["start", "transaction", rest @ ..] => Sql::Control(Control::Start(characteristics(rest)?)),
        ["begin", "transaction" | "work", rest @ ..] | ["begin", rest @ ..] => {
            Sql::Control(Control::Begin(characteristics(rest)?))
        }
        ["commit" | "end", rest @ ..] => Sql::Control(Control::Commit { chain: chain(rest)? }),
        ["rollback", "to", "savepoint", name] | ["rollback", "to", name] => {
            Sql::Control(Control::RollbackTo((*name).to_owned()))
        }
        ["rollback" | "abort", rest @ ..] => Sql::Control(Control::Rollback { chain: chain(rest)? }),
        ["savepoint", name] => Sql::Control(Control::Savepoint((*name).to_owned())),
        ["release", "savepoint", name] | ["release", name] => {
            Sql::Control(Control::Release((*name).to_owned()))
        }
        ["discard", "all"] => Sql::Control(Control::DiscardAll),
        ["discard", "temp"] => Sql::Control(Control::DiscardTemporary),
        ["reset", "all"] => Sql::Setting(Setting::ResetAll),
        ["reset", "session", "authorization"] => Sql::Setting(Setting::Reset("role".to_owned())),
        ["reset", name] => Sql::Setting(Setting::Reset(spelled(name))),
        ["set", "transaction", rest @ ..] => Sql::Setting(Setting::Transaction(characteristics(rest)?)),
        ["set", "session", "characteristics", "as", "transaction", rest @ ..] => {
            Sql::Setting(Setting::Session(characteristics(rest)?))
        }
        ["set", "session", ..] => set(false, words.get(2..)?)?,
        ["set", "local", ..] => set(true, words.get(2..)?)?,
        ["set", ..] => set(false, words.get(1..)?)?,
        _ => return None,
    })
}

/// What `set_config` changes.
pub(super) fn set_config(arguments: &str) -> Option<Setting> {
    let words = words(arguments)?;
    let [Word::Quoted(name), Word::Quoted(value), Word::Plain(local)] = words.as_slice() else { return None };
    let local = match local.as_str() {
        "true" => true,
        "false" => false,
        _ => return None,
    };
    Some(Setting::One { local, name: spelled(name), value: Some(value.clone()) })
}

fn set(local: bool, words: &[Word]) -> Option<Sql> {
    let plain: Vec<&str> = words.iter().map(Word::plain).collect();
    match plain.as_slice() {
        ["authorization", "default"] => Some(one(local, "role", None)),
        ["role", "none"] => Some(one(local, "role", None)),
        ["role", _] => Some(one(local, "role", words.get(1).map(Word::text))),
        [name, "=" | "to", "default"] => Some(one(local, name, None)),
        [name, "=" | "to", ..] => {
            let values: Vec<&str> = words.get(2..)?.iter().map(Word::text).collect();
            (!values.is_empty()).then(|| one(local, name, Some(&values.join(", "))))
        }
        _ => None,
    }
}

fn one(local: bool, name: &str, value: Option<&str>) -> Sql {
    Sql::Setting(Setting::One { local, name: spelled(name), value: value.map(str::to_owned) })
}

/// A setting's name as the server tells it.
fn spelled(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    if name == "intervalstyle" { "IntervalStyle".to_owned() } else { name }
}

fn chain(rest: &[&str]) -> Option<bool> {
    match rest.strip_prefix(&["transaction"]).or(rest.strip_prefix(&["work"])).unwrap_or(rest) {
        [] | ["and", "no", "chain"] => Some(false),
        ["and", "chain"] => Some(true),
        _ => None,
    }
}

fn characteristics(mut rest: &[&str]) -> Option<Characteristics> {
    let mut all = Characteristics::default();
    loop {
        rest = match rest {
            [] => return Some(all),
            ["isolation", "level", "serializable", rest @ ..] => {
                all.isolation = Some(Isolation::Serializable);
                rest
            }
            ["isolation", "level", "repeatable", "read", rest @ ..] => {
                all.isolation = Some(Isolation::Transaction);
                rest
            }
            ["isolation", "level", "read", "committed" | "uncommitted", rest @ ..] => {
                all.isolation = Some(Isolation::Statement);
                rest
            }
            ["read", how @ ("only" | "write"), rest @ ..] => {
                all.read_only = Some(*how == "only");
                rest
            }
            ["deferrable", rest @ ..] | ["not", "deferrable", rest @ ..] => rest,
            _ => return None,
        };
    }
}

impl Word {
    /// What keywords are compared with: nothing quoted is one.
    fn plain(&self) -> &str {
        match self {
            Word::Plain(word) => word,
            Word::Quoted(_) => "'",
        }
    }

    fn text(&self) -> &str {
        match self {
            Word::Plain(word) | Word::Quoted(word) => word,
        }
    }
}

/// Words, numbers, strings in single or double quotes, and the equals sign. Commas only part the others.
fn words(text: &str) -> Option<Vec<Word>> {
    let (mut all, mut rest) = (Vec::new(), text.trim_start());
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '\'' | '"' => {
                let end = 1 + rest.get(1..)?.find(first)?;
                all.push(Word::Quoted(rest.get(1..end)?.to_owned()));
                end + 1
            }
            ',' => 1,
            '=' => {
                all.push(Word::Plain("=".to_owned()));
                1
            }
            _ => {
                let part = |letter: char| !letter.is_ascii_alphanumeric() && !"_.-+$".contains(letter);
                let end = rest.find(part).unwrap_or(rest.len());
                if end == 0 {
                    return None;
                }
                all.push(Word::Plain(rest.get(..end)?.to_ascii_lowercase()));
                end
            }
        };
        rest = rest.get(end..)?.trim_start();
    }
    Some(all)
}
