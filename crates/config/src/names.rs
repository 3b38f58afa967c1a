use crate::nearest::split_number;
use crate::old::{self, Old};
use crate::setting::Setting;
use crate::settings;

/// What a name in a file stands for.
pub(crate) enum Meaning {
    /// A setting under its own name.
    Current(&'static Setting, Option<u8>),
    /// A setting under a former name.
    Former(&'static Setting, Option<u8>),
    /// A name that became something else.
    Old(&'static Old, Option<u8>),
    /// A setting that needs a number.
    WithoutNumber(&'static Setting),
    /// A setting whose greatest number is less.
    NumberTooGreat(&'static Setting, u8),
    /// Nothing.
    Unknown,
}

/// Looks a name up. Case counts, as it does in Pgpool-II; a number may have zeros before it.
pub(crate) fn meaning(name: &str) -> Meaning {
    let (base, digits) = split_number(name);
    let plain = old::NAMES.iter().find(|old| !old.is_numbered && old.name == name);
    if let Some(old) = plain {
        return Meaning::Old(old, None);
    }
    let numbered = old::NAMES.iter().find(|old| old.is_numbered && old.name == base);
    if let (Some(old), Ok(index)) = (numbered, digits.parse()) {
        return Meaning::Old(old, Some(index));
    }
    for setting in settings::all() {
        if setting.name == base {
            return with_number(setting, digits, Meaning::Current);
        }
        if setting.former.contains(&base) {
            return with_number(setting, digits, Meaning::Former);
        }
    }
    Meaning::Unknown
}

fn with_number(
    setting: &'static Setting,
    digits: &str,
    meaning: fn(&'static Setting, Option<u8>) -> Meaning,
) -> Meaning {
    let last = setting.shape.last_index();
    match (digits.is_empty(), last) {
        (true, _) if setting.shape.is_plain() => meaning(setting, None),
        (true, _) => Meaning::WithoutNumber(setting),
        (false, None) => Meaning::Unknown,
        (false, Some(last)) => match digits.parse() {
            Ok(index) if index <= last => meaning(setting, Some(index)),
            Ok(_) | Err(_) => Meaning::NumberTooGreat(setting, last),
        },
    }
}
