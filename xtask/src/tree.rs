//! The files of the repository, as the rules see them.

use std::path::Path;
use std::process::Command;

use crate::mask::{self, Masked};

/// All text files of the repository and the paths of everything else.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) sources: Vec<Source>,
    /// Every path there is, of text or not, and every folder that holds one.
    pub(crate) paths: std::collections::BTreeSet<String>,
}

/// One text file.
#[derive(Debug)]
pub(crate) struct Source {
    /// Path from the workspace's folder, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    /// Empty unless the file is Rust.
    pub(crate) masked: Masked,
    /// For each line of a Rust file, whether only tests are built from it.
    test_lines: Vec<bool>,
}

impl Tree {
    /// Reads the files of `root`, committed or new, and not ignored.
    pub(crate) fn read(root: &Path) -> Result<Tree, String> {
        let mut tree = Tree::default();
        for path in list(root)? {
            // A path that git still lists may be deleted in the work tree, and a picture is no text.
            let Ok(bytes) = std::fs::read(root.join(&path)) else { continue };
            match String::from_utf8(bytes) {
                Ok(text) => tree.add(&path, &text),
                Err(_) => tree.add_path(&path),
            }
        }
        Ok(tree)
    }

    /// Adds a text file.
    pub(crate) fn add(&mut self, path: &str, text: &str) {
        self.add_path(path);
        self.sources.push(Source::new(path, text));
    }

    fn add_path(&mut self, path: &str) {
        let mut path = path;
        loop {
            self.paths.insert(path.to_owned());
            match path.rsplit_once('/') {
                Some((folder, _)) => path = folder,
                None => break,
            }
        }
    }

    /// The files that people write by hand, as opposed to corpora of odd input and generated locks.
    pub(crate) fn written(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(|source| !source.is_material())
    }

    /// The Rust files.
    pub(crate) fn rust(&self) -> impl Iterator<Item = &Source> {
        self.written().filter(|source| source.path.ends_with(".rs"))
    }
}

/// What git knows, or where there is no git (an unpacked archive, a machine without it) what lies there.
fn list(root: &Path) -> Result<Vec<String>, String> {
    let mut paths = match list_of_git(root) {
        Some(paths) => paths,
        None => {
            let mut paths = Vec::new();
            walk(root, "", &mut paths)?;
            paths
        }
    };
    paths.sort();
    paths.dedup();
    Ok(paths)
}

fn list_of_git(root: &Path) -> Option<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let paths = said.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
    output.status.success().then_some(paths)
}

/// Folders of things that are made.
const MADE: &[&str] = &[".git", "target", "node_modules", "__pycache__"];

fn walk(root: &Path, folder: &str, paths: &mut Vec<String>) -> Result<(), String> {
    let failed = |why| format!("{folder}: cannot be read: {why}");
    for entry in std::fs::read_dir(root.join(folder)).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        if !entry.file_type().map_err(failed)?.is_dir() {
            paths.push(path);
        } else if !MADE.contains(&name.as_str()) {
            walk(root, &path, paths)?;
        }
    }
    Ok(())
}

impl Source {
    fn new(path: &str, text: &str) -> Source {
        let rust = path.ends_with(".rs");
        let masked = if rust { mask::mask(text) } else { Masked::default() };
        let test_lines = test_lines(path, &masked.code);
        Source { path: path.to_owned(), text: text.to_owned(), masked, test_lines }
    }

    /// The lines of the code view, numbered from 1.
    pub(crate) fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.masked.code.lines().enumerate().map(|(at, line)| (at + 1, line))
    }

    /// Whether line `number`, counted from 1, is only built for tests.
    pub(crate) fn is_test(&self, number: usize) -> bool {
        number.checked_sub(1).and_then(|at| self.test_lines.get(at)).copied().unwrap_or(false)
    }

    fn is_material(&self) -> bool {
        self.path.split('/').any(|part| part == "corpus") || self.path.ends_with(".lock")
    }
}

fn test_lines(path: &str, code: &str) -> Vec<bool> {
    let count = code.lines().count();
    let whole = path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "benches"));
    let mut lines = vec![whole; count];
    for (attribute, _) in code.match_indices("#[cfg(test)]") {
        let first = code[..attribute].matches('\n').count();
        let last = code[..end_of_item(code, attribute)].matches('\n').count();
        lines.iter_mut().take(last + 1).skip(first).for_each(|line| *line = true);
    }
    lines
}

/// Where the item that starts at `from` ends: its closing brace, or a semicolon before any brace.
pub(crate) fn end_of_item(code: &str, from: usize) -> usize {
    let (mut braces, mut groups) = (0usize, 0usize);
    for (at, c) in code[from..].char_indices() {
        match c {
            '(' | '[' => groups += 1,
            ')' | ']' => groups = groups.saturating_sub(1),
            '{' => braces += 1,
            '}' if braces <= 1 => return from + at,
            '}' => braces -= 1,
            ';' if braces == 0 && groups == 0 => return from + at,
            _ => {}
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::{Tree, list_of_git, walk};

    /// Files that nobody has committed may lie about, but nothing that git knows is missed.
    #[test]
    fn without_git_the_same_files_are_found() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut walked = Vec::new();
        walk(&root, "", &mut walked).unwrap();
        let walked: BTreeSet<String> = walked.into_iter().collect();
        assert!(walked.contains("tidy/layers.rs"), "{walked:?}");
        if let Some(known) = list_of_git(&root) {
            assert!(known.iter().all(|path| walked.contains(path) || !root.join(path).exists()), "{known:?}");
        }
    }

    #[test]
    fn lines_for_tests_are_known() {
        let mut tree = Tree::default();
        tree.add("a.rs", "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n");
        tree.add("tests/b.rs", "fn a() {}\n");
        let found: Vec<Vec<bool>> = tree
            .rust()
            .map(|source| (1..=source.text.lines().count()).map(|line| source.is_test(line)).collect())
            .collect();
        assert_eq!(found, [vec![false, true, true, true, true, false], vec![true]]);
    }
}
