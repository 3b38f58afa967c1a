use std::path::PathBuf;

use pgherd_testkit::Script;

/// The files of the corpus.
#[derive(Debug)]
pub struct Corpus {
    dir: PathBuf,
}

/// A named script of single messages.
#[derive(Clone, Debug)]
pub struct ScriptCase {
    /// Its name.
    pub name: String,
    /// What it does.
    pub script: Script,
}

impl Corpus {
    /// The corpus beside this crate's sources.
    pub fn here() -> Self {
        Corpus { dir: PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus")) }
    }

    /// The statements of a file, in order.
    ///
    /// # Panics
    /// When there is no such file.
    pub fn statements(&self, file: &str) -> Vec<String> {
        let by_line = file == "multi.sql";
        let mut all = Vec::new();
        let mut open = String::new();
        for line in self.text(file).lines() {
            if open.is_empty() && line.starts_with("-- ") && !line.ends_with(';') && all.is_empty() {
                continue;
            }
            open.push_str(line);
            if by_line || line.trim_end().ends_with(';') {
                all.push(core::mem::take(&mut open));
            } else {
                open.push('\n');
            }
        }
        assert!(open.trim().is_empty(), "{file} ends in the middle of a statement: {open}");
        all
    }

    /// The scripts of single messages.
    ///
    /// # Panics
    /// When one of them is no script.
    pub fn scripts(&self) -> Vec<ScriptCase> {
        let text = self.text("protocol.script");
        let cases = text.split("\n== ").skip(1);
        cases
            .map(|case| {
                let (name, steps) = case.split_once('\n').unwrap_or((case, ""));
                match Script::parse(&with_long_texts(steps)) {
                    Ok(script) => ScriptCase { name: name.to_owned(), script },
                    Err(error) => panic!("protocol.script, {name}: {error}"),
                }
            })
            .collect()
    }

    /// A file's text.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn text(&self, file: &str) -> String {
        let path = self.dir.join(file);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

/// Puts N letters in the place of each `@N@`.
fn with_long_texts(steps: &str) -> String {
    let mut out = String::new();
    for (i, part) in steps.split('@').enumerate() {
        match part.parse::<usize>() {
            Ok(letters) if i > 0 => out.push_str(&"x".repeat(letters)),
            Ok(_) | Err(_) => {
                if i > 0 && (out.is_empty() || out.ends_with('\n')) {
                    out.push('@');
                }
                out.push_str(part);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Corpus, with_long_texts};

    #[test]
    fn numbers_become_long_texts_and_clients_keep_their_sign() {
        assert_eq!(with_long_texts("Query \"@3@\"\n@b Query x"), "Query \"xxx\"\n@b Query x");
    }

    #[test]
    fn there_is_something_to_compare() {
        let corpus = Corpus::here();
        let statements: usize =
            ["types.sql", "select.sql", "transactions.sql", "statements.sql", "multi.sql"]
                .iter()
                .map(|file| corpus.statements(file).len())
                .sum();
        assert!(statements > 500, "{statements} statements");
        assert!(corpus.scripts().len() > 60);
    }
}
