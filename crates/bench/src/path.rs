use core::hint::black_box;
use core::ops::Range;

use crate::{Conversation, Decisions, messages};

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
    /// Where a statement goes, for one that is remembered: its fingerprint, the look-up and the rules.
    Decision,
}

/// A path with everything in place that the first walk would have to make.
#[derive(Debug)]
pub struct Walk {
    path: Path,
    conversation: Conversation,
    decisions: Decisions,
    request: Vec<u8>,
    answer: Vec<u8>,
    /// Where the number stands in the request that is another in each walk; empty when there is none.
    number: Range<usize>,
    /// Walks so far.
    walks: u32,
}

/// Bytes of one read of pgherd's loops.
const READ_BYTES: usize = 32 * 1024;
const ROWS: usize = 1_000;
/// Of the number in the statement.
const NUMBER_DIGITS: usize = 6;

impl Path {
    /// All of them.
    pub const ALL: [Path; 5] = [Path::Simple, Path::Extended, Path::Prepared, Path::Rows, Path::Decision];

    /// A short name.
    pub fn name(self) -> &'static str {
        match self {
            Path::Simple => "simple",
            Path::Extended => "extended",
            Path::Prepared => "prepared",
            Path::Rows => "rows1k",
            Path::Decision => "decision",
        }
    }

    /// The path of that name.
    pub fn named(name: &str) -> Option<Path> {
        Path::ALL.into_iter().find(|path| path.name() == name)
    }

    /// Prepares to walk it.
    pub fn prepare(self) -> Walk {
        let mut conversation = Conversation::open();
        let (request, answer) = match self {
            Path::Simple => (messages::query(), messages::query_answer()),
            Path::Extended => (messages::extended_batch(), messages::extended_answer()),
            Path::Prepared => {
                conversation.exchange(&messages::prepare(), &messages::prepare_answer());
                (messages::prepared_batch(), messages::prepared_answer())
            }
            Path::Rows => (messages::query(), messages::rows_answer(ROWS)),
            Path::Decision => (messages::SIMPLE_TEXT.to_vec(), Vec::new()),
        };
        let number = match self {
            Path::Simple | Path::Decision => {
                let at = request.iter().position(u8::is_ascii_digit).unwrap_or_default();
                at..at + NUMBER_DIGITS
            }
            Path::Extended | Path::Prepared | Path::Rows => 0..0,
        };
        let mut walk =
            Walk { path: self, conversation, decisions: Decisions::new(), request, answer, number, walks: 0 };
        // The first ones acquire backends, ask the catalog, and are not remembered yet.
        walk.once();
        walk.once();
        walk
    }
}

impl Walk {
    /// Walks it once.
    pub fn once(&mut self) {
        self.vary();
        match self.path {
            Path::Simple | Path::Extended | Path::Prepared => {
                self.conversation.exchange(black_box(&self.request), black_box(&self.answer));
            }
            Path::Rows => {
                self.conversation.client(black_box(&self.request));
                for piece in self.answer.chunks(READ_BYTES) {
                    self.conversation.backend(black_box(piece));
                }
            }
            Path::Decision => {
                self.decisions.once(black_box(&self.request));
            }
        }
    }

    /// The number in the statement is another each time, as pgbench's is.
    fn vary(&mut self) {
        self.walks += 1;
        let mut number = self.walks;
        for digit in self.request.get_mut(self.number.clone()).unwrap_or_default().iter_mut().rev() {
            *digit = b'0' + (number % 8) as u8;
            number /= 8;
        }
    }
}
