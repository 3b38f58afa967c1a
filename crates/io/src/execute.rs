//! Between a session and the sockets: events in, actions out.

use std::io::IoSlice;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use pgherd_pool::Verdict;
use pgherd_session::{Action, Bytes, Event, Report};
use pgherd_types::{BackendId, Identity, SessionId};

use crate::client_conn::{Alarms, Place};
use crate::event_loop::{Due, EventLoop};
use crate::pending::Pending;
use crate::shared::Letter;
use crate::slab::Key;
use crate::stream::Sent;
use crate::token::Token;
use crate::{Observation, SessionStage};

/// Neighbouring writes to one peer, on their way to one system call.
struct Gathered<'a> {
    to: Option<To>,
    parts: [IoSlice<'a>; GATHERED_PARTS],
    count: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum To {
    Client,
    Backend(BackendId),
}

/// Parts of one write. More are split into several.
const GATHERED_PARTS: usize = 8;

impl EventLoop {
    /// Tells a session what happened and does what it wants done. A session that fails is ended, and nothing else.
    pub(crate) fn deliver(&mut self, key: Key, event: Event<'_>) {
        self.cut = None;
        let Some(client) = self.clients.get_mut(key) else { return };
        let input = input_of(&event);
        let mut context = self.world.context(self.now, client.own_policy.as_deref());
        let (session, actions) = (&mut client.session, &mut self.actions);
        let handled = catch_unwind(AssertUnwindSafe(|| session.handle(&mut context, event, actions)));
        match handled {
            Ok(()) => self.execute(key, input),
            Err(_) => self.session_failed(key),
        }
    }

    fn execute(&mut self, key: Key, input: &[u8]) {
        self.count();
        let (mut list, made) = self.actions.take();
        let mut gathered = Gathered::new();
        for action in &mut list {
            let Some((to, bytes)) = as_write(action) else {
                self.write(key, &mut gathered);
                self.perform(key, action.take(), input, &made);
                continue;
            };
            if !gathered.has_room_for(to) {
                self.write(key, &mut gathered);
            }
            gathered.push(to, slice(bytes, input, &made));
        }
        self.write(key, &mut gathered);
        self.actions.recycle(list, made);
    }

    fn write(&mut self, key: Key, gathered: &mut Gathered<'_>) {
        let parts = gathered.parts.get(..gathered.count).unwrap_or_default();
        match gathered.to.take() {
            None => {}
            Some(To::Client) => self.write_client(key, parts),
            Some(To::Backend(backend)) => self.write_backend(key, backend, parts),
        }
        gathered.count = 0;
    }

    pub(crate) fn write_client(&mut self, key: Key, parts: &[IoSlice<'_>]) {
        let Some(client) = self.clients.get_mut(key) else { return };
        let (was_clogged, was_broken) = (client.stream.is_clogged(), client.stream.is_broken());
        match self.driver.send(&mut client.stream, Token::Client(key), parts) {
            Sent::All => {}
            Sent::Short => {
                if !was_clogged {
                    self.driver.rewatch(&mut client.stream, Token::Client(key), true);
                }
            }
            Sent::Broken => {
                if !was_broken {
                    self.pending.push_back((key, Pending::ClientLost));
                }
            }
        }
    }

    fn write_backend(&mut self, key: Key, backend: BackendId, parts: &[IoSlice<'_>]) {
        let Some(client) = self.clients.get_mut(key) else { return };
        let Some(leg) = client.leg(backend) else { return };
        let Some(backend) = self.backends.get_mut(leg) else { return };
        let (was_clogged, was_broken) = (backend.stream.is_clogged(), backend.stream.is_broken());
        match self.driver.send(&mut backend.stream, Token::Backend(leg), parts) {
            Sent::All => {}
            Sent::Short => {
                if !was_clogged {
                    client.clogged_legs += 1;
                    self.driver.rewatch(&mut backend.stream, Token::Backend(leg), true);
                }
            }
            // The server's last words are still to be read.
            Sent::Broken => {
                if !was_broken {
                    self.queue_backend(leg);
                }
            }
        }
    }

    fn perform(&mut self, key: Key, action: Action, input: &[u8], made: &[u8]) {
        match action {
            // Written by the caller.
            Action::ToClient(_) | Action::ToBackend(..) => {}
            Action::Admit(identity) => self.admit(key, identity),
            Action::Acquire { node, identity } => self.acquire(key, node, identity),
            Action::Release(lease, fate) => self.release(key, lease, fate),
            Action::HoldClient { from } => self.cut = Some(from),
            Action::ResumeClient => self.pending.push_back((key, Pending::Resume)),
            Action::CancelBackend(backend) => self.cancel_backend(key, backend),
            Action::CancelSession { session, key } => self.cancel_session(SessionId(session), key),
            Action::Admin { text, balanced } => {
                let text = slice(&text, input, made).to_vec();
                self.pending.push_back((key, Pending::Admin(text, balanced)));
            }
            Action::Arm(timer, due) => {
                let Some(client) = self.clients.get_mut(key) else { return };
                if let Some(due) = client.alarms.arm(timer, due) {
                    self.wheel.insert(due, Due::Session(key));
                }
            }
            Action::Disarm(timer) => {
                if let Some(client) = self.clients.get_mut(key) {
                    client.alarms.disarm(timer);
                }
            }
            Action::Report(Report::CatalogsChanged) => self.world.catalogs_changed(&self.shared),
            Action::Report(report) => self.report(key, report, input, made),
            Action::CloseClient(why) => self.close_client(key, why),
        }
    }

    fn admit(&mut self, key: Key, identity: Arc<Identity>) {
        let Some(client) = self.clients.get_mut(key) else { return };
        if client.place != Place::NotAsked {
            return;
        }
        // A client that comes while the others may finish is told so, once it has said who it is.
        if let Some(how) = self.draining {
            return self.pending.push_back((key, Pending::Drain(how)));
        }
        client.entry.identify(identity);
        let id = client.session.id();
        self.shared.started();
        let verdict = self.shared.admission().ask(id);
        client.place = match verdict {
            Verdict::Waits => Place::Waiting,
            Verdict::Admitted | Verdict::Refused => Place::Answered,
        };
        match verdict {
            Verdict::Admitted => self.pending.push_back((key, Pending::Admitted)),
            Verdict::Waits => client.entry.set_stage(SessionStage::Waiting),
            Verdict::Refused => self.pending.push_back((key, Pending::NotAdmitted)),
        }
    }

    /// A session that waited has its place now.
    pub(crate) fn admitted(&mut self, session: SessionId) {
        match self.client_of(session) {
            Some(key) => self.pending.push_back((key, Pending::Admitted)),
            // It ended while the word was on its way: its place goes to the next.
            None => self.give_place_back(session),
        }
    }

    pub(crate) fn give_place_back(&mut self, session: SessionId) {
        let (next, served) = {
            let mut admission = self.shared.admission();
            (admission.leave(session), admission.served())
        };
        if served == 0 && self.draining.is_some() {
            self.shared.send_all(|| Letter::StopListening);
        }
        if let Some(next) = next {
            match crate::accepting::home_of(next) {
                home if home == self.home => self.admitted(next),
                home => self.shared.send(home, Letter::Admitted(next)),
            }
        }
    }

    /// A session's entry in the wheel has fired.
    pub(crate) fn session_timer(&mut self, key: Key) {
        // One that is set again at once has to wait for the wheel.
        for _ in 0..Alarms::TIMERS {
            let Some(client) = self.clients.get_mut(key) else { return };
            let Some(timer) = client.alarms.expired(self.now) else { break };
            self.deliver(key, Event::Timer(timer));
        }
        if let Some(client) = self.clients.get_mut(key)
            && let Some(due) = client.alarms.look_again()
        {
            self.wheel.insert(due, Due::Session(key));
        }
    }

    fn report(&self, key: Key, report: Report, input: &[u8], made: &[u8]) {
        let Some(client) = self.clients.get(key) else { return };
        let session = client.session.id();
        let observe = |what: Observation<'_>| self.shared.observe(what);
        match report {
            Report::Opened(identity) => {
                observe(Observation::Opened { session, identity: &identity, peer: client.entry.peer() });
            }
            Report::Drawn(node) => observe(Observation::Drawn { session, node }),
            Report::Statement { node, process_id, carrier, text } => {
                let text = slice(&text, input, made);
                let tracing = client.own_policy.as_deref().unwrap_or(&self.world.live.policy).tracing;
                observe(Observation::Statement { session, tracing, node, process_id, carrier, text });
            }
            Report::Termination { node, process_id } => {
                observe(Observation::Termination { session, node, process_id });
            }
            Report::Message(line) => observe(Observation::Message { session, line: &line }),
            Report::Violation(backend, what) => observe(Observation::Violation { backend, what }),
            Report::NodeShutdown(node) => observe(Observation::NodeShutdown(node)),
            Report::ClientProtocol(what) => observe(Observation::ClientProtocol { session, what: &what }),
            // Acted upon where the loop can be changed.
            Report::CatalogsChanged => {}
            Report::NeedsPositions => self.shared.position_need.renew(self.now),
        }
    }

    fn count(&mut self) {
        let EventLoop { shared, actions, .. } = self;
        if let Some(mine) = shared.per_loop(self.home) {
            actions.take_counts().for_each(|(node, what)| mine.count(node, what));
        }
    }
}

impl<'a> Gathered<'a> {
    fn new() -> Self {
        Gathered { to: None, parts: [IoSlice::new(&[]); GATHERED_PARTS], count: 0 }
    }

    fn has_room_for(&self, to: To) -> bool {
        self.to.is_none_or(|same| same == to) && self.count < GATHERED_PARTS
    }

    fn push(&mut self, to: To, part: &'a [u8]) {
        if let Some(slot) = self.parts.get_mut(self.count) {
            *slot = IoSlice::new(part);
            self.to = Some(to);
            self.count += 1;
        }
    }
}

fn as_write(action: &Action) -> Option<(To, &Bytes)> {
    match action {
        Action::ToClient(bytes) => Some((To::Client, bytes)),
        Action::ToBackend(backend, bytes) => Some((To::Backend(*backend), bytes)),
        Action::Admit(_)
        | Action::Acquire { .. }
        | Action::Release(..)
        | Action::HoldClient { .. }
        | Action::ResumeClient
        | Action::CancelBackend(_)
        | Action::CancelSession { .. }
        | Action::Admin { .. }
        | Action::Arm(..)
        | Action::Disarm(_)
        | Action::Report(_)
        | Action::CloseClient(_) => None,
    }
}

fn input_of<'a>(event: &Event<'a>) -> &'a [u8] {
    match event {
        Event::ClientBytes(bytes) | Event::BackendBytes { bytes, .. } => bytes,
        Event::AdminAnswer(answer) => answer.unwrap_or_default(),
        Event::ClientDone
        | Event::ClientGone
        | Event::Admitted
        | Event::NotAdmitted
        | Event::Granted(_)
        | Event::Refused { .. }
        | Event::BackendGone { .. }
        | Event::CancelAsked
        | Event::CancelDone { .. }
        | Event::Timer(_)
        | Event::Drain(_) => &[],
    }
}

/// The bytes that an action speaks of. A session that names bytes that are not there writes nothing.
fn slice<'a>(bytes: &Bytes, input: &'a [u8], made: &'a [u8]) -> &'a [u8] {
    match bytes {
        Bytes::Input(range) => input.get(range.clone()),
        Bytes::Made(range) => made.get(range.clone()),
    }
    .unwrap_or_default()
}
