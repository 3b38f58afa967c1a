//! What a session asks its lead for itself: a simple query that the client does not see.

use std::collections::VecDeque;

use pgherd_route::Lookup;

use super::{FactsOfUnit, Life, Serving, Wait, place::Where};
use crate::state::UnnamedId;
use crate::{
    Actions, Closing, Context,
    ledger::{Ended, Finished, Owed, Request},
    leg::Leaves,
    planted::{PlantedBug, planted},
    rarely::Rarely,
    say,
};
use pgherd_types::limits;
use pgherd_wire::{
    SqlState, backend::TransactionStatus, error_response::Fields, frame::HEADER_BYTES, sqlstate,
};

/// A question that is out.
#[derive(Debug)]
pub(super) enum Question {
    /// What the catalogs say of some names.
    Facts {
        lookup: Lookup,
        /// The state of the catalogs when it was asked.
        epoch: u64,
        guard: Guard,
    },
    /// Where the lead is in the WAL.
    Position(Guard),
    /// No question: it makes the transaction fail, as that of the reader has.
    Abort,
    /// No question: settings that a new lead is told.
    Settings,
    /// No question: the Sync behind a front.
    Front,
    /// No question: the client's transaction, which a question has made fail, goes on.
    Restore {
        /// How often it is tried again.
        left: usize,
        /// The error of the question.
        why: Vec<u8>,
    },
}

/// The questions that are out, in order, and what has come of the answer to the first of them. Questions are rare: what
/// they take is given back when the last one is answered.
#[derive(Debug, Default)]
pub(super) struct Asked(Rarely<Out>);

#[derive(Debug, Default)]
struct Out {
    questions: VecDeque<Question>,
    answer: Answer,
}

/// The answer to a question, as far as it has come.
#[derive(Debug, Default)]
struct Answer {
    rows: Vec<u8>,
    /// The ErrorResponse, where it is one.
    error: Vec<u8>,
}

impl Asked {
    pub(super) fn is_empty(&self) -> bool {
        self.0.get().is_none()
    }

    pub(super) fn push(&mut self, question: Question) {
        self.0.make().questions.push_back(question);
    }

    /// True while the lead has not told of the transaction that it is to begin.
    pub(super) fn begins_transaction(&self) -> bool {
        let is_front = |question: &Question| matches!(question, Question::Front);
        self.0.get().is_some_and(|out| out.questions.iter().any(is_front))
    }

    /// Keeps rows of the answer to the first one. What is too long is not kept, and is not understood then.
    fn collect(&mut self, bytes: &[u8]) {
        if let Some(out) = self.0.get_mut()
            && out.answer.rows.len() + bytes.len() <= limits::ANSWER_BYTES
        {
            out.answer.rows.extend_from_slice(bytes);
        }
    }

    /// The first one is answered with an error. One that is too long, of which the beginning is all that there is here,
    /// is not kept.
    pub(super) fn failed(&mut self, error: &[u8]) {
        if let Some(out) = self.0.get_mut()
            && error.len() <= limits::GATHER_BACKEND_BYTES
        {
            out.answer.error = error.to_vec();
        }
    }

    /// The first one, and its answer.
    fn answered(&mut self) -> Option<(Question, Answer)> {
        let out = self.0.get_mut()?;
        let question = out.questions.pop_front();
        let answer = core::mem::take(&mut out.answer);
        if out.questions.is_empty() {
            self.0.forget();
        }
        question.map(|question| (question, answer))
    }

    fn forget(&mut self) {
        self.0.forget();
    }
}

/// Whether a question may make the client's transaction fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    /// There is none to fail, or nothing to lose.
    NotNeeded,
    /// It is asked behind a savepoint.
    Savepoint,
}

/// A savepoint that a question in a transaction has to itself, and its end. One of the client's own of that name is
/// hidden meanwhile.
const SAVEPOINT: &[u8] = b"SAVEPOINT pgherd";
const RELEASE: &[u8] = b"RELEASE SAVEPOINT pgherd";
const RESTORE: &[u8] = b"ROLLBACK TO SAVEPOINT pgherd";

/// How often going back to the savepoint is tried once more: it takes no time and no lock, but a client may have set a
/// time limit that is next to none.
const RESTORES: usize = 10;

impl Serving {
    /// Asks the lead's catalogs; the client's input waits.
    pub(super) fn ask_facts(&mut self, cx: &mut Context<'_>, lookup: Lookup, out: &mut Actions) -> Where {
        let Some(leg) = &self.lead else { return self.wait_for_lead(cx, out) };
        if !leg.ledger.is_settled() {
            return Where::Wait;
        }
        if !self.may_ask_lead() {
            return Where::Lead;
        }
        let guard = self.ask_guarded(lookup.query().as_bytes(), out);
        self.asked.push(Question::Facts { lookup, epoch: cx.catalogs_epoch, guard });
        self.wait = Wait::Answer;
        Where::Wait
    }

    /// Asks the lead, which owes nothing, what may fail: by a time limit of the client's, a lock, or a right that was
    /// taken away. In a transaction it fails behind a savepoint, which is then returned to.
    pub(super) fn ask_guarded(&mut self, text: &[u8], out: &mut Actions) -> Guard {
        let open = self.transaction() == TransactionStatus::InTransaction;
        if open && !planted(PlantedBug::AsksUnguarded) {
            self.ask_lead(&[SAVEPOINT, text, RELEASE], Leaves::Something, out);
            Guard::Savepoint
        } else {
            self.ask_lead(&[text], Leaves::Nothing, out);
            Guard::NotNeeded
        }
    }

    /// A question has failed, and the client's transaction with it: it goes back to where it was.
    fn restore(&mut self, left: usize, why: Vec<u8>, out: &mut Actions) {
        self.ask_lead(&[RESTORE, RELEASE], Leaves::Something, out);
        self.asked.push(Question::Restore { left, why });
    }

    /// It could not go back. The savepoint itself may have been what a time limit or a cancel has hit; then there is
    /// none to go back to, and what has hit it is what the client's next statement is told.
    fn not_restored(&mut self, left: usize, why: Vec<u8>, error: Vec<u8>, out: &mut Actions) {
        let no_savepoint = code_of(&error) == Some(sqlstate::INVALID_SAVEPOINT);
        if no_savepoint {
            *self.untold.make() = why;
        } else if left > 0 {
            self.restore(left - 1, why, out);
        } else {
            *self.untold.make() = error;
        }
    }

    /// An error of the lead is the client's: what it is told instead, where all that it says is that the transaction
    /// has failed, and the client does not know of that.
    pub(super) fn take_untold(&mut self, error: &[u8]) -> Option<Vec<u8>> {
        self.untold.get()?;
        let untold = self.untold.take();
        let applies = !untold.is_empty() && code_of(error) == Some(sqlstate::IN_FAILED_SQL_TRANSACTION);
        applies.then_some(untold)
    }

    /// Sends the lead a query of the session's own. A simple one ends the lead's unnamed statement, which is prepared
    /// again when the client wants it. The unnamed portal of a transaction could not be made again.
    pub(super) fn ask_lead(&mut self, texts: &[&[u8]], leaves: Leaves, out: &mut Actions) {
        let open = self.transaction() != TransactionStatus::Idle;
        let portal = self.state.portals.is_leads();
        if let Some(leg) = &mut self.lead {
            if portal && (open || leg.may_begin()) {
                return leg.ask_beside(Owed::Session, texts, out);
            }
            leg.ask(Owed::Session, &texts.join(b";\n".as_slice()), leaves, out);
        }
        self.lead_ran_own_query();
    }

    /// The lead has no unnamed statement any more; the client has one as before.
    pub(super) fn lead_ran_own_query(&mut self) {
        if let Some(leg) = &mut self.lead {
            leg.unnamed = UnnamedId::LeadsOwn;
        }
        self.state.statements.lead_left();
    }

    /// True when that costs the client nothing that could not be given back.
    pub(super) fn may_ask_lead(&self) -> bool {
        self.state.statements.unnamed_can_move()
    }

    /// Collects rows of an answer.
    pub(super) fn collect_answer(&mut self, bytes: &[u8]) {
        self.asked.collect(bytes);
    }

    /// The lead that was asked is gone; what is still wanted is asked of the next.
    pub(super) fn forget_questions(&mut self) {
        self.asked.forget();
        if self.wait == Wait::Answer {
            self.wait = Wait::Nothing;
        }
    }

    /// The lead has answered a question.
    pub(super) fn answered(&mut self, cx: &mut Context<'_>, finished: Finished, out: &mut Actions) -> Life {
        let ended = finished.ended;
        let Some((question, answer)) = self.asked.answered() else { return Life::Open };
        if finished.request == Request::Query {
            // What was prepared between the asking and the answer was prepared before the query ran.
            self.lead_ran_own_query();
        }
        if let Question::Facts { guard, .. } | Question::Position(guard) = &question
            && ended != Ended::Well
        {
            self.facts = FactsOfUnit::Unknown;
            if *guard == Guard::Savepoint {
                self.restore(RESTORES, answer.error, out);
                return Life::Open;
            }
        }
        let life = match question {
            Question::Restore { left, why } => {
                if ended != Ended::Well {
                    self.not_restored(left, why, answer.error, out);
                }
                Life::Open
            }
            Question::Front => {
                self.front_ended(ended, out);
                Life::Open
            }
            Question::Facts { lookup, epoch, guard: _ } => {
                let learnt = ended == Ended::Well && cx.router.learn(lookup, &answer.rows, epoch).is_ok();
                if !learnt {
                    self.facts = FactsOfUnit::Unknown;
                }
                Life::Open
            }
            Question::Position(_) => {
                if !self.position_told(&answer.rows) {
                    self.facts = FactsOfUnit::Unknown;
                }
                Life::Open
            }
            Question::Abort => {
                out.make_to_client(|to| say::ready_for_query(to, TransactionStatus::Failed));
                Life::Open
            }
            Question::Settings if ended != Ended::Well => {
                // Without them the client's statements would mean something else.
                out.make_to_client(say::settings_lost);
                self.end(out, Closing::Backend)
            }
            Question::Settings => {
                if let Some(parameters) = self.lead.as_ref().map(|leg| leg.lease.facts.parameters.clone()) {
                    self.adopt_view(&parameters, out);
                }
                Life::Open
            }
        };
        if self.wait == Wait::Answer && self.asked.is_empty() {
            self.wait = Wait::Nothing;
        }
        life
    }
}

/// The SQLSTATE of an ErrorResponse.
fn code_of(error: &[u8]) -> Option<SqlState> {
    Fields::of_body(error.get(HEADER_BYTES..)?).code()
}

#[cfg(test)]
mod tests {
    use super::{Asked, Question, limits};

    #[test]
    fn the_beginning_of_an_error_is_not_kept_for_all_of_it() {
        let mut asked = Asked::default();
        for (length, kept) in
            [(limits::GATHER_BACKEND_BYTES, true), (limits::GATHER_BACKEND_BYTES + 1, false)]
        {
            asked.push(Question::Abort);
            asked.failed(&vec![b'E'; length]);
            let (_, answer) = asked.answered().expect("a question was asked");
            assert_eq!(!answer.error.is_empty(), kept);
        }
    }
}
