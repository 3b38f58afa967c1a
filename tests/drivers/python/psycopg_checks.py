"""The checklist with psycopg 3. The connection comes from the PG* variables."""

import threading

import psycopg
from psycopg import sql

from checks import TYPES, fail, show


def connect(**options):
    return psycopg.connect("", autocommit=True, **options)


def simple(conn):
    return conn.execute("SELECT 1 + 1, 'a'").fetchall()


def several_statements(conn):
    cur = conn.execute("SELECT 1; SELECT 2; SELECT 3")
    rows = [cur.fetchall()]
    while cur.nextset():
        rows.append(cur.fetchall())
    return rows


def prepared(conn):
    return [conn.execute("SELECT %s::int * 2", (n,), prepare=True).fetchone()[0] for n in range(20)]


def types(conn, binary):
    seen = []
    for name, value in TYPES:
        cur = conn.cursor(binary=binary)
        cur.execute(sql.SQL("SELECT {}::" + name).format(sql.Placeholder(format="b" if binary else "t")), (value,))
        got = cur.fetchone()[0]
        seen.append((name, got == value, got))
    return seen


def transaction(conn):
    conn.execute("DROP TABLE IF EXISTS drv_psycopg")
    conn.execute("CREATE TABLE drv_psycopg (id int PRIMARY KEY, t text)")
    with conn.transaction():
        conn.execute("INSERT INTO drv_psycopg VALUES (1, 'kept')")
    try:
        with conn.transaction():
            conn.execute("INSERT INTO drv_psycopg VALUES (2, 'lost')")
            raise RuntimeError
    except RuntimeError:
        pass
    with conn.transaction():
        conn.execute("INSERT INTO drv_psycopg VALUES (3, 'kept')")
        try:
            with conn.transaction():
                conn.execute("INSERT INTO drv_psycopg VALUES (3, 'twice')")
        except psycopg.errors.UniqueViolation as error:
            code = error.sqlstate
        return code, conn.execute("SELECT * FROM drv_psycopg ORDER BY id").fetchall()


def aborted(conn):
    codes = []
    conn.execute("BEGIN")
    for statement in ["SELECT 1/0", "SELECT 1", "COMMIT"]:
        try:
            cur = conn.execute(statement)
            codes.append(cur.statusmessage)
        except psycopg.Error as error:
            codes.append(error.sqlstate)
    return codes, conn.info.transaction_status.name, conn.execute("SELECT 'alive'").fetchone()


def errors(conn):
    seen = []
    for statement in ["SELEC", "SELECT * FROM nowhere", "SELECT 1/0", "SELECT 'x'::int"]:
        try:
            conn.execute(statement)
        except psycopg.Error as error:
            seen.append((error.sqlstate, error.diag.message_primary, error.diag.statement_position))
    return seen


def copy(conn):
    conn.execute("DROP TABLE IF EXISTS drv_psycopg_copy")
    conn.execute("CREATE TABLE drv_psycopg_copy (id int, t text)")
    with conn.transaction():
        with conn.cursor().copy("COPY drv_psycopg_copy FROM STDIN") as out:
            for n in range(10000):
                out.write_row((n, f"line {n}"))
        with conn.cursor().copy("COPY drv_psycopg_copy TO STDOUT") as rows:
            data = b"".join(rows)
    try:
        with conn.cursor().copy("COPY drv_psycopg_copy FROM STDIN") as out:
            out.write("not a number\tx\n")
    except psycopg.Error as error:
        bad = error.sqlstate
    try:
        with conn.cursor().copy("COPY drv_psycopg_copy FROM STDIN") as out:
            raise RuntimeError
    except RuntimeError:
        pass
    return len(data), data.count(b"\n"), bad, conn.execute("SELECT 'alive'").fetchone()


def binary_copy(conn):
    query = "COPY (SELECT n, n::text FROM generate_series(1, 1000) n) TO STDOUT (FORMAT binary)"
    with conn.cursor().copy(query) as rows:
        rows.set_types(["int4", "text"])
        return sum(int(a == int(b)) for a, b in rows.rows())


def cursors(conn):
    total = 0
    with conn.transaction(), conn.cursor(name="herd") as cur:
        cur.itersize = 100
        cur.execute("SELECT * FROM generate_series(1, 10000)")
        first = cur.fetchmany(7)
        for row in cur:
            total += row[0]
    return len(first), total


def notify(conn):
    conn.execute("LISTEN herd_psycopg")
    with connect() as other:
        other.execute("NOTIFY herd_psycopg, 'moo'")
    got = next(iter(conn.notifies(timeout=20)))
    conn.execute("UNLISTEN herd_psycopg")
    return got.channel, got.payload


def cancel(conn):
    timer = threading.Timer(0.3, conn.cancel)
    timer.start()
    try:
        conn.execute("SELECT pg_sleep(60)")
        code = None
    except psycopg.Error as error:
        code = error.sqlstate
    timer.join()
    return code, conn.execute("SELECT 'alive'").fetchone()


def pipeline(conn):
    code = None
    with conn.pipeline() as p:
        curs = [conn.execute("SELECT %s::int", (n,)) for n in range(50)]
        p.sync()
        numbers = [cur.fetchone()[0] for cur in curs]
    try:
        # The error comes out of whichever call reads it: that depends on how fast the answer is.
        with conn.pipeline():
            for statement in ["SELECT 1/0", "SELECT 2"]:
                conn.execute(statement)
    except psycopg.Error as error:
        code = error.sqlstate
    return sum(numbers), code, conn.execute("SELECT 'alive'").fetchone()


def big(conn):
    total = 0
    for row in conn.cursor().stream("SELECT n, repeat('x', 100) FROM generate_series(1, 200000) n"):
        total += row[0] + len(row[1])
    value = conn.execute("SELECT %s::text", ("y" * 10_000_000,)).fetchone()[0]
    return total, len(value)


def session(conn):
    conn.execute("SET application_name = 'moo'")
    conn.execute("SET TimeZone = 'Asia/Tokyo'")
    text = "'2024-01-01 00:00Z'::timestamptz::text"
    row = conn.execute(f"SELECT current_setting('application_name'), {text}").fetchone()
    return row, conn.info.parameter_status("TimeZone"), conn.info.parameter_status("application_name")


CHECKS = [simple, several_statements, prepared, transaction, aborted, errors, copy, binary_copy, cursors, notify,
          cancel, pipeline, big, session]

for check in CHECKS:
    try:
        with connect() as connection:
            show(check.__name__, check(connection))
    except Exception as error:
        fail(check.__name__, error)
for name, binary in [("types as text", False), ("types in binary", True)]:
    try:
        with connect() as connection:
            show(name, types(connection, binary))
    except Exception as error:
        fail(name, error)
