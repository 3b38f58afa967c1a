//! A backend as one session sees it.

use pgherd_types::{BackendId, Fate, Lease, NodeId, ResetReason, limits};
use pgherd_wire::{Framer, Piece, backend, frontend};

use crate::{
    Actions,
    ledger::{Ledger, Owed, Request},
    planted::{PlantedBug, planted},
};

/// A lease, what is owed on it, and where in its stream of replies the session is.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) lease: Lease,
    pub(crate) ledger: Ledger,
    pub(crate) framer: Framer,
    /// The message being read, where it must be understood whole and did not come whole.
    gathered: Vec<u8>,
    /// Whom the rest of a message that is being streamed is for.
    pub(crate) streaming: Option<Owed>,
    cancels: u32,
    usage: Usage,
}

/// Whether the server process still is as it was when it was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Usage {
    Untouched,
    Used,
    /// It has been told that nothing more comes, and ends.
    Dismissed,
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

impl Leg {
    pub(crate) fn new(lease: Lease) -> Self {
        Leg {
            lease,
            ledger: Ledger::default(),
            framer: Framer::new(backend::largest_body),
            gathered: Vec::new(),
            streaming: None,
            cancels: 0,
            usage: Usage::Untouched,
        }
    }

    pub(crate) fn backend(&self) -> BackendId {
        self.lease.backend()
    }

    pub(crate) fn node(&self) -> NodeId {
        self.lease.node()
    }

    /// Notes a request that is sent now.
    pub(crate) fn request(&mut self, request: Request, owed: Owed, may_copy_in: bool) {
        if !planted(PlantedBug::LendsUnreset) {
            self.usage = Usage::Used;
        }
        self.ledger.request(request, owed, may_copy_in);
    }

    /// Says goodbye to the server process: it answers what it has been asked, and ends.
    pub(crate) fn dismiss(&mut self, out: &mut Actions) {
        if self.usage != Usage::Dismissed {
            self.usage = Usage::Dismissed;
            out.make_to_backend(self.backend(), frontend::put_terminate);
        }
    }

    pub(crate) fn cancel_sent(&mut self) {
        self.cancels += 1;
    }

    pub(crate) fn cancel_done(&mut self) {
        self.cancels = self.cancels.saturating_sub(1);
    }

    /// Collects a message that must be understood whole.
    pub(crate) fn gather<'a>(&mut self, piece: &Piece<'a>) -> Gathered<'a> {
        if let Some(whole) = piece.whole() {
            return Gathered::InPlace(whole);
        }
        if piece.first {
            self.gathered.clear();
        }
        self.gathered.extend_from_slice(piece.carried.bytes());
        self.gathered.extend_from_slice(piece.raw);
        if piece.last {
            Gathered::Aside
        } else if self.gathered.len() > limits::GATHER_BACKEND_BYTES {
            Gathered::HeadAside
        } else {
            Gathered::Partial
        }
    }

    /// True when a part of a message was gathered.
    pub(crate) fn is_gathering(&self) -> bool {
        !self.gathered.is_empty()
    }

    /// What was gathered. Taking it gives its memory away, so that a leg at rest owns none.
    pub(crate) fn take_gathered(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.gathered)
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
                Usage::Dismissed => Fate::Close(ResetReason::Owing),
                Usage::Used => {
                    Fate::Reset { block_open: self.ledger.transaction() != backend::TransactionStatus::Idle }
                }
            }
        }
    }
}
