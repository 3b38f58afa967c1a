use pgherd_types::limits;

/// One line of `pgpool_status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatusWord {
    /// The node was in use.
    Up,
    /// The node was detached, and stays so over a restart.
    Down,
    /// The slot was not configured.
    Unused,
}

impl StatusWord {
    fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Unused => "unused",
        }
    }
}

/// `work_dir/pgpool_status`: a word per line and node, in the order of the nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusFile(Vec<StatusWord>);

impl StatusFile {
    /// Reads the file's text. People edit this file: the case of letters and blanks around a word do not matter, and
    /// what is no known word counts as `unused`, as for Pgpool-II. When no line says `up`, the file says nothing: all
    /// nodes are taken for new.
    pub fn parse(text: &str) -> Self {
        let words: Vec<StatusWord> = text.lines().take(limits::NODES).map(|line| word(line.trim())).collect();
        if words.contains(&StatusWord::Up) { StatusFile(words) } else { StatusFile::default() }
    }

    /// A file of these words.
    pub fn new(words: Vec<StatusWord>) -> Self {
        StatusFile(words)
    }

    /// The word for the node at `index`.
    pub fn get(&self, index: usize) -> Option<StatusWord> {
        self.0.get(index).copied()
    }

    /// The file's text; `None` when no node is up, because such a file must not replace a better one.
    pub fn render(&self) -> Option<String> {
        let text = || self.0.iter().flat_map(|word| [word.as_str(), "\n"]).collect();
        self.0.contains(&StatusWord::Up).then(text)
    }
}

fn word(text: &str) -> StatusWord {
    [StatusWord::Up, StatusWord::Down]
        .into_iter()
        .find(|word| text.eq_ignore_ascii_case(word.as_str()))
        .unwrap_or(StatusWord::Unused)
}

#[cfg(test)]
mod tests {
    use super::StatusWord::{Down, Unused, Up};
    use super::{StatusFile, StatusWord};

    #[test]
    fn people_edit_it() {
        let cases: &[(&str, &[StatusWord])] = &[
            ("up\ndown\nunused\n", &[Up, Down, Unused]),
            ("UP\r\nDown \n", &[Up, Down]),
            (" up\n\ndown", &[Up, Unused, Down]),
            ("up\nwaiting\n", &[Up, Unused]),
            ("down\ndown\n", &[]),
            ("", &[]),
            ("\0\0\0\u{1}", &[]),
        ];
        for (text, words) in cases {
            assert_eq!(StatusFile::parse(text), StatusFile::new(words.to_vec()), "{text:?}");
        }
    }

    #[test]
    fn what_is_written_can_be_read() {
        let file = StatusFile::new(vec![Down, Up, Unused]);
        let text = file.render().unwrap();
        assert_eq!(text, "down\nup\nunused\n");
        assert_eq!(StatusFile::parse(&text), file);
    }

    #[test]
    fn a_file_that_says_that_all_is_lost_is_not_written() {
        assert_eq!(StatusFile::new(vec![Down, Unused]).render(), None);
    }

    #[test]
    fn a_file_cannot_have_more_lines_than_there_are_nodes() {
        let file = StatusFile::parse(&"up\n".repeat(10_000));
        assert_eq!((file.get(127), file.get(128)), (Some(Up), None));
    }
}
