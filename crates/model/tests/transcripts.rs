//! Replays the transcripts of `tests/transcripts`: one for each mistake that was ever found.
//!
//! `PGHERD_BLESS=1 cargo test -p pgherd-model --test transcripts` writes down what the sessions do now; look
//! at the difference before it is committed.

use std::path::Path;
use std::{env, fs};

use pgherd_model::transcript;

#[test]
fn transcripts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut played = 0;
    for entry in fs::read_dir(&folder).expect("the folder of transcripts") {
        let path = entry.expect("an entry of the folder").path();
        let want = fs::read_to_string(&path).expect("a transcript is text");
        let got = transcript::play(&want).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        if env::var_os("PGHERD_BLESS").is_some() {
            fs::write(&path, &got).expect("the transcript can be written");
        }
        let differs = want.lines().zip(got.lines()).position(|(want, got)| want != got);
        let at = differs.unwrap_or_else(|| want.lines().count().min(got.lines().count()));
        let around =
            |text: &str| text.lines().skip(at.saturating_sub(6)).take(12).collect::<Vec<_>>().join("\n");
        assert!(
            want == got,
            "{}, line {}\n--- should be\n{}\n--- is\n{}",
            path.display(),
            at + 1,
            around(&want),
            around(&got)
        );
        played += want.lines().filter(|line| line.starts_with("== ")).count();
    }
    assert!(played >= 10, "only {played} transcripts were found");
}
