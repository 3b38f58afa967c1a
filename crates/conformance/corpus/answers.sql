-- Sessions whose answers other programs between client and server get wrong. A statement per line; each case begins
-- with its name. $db is the name of the database, for names that the whole cluster shares.

== an error at COMMIT leaves no transaction
BEGIN;
INSERT INTO late VALUES (1);
COMMIT;
SELECT count(*) FROM late;
SELECT 1;
BEGIN;
INSERT INTO late VALUES (2);
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK;
SELECT 2;

== an error at PREPARE TRANSACTION leaves no transaction
BEGIN;
INSERT INTO late VALUES (1);
PREPARE TRANSACTION 'late $db';
SELECT count(*) FROM late;
ROLLBACK;
BEGIN;
INSERT INTO keys VALUES (1);
PREPARE TRANSACTION 'keys $db';
SELECT count(*) FROM keys;
COMMIT PREPARED 'keys $db';
SELECT count(*) FROM keys;

== an error at the end of a transaction that reads elsewhere
BEGIN;
SELECT count(*) FROM t;
INSERT INTO late VALUES (1);
COMMIT;
SELECT count(*) FROM t;
INSERT INTO t VALUES (3);
BEGIN;
SELECT count(*) FROM keys;
INSERT INTO late VALUES (2);
COMMIT AND CHAIN;
SELECT count(*) FROM keys;
COMMIT;
BEGIN;
SELECT count(*) FROM keys;
INSERT INTO late VALUES (3);
PREPARE TRANSACTION 'elsewhere $db';
SELECT count(*) FROM keys;
BEGIN;
SELECT count(*) FROM keys;
COMMIT AND CHAIN;
SELECT count(*) FROM keys;
SELECT 1 / 0;
SELECT count(*) FROM keys;
COMMIT AND CHAIN;
SELECT count(*) FROM keys;
ROLLBACK;

== an error at Parse outside a transaction
SELECT FROM FROM;
SELECT 1;
SELECT * FROM missing;
SELECT 2;
INSERT INTO t VALUES ('x');
SELECT count(*) FROM t;

== an aborted transaction
BEGIN;
SELECT 1 / 0;
SELECT 1;
INSERT INTO t VALUES (3);
COMMIT;
SELECT count(*) FROM t;
BEGIN;
SAVEPOINT a;
SELECT * FROM missing;
SELECT 1;
ROLLBACK TO a;
SELECT 2;
COMMIT;

== SET ROLE to a role made in the same transaction
BEGIN;
CREATE ROLE made_$db;
SET ROLE made_$db;
SELECT current_user;
SHOW role;
SELECT * FROM t;
ROLLBACK;
SELECT current_user;

== SET ROLE to a role that standbys may not know yet
CREATE ROLE soon_$db;
GRANT SELECT ON t TO soon_$db;
SET ROLE soon_$db;
SELECT current_user, count(*) FROM t;
SELECT * FROM keys;
RESET ROLE;
SELECT current_user;
DROP OWNED BY soon_$db;
DROP ROLE soon_$db;
SET ROLE soon_$db;
SELECT 1;

== SET SESSION AUTHORIZATION
CREATE ROLE other_$db;
SET SESSION AUTHORIZATION other_$db;
SELECT session_user, current_user;
SELECT * FROM keys;
RESET SESSION AUTHORIZATION;
SELECT session_user, current_user;
DROP ROLE other_$db;

== DEALLOCATE of what one node may know
PREPARE p AS SELECT count(*) FROM t;
EXECUTE p;
INSERT INTO t VALUES (3);
EXECUTE p;
DEALLOCATE p;
DEALLOCATE p;
EXECUTE p;
PREPARE p AS INSERT INTO t VALUES ($1);
EXECUTE p (4);
PREPARE q (int) AS SELECT count(*) FROM t WHERE a = $1;
EXECUTE q (4);
PREPARE q AS SELECT 1;
DEALLOCATE ALL;
EXECUTE q (4);
SELECT 1;

== SET of names of nobody's and of extensions
LOAD 'plpgsql';
SET plpgsql.extra_warnings = 'all';
SHOW plpgsql.extra_warnings;
SELECT current_setting('plpgsql.extra_warnings');
SET mine.name = 'value';
SELECT current_setting('mine.name');
SHOW mine.name;
SET plpgsql.extra_errors = 'nonsense';
SELECT 1;

== SHOW gives what the session has set
SET search_path = s, public;
SHOW search_path;
SELECT current_setting('search_path');
SHOW transaction_read_only;
SHOW transaction_isolation;
BEGIN READ ONLY;
SHOW transaction_read_only;
SELECT current_setting('transaction_read_only');
COMMIT;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SHOW transaction_isolation;
SELECT current_setting('transaction_isolation');
COMMIT;
SET default_transaction_read_only = on;
SHOW transaction_read_only;
INSERT INTO t VALUES (9);
RESET default_transaction_read_only;
SHOW transaction_read_only;
SHOW in_hot_standby;
SELECT pg_is_in_recovery();

== transaction_read_only in its spellings
SET transaction_read_only=0;
SELECT count(*) FROM t;
INSERT INTO t VALUES (3);
SET transaction_read_only TO 'on';
INSERT INTO t VALUES (4);
SET SESSION transaction_read_only TO true;
SELECT count(*) FROM t;
BEGIN READ ONLY;
SET transaction_read_only=0;
INSERT INTO t VALUES (5);
COMMIT;
BEGIN READ ONLY;
SELECT count(*) FROM t;
SET LOCAL transaction_read_only TO FALSE;
INSERT INTO t VALUES (6);
ROLLBACK;
BEGIN;
SET transaction_read_only = 1;
SELECT count(*) FROM t;
SHOW transaction_read_only;
INSERT INTO t VALUES (7);
ROLLBACK;
BEGIN READ ONLY;
SELECT set_config('transaction_read_only', 'off', true);
INSERT INTO t VALUES (8);
COMMIT;
SET default_transaction_read_only=1;
SELECT count(*) FROM t;
INSERT INTO t VALUES (9);
SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE;
INSERT INTO t VALUES (10);
SELECT count(*) FROM t;

== warnings come once
SET LOCAL work_mem = '2MB';
COMMIT;
ROLLBACK;
BEGIN;
BEGIN;
COMMIT;
SET CONSTRAINTS ALL DEFERRED;
SELECT 1;

== transaction ids, advisory locks, sequences, large objects, snapshots
SELECT txid_current() IS NOT NULL;
SELECT pg_current_xact_id() IS NOT NULL;
SELECT * FROM xid;
SELECT (SELECT txid_current()) IS NOT NULL FROM t;
SELECT pg_advisory_lock(1), pg_advisory_unlock(1);
SELECT pg_try_advisory_lock_shared(2);
SELECT pg_advisory_unlock_all();
SELECT nextval('seq'), currval('seq'), lastval();
SELECT currval('seq');
SELECT setval('seq', 7);
SELECT last_value FROM seq;
SELECT lo_create(0) > 0;
SELECT pg_notify('c', 'x');
SELECT pg_export_snapshot() IS NOT NULL;
SELECT pg_current_wal_lsn() IS NOT NULL;
SELECT pg_is_wal_replay_paused();
SELECT count(*) FROM pg_replication_slots;

== COPY of a query is routed as the query
COPY (SELECT * FROM t FOR UPDATE) TO STDOUT;
COPY (SELECT nextval('seq')) TO STDOUT;
COPY (INSERT INTO t VALUES (7) RETURNING a) TO STDOUT;
COPY (SELECT count(*) FROM t) TO STDOUT;
COPY (SELECT txid_current() IS NOT NULL) TO STDOUT;

== current_schema() while pg_temp leads the path
SET search_path = pg_temp, public;
SELECT current_schema() LIKE 'pg_temp%';
SELECT current_schemas(false)::text LIKE '{pg_temp%';
CREATE TABLE led (a int);
SELECT count(*) FROM led;
RESET search_path;
SELECT current_schema();

== temporary tables wherever they occur
CREATE TEMP TABLE fullname (first text, last text);
INSERT INTO fullname VALUES ('a', 'b');
COPY fullname TO STDOUT;
SELECT (SELECT first FROM fullname);
SELECT 1 WHERE EXISTS (SELECT 1 FROM fullname);
WITH x AS (SELECT * FROM fullname) SELECT * FROM x;
CREATE TEMP VIEW names AS SELECT first FROM fullname;
SELECT * FROM names;
SELECT '(c,d)'::fullname;
SELECT ROW('c', 'd')::fullname;
SELECT (NULL::fullname).first IS NULL;
SELECT has_table_privilege('fullname', 'select');
SELECT has_column_privilege('fullname', 'first', 'select');
SELECT to_regclass('fullname') IS NOT NULL, 'fullname'::regclass::text;
SELECT count(*) FROM pg_temp.fullname;
CREATE FUNCTION pg_temp.one() RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1';
SELECT pg_temp.one();
EXPLAIN (COSTS OFF) SELECT first FROM fullname;
SELECT json_populate_record(NULL::fullname, '{"first": "e"}');
DROP VIEW names;
DROP TABLE fullname;
SELECT * FROM fullname;
SELECT count(*) FROM t;

== a temporary table that covers another and goes at COMMIT
BEGIN;
CREATE TEMP TABLE t (a text) ON COMMIT DROP;
SELECT * FROM t;
COMMIT;
SELECT * FROM t;
CREATE TEMP TABLE t AS SELECT 'covers' AS a;
SELECT * FROM t;
DISCARD TEMP;
SELECT * FROM t;
BEGIN;
CREATE TEMP TABLE t AS SELECT 'taken back' AS a;
ROLLBACK;
SELECT * FROM t;

== reads right after DDL
CREATE TABLE n (a int);
SELECT count(*) FROM n;
INSERT INTO n VALUES (1);
SELECT * FROM n;
ALTER TABLE n ADD COLUMN b int DEFAULT 7;
SELECT b FROM n;
CREATE TYPE colour AS ENUM ('red', 'green');
SELECT 'red'::colour;
SELECT enum_range(NULL::colour)::text;
CREATE FUNCTION f() RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1';
SELECT f();
CREATE OR REPLACE FUNCTION f() RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 2';
SELECT f();
CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);
SELECT 1 === 1;
CREATE VIEW nv AS SELECT a FROM n;
SELECT * FROM nv;
CREATE SCHEMA s;
CREATE TABLE s.n (c int);
SET search_path = s, public;
SELECT * FROM n;
DROP TABLE s.n;
SELECT a FROM n;
TRUNCATE n;
SELECT count(*) FROM n;
DROP TABLE n CASCADE;
SELECT * FROM n;

== reads right after writes
INSERT INTO t VALUES (3);
SELECT count(*) FROM t;
UPDATE t SET a = a + 10;
SELECT a FROM t ORDER BY a;
DELETE FROM t WHERE a = 11;
SELECT a FROM t ORDER BY a;
CREATE FUNCTION put(int) RETURNS int LANGUAGE sql AS 'INSERT INTO t VALUES ($1) RETURNING a';
SELECT put(99);
SELECT count(*) FROM t;
CREATE PROCEDURE put_too(int) LANGUAGE sql AS 'INSERT INTO t VALUES ($1)';
CALL put_too(100);
SELECT count(*) FROM t;
DO 'BEGIN INSERT INTO t VALUES (101); END';
SELECT count(*) FROM t;
COPY t FROM PROGRAM 'echo 102';
SELECT count(*) FROM t;
WITH x AS (DELETE FROM t RETURNING a) SELECT count(*) FROM x;
SELECT count(*) FROM t;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) INSERT INTO t VALUES (5);
SELECT count(*) FROM t;

== reads inside a transaction after DDL
BEGIN;
SELECT count(*) FROM t;
CREATE TABLE inside (a int);
SELECT count(*) FROM inside;
ALTER TABLE t ADD COLUMN b int DEFAULT 3;
SELECT * FROM t ORDER BY a;
SAVEPOINT a;
DROP TABLE inside;
SELECT * FROM inside;
ROLLBACK TO a;
SELECT count(*) FROM inside;
ROLLBACK;
SELECT * FROM inside;
SELECT * FROM t ORDER BY a;

== SET with an invalid value fails at once
SET work_mem = 'much';
SHOW work_mem;
SET TimeZone = 'Nowhere/At_All';
SHOW TimeZone;
SET no_such_setting = 1;
SET shared_buffers = '1MB';
SET search_path = nowhere;
SELECT current_schema();
SELECT * FROM t;
RESET no_such_setting;
SELECT set_config('work_mem', 'little', false);
SELECT 1;

== settings hold for the next statement wherever it goes
SET work_mem = '5MB';
SELECT current_setting('work_mem');
SET TIME ZONE 'Asia/Tokyo';
SELECT current_setting('TimeZone'), extract(timezone FROM '2000-01-01'::timestamptz);
SET DateStyle = 'German';
SELECT '2000-12-31'::date;
SET extra_float_digits = 0;
SELECT 0.1::float4 * 3;
SET bytea_output = 'escape';
SELECT 'x'::bytea;
SET client_encoding = 'LATIN1';
SHOW client_encoding;
RESET client_encoding;
SET IntervalStyle = 'iso_8601';
SELECT '1 day 2 hours'::interval;
SELECT set_config('work_mem', '6MB', false);
SELECT current_setting('work_mem');
SELECT set_config('work' || '_mem', '7MB', false);
SELECT current_setting('work_mem');
RESET work_mem;
SELECT current_setting('work_mem'), current_setting('DateStyle');
RESET ALL;
SELECT current_setting('DateStyle'), current_setting('TimeZone') = current_setting('log_timezone');

== row level security by a setting
SELECT count(*) FROM owned;
SET ROLE pg_monitor;
SELECT * FROM owned;
SET app.owner = 'a';
SELECT * FROM owned;
SET app.owner TO 'b';
SELECT * FROM owned;
BEGIN;
SET LOCAL app.owner = 'a';
SELECT * FROM owned;
COMMIT;
SELECT * FROM owned;
BEGIN;
SELECT * FROM owned;
SET app.owner = 'a';
SELECT * FROM owned;
ROLLBACK;
SELECT * FROM owned;
SELECT set_config('app.owner', 'a', false);
SELECT * FROM owned;
SET row_security = off;
SELECT * FROM owned;
RESET row_security;
RESET app.owner;
SELECT * FROM owned;
RESET ROLE;
SELECT count(*) FROM owned;

== settings of a transaction end with it
BEGIN;
SET LOCAL work_mem = '5MB';
SELECT current_setting('work_mem');
COMMIT;
SELECT current_setting('work_mem');
BEGIN;
SET work_mem = '6MB';
SELECT current_setting('work_mem');
ROLLBACK;
SELECT current_setting('work_mem');
BEGIN;
SELECT count(*) FROM t;
SAVEPOINT a;
SET work_mem = '7MB';
SELECT current_setting('work_mem');
ROLLBACK TO a;
SELECT current_setting('work_mem');
COMMIT;
SELECT current_setting('work_mem');
SELECT set_config('work_mem', '8MB', true);
SELECT current_setting('work_mem');

== DISCARD forgets all
SET work_mem = '5MB';
PREPARE p AS SELECT 1;
CREATE TEMP TABLE gone (a int);
DISCARD ALL;
SELECT current_setting('work_mem');
EXECUTE p;
SELECT * FROM gone;
SELECT 1;

== isolation levels and read-only sessions
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT count(*) FROM t;
INSERT INTO t VALUES (5);
SELECT count(*) FROM t;
COMMIT;
BEGIN READ ONLY;
SELECT count(*) FROM t;
INSERT INTO t VALUES (6);
COMMIT;
SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY;
SELECT count(*) FROM t;
INSERT INTO t VALUES (7);
SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE;
INSERT INTO t VALUES (8);
SELECT count(*) FROM t;
BEGIN;
SET TRANSACTION READ ONLY;
SELECT count(*) FROM t;
SET TRANSACTION READ WRITE;
COMMIT;

== fields of errors longer than 256 bytes
SELECT repeat('x', 300)::int;
SELECT 1 FROM t WHERE a = repeat('x', 1000)::int;
DO $$ BEGIN RAISE EXCEPTION '%', repeat('m', 600) USING DETAIL = repeat('d', 700), HINT = repeat('h', 800); END $$;
BEGIN;
SELECT count(*) FROM t;
SELECT (repeat('y', 5000) || a)::date FROM t;
SELECT 1;
ROLLBACK;
SELECT 2;

== a second client of a backend finds nothing of the first
SELECT current_setting('work_mem'), current_user, current_setting('search_path');
SELECT count(*) FROM pg_prepared_statements;
SELECT count(*) FROM pg_cursors;
SELECT count(*) FROM pg_listening_channels();
SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND pg_table_is_visible(oid);
