use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use pgherd_testkit::sandbox::Sandbox;

/// The logs of a sandbox's servers, read on from where they were read last. The servers have to run with
/// `log_statement = all`: a statement is in the log before it is answered.
#[derive(Debug)]
pub struct NodeLogs {
    logs: Vec<(PathBuf, u64)>,
}

/// How the entries begin that show that a server got a statement, behind the level. Not among them is `DETAIL`, which
/// tells what an EXECUTE stands for.
const ENTRIES: [&str; 4] =
    ["LOG:  statement: ", "LOG:  execute ", "LOG:  fastpath function call: ", "STATEMENT:  "];

impl NodeLogs {
    /// The logs of all nodes, from their ends on.
    ///
    /// # Panics
    /// When one cannot be read.
    pub fn from_now(sandbox: &Sandbox) -> Self {
        let logs = sandbox.nodes().map(|node| (node.log_file(), 0)).collect();
        let mut logs = NodeLogs { logs };
        logs.fresh();
        logs
    }

    /// For each of the tags the nodes in whose new entries it is.
    ///
    /// # Panics
    /// When a log cannot be read.
    pub fn nodes(&mut self, tags: &[String]) -> Vec<BTreeSet<usize>> {
        let fresh = self.fresh();
        let entries: Vec<Vec<String>> = fresh.iter().map(|text| entries(text)).collect();
        let has = |node: &Vec<String>, tag: &String| node.iter().any(|entry| entry.contains(tag.as_str()));
        tags.iter().map(|tag| (0..entries.len()).filter(|&node| has(&entries[node], tag)).collect()).collect()
    }

    fn fresh(&mut self) -> Vec<String> {
        let read = |(path, at): &mut (PathBuf, u64)| {
            let mut file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let mut bytes = Vec::new();
            file.seek(SeekFrom::Start(*at))
                .and_then(|_| file.read_to_end(&mut bytes))
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            *at += bytes.len() as u64;
            String::from_utf8_lossy(&bytes).into_owned()
        };
        self.logs.iter_mut().map(read).collect()
    }
}

/// The entries that show statements. A line that begins with a tab goes on with the entry before it.
fn entries(text: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut counts = false;
    for line in text.lines() {
        if let Some(more) = line.strip_prefix('\t') {
            if let (true, Some(last)) = (counts, all.last_mut()) {
                last.push('\n');
                last.push_str(more);
            }
            continue;
        }
        counts = ENTRIES.iter().any(|entry| line.contains(entry));
        if counts {
            all.push(line.to_owned());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::entries;

    #[test]
    fn entries_are_statements_with_all_their_lines() {
        let text = "12:00 [7] u@d LOG:  statement: SELECT\n\t1\n12:01 [7] u@d DETAIL:  prepare: PREPARE p\n\tAS x\n\
                    12:02 [7] u@d ERROR:  no\n12:02 [7] u@d STATEMENT:  oops\n";
        assert_eq!(
            entries(text),
            ["12:00 [7] u@d LOG:  statement: SELECT\n1", "12:02 [7] u@d STATEMENT:  oops"]
        );
    }
}
