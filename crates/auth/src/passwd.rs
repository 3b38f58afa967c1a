use std::collections::HashMap;
use std::collections::hash_map::Entry;

use core::fmt;

use crate::StoredPassword;

/// Bytes of a line of `pool_passwd` that are read; a longer line is reported and skipped.
const LINE_BYTES: usize = 8 * 1024;
/// Lines of `pool_passwd` that are read.
const LINES: usize = 1_000_000;

/// The passwords of `pool_passwd`, by user.
///
/// A line is `user:password`, and may go on with `:backend_user:backend_password`, which nothing uses. A backslash
/// takes the next character as it is, so that `\:` is a colon in a password. Of several lines for a user the first
/// counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolPasswd {
    users: HashMap<Box<str>, StoredPassword>,
}

/// A line of `pool_passwd` that does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The line's number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a line of `pool_passwd`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// There is no colon.
    NoColon,
    /// There is nothing before the colon.
    NoUser,
    /// There is nothing after the colon.
    NoPassword,
    /// The user's name is not UTF-8.
    UserNotUtf8,
    /// There is a NUL in it.
    Nul,
    /// It is longer than any that makes sense.
    TooLong,
    /// An earlier line is for the same user.
    Repeated {
        /// The user.
        user: String,
    },
    /// It and all after it are beyond what is read.
    TooManyLines,
}

impl PoolPasswd {
    /// Reads the text of the file. What is wrong with it comes as complaints; the rest of it counts.
    pub fn parse(text: &[u8]) -> (Self, Vec<Complaint>) {
        let (mut users, mut complaints) = (HashMap::new(), Vec::new());
        for (at, line) in text.split(|&b| b == b'\n').enumerate() {
            if at >= LINES {
                complaints.push(Complaint { line: at + 1, problem: Problem::TooManyLines });
                break;
            }
            if let Err(problem) = entry(line.strip_suffix(b"\r").unwrap_or(line), &mut users) {
                complaints.push(Complaint { line: at + 1, problem });
            }
        }
        (PoolPasswd { users }, complaints)
    }

    /// The password of a user.
    pub fn get(&self, user: &str) -> Option<&StoredPassword> {
        self.users.get(user)
    }
}

fn entry(line: &[u8], users: &mut HashMap<Box<str>, StoredPassword>) -> Result<(), Problem> {
    if line.is_empty() {
        return Ok(());
    }
    if line.len() > LINE_BYTES {
        return Err(Problem::TooLong);
    }
    if line.contains(&0) {
        return Err(Problem::Nul);
    }
    let (user, Some(rest)) = token(line) else {
        // The format has no comments, but people write them.
        return if line.starts_with(b"#") { Ok(()) } else { Err(Problem::NoColon) };
    };
    let (password, _) = token(rest);
    if user.is_empty() {
        return Err(Problem::NoUser);
    }
    if password.is_empty() {
        return Err(Problem::NoPassword);
    }
    let user = String::from_utf8(user).map_err(|_| Problem::UserNotUtf8)?;
    match users.entry(user.into()) {
        Entry::Occupied(known) => Err(Problem::Repeated { user: known.key().to_string() }),
        Entry::Vacant(place) => {
            place.insert(StoredPassword::recognise(&password));
            Ok(())
        }
    }
}

/// The text up to the first bare colon, and what follows the colon.
fn token(text: &[u8]) -> (Vec<u8>, Option<&[u8]>) {
    let mut token = Vec::new();
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b':' => return (token, Some(rest)),
            b'\\' => {
                let Some((&taken, after)) = rest.split_first() else { break };
                token.push(taken);
                rest = after;
            }
            _ => token.push(byte),
        }
    }
    (token, None)
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match &self.problem {
            Problem::NoColon => f.write_str("no colon; a line is user:password"),
            Problem::NoUser => f.write_str("no user before the colon"),
            Problem::NoPassword => f.write_str("no password after the colon"),
            Problem::UserNotUtf8 => f.write_str("the user's name is not UTF-8"),
            Problem::Nul => f.write_str("there is a NUL in it"),
            Problem::TooLong => write!(f, "longer than {LINE_BYTES} bytes"),
            Problem::Repeated { user } => {
                write!(f, "user \"{user}\" is there already, and the earlier line counts")
            }
            Problem::TooManyLines => write!(f, "only {LINES} lines are read"),
        }
    }
}

#[cfg(test)]
mod tests {
    use pgherd_types::Secret;

    use super::{Complaint, PoolPasswd, Problem, StoredPassword};

    fn clear(password: &str) -> Option<StoredPassword> {
        Some(StoredPassword::Clear(Secret::new(password)))
    }

    fn get(text: &str, user: &str) -> Option<StoredPassword> {
        PoolPasswd::parse(text.as_bytes()).0.get(user).cloned()
    }

    #[test]
    fn lines() {
        let cases = [
            ("alice:secret", "alice", clear("secret")),
            ("bob:x\nalice:TEXTsecret\n", "alice", clear("secret")),
            ("alice:secret\r\nbob:b\r\n", "alice", clear("secret")),
            ("alice:secret:other:password", "alice", clear("secret")),
            ("alice:se\\:cr\\\\et", "alice", clear("se:cr\\et")),
            ("al\\:ice:secret", "al:ice", clear("secret")),
            ("alice: secret ", "alice", clear(" secret ")),
            ("alice:secret\\", "alice", clear("secret")),
            ("alice:AESxyz", "alice", Some(StoredPassword::Aes)),
            ("alice:SCRAM-SHA-256$4096:a$b", "alice", Some(StoredPassword::Scram)),
            ("alice:first\nalice:second", "alice", clear("first")),
            ("alice:\nalice:second", "alice", clear("second")),
            ("alice:secret", "Alice", None),
            ("alice:secret", "alic", None),
            ("", "alice", None),
        ];
        for (text, user, expected) in cases {
            assert_eq!(get(text, user), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_reported_by_line_and_never_with_the_password() {
        let long = format!("long:{}", "hunter2".repeat(2000));
        let mut text =
            format!("# a comment\n\nok:fine\nhunter2\n:hunter2\nbob:\nok:hunter2\nn\0l:hunter2\n{long}\n")
                .into_bytes();
        text.extend(b"\xff\xfe:hunter2\nlast:x");
        let (passwords, complaints) = PoolPasswd::parse(&text);
        let expected = [
            (4, Problem::NoColon),
            (5, Problem::NoUser),
            (6, Problem::NoPassword),
            (7, Problem::Repeated { user: "ok".to_owned() }),
            (8, Problem::Nul),
            (9, Problem::TooLong),
            (10, Problem::UserNotUtf8),
        ];
        assert_eq!(complaints, expected.map(|(line, problem)| Complaint { line, problem }));
        for complaint in &complaints {
            let shown = format!("{complaint} {complaint:?}");
            assert!(!shown.contains("hunter2") && shown.contains("line"), "{shown}");
        }
        assert_eq!(passwords.get("ok"), clear("fine").as_ref());
        assert_eq!(passwords.get("last"), clear("x").as_ref());
        assert!(!format!("{passwords:?}").contains("fine"));
    }

    #[test]
    fn lines_beyond_the_limit_are_not_read() {
        let mut text = vec![b'\n'; super::LINES];
        text.extend(b"alice:x\nbob:y");
        let (passwords, complaints) = PoolPasswd::parse(&text);
        assert_eq!(complaints, [Complaint { line: super::LINES + 1, problem: Problem::TooManyLines }]);
        assert_eq!(passwords.get("alice"), None);
    }
}
