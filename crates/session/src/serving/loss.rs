//! What the client sees when a backend goes, or cannot be had.

use pgherd_types::{Fate, NodeId, ResetReason};
use pgherd_wire::backend::TransactionStatus;

use super::{FactsOfUnit, Life, Serving, Tracking, Turn, Wait, backend::Message};
use crate::{Action, Actions, Closing, Context, Gone, Refusal, ledger::Owed, leg::Leg, say};

impl Serving {
    /// A server said FATAL: it closes the connection next.
    pub(super) fn fatal(
        &mut self,
        cx: &mut Context<'_>,
        turn: Turn,
        message: &Message<'_>,
        out: &mut Actions,
    ) -> Life {
        match turn {
            Turn::Reader => self.reader_lost(cx, out),
            Turn::Lead => self.lead_lost(|out| message.show(out), out),
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
                self.release_gone(Turn::Lead, ResetReason::Gone, out);
                self.leave_now(out)
            }
            Turn::Lead => self.lead_lost(|out| out.make_to_client(say::backend_lost), out),
        }
    }

    /// The lead is gone. Where it held nothing that another would not have, the client does not notice.
    fn lead_lost(&mut self, tell: impl FnOnce(&mut Actions), out: &mut Actions) -> Life {
        if self.can_spare_lead() {
            self.release_gone(Turn::Lead, ResetReason::Gone, out);
            self.state.statements.lead_left();
            self.forget_questions();
            self.resume(out);
            return Life::Open;
        }
        if self.client_at_boundary() {
            tell(out);
        }
        self.release_gone(Turn::Lead, ResetReason::Gone, out);
        self.end(out, Closing::Backend)
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
                self.give_up_reader(cx, Some(node));
                self.resume(out);
                Life::Open
            }
            Wait::Ending => {
                self.facts = FactsOfUnit::Unknown;
                self.resume(out);
                Life::Open
            }
            Wait::Lease(Turn::Lead) | Wait::Again => {
                refuse(node, why, self.identity.user(), out);
                self.end(out, Closing::Backend)
            }
            Wait::Nothing | Wait::Admin | Wait::Answer | Wait::Replay | Wait::Provided => {
                self.wait = wait;
                Life::Open
            }
        }
    }

    /// True when the session holds nothing on its lead that another backend would not have, and waits for
    /// nothing from it.
    pub(super) fn can_spare_lead(&self) -> bool {
        let Some(leg) = &self.lead else { return false };
        let idle = !leg.ledger.owes_client()
            && leg.ledger.transaction() == TransactionStatus::Idle
            && !self.begins_transaction();
        let free = match self.tracking {
            Tracking::On => self.state.can_leave(leg.backend()),
            Tracking::Off => leg.is_untouched(),
        };
        idle && free && !self.client.is_forwarding()
    }

    /// The reader is gone. The client notices only when it has seen a part of an answer.
    fn reader_lost(&mut self, cx: &mut Context<'_>, out: &mut Actions) -> Life {
        let Some(leg) = &self.reader else { return Life::Open };
        let busy = self.turn == Turn::Reader;
        let mid_message = leg.streaming == Some(Owed::Client);
        self.drop_reader(ResetReason::Gone, out);
        if mid_message {
            // Half a message cannot be taken back.
            return self.end(out, Closing::Backend);
        }
        if !busy {
            self.provided(out);
            return Life::Open;
        }
        self.turn = Turn::Lead;
        self.flush_deferred(out);
        if self.unit.may_go_elsewhere() {
            return self.send_again(cx, out);
        }
        self.tell_read_lost(out)
    }

    pub(super) fn release_gone(&mut self, turn: Turn, why: ResetReason, out: &mut Actions) {
        let leg: Option<Box<Leg>> = match turn {
            Turn::Lead => self.lead.take(),
            Turn::Reader => self.reader.take(),
        };
        if let Some(leg) = leg {
            self.state.statements.left(leg.backend());
            out.push(Action::Release(leg.lease, Fate::Close(why)));
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
