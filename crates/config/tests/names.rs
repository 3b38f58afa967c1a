//! Every name in the list of Pgpool-II's parameters is known.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

use pgherd_config::{NoFiles, load};

fn document() -> Option<String> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let path =
        env::var_os("PGHERD_SHARED").map_or_else(beside, PathBuf::from).join("compat/01-configuration.md");
    let text = fs::read_to_string(&path).ok();
    if text.is_none() {
        println!("skipped: there is no {} (set PGHERD_SHARED)", path.display());
    }
    text
}

/// The names in the first column of the tables from `start` on, up to `end`. `a / _b` names `a` and, with the last
/// part of `a` replaced, `b`; those are too few to be clever about, so parts that begin with `_` are left out.
fn first_column(text: &str, start: &str, end: &str) -> BTreeSet<String> {
    let from = text.find(start).expect("the heading is there");
    let to = text.find(end).expect("the heading is there");
    let is_name = |word: &&str| {
        let base = word.trim_end_matches('N');
        word.len() > 2
            && base.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !word.starts_with('_')
    };
    let rows = text[from..to].lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.filter_map(|row| row.split(" | ").next()).filter(|cell| !cell.contains("---"));
    cells
        .flat_map(|cell| cell.split([' ', ',', '/']))
        .map(|word| word.trim_end_matches("[N]"))
        .filter(is_name)
        .filter(|word| word.contains('_') || ["port", "ssl", "logdir", "hostnameN"].contains(word))
        .map(str::to_owned)
        .collect()
}

/// Names of settings, with 0 for the N of numbered ones.
fn unknown(names: &BTreeSet<String>) -> Vec<String> {
    let is_unknown = |name: &&String| {
        let base = name.strip_suffix('N').map(|base| format!("{base}0"));
        let text = format!("{} = 1", base.as_ref().unwrap_or(name));
        let loaded = load(Path::new("x"), text.as_bytes(), &NoFiles);
        loaded.problems.iter().any(|one| one.message.starts_with("there is no setting"))
    };
    names.iter().filter(is_unknown).cloned().collect()
}

#[test]
fn parameters_of_the_newest_release() {
    let Some(text) = document() else { return };
    let names = first_column(&text, "### 1.1 ", "### 1.2 ");
    assert!(names.len() > 150, "{} names were found", names.len());
    assert_eq!(unknown(&names), Vec::<String>::new());
}

#[test]
fn parameters_of_old_releases() {
    let Some(text) = document() else { return };
    let names = first_column(&text, "### 1.3 ", "Parameters new per release");
    assert!(names.len() > 30, "{} names were found", names.len());
    // Not names of settings: a node's flag, and a remark.
    let mut unknown = unknown(&names);
    unknown.retain(|name| !["ALWAYS_MASTER"].contains(&name.as_str()));
    assert_eq!(unknown, Vec::<String>::new());
}
