//! Configuration files that people published load, and what is said of them helps.

use std::path::{Path, PathBuf};
use std::{env, fs};

use pgherd_config::{Loaded, NoFiles, load};

/// The shared directory: beside the workspace, or where `PGHERD_SHARED` says.
fn shared() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = env::var_os("PGHERD_SHARED").map_or_else(beside, PathBuf::from);
    if shared.is_dir() {
        return Some(shared);
    }
    println!("skipped: there is no {} (set PGHERD_SHARED)", shared.display());
    None
}

fn corpus() -> Vec<(String, Loaded)> {
    let Some(shared) = shared() else { return Vec::new() };
    let mut files: Vec<_> = fs::read_dir(shared.join("corpus/pgpool-conf"))
        .expect("the corpus is a directory")
        .map(|entry| entry.expect("it can be read").path())
        .collect();
    files.sort();
    assert!(files.len() > 40, "the corpus is there as a whole");
    let load = |path: PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).expect("plain names").to_owned();
        let text = fs::read(&path).expect("a file can be read");
        (name.clone(), load(Path::new(&name), &text, &NoFiles))
    };
    files.into_iter().map(load).collect()
}

#[test]
fn each_file_is_accepted_but_the_one_that_pgpool_refuses() {
    for (name, loaded) in corpus() {
        let errors: Vec<_> = loaded.errors().map(ToString::to_string).collect();
        if name == "007.conf" {
            let expected = "007.conf:846: error: unexpected text after the name pgpool: .conf; \
                            write name = value, the value in quotes unless it is a number or a word";
            assert_eq!(errors, [expected]);
        } else {
            assert!(errors.is_empty(), "{errors:#?}");
        }
    }
}

#[test]
fn each_warning_says_where_and_what_to_do() {
    for (name, loaded) in corpus() {
        for problem in &loaded.problems {
            let text = problem.to_string();
            assert!(!problem.hint.is_empty(), "{text}");
            assert!(!text.contains("secret'"), "{text}");
            let is_about_something_missing = problem.message.starts_with("there is no backend")
                || problem.message.starts_with("no node has a weight");
            assert!(problem.at.is_some() || is_about_something_missing, "{text}");
            assert!(text.starts_with(&name), "{text}");
        }
        let limit = 60;
        assert!(loaded.problems.len() < limit, "{name}: nobody reads {} warnings", loaded.problems.len());
    }
}
