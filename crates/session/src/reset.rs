use std::sync::Arc;

use pgherd_types::BackendFacts;
use pgherd_wire::backend::{Message, TransactionStatus};
use pgherd_wire::frontend;

use crate::messages::Messages;
use crate::parked::note;

/// Makes a backend fit for the next session: runs `reset_query_list`, one statement after the other.
///
/// It begins with a Sync. Its answer tells whether a transaction is open, so that an ABORT in the list is
/// sent only when there is something to abort (as Pgpool-II does), and it proves that nothing else was owed.
#[derive(Debug)]
pub struct Reset {
    messages: Messages,
    queries: Arc<[String]>,
    next: usize,
}

/// How far a reset is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetStep {
    /// It goes on with the server's next words; what `out` holds has to be sent.
    Waiting,
    /// The backend is as good as new.
    Done,
    /// A statement failed, a transaction is still open, or the server said what it should not: close it.
    Broken,
}

impl Reset {
    /// Begins. The backend is at a message boundary and owes nothing; `block_open` says whether it is in a transaction
    /// block. What it says has to be sent; with nothing to run, the step is [`ResetStep::Done`] at once.
    pub fn start(queries: Arc<[String]>, block_open: bool, out: &mut Vec<u8>) -> (Self, ResetStep) {
        let mut reset = Reset { messages: Messages::new(), queries, next: 0 };
        let status = if block_open { TransactionStatus::InTransaction } else { TransactionStatus::Idle };
        let step = reset.go_on(status, out);
        (reset, step)
    }

    /// Takes what the backend sent, appends what to send next, and keeps `facts` right.
    pub fn receive(&mut self, mut bytes: &[u8], facts: &mut BackendFacts, out: &mut Vec<u8>) -> ResetStep {
        let mut ready = None;
        loop {
            let said = match self.messages.next(&mut bytes, |message| read(message, facts)) {
                Ok(Some(said)) => said,
                Ok(None) => break,
                Err(_) => return ResetStep::Broken,
            };
            match (said, ready) {
                // A parameter may change at any moment, and right after the answer too.
                (Said::Aside, _) | (Said::Answer, None) => {}
                (Said::Ready(status), None) => ready = Some(status),
                (Said::Answer | Said::Ready(_), Some(_)) | (Said::Wrong, _) => return ResetStep::Broken,
            }
        }
        match ready.map(|status| self.go_on(status, out)) {
            None => ResetStep::Waiting,
            Some(ResetStep::Done) if !self.messages.at_boundary() => ResetStep::Broken,
            Some(step) => step,
        }
    }

    fn go_on(&mut self, status: TransactionStatus, out: &mut Vec<u8>) -> ResetStep {
        while let Some(query) = self.queries.get(self.next) {
            self.next += 1;
            let needless = status == TransactionStatus::Idle && is_abort(query);
            if !needless && !query.trim().is_empty() {
                frontend::put_query(out, query.as_bytes());
                return ResetStep::Waiting;
            }
        }
        match status {
            TransactionStatus::Idle => ResetStep::Done,
            TransactionStatus::InTransaction | TransactionStatus::Failed => ResetStep::Broken,
        }
    }
}

/// What a message means for a reset.
enum Said {
    /// What may come at any moment.
    Aside,
    /// A part of the answer.
    Answer,
    Ready(TransactionStatus),
    Wrong,
}

fn read(message: &[u8], facts: &mut BackendFacts) -> Said {
    match Message::parse(message) {
        Ok(Message::ReadyForQuery(status)) => Said::Ready(status),
        Ok(Message::ParameterStatus { name, value }) if note(facts, name, value) => Said::Aside,
        Ok(Message::NoticeResponse(_) | Message::NotificationResponse { .. }) => Said::Aside,
        // A statement of the list may be any that a simple query may hold, but for COPY.
        Ok(
            Message::CommandComplete(_)
            | Message::EmptyQueryResponse
            | Message::RowDescription(_)
            | Message::DataRow(_),
        ) => Said::Answer,
        _ => Said::Wrong,
    }
}

/// True for the statement with which `reset_query_list` begins by default.
fn is_abort(query: &str) -> bool {
    query.trim().trim_end_matches(';').trim_end().eq_ignore_ascii_case("abort")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pgherd_types::BackendFacts;
    use pgherd_wire::SqlState;
    use pgherd_wire::backend::{self, TransactionStatus};
    use pgherd_wire::error_response::ErrorResponse;

    use super::{Reset, ResetStep};

    const ABORT: &[u8] = b"Q\0\0\0\x0aABORT\0";
    const DISCARD: &[u8] = b"Q\0\0\0\x10DISCARD ALL\0";

    fn started(block_open: bool, first: &[u8]) -> Reset {
        let mut out = Vec::new();
        let queries: Arc<[String]> = ["ABORT".to_owned(), "DISCARD ALL".to_owned()].into();
        let (reset, step) = Reset::start(queries, block_open, &mut out);
        assert_eq!((step, out.as_slice()), (ResetStep::Waiting, first));
        reset
    }

    fn step(reset: &mut Reset, write: impl FnOnce(&mut Vec<u8>)) -> (ResetStep, Vec<u8>) {
        let (mut bytes, mut out) = (Vec::new(), Vec::new());
        write(&mut bytes);
        let step = reset.receive(&bytes, &mut BackendFacts::default(), &mut out);
        (step, out)
    }

    fn complete(tag: &str, status: TransactionStatus) -> impl FnOnce(&mut Vec<u8>) {
        move |out| {
            backend::put_command_complete(out, tag.as_bytes());
            backend::put_ready_for_query(out, status);
        }
    }

    #[test]
    fn abort_is_sent_only_when_there_is_something_to_abort() {
        let idle = TransactionStatus::Idle;
        let mut reset = started(false, DISCARD);
        assert_eq!(step(&mut reset, complete("DISCARD ALL", idle)), (ResetStep::Done, vec![]));
        let mut reset = started(true, ABORT);
        assert_eq!(step(&mut reset, complete("ROLLBACK", idle)), (ResetStep::Waiting, DISCARD.into()));
        assert_eq!(step(&mut reset, complete("DISCARD ALL", idle)), (ResetStep::Done, vec![]));
    }

    #[test]
    fn without_queries_an_open_block_ends_the_backend() {
        let start = |block_open| Reset::start([].into(), block_open, &mut Vec::new()).1;
        assert_eq!((start(false), start(true)), (ResetStep::Done, ResetStep::Broken));
    }

    #[test]
    fn an_error_or_an_open_transaction_ends_the_backend() {
        let code = SqlState::parse(b"25001").unwrap();
        let mut reset = started(false, DISCARD);
        assert_eq!(step(&mut reset, |out| ErrorResponse::error(code, "no").put(out)).0, ResetStep::Broken);
        let mut reset = started(false, DISCARD);
        let open = complete("BEGIN", TransactionStatus::InTransaction);
        assert_eq!(step(&mut reset, open).0, ResetStep::Broken);
    }

    #[test]
    fn an_answer_too_many_ends_the_backend() {
        let twice = |out: &mut Vec<u8>| {
            complete("ROLLBACK", TransactionStatus::Idle)(out);
            complete("ROLLBACK", TransactionStatus::Idle)(out);
        };
        assert_eq!(step(&mut started(true, ABORT), twice).0, ResetStep::Broken);
    }

    #[test]
    fn a_parameter_may_change_right_after_the_answer() {
        let mut reset = started(true, ABORT);
        let news = |out: &mut Vec<u8>| {
            complete("ROLLBACK", TransactionStatus::Idle)(out);
            backend::put_parameter_status(out, b"TimeZone", b"UTC");
        };
        assert_eq!(step(&mut reset, news), (ResetStep::Waiting, DISCARD.into()));
    }
}
