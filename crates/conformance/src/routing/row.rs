use core::str::FromStr;

use super::hearing::Sends;

/// A session and where each of its statements has to go, from a text of one thing per line:
///
/// ```text
/// == 3.3/4 a transaction that has written
/// set disable_load_balance_on_write = 'transaction'
/// client application_name report
/// only simple driver
/// direct INSERT INTO t VALUES (1)
/// reader SELECT count(*) FROM t
/// lead! 22012 UPDATE t SET a = 1 / 0
/// ```
///
/// `set` is a line of pgherd's configuration and `client` a startup parameter. `only` names the ways in which the row
/// is sent; without it they are all but `batch`. `varied` allows the session's reads to change between standbys.
/// `direct` is run on the primary before the session, and the standbys have replayed it when the session begins.
///
/// `lead`, `reader` (a standby, and always the same one) and `one` (any one node) are the session's statements; an
/// error is expected behind `!`, by its SQLSTATE. `$p` in a statement is a letter that differs from one way of sending
/// to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it shows: the number of the rule, and words.
    pub name: String,
    /// Lines of pgherd's configuration.
    pub settings: Vec<String>,
    /// Startup parameters besides the user and the database, which may be among them, too.
    pub startup: Vec<(String, String)>,
    /// How it is sent.
    pub sends: Vec<Sends>,
    /// Whether reads may go to one standby now and to another then.
    pub varied: bool,
    /// What is run directly before.
    pub direct: Vec<String>,
    /// The session.
    pub statements: Vec<Statement>,
}

/// A statement of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Who has to answer it.
    pub answers: Answers,
    /// The SQLSTATE of the error that it has to end with.
    pub error: Option<String>,
    /// Its text.
    pub sql: String,
}

/// Who has to answer a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// The primary alone.
    Lead,
    /// One standby alone.
    Reader,
    /// Any node, but one alone.
    One,
}

impl Row {
    /// Reads the rows of a file.
    ///
    /// # Panics
    /// At the first line that is none.
    pub fn parse(text: &str) -> Vec<Self> {
        let mut rows: Vec<Row> = Vec::new();
        for (i, line) in text.lines().enumerate() {
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            if word == "==" {
                rows.push(Row::named(rest));
                continue;
            }
            let row = rows.last_mut().unwrap_or_else(|| panic!("line {}: no row has begun", i + 1));
            if let Err(problem) = row.take(word, rest) {
                panic!("line {}: {problem}", i + 1);
            }
        }
        rows
    }

    /// The rows, those with the same settings behind each other.
    pub fn grouped(mut rows: Vec<Self>) -> Vec<Vec<Self>> {
        rows.sort_by(|a, b| a.settings.cmp(&b.settings));
        let mut groups: Vec<Vec<Row>> = Vec::new();
        for row in rows {
            match groups.last_mut() {
                Some(group) if group.iter().all(|other| other.settings == row.settings) => group.push(row),
                Some(_) | None => groups.push(vec![row]),
            }
        }
        groups
    }

    fn named(name: &str) -> Self {
        Row {
            name: name.to_owned(),
            settings: Vec::new(),
            startup: Vec::new(),
            sends: vec![Sends::Simple, Sends::Unnamed, Sends::Named, Sends::Driver],
            varied: false,
            direct: Vec::new(),
            statements: Vec::new(),
        }
    }

    fn take(&mut self, word: &str, rest: &str) -> Result<(), String> {
        match word {
            "set" => self.settings.push(rest.to_owned()),
            "client" => {
                let (name, value) = rest.split_once(' ').ok_or("a startup parameter has no value")?;
                self.startup.push((name.to_owned(), value.to_owned()));
            }
            "only" => self.sends = rest.split(' ').map(Sends::from_str).collect::<Result<_, _>>()?,
            "varied" => self.varied = true,
            "direct" => self.direct.push(rest.to_owned()),
            _ => self.statements.push(statement(word, rest)?),
        }
        Ok(())
    }
}

fn statement(word: &str, rest: &str) -> Result<Statement, String> {
    let (error, sql) = match (word.ends_with('!'), rest.split_once(' ')) {
        (true, Some((code, sql))) => (Some(code.to_owned()), sql),
        (true, None) => return Err("there is no statement behind the SQLSTATE".to_owned()),
        (false, _) => (None, rest),
    };
    let answers = match word.trim_end_matches('!') {
        "lead" => Answers::Lead,
        "reader" => Answers::Reader,
        "one" => Answers::One,
        other => return Err(format!("`{other}` is no word of a row")),
    };
    Ok(Statement { answers, error, sql: sql.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::{Answers, Row, Statement};
    use crate::routing::Sends;

    #[test]
    fn a_row_is_read() {
        let text = "# rows\n== first\nset a = 1\nclient user u\nonly simple named\nvaried\ndirect SELECT 0\n\
                    reader SELECT 1\nlead! 22012 SELECT 1/0\n== second\none SHOW a";
        let rows = Row::parse(text);
        assert_eq!(rows.len(), 2);
        let first = &rows[0];
        assert_eq!((first.name.as_str(), first.varied), ("first", true));
        assert_eq!(first.settings, ["a = 1"]);
        assert_eq!(first.sends, [Sends::Simple, Sends::Named]);
        let failing =
            Statement { answers: Answers::Lead, error: Some("22012".into()), sql: "SELECT 1/0".into() };
        assert_eq!(first.statements[1], failing);
    }

    #[test]
    fn rows_with_equal_settings_share_a_group() {
        let rows = Row::parse("== a\nset x = 1\n== b\n== c\nset x = 1");
        let groups = Row::grouped(rows);
        let names: Vec<Vec<&str>> =
            groups.iter().map(|group| group.iter().map(|row| row.name.as_str()).collect()).collect();
        assert_eq!(names, [vec!["b"], vec!["a", "c"]]);
    }

    #[test]
    #[should_panic = "line 2: `leads` is no word of a row"]
    fn what_is_no_line_is_named() {
        Row::parse("== a\nleads SELECT 1");
    }
}
