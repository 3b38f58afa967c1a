//! What clients and servers say on these paths: the messages of libpq and pgbench, and a server's answers.

use pgherd_wire::backend::{self, Column, TransactionStatus};
use pgherd_wire::frontend::{self, Target};

/// The statement of `pgbench -S`, as the simple protocol sends it.
pub const SIMPLE_TEXT: &[u8] = b"SELECT abalance FROM pgbench_accounts WHERE aid = 734129;";

/// The same with a parameter.
const PARAMETER_TEXT: &[u8] = b"SELECT abalance FROM pgbench_accounts WHERE aid = $1;";

const UPDATE_TEXT: &[u8] = b"UPDATE pgbench_accounts SET abalance = abalance + -4711 WHERE aid = 734129;";

const INSERT_TEXT: &[u8] = b"INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) \
    VALUES (7, 1, 734129, -4711, CURRENT_TIMESTAMP);";

const STATEMENT: &[u8] = b"P0_1";
const INT4_OID: u32 = 23;
const TEXT_OID: u32 = 25;

/// A simple query.
pub fn query() -> Vec<u8> {
    written(|out| frontend::put_query(out, SIMPLE_TEXT))
}

/// The answer to [`query`]: one row.
pub fn query_answer() -> Vec<u8> {
    written(|out| {
        put_row_description(out);
        put_row(out);
        put_end(out);
    })
}

/// The client's last word.
pub fn terminate() -> Vec<u8> {
    written(frontend::put_terminate)
}

/// An unnamed statement, parsed and run in one batch, as `PQsendQueryParams` does.
pub fn extended_batch() -> Vec<u8> {
    written(|out| {
        frontend::put_parse(out, b"", PARAMETER_TEXT, [].into_iter());
        put_bind_to_sync(out, b"");
    })
}

/// The answer to [`extended_batch`].
pub fn extended_answer() -> Vec<u8> {
    written(|out| {
        backend::put_empty(out, backend::kind::PARSE_COMPLETE);
        put_batch_answer(out);
    })
}

/// So many point reads and one Sync behind them, as pgbench sends a pipeline.
pub fn pipeline(reads: usize) -> Vec<u8> {
    written(|out| {
        for _ in 0..reads {
            frontend::put_parse(out, b"", PARAMETER_TEXT, [].into_iter());
            put_bind_to_execute(out, b"");
        }
        frontend::put_sync(out);
    })
}

/// The answer to [`pipeline`].
pub fn pipeline_answer(reads: usize) -> Vec<u8> {
    written(|out| {
        for _ in 0..reads {
            backend::put_empty(out, backend::kind::PARSE_COMPLETE);
            put_run_answer(out);
        }
        backend::put_ready_for_query(out, TransactionStatus::Idle);
    })
}

/// The transaction of `pgbench -N`, one simple query after the other, each with its answer.
pub fn write_transaction() -> Vec<(Vec<u8>, Vec<u8>)> {
    const OPEN: TransactionStatus = TransactionStatus::InTransaction;
    let plain = |text: &[u8], tag: &[u8], status| {
        let answer = written(|out| {
            backend::put_command_complete(out, tag);
            backend::put_ready_for_query(out, status);
        });
        (written(|out| frontend::put_query(out, text)), answer)
    };
    let read = written(|out| {
        put_row_description(out);
        put_row(out);
        backend::put_command_complete(out, b"SELECT 1");
        backend::put_ready_for_query(out, OPEN);
    });
    vec![
        plain(b"BEGIN;", b"BEGIN", OPEN),
        plain(UPDATE_TEXT, b"UPDATE 1", OPEN),
        (query(), read),
        plain(INSERT_TEXT, b"INSERT 0 1", OPEN),
        plain(b"END;", b"COMMIT", TransactionStatus::Idle),
    ]
}

/// A statement's preparation, as `PQsendPrepare` does it.
pub fn prepare() -> Vec<u8> {
    written(|out| {
        frontend::put_parse(out, STATEMENT, PARAMETER_TEXT, [].into_iter());
        frontend::put_sync(out);
    })
}

/// The answer to [`prepare`].
pub fn prepare_answer() -> Vec<u8> {
    written(|out| {
        backend::put_empty(out, backend::kind::PARSE_COMPLETE);
        backend::put_ready_for_query(out, TransactionStatus::Idle);
    })
}

/// The run of a prepared statement, as `PQsendQueryPrepared` does it.
pub fn prepared_batch() -> Vec<u8> {
    written(|out| put_bind_to_sync(out, STATEMENT))
}

/// The answer to [`prepared_batch`].
pub fn prepared_answer() -> Vec<u8> {
    written(put_batch_answer)
}

/// The answer to [`query`] with so many rows of four columns.
pub fn rows_answer(rows: usize) -> Vec<u8> {
    written(|out| {
        put_row_description(out);
        let cells: [Option<&[u8]>; 4] = [Some(b"734129"), Some(&[b'x'; 128]), Some(b"1101193.5"), Some(TIME)];
        for _ in 0..rows {
            backend::put_data_row(out, cells.into_iter());
        }
        put_end(out);
    })
}

/// The rows with which the catalog says that so many names are plain tables.
pub fn plain_tables(names: usize) -> Vec<u8> {
    written(|out| {
        for i in 0..names {
            let place = i.to_string();
            let row = [Some(place.as_bytes()), NO, NO, NO, NO, NO, NO];
            backend::put_data_row(out, row.into_iter());
        }
    })
}

/// The answer to a query that a session asks for itself: one plain table, or nothing at all.
pub fn own_answer(asks_the_catalog: bool) -> Vec<u8> {
    written(|out| {
        if asks_the_catalog {
            put_row_description(out);
            out.extend(plain_tables(1));
        }
        put_end(out);
    })
}

const NO: Option<&[u8]> = Some(b"f");

const TIME: &[u8] = b"2026-11-21 04:20:00.123456+00";

fn put_bind_to_sync(out: &mut Vec<u8>, statement: &[u8]) {
    put_bind_to_execute(out, statement);
    frontend::put_sync(out);
}

fn put_bind_to_execute(out: &mut Vec<u8>, statement: &[u8]) {
    let aid: [Option<&[u8]>; 1] = [Some(b"734129")];
    frontend::put_bind(out, b"", statement, [].into_iter(), aid.into_iter(), [0].into_iter());
    frontend::put_describe(out, Target::Portal(b""));
    frontend::put_execute(out, b"", 0);
}

fn put_batch_answer(out: &mut Vec<u8>) {
    put_run_answer(out);
    backend::put_ready_for_query(out, TransactionStatus::Idle);
}

fn put_run_answer(out: &mut Vec<u8>) {
    backend::put_empty(out, backend::kind::BIND_COMPLETE);
    put_row_description(out);
    put_row(out);
    backend::put_command_complete(out, b"SELECT 1");
}

fn put_row_description(out: &mut Vec<u8>) {
    let columns = [Column::text(b"abalance", INT4_OID, 4), Column::text(b"filler", TEXT_OID, -1)];
    backend::put_row_description(out, columns.into_iter());
}

fn put_row(out: &mut Vec<u8>) {
    let row: [Option<&[u8]>; 1] = [Some(b"-4711")];
    backend::put_data_row(out, row.into_iter());
}

fn put_end(out: &mut Vec<u8>) {
    backend::put_command_complete(out, b"SELECT 1");
    backend::put_ready_for_query(out, TransactionStatus::Idle);
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}
