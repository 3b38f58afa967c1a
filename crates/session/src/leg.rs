//! A backend as one session sees it.

use std::collections::VecDeque;

use pgherd_sql::{Statement, Text, Verb};
use pgherd_types::{BackendId, Fate, Lease, NodeId, ResetReason, limits};
use pgherd_wire::{Framer, Piece, backend, frontend};

use crate::{
    Action, Actions,
    effect::Effect,
    ledger::{Ledger, Owed, Reply, Request, Ticket},
    planted::{PlantedBug, planted},
    queue,
    rarely::Rarely,
    state::{UnnamedId, Version},
};

/// A lease, what is owed on it, and where in its stream of replies the session is.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) lease: Lease,
    pub(crate) ledger: Ledger,
    pub(crate) framer: Framer,
    /// The message being read, where it must be understood whole and did not come whole.
    gathered: Rarely<Vec<u8>>,
    /// Whom the rest of a message that is being streamed is for.
    pub(crate) streaming: Option<Owed>,
    cancels: u32,
    usage: Usage,
    /// The session's settings as this backend has them.
    pub(crate) settings: Version,
    /// The unnamed statement that it has.
    pub(crate) unnamed: UnnamedId,
    /// Statements that it still has and the client has closed.
    pub(crate) stale: Rarely<Vec<Box<[u8]>>>,
    /// How far a reader is in the client's transaction.
    pub(crate) joined: Joined,
    /// What its answers will change, in the order of the requests.
    pending: VecDeque<(Ticket, Effect)>,
}

/// The name of what the session makes for itself on a backend that the client uses too.
pub(crate) const OWN_NAME: &[u8] = b"pgherd's own";

/// How far a reader is in the client's transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joined {
    No,
    /// It has a transaction open too, and has been told this many settings of it.
    With {
        /// Entries of the journal.
        told: usize,
        /// How often the journal had been taken back then.
        rewinds: u32,
    },
}

/// Whether the server process still is as it was when it was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Usage {
    Untouched,
    /// It has run nothing but what leaves nothing behind.
    Read,
    Used,
    /// It has been told that nothing more comes, and ends.
    Dismissed,
}

/// Whether a statement may leave something behind in its server process that the next session would find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaves {
    /// Surely not.
    Nothing,
    Something,
}

/// A server message that is complete enough to be understood.
#[derive(Debug)]
pub(crate) enum Gathered<'a> {
    /// Not yet.
    Partial,
    /// It lies whole in the bytes at hand.
    InPlace(&'a [u8]),
    /// It was gathered; [`Leg::gathered`] has it.
    Aside,
    /// It is longer than [`limits::GATHER_BACKEND_BYTES`]; its head was gathered and the rest is still to come.
    HeadAside,
}

/// Requests of one session to a backend, after which its reset does not weigh any more.
const FEW_REQUESTS: u64 = 32;

impl Leg {
    pub(crate) fn new(lease: Lease) -> Self {
        Leg {
            lease,
            ledger: Ledger::default(),
            framer: Framer::new(backend::largest_body),
            gathered: Rarely::default(),
            streaming: None,
            cancels: 0,
            usage: Usage::Untouched,
            settings: Version::default(),
            unnamed: UnnamedId::default(),
            stale: Rarely::default(),
            joined: Joined::No,
            pending: VecDeque::new(),
        }
    }

    pub(crate) fn backend(&self) -> BackendId {
        self.lease.backend()
    }

    pub(crate) fn node(&self) -> NodeId {
        self.lease.node()
    }

    /// Notes a request that is sent now. `None`: it will not be answered.
    pub(crate) fn request(&mut self, request: Request, owed: Owed, may_copy_in: bool) -> Option<Ticket> {
        if !planted(PlantedBug::LendsUnreset) {
            self.usage = Usage::Used;
        }
        self.ledger.request(request, owed, may_copy_in)
    }

    /// Notes a simple query.
    #[inline]
    pub(crate) fn query(&mut self, owed: Owed, leaves: Leaves) -> Option<Ticket> {
        match leaves {
            Leaves::Something if !planted(PlantedBug::SparesResets) => {
                self.request(Request::Query, owed, false)
            }
            Leaves::Something | Leaves::Nothing => {
                if self.usage == Usage::Untouched {
                    self.usage = Usage::Read;
                }
                self.ledger.request(Request::Query, owed, false)
            }
        }
    }

    /// True while it is worth knowing what a query leaves behind: nothing was left so far, and the session is so short
    /// that the reset would weigh.
    pub(crate) fn may_stay_clean(&self) -> bool {
        matches!(self.usage, Usage::Untouched | Usage::Read) && self.ledger.requests() < FEW_REQUESTS
    }

    /// Notes a request, and what comes of it when it ends well.
    pub(crate) fn request_for(&mut self, request: Request, owed: Owed, effect: Option<Effect>) {
        let ticket = self.request(request, owed, false);
        if let Some(effect) = effect {
            self.expect(ticket, effect);
        }
    }

    /// Remembers what comes of a request when it ends well.
    pub(crate) fn expect(&mut self, ticket: Option<Ticket>, effect: Effect) {
        if let Some(ticket) = ticket {
            queue::push(&mut self.pending, (ticket, effect));
        }
    }

    /// True when this request, or one before it, has an effect that is still to come.
    #[inline]
    pub(crate) fn has_effect(&self, ticket: Ticket) -> bool {
        self.pending.front().is_some_and(|(first, _)| *first <= ticket)
    }

    /// The effect of a request that is answered. Those before it that were abandoned are forgotten.
    pub(crate) fn settle(&mut self, ticket: Ticket) -> Option<Effect> {
        while let Some((at, _)) = self.pending.front() {
            match ticket.cmp(at) {
                core::cmp::Ordering::Less => return None,
                core::cmp::Ordering::Equal => return queue::pop(&mut self.pending).map(|(_, effect)| effect),
                core::cmp::Ordering::Greater => {
                    queue::pop(&mut self.pending);
                }
            }
        }
        None
    }

    /// True when the request that is answered next is a Parse of the unnamed statement: if it fails, there is none.
    pub(crate) fn fails_unnamed_parse(&self) -> bool {
        let next = self.ledger.next_ticket();
        self.pending.iter().any(|(ticket, effect)| {
            Some(*ticket) == next && matches!(effect, Effect::Parsed { name, .. } if name.is_empty())
        })
    }

    /// True when a Parse of the unnamed statement is under way in the batch that was begun last.
    pub(crate) fn parses_unnamed(&self) -> bool {
        let before = self.ledger.last_end();
        self.pending.iter().any(|(ticket, effect)| {
            Some(*ticket) > before && matches!(effect, Effect::Parsed { name, .. } if name.is_empty())
        })
    }

    /// True when a statement of this name is being prepared that was prepared elsewhere before.
    pub(crate) fn is_brought(&self, wanted: &[u8]) -> bool {
        self.expected().any(|effect| matches!(effect, Effect::Brought { name } if **name == *wanted))
    }

    /// True when it has a statement of this name that is not the client's.
    pub(crate) fn is_stale(&self, wanted: &[u8]) -> bool {
        self.stale.as_slice().iter().any(|name| **name == *wanted)
    }

    /// True when a text is under way that may begin a transaction.
    pub(crate) fn may_begin(&self) -> bool {
        let begins = |statement: &Statement| matches!(statement.verb, Verb::Begin(_));
        self.expected().any(|effect| match effect {
            Effect::Ran(script) => {
                *script.text == Text::Unread || script.text.statements().iter().any(begins)
            }
            Effect::RanUnknown => true,
            Effect::Parsed { .. }
            | Effect::Brought { .. }
            | Effect::Closed { .. }
            | Effect::BoundUnnamed
            | Effect::ClosedUnnamed => false,
        })
    }

    /// True when what becomes of the unnamed portal is under way.
    pub(crate) fn decides_unnamed_portal(&self) -> bool {
        self.expected().any(|effect| matches!(effect, Effect::BoundUnnamed | Effect::ClosedUnnamed))
    }

    /// What is still to come, the latest first.
    pub(crate) fn expected(&self) -> impl Iterator<Item = &Effect> {
        self.pending.iter().rev().map(|(_, effect)| effect)
    }

    /// Sends a simple query of the session's own.
    pub(crate) fn ask(&mut self, owed: Owed, text: &[u8], leaves: Leaves, out: &mut Actions) {
        self.query(owed, leaves);
        out.make_to_backend(self.backend(), |to| frontend::put_query(to, text));
    }

    /// Asks the same in a batch that leaves the unnamed portal and the unnamed statement as they are.
    pub(crate) fn ask_beside(&mut self, owed: Owed, texts: &[&[u8]], out: &mut Actions) {
        for text in texts {
            self.run_beside(owed, text, None, out);
        }
        self.request(Request::Sync, owed, false);
        out.make_to_backend(self.backend(), frontend::put_sync);
    }

    /// The same within the batch that is open, with what comes of it when it ends well.
    pub(crate) fn run_beside(&mut self, owed: Owed, text: &[u8], effect: Option<Effect>, out: &mut Actions) {
        use frontend::Target;
        // One that failed may have left its portal and its statement behind.
        for request in [Request::Close, Request::Close, Request::Parse, Request::Bind] {
            self.request(request, owed, false);
        }
        self.request_for(Request::Execute, owed, effect);
        self.request(Request::Close, owed, false);
        self.request(Request::Close, owed, false);
        out.make_to_backend(self.backend(), |to| {
            frontend::put_close(to, Target::Portal(OWN_NAME));
            frontend::put_close(to, Target::Statement(OWN_NAME));
            frontend::put_parse(to, OWN_NAME, text, [].into_iter());
            frontend::put_bind(to, OWN_NAME, OWN_NAME, [].into_iter(), [].into_iter(), [].into_iter());
            frontend::put_execute(to, OWN_NAME, 0);
            frontend::put_close(to, Target::Portal(OWN_NAME));
            frontend::put_close(to, Target::Statement(OWN_NAME));
        });
    }

    /// Closes what the session has made for itself, if there is anything.
    pub(crate) fn close_own(&mut self, out: &mut Actions) {
        self.request(Request::Close, Owed::Nobody, false);
        out.make_to_backend(self.backend(), |to| {
            frontend::put_close(to, frontend::Target::Statement(OWN_NAME));
        });
    }

    /// Says goodbye to the server process: it answers what it has been asked, and ends.
    pub(crate) fn dismiss(&mut self, out: &mut Actions) {
        if self.usage != Usage::Dismissed {
            self.usage = Usage::Dismissed;
            out.make_to_backend(self.backend(), frontend::put_terminate);
        }
    }

    /// Has what it runs cancelled.
    pub(crate) fn cancel(&mut self, out: &mut Actions) {
        self.cancels += 1;
        out.push(Action::CancelBackend(self.backend()));
    }

    pub(crate) fn cancel_done(&mut self) {
        self.cancels = self.cancels.saturating_sub(1);
    }

    /// Collects a message that must be understood whole.
    pub(crate) fn gather<'a>(&mut self, piece: &Piece<'a>) -> Gathered<'a> {
        if let Some(whole) = piece.whole() {
            return Gathered::InPlace(whole);
        }
        let gathered = self.gathered.make();
        if piece.first {
            gathered.clear();
        }
        gathered.extend_from_slice(piece.carried.bytes());
        gathered.extend_from_slice(piece.raw);
        if piece.last {
            Gathered::Aside
        } else if gathered.len() > limits::GATHER_BACKEND_BYTES {
            Gathered::HeadAside
        } else {
            Gathered::Partial
        }
    }

    /// True when a part of a message was gathered.
    pub(crate) fn is_gathering(&self) -> bool {
        self.gathered.get().is_some()
    }

    /// What was gathered. Taking it gives its memory away, so that a leg at rest owns none.
    pub(crate) fn take_gathered(&mut self) -> Vec<u8> {
        self.gathered.take()
    }

    /// True when nothing has been sent to it.
    pub(crate) fn is_untouched(&self) -> bool {
        self.usage == Usage::Untouched
    }

    /// Takes what a leg says that is not asked at the moment: answers that nobody sees.
    pub(crate) fn take_unseen(&mut self, bytes: &[u8]) -> Result<(), ()> {
        let mut input = bytes;
        while let Some(piece) = self.framer.next(&mut input).map_err(|_| ())? {
            let whole = match self.gather(&piece) {
                Gathered::Partial => continue,
                Gathered::InPlace(whole) => whole.to_vec(),
                Gathered::Aside => self.take_gathered(),
                Gathered::HeadAside => return Err(()),
            };
            let reply = match whole.first() {
                Some(b'C') => Reply::CommandComplete,
                Some(b'Z') => {
                    let status =
                        whole.last().copied().and_then(backend::TransactionStatus::from_byte).ok_or(())?;
                    Reply::ReadyForQuery(status)
                }
                Some(b'S' | b'N' | b'A') => continue,
                Some(_) | None => return Err(()),
            };
            self.ledger.reply(reply).map_err(|_| ())?;
        }
        Ok(())
    }

    /// What should become of the backend when the session lets go of it now.
    pub(crate) fn fate(&self, pooled: bool) -> Fate {
        if self.cancels > 0 && !planted(PlantedBug::LendsBeforeCancel) {
            Fate::Close(ResetReason::CancelUnfinished)
        } else if !self.ledger.is_settled() || !self.framer.at_boundary() {
            Fate::Close(ResetReason::Owing)
        } else if !pooled {
            Fate::Close(ResetReason::NotPooled)
        } else {
            match self.usage {
                Usage::Untouched => Fate::Reuse,
                Usage::Read => Fate::Spare,
                Usage::Dismissed => Fate::Close(ResetReason::Owing),
                Usage::Used => {
                    Fate::Reset { block_open: self.ledger.transaction() != backend::TransactionStatus::Idle }
                }
            }
        }
    }
}
