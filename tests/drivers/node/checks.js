// The checklist with node-postgres. The connection comes from the PG* variables.
'use strict';

const { once } = require('node:events');
const { Readable } = require('node:stream');
const { pipeline } = require('node:stream/promises');
const { Client, Pool } = require('pg');
const Cursor = require('pg-cursor');
const QueryStream = require('pg-query-stream');
const { from: copyFrom, to: copyTo } = require('pg-copy-streams');

const TYPES = [
  ['bool', true], ['int2', -32768], ['int4', 2147483647], ['int8', '-9223372036854775808'], ['float8', 0.1],
  ['numeric', '-12345678901234567890.123456789'], ['text', "h\u00e9rd \u{1f404} 'quoted' \\"], ['varchar', ''],
  ['bytea', Buffer.from([...Array(256).keys()])], ['uuid', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
  ['timestamptz', new Date('2038-01-19T03:14:07Z')], ['json', { a: [1, null, 'x'] }], ['int4[]', [1, 2, 3]],
];

async function connected(work) {
  const client = new Client();
  // An error of an idle connection comes here; those of queries reject their promise.
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function code(promise) {
  try {
    await promise;
    return 'no error';
  } catch (error) {
    return [error.code, error.message, error.position];
  }
}

const checks = {
  async simple(c) {
    return (await c.query("SELECT 1 + 1 AS two, 'a' AS a")).rows;
  },
  async several_statements(c) {
    return (await c.query('SELECT 1 AS n; SELECT 2 AS n; SELECT 3 AS n')).map((r) => r.rows);
  },
  async prepared(c) {
    const seen = [];
    for (let n = 0; n < 20; n++) {
      seen.push((await c.query({ name: 'double', text: 'SELECT $1::int * 2 AS n', values: [n] })).rows[0].n);
    }
    return seen;
  },
  async types_as_text(c) {
    const seen = [];
    for (const [name, value] of TYPES) {
      seen.push([name, (await c.query(`SELECT $1::${name} AS v`, [value])).rows[0].v]);
    }
    return seen;
  },
  async transaction(c) {
    await c.query('DROP TABLE IF EXISTS drv_node; CREATE TABLE drv_node (id int PRIMARY KEY, t text)');
    await c.query('BEGIN');
    await c.query('INSERT INTO drv_node VALUES ($1, $2)', [1, 'kept']);
    await c.query('COMMIT');
    await c.query('BEGIN');
    await c.query('INSERT INTO drv_node VALUES ($1, $2)', [2, 'lost']);
    await c.query('ROLLBACK');
    await c.query('BEGIN');
    const twice = await code(c.query('INSERT INTO drv_node VALUES (1)'));
    const aborted = await code(c.query('SELECT 1'));
    await c.query('ROLLBACK');
    await c.query('BEGIN');
    const { rows } = await c.query('SELECT * FROM drv_node');
    await c.query('COMMIT');
    return [twice, aborted, rows];
  },
  async errors(c) {
    const seen = [];
    for (const text of ['SELEC', 'SELECT * FROM nowhere', 'SELECT 1/0', "SELECT 'x'::int"]) {
      seen.push(await code(c.query(text)), await code(c.query(text, [])));
    }
    return [seen, (await c.query("SELECT 'alive' AS a")).rows];
  },
  async copy(c) {
    await c.query('DROP TABLE IF EXISTS drv_node_copy; CREATE TABLE drv_node_copy (id int, t text)');
    await c.query('BEGIN');
    const lines = Array.from({ length: 10000 }, (_, n) => `${n}\tline ${n}\n`);
    await pipeline(Readable.from(lines), c.query(copyFrom('COPY drv_node_copy FROM STDIN')));
    let bytes = 0;
    for await (const chunk of c.query(copyTo('COPY drv_node_copy TO STDOUT'))) bytes += chunk.length;
    await c.query('COMMIT');
    const bad = await code(pipeline(Readable.from(['x\ty\n']), c.query(copyFrom('COPY drv_node_copy FROM STDIN'))));
    return [bytes, bad[0], (await c.query("SELECT 'alive' AS a")).rows];
  },
  async cursors(c) {
    const cursor = c.query(new Cursor('SELECT * FROM generate_series(1, $1) n', [1000]));
    const first = await cursor.read(3);
    const second = await cursor.read(4);
    await cursor.close();
    let total = 0;
    const stream = new QueryStream('SELECT * FROM generate_series(1, 10000) n', [], { batchSize: 100 });
    for await (const row of c.query(stream)) total += row.n;
    return [first, second, total];
  },
  async notify(c) {
    await c.query('LISTEN herd_node');
    const heard = once(c, 'notification');
    await connected((other) => other.query("NOTIFY herd_node, 'moo'"));
    const [got] = await heard;
    return [got.channel, got.payload];
  },
  async cancel(c) {
    const running = code(c.query('SELECT pg_sleep(60)'));
    await new Promise((resolve) => setTimeout(resolve, 300));
    const asker = new Client();
    asker.cancel(c, c.activeQuery);
    return [await running, (await c.query("SELECT 'alive' AS a")).rows];
  },
  async big(c) {
    let total = 0;
    const text = "SELECT n, repeat('x', 100) AS x FROM generate_series(1, 200000) n";
    for await (const row of c.query(new QueryStream(text, [], { batchSize: 1000 }))) total += row.n + row.x.length;
    const { rows } = await c.query('SELECT $1::text AS v', ['y'.repeat(10_000_000)]);
    return [total, rows[0].v.length];
  },
  async pool() {
    const pool = new Pool({ max: 10 });
    const all = await Promise.all(Array.from({ length: 100 }, (_, n) => pool.query('SELECT $1::int AS n', [n])));
    await pool.end();
    return all.reduce((sum, result) => sum + result.rows[0].n, 0);
  },
};

(async () => {
  for (const [name, check] of Object.entries(checks)) {
    try {
      console.log(`${name}: ${JSON.stringify(await connected(check))}`);
    } catch (error) {
      console.log(`${name}: FAIL ${String(error).replace(/\s+/g, ' ')}`);
    }
  }
  process.exit(0);
})();
