//! The checklist with sqlx. The connection comes from the PG* variables.

use std::time::Duration;

use futures_util::TryStreamExt;
use pgherd_driver_checks::{Fault, report, variable};
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions, PgSslMode};
use sqlx::{Connection, Executor, PgConnection, Row};

const LIMIT: Duration = Duration::from_secs(60);

fn options() -> PgConnectOptions {
    let port = variable("PGPORT").parse().unwrap_or_default();
    PgConnectOptions::new()
        .host(&variable("PGHOST"))
        .port(port)
        .username(&variable("PGUSER"))
        .database(&variable("PGDATABASE"))
        .ssl_mode(PgSslMode::Disable)
}

async fn connect() -> Result<PgConnection, Fault> {
    Ok(PgConnection::connect_with(&options()).await?)
}

fn code<T>(result: Result<T, sqlx::Error>) -> String {
    match result {
        Ok(_) => "no error".to_owned(),
        Err(sqlx::Error::Database(error)) => error.code().unwrap_or_default().into_owned(),
        Err(error) => error.to_string(),
    }
}

async fn simple() -> Result<(i32, u64), Fault> {
    let mut conn = connect().await?;
    let row = conn.fetch_one(sqlx::raw_sql("SELECT 1 + 1")).await?;
    let done = conn.execute(sqlx::raw_sql("SELECT 1; SELECT 2; SELECT 3")).await?;
    Ok((row.try_get(0)?, done.rows_affected()))
}

async fn prepared() -> Result<Vec<i32>, Fault> {
    let mut conn = connect().await?;
    let mut seen = Vec::new();
    for n in 0..20 {
        seen.push(sqlx::query_scalar("SELECT $1::int * 2").bind(n).fetch_one(&mut conn).await?);
    }
    Ok(seen)
}

async fn types() -> Result<String, Fault> {
    let mut conn = connect().await?;
    let bytes: Vec<u8> = (0..=255).collect();
    let sql = "SELECT $1::bool, $2::int2, $3::int4, $4::int8, $5::float4, $6::float8, $7::text, $8::bytea,
        $9::int4[], $10::text";
    let row = sqlx::query(sql)
        .bind(true)
        .bind(i16::MIN)
        .bind(i32::MAX)
        .bind(i64::MIN)
        .bind(1.5_f32)
        .bind(0.1_f64)
        .bind("hérd 🐄 'quoted' \\")
        .bind(bytes.clone())
        .bind(vec![1, 2, 3])
        .bind(None::<String>)
        .fetch_one(&mut conn)
        .await?;
    Ok(format!(
        "{} {} {} {} {} {} {} {} {:?} {:?}",
        row.try_get::<bool, _>(0)?,
        row.try_get::<i16, _>(1)?,
        row.try_get::<i32, _>(2)?,
        row.try_get::<i64, _>(3)?,
        row.try_get::<f32, _>(4)?,
        row.try_get::<f64, _>(5)?,
        row.try_get::<String, _>(6)?,
        row.try_get::<Vec<u8>, _>(7)? == bytes,
        row.try_get::<Vec<i32>, _>(8)?,
        row.try_get::<Option<String>, _>(9)?
    ))
}

async fn transaction() -> Result<(String, String, Vec<i32>), Fault> {
    let mut conn = connect().await?;
    conn.execute(sqlx::raw_sql("DROP TABLE IF EXISTS drv_sqlx; CREATE TABLE drv_sqlx (id int PRIMARY KEY)")).await?;
    let mut kept = conn.begin().await?;
    kept.execute("INSERT INTO drv_sqlx VALUES (1)").await?;
    kept.commit().await?;
    let mut lost = conn.begin().await?;
    lost.execute("INSERT INTO drv_sqlx VALUES (2)").await?;
    drop(lost);
    let mut outer = conn.begin().await?;
    outer.execute("INSERT INTO drv_sqlx VALUES (3)").await?;
    let mut inner = outer.begin().await?;
    let twice = code(inner.execute("INSERT INTO drv_sqlx VALUES (3)").await);
    let aborted = code(inner.execute("SELECT 1").await);
    inner.rollback().await?;
    let ids = sqlx::query_scalar("SELECT id FROM drv_sqlx ORDER BY id").fetch_all(&mut *outer).await?;
    outer.commit().await?;
    Ok((twice, aborted, ids))
}

async fn errors() -> Result<Vec<String>, Fault> {
    let mut conn = connect().await?;
    let mut seen = Vec::new();
    for sql in ["SELEC", "SELECT * FROM nowhere", "SELECT 1/0", "SELECT 'x'::int"] {
        seen.push(code(conn.execute(sqlx::raw_sql(sql)).await));
        seen.push(code(conn.execute(sqlx::query(sql)).await));
    }
    seen.push(sqlx::query_scalar("SELECT 'alive'").fetch_one(&mut conn).await?);
    Ok(seen)
}

async fn copy() -> Result<(u64, usize, String, String), Fault> {
    let mut conn = connect().await?;
    conn.execute(sqlx::raw_sql("DROP TABLE IF EXISTS drv_sqlx_copy; CREATE TABLE drv_sqlx_copy (id int, t text)"))
        .await?;
    conn.execute("BEGIN").await?;
    let mut sink = conn.copy_in_raw("COPY drv_sqlx_copy FROM STDIN").await?;
    for n in 0..10_000 {
        sink.send(format!("{n}\tline {n}\n").as_bytes()).await?;
    }
    let rows = sink.finish().await?;
    let mut bytes = 0;
    let mut out = conn.copy_out_raw("COPY drv_sqlx_copy TO STDOUT").await?;
    while let Some(chunk) = out.try_next().await? {
        bytes += chunk.len();
    }
    drop(out);
    conn.execute("COMMIT").await?;
    let mut sink = conn.copy_in_raw("COPY drv_sqlx_copy FROM STDIN").await?;
    sink.send(b"x\ty\n".as_slice()).await?;
    let bad = code(sink.finish().await);
    Ok((rows, bytes, bad, sqlx::query_scalar("SELECT 'alive'").fetch_one(&mut conn).await?))
}

async fn notify() -> Result<(String, String), Fault> {
    let pool = PgPoolOptions::new().connect_with(options()).await?;
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen("herd_sqlx").await?;
    sqlx::query("SELECT pg_notify('herd_sqlx', 'moo')").execute(&pool).await?;
    let note = listener.recv().await?;
    Ok((note.channel().to_owned(), note.payload().to_owned()))
}

async fn pool() -> Result<i32, Fault> {
    let pool = PgPoolOptions::new().max_connections(10).connect_with(options()).await?;
    let tasks: Vec<_> = (0..100)
        .map(|n| {
            let pool = pool.clone();
            tokio::spawn(async move { sqlx::query_scalar::<_, i32>("SELECT $1::int").bind(n).fetch_one(&pool).await })
        })
        .collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await??;
    }
    pool.close().await;
    Ok(sum)
}

async fn big() -> Result<(i64, usize), Fault> {
    let mut conn = connect().await?;
    let mut total = 0;
    let mut rows = conn.fetch("SELECT n, repeat('x', 100) FROM generate_series(1, 200000) n");
    while let Some(row) = rows.try_next().await? {
        total += i64::from(row.try_get::<i32, _>(0)?) + row.try_get::<&str, _>(1)?.len() as i64;
    }
    drop(rows);
    let value: String =
        sqlx::query_scalar("SELECT $1::text").bind("y".repeat(10_000_000)).fetch_one(&mut conn).await?;
    Ok((total, value.len()))
}

#[tokio::main]
async fn main() {
    macro_rules! run {
        ($($check:ident)*) => {$(
            let result = tokio::time::timeout(LIMIT, $check()).await;
            report(stringify!($check), result.map_err(Fault::from).flatten());
        )*};
    }
    run!(simple prepared types transaction errors copy notify pool big);
}
