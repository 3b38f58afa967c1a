//! What can be seen of a session: its statements, and the messages of its client and its backends.

mod backend;
mod client;
mod statements;

use pgherd_wire::{
    error_response::{ErrorResponse, Severity},
    sqlstate,
};

use self::{backend::BackendTracer, client::ClientTracer};
pub(crate) use self::{client::cancel_line, statements::StatementTracer};
use crate::{Action, Actions, Context, Event, Report, serving::Serving};

/// What is logged, and told to the client, of a session's statements and messages. A session may change it for itself
/// with `PGPOOL SET`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tracing {
    /// `log_statement`: a line for each statement.
    pub statements: bool,
    /// `log_per_node_statement`: a line for each statement and node that gets it.
    pub node_statements: bool,
    /// `notice_per_node_statement`, where `client_min_messages` lets notices through: the client is told of each.
    pub statement_notices: bool,
    /// `log_client_messages`: a line for each message of the client.
    pub client_messages: bool,
    /// `log_backend_messages`.
    pub backend_messages: BackendMessages,
    /// `client_min_messages` is `log` or below: the client gets the lines on backends' messages, too.
    pub tells_log: bool,
}

/// How the messages of backends are logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackendMessages {
    /// Not at all.
    #[default]
    None,
    /// A run of messages of one kind as two lines.
    Terse,
    /// Each of them.
    Verbose,
}

impl Tracing {
    /// True when messages have to be followed.
    pub(crate) fn wants_messages(&self) -> bool {
        self.client_messages || self.backend_messages != BackendMessages::None
    }

    /// True when the client is told of each message of a backend, before the message.
    pub fn tells_backend_messages(&self) -> bool {
        self.tells_log && self.backend_messages != BackendMessages::None
    }

    /// True when statements have to be reported.
    pub fn wants_statements(&self) -> bool {
        self.statements || self.node_statements || self.statement_notices
    }
}

/// A line for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What happened.
    pub text: String,
    /// The particulars.
    pub detail: Option<String>,
}

/// Follows the messages of a session. There is one only while the settings want it.
#[derive(Debug, Default)]
pub(crate) struct Tracer {
    client: Option<ClientTracer>,
    backend: BackendTracer,
}

impl Tracer {
    /// Reports the messages that an event brings, before the session acts on them.
    pub(crate) fn before(
        &mut self,
        serving: &Serving,
        cx: &Context<'_>,
        event: &Event<'_>,
        out: &mut Actions,
    ) {
        let wanted = cx.policy.tracing;
        match event {
            Event::ClientBytes(bytes) if wanted.client_messages => {
                let client =
                    self.client.get_or_insert_with(|| ClientTracer::new(serving.client_framer().clone()));
                client.take(bytes, &mut |line| out.push(Action::Report(Report::Message(line))));
            }
            Event::ClientBytes(_) => self.client = None,
            Event::BackendBytes { backend, bytes } => {
                let Some((node, framer)) = serving.backend_framer(*backend) else { return };
                let tells = wanted.tells_log && serving.may_tell();
                let mut report = |text: String| {
                    if tells {
                        let notice = ErrorResponse::new(Severity::Log, sqlstate::INTERNAL_ERROR, &text);
                        out.make_to_client(|to| notice.put(to));
                    }
                    out.push(Action::Report(Report::Message(Line { text, detail: None })));
                };
                self.backend.take(wanted.backend_messages, node, framer.clone(), bytes, &mut report);
            }
            Event::ClientDone
            | Event::ClientGone
            | Event::Admitted
            | Event::NotAdmitted
            | Event::Granted(_)
            | Event::Refused { .. }
            | Event::BackendGone { .. }
            | Event::CancelAsked
            | Event::CancelDone { .. }
            | Event::AdminAnswer(_)
            | Event::Timer(_)
            | Event::Drain(_) => {}
        }
    }

    /// Notes how many of the client's bytes the session has held back.
    pub(crate) fn after(&mut self, client_bytes: usize, out: &Actions) {
        let Some(client) = &mut self.client else { return };
        let held = out.iter().find_map(|action| {
            if let Action::HoldClient { from } = action {
                Some(client_bytes.saturating_sub(*from))
            } else {
                None
            }
        });
        client.comes_again(held.unwrap_or(0));
    }
}
