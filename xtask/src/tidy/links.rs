//! Links between pages lead somewhere.

use crate::finding::Finding;
use crate::tree::{Source, Tree};

const RULE: &str = "links";

/// Looks at every Markdown file.
pub(crate) fn check(tree: &Tree, found: &mut Vec<Finding>) {
    for source in tree.written().filter(|source| source.path.ends_with(".md")) {
        for (number, target) in targets(&source.text) {
            if let Some(message) = objection(tree, source, target) {
                found.push(Finding::new(&source.path, number, RULE, message));
            }
        }
    }
}

/// The targets of inline links outside fenced code, with their lines.
fn targets(text: &str) -> Vec<(usize, &str)> {
    let (mut fenced, mut all) = (false, Vec::new());
    for (at, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        for (start, _) in line.match_indices("](") {
            let rest = &line[start + 2..];
            if let Some(end) = rest.find(')') {
                all.push((at + 1, &rest[..end]));
            }
        }
    }
    all
}

fn objection(tree: &Tree, source: &Source, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() { source.path.clone() } else { resolve(&source.path, file)? };
    if !tree.paths.contains(&path) {
        return Some(format!("`{target}` leads nowhere: there is no {path}"));
    }
    let page = tree.sources.iter().find(|other| other.path == path)?;
    let known = anchor.is_empty() || headings(&page.text).any(|heading| heading == anchor);
    (!known).then(|| format!("`{target}` leads nowhere: {path} has no heading #{anchor}"))
}

/// `relative` as seen from the folder of `from`; `None` when it leaves the repository.
fn resolve(from: &str, relative: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in relative.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => _ = parts.pop()?,
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The anchors that a page's headings make, as forges form them.
fn headings(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter(|line| line.starts_with('#')).map(|line| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        title
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tree::Tree;

    #[test]
    fn links_lead_somewhere() {
        let cases = [
            ("[a](docs/b.md)", 0),
            ("[a](docs/c.md)", 1),
            ("[a](docs)", 0),
            ("[a](docs/b.md#the-first-part)", 0),
            ("[a](docs/b.md#no-such-part)", 1),
            ("[a](#here)\n# Here", 0),
            ("[a](https://example.org/nothing)", 0),
            ("```\n[a](nothing)\n```", 0),
            ("[a](one.md) and [b](two.md)", 2),
        ];
        for (text, expected) in cases {
            let (mut tree, mut found) = (Tree::default(), Vec::new());
            tree.add("README.md", text);
            tree.add("docs/b.md", "# The first part\n[up](../README.md)\n");
            check(&tree, &mut found);
            assert_eq!(found.len(), expected, "{text}");
        }
    }
}
