use pgherd_types::BackendFacts;
use pgherd_wire::backend::Message;

use crate::messages::Messages;

/// Reads a backend that is idle in the pool. A server speaks then only to report a changed parameter, a notice or a
/// NOTIFY, or to say goodbye.
#[derive(Debug)]
pub struct Parked {
    messages: Messages,
}

/// What an idle backend's words mean for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParkedStep {
    /// It can stay.
    Fine,
    /// It has to be closed.
    Broken,
}

impl Parked {
    /// For a backend at a message boundary with nothing owed.
    #[expect(clippy::new_without_default, reason = "a parked backend is never a default of anything")]
    pub fn new() -> Self {
        Parked { messages: Messages::new() }
    }

    /// Takes what the backend sent, and keeps `facts` right.
    pub fn receive(&mut self, mut bytes: &[u8], facts: &mut BackendFacts) -> ParkedStep {
        loop {
            match self.messages.next(&mut bytes, |message| read(message, facts)) {
                Ok(None) => return ParkedStep::Fine,
                Ok(Some(ParkedStep::Fine)) => {}
                Ok(Some(ParkedStep::Broken)) | Err(_) => return ParkedStep::Broken,
            }
        }
    }

    /// True when the backend can be granted: no message is begun.
    pub fn at_boundary(&self) -> bool {
        self.messages.at_boundary()
    }
}

fn read(message: &[u8], facts: &mut BackendFacts) -> ParkedStep {
    match Message::parse(message) {
        Ok(Message::ParameterStatus { name, value }) if note(facts, name, value) => ParkedStep::Fine,
        Ok(Message::NoticeResponse(_) | Message::NotificationResponse { .. }) => ParkedStep::Fine,
        _ => ParkedStep::Broken,
    }
}

/// Notes a parameter. False when it is not text or there are too many.
pub(crate) fn note(facts: &mut BackendFacts, name: &[u8], value: &[u8]) -> bool {
    let value = String::from_utf8_lossy(value);
    core::str::from_utf8(name).is_ok_and(|name| facts.parameters.set(name, &value))
}

#[cfg(test)]
mod tests {
    use pgherd_types::BackendFacts;
    use pgherd_wire::SqlState;
    use pgherd_wire::backend::{self, TransactionStatus};
    use pgherd_wire::error_response::ErrorResponse;

    use super::{Parked, ParkedStep};

    fn step(write: impl FnOnce(&mut Vec<u8>)) -> (ParkedStep, BackendFacts) {
        let (mut bytes, mut facts) = (Vec::new(), BackendFacts::default());
        write(&mut bytes);
        (Parked::new().receive(&bytes, &mut facts), facts)
    }

    #[test]
    fn small_talk_is_fine_and_parameters_are_kept() {
        let (fine, facts) = step(|out| {
            backend::put_notification(out, 1, b"channel", b"");
            backend::put_parameter_status(out, b"TimeZone", b"UTC");
        });
        assert_eq!((fine, facts.parameters.get("TimeZone")), (ParkedStep::Fine, Some("UTC")));
    }

    #[test]
    fn anything_else_ends_it() {
        let code = SqlState::parse(b"57P01").unwrap();
        assert_eq!(step(|out| ErrorResponse::fatal(code, "bye").put(out)).0, ParkedStep::Broken);
        assert_eq!(
            step(|out| backend::put_ready_for_query(out, TransactionStatus::Idle)).0,
            ParkedStep::Broken
        );
        assert_eq!(step(|out| out.extend(*b"?\0\0\0\x04")).0, ParkedStep::Broken);
    }

    #[test]
    fn half_a_message_is_no_boundary() {
        let mut parked = Parked::new();
        assert_eq!(parked.receive(b"S\0\0", &mut BackendFacts::default()), ParkedStep::Fine);
        assert!(!parked.at_boundary());
    }
}
