//! Every short exchange: all sequences of a few requests with all their outcomes, in every order in which
//! requests can be sent and replies can come back, against a server written down in a few lines.

use pgherd_wire::backend::TransactionStatus;

use super::{Ledger, Outcome, Owed, Plain, Reply, Request, SyncMeaning, Violation};

/// What the client sends, and what comes of it at the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Query,
    QueryFails,
    QueryCopyIn,
    FunctionCall,
    Parse,
    ParseFails,
    DescribeStatement,
    DescribePortal,
    Execute,
    ExecuteFails,
    ExecuteCopyIn,
    ExecuteCopyOut,
    Suspend,
    Close,
    Sync,
    SyncFails,
    CopyDone,
}

const STEPS: [Step; 17] = [
    Step::Query,
    Step::QueryFails,
    Step::QueryCopyIn,
    Step::FunctionCall,
    Step::Parse,
    Step::ParseFails,
    Step::DescribeStatement,
    Step::DescribePortal,
    Step::Execute,
    Step::ExecuteFails,
    Step::ExecuteCopyIn,
    Step::ExecuteCopyOut,
    Step::Suspend,
    Step::Close,
    Step::Sync,
    Step::SyncFails,
    Step::CopyDone,
];

impl Step {
    fn request(self) -> Request {
        match self {
            Step::Query | Step::QueryFails | Step::QueryCopyIn => Request::Query,
            Step::FunctionCall => Request::FunctionCall,
            Step::Parse | Step::ParseFails => Request::Parse,
            Step::DescribeStatement => Request::DescribeStatement,
            Step::DescribePortal => Request::DescribePortal,
            Step::Execute
            | Step::ExecuteFails
            | Step::ExecuteCopyIn
            | Step::ExecuteCopyOut
            | Step::Suspend => Request::Execute,
            Step::Close => Request::Close,
            Step::Sync | Step::SyncFails => Request::Sync,
            Step::CopyDone => Request::CopyEnd,
        }
    }
}

/// The message loop of a server process, as far as it decides what is answered.
#[derive(Clone, Debug, Default)]
struct Server {
    skipping: bool,
    copy: Option<Step>,
    open_batch: bool,
}

const READY: Reply = Reply::ReadyForQuery(TransactionStatus::Idle);

impl Server {
    /// The replies to a message; `None` when the session ends with it.
    fn take(&mut self, step: Step) -> Option<Vec<Reply>> {
        use Reply::*;
        if let Some(copy) = self.copy {
            if step.request() == Request::Sync {
                return Some(vec![]);
            }
            if step != Step::CopyDone {
                // PostgreSQL gives up: it has lost track of the stream.
                return None;
            }
            self.copy = None;
            let ready = (copy == Step::QueryCopyIn).then_some(READY);
            return Some([CommandComplete].into_iter().chain(ready).collect());
        }
        if self.skipping && step.request() != Request::Sync {
            return Some(vec![]);
        }
        self.skipping = false;
        self.open_batch = !matches!(step.request(), Request::Query | Request::FunctionCall | Request::Sync)
            && (self.open_batch || step != Step::CopyDone);
        Some(match step {
            Step::Query => vec![RowDescription, DataRow, CommandComplete, READY],
            Step::QueryFails => vec![RowDescription, Error, READY],
            Step::FunctionCall => vec![FunctionCallResponse, READY],
            Step::Parse => vec![ParseComplete],
            Step::DescribeStatement => vec![ParameterDescription, NoData],
            Step::DescribePortal => vec![RowDescription],
            Step::Execute => vec![DataRow, CommandComplete],
            Step::ExecuteCopyOut => vec![CopyOutResponse, CopyData, CopyDone, CommandComplete],
            Step::Suspend => vec![DataRow, PortalSuspended],
            Step::Close => vec![CloseComplete],
            Step::Sync => vec![READY],
            Step::SyncFails => vec![Error, READY],
            Step::CopyDone => vec![],
            Step::QueryCopyIn | Step::ExecuteCopyIn => {
                self.copy = Some(step);
                vec![CopyInResponse]
            }
            Step::ParseFails | Step::ExecuteFails => {
                self.skipping = true;
                self.open_batch = false;
                vec![Error]
            }
        })
    }

    fn is_settled(&self) -> bool {
        !self.skipping && !self.open_batch && self.copy.is_none()
    }
}

/// Plays the rest of `steps` with every possible lag of the replies, and counts the ends.
fn play(ledger: &Ledger, server: &Server, pending: &[Reply], steps: &[Step], trail: &mut Vec<String>) -> u32 {
    let mut ends = 0;
    if let Some((first, rest)) = pending.split_first() {
        let mut ledger = ledger.copied();
        trail.push(format!("< {first:?}"));
        let mut plainly = ledger.copied();
        let plain = plainly.plain_reply(*first);
        assert!(plain.is_some() || plainly == ledger, "nothing is noted after {trail:#?}");
        let answer = ledger.reply(*first);
        assert!(answer.is_ok(), "{answer:?} after {trail:#?}");
        if let Some(plain) = plain {
            let finished = match plain {
                Plain::GoesOn => None,
                Plain::Ends(finished) => Some(finished),
            };
            assert_eq!(answer, Ok(Outcome { owed: Owed::Client, finished }), "after {trail:#?}");
            assert!(plainly == ledger, "the same is noted after {trail:#?}");
        }
        ends += play(&ledger, server, rest, steps, trail);
        trail.pop();
    }
    if let Some((&step, rest)) = steps.split_first() {
        let mut ledger = ledger.copied();
        trail.push(format!("> {step:?}"));
        if step.request() == Request::Sync && ledger.sync_meaning() == SyncMeaning::Undecided {
            // The session holds it until more replies are here.
            trail.pop();
            return ends;
        }
        let dropped = step.request() == Request::Sync && ledger.sync_meaning() == SyncMeaning::Dropped;
        if !dropped {
            ledger.request(step.request(), Owed::Client, step.request() == Request::Execute);
            let mut server = server.clone();
            if let Some(replies) = server.take(step) {
                let pending = [pending, &replies].concat();
                ends += play(&ledger, &server, &pending, rest, trail);
            }
        } else {
            ends += play(&ledger, server, pending, rest, trail);
        }
        trail.pop();
    } else if pending.is_empty() {
        ends += 1;
        assert_eq!(ledger.is_settled(), server.is_settled(), "{trail:#?} {ledger:?} {server:?}");
        assert_eq!(ledger.is_skipping(), server.skipping, "{trail:#?}");
        assert_eq!(ledger.is_copying_in(), server.copy.is_some(), "{trail:#?}");
    }
    ends
}

impl Ledger {
    fn copied(&self) -> Ledger {
        Ledger {
            queue: self.queue.clone(),
            copy: self.copy,
            batch: self.batch,
            transaction: self.transaction,
            dropped_syncs: self.dropped_syncs,
            client_entries: self.client_entries,
            last_ticket: self.last_ticket,
        }
    }
}

#[test]
fn every_short_exchange() {
    let mut ends = 0;
    let mut sequence = Vec::new();
    for a in STEPS {
        for b in STEPS {
            for c in STEPS {
                for d in STEPS {
                    sequence.clear();
                    sequence.extend([a, b, c, d]);
                    ends += play(&Ledger::default(), &Server::default(), &[], &sequence, &mut Vec::new());
                }
            }
        }
    }
    assert!(ends > 500_000, "only {ends} exchanges were played");
}

#[test]
fn what_nothing_asked_for_is_a_violation() {
    let mut ledger = Ledger::default();
    assert_eq!(ledger.reply(READY), Err(Violation { front: None, got: READY }));
    for (request, got) in [
        (Request::Query, Reply::ParseComplete),
        (Request::Query, Reply::CopyData),
        (Request::Parse, Reply::BindComplete),
        (Request::Execute, READY),
        (Request::Execute, Reply::CopyBothResponse),
        (Request::Sync, Reply::CommandComplete),
        (Request::DescribeStatement, Reply::RowDescription),
        (Request::FunctionCall, Reply::DataRow),
    ] {
        let mut ledger = Ledger::default();
        ledger.request(request, Owed::Client, false);
        assert_eq!(ledger.reply(got), Err(Violation { front: Some(request), got }));
    }
}

#[test]
fn a_copy_that_nobody_foresaw_with_a_sync_behind_it_cannot_be_counted() {
    let mut ledger = Ledger::default();
    ledger.request(Request::Execute, Owed::Client, false);
    ledger.request(Request::Sync, Owed::Client, false);
    assert!(ledger.reply(Reply::CopyInResponse).is_err());
}

#[test]
fn an_error_is_shown_whoever_asked() {
    let mut ledger = Ledger::default();
    ledger.request(Request::Parse, Owed::Nobody, false);
    ledger.request(Request::Bind, Owed::Client, false);
    let outcome = ledger.reply(Reply::Error).unwrap();
    assert_eq!(outcome.owed, Owed::Client);
    assert!(!ledger.owes() && ledger.is_skipping());
}

#[test]
fn the_end_of_one_copy_does_not_end_the_next() {
    let mut ledger = Ledger::default();
    ledger.request(Request::Query, Owed::Client, false);
    ledger.reply(Reply::CopyInResponse).unwrap();
    ledger.request(Request::CopyEnd, Owed::Client, false);
    ledger.reply(Reply::CommandComplete).unwrap();
    ledger.reply(Reply::CopyInResponse).unwrap();
    assert_eq!(ledger.sync_meaning(), SyncMeaning::Dropped);
}
