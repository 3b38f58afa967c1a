//! The checklist with tokio-postgres. The connection comes from the PG* variables.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, TryStreamExt, future};
use pgherd_driver_checks::{Fault, report, variable};
use tokio::sync::mpsc;
use tokio_postgres::types::Type;
use tokio_postgres::{AsyncMessage, Client, NoTls, SimpleQueryMessage};

const LIMIT: Duration = Duration::from_secs(60);

async fn connect() -> Result<(Client, mpsc::UnboundedReceiver<(String, String)>), Fault> {
    let config = format!(
        "host={} port={} user={} dbname={}",
        variable("PGHOST"),
        variable("PGPORT"),
        variable("PGUSER"),
        variable("PGDATABASE")
    );
    let (client, mut connection) = tokio_postgres::connect(&config, NoTls).await?;
    let (heard, hears) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
            if let AsyncMessage::Notification(note) = message {
                let _ = heard.send((note.channel().to_owned(), note.payload().to_owned()));
            }
        }
    });
    Ok((client, hears))
}

fn code<T>(result: Result<T, tokio_postgres::Error>) -> String {
    match result {
        Ok(_) => "no error".to_owned(),
        Err(error) => error.code().map_or_else(|| error.to_string(), |code| code.code().to_owned()),
    }
}

async fn simple() -> Result<Vec<String>, Fault> {
    let (client, _) = connect().await?;
    let all = client.simple_query("SELECT 1 + 1 AS two; SELECT NULL, 'b'; CREATE TEMP TABLE t ()").await?;
    Ok(all
        .iter()
        .map(|message| match message {
            SimpleQueryMessage::Row(row) => format!("{:?} {:?}", row.get(0), row.columns().len()),
            SimpleQueryMessage::CommandComplete(n) => format!("done {n}"),
            SimpleQueryMessage::RowDescription(columns) => format!("{} columns", columns.len()),
            _ => "something else".to_owned(),
        })
        .collect())
}

async fn prepared() -> Result<(Vec<i32>, Vec<Type>), Fault> {
    let (client, _) = connect().await?;
    let statement = client.prepare("SELECT $1::int * 2, $2::text").await?;
    let mut seen = Vec::new();
    for n in 0..20 {
        seen.push(client.query_one(&statement, &[&n, &"x"]).await?.get(0));
    }
    Ok((seen, statement.params().to_vec()))
}

async fn types() -> Result<String, Fault> {
    let (client, _) = connect().await?;
    let bytes: Vec<u8> = (0..=255).collect();
    let sql = "SELECT $1::bool, $2::int2, $3::int4, $4::int8, $5::float4, $6::float8, $7::text, $8::bytea,
        $9::int4[], $10::text";
    let row = client
        .query_one(
            sql,
            &[
                &true,
                &i16::MIN,
                &i32::MAX,
                &i64::MIN,
                &1.5_f32,
                &0.1_f64,
                &"hérd 🐄 'quoted' \\",
                &bytes,
                &vec![1, 2, 3],
                &None::<&str>,
            ],
        )
        .await?;
    Ok(format!(
        "{} {} {} {} {} {} {} {} {:?} {:?}",
        row.get::<_, bool>(0),
        row.get::<_, i16>(1),
        row.get::<_, i32>(2),
        row.get::<_, i64>(3),
        row.get::<_, f32>(4),
        row.get::<_, f64>(5),
        row.get::<_, String>(6),
        row.get::<_, Vec<u8>>(7) == bytes,
        row.get::<_, Vec<i32>>(8),
        row.get::<_, Option<String>>(9)
    ))
}

async fn transaction() -> Result<(String, String, Vec<i32>), Fault> {
    let (mut client, _) = connect().await?;
    client.batch_execute("DROP TABLE IF EXISTS drv_tokio; CREATE TABLE drv_tokio (id int PRIMARY KEY)").await?;
    let kept = client.transaction().await?;
    kept.execute("INSERT INTO drv_tokio VALUES (1)", &[]).await?;
    kept.commit().await?;
    let lost = client.transaction().await?;
    lost.execute("INSERT INTO drv_tokio VALUES (2)", &[]).await?;
    lost.rollback().await?;
    let mut outer = client.transaction().await?;
    outer.execute("INSERT INTO drv_tokio VALUES (3)", &[]).await?;
    let inner = outer.transaction().await?;
    let twice = code(inner.execute("INSERT INTO drv_tokio VALUES (3)", &[]).await);
    let aborted = code(inner.query("SELECT 1", &[]).await);
    inner.rollback().await?;
    let rows = outer.query("SELECT id FROM drv_tokio ORDER BY id", &[]).await?;
    let ids = rows.iter().map(|row| row.get(0)).collect();
    outer.commit().await?;
    Ok((twice, aborted, ids))
}

async fn errors() -> Result<Vec<String>, Fault> {
    let (client, _) = connect().await?;
    let mut seen = Vec::new();
    for sql in ["SELEC", "SELECT * FROM nowhere", "SELECT 1/0", "SELECT 'x'::int"] {
        seen.push(code(client.simple_query(sql).await));
        seen.push(code(client.query(sql, &[]).await));
    }
    seen.push(client.query_one("SELECT 'alive'", &[]).await?.get(0));
    Ok(seen)
}

async fn copy() -> Result<(u64, usize, String, String), Fault> {
    let (mut client, _) = connect().await?;
    client.batch_execute("DROP TABLE IF EXISTS drv_tokio_copy; CREATE TABLE drv_tokio_copy (id int, t text)").await?;
    let work = client.transaction().await?;
    let mut sink = pin!(work.copy_in("COPY drv_tokio_copy FROM STDIN").await?);
    for n in 0..10_000 {
        sink.send(Bytes::from(format!("{n}\tline {n}\n"))).await?;
    }
    let rows = sink.finish().await?;
    let out: Vec<Bytes> = work.copy_out("COPY drv_tokio_copy TO STDOUT").await?.try_collect().await?;
    work.commit().await?;
    let mut sink = pin!(client.copy_in("COPY drv_tokio_copy FROM STDIN").await?);
    let _ = sink.send(Bytes::from_static(b"x\ty\n")).await;
    let bad = code(sink.finish().await);
    let alive = client.query_one("SELECT 'alive'", &[]).await?.get(0);
    Ok((rows, out.iter().map(Bytes::len).sum(), bad, alive))
}

async fn portals() -> Result<(Vec<i32>, i64), Fault> {
    let (mut client, _) = connect().await?;
    let work = client.transaction().await?;
    let portal = work.bind("SELECT generate_series(1, 10000)", &[]).await?;
    let first = work.query_portal(&portal, 3).await?.iter().map(|row| row.get(0)).collect();
    let mut total = 0;
    loop {
        let rows = work.query_portal(&portal, 100).await?;
        total += rows.iter().map(|row| i64::from(row.get::<_, i32>(0))).sum::<i64>();
        if rows.is_empty() {
            break;
        }
    }
    work.commit().await?;
    Ok((first, total))
}

async fn notify() -> Result<(String, String), Fault> {
    let (client, mut hears) = connect().await?;
    client.batch_execute("LISTEN herd_tokio").await?;
    let (other, _) = connect().await?;
    other.batch_execute("NOTIFY herd_tokio, 'moo'").await?;
    hears.recv().await.ok_or_else(|| "the connection ended".into())
}

async fn cancel() -> Result<(String, String), Fault> {
    let (client, _) = connect().await?;
    let token = client.cancel_token();
    let asker = tokio::spawn(async move {
        let (mut watcher, _) = connect().await?;
        let running = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711";
        loop {
            // In a transaction that writes, so that the primary is asked, where the lock is.
            let work = watcher.transaction().await?;
            work.batch_execute("CREATE TEMP TABLE watching () ON COMMIT DROP").await?;
            let locks: i64 = work.query_one(running, &[]).await?.get(0);
            work.rollback().await?;
            if locks > 0 {
                return Ok::<_, Fault>(token.cancel_query(NoTls).await?);
            }
        }
    });
    let slow = "BEGIN; CREATE TEMP TABLE slow (); SELECT pg_advisory_xact_lock(4711), pg_sleep(60)";
    let cancelled = code(client.batch_execute(slow).await);
    client.batch_execute("ROLLBACK").await?;
    asker.await??;
    Ok((cancelled, client.query_one("SELECT 'alive'", &[]).await?.get(0)))
}

async fn pipelined() -> Result<(i32, Vec<String>), Fault> {
    let (client, _) = connect().await?;
    let statement = client.prepare("SELECT $1::int").await?;
    let numbers: Vec<i32> = (0..50).collect();
    let all = future::join_all(numbers.iter().map(|n| {
        let (client, statement) = (&client, &statement);
        async move { client.query_one(statement, &[n]).await.map(|row| row.get::<_, i32>(0)) }
    }))
    .await;
    let sum = all.into_iter().sum::<Result<i32, _>>()?;
    let mixed = ["SELECT 1/0", "SELECT 1", "SELEC", "SELECT 2"].map(|sql| client.query(sql, &[]));
    let mixed = future::join_all(mixed).await;
    Ok((sum, mixed.into_iter().map(code).collect()))
}

async fn big() -> Result<(i64, usize), Fault> {
    let (client, _) = connect().await?;
    let none: [&str; 0] = [];
    let rows = client.query_raw("SELECT n, repeat('x', 100) FROM generate_series(1, 200000) n", none).await?;
    let mut rows = pin!(rows);
    let mut total = 0;
    while let Some(row) = rows.next().await {
        let row = row?;
        total += i64::from(row.get::<_, i32>(0)) + row.get::<_, &str>(1).len() as i64;
    }
    let value = "y".repeat(10_000_000);
    let row = client.query_one("SELECT $1::text", &[&value]).await?;
    Ok((total, row.get::<_, &str>(0).len()))
}

#[tokio::main]
async fn main() {
    macro_rules! run {
        ($($check:ident)*) => {$(
            let result = tokio::time::timeout(LIMIT, $check()).await;
            report(stringify!($check), result.map_err(Fault::from).flatten());
        )*};
    }
    run!(simple prepared types transaction errors copy portals notify cancel pipelined big);
}
