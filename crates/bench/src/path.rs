use core::hint::black_box;
use core::ops::Range;

use crate::{Conversation, Decisions, Drawn, messages};

/// One of the hottest paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// A simple query of a session and its answer.
    Simple,
    /// A batch with an unnamed statement and its answer.
    Extended,
    /// A batch that runs a prepared statement, and its answer.
    Prepared,
    /// A simple query that is answered with 1,000 rows, in reads of 32 KiB.
    Rows,
    /// Ten reads in one pipeline with one Sync, and their answers, of a session that reads from its lead.
    Pipeline,
    /// A transaction that writes, as five simple queries and their answers.
    Write,
    /// A client that connects, asks a simple query of the lead and leaves.
    Connect,
    /// Where a statement goes, for one that is remembered: its fingerprint, the look-up and the rules.
    Decision,
}

/// A path with everything in place that the first walk would have to make.
#[derive(Debug)]
pub struct Walk {
    path: Path,
    conversation: Conversation,
    decisions: Decisions,
    exchanges: Vec<Exchange>,
    /// Walks so far.
    walks: u32,
}

/// What the client sends, and what the server answers.
#[derive(Debug)]
struct Exchange {
    request: Vec<u8>,
    answer: Vec<u8>,
    /// Where the number stands in the request that is another in each walk; empty when there is none.
    number: Range<usize>,
}

/// Bytes of one read of pgherd's loops.
const READ_BYTES: usize = 32 * 1024;
const ROWS: usize = 1_000;
/// Reads of one pipeline.
const PIPELINE: usize = 10;
/// Of the number in the statement.
const NUMBER_DIGITS: usize = 6;

impl Path {
    /// All of them.
    pub const ALL: [Path; 8] = [
        Path::Simple,
        Path::Extended,
        Path::Prepared,
        Path::Rows,
        Path::Pipeline,
        Path::Write,
        Path::Connect,
        Path::Decision,
    ];

    /// A short name.
    pub fn name(self) -> &'static str {
        match self {
            Path::Simple => "simple",
            Path::Extended => "extended",
            Path::Prepared => "prepared",
            Path::Rows => "rows1k",
            Path::Pipeline => "pipeline",
            Path::Write => "write",
            Path::Connect => "connect",
            Path::Decision => "decision",
        }
    }

    /// The path of that name.
    pub fn named(name: &str) -> Option<Path> {
        Path::ALL.into_iter().find(|path| path.name() == name)
    }

    /// Prepares to walk it.
    pub fn prepare(self) -> Walk {
        let drawn = match self {
            Path::Pipeline | Path::Connect => Drawn::Primary,
            Path::Simple | Path::Extended | Path::Prepared | Path::Rows | Path::Write | Path::Decision => {
                Drawn::Standby
            }
        };
        let mut conversation = Conversation::open(drawn);
        if self == Path::Prepared {
            conversation.exchange(&messages::prepare(), &messages::prepare_answer());
        }
        let exchanges = self.exchanges();
        let mut walk = Walk { path: self, conversation, decisions: Decisions::new(), exchanges, walks: 0 };
        // The first ones acquire backends, ask the catalog, and are not remembered yet.
        walk.once();
        walk.once();
        walk
    }

    fn exchanges(self) -> Vec<Exchange> {
        let varied =
            |(request, answer): (Vec<u8>, Vec<u8>)| Exchange { number: number_in(&request), request, answer };
        let same = |request, answer| Exchange { number: 0..0, request, answer };
        match self {
            Path::Simple | Path::Connect => vec![varied((messages::query(), messages::query_answer()))],
            Path::Extended => vec![same(messages::extended_batch(), messages::extended_answer())],
            Path::Prepared => vec![same(messages::prepared_batch(), messages::prepared_answer())],
            Path::Rows => vec![same(messages::query(), messages::rows_answer(ROWS))],
            Path::Pipeline => vec![same(messages::pipeline(PIPELINE), messages::pipeline_answer(PIPELINE))],
            Path::Write => messages::write_transaction().into_iter().map(varied).collect(),
            Path::Decision => vec![varied((messages::SIMPLE_TEXT.to_vec(), Vec::new()))],
        }
    }
}

/// Where the first number of that many digits is in a request.
fn number_in(request: &[u8]) -> Range<usize> {
    let digits = |window: &[u8]| window.iter().all(u8::is_ascii_digit);
    match request.windows(NUMBER_DIGITS).position(digits) {
        Some(at) => at..at + NUMBER_DIGITS,
        None => 0..0,
    }
}

impl Walk {
    /// Walks it once.
    pub fn once(&mut self) {
        self.walks += 1;
        for exchange in &mut self.exchanges {
            exchange.vary(self.walks);
            let (request, answer) = (black_box(&exchange.request), black_box(&exchange.answer));
            match self.path {
                Path::Simple | Path::Extended | Path::Prepared | Path::Pipeline | Path::Write => {
                    self.conversation.exchange(request, answer);
                }
                Path::Connect => {
                    self.conversation.connect();
                    self.conversation.exchange(request, answer);
                    self.conversation.client(&messages::terminate());
                }
                Path::Rows => {
                    self.conversation.client(request);
                    for piece in answer.chunks(READ_BYTES) {
                        self.conversation.backend(piece);
                    }
                }
                Path::Decision => self.decisions.once(request),
            }
        }
    }
}

impl Exchange {
    /// The number in the statement is another each time, as pgbench's is.
    fn vary(&mut self, walk: u32) {
        let mut number = walk;
        for digit in self.request.get_mut(self.number.clone()).unwrap_or_default().iter_mut().rev() {
            *digit = b'0' + (number % 8) as u8;
            number /= 8;
        }
    }
}
