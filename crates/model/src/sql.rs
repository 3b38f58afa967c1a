/// What the model understands of SQL. Each has one spelling, which is valid SQL, since the session under test reads it
/// with PostgreSQL's own grammar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sql {
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
    /// `SELECT pg_sleep(1) AS v`: busy until woken or cancelled.
    Sleep,
    /// `SELECT v FROM temporary_N`.
    Temporary(usize),
    /// `CREATE TEMP TABLE temporary_N (v text)`.
    CreateTemporary(usize),
    /// `INSERT INTO tN VALUES (1)`.
    Insert(usize),
    /// `INSERT INTO dN VALUES (1)`: breaks a deferred constraint, which COMMIT finds out.
    InsertDeferred(usize),
    /// `BEGIN`.
    Begin,
    /// `COMMIT`.
    Commit,
    /// `ROLLBACK`.
    Rollback,
    /// `SAVEPOINT s`.
    Savepoint,
    /// `ROLLBACK TO SAVEPOINT s`.
    RollbackTo,
    /// `COPY tN FROM STDIN`.
    CopyIn(usize),
    /// `COPY before_trigger_N FROM STDIN`: fails after CopyInResponse, before it reads anything.
    CopyInFailsUnread(usize),
    /// `COPY with_check_N FROM STDIN`: fails at the first CopyData or at the end.
    CopyInFailsRead(usize),
    /// `COPY tN TO STDOUT`.
    CopyOut(usize),
    /// `SET NAME = 'VALUE'`.
    Set {
        /// The parameter.
        name: String,
        /// Its value.
        value: String,
    },
    /// `SHOW NAME`.
    Show(String),
    /// `SELECT current_setting('NAME') AS v`.
    CurrentSetting(String),
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
    CloseCursor(String),
    /// `LISTEN c`.
    Listen,
    /// `NOTIFY c, 'TEXT'`.
    Notify(String),
    /// `DO $$ BEGIN RAISE NOTICE 'hello'; END $$`.
    Do,
    /// `SHOW pool_version`: answered by pgherd itself.
    PoolVersion,
    /// `DISCARD ALL`.
    DiscardAll,
    /// `ABORT`.
    Abort,
}

/// The statements of a text, or `None` when one of them is none that the model knows: a syntax error.
pub fn parse(text: &str) -> Option<Vec<Sql>> {
    // The one statement that holds semicolons stands alone.
    if text == "DO $$ BEGIN RAISE NOTICE 'hello'; END $$" {
        return Some(vec![Sql::Do]);
    }
    text.split(';').map(str::trim).filter(|one| !one.is_empty()).map(statement).collect()
}

fn statement(text: &str) -> Option<Sql> {
    let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
    Some(match verb {
        "BEGIN" if rest.is_empty() => Sql::Begin,
        "COMMIT" if rest.is_empty() => Sql::Commit,
        "ABORT" if rest.is_empty() => Sql::Abort,
        "ROLLBACK" if rest.is_empty() => Sql::Rollback,
        "ROLLBACK" if rest == "TO SAVEPOINT s" => Sql::RollbackTo,
        "SAVEPOINT" if rest == "s" => Sql::Savepoint,
        "SELECT" => return select(rest),
        "INSERT" => return insert(rest.strip_prefix("INTO ")?.strip_suffix(" VALUES (1)")?),
        "CREATE" => Sql::CreateTemporary(number(
            rest.strip_prefix("TEMP TABLE temporary_")?.strip_suffix(" (v text)")?,
        )?),
        "COPY" => return copy(rest),
        "SET" => {
            let (name, value) = rest.split_once(" = ")?;
            Sql::Set { name: name.to_owned(), value: quoted(value)?.to_owned() }
        }
        "SHOW" if rest == "pool_version" => Sql::PoolVersion,
        "SHOW" => Sql::Show(name(rest)?),
        "PREPARE" => {
            let (known, sql) = rest.split_once(" AS ")?;
            Sql::Prepare { name: name(known)?, sql: Box::new(statement(sql)?) }
        }
        "EXECUTE" => Sql::Execute(name(rest)?),
        "DEALLOCATE" => Sql::Deallocate(name(rest)?),
        "DECLARE" => {
            let (known, sql) = rest.split_once(" CURSOR FOR ")?;
            Sql::Declare { name: name(known)?, sql: Box::new(statement(sql)?) }
        }
        "FETCH" => {
            let (rows, known) = rest.split_once(" FROM ")?;
            Sql::Fetch { name: name(known)?, rows: number(rows)? }
        }
        "CLOSE" => Sql::CloseCursor(name(rest)?),
        "LISTEN" if rest == "c" => Sql::Listen,
        "NOTIFY" => Sql::Notify(quoted(rest.strip_prefix("c, ")?)?.to_owned()),
        "DISCARD" if rest == "ALL" => Sql::DiscardAll,
        _ => return None,
    })
}

fn select(rest: &str) -> Option<Sql> {
    Some(match rest {
        "$1::text AS v" => Sql::Echo,
        "1/0 AS v" => Sql::DivideByZero,
        "pg_sleep(1) AS v" => Sql::Sleep,
        _ => {
            if let Some(n) = rest.strip_prefix("count(*) AS v FROM t") {
                Sql::Count(number(n)?)
            } else if let Some(n) = rest.strip_prefix("v FROM temporary_") {
                Sql::Temporary(number(n)?)
            } else if let Some(n) = rest.strip_prefix("repeat('x', ") {
                Sql::Wide(number(n.strip_suffix(") AS v")?)?)
            } else if let Some(known) = rest.strip_prefix("current_setting(") {
                Sql::CurrentSetting(quoted(known.strip_suffix(") AS v")?)?.to_owned())
            } else {
                let (text, rows) = rest.split_once(" AS v FROM generate_series(1, ")?;
                Sql::Rows { text: quoted(text)?.to_owned(), rows: number(rows.strip_suffix(')')?)? }
            }
        }
    })
}

fn insert(table: &str) -> Option<Sql> {
    match table.split_at_checked(1)? {
        ("t", n) => number(n).map(Sql::Insert),
        ("d", n) => number(n).map(Sql::InsertDeferred),
        _ => None,
    }
}

fn copy(rest: &str) -> Option<Sql> {
    if let Some(n) = rest.strip_suffix(" TO STDOUT") {
        return number(n.strip_prefix('t')?).map(Sql::CopyOut);
    }
    let table = rest.strip_suffix(" FROM STDIN")?;
    if let Some(n) = table.strip_prefix("before_trigger_") {
        number(n).map(Sql::CopyInFailsUnread)
    } else if let Some(n) = table.strip_prefix("with_check_") {
        number(n).map(Sql::CopyInFailsRead)
    } else {
        number(table.strip_prefix('t')?).map(Sql::CopyIn)
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
    use super::{Sql, parse};

    #[test]
    fn texts_and_what_they_are() {
        let rows = |text: &str, rows| Sql::Rows { text: text.to_owned(), rows };
        for (text, want) in [
            ("", Some(vec![])),
            (" ; ;", Some(vec![])),
            ("SELECT 'a' AS v FROM generate_series(1, 3)", Some(vec![rows("a", 3)])),
            ("BEGIN; INSERT INTO t3 VALUES (1);COMMIT", Some(vec![Sql::Begin, Sql::Insert(3), Sql::Commit])),
            ("BEGIN; SELEC", None),
            ("COPY with_check_1 FROM STDIN", Some(vec![Sql::CopyInFailsRead(1)])),
            ("FETCH 2 FROM c1", Some(vec![Sql::Fetch { name: "c1".to_owned(), rows: 2 }])),
            ("SET my.x = 'y'", Some(vec![Sql::Set { name: "my.x".to_owned(), value: "y".to_owned() }])),
            ("DO $$ BEGIN RAISE NOTICE 'hello'; END $$", Some(vec![Sql::Do])),
        ] {
            assert_eq!(parse(text), want, "{text}");
        }
    }
}
