//! A cancel that the client asks for.

use super::{Held, Life, Serving, Wait};
use crate::Actions;

/// Whether the client has asked for a cancel of what it waits for and no backend has yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cancel {
    NotDue,
    /// It follows what it is for to the backend.
    Due,
}

impl Serving {
    /// What runs for the client is cancelled. Where all that it waits for is still kept back, the cancel is kept too:
    /// the client does not know that its statement is not there yet.
    pub(super) fn cancel(&mut self, out: &mut Actions) -> Life {
        self.unit.cancelled();
        let mut is_sent = false;
        for leg in [&mut self.lead, &mut self.reader].into_iter().flatten() {
            if leg.ledger.owes_client() {
                leg.cancel(out);
                is_sent = true;
            }
        }
        if is_sent || !self.keeps_statement_back() {
            return Life::Open;
        }
        self.cancel = Cancel::Due;
        if self.wait == Wait::Answer
            && let Some(leg) = &mut self.lead
        {
            // What is asked for the statement may have to wait for a lock.
            leg.cancel(out);
        }
        Life::Open
    }

    /// True when something of the client's is to be sent as soon as what it needs is there.
    fn keeps_statement_back(&self) -> bool {
        match self.wait {
            Wait::Nothing => self.held == Held::Yes,
            Wait::Admin => false,
            Wait::Lease(_) | Wait::Ending | Wait::Again | Wait::Answer | Wait::Replay | Wait::Provided => {
                true
            }
        }
    }

    /// What was kept back may have been sent: so is the cancel.
    #[inline]
    pub(super) fn cancel_if_due(&mut self, life: Life, out: &mut Actions) -> Life {
        if self.cancel == Cancel::NotDue || life == Life::Over {
            return life;
        }
        self.cancel = Cancel::NotDue;
        self.cancel(out)
    }
}
