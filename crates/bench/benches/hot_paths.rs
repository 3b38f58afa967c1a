//! How long the parts of a query's way take, without sockets: `cargo bench -p pgherd-bench`.

use core::hint::black_box;

use divan::{Bencher, counter::BytesCount};
use pgherd_bench::{Decisions, Path, messages};
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

/// A statement to look at.
#[derive(Clone, Copy, Debug)]
enum Sample {
    /// That of `pgbench -S`.
    PointRead,
    Join,
}

impl Sample {
    fn text(self) -> &'static [u8] {
        match self {
            Sample::PointRead => messages::SIMPLE_TEXT,
            Sample::Join => LONGER,
        }
    }
}

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
        framer.skip_run(black_box(rows), kind::DATA_ROW)
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

#[divan::bench(args = [Sample::PointRead, Sample::Join])]
fn fingerprint(bencher: Bencher<'_, '_>, sample: Sample) {
    let text = sample.text();
    let (key, mut normal) = (FingerprintKey::new([1; 16]), Vec::new());
    bencher.counter(BytesCount::new(text.len())).bench_local(|| {
        normalise(black_box(text), &mut normal);
        key.fingerprint(&normal)
    });
}

#[divan::bench(args = [Sample::PointRead, Sample::Join])]
fn statement_remembered(bencher: Bencher<'_, '_>, sample: Sample) {
    let text = sample.text();
    let mut decisions = Decisions::new();
    bencher.bench_local(|| decisions.read(black_box(text)));
}

#[divan::bench(args = [Sample::PointRead, Sample::Join])]
fn statement_not_remembered(bencher: Bencher<'_, '_>, sample: Sample) {
    let text = sample.text();
    bencher.with_inputs(Decisions::new).bench_local_values(|mut decisions| {
        black_box(decisions.read(black_box(text)));
        decisions
    });
}

#[divan::bench(args = [Sample::PointRead, Sample::Join])]
fn routing_decision(bencher: Bencher<'_, '_>, sample: Sample) {
    let text = sample.text();
    let mut decisions = Decisions::new();
    let read = decisions.read(text);
    bencher.bench_local(|| decisions.decide(black_box(text), black_box(&read)));
}

#[divan::bench(args = Path::ALL)]
fn session(bencher: Bencher<'_, '_>, path: &Path) {
    let mut walk = path.prepare();
    bencher.bench_local(|| walk.once());
}
