//! The client's transaction on two legs: the lead's is the truth, the reader follows.

use pgherd_sql::{Change, Setting, Statement, Text, Verb};
use pgherd_wire::{backend::TransactionStatus, frontend};

use super::{Serving, Wait, client::Step, questions::Question};
use crate::{
    Actions,
    ledger::Owed,
    leg::{Joined, Leaves, Leg},
    planted::{PlantedBug, planted},
};

impl Serving {
    /// The client's transaction has ended: readers end theirs.
    pub(super) fn readers_leave_transaction(&mut self, out: &mut Actions) {
        if planted(PlantedBug::LeavesReaderInTransaction) {
            return;
        }
        for leg in self.reader.iter_mut().chain(self.parked.as_mut_slice()) {
            leave(leg, out);
        }
    }

    /// True when the reader has failed a read of the client's transaction, and the client is to see that: the lead's
    /// transaction has to fail too before the client is told that all is ready.
    pub(super) fn lead_must_fail(&self) -> bool {
        let open = self.transaction() == TransactionStatus::InTransaction;
        open && !self.unit.has_failed() && !planted(PlantedBug::KeepsLeadGoing)
    }

    /// The reader's transaction has failed and ends; where the client has seen that, the lead's fails with it.
    pub(super) fn fail_with_reader(&mut self, out: &mut Actions) {
        let failed =
            self.reader.as_ref().is_some_and(|leg| leg.ledger.transaction() == TransactionStatus::Failed);
        if !failed {
            return;
        }
        if let Some(leg) = &mut self.reader {
            leave(leg, out);
        }
        if self.lead_must_fail() {
            self.abort_lead(out);
        }
    }

    /// A transaction that has run a query refuses other characteristics; where only the reader has run one, the lead
    /// has to learn of it first.
    pub(super) fn show_lead_a_query(&mut self, text: &Text, out: &mut Actions) -> Step {
        let transaction = &mut self.state.transaction;
        if !transaction.was_read_elsewhere
            || transaction.lead_has_queried
            || !text.statements().iter().any(characterises)
        {
            return Step::Taken;
        }
        if let Some(leg) = self.lead.as_ref().filter(|leg| leg.ledger.owes()) {
            // An error among the answers that are still out would have it discarded.
            out.make_to_backend(leg.backend(), frontend::put_flush);
            return Step::Hold;
        }
        let transaction = &mut self.state.transaction;
        transaction.lead_has_queried = true;
        if self.transaction() != TransactionStatus::InTransaction || !self.may_ask_lead() {
            return Step::Taken;
        }
        match self.lead.as_mut().filter(|leg| leg.ledger.owes_client()) {
            // A simple query would end the batch that is open, and so would a failure.
            Some(leg) => {
                leg.run_beside(Owed::Nobody, LOOKS, None, out);
                Step::Taken
            }
            None => {
                self.ask_position_in_transaction(out);
                Step::Hold
            }
        }
    }

    /// The lead's transaction fails without a statement of the client's, which is then told that all is ready.
    pub(super) fn abort_lead(&mut self, out: &mut Actions) {
        if self.lead.is_some() {
            self.ask_lead(&[ABORT], Leaves::Something, out);
            self.asked.push(Question::Abort);
            self.wait = Wait::Answer;
        }
    }
}

/// True when the statement gives a transaction characteristics.
fn characterises(statement: &Statement) -> bool {
    let sets = |setting: &Setting| matches!(setting.change, Change::Transaction(_) | Change::Snapshot);
    matches!(statement.verb, Verb::Begin(_)) || statement.sets.iter().any(sets)
}

/// A query that takes a snapshot, and asks for no right.
const LOOKS: &[u8] = b"SELECT 1";

/// Ends the reader's transaction. What was set in it is told again, should it hold.
fn leave(leg: &mut Leg, out: &mut Actions) {
    match core::mem::replace(&mut leg.joined, Joined::No) {
        Joined::No => {}
        Joined::With { told: 0, .. } => leg.ask(Owed::Nobody, b"COMMIT", Leaves::Something, out),
        Joined::With { .. } => leg.ask(Owed::Nobody, b"ROLLBACK", Leaves::Something, out),
    }
}

/// A text that no server understands: it makes the transaction fail, and says why to who reads the server's log.
const ABORT: &[u8] = b"pgherd: the transaction has failed on a standby";
