//! What each statement does to a session and a cluster, by example, in six classes.

use pgherd_sql::{Calls, Place, Statement, Text, Verb, analyse};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Nothing at all.
    Empty,
    /// One statement that any node answers alike.
    Read,
    /// Reads only, but is the primary's.
    ReadPrimary,
    /// Begins or ends a transaction, or a part of one.
    Transaction,
    /// COPY FROM STDIN.
    CopyIn,
    /// Writes, or changes the session, or may do anything.
    Other,
}

fn classify(text: &[u8]) -> Class {
    match analyse(text) {
        Text::Empty => Class::Empty,
        Text::One(statement) => of_statement(&statement),
        Text::Several(_) | Text::Unread => Class::Other,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all others are Other")]
fn of_statement(statement: &Statement) -> Class {
    match &statement.verb {
        Verb::Select => of_query(statement),
        Verb::CopyOut => not_for_a_standby(of_query(statement)),
        Verb::Explain { analyse: false, statement } => not_for_a_standby(of_statement(statement)),
        Verb::Show => Class::ReadPrimary,
        Verb::CopyIn => Class::CopyIn,
        Verb::Begin(_)
        | Verb::Commit { .. }
        | Verb::Rollback { .. }
        | Verb::Savepoint(_)
        | Verb::Release(_)
        | Verb::RollbackTo(_) => Class::Transaction,
        _ => Class::Other,
    }
}

fn of_query(statement: &Statement) -> Class {
    let all_known = statement.functions.iter().all(|f| matches!(f.known, Calls::Alike | Calls::Own));
    match statement.place {
        Place::Anywhere if all_known => Class::Read,
        Place::Primary(_) if all_known => Class::ReadPrimary,
        Place::Anywhere | Place::Primary(_) | Place::Writes(_) => Class::Other,
    }
}

fn not_for_a_standby(class: Class) -> Class {
    if class == Class::Read { Class::ReadPrimary } else { class }
}

/// Checks one statement per line; a line that ends in a backslash goes on in the next.
fn check(class: Class, statements: &str) {
    let statements = statements.replace("\\\n", "");
    let wrong: Vec<_> = statements
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| (line, classify(line.as_bytes())))
        .filter(|(_, got)| *got != class)
        .collect();
    assert!(wrong.is_empty(), "not {class:?}: {wrong:#?}");
}

#[test]
fn empty() {
    for text in ["", " ", ";", " ; ;", "-- x", "/* x */", "/* a /* b */ c */ ; -- d\n ;\t"] {
        assert_eq!(classify(text.as_bytes()), Class::Empty, "{text}");
    }
}

#[test]
fn plain_reads() {
    check(
        Class::Read,
        r#"
        SELECT
        SELECT 1
        SELECT 1;
        select 1 ; ;
        /* first */ SELECT 1
        (SELECT 1)
        ((SELECT 1) UNION (SELECT 2)) ORDER BY 1
        TABLE users
        VALUES (1, 'a'), (2, 'b')
        SELECT * FROM users
        SELECT ALL name FROM ONLY users u
        SELECT DISTINCT ON (a) a, b FROM t ORDER BY a, b DESC NULLS LAST
        SELECT abalance FROM pgbench_accounts WHERE aid = 4711;
        SELECT a.b.c.d FROM t
        SELECT count(*), sum(x) FILTER (WHERE x > 0), array_agg(DISTINCT x ORDER BY x) FROM t GROUP BY y \
            HAVING max(z) > 3
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY x) FROM t
        SELECT rank() OVER (PARTITION BY a ORDER BY b ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t
        SELECT sum(a) OVER w FROM t WINDOW w AS (PARTITION BY b ORDER BY lower(c))
        SELECT a, b, grouping(a, b) FROM t GROUP BY GROUPING SETS ((a), ROLLUP (a, b), ())
        SELECT * FROM a JOIN b USING (id) LEFT JOIN c ON a.x = c.x NATURAL JOIN d CROSS JOIN e
        SELECT * FROM a, LATERAL (SELECT * FROM b WHERE b.id = a.id) s
        SELECT * FROM generate_series(1, 10) WITH ORDINALITY AS g(n, i)
        SELECT * FROM ROWS FROM (generate_series(1, 2), unnest(ARRAY[1, 2])) AS x
        SELECT * FROM json_to_recordset('[]') AS x(a int, b text)
        SELECT * FROM t TABLESAMPLE BERNOULLI (10) REPEATABLE (7)
        SELECT * FROM t TABLESAMPLE system (1)
        SELECT * FROM t WHERE a IN (1, 2, 3) AND b IN (SELECT c FROM u) AND EXISTS (SELECT 1 FROM v) OR NOT d
        SELECT * FROM t WHERE a = ANY (ARRAY[1, 2]) AND b > ALL (SELECT 1) AND c BETWEEN 1 AND 2
        SELECT * FROM t WHERE a LIKE 'x%' ESCAPE '!' AND b ILIKE 'y' AND c SIMILAR TO 'z' AND d ~* 'e' AND \
            f IS NULL
        SELECT * FROM t WHERE a IS TRUE AND b IS NOT UNKNOWN AND c IS DISTINCT FROM d AND (a, b) OVERLAPS (c, d)
        SELECT CASE a WHEN 1 THEN 'x' ELSE 'y' END, coalesce(a, b), nullif(a, b), greatest(a, b), least(1, 2)
        SELECT ROW(1, 2), (1, 2), ARRAY[[1], [2]], a[1], a[1:2], (b).c, (f).*, -1, +1, @ -2
        SELECT extract(year FROM now()), position('a' in b), substring(a from 1 for 2), overlay(a placing b \
            from 1), trim(both 'x' from y)
        SELECT a::int, cast(b AS numeric(10, 2)), 'x'::varchar(3), int '4', interval '1 day', date \
            '2020-01-01', 'a'::mytype
        SELECT a AT TIME ZONE 'UTC', timestamp with time zone '2020-01-01 00:00', interval '1' hour, \
            time(3) '10:00'
        SELECT current_date, current_time(2), current_timestamp, localtime, localtimestamp, current_user, \
            session_user, user
        SELECT now(), statement_timestamp(), transaction_timestamp(), version(), current_database()
        SELECT a COLLATE "C" FROM t ORDER BY b USING <
        SELECT pg_catalog.lower(x), "lower"(x), LOWER(x) FROM t
        SELECT a OPERATOR(pg_catalog.+) b
        SELECT $1, $2::int FROM t WHERE id = $3 LIMIT $4 OFFSET $5
        SELECT * FROM t ORDER BY a FETCH FIRST 3 ROWS WITH TIES
        WITH a AS (SELECT 1), b AS MATERIALIZED (SELECT * FROM a) SELECT * FROM b
        WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT n FROM r
        WITH RECURSIVE r(n) AS (SELECT 1 UNION SELECT n FROM r) SEARCH DEPTH FIRST BY n SET o CYCLE n SET c \
            TO true DEFAULT false USING p SELECT * FROM r
        SELECT 1 UNION ALL SELECT 2 INTERSECT SELECT 3 EXCEPT SELECT 4
        SELECT xmlelement(name a, xmlattributes(1 AS b)), xmlserialize(content x AS text) FROM t
        SELECT inet_server_addr(), inet_server_port()
        SELECT make_interval(days => 3), format('%s', variadic arr)
        SELECT to_jsonb(t), jsonb_path_query(a, '$.b'), a -> 'b' ->> 'c' FROM t
        SELECT ts_rank(to_tsvector('english', a), plainto_tsquery('x')) FROM t
        SELECT E'it\'s', 'it''s', $$it's$$, $x$ $$ ' $x$, B'01', X'ff', N'x' FROM t
        SELECT "from", "a""b" FROM "select" WHERE "x;y" = 1
        SELECT pg_typeof(1), pg_size_pretty(1::bigint), pg_column_size(a) FROM t
        SELECT json_object('a': 1, 'b' VALUE x RETURNING jsonb), json_array(1, 2), json_array(SELECT a FROM t)
        SELECT json_objectagg(a: b ABSENT ON NULL), json_arrayagg(a ORDER BY b) FILTER (WHERE c) FROM t
        SELECT json_value(a, '$.b' PASSING 1 AS x RETURNING int DEFAULT 0 ON EMPTY), json_query(a, '$'), \
            json_exists(a, '$')
        SELECT json('1'), json_scalar(1), json_serialize(a), a IS JSON OBJECT WITH UNIQUE KEYS FROM t
        SELECT * FROM json_table(a, '$[*]' COLUMNS (n FOR ORDINALITY, b int PATH '$.b', NESTED PATH '$.c' \
            COLUMNS (d text))) j
        SELECT * FROM xmltable('/a' PASSING x COLUMNS b int PATH '@b' DEFAULT 1, n FOR ORDINALITY)
        SELECT 1.5, .5, 5., 1e10, 1.5e-3, 99999999999999999999
        "#,
    );
}

#[test]
fn reads_for_the_primary() {
    check(
        Class::ReadPrimary,
        r#"
        SELECT pg_is_in_recovery()
        SHOW search_path
        SHOW ALL
        SHOW TIME ZONE
        SHOW pool_nodes
        EXPLAIN SELECT 1
        EXPLAIN (VERBOSE, COSTS off, FORMAT json) SELECT * FROM t
        EXPLAIN VERBOSE TABLE t
        EXPLAIN (ANALYZE off) SELECT 1
        EXPLAIN (ANALYZE 'false') SELECT 1
        EXPLAIN (analyze 0, verbose) SELECT 1
        SELECT * FROM pg_class
        SELECT * FROM pg_catalog.pg_class
        SELECT * FROM information_schema.tables
        SELECT * FROM t WHERE oid IN (SELECT oid FROM pg_type)
        SELECT * FROM pg_temp.t
        SELECT * FROM pg_temp_3.t
        SELECT * FROM pg_stat_activity
        WITH a AS (SELECT * FROM pg_roles) SELECT * FROM a
        SELECT 'users'::regclass
        SELECT cast('users' AS regclass)
        SELECT regclass 'users'
        SELECT 'users'::pg_catalog.regclass::oid
        SELECT x::regtype FROM t
        SELECT '{a}'::regproc[]
        SELECT null::pg_class
        SELECT regclass('users')
        SELECT to_regclass('users')
        SELECT pg_relation_size('users')
        SELECT has_table_privilege('t', 'select')
        SELECT current_schema
        SELECT current_schema()
        SELECT current_schemas(true)
        SELECT current_setting('work_mem')
        SELECT pg_backend_pid()
        SELECT pg_get_viewdef(1)
        SELECT random()
        SELECT clock_timestamp()
        SELECT pg_sleep(1)
        SELECT gen_random_uuid()
        SELECT * FROM t ORDER BY random() LIMIT 1
        SELECT 1 FROM t WHERE a = (SELECT max(b) FROM u WHERE c < random())
        SELECT pg_last_wal_replay_lsn(), pg_current_wal_lsn()
        COPY t TO STDOUT
        COPY t (a, b) TO STDOUT WITH (FORMAT csv)
        COPY (SELECT * FROM t) TO STDOUT
        COPY (VALUES (1)) TO STDOUT BINARY
        "#,
    );
}

#[test]
fn transaction_control() {
    check(
        Class::Transaction,
        "
        BEGIN
        begin;
        BEGIN WORK
        BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE
        BEGIN TRANSACTION READ WRITE
        START TRANSACTION
        START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY
        COMMIT
        COMMIT AND CHAIN
        COMMIT WORK AND NO CHAIN
        END
        END TRANSACTION
        ROLLBACK
        ROLLBACK AND CHAIN
        ABORT
        SAVEPOINT a
        RELEASE a
        RELEASE SAVEPOINT a
        ROLLBACK TO a
        ROLLBACK WORK TO SAVEPOINT a
        /* tag */ COMMIT -- bye
        ",
    );
}

#[test]
fn copy_in() {
    check(
        Class::CopyIn,
        "
        COPY t FROM STDIN
        copy t (a, b) from stdin with (format csv, header true)
        COPY pg_temp.t FROM STDIN BINARY
        COPY t FROM STDIN WHERE a > 1
        COPY t FROM STDIN;
        ",
    );
}

#[test]
fn everything_else() {
    check(
        Class::Other,
        r#"
        INSERT INTO t VALUES (1)
        UPDATE t SET a = 1
        DELETE FROM t
        MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE
        TRUNCATE t
        CREATE TABLE t (a int)
        CREATE TEMP TABLE t AS SELECT 1
        DROP TABLE t
        ALTER TABLE t ADD b int
        VACUUM t
        ANALYZE
        CALL p()
        DO $$ BEGIN END $$
        LISTEN a
        NOTIFY a
        UNLISTEN *
        GRANT SELECT ON t TO u
        LOCK TABLE t
        DECLARE c CURSOR FOR SELECT 1
        FETCH c
        MOVE c
        CLOSE c
        PREPARE p AS SELECT 1
        EXECUTE p
        DEALLOCATE p
        SET work_mem = '1MB'
        SET LOCAL work_mem = '1MB'
        SET TRANSACTION READ ONLY
        SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY
        SET TRANSACTION SNAPSHOT '1'
        RESET ALL
        DISCARD ALL
        CHECKPOINT
        REFRESH MATERIALIZED VIEW v
        REINDEX TABLE t
        CLUSTER
        COMMENT ON TABLE t IS 'x'
        LOAD 'x'
        PREPARE TRANSACTION 'x'
        COMMIT PREPARED 'x'
        ROLLBACK PREPARED 'x'
        SELECT 1; SELECT 2
        BEGIN; SELECT 1
        ; SELECT 1; COMMIT
        SELECT * INTO u FROM t
        SELECT 1 INTO TEMP u
        SELECT * FROM t FOR UPDATE
        SELECT * FROM t FOR NO KEY UPDATE SKIP LOCKED
        SELECT * FROM t FOR SHARE OF t NOWAIT
        SELECT * FROM t FOR KEY SHARE
        SELECT * FROM (SELECT * FROM t FOR UPDATE) s
        SELECT * FROM t WHERE a IN (SELECT b FROM u FOR SHARE)
        WITH w AS (INSERT INTO t VALUES (1) RETURNING a) SELECT * FROM w
        WITH w AS (UPDATE t SET a = 1 RETURNING a) SELECT * FROM w
        WITH w AS (DELETE FROM t RETURNING a) SELECT 1
        WITH w AS (MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE RETURNING 1) SELECT 1
        WITH w AS (SELECT 1) INSERT INTO t SELECT * FROM w
        WITH w AS (SELECT 1) UPDATE t SET a = 1
        SELECT * FROM (WITH w AS (DELETE FROM t RETURNING *) SELECT * FROM w) s
        SELECT my_function(1)
        SELECT public.lower('x')
        SELECT a.pg_catalog.lower('x')
        SELECT * FROM my_function()
        SELECT * FROM t, LATERAL my_function(t.a)
        SELECT * FROM t ORDER BY my_function(a)
        SELECT 1 LIMIT my_function()
        SELECT sum(a) FILTER (WHERE f(b)) FROM t
        SELECT sum(a) OVER (ORDER BY f(b)) FROM t
        SELECT CASE WHEN f() THEN 1 END
        SELECT (ARRAY[1, f()])[1]
        SELECT a[f()] FROM t
        SELECT (f()).x
        SELECT 1 IN (1, f())
        SELECT coalesce(1, f())
        SELECT f()::int
        SELECT lower(name => f())
        SELECT "LOWER"('x')
        VALUES (1), (f())
        SELECT json_object('a': f())
        SELECT json_array(SELECT f())
        SELECT json_arrayagg(1 ORDER BY f())
        SELECT json_value(f(), '$')
        SELECT json_value('1', '$' PASSING f() AS x)
        SELECT json_value('1', '$' DEFAULT f() ON EMPTY)
        SELECT f() IS JSON
        SELECT * FROM json_table(f(), '$' COLUMNS (a int))
        SELECT * FROM json_table('1', '$' COLUMNS (a int DEFAULT f() ON ERROR))
        SELECT * FROM xmltable('/a' PASSING f() COLUMNS b int)
        SELECT * FROM xmltable('/a' PASSING x COLUMNS b int DEFAULT f())
        SELECT xmlelement(name a, xmlattributes(f() AS b))
        SELECT 1 UNION SELECT f()
        SELECT nextval('s')
        SELECT currval('s')
        SELECT lastval()
        SELECT setval('s', 1)
        SELECT set_config('work_mem', '1MB', false)
        SELECT setseed(0.5)
        SELECT txid_current()
        SELECT pg_current_xact_id()
        SELECT pg_advisory_lock(1)
        SELECT pg_try_advisory_xact_lock(1)
        SELECT pg_notify('a', 'b')
        SELECT pg_terminate_backend(1)
        SELECT pg_cancel_backend(1)
        SELECT lo_create(0)
        SELECT lo_get(1)
        SELECT pg_export_snapshot()
        SELECT pg_backup_start('x')
        SELECT pg_create_physical_replication_slot('x')
        SELECT query_to_xml('select 1', true, true, '')
        SELECT dblink('x', 'y')
        SELECT a OPERATOR(public.+) b
        SELECT 1 ORDER BY 1 USING OPERATOR(my.<)
        SELECT * FROM t TABLESAMPLE my_method (1)
        EXPLAIN ANALYZE SELECT 1
        EXPLAIN (ANALYZE) SELECT 1
        EXPLAIN INSERT INTO t VALUES (1)
        EXPLAIN SELECT f()
        EXPLAIN EXECUTE p
        COPY t FROM '/tmp/x'
        COPY t TO '/tmp/x'
        COPY t FROM PROGRAM 'x'
        COPY t TO PROGRAM 'x'
        COPY (SELECT f()) TO STDOUT
        COPY (SELECT * FROM t FOR UPDATE) TO STDOUT
        COPY (DELETE FROM t RETURNING *) TO STDOUT
        COPY t TO STDOUT; SELECT 1
        SELEC 1
        SELECT FROM WHERE
        SELECT 'a' 'b'
        SELECT 1..2
        SELECT 'unterminated
        SELECT "unterminated
        SELECT $$unterminated
        SELECT 1 /* unterminated
        SELECT 1abc
        SELECT U&"d!0061t" UESCAPE '!'
        \d
        hello
        1
        'x'
        "#,
    );
}
