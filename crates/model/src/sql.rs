mod parse;
mod settings;

pub use parse::parse;

/// What the model understands of SQL. What clients send has one spelling each, which is valid SQL, since the session
/// under test reads it with PostgreSQL's own grammar. Settings and transactions, which a session may repeat in words of
/// its own, are read in most of their spellings.
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
    /// SET, RESET and their like.
    Setting(Setting),
    /// `COPY ... FROM STDIN`.
    CopyIn(CopyIn, Table),
    /// `COPY tN TO STDOUT`.
    CopyOut(Table),
    /// `SELECT pg_sleep(1) AS v`: busy until woken or cancelled.
    Sleep,
}

/// Tables of each kind that the model's cluster has.
pub const TABLES: usize = 8;

/// A table that all nodes have: `tN` is N, which always exists, and `uN` is [`TABLES`] + N, which has to be made first.
pub type Table = usize;

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
    /// `SELECT count(*) AS v FROM tN`, or `uN`.
    Count(Table),
    /// `SELECT v FROM temporary_N`.
    Temporary(usize),
    /// `SHOW NAME`.
    Show(String),
    /// `SELECT 'n' || count(*) AS v FROM tN`: a table that several clients write to.
    CountShared(Table),
    /// `SELECT current_setting('NAME') AS v`.
    CurrentSetting(String),
    /// `SELECT set_config('NAME', 'VALUE', LOCAL) AS v`.
    SetConfig(Setting),
    /// `SELECT (1::float8 / 3)::text AS v`: as long as `extra_float_digits` says.
    Third,
    /// `SELECT '1 day'::interval::text AS v`: as `IntervalStyle` says.
    Interval,
    /// `SELECT '\x61'::bytea::text AS v`: as `bytea_output` says.
    Bytes,
    /// `SELECT CASE WHEN current_user IN ('r0', 'r1') THEN current_user::text ELSE 'me' END AS v`.
    Role,
    /// `SELECT v FROM here`: a table that several schemas have; `search_path` says which it is.
    Here,
    /// `SELECT pg_catalog.pg_current_wal_insert_lsn()`.
    Position,
    /// What a session asks the catalogs, all of it.
    Catalog(String),
    /// `SHOW pool_version`: answered by pgherd itself.
    PoolVersion,
}

/// Statements about transactions, and those that end a session's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// `BEGIN`, with what the transaction is to be like.
    Begin(Characteristics),
    /// The same as `START TRANSACTION`.
    Start(Characteristics),
    /// `COMMIT`, or `END`.
    Commit {
        /// `AND CHAIN`.
        chain: bool,
    },
    /// `ROLLBACK` or `ABORT`.
    Rollback {
        /// `AND CHAIN`.
        chain: bool,
    },
    /// `SAVEPOINT NAME`.
    Savepoint(String),
    /// `RELEASE SAVEPOINT NAME`.
    Release(String),
    /// `ROLLBACK TO SAVEPOINT NAME`.
    RollbackTo(String),
    /// `DISCARD ALL`.
    DiscardAll,
    /// `DISCARD TEMP`.
    DiscardTemporary,
}

/// What a transaction is to be like, as far as a statement says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Characteristics {
    /// `ISOLATION LEVEL`.
    pub isolation: Option<Isolation>,
    /// `READ ONLY` or `READ WRITE`.
    pub read_only: Option<bool>,
}

/// As far as the model tells them apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// READ COMMITTED, READ UNCOMMITTED.
    #[default]
    Statement,
    /// REPEATABLE READ.
    Transaction,
    /// SERIALIZABLE.
    Serializable,
}

/// A change of settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// `SET NAME = VALUE`, `SET LOCAL NAME TO VALUE`, `SET ROLE NAME`, ...
    One {
        /// Until the transaction ends.
        local: bool,
        /// Which: in lower case, but for `IntervalStyle`.
        name: String,
        /// To what; `None`: to its default.
        value: Option<String>,
    },
    /// `RESET NAME`.
    Reset(String),
    /// `RESET ALL`.
    ResetAll,
    /// `SET TRANSACTION ...`.
    Transaction(Characteristics),
    /// `SET SESSION CHARACTERISTICS AS TRANSACTION ...`.
    Session(Characteristics),
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
    /// `EXPLAIN EXECUTE NAME`.
    Explain(String),
    /// `DEALLOCATE NAME`.
    Deallocate(String),
    /// `DEALLOCATE ALL`.
    DeallocateAll,
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
    /// `CREATE TEMP TABLE tN (a int)`: from now on it hides the other.
    Hide(Table),
    /// `CREATE TABLE uN (a int)`.
    Make(Table),
    /// `INSERT INTO tN VALUES (1)`, or `uN`.
    Insert(Table),
    /// `INSERT INTO dN VALUES (1)`: breaks a deferred constraint, which COMMIT finds out.
    InsertDeferred(usize),
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

#[cfg(test)]
mod tests {
    use super::{Characteristics, Command, Control, CopyIn, Isolation, Named, Read, Setting, Sql, parse};

    #[test]
    fn texts_and_what_they_are() {
        let rows = |text: &str, rows| Sql::Read(Read::Rows { text: text.to_owned(), rows });
        let set = |local, name: &str, value: Option<&str>| {
            Sql::Setting(Setting::One { local, name: name.to_owned(), value: value.map(str::to_owned) })
        };
        for (text, want) in [
            ("", Some(vec![])),
            (" ; ;", Some(vec![])),
            ("SELECT 'a' AS v FROM generate_series(1, 3)", Some(vec![rows("a", 3)])),
            (
                "BEGIN; INSERT INTO t3 VALUES (1);COMMIT",
                Some(vec![
                    Sql::Control(Control::Begin(Characteristics::default())),
                    Sql::Command(Command::Insert(3)),
                    Sql::Control(Control::Commit { chain: false }),
                ]),
            ),
            ("BEGIN; SELEC", None),
            ("COPY with_check_1 FROM STDIN", Some(vec![Sql::CopyIn(CopyIn::Checked, 1)])),
            ("FETCH 2 FROM c1", Some(vec![Sql::Named(Named::Fetch { name: "c1".to_owned(), rows: 2 })])),
            ("SET my.x = 'y'", Some(vec![set(false, "my.x", Some("y"))])),
            ("set local intervalstyle to iso_8601", Some(vec![set(true, "IntervalStyle", Some("iso_8601"))])),
            ("SET extra_float_digits = -3", Some(vec![set(false, "extra_float_digits", Some("-3"))])),
            (
                "RESET ROLE; SET ROLE 'r0'",
                Some(vec![Sql::Setting(Setting::Reset("role".to_owned())), set(false, "role", Some("r0"))]),
            ),
            (
                "SET my.x TO DEFAULT; RESET ALL",
                Some(vec![set(false, "my.x", None), Sql::Setting(Setting::ResetAll)]),
            ),
            (
                "START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
                Some(vec![Sql::Control(Control::Start(Characteristics {
                    isolation: Some(Isolation::Transaction),
                    read_only: Some(true),
                }))]),
            ),
            ("DO $$ BEGIN RAISE NOTICE 'hello'; END $$", Some(vec![Sql::Command(Command::Do)])),
        ] {
            assert_eq!(parse(text), want, "{text}");
        }
    }
}
