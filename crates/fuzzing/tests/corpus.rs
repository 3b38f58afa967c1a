//! Whatever fuzzing ever found worth keeping is tried again.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use pgherd_fuzzing::TARGETS;

/// Fewer files than this in a folder: the corpus is not there.
const LEAST_FILES: usize = 20;

#[test]
fn the_corpus_is_clean() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, target) in TARGETS {
        let mut files: Vec<_> = fs::read_dir(corpus.join(name))
            .expect("each target has a folder")
            .map(|entry| entry.expect("it can be read").path())
            .collect();
        files.sort();
        assert!(files.len() >= LEAST_FILES, "{name} has {} files", files.len());
        for file in files {
            let bytes = fs::read(&file).expect("a file can be read");
            let clean = catch_unwind(AssertUnwindSafe(|| target(&bytes))).is_ok();
            assert!(clean, "{name} fails on {}", file.display());
        }
    }
}
