//! How long the parts of a query's way take, without sockets: `cargo bench -p pgherd-bench`.

use core::hint::black_box;

use divan::{Bencher, counter::BytesCount};
use pgherd_bench::{Path, messages};
use pgherd_route::Router;
use pgherd_session::ledger::{Ledger, Owed, Reply, Request};
use pgherd_sql::{FingerprintKey, normalise};
use pgherd_wire::backend::{TransactionStatus, kind};
use pgherd_wire::{Framer, backend, frontend};

fn main() {
    divan::main();
}

/// A join with a list, comments and strings: 245 bytes.
const LONGER: &[u8] =
    b"SELECT o.id, o.total, c.name /* report 7 */ FROM orders o JOIN customers c ON c.id = o.customer_id \
    WHERE o.state = 'shipped' AND o.total > 99.95 AND c.country IN ('DE', 'FR', 'NL', 'AT') -- last week\n\
    ORDER BY o.created DESC, o.id LIMIT 50 OFFSET 100";

#[divan::bench]
fn framing_a_batch(bencher: Bencher<'_, '_>) {
    let batch = messages::extended_batch();
    let mut framer = Framer::new(frontend::kind::largest_body);
    bencher.counter(BytesCount::new(batch.len())).bench_local(|| {
        let mut input = black_box(batch.as_slice());
        while let Ok(Some(piece)) = framer.next(&mut input) {
            black_box(piece);
        }
    });
}

#[divan::bench]
fn framing_1000_rows(bencher: Bencher<'_, '_>) {
    let answer = messages::rows_answer(1_000);
    // From the first row to the end of the last.
    let start = answer.iter().position(|&byte| byte == kind::DATA_ROW).unwrap_or_default();
    let rows = answer.get(start..).unwrap_or_default();
    bencher.counter(BytesCount::new(rows.len())).bench_local(|| {
        let mut framer = Framer::new(backend::kind::largest_body);
        framer.skip_run(black_box(rows), |kind| kind == kind::DATA_ROW)
    });
}

#[divan::bench]
fn ledger_of_a_simple_query(bencher: Bencher<'_, '_>) {
    let mut ledger = Ledger::default();
    bencher.bench_local(|| {
        ledger.request(black_box(Request::Query), Owed::Client, false);
        for reply in [
            Reply::RowDescription,
            Reply::DataRow,
            Reply::CommandComplete,
            Reply::ReadyForQuery(TransactionStatus::Idle),
        ] {
            let _ = black_box(ledger.reply(black_box(reply)));
        }
    });
}

#[divan::bench(args = [messages::SIMPLE_TEXT, LONGER])]
fn fingerprint(bencher: Bencher<'_, '_>, text: &[u8]) {
    let (key, mut normal) = (FingerprintKey::new([1; 16]), Vec::new());
    bencher.counter(BytesCount::new(text.len())).bench_local(|| {
        normalise(black_box(text), &mut normal);
        key.fingerprint(&normal)
    });
}

#[divan::bench(args = [messages::SIMPLE_TEXT, LONGER])]
fn decision_remembered(bencher: Bencher<'_, '_>, text: &[u8]) {
    let mut router = Router::new([1; 16]);
    bencher.bench_local(|| router.classify(black_box(text)));
}

#[divan::bench(args = [messages::SIMPLE_TEXT, LONGER])]
fn decision_not_remembered(bencher: Bencher<'_, '_>, text: &[u8]) {
    bencher.with_inputs(|| Router::new([1; 16])).bench_local_values(|mut router| {
        black_box(router.classify(black_box(text)));
        router
    });
}

#[divan::bench(args = Path::ALL)]
fn session(bencher: Bencher<'_, '_>, path: &Path) {
    let mut walk = path.prepare();
    bencher.bench_local(|| walk.once());
}
