//! A file and all that it includes, as one list of assignments in the order in which they count.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::lexer::{self, Line};
use crate::problem::{Position, Problem, Severity, shown_path};
use crate::problems::Problems;

/// How deep files may include each other, as in Pgpool-II.
const INCLUDE_DEPTH: usize = 10;
/// Files that are read in all. Ten levels of files that include each other twice would be a thousand.
const INCLUDE_FILES: usize = 200;
/// Bytes of all files.
const ALL_BYTES: usize = 8 << 20;

/// Reads the files that `include` names. A closure from a path to its bytes, or the reason why there are none,
/// is one.
pub trait Include {
    /// The bytes of a file.
    ///
    /// # Errors
    /// Why it cannot be read, in words.
    fn read(&self, path: &Path) -> Result<Vec<u8>, String>;
}

impl<F: Fn(&Path) -> Result<Vec<u8>, String>> Include for F {
    fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
        self(path)
    }
}

/// No file can be included.
pub struct NoFiles;

impl Include for NoFiles {
    fn read(&self, _: &Path) -> Result<Vec<u8>, String> {
        Err("no other files can be read here".to_owned())
    }
}

/// Where something stands.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) file: Rc<Path>,
    pub(crate) at: Position,
}

impl Place {
    pub(crate) fn problem(&self, severity: Severity, message: String, hint: String) -> Problem {
        Problem { severity, file: self.file.to_path_buf(), at: Some(self.at), message, hint }
    }
}

/// A value for a name, somewhere in the files.
#[derive(Clone, Debug)]
pub(crate) struct Assigned {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) name_place: Place,
    pub(crate) value_place: Place,
}

/// All that the files say, and what of it cannot be understood.
#[derive(Default)]
pub(crate) struct Sources {
    pub(crate) assigned: Vec<Assigned>,
    pub(crate) problems: Problems,
    files: usize,
    bytes: usize,
}

impl Sources {
    /// Reads a file and all that it includes.
    pub(crate) fn read(path: &Path, text: &[u8], files: &dyn Include) -> Self {
        let mut sources = Sources::default();
        sources.file(path, text, files, 0);
        sources
    }

    fn file(&mut self, path: &Path, text: &[u8], files: &dyn Include, depth: usize) {
        self.files += 1;
        let file: Rc<Path> = Rc::from(path);
        let place = |line: usize, column| {
            let line = u32::try_from(line + 1).unwrap_or(u32::MAX);
            Place { file: Rc::clone(&file), at: Position { line, column } }
        };
        self.bytes = self.bytes.saturating_add(text.len());
        if self.bytes > ALL_BYTES {
            let message = format!("the files have more than {ALL_BYTES} bytes");
            self.error(&place(0, 1), message, "check that this is a configuration file");
            return;
        }
        let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
        for (number, line) in text.split(|&byte| byte == b'\n').enumerate() {
            match lexer::read(line) {
                Line::Blank => {}
                Line::Malformed(malformed) => {
                    self.error(&place(number, malformed.column), malformed.message, malformed.hint);
                }
                Line::Assignment(found) => {
                    let name_place = place(number, found.name_column);
                    let value_place = place(number, found.value_column);
                    self.assignment(&found, name_place, value_place, files, depth);
                }
            }
        }
    }

    fn assignment(
        &mut self,
        found: &lexer::Assignment<'_>,
        name_place: Place,
        value_place: Place,
        files: &dyn Include,
        depth: usize,
    ) {
        let name = found.name.clone().into_owned();
        match core::str::from_utf8(found.value) {
            Err(_) => {
                let message = format!("the value of {name} is not UTF-8");
                self.error(&value_place, message, "save the file as UTF-8");
            }
            Ok(path) if name == "include" => self.include(path, &value_place, files, depth),
            Ok(value) => {
                self.assigned.push(Assigned { name, value: value.to_owned(), name_place, value_place })
            }
        }
    }

    /// Reads an included file, whose path is relative to the directory of the file that includes it.
    fn include(&mut self, path: &str, place: &Place, files: &dyn Include, depth: usize) {
        let path = match place.file.parent() {
            Some(directory) => directory.join(path),
            None => PathBuf::from(path),
        };
        if depth >= INCLUDE_DEPTH {
            let message = format!("files include each other more than {INCLUDE_DEPTH} deep");
            return self.error(place, message, "check that no file includes itself");
        }
        if self.files >= INCLUDE_FILES {
            let message = format!("more than {INCLUDE_FILES} files are included");
            return self.error(place, message, "check that no file includes itself");
        }
        match files.read(&path) {
            Ok(text) => self.file(&path, &text, files, depth + 1),
            Err(why) => {
                let message = format!("cannot include {}: {why}", shown_path(&path));
                self.error(place, message, "correct the path, or make the file readable");
            }
        }
    }

    fn error(&mut self, place: &Place, message: String, hint: &str) {
        self.problems.push(place.problem(Severity::Error, message, hint.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problems::PROBLEMS;

    fn told(sources: Sources) -> Vec<String> {
        sources.problems.in_order_of_places().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn includes_are_relative_to_the_including_file_and_in_place() {
        let files = |path: &Path| match path.to_str() {
            Some("/etc/pgpool/sub/a.conf") => Ok(b"b = 2\ninclude = 'b.conf'".to_vec()),
            Some("/etc/pgpool/sub/b.conf") => Ok(b"c = 3".to_vec()),
            _ => Err("not there".to_owned()),
        };
        let text = b"a = 1\ninclude = 'sub/a.conf'\nd = 4\ninclude '/none'";
        let sources = Sources::read(Path::new("/etc/pgpool/pgpool.conf"), text, &files);
        let names: Vec<_> = sources.assigned.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c", "d"]);
        assert_eq!(
            told(sources),
            ["/etc/pgpool/pgpool.conf:4: error: cannot include /none: not there; \
              correct the path, or make the file readable"]
        );
    }

    #[test]
    fn a_message_about_a_path_fits_on_a_line() {
        let text = format!("include 'a\0\r{}'", "x".repeat(1000));
        let sources = Sources::read(Path::new("x"), text.as_bytes(), &NoFiles);
        let message = &told(sources)[0];
        assert!(message.contains("cannot include a  xxx") && message.len() < 450, "{message:?}");
    }

    #[test]
    fn a_file_that_includes_itself_ends() {
        let once = |_: &Path| Ok(b"include 'x'".to_vec());
        let sources = Sources::read(Path::new("x"), b"include 'x'", &once);
        assert_eq!(sources.files, INCLUDE_DEPTH + 1);
        assert_eq!(told(sources).len(), 1);

        let thrice = |_: &Path| Ok(b"include 'x'\ninclude 'x'\ninclude 'x'".to_vec());
        let sources = Sources::read(Path::new("x"), b"include 'x'\ninclude 'x'", &thrice);
        assert_eq!(sources.files, INCLUDE_FILES);
        assert!(told(sources).iter().any(|one| one.contains("more than 200 files")));
    }

    #[test]
    fn limits_of_size_and_of_problems() {
        let sources = Sources::read(Path::new("x"), &vec![b'\n'; ALL_BYTES + 1], &NoFiles);
        assert_eq!(told(sources).len(), 1);
        let sources = Sources::read(Path::new("x"), &b"!\n".repeat(PROBLEMS + 1), &NoFiles);
        assert_eq!(told(sources).len(), PROBLEMS);
    }

    #[test]
    fn a_mark_of_byte_order_and_line_ends_of_windows_are_skipped() {
        let sources = Sources::read(Path::new("x"), b"\xef\xbb\xbf# x\r\na = 1\r\n\r\n", &NoFiles);
        assert_eq!(sources.assigned.len(), 1);
        assert!(told(sources).is_empty());
        let sources = Sources::read(Path::new("x"), b"# gr\xfc\xdfe\na = 'gr\xfc\xdfe'", &NoFiles);
        assert_eq!(told(sources).len(), 1, "in a comment it does not matter, in a value it does");
    }
}
