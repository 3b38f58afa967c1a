"""The checklist with asyncpg. The connection comes from the PG* variables."""

import asyncio
import io

import asyncpg

from checks import TYPES, fail, show


async def connect():
    return await asyncpg.connect(ssl=False)


async def simple(conn):
    return await conn.execute("SELECT 1"), await conn.fetchval("SELECT 1 + 1")


async def several_statements(conn):
    return await conn.execute("SELECT 1; SELECT 2; SELECT 3")


async def prepared(conn):
    statement = await conn.prepare("SELECT $1::int * 2, $2::text")
    rows = [tuple(await statement.fetchrow(n, str(n))) for n in range(20)]
    return rows, [a.name for a in statement.get_attributes()]


async def types(conn):
    seen = []
    for name, value in TYPES:
        got = await conn.fetchval(f"SELECT $1::{name}", value)
        seen.append((name, got == value, got))
    return seen


async def transaction(conn):
    await conn.execute("DROP TABLE IF EXISTS drv_asyncpg")
    await conn.execute("CREATE TABLE drv_asyncpg (id int PRIMARY KEY, t text)")
    async with conn.transaction():
        await conn.execute("INSERT INTO drv_asyncpg VALUES (1, 'kept')")
    try:
        async with conn.transaction():
            await conn.execute("INSERT INTO drv_asyncpg VALUES (2, 'lost')")
            raise RuntimeError
    except RuntimeError:
        pass
    async with conn.transaction():
        await conn.execute("INSERT INTO drv_asyncpg VALUES (3, 'kept')")
        try:
            async with conn.transaction():
                await conn.execute("INSERT INTO drv_asyncpg VALUES (3, 'twice')")
        except asyncpg.UniqueViolationError as error:
            code = error.sqlstate
        return code, [tuple(r) for r in await conn.fetch("SELECT * FROM drv_asyncpg ORDER BY id")]


async def errors(conn):
    seen = []
    for statement in ["SELEC", "SELECT * FROM nowhere", "SELECT 1/0", "SELECT 'x'::int"]:
        try:
            await conn.fetch(statement)
        except asyncpg.PostgresError as error:
            seen.append((error.sqlstate, error.message))
    return seen


async def copy(conn):
    await conn.execute("DROP TABLE IF EXISTS drv_asyncpg_copy")
    await conn.execute("CREATE TABLE drv_asyncpg_copy (id int, t text)")
    async with conn.transaction():
        status = await conn.copy_records_to_table("drv_asyncpg_copy", records=((n, f"line {n}") for n in range(10000)))
        out = io.BytesIO()
        await conn.copy_from_table("drv_asyncpg_copy", output=out)
    try:
        await conn.copy_to_table("drv_asyncpg_copy", source=io.BytesIO(b"not a number\tx\n"))
        bad = None
    except asyncpg.PostgresError as error:
        bad = error.sqlstate
    return status, len(out.getvalue()), bad, await conn.fetchval("SELECT 'alive'")


async def cursors(conn):
    total = 0
    async with conn.transaction():
        async for row in conn.cursor("SELECT * FROM generate_series(1, 10000)", prefetch=100):
            total += row[0]
        cursor = await conn.cursor("SELECT * FROM generate_series(1, 100)")
        some = [r[0] for r in await cursor.fetch(3)]
        await cursor.forward(10)
        some.append(await cursor.fetchrow())
    return total, some


async def notify(conn):
    heard = asyncio.get_running_loop().create_future()
    await conn.add_listener("herd_asyncpg", lambda *got: heard.set_result(got[2:]))
    other = await connect()
    await other.execute("NOTIFY herd_asyncpg, 'moo'")
    await other.close()
    return await asyncio.wait_for(heard, 20)


async def cancel(conn):
    try:
        await conn.fetch("SELECT pg_sleep(60)", timeout=0.3)
        got = None
    except asyncio.TimeoutError:
        got = "timeout"
    return got, await conn.fetchval("SELECT 'alive'")


async def batch(conn):
    await conn.execute("DROP TABLE IF EXISTS drv_asyncpg_batch")
    await conn.execute("CREATE TABLE drv_asyncpg_batch (id int)")
    await conn.executemany("INSERT INTO drv_asyncpg_batch VALUES ($1)", [(n,) for n in range(1000)])
    async with conn.transaction():
        return await conn.fetchval("SELECT sum(id) FROM drv_asyncpg_batch")


async def big(conn):
    rows = await conn.fetch("SELECT n, repeat('x', 100) AS x FROM generate_series(1, 200000) n")
    value = await conn.fetchval("SELECT $1::text", "y" * 10_000_000)
    return sum(r["n"] + len(r["x"]) for r in rows), len(value)


async def many_at_once(_):
    async def one(n):
        conn = await connect()
        try:
            return await conn.fetchval("SELECT $1::int", n)
        finally:
            await conn.close()

    return sum(await asyncio.gather(*(one(n) for n in range(40))))


CHECKS = [simple, several_statements, prepared, types, transaction, errors, copy, cursors, notify, cancel, batch, big,
          many_at_once]


async def main():
    for check in CHECKS:
        try:
            conn = await connect()
            show(check.__name__, await asyncio.wait_for(check(conn), 60))
            await conn.close()
        except Exception as error:
            fail(check.__name__, error)


asyncio.run(main())
