//! What the client sees when a backend goes, or cannot be had.

use std::ops::Range;

use pgherd_types::{Fate, NodeId, ResetReason};

use super::{Bound, Life, Serving, Turn, Wait, backend::show_whole};
use crate::{Action, Actions, Closing, Context, Gone, Refusal, ledger::Owed, leg::Leg, say};

impl Serving {
    /// A server said FATAL: it closes the connection next.
    pub(super) fn fatal(
        &mut self,
        cx: &mut Context<'_>,
        turn: Turn,
        message: &[u8],
        range: Option<Range<usize>>,
        out: &mut Actions,
    ) -> Life {
        match turn {
            Turn::Reader => self.reader_lost(cx, out),
            Turn::Lead if self.can_spare_lead() => {
                self.release_gone(Turn::Lead, out);
                self.resume(out);
                Life::Open
            }
            Turn::Lead => {
                if self.client_at_boundary() {
                    show_whole(message, range, out);
                }
                self.release_gone(Turn::Lead, out);
                self.end(out, Closing::Backend)
            }
        }
    }

    pub(super) fn backend_gone(
        &mut self,
        cx: &mut Context<'_>,
        turn: Turn,
        _why: Gone,
        out: &mut Actions,
    ) -> Life {
        match turn {
            Turn::Reader => self.reader_lost(cx, out),
            Turn::Lead if self.is_leaving() => {
                // It was told to go.
                self.release_gone(Turn::Lead, out);
                self.leave_now(out)
            }
            Turn::Lead if self.can_spare_lead() => {
                self.release_gone(Turn::Lead, out);
                self.resume(out);
                Life::Open
            }
            Turn::Lead => {
                if self.client_at_boundary() {
                    out.make_to_client(say::backend_lost);
                }
                self.release_gone(Turn::Lead, out);
                self.end(out, Closing::Backend)
            }
        }
    }

    /// No backend could be had for what the client's input waits for.
    pub(super) fn refused(
        &mut self,
        cx: &mut Context<'_>,
        node: NodeId,
        why: &Refusal,
        out: &mut Actions,
    ) -> Life {
        let wait = core::mem::replace(&mut self.wait, Wait::Nothing);
        match wait {
            Wait::Lease(Turn::Reader) => {
                self.give_up_reader(cx);
                self.resume(out);
                Life::Open
            }
            Wait::Lease(Turn::Lead) | Wait::Again => {
                refuse(node, why, self.identity.user(), out);
                self.end(out, Closing::Backend)
            }
            Wait::Nothing | Wait::Admin => {
                self.wait = wait;
                Life::Open
            }
        }
    }

    /// True when the session holds nothing on its lead that another backend would not have, and waits for
    /// nothing from it.
    pub(super) fn can_spare_lead(&self) -> bool {
        let clean = self.lead.as_ref().is_some_and(|leg| leg.ledger.is_clean());
        clean && self.bound == Bound::Free && !self.client.is_forwarding()
    }

    /// The reader is gone. The client notices only when it has seen a part of an answer.
    fn reader_lost(&mut self, cx: &mut Context<'_>, out: &mut Actions) -> Life {
        let Some(leg) = &self.reader else { return Life::Open };
        let (node, busy) = (leg.node(), self.turn == Turn::Reader);
        let mid_message = leg.streaming == Some(Owed::Client);
        self.drop_reader(ResetReason::Gone, out);
        if mid_message {
            // Half a message cannot be taken back.
            return self.end(out, Closing::Backend);
        }
        if !busy {
            return Life::Open;
        }
        self.turn = Turn::Lead;
        self.flush_deferred(out);
        if self.unit.may_go_elsewhere() {
            return self.send_again(cx, out);
        }
        let transaction = self.transaction();
        out.make_to_client(|to| {
            say::read_lost(to, node);
            say::ready_for_query(to, transaction);
        });
        self.resume(out);
        Life::Open
    }

    fn release_gone(&mut self, turn: Turn, out: &mut Actions) {
        let leg: Option<Leg> = match turn {
            Turn::Lead => self.lead.take(),
            Turn::Reader => self.reader.take(),
        };
        if let Some(leg) = leg {
            out.push(Action::Release(leg.lease, Fate::Close(ResetReason::Gone)));
        }
    }
}

/// Tells the client why it gets no backend: in the server's own words where it has spoken.
pub(crate) fn refuse(node: NodeId, why: &Refusal, user: &str, out: &mut Actions) {
    out.make_to_client(|to| match why {
        Refusal::Server(message) => to.extend_from_slice(message),
        Refusal::NoPassword => say::no_password(to, user),
        Refusal::Fault(_) => say::node_unreachable(to, node),
    });
}
