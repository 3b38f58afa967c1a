//! No bytes make the reader panic, and what it says stays within its limits.

use core::cell::Cell;
use std::path::Path;

use pgherd_config::{Settings, all, load, sample};

/// A small generator of its own (xorshift), so that a seed gives the same bytes for ever.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or(0) % limit.max(1)
    }

    fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }
}

/// Bytes that look like a configuration file, more or less.
fn file(random: &mut Random) -> Vec<u8> {
    let names: Vec<&str> = all().map(|setting| setting.name).collect();
    let values: &[&str] = &[
        "on",
        "off",
        "0",
        "1",
        "-1",
        "08",
        "0x",
        "1e400",
        "1e-9",
        ".",
        "99999999999999999999",
        "5min",
        "1.5 h",
        "''",
        "'",
        "'\\'",
        "'a''b'",
        "'\\",
        "$",
        "all",
        "''''",
        "'|'",
        "'ALWAYS_PRIMARY|x'",
        "',,;;\\;'",
        "'é'",
        "\u{0}",
    ];
    let glue: &[&str] = &[" = ", "=", " ", "", "\t=\r", " == ", "'", "#", "\u{feff}"];
    let mut text = Vec::new();
    for _ in 0..random.below(12) {
        match random.below(8) {
            0 => text.extend((0..random.below(20)).map(|_| u8::try_from(random.below(256)).unwrap_or(0))),
            1 => text.extend(b"include = 'again'"),
            _ => {
                text.extend(random.pick(&names).bytes());
                text.extend(random.pick(&["", "0", "01", "127", "128", "255", "256", "99999999999"]).bytes());
                text.extend(random.pick(glue).bytes());
                text.extend(random.pick(values).bytes());
            }
        }
        text.push(b'\n');
    }
    text
}

#[test]
fn arbitrary_files_are_read_or_refused() {
    for seed in 1..1_500_u64 {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let (text, included) = (file(&mut random), file(&mut random));
        let includes = Cell::new(0);
        let include = |_: &Path| {
            includes.set(includes.get() + 1);
            if includes.get() < 4 { Ok(included.clone()) } else { Err("no more".to_owned()) }
        };
        let loaded = load(Path::new("x"), &text, &include);
        for problem in &loaded.problems {
            let line = problem.to_string();
            assert!(!line.contains('\n') && line.len() < 1000, "seed {seed}: {line}");
            assert!(!problem.hint.is_empty(), "seed {seed}: {line}");
        }
        let reload = Settings::default().reload(&loaded.settings);
        let again = reload.settings.reload(&loaded.settings);
        assert!(again.changed.is_empty(), "seed {seed}: {:?}", again.changed);
    }
}

#[test]
fn a_sample_file_cut_anywhere_is_read_or_refused() {
    let sample = sample().replace("\n#", "\n");
    for end in (0..sample.len()).step_by(97) {
        load(Path::new("x"), &sample.as_bytes()[..end], &|_: &Path| Err("none".to_owned()));
    }
}

#[test]
fn long_names_and_values_stay_out_of_messages() {
    let long = "x".repeat(100_000);
    for text in [
        long.clone(),
        format!("{long} = 1"),
        format!("port = {long}"),
        format!("port{}", "9".repeat(100_000)),
    ] {
        for problem in load(Path::new("x"), text.as_bytes(), &|_: &Path| Err("none".to_owned())).problems {
            assert!(problem.to_string().len() < 400, "{problem}");
        }
    }
}
