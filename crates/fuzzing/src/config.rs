use std::collections::BTreeSet;
use std::path::Path;

use pgherd_config::{Loaded, Problem, Settings, Style, all, load};

const FILE: &str = "pgpool.conf";
const INCLUDED: &str = "more.conf";
/// Texts whose length is a multiple of this are read once more.
const ROUND_TRIP_EVERY: usize = 8;

/// A configuration file. After the first zero byte comes the text of a file that it may include.
pub fn config(data: &[u8]) {
    let end = data.iter().position(|&b| b == 0).unwrap_or(data.len());
    let (text, more) = data.split_at(end);
    let more = more.get(1..).unwrap_or_default();
    let loaded = read(text, more);
    for problem in &loaded.problems {
        look(problem, text, more);
    }
    // It takes ten times as long as all the rest.
    if data.len().is_multiple_of(ROUND_TRIP_EVERY) {
        round_trip(&loaded);
    }
}

/// States that what is shown of the settings means the same when it is read.
fn round_trip(loaded: &Loaded) {
    let shown = shown(&loaded.settings);
    let again = read(file(&shown).as_bytes(), b"");
    assert!(again.is_usable() || !loaded.is_usable(), "{:#?}", again.problems);
    let shown_again: BTreeSet<_> = self::shown(&again.settings).into_iter().collect();
    for one in shown.iter().filter(|(_, value)| is_plain(value)) {
        assert!(shown_again.contains(one), "{one:?} is not what it was");
    }
}

fn read(text: &[u8], more: &[u8]) -> Loaded {
    let files = |path: &Path| match path.to_str() {
        Some(INCLUDED) => Ok(more.to_vec()),
        Some(_) | None => Err("not there".to_owned()),
    };
    load(Path::new(FILE), text, &files)
}

/// States that a problem is of a place that exists, and fits on a line.
fn look(problem: &Problem, text: &[u8], more: &[u8]) {
    let text = if problem.file == Path::new(INCLUDED) { more } else { text };
    if let Some(at) = problem.at {
        let line = text.split(|&b| b == b'\n').nth(at.line as usize - 1).expect("the line exists");
        assert!(at.column >= 1 && at.column as usize <= line.len() + 1, "{problem:?}");
    }
    let shown = problem.to_string();
    assert!(!shown.contains(['\n', '\r', '\0']), "{shown:?}");
    assert!(shown.chars().count() < 1000, "{shown}");
}

/// The values of all settings that are not secret, by name and as text.
fn shown(settings: &Settings) -> Vec<(String, String)> {
    let indices: BTreeSet<u8> = settings
        .backends
        .keys()
        .chain(settings.health_of.keys())
        .chain(settings.peers.keys())
        .chain(settings.heartbeats.keys())
        .copied()
        .collect();
    let mut all_shown = Vec::new();
    for setting in all().filter(|setting| !setting.is_secret()) {
        let numbers = setting.shape.last_index().map(|last| indices.range(..=last).map(|&index| Some(index)));
        let plain = setting.shape.is_plain().then_some(None);
        for index in plain.into_iter().chain(numbers.into_iter().flatten()) {
            all_shown.push((setting.full_name(index), setting.show(settings, index, Style::Units)));
        }
    }
    all_shown
}

/// A file that says the same, but for values that would have to be quoted.
fn file(shown: &[(String, String)]) -> String {
    let plain = shown.iter().filter(|(_, value)| is_plain(value));
    plain.map(|(name, value)| format!("{name} = '{value}'\n")).collect()
}

fn is_plain(value: &str) -> bool {
    !value.contains(['\'', '\\'])
}
