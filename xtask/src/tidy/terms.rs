//! One word, one meaning: words that this project does not use, and what it says instead.

use crate::finding::Finding;
use crate::mask::is_word;
use crate::tree::{Source, Tree};

/// The name under which exceptions are listed.
pub(crate) const RULE: &str = "terms";

/// Parts of names and words of prose. Old names of settings may hold them: see [`OLD_NAMES`].
const AVOIDED: &[(&str, &str)] = &[
    ("master", "primary, main or leader, whichever is meant"),
    ("slave", "standby"),
    ("blacklist", "what the list does, for example `refused`"),
    ("whitelist", "what the list does, for example `allowed`"),
    ("sanity", "check"),
];

/// Names and messages of other programs, which have to be spelt as they are.
const OLD_NAMES: &[&str] = &[
    "black_function_list",
    "black_memqcache_table_list",
    "black_query_pattern_list",
    "follow_master_command",
    "master_slave",
    "master_slave_mode",
    "master_slave_sub_mode",
    "master_stream_sub_mode",
    "white_function_list",
    "white_memqcache_table_list",
];

/// Looks at everything that people write, strings and comments and pages too.
pub(crate) fn check(tree: &Tree, found: &mut Vec<Finding>) {
    for source in tree.written().filter(|source| !source.path.starts_with("LICENSE-")) {
        check_source(source, found);
    }
}

fn check_source(source: &Source, found: &mut Vec<Finding>) {
    for (at, line) in source.text.lines().enumerate() {
        for word in line.split(|c| !is_word(c)) {
            if let Some((part, instead)) = avoided(word) {
                let message = format!("`{word}`: not `{part}` but {instead}");
                found.push(Finding::new(&source.path, at + 1, RULE, message));
            }
        }
    }
}

fn avoided(word: &str) -> Option<(&'static str, &'static str)> {
    // PostgreSQL's own word for its first process.
    let word = word.to_lowercase().replace("postmaster", "");
    if OLD_NAMES.contains(&word.as_str()) {
        return None;
    }
    AVOIDED.iter().find(|(part, _)| word.contains(part)).copied()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tree::Tree;

    #[test]
    fn avoided_words_are_found() {
        let cases = [
            ("a.rs", "let master_node = 0;\n", 1),
            ("a.rs", "// the slave\n", 1),
            ("a.rs", "log(\"Master gone\");\n", 1),
            ("a.md", "`master_slave_mode` is an old name\n", 0),
            ("a.md", "a whitelist of slaves\n", 2),
            ("a.rs", "pg_postmaster_start_time();\n", 0),
            ("a.rs", "let primary = 0;\n", 0),
        ];
        for (path, text, expected) in cases {
            let (mut tree, mut found) = (Tree::default(), Vec::new());
            tree.add(path, text);
            check(&tree, &mut found);
            assert_eq!(found.len(), expected, "{text}");
        }
    }
}
