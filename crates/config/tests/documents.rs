//! What is made from the declarations is up to date, and the sample file means the defaults.

use std::path::{Path, PathBuf};
use std::{env, fs};

use pgherd_config::{NoFiles, ReadConsistency, Settings, Style, all, load, reference, sample};

fn docs(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(file)
}

/// Compares a file with what it must be, or writes it when `PGHERD_REGENERATE` is set.
fn is_up_to_date(file: &str, text: &str) {
    let path = docs(file);
    if env::var_os("PGHERD_REGENERATE").is_some() {
        fs::write(&path, text).expect("the file can be written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == text, "docs/{file} is out of date: PGHERD_REGENERATE=1 cargo test -p pgherd-config");
}

#[test]
fn the_manual_is_up_to_date() {
    is_up_to_date("configuration.md", &reference());
}

#[test]
fn the_sample_file_is_up_to_date() {
    is_up_to_date("pgpool.conf.sample", &sample());
}

#[test]
fn the_sample_file_means_the_defaults() {
    let mut as_it_is = load(Path::new("sample"), sample().as_bytes(), &NoFiles);
    // The one value that a new configuration should have although the default is another.
    assert_eq!(as_it_is.settings.own.read_consistency, ReadConsistency::Session);
    as_it_is.settings.own.read_consistency = ReadConsistency::Eventual;
    assert_eq!(as_it_is.settings, Settings::default());

    let is_setting = |line: &str| line.starts_with('#') && !line.starts_with("# ") && line.contains(" = ");
    let lines = sample();
    let all_set: Vec<_> = lines.lines().filter(|line| is_setting(line)).map(|line| &line[1..]).collect();
    assert_eq!(all_set.len() + 1, all().count());
    let loaded = load(Path::new("sample"), all_set.join("\n").as_bytes(), &NoFiles);
    assert_eq!(loaded.problems, []);
    for setting in all().filter(|setting| setting.shape.is_plain()) {
        let value = setting.show(&loaded.settings, None, Style::Units);
        assert_eq!(value, setting.show_default(Style::Units), "{}", setting.name);
    }
}

#[test]
fn each_setting_is_explained_in_sentences() {
    for setting in all() {
        let text = setting.description();
        assert!(text.ends_with('.') && text.len() > 15, "{}: {text}", setting.name);
        assert!(!setting.allowed().is_empty(), "{}", setting.name);
    }
}
