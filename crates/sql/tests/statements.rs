//! What is known of statements, by example: a row for each kind of statement that routing tells apart.
//!
//! A line is a statement, two bars, and what is known of it: kind and place, then what is not empty of the rest. Of
//! functions only those are shown that are not alike on every node.

use pgherd_sql::{
    Access, Calls, Change, Characteristics, Function, Isolation, Place, Relation, Scope, Setting, Statement,
    Temporary, Text, Verb, analyse,
};

fn say(text: &Text) -> String {
    match text {
        Text::Empty => "Empty".to_owned(),
        Text::Unread => "Unread".to_owned(),
        Text::One(one) => statement(one),
        Text::Several(all) => all.iter().map(statement).collect::<Vec<_>>().join(" ; "),
    }
}

fn statement(one: &Statement) -> String {
    let mut said = format!("{} {}", verb(&one.verb), place(one.place));
    let mut add = |label: &str, names: Vec<String>| {
        if !names.is_empty() {
            said.push_str(&format!(" {label}={}", names.join(",")));
        }
    };
    add("reads", one.reads.iter().map(relation).collect());
    add("writes", one.writes.iter().map(relation).collect());
    add("calls", one.functions.iter().filter(|f| f.known != Calls::Alike).map(function).collect());
    add("types", one.types.iter().map(relation).collect());
    add("sets", one.sets.iter().map(setting).collect());
    match &one.temporary {
        Temporary::None => {}
        Temporary::Named(names) => add("makes", names.iter().map(|name| name.to_string()).collect()),
        Temporary::Unknown => add("makes", vec!["?".to_owned()]),
    }
    add("executes", one.filled_by.iter().map(|name| name.to_string()).collect());
    add("ends", one.terminates.iter().map(i32::to_string).collect());
    said
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all others show what they have")]
fn verb(verb: &Verb) -> String {
    match verb {
        Verb::Explain { analyse: true, statement: inner } => format!("Analyse({})", statement(inner)),
        Verb::Explain { analyse: false, statement: inner } => format!("Explain({})", statement(inner)),
        Verb::Prepare { name, statement: inner } => format!("Prepare {name}({})", statement(inner)),
        Verb::Begin(modes) => format!("Begin{}", characteristics(modes)),
        other => format!("{other:?}").replace("\"", ""),
    }
}

fn place(place: Place) -> String {
    match place {
        Place::Anywhere => "anywhere".to_owned(),
        Place::Primary(why) => format!("primary:{why:?}"),
        Place::Writes(why) => format!("writes:{why:?}"),
    }
}

fn relation(Relation { schema, name }: &Relation) -> String {
    schema.as_ref().map_or_else(|| name.to_string(), |schema| format!("{schema}.{name}"))
}

fn function(Function { schema, name, known }: &Function) -> String {
    let name = relation(&Relation { schema: schema.clone(), name: name.clone() });
    match known {
        Calls::Alike => name,
        Calls::Own => format!("{name}!"),
        Calls::Primary => format!("{name}!!"),
        Calls::Unknown => format!("{name}?"),
    }
}

fn setting(Setting { scope, change }: &Setting) -> String {
    let change = match change {
        Change::Value(name) => name.to_string(),
        Change::Default(name) => format!("default:{name}"),
        Change::Transaction(modes) => format!("Transaction{}", characteristics(modes)),
        Change::SessionCharacteristics(modes) => format!("Characteristics{}", characteristics(modes)),
        Change::ResetAll
        | Change::Role
        | Change::SessionAuthorization
        | Change::Constraints
        | Change::Snapshot
        | Change::Unknown => format!("{change:?}"),
    };
    match scope {
        Scope::Session => change,
        Scope::Local => format!("local:{change}"),
    }
}

fn characteristics(modes: &Characteristics) -> String {
    let Characteristics { isolation, access, deferrable } = modes;
    let isolation = isolation.map(|level| match level {
        Isolation::ReadUncommitted => "uncommitted",
        Isolation::ReadCommitted => "committed",
        Isolation::RepeatableRead => "repeatable",
        Isolation::Serializable => "serializable",
    });
    let access = access.map(|access| match access {
        Access::ReadOnly => "read-only",
        Access::ReadWrite => "read-write",
    });
    let deferrable = deferrable.map(|yes| if yes { "deferrable" } else { "not-deferrable" });
    let words: Vec<_> = [isolation, access, deferrable].into_iter().flatten().collect();
    format!("({})", words.join(" "))
}

/// Checks lines of `statement || what is known of it`; a line that ends in a backslash goes on in the next.
fn check(table: &str) {
    let table = table.replace("\\\n", " ");
    let mut wrong = String::new();
    let lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    for line in lines.filter(|line| !line.is_empty()) {
        let (text, known) = line.rsplit_once("||").unwrap_or((&line, ""));
        let said = say(&analyse(text.trim().as_bytes()));
        if said != known.trim() {
            wrong.push_str(&format!("        {} || {said}\n", text.trim()));
        }
    }
    assert!(wrong.is_empty(), "otherwise:\n{wrong}");
}

#[test]
fn queries() {
    check(
        r#"
        SELECT || Select anywhere
        SELECT 1 || Select anywhere
        SELECT name FROM users WHERE id = 42 || Select anywhere reads=users
        SELECT * FROM s.users, "Other"."Table" || Select anywhere reads=Other.Table,s.users
        SELECT * FROM db.s.users || Select anywhere reads=s.users
        TABLE users || Select anywhere reads=users
        VALUES (1), (2) || Select anywhere
        SELECT * FROM t JOIN u USING (id) WHERE EXISTS (SELECT 1 FROM v) AND a IN (SELECT b FROM w) || Select \
            anywhere reads=t,u,v,w
        SELECT (SELECT max(a) FROM t) FROM t, t AS x || Select anywhere reads=t
        SELECT 1 UNION SELECT a FROM t EXCEPT (SELECT b FROM u) || Select anywhere reads=t,u
        SELECT * FROM t, LATERAL (SELECT * FROM u WHERE u.a = t.a) x || Select anywhere reads=t,u
        SELECT * FROM t TABLESAMPLE system (10) || Select anywhere reads=t
        SELECT * FROM t TABLESAMPLE my.method (10) || Select anywhere reads=t calls=my.method?
        SELECT * FROM pg_class || Select primary:Catalog reads=pg_class
        SELECT * FROM information_schema.tables || Select primary:Catalog reads=information_schema.tables
        SELECT * FROM pg_temp.t || Select primary:Catalog reads=pg_temp.t
        SELECT * FROM t FOR UPDATE || Select writes:Locking reads=t
        SELECT * FROM (SELECT * FROM t FOR SHARE) x || Select writes:Locking reads=t
        SELECT * INTO u FROM t || Select writes:Into reads=t writes=u
        SELECT * INTO TEMP u FROM t || Select writes:Into reads=t writes=u makes=u
        SELECT a OPERATOR(public.+) b FROM t || Select writes:Operator reads=t
        SELECT a OPERATOR(pg_catalog.+) b FROM t || Select anywhere reads=t
        "#,
    );
}

#[test]
fn common_table_expressions() {
    check(
        r#"
        WITH a AS (SELECT * FROM t) SELECT * FROM a || Select anywhere reads=t
        WITH a AS (SELECT * FROM t) SELECT * FROM s.a || Select anywhere reads=t,s.a
        WITH a AS (SELECT * FROM a) SELECT * FROM a || Select anywhere reads=a
        WITH RECURSIVE a AS (SELECT * FROM t UNION SELECT * FROM a) SELECT * FROM a || Select anywhere reads=t
        WITH a AS (SELECT * FROM b), b AS (SELECT * FROM a) SELECT * FROM a, b || Select anywhere reads=b
        WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT * FROM t) SELECT * FROM a || Select anywhere reads=t
        SELECT * FROM (WITH a AS (SELECT * FROM t) SELECT * FROM a) x, a || Select anywhere reads=a,t
        WITH a AS (SELECT 1) SELECT (WITH b AS (SELECT * FROM a) SELECT * FROM b), (SELECT 1 FROM b) || Select \
            anywhere reads=b
        (WITH a AS (SELECT 1) SELECT * FROM a) UNION SELECT * FROM a || Select anywhere reads=a
        WITH a AS (SELECT 1) SELECT * FROM a UNION SELECT * FROM a || Select anywhere
        WITH a AS (INSERT INTO t VALUES (1) RETURNING *) SELECT * FROM a, u || Select writes:WritingCte reads=u \
            writes=t
        WITH a AS (UPDATE t SET b = 1 FROM u RETURNING *) SELECT * FROM a || Select writes:WritingCte reads=u writes=t
        WITH a AS (DELETE FROM t USING u) SELECT 1 || Select writes:WritingCte reads=u writes=t
        WITH a AS (MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE RETURNING 1) SELECT 1 || Select \
            writes:WritingCte reads=u writes=t
        WITH a AS (SELECT 1) INSERT INTO a SELECT * FROM a || Insert writes:Verb writes=a
        WITH a AS (SELECT 1), b AS (DELETE FROM u) UPDATE t SET c = 1 FROM a || Update writes:WritingCte writes=t,u
        SELECT * FROM (WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a) x || Select writes:WritingCte writes=t
        "#,
    );
}

#[test]
fn functions() {
    check(
        r#"
        SELECT lower(a), count(*), s.f(1), g(2), "Lower"('x') FROM t || Select anywhere reads=t calls=Lower?,g?,s.f?
        SELECT pg_catalog.lower('x'), a.pg_catalog.lower('x') || Select anywhere calls=pg_catalog.lower?
        SELECT * FROM generate_series(1, 2), f(3) || Select anywhere calls=f?
        SELECT extract(year FROM now()), coalesce(f(1), 2), (f(a)).b FROM t || Select anywhere reads=t calls=f?
        SELECT sum(f(a)) FILTER (WHERE g(a)) OVER (ORDER BY h(a)) FROM t || Select anywhere reads=t calls=f?,g?,h?
        SELECT random(), clock_timestamp() || Select primary:NodesOwn calls=clock_timestamp!,random!
        SELECT pg_relation_size('t') || Select primary:NodesOwn calls=pg_relation_size!
        SELECT current_schema || Select primary:NodesOwn calls=pg_catalog.current_schema!
        SELECT current_schema(), has_table_privilege('t', 'select') || Select primary:NodesOwn \
            calls=current_schema!,has_table_privilege!
        SELECT nextval('s') || Select writes:PrimaryFunction calls=nextval!!
        SELECT currval('s'), lastval(), setval('s', 1) || Select writes:PrimaryFunction \
            calls=currval!!,lastval!!,setval!!
        SELECT txid_current() || Select writes:PrimaryFunction calls=txid_current!!
        SELECT pg_current_xact_id(), pg_current_snapshot() || Select writes:PrimaryFunction \
            calls=pg_current_snapshot!!,pg_current_xact_id!!
        SELECT pg_try_advisory_xact_lock(1) || Select writes:PrimaryFunction calls=pg_try_advisory_xact_lock!!
        SELECT lo_get(1) || Select writes:PrimaryFunction calls=lo_get!!
        SELECT pg_notify('a', 'b') || Select writes:PrimaryFunction calls=pg_notify!!
        SELECT pg_backup_start('x'), pg_export_snapshot(), pg_create_physical_replication_slot('x') || Select \
            writes:PrimaryFunction \
            calls=pg_backup_start!!,pg_create_physical_replication_slot!!,pg_export_snapshot!!
        SELECT setseed(0.5) || Select writes:PrimaryFunction calls=setseed!!
        SELECT s.nextval('x') || Select anywhere calls=s.nextval?
        SELECT pg_terminate_backend(1234) || Select writes:PrimaryFunction calls=pg_terminate_backend!! ends=1234
        SELECT pg_catalog.pg_terminate_backend(1234) || Select writes:PrimaryFunction \
            calls=pg_catalog.pg_terminate_backend!! ends=1234
        SELECT pg_terminate_backend($1) || Select writes:PrimaryFunction calls=pg_terminate_backend!!
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity || Select writes:PrimaryFunction \
            reads=pg_stat_activity calls=pg_terminate_backend!!
        SELECT pg_terminate_backend(1), pg_terminate_backend(2) || Select writes:PrimaryFunction \
            calls=pg_terminate_backend!!
        SELECT pg_cancel_backend(1234) || Select writes:PrimaryFunction calls=pg_cancel_backend!!
        "#,
    );
}

#[test]
fn types() {
    check(
        r#"
        SELECT 'a'::int, 'b'::text[], 'c'::pg_catalog.uuid, 'd'::_int4, now()::timestamptz(3), 'e'::numeric(1, \
            2) || Select anywhere
        SELECT 'x'::fullname, cast('y' AS s.mood), int4 '1', mytype 'z' || Select anywhere \
            types=fullname,mytype,s.mood
        SELECT '{}'::mytype[] || Select anywhere types=mytype
        SELECT 't'::regclass || Select primary:Catalog
        SELECT 'x'::region, '{}'::_regclass || Select primary:Catalog types=region
        SELECT 't'::pg_catalog.regtype::oid || Select primary:Catalog
        SELECT null::pg_class || Select primary:Catalog types=pg_class
        SELECT '0/0'::pg_lsn || Select anywhere
        SELECT * FROM json_to_recordset('[]') AS x(a int, b mood) || Select anywhere types=mood
        SELECT * FROM json_table('[]', '$' COLUMNS (a mood PATH '$')) || Select anywhere types=mood
        "#,
    );
}

#[test]
fn changes_of_rows() {
    check(
        r#"
        INSERT INTO t VALUES (1, f(2)) || Insert writes:Verb writes=t calls=f?
        INSERT INTO s.t (a) SELECT b FROM u ON CONFLICT (a) DO UPDATE SET a = (SELECT max(c) FROM v) RETURNING \
            g(a) || Insert writes:Verb reads=u,v writes=s.t calls=g?
        INSERT INTO t DEFAULT VALUES || Insert writes:Verb writes=t
        INSERT INTO t VALUES (nextval('s')) || Insert writes:PrimaryFunction writes=t calls=nextval!!
        UPDATE t SET a = b + 1, (c, d) = (SELECT 1, 2 FROM u) WHERE a = 1 RETURNING old.a, new.a || Update \
            writes:Verb reads=u writes=t
        UPDATE t SET a = 1 WHERE CURRENT OF c || Update writes:Verb writes=t
        DELETE FROM ONLY t USING u WHERE t.a = u.a || Delete writes:Verb reads=u writes=t
        MERGE INTO t USING (SELECT * FROM u) x ON t.a = x.a WHEN MATCHED AND f() THEN UPDATE SET b = 1 WHEN NOT \
            MATCHED THEN INSERT VALUES (1) RETURNING merge_action() || Merge writes:Verb reads=u writes=t \
            calls=f?
        TRUNCATE t, s.u RESTART IDENTITY || Ddl writes:Verb writes=t,s.u
        COPY t FROM STDIN || CopyIn writes:Verb writes=t
        COPY s.t (a) FROM STDIN WHERE a > f() || CopyIn writes:Verb writes=s.t calls=f?
        COPY t TO STDOUT || CopyOut anywhere reads=t
        COPY pg_class TO STDOUT || CopyOut primary:Catalog reads=pg_class
        COPY (SELECT * FROM t) TO STDOUT || CopyOut anywhere reads=t
        COPY (SELECT * FROM t FOR UPDATE) TO STDOUT || CopyOut writes:Locking reads=t
        COPY (DELETE FROM t RETURNING *) TO STDOUT || CopyOut writes:WritingCte writes=t
        COPY (SELECT nextval('s')) TO STDOUT || CopyOut writes:PrimaryFunction calls=nextval!!
        COPY t FROM '/tmp/x' || CopyServer writes:Verb writes=t
        COPY t TO '/tmp/x' || CopyServer writes:Verb reads=t
        COPY t TO PROGRAM 'x' || CopyServer writes:Verb reads=t
        COPY t FROM PROGRAM 'x' || CopyServer writes:Verb writes=t
        "#,
    );
}

#[test]
fn explain_and_prepared() {
    check(
        r#"
        EXPLAIN SELECT * FROM t || Explain(Select anywhere reads=t) primary:Verb
        EXPLAIN ANALYZE SELECT * FROM t || Analyse(Select anywhere reads=t) primary:Verb reads=t
        EXPLAIN (ANALYZE) DELETE FROM t || Analyse(Delete writes:Verb writes=t) writes:Verb writes=t
        EXPLAIN (ANALYZE off, VERBOSE) DELETE FROM t || Explain(Delete writes:Verb writes=t) primary:Verb
        EXPLAIN (ANALYZE 'false') SELECT 1 || Explain(Select anywhere) primary:Verb
        EXPLAIN (ANALYZE 0) SELECT 1 || Explain(Select anywhere) primary:Verb
        EXPLAIN (ANALYZE 1) SELECT 1 || Analyse(Select anywhere) primary:Verb
        EXPLAIN (ANALYZE off, ANALYZE on) SELECT 1 || Analyse(Select anywhere) primary:Verb
        EXPLAIN ANALYZE CREATE TEMP TABLE x AS SELECT * FROM t || Analyse(Ddl writes:Verb reads=t writes=x \
            makes=x) writes:Verb reads=t writes=x makes=x
        EXPLAIN ANALYZE EXECUTE p(1) || Analyse(Execute(p) writes:Verb) writes:Verb
        EXPLAIN DECLARE c CURSOR FOR SELECT 1 || Explain(Cursor writes:Verb) primary:Verb
        PREPARE p AS SELECT * FROM t WHERE a = $1 || Prepare p(Select anywhere reads=t) primary:Verb
        PREPARE p (int, mood) AS INSERT INTO t VALUES ($1) || Prepare p(Insert writes:Verb writes=t) \
            primary:Verb types=mood
        PREPARE "P" AS SELECT set_config('work_mem', '1MB', false) || Prepare P(Select writes:Setting \
            calls=set_config? sets=work_mem) primary:Verb
        EXECUTE p || Execute(p) writes:Verb
        EXECUTE "P"(1, f()) || Execute(P) writes:Verb calls=f?
        CREATE TABLE t AS EXECUTE p(1) || Ddl writes:Verb writes=t executes=p
        DEALLOCATE p || Deallocate(Some(p)) primary:Verb
        DEALLOCATE PREPARE ALL || Deallocate(None) primary:Verb
        "#,
    );
}

#[test]
fn transactions() {
    check(
        r#"
        BEGIN || Begin() primary:Verb
        begin work || Begin() primary:Verb
        BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE || Begin(serializable read-only deferrable) \
            primary:Verb
        START TRANSACTION READ WRITE || Begin(read-write) primary:Verb
        BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED NOT DEFERRABLE || Begin(committed not-deferrable) \
            primary:Verb
        BEGIN ISOLATION LEVEL READ UNCOMMITTED || Begin(uncommitted) primary:Verb
        START TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY || Begin(repeatable read-only) primary:Verb
        COMMIT || Commit { chain: false } primary:Verb
        END AND CHAIN || Commit { chain: true } primary:Verb
        ROLLBACK AND CHAIN || Rollback { chain: true } primary:Verb
        ABORT || Rollback { chain: false } primary:Verb
        SAVEPOINT "A" || Savepoint(A) primary:Verb
        RELEASE SAVEPOINT a || Release(a) primary:Verb
        ROLLBACK TO a || RollbackTo(a) primary:Verb
        PREPARE TRANSACTION 'x' || PrepareTransaction writes:Verb
        COMMIT PREPARED 'x' || FinishPrepared writes:Verb
        ROLLBACK PREPARED 'x' || FinishPrepared writes:Verb
        SET TRANSACTION ISOLATION LEVEL SERIALIZABLE || Set primary:Verb sets=local:Transaction(serializable)
        SET TRANSACTION READ WRITE || Set primary:Verb sets=local:Transaction(read-write)
        SET LOCAL TRANSACTION READ ONLY || Set primary:Verb sets=local:Transaction(read-only)
        SET TRANSACTION SNAPSHOT 'x' || Set primary:Verb sets=local:Snapshot
        SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE, ISOLATION LEVEL SERIALIZABLE || Set primary:Verb \
            sets=Characteristics(serializable read-write)
        SET transaction_isolation = 'serializable' || Set primary:Verb sets=local:Transaction(serializable)
        SET transaction_isolation TO 'Repeatable Read' || Set primary:Verb sets=local:Transaction(repeatable)
        SET "TRANSACTION_READ_ONLY" = off || Set primary:Verb sets=local:Transaction(read-write)
        SET transaction_read_only = fal || Set primary:Verb sets=local:Transaction(read-write)
        SET transaction_read_only TO 'true' || Set primary:Verb sets=local:Transaction(read-only)
        SET transaction_read_only = 0 || Set primary:Verb sets=local:Transaction(read-write)
        SET transaction_read_only = 7 || Set primary:Verb sets=local:Transaction()
        SET transaction_deferrable = on || Set primary:Verb sets=local:Transaction(deferrable)
        SET default_transaction_isolation = 'serializable' || Set primary:Verb sets=Characteristics(serializable)
        SET default_transaction_read_only TO off || Set primary:Verb sets=Characteristics(read-write)
        SET LOCAL default_transaction_read_only TO on || Set primary:Verb sets=local:Characteristics(read-only)
        SET default_transaction_read_only TO DEFAULT || Set primary:Verb sets=default:default_transaction_read_only
        SET CONSTRAINTS ALL DEFERRED || Set primary:Verb sets=local:Constraints
        SELECT set_config('transaction_read_only', 'off', true) || Select writes:Setting calls=set_config? \
            sets=local:Transaction(read-write)
        "#,
    );
}

#[test]
fn settings() {
    check(
        r#"
        SET work_mem = '1MB' || Set primary:Verb sets=work_mem
        SET SESSION work_mem TO 64 || Set primary:Verb sets=work_mem
        SET LOCAL work_mem TO '1MB' || Set primary:Verb sets=local:work_mem
        SET Search_Path TO a, "B", pg_temp || Set primary:Verb sets=search_path
        SET my.var = 'x' || Set primary:Verb sets=my.var
        SET TIME ZONE 'UTC' || Set primary:Verb sets=timezone
        SET TIME ZONE LOCAL || Set primary:Verb sets=default:timezone
        SET NAMES 'UTF8' || Set primary:Verb sets=client_encoding
        SET SCHEMA 'x' || Set primary:Verb sets=search_path
        SET XML OPTION DOCUMENT || Set primary:Verb sets=xmloption
        SET work_mem FROM CURRENT || Set primary:Verb sets=Unknown
        SET work_mem TO DEFAULT || Set primary:Verb sets=default:work_mem
        RESET work_mem || Set primary:Verb sets=default:work_mem
        RESET ALL || Set primary:Verb sets=ResetAll
        RESET TIME ZONE || Set primary:Verb sets=default:timezone
        SET ROLE bob || Set primary:Verb sets=Role
        SET LOCAL ROLE bob || Set primary:Verb sets=local:Role
        SET ROLE NONE || Set primary:Verb sets=Role
        RESET ROLE || Set primary:Verb sets=Role
        SET role = 'bob' || Set primary:Verb sets=Role
        SET SESSION AUTHORIZATION bob || Set primary:Verb sets=SessionAuthorization
        SET SESSION AUTHORIZATION DEFAULT || Set primary:Verb sets=SessionAuthorization
        RESET SESSION AUTHORIZATION || Set primary:Verb sets=SessionAuthorization
        SET session_authorization TO bob || Set primary:Verb sets=SessionAuthorization
        SELECT set_config('work_mem', '1MB', false) || Select writes:Setting calls=set_config? sets=work_mem
        SELECT pg_catalog.set_config('Search_Path'::text, '', true) || Select writes:Setting \
            calls=pg_catalog.set_config? sets=local:search_path
        SELECT set_config('a.b', NULL, false), set_config('role', 'x', true) AS r || Select writes:Setting \
            calls=set_config? sets=a.b,local:Role
        SELECT set_config('work_mem', $1, false) || Select writes:Setting calls=set_config? sets=Unknown
        SELECT set_config(name, '1', false) FROM t || Select writes:Setting reads=t calls=set_config? sets=Unknown
        SELECT set_config('work_mem', '1MB', false) WHERE false || Select writes:Setting calls=set_config? \
            sets=Unknown
        SELECT set_config('work_mem', '1MB', false), nextval('s') || Select writes:Setting \
            calls=nextval!!,set_config? sets=Unknown
        SELECT set_config('work_mem', '1MB', false), f() || Select writes:Setting calls=f?,set_config? sets=Unknown
        SELECT lower(set_config('work_mem', '1MB', false)) || Select writes:Setting calls=set_config? sets=Unknown
        SELECT set_config('work_mem', '1MB', a) FROM t || Select writes:Setting reads=t calls=set_config? sets=Unknown
        SELECT s.set_config('a', 'b', false) || Select anywhere calls=s.set_config?
        INSERT INTO t VALUES (set_config('work_mem', '1MB', false)) || Insert writes:Setting writes=t \
            calls=set_config? sets=Unknown
        SHOW work_mem || Show primary:Verb
        SHOW ALL || Show primary:Verb
        DISCARD ALL || Discard(All) primary:Verb
        DISCARD PLANS || Discard(Plans) primary:Verb
        DISCARD SEQUENCES || Discard(Sequences) primary:Verb
        DISCARD TEMP || Discard(Temp) primary:Verb
        LOAD 'auto_explain' || Other writes:Verb sets=Unknown
        "#,
    );
}

#[test]
fn cursors_and_the_rest() {
    check(
        r#"
        DECLARE c CURSOR FOR SELECT * FROM t || Cursor writes:Verb reads=t
        DECLARE c CURSOR WITH HOLD FOR SELECT * FROM t FOR UPDATE || Cursor writes:Locking reads=t
        FETCH 5 FROM c || Cursor writes:Verb
        MOVE c || Cursor writes:Verb
        CLOSE ALL || Cursor writes:Verb
        LOCK TABLE t || Lock { weak: false } writes:Locking writes=t
        LOCK TABLE t, s.u IN ROW SHARE MODE || Lock { weak: true } primary:Locking writes=t,s.u
        LOCK t IN ACCESS SHARE MODE NOWAIT || Lock { weak: true } primary:Locking writes=t
        LOCK t IN ROW EXCLUSIVE MODE || Lock { weak: false } writes:Locking writes=t
        LISTEN a || Listen writes:Verb
        UNLISTEN * || Unlisten writes:Verb
        NOTIFY a, 'x' || Notify writes:Verb
        CALL p(1, f()) || Call writes:Verb calls=f?,p? makes=?
        DO $$ BEGIN UPDATE t SET a = 1; END $$ || Do writes:Verb
        DO $$ BEGIN CREATE TEMP TABLE x (a int); END $$ || Do writes:Verb makes=?
        DO LANGUAGE plpgsql 'BEGIN SET LOCAL work_mem = ''1MB''; END' || Do writes:Verb sets=Unknown
        VACUUM t || Other writes:Verb writes=t
        VACUUM (FULL) s.t, u || Other writes:Verb writes=u,s.t
        ANALYZE || Other writes:Verb
        CHECKPOINT || Other writes:Verb
        CLUSTER t USING i || Other writes:Verb writes=t
        REINDEX TABLE t || Other writes:Verb writes=t
        ALTER SYSTEM SET work_mem = '1MB' || Other writes:Verb
        "#,
    );
}

#[test]
fn catalogs() {
    check(
        r#"
        CREATE TABLE t (a int DEFAULT f()) || Ddl writes:Verb writes=t
        CREATE TABLE s.t (LIKE u) INHERITS (v) || Ddl writes:Verb reads=v writes=s.t
        CREATE TEMP TABLE t (a int) || Ddl writes:Verb writes=t makes=t
        CREATE TABLE pg_temp.t (a int) || Ddl writes:Verb writes=pg_temp.t makes=t
        CREATE LOCAL TEMPORARY TABLE IF NOT EXISTS "T" AS SELECT * FROM u || Ddl writes:Verb reads=u writes=T makes=T
        CREATE TABLE t AS SELECT nextval('s') FROM u || Ddl writes:PrimaryFunction reads=u writes=t calls=nextval!!
        CREATE UNLOGGED TABLE t (a int) || Ddl writes:Verb writes=t
        CREATE TEMP VIEW v AS SELECT * FROM t || Ddl writes:Verb reads=t writes=v makes=v
        CREATE OR REPLACE VIEW v AS SELECT * FROM t || Ddl writes:Verb reads=t writes=v
        CREATE TEMP SEQUENCE s || Ddl writes:Verb writes=s makes=s
        CREATE MATERIALIZED VIEW m AS SELECT * FROM t || Ddl writes:Verb reads=t writes=m
        REFRESH MATERIALIZED VIEW m || Ddl writes:Verb writes=m
        CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1' || Ddl writes:Verb makes=f
        CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END || Ddl writes:Verb
        CREATE TYPE pg_temp.c AS (a int) || Ddl writes:Verb writes=pg_temp.c makes=c
        CREATE TYPE mood AS ENUM ('a') || Ddl writes:Verb
        CREATE DOMAIN pg_temp.d AS int || Ddl writes:Verb makes=d
        CREATE AGGREGATE pg_temp.a (int) (SFUNC = f, STYPE = int) || Ddl writes:Verb makes=a
        CREATE FOREIGN TABLE t (a int) SERVER s || Ddl writes:Verb makes=?
        CREATE INDEX ON t (f(a)) || Ddl writes:Verb writes=t
        CREATE RULE r AS ON INSERT TO t DO INSTEAD DELETE FROM u || Ddl writes:Verb writes=t
        ALTER TABLE t ADD b int || Ddl writes:Verb writes=t
        ALTER TABLE t RENAME TO u || Ddl writes:Verb reads=t writes=t,u
        ALTER TABLE pg_temp.t RENAME TO u || Ddl writes:Verb reads=pg_temp.t writes=pg_temp.t,pg_temp.u makes=u
        ALTER TABLE t RENAME a TO b || Ddl writes:Verb writes=t
        ALTER TABLE t SET SCHEMA s || Ddl writes:Verb writes=t
        ALTER SEQUENCE s RESTART || Ddl writes:Verb writes=s
        DROP TABLE t, s.u || Ddl writes:Verb writes=t,s.u
        DROP VIEW IF EXISTS v CASCADE || Ddl writes:Verb writes=v
        DROP FUNCTION f(int) || Ddl writes:Verb
        DROP TYPE mood || Ddl writes:Verb
        COMMENT ON TABLE t IS 'x' || Ddl writes:Verb
        GRANT SELECT ON t TO bob || Ddl writes:Verb
        GRANT EXECUTE ON FUNCTION f() TO bob || Ddl writes:Verb
        CREATE ROLE bob || Ddl writes:Verb
        CREATE DATABASE d || Ddl writes:Verb
        CREATE EXTENSION hstore || Ddl writes:Verb
        CREATE SCHEMA s CREATE TABLE t (a int) || Ddl writes:Verb
        "#,
    );
}

#[test]
fn several() {
    check(
        r#"
        SELECT 1; DELETE FROM t || Select anywhere ; Delete writes:Verb writes=t
        BEGIN; SELECT f(); COMMIT; || Begin() primary:Verb ; Select anywhere calls=f? ; Commit { chain: false } \
            primary:Verb
        ; SELECT * FROM t ;; || Select anywhere reads=t
        SET work_mem = '1MB'; SELECT set_config('a.b', 'c', false) || Set primary:Verb sets=work_mem ; Select \
            writes:Setting calls=set_config? sets=a.b
        SELEC 1 || Unread
        SELECT 1; SELEC 2 || Unread
        "#,
    );
}

/// What other poolers are known to send to a standby, or to do on the wrong backend.
#[test]
fn what_is_known_to_go_wrong_elsewhere() {
    check(
        r#"
        SELECT txid_current_if_assigned(), pg_current_xact_id_if_assigned() || Select writes:PrimaryFunction \
            calls=pg_current_xact_id_if_assigned!!,txid_current_if_assigned!!
        SELECT * FROM pg_replication_slots || Select primary:Catalog reads=pg_replication_slots
        COPY (SELECT a FROM t ORDER BY a FOR NO KEY UPDATE) TO STDOUT || CopyOut writes:Locking reads=t
        COPY (WITH w AS (UPDATE t SET a = 1 RETURNING a) SELECT * FROM w) TO STDOUT \
            || CopyOut writes:WritingCte writes=t
        SELECT current_schemas(true) || Select primary:NodesOwn calls=current_schemas!
        SELECT has_column_privilege('t', 'a', 'select') || Select primary:NodesOwn calls=has_column_privilege!
        SELECT (NULL::fullname).first || Select anywhere types=fullname
        SELECT pg_temp.f(1) || Select anywhere calls=pg_temp.f?
        SELECT * FROM (SELECT 1 FROM t WHERE EXISTS (SELECT 1 FROM u)) x || Select anywhere reads=t,u
        SET SESSION ROLE bob || Set primary:Verb sets=Role
        SET LOCAL SESSION AUTHORIZATION 'bob' || Set primary:Verb sets=local:SessionAuthorization
        SHOW transaction_read_only || Show primary:Verb
        BEGIN READ ONLY || Begin(read-only) primary:Verb
        PREPARE TRANSACTION 'a' || PrepareTransaction writes:Verb
        SELECT pg_advisory_lock(1) || Select writes:PrimaryFunction calls=pg_advisory_lock!!
        SELECT pg_listening_channels() || Select writes:PrimaryFunction calls=pg_listening_channels!!
        "#,
    );
}
