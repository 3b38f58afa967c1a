use super::{Command, CopyIn, Named, Read, Sql, TABLES, Table, settings};

/// The statements of a text, or `None` when one of them is none that the model knows: a syntax error.
pub fn parse(text: &str) -> Option<Vec<Sql>> {
    // What a session asks in a transaction stands behind a savepoint.
    let guarded = text.strip_prefix("SAVEPOINT pgherd;\n");
    if let Some(asked) = guarded.and_then(|text| text.strip_suffix(";\nRELEASE SAVEPOINT pgherd")) {
        return ["SAVEPOINT pgherd", asked, "RELEASE SAVEPOINT pgherd"].into_iter().map(statement).collect();
    }
    // The one statement that holds a semicolon.
    if text.starts_with("WITH RECURSIVE asked ") {
        return Some(vec![statement(text)?]);
    }
    let text = text.replace("DO $$ BEGIN RAISE NOTICE 'hello'; END $$", "DO");
    text.split(';').map(str::trim).filter(|one| !one.is_empty()).map(statement).collect()
}

fn statement(text: &str) -> Option<Sql> {
    let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
    Some(match verb {
        "SELECT" => return select(rest),
        "WITH" if rest.starts_with("RECURSIVE asked ") => Sql::Read(Read::Catalog(rest.to_owned())),
        "INSERT" => return insert(rest.strip_prefix("INTO ")?.strip_suffix(" VALUES (1)")?),
        "CREATE" => return create(rest).map(Sql::Command),
        "COPY" => return copy(rest),
        "SHOW" if rest == "pool_version" => Sql::Read(Read::PoolVersion),
        "SHOW" => Sql::Read(Read::Show(name(rest)?)),
        "PREPARE" => {
            let (known, sql) = rest.split_once(" AS ")?;
            Sql::Named(Named::Prepare { name: name(known)?, sql: Box::new(statement(sql)?) })
        }
        "EXPLAIN" => Sql::Named(Named::Explain(name(rest.strip_prefix("EXECUTE ")?)?)),
        "EXECUTE" => Sql::Named(Named::Execute(name(rest)?)),
        "DEALLOCATE" if rest == "ALL" => Sql::Named(Named::DeallocateAll),
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
        _ => return settings::statement(text),
    })
}

fn select(rest: &str) -> Option<Sql> {
    Some(match rest {
        "(1::float8 / 3)::text AS v" => Sql::Read(Read::Third),
        "'1 day'::interval::text AS v" => Sql::Read(Read::Interval),
        "'\\x61'::bytea::text AS v" => Sql::Read(Read::Bytes),
        "CASE WHEN current_user IN ('r0', 'r1') THEN current_user::text ELSE 'me' END AS v" => {
            Sql::Read(Read::Role)
        }
        "1" => Sql::Read(Read::Rows { text: "1".to_owned(), rows: 1 }),
        "v FROM here" => Sql::Read(Read::Here),
        "pg_catalog.pg_current_wal_insert_lsn()" => Sql::Read(Read::Position),
        "$1::text AS v" => Sql::Read(Read::Echo),
        "1/0 AS v" => Sql::Read(Read::DivideByZero),
        "pg_sleep(1) AS v" => Sql::Sleep,
        _ => {
            if let Some(known) = rest.strip_prefix("count(*) AS v FROM ") {
                Sql::Read(Read::Count(table(known)?))
            } else if let Some(known) = rest.strip_prefix("'n' || count(*) AS v FROM ") {
                Sql::Read(Read::CountShared(table(known)?))
            } else if let Some(change) = rest.strip_prefix("set_config(") {
                Sql::Read(Read::SetConfig(settings::set_config(change.strip_suffix(") AS v")?)?))
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

fn create(rest: &str) -> Option<Command> {
    Some(match rest.strip_suffix(" (a int)") {
        Some(made) => match made.strip_prefix("TEMP TABLE ") {
            Some(known) => Command::Hide(table(known)?),
            None => Command::Make(table(made.strip_prefix("TABLE ")?)?),
        },
        None => Command::CreateTemporary(number(
            rest.strip_prefix("TEMP TABLE temporary_")?.strip_suffix(" (v text)")?,
        )?),
    })
}

fn insert(known: &str) -> Option<Sql> {
    Some(Sql::Command(match known.strip_prefix('d') {
        Some(n) => Command::InsertDeferred(number(n)?),
        None => Command::Insert(table(known)?),
    }))
}

fn table(name: &str) -> Option<Table> {
    let (kind, n) = name.split_at_checked(1)?;
    let n = number(n).filter(|&n| n < TABLES)?;
    match kind {
        "t" => Some(n),
        "u" => Some(TABLES + n),
        _ => None,
    }
}

fn copy(rest: &str) -> Option<Sql> {
    if let Some(n) = rest.strip_suffix(" TO STDOUT") {
        return table(n).map(Sql::CopyOut);
    }
    let known = rest.strip_suffix(" FROM STDIN")?;
    if let Some(n) = known.strip_prefix("before_trigger_") {
        number(n).map(|n| Sql::CopyIn(CopyIn::Doomed, n))
    } else if let Some(n) = known.strip_prefix("with_check_") {
        number(n).map(|n| Sql::CopyIn(CopyIn::Checked, n))
    } else {
        table(known).map(|table| Sql::CopyIn(CopyIn::Open, table))
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
