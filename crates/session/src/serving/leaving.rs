//! The end of a session whose client has said its last word.
//!
//! As in a server process, what was asked before is answered before the end is noticed. The servers are told at once
//! that nothing more comes: where they wait for the client, in a COPY or for a Sync, that ends the wait.

use super::{Life, Serving, Turn, Wait};
use crate::{Actions, Closing};

/// The session ends when all is answered.
#[derive(Debug)]
pub(super) struct Leaving {
    closing: Closing,
    /// What the client is told behind all answers.
    last: Vec<u8>,
}

impl Serving {
    /// The client has said its last word; `last` is what it is told about that.
    pub(super) fn leave(&mut self, closing: Closing, last: Vec<u8>, out: &mut Actions) -> Life {
        if self.leaving.is_some() {
            return Life::Open;
        }
        self.leaving = Some(Box::new(Leaving { closing, last }));
        if self.client.is_forwarding() {
            // In the middle of a message nothing can be said to the server.
            return self.leave_now(out);
        }
        // Should their COPY have failed, they are answered before the end.
        self.send_unread_syncs(out);
        for leg in [&mut self.lead, &mut self.reader].into_iter().flatten() {
            if leg.ledger.owes_client() {
                leg.dismiss(out);
            }
        }
        Life::Open
    }

    /// Ends a session that is leaving and waits for nothing any more.
    pub(super) fn leave_if_done(&mut self, out: &mut Actions) -> Life {
        if !self.is_leaving() {
            return Life::Open;
        }
        let mut legs = self.lead.iter().chain(&self.reader).chain(self.parked.as_slice());
        let answered = legs.all(|leg| leg.ledger.is_settled());
        if answered && self.turn == Turn::Lead && self.wait == Wait::Nothing {
            self.leave_now(out)
        } else {
            Life::Open
        }
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.is_some()
    }

    pub(super) fn leave_now(&mut self, out: &mut Actions) -> Life {
        let Some(leaving) = self.leaving.take() else { return Life::Open };
        let Leaving { closing, last } = *leaving;
        if !last.is_empty() && self.client_at_boundary() {
            out.make_to_client(|to| to.extend_from_slice(&last));
        }
        self.end(out, closing)
    }
}
