//! Nanoseconds to read a statement, remembered and seen for the first time, and to decide where it goes.
//!
//! `cargo bench -p pgherd-route`. Each figure is the fastest of many rounds, which is what a busy machine
//! disturbs least.

use std::hint::black_box;
use std::time::Instant;

use pgherd_route::{
    Decision, NameScope, Router, Routing, SessionFacts, Temporaries, TransactionFacts, Written, WroteBefore,
};
use pgherd_sql::{Text, analyse, normalise};
use pgherd_types::{Identity, Moment};
use pgherd_wire::backend::put_data_row;

const ROUNDS: u32 = 200;
const CALLS: u32 = 2_000;

const STATEMENTS: &[(&str, &str)] = &[
    ("pgbench -S", "SELECT abalance FROM pgbench_accounts WHERE aid = 4711;"),
    ("update", "UPDATE pgbench_accounts SET abalance = abalance + 17 WHERE aid = 4711;"),
    ("begin", "BEGIN"),
    (
        "orm",
        "SELECT \"users\".\"id\", \"users\".\"name\", \"users\".\"email\", \"users\".\"created_at\", \
         \"posts\".\"id\" AS \"posts_id\", \"posts\".\"title\", \"posts\".\"body\" FROM \"users\" \
         LEFT OUTER JOIN \"posts\" ON \"posts\".\"user_id\" = \"users\".\"id\" \
         WHERE \"users\".\"id\" IN ($1, $2, $3, $4) AND \"posts\".\"published\" = $5 \
         ORDER BY \"posts\".\"created_at\" DESC LIMIT $6 /* controller:posts,action:index */",
    ),
    (
        "cte",
        "WITH totals AS (SELECT customer_id, sum(amount) AS total, count(*) AS n FROM orders \
         WHERE created_at > now() - interval '30 days' GROUP BY customer_id) \
         SELECT c.name, t.total, rank() OVER (PARTITION BY c.region ORDER BY t.total DESC NULLS LAST) \
         FROM customers c JOIN totals t ON t.customer_id = c.id WHERE t.n > 3 AND c.active",
    ),
];

fn nanoseconds(mut call: impl FnMut()) -> f64 {
    let round = |call: &mut dyn FnMut()| {
        let start = Instant::now();
        for _ in 0..CALLS {
            call();
        }
        start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
    };
    (0..ROUNDS).map(|_| round(&mut call)).fold(f64::INFINITY, f64::min)
}

/// A session about which there is nothing to say.
fn quiet<'a>(identity: &'a Identity, temporaries: &'a Temporaries) -> SessionFacts<'a> {
    SessionFacts {
        transaction: TransactionFacts::None,
        wrote_before: WroteBefore::Never,
        written: Written::Known(&[]),
        temporaries,
        held: None,
        names: NameScope { identity, search_path: None, role: None, utf8: true, known: None },
        now: Moment(60_000),
    }
}

/// Decides on a text that holds one statement; answers what it asks with "a plain table" or "a calm function".
fn decide(router: &mut Router, text: &[u8], session: &SessionFacts<'_>, routing: &Routing) {
    let read = router.read(black_box(text));
    let Text::One(statement) = &*read else { return };
    if let Decision::Ask(lookup) = router.decide(statement, text, session, routing) {
        let asked = lookup.query().matches("E'").count();
        let mut answer = Vec::new();
        for at in 0..asked {
            let at = at.to_string();
            let no = Some(b"f".as_slice());
            put_data_row(&mut answer, [Some(at.as_bytes()), no, no, no, no, no, no].into_iter());
        }
        black_box(router.learn(lookup, &answer, 0)).ok();
    }
}

fn main() {
    println!(
        "{:<12} {:>6} {:>10} {:>10} {:>10} {:>12}",
        "statement", "bytes", "text ns", "read ns", "miss ns", "read+decide"
    );
    let (identity, none, routing) = (Identity::new("bob", "shop", []), Temporaries::None, Routing::default());
    let session = quiet(&identity, &none);
    for (name, text) in STATEMENTS {
        let text = text.as_bytes();
        let mut normal = Vec::new();
        let scan = nanoseconds(|| {
            black_box(normalise(black_box(text), &mut normal));
        });
        let mut router = Router::new([1; 16]);
        let hit = nanoseconds(|| {
            black_box(router.read(black_box(text)));
        });
        let miss = nanoseconds(|| {
            black_box(analyse(black_box(text)));
        });
        decide(&mut router, text, &session, &routing);
        let both = nanoseconds(|| decide(&mut router, text, &session, &routing));
        println!("{name:<12} {:>6} {scan:>10.0} {hit:>10.0} {miss:>10.0} {both:>12.0}", text.len());
    }
}
