//! One client, from accept to the end.

use std::sync::Arc;

use pgherd_types::{BackendId, NodeId, SessionId};
use pgherd_wire::{ProtocolVersion, backend};

use crate::{
    Action, Actions, Closing, Context, Event, Refusal, Report, Shutdown, Timer, say,
    serving::{Life, Pooling, Serving, refuse},
    startup::{Next, Startup, Wish},
    tracing::{Tracer, cancel_line},
};

/// Bytes of a cancel key: as many as protocol 3.2 clients are given.
pub const CANCEL_KEY_BYTES: usize = 32;

/// The state machine of one client connection. It is told [`Event`]s and pushes [`Action`]s; after
/// [`Action::CloseClient`] it wants no more events.
#[derive(Debug)]
pub struct Session {
    id: SessionId,
    cancel_key: [u8; CANCEL_KEY_BYTES],
    phase: Phase,
    /// Follows the messages, while the settings want it.
    tracer: Option<Box<Tracer>>,
}

#[derive(Debug)]
enum Phase {
    Startup(Box<Startup>),
    /// Waits for a place among `num_init_children`.
    Admitting(Box<Wish>),
    /// Waits for its first backend, on this node.
    Opening(Box<Wish>),
    Serving(Box<Serving>),
    Over,
}

impl Session {
    /// A session whose client has just been accepted. `cancel_key` is random; it is what a cancel request has
    /// to know.
    pub fn new(id: SessionId, cancel_key: [u8; CANCEL_KEY_BYTES]) -> Self {
        Session { id, cancel_key, phase: Phase::Startup(Box::default()), tracer: None }
    }

    /// The first thing to call: sets the timer of `authentication_timeout`. It runs until the client has said who it
    /// is, and again from the moment that it has a place until it has a backend.
    pub fn start(&mut self, cx: &mut Context<'_>, out: &mut Actions) {
        if let Some(limit) = cx.policy.authentication_timeout {
            out.push(Action::Arm(Timer::Authentication, cx.now.plus(limit)));
        }
    }

    /// The session's number.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// The key that a cancel request for this session has to carry, for a comparison in constant time. A client of
    /// protocol 3.0 was told the first four bytes, one of 3.2 all of them.
    pub fn cancel_key(&self, request_bytes: usize) -> &[u8] {
        let told = if request_bytes <= SHORT_KEY_BYTES { SHORT_KEY_BYTES } else { CANCEL_KEY_BYTES };
        self.cancel_key.get(..told).unwrap_or_default()
    }

    /// Takes an event and pushes what has to be done.
    pub fn handle(&mut self, cx: &mut Context<'_>, event: Event<'_>, out: &mut Actions) {
        if cx.policy.tracing.wants_messages() {
            self.handle_traced(cx, event, out);
        } else {
            self.tracer = None;
            self.handle_event(cx, event, out);
        }
    }

    /// How long the first message in these bytes of a backend is, or what is left of it; all of them when it does not
    /// end there.
    pub fn first_message(&self, backend: BackendId, bytes: &[u8]) -> usize {
        let Phase::Serving(serving) = &self.phase else { return bytes.len() };
        let Some((_, framer)) = serving.backend_framer(backend) else { return bytes.len() };
        let mut rest = bytes;
        match framer.clone().next(&mut rest) {
            Ok(Some(_)) => bytes.len() - rest.len(),
            Ok(None) | Err(_) => bytes.len(),
        }
    }

    fn handle_traced(&mut self, cx: &mut Context<'_>, event: Event<'_>, out: &mut Actions) {
        let client_bytes = if let Event::ClientBytes(bytes) = &event { Some(bytes.len()) } else { None };
        if let Phase::Serving(serving) = &self.phase {
            self.tracer.get_or_insert_default().before(serving, cx, &event, out);
        }
        self.handle_event(cx, event, out);
        if let (Some(tracer), Some(bytes)) = (&mut self.tracer, client_bytes) {
            tracer.after(bytes, out);
        }
    }

    fn handle_event(&mut self, cx: &mut Context<'_>, event: Event<'_>, out: &mut Actions) {
        match &mut self.phase {
            Phase::Serving(serving) => {
                if serving.handle(cx, event, out) == Life::Over {
                    self.phase = Phase::Over;
                }
            }
            Phase::Startup(_) | Phase::Admitting(_) | Phase::Opening(_) => {
                self.before_serving(cx, event, out)
            }
            Phase::Over => {
                // A lease that was asked for before the end.
                if let Event::Granted(lease) = event {
                    out.push(Action::Release(lease, pgherd_types::Fate::Reuse));
                }
            }
        }
    }

    // Once for each session: what every event goes through stays short.
    #[inline(never)]
    fn before_serving(&mut self, cx: &mut Context<'_>, event: Event<'_>, out: &mut Actions) {
        match event {
            Event::ClientBytes(bytes) => self.startup_bytes(cx, bytes, out),
            Event::ClientDone | Event::ClientGone => self.close(Closing::Client, out),
            Event::Admitted => self.admitted(cx, out),
            Event::NotAdmitted => {
                out.make_to_client(say::too_many_clients);
                self.close(Closing::Refused, out);
            }
            Event::Granted(lease) => self.open(cx, lease, out),
            Event::Refused { node, why } => self.refused(node, why, out),
            Event::Timer(Timer::Authentication) => self.authentication_timeout(out),
            Event::Drain(how) => self.drain(how, out),
            // Nothing is in flight, no backend is held, and no such timer or question is out.
            Event::CancelAsked
            | Event::CancelDone { .. }
            | Event::BackendBytes { .. }
            | Event::BackendGone { .. }
            | Event::AdminAnswer(_)
            | Event::Timer(Timer::ClientIdle | Timer::Replay) => {}
        }
    }

    fn close(&mut self, closing: Closing, out: &mut Actions) {
        self.phase = Phase::Over;
        out.push(Action::CloseClient(closing));
    }

    /// As PostgreSQL does it: who has not said who it is is told nothing.
    fn authentication_timeout(&mut self, out: &mut Actions) {
        match &self.phase {
            Phase::Startup(_) => {}
            // The time in the queue is ours, not the client's: the timer is not set then.
            Phase::Admitting(_) | Phase::Over | Phase::Serving(_) => return,
            Phase::Opening(_) => out.make_to_client(say::authentication_timeout),
        }
        self.close(Closing::TimeLimit, out);
    }

    fn startup_bytes(&mut self, cx: &mut Context<'_>, bytes: &[u8], out: &mut Actions) {
        let mut at = 0;
        loop {
            let Phase::Startup(startup) = &mut self.phase else {
                // The client speaks before it is spoken to; it is heard once the session is open.
                out.push(Action::HoldClient { from: at });
                return;
            };
            let (taken, next) = startup.take(bytes.get(at..).unwrap_or_default(), cx.common);
            at += taken;
            match next {
                Next::More => return,
                Next::Refuse(byte) => out.make_to_client(|to| to.push(byte)),
                Next::Cancel { session, key } => {
                    if cx.policy.tracing.client_messages {
                        out.push(Action::Report(Report::Message(cancel_line(session))));
                    }
                    out.push(Action::CancelSession { session, key });
                    return self.close(Closing::NoSession, out);
                }
                Next::Start(wish) => {
                    out.push(Action::Disarm(Timer::Authentication));
                    out.push(Action::Admit(Arc::clone(&wish.identity)));
                    self.phase = Phase::Admitting(wish);
                }
                Next::Error(error) => {
                    out.push(Action::Report(Report::ClientProtocol(error.to_string())));
                    out.make_to_client(|to| error.put(to));
                    return self.close(Closing::Protocol, out);
                }
            }
        }
    }

    fn admitted(&mut self, cx: &mut Context<'_>, out: &mut Actions) {
        let Phase::Admitting(wish) = &self.phase else { return };
        let node = cx.topology.write_node().or_else(|| cx.topology.main());
        match node {
            Some(node) => {
                out.push(Action::Acquire { node, identity: Arc::clone(&wish.identity) });
                self.start(cx, out);
                if let Phase::Admitting(wish) = core::mem::replace(&mut self.phase, Phase::Over) {
                    self.phase = Phase::Opening(wish);
                }
            }
            None => {
                out.make_to_client(say::all_nodes_down);
                self.close(Closing::Refused, out);
            }
        }
    }

    fn refused(&mut self, node: NodeId, why: &Refusal, out: &mut Actions) {
        if let Phase::Opening(wish) = &self.phase {
            refuse(node, why, wish.identity.user(), out);
        }
        self.close(Closing::Backend, out);
    }

    fn open(&mut self, cx: &mut Context<'_>, lease: pgherd_types::Lease, out: &mut Actions) {
        if !matches!(self.phase, Phase::Opening(_)) {
            return out.push(Action::Release(lease, pgherd_types::Fate::Reuse));
        }
        let Phase::Opening(wish) = core::mem::replace(&mut self.phase, Phase::Over) else { return };
        let pooling = if cx.policy.connection_cache { wish.pooling } else { Pooling::NotPooled };
        let mut serving = Box::new(Serving::open(cx, Arc::clone(&wish.identity), pooling, lease));
        let key_bytes =
            if wish.version >= ProtocolVersion::V3_2 { CANCEL_KEY_BYTES } else { SHORT_KEY_BYTES };
        out.make_to_client(|to| {
            to.extend_from_slice(&wish.negotiation);
            backend::put_authentication_ok(to);
            to.extend_from_slice(serving.view().as_messages(say::parameter_status));
            backend::put_backend_key_data(
                to,
                self.id.0,
                self.cancel_key.get(..key_bytes).unwrap_or_default(),
            );
            say::ready_for_query(to, backend::TransactionStatus::Idle);
        });
        out.push(Action::Disarm(Timer::Authentication));
        if let Some(limit) = cx.policy.client_idle_limit {
            out.push(Action::Arm(Timer::ClientIdle, cx.now.plus(limit)));
        }
        out.push(Action::Report(Report::Opened(wish.identity)));
        serving.draw_first(cx, out);
        serving.resume_first(out);
        self.phase = Phase::Serving(serving);
    }

    fn drain(&mut self, how: Shutdown, out: &mut Actions) {
        match how {
            Shutdown::Smart => out.make_to_client(say::shutting_down),
            Shutdown::Fast | Shutdown::Immediate => out.make_to_client(|to| say::shutdown(to, how)),
        }
        self.close(Closing::Shutdown, out);
    }
}

/// Bytes of the cancel key of protocol 3.0.
const SHORT_KEY_BYTES: usize = 4;

#[cfg(test)]
mod tests {
    use super::Session;
    use crate::{leg::Leg, serving::Serving};

    /// Thousands of clients may have nothing to do. What most of them never need belongs behind a pointer.
    #[test]
    fn an_idle_session_takes_no_more_than_was_promised() {
        let sizes = [size_of::<Session>(), size_of::<Serving>(), size_of::<Leg>()];
        let most = [64, 520, 200];
        let fits = sizes.iter().zip(most).all(|(size, most)| *size <= most);
        let advice = "make rare parts `Rarely`, or change docs/performance.md too";
        assert!(fits, "session, serving and leg take {sizes:?} bytes, and may take {most:?}: {advice}");
    }
}
