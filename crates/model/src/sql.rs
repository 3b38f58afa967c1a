/// What the model understands of SQL. Each has one spelling, which is valid SQL, since the session under test
/// reads it with PostgreSQL's own grammar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sql {
    /// Answered with rows, at once.
    Read(Read),
    /// Begins or ends something.
    Control(Control),
    /// About a prepared statement or a cursor.
    Named(Named),
    /// Answered with a tag.
    Command(Command),
    /// `COPY ... FROM STDIN`.
    CopyIn(CopyIn, usize),
    /// `COPY tN TO STDOUT`.
    CopyOut(usize),
    /// `SELECT pg_sleep(1) AS v`: busy until woken or cancelled.
    Sleep,
}

/// Statements that are answered with rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// `SELECT 'TEXT' AS v FROM generate_series(1, N)`: N equal rows.
    Rows {
        /// What each row holds.
        text: String,
        /// How many rows.
        rows: usize,
    },
    /// `SELECT repeat('x', N) AS v`: one row of N bytes.
    Wide(usize),
    /// `SELECT $1::text AS v`: the parameter.
    Echo,
    /// `SELECT 1/0 AS v`.
    DivideByZero,
    /// `SELECT count(*) AS v FROM tN`.
    Count(usize),
    /// `SELECT v FROM temporary_N`.
    Temporary(usize),
    /// `SHOW NAME`.
    Show(String),
    /// `SELECT current_setting('NAME') AS v`.
    CurrentSetting(String),
    /// `SHOW pool_version`: answered by pgherd itself.
    PoolVersion,
}

/// Statements about transactions, and the one that ends a session's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// `BEGIN`.
    Begin,
    /// `COMMIT`.
    Commit,
    /// `ROLLBACK` or `ABORT`.
    Rollback,
    /// `SAVEPOINT s`.
    Savepoint,
    /// `ROLLBACK TO SAVEPOINT s`.
    RollbackTo,
    /// `DISCARD ALL`.
    DiscardAll,
}

/// Statements about prepared statements and cursors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// `PREPARE NAME AS SELECT ...`.
    Prepare {
        /// The statement's name.
        name: String,
        /// What it is.
        sql: Box<Sql>,
    },
    /// `EXECUTE NAME`.
    Execute(String),
    /// `DEALLOCATE NAME`.
    Deallocate(String),
    /// `DECLARE NAME CURSOR FOR SELECT ...`.
    Declare {
        /// The cursor's name.
        name: String,
        /// What it reads.
        sql: Box<Sql>,
    },
    /// `FETCH N FROM NAME`.
    Fetch {
        /// The cursor's name.
        name: String,
        /// Rows wanted.
        rows: usize,
    },
    /// `CLOSE NAME`.
    Close(String),
}

/// Statements that are answered with a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `CREATE TEMP TABLE temporary_N (v text)`.
    CreateTemporary(usize),
    /// `INSERT INTO tN VALUES (1)`.
    Insert(usize),
    /// `INSERT INTO dN VALUES (1)`: breaks a deferred constraint, which COMMIT finds out.
    InsertDeferred(usize),
    /// `SET NAME = 'VALUE'`.
    Set {
        /// The parameter.
        name: String,
        /// Its value.
        value: String,
    },
    /// `LISTEN c`.
    Listen,
    /// `NOTIFY c, 'TEXT'`.
    Notify(String),
    /// `DO $$ BEGIN RAISE NOTICE 'hello'; END $$`.
    Do,
}

/// How a COPY FROM STDIN goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyIn {
    /// `COPY tN`: well, unless the data is bad.
    Open,
    /// `COPY with_check_N`: it fails at the first CopyData.
    Checked,
    /// `COPY before_trigger_N`: it fails before it reads anything.
    Doomed,
}

/// The statements of a text, or `None` when one of them is none that the model knows: a syntax error.
pub fn parse(text: &str) -> Option<Vec<Sql>> {
    // The one statement that holds a semicolon.
    let text = text.replace("DO $$ BEGIN RAISE NOTICE 'hello'; END $$", "DO");
    text.split(';').map(str::trim).filter(|one| !one.is_empty()).map(statement).collect()
}

fn statement(text: &str) -> Option<Sql> {
    let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
    Some(match verb {
        "BEGIN" if rest.is_empty() => Sql::Control(Control::Begin),
        "COMMIT" if rest.is_empty() => Sql::Control(Control::Commit),
        "ROLLBACK" | "ABORT" if rest.is_empty() => Sql::Control(Control::Rollback),
        "ROLLBACK" if rest == "TO SAVEPOINT s" => Sql::Control(Control::RollbackTo),
        "SAVEPOINT" if rest == "s" => Sql::Control(Control::Savepoint),
        "SELECT" => return select(rest),
        "INSERT" => return insert(rest.strip_prefix("INTO ")?.strip_suffix(" VALUES (1)")?),
        "CREATE" => Sql::Command(Command::CreateTemporary(number(
            rest.strip_prefix("TEMP TABLE temporary_")?.strip_suffix(" (v text)")?,
        )?)),
        "COPY" => return copy(rest),
        "SET" => {
            let (name, value) = rest.split_once(" = ")?;
            Sql::Command(Command::Set { name: name.to_owned(), value: quoted(value)?.to_owned() })
        }
        "SHOW" if rest == "pool_version" => Sql::Read(Read::PoolVersion),
        "SHOW" => Sql::Read(Read::Show(name(rest)?)),
        "PREPARE" => {
            let (known, sql) = rest.split_once(" AS ")?;
            Sql::Named(Named::Prepare { name: name(known)?, sql: Box::new(statement(sql)?) })
        }
        "EXECUTE" => Sql::Named(Named::Execute(name(rest)?)),
        "DEALLOCATE" => Sql::Named(Named::Deallocate(name(rest)?)),
        "DECLARE" => {
            let (known, sql) = rest.split_once(" CURSOR FOR ")?;
            Sql::Named(Named::Declare { name: name(known)?, sql: Box::new(statement(sql)?) })
        }
        "FETCH" => {
            let (rows, known) = rest.split_once(" FROM ")?;
            Sql::Named(Named::Fetch { name: name(known)?, rows: number(rows)? })
        }
        "CLOSE" => Sql::Named(Named::Close(name(rest)?)),
        "DO" if rest.is_empty() => Sql::Command(Command::Do),
        "LISTEN" if rest == "c" => Sql::Command(Command::Listen),
        "NOTIFY" => Sql::Command(Command::Notify(quoted(rest.strip_prefix("c, ")?)?.to_owned())),
        "DISCARD" if rest == "ALL" => Sql::Control(Control::DiscardAll),
        _ => return None,
    })
}

fn select(rest: &str) -> Option<Sql> {
    Some(match rest {
        "$1::text AS v" => Sql::Read(Read::Echo),
        "1/0 AS v" => Sql::Read(Read::DivideByZero),
        "pg_sleep(1) AS v" => Sql::Sleep,
        _ => {
            if let Some(n) = rest.strip_prefix("count(*) AS v FROM t") {
                Sql::Read(Read::Count(number(n)?))
            } else if let Some(n) = rest.strip_prefix("v FROM temporary_") {
                Sql::Read(Read::Temporary(number(n)?))
            } else if let Some(n) = rest.strip_prefix("repeat('x', ") {
                Sql::Read(Read::Wide(number(n.strip_suffix(") AS v")?)?))
            } else if let Some(known) = rest.strip_prefix("current_setting(") {
                Sql::Read(Read::CurrentSetting(quoted(known.strip_suffix(") AS v")?)?.to_owned()))
            } else {
                let (text, rows) = rest.split_once(" AS v FROM generate_series(1, ")?;
                Sql::Read(Read::Rows {
                    text: quoted(text)?.to_owned(),
                    rows: number(rows.strip_suffix(')')?)?,
                })
            }
        }
    })
}

fn insert(table: &str) -> Option<Sql> {
    match table.split_at_checked(1)? {
        ("t", n) => number(n).map(|n| Sql::Command(Command::Insert(n))),
        ("d", n) => number(n).map(|n| Sql::Command(Command::InsertDeferred(n))),
        _ => None,
    }
}

fn copy(rest: &str) -> Option<Sql> {
    if let Some(n) = rest.strip_suffix(" TO STDOUT") {
        return number(n.strip_prefix('t')?).map(Sql::CopyOut);
    }
    let table = rest.strip_suffix(" FROM STDIN")?;
    if let Some(n) = table.strip_prefix("before_trigger_") {
        number(n).map(|n| Sql::CopyIn(CopyIn::Doomed, n))
    } else if let Some(n) = table.strip_prefix("with_check_") {
        number(n).map(|n| Sql::CopyIn(CopyIn::Checked, n))
    } else {
        number(table.strip_prefix('t')?).map(|n| Sql::CopyIn(CopyIn::Open, n))
    }
}

fn number(text: &str) -> Option<usize> {
    text.parse().ok()
}

fn quoted(text: &str) -> Option<&str> {
    text.strip_prefix('\'')?.strip_suffix('\'').filter(|inner| !inner.contains('\''))
}

fn name(text: &str) -> Option<String> {
    let good =
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte));
    good.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Command, Control, CopyIn, Named, Read, Sql, parse};

    #[test]
    fn texts_and_what_they_are() {
        let rows = |text: &str, rows| Sql::Read(Read::Rows { text: text.to_owned(), rows });
        for (text, want) in [
            ("", Some(vec![])),
            (" ; ;", Some(vec![])),
            ("SELECT 'a' AS v FROM generate_series(1, 3)", Some(vec![rows("a", 3)])),
            (
                "BEGIN; INSERT INTO t3 VALUES (1);COMMIT",
                Some(vec![
                    Sql::Control(Control::Begin),
                    Sql::Command(Command::Insert(3)),
                    Sql::Control(Control::Commit),
                ]),
            ),
            ("BEGIN; SELEC", None),
            ("COPY with_check_1 FROM STDIN", Some(vec![Sql::CopyIn(CopyIn::Checked, 1)])),
            ("FETCH 2 FROM c1", Some(vec![Sql::Named(Named::Fetch { name: "c1".to_owned(), rows: 2 })])),
            (
                "SET my.x = 'y'",
                Some(vec![Sql::Command(Command::Set { name: "my.x".to_owned(), value: "y".to_owned() })]),
            ),
            ("DO $$ BEGIN RAISE NOTICE 'hello'; END $$", Some(vec![Sql::Command(Command::Do)])),
        ] {
            assert_eq!(parse(text), want, "{text}");
        }
    }
}
