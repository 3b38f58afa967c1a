//! What the IO driver does: reads become events, actions are executed in order.

use std::collections::VecDeque;

use pgherd_session::{Action, Bytes, Context, Event, Gone, Refusal, Report, Session};
use pgherd_types::{Fate, NodeId, SessionId};

use super::{Faults, Move, Pending, Reading, SeatState, World};
use crate::backend::Wires;
use crate::message::{Message, put};
use crate::pool::Life;
use crate::program::Step;

/// How often input may be held and handed back for one event.
const RESUMES: usize = 1000;

impl World<'_> {
    pub(super) fn make(&mut self, chosen: Move) -> Result<(), String> {
        match chosen {
            Move::ClientActs(i) => self.client_acts(i),
            Move::ClientBytes(i) => {
                let most = self.seats[i].to.len();
                let count = self.cut(most);
                let bytes: Vec<u8> = self.seats[i].to.drain(..count).collect();
                self.tell(i, Event::ClientBytes(&bytes))
            }
            Move::ClientReads(i) => {
                let most = self.seats[i].from.len();
                let count = self.cut(most);
                let bytes: Vec<u8> = self.seats[i].from.drain(..count).collect();
                let before = self.seats[i].client.seen.len();
                self.seats[i].client.read(&bytes);
                for at in before..self.seats[i].client.seen.len() {
                    let shown =
                        self.trace.is_some().then(|| format!("C{i}< {:?}", self.seats[i].client.seen[at]));
                    self.log(|| shown.unwrap_or_default());
                }
                Ok(())
            }
            Move::ClientGone(i) => self.client_goes(i),
            Move::ClientDone(i) => {
                self.log(|| format!("C{i}  will send no more"));
                self.seats[i].half_closes = false;
                self.tell(i, Event::ClientDone)
            }
            Move::Timer(i, at) => self.timer(i, at),
            Move::Replay(node) => {
                self.replay(node);
                Ok(())
            }
            Move::Positions => {
                self.positions();
                Ok(())
            }
            Move::ServerBytes(at) => {
                let most = self.pool.slots[at].from.left();
                let count = self.cut(most);
                let slot = &mut self.pool.slots[at];
                let bytes = slot.from.deliver(count);
                let (Some(holder), backend) = (slot.holder, slot.id) else { return Ok(()) };
                self.log(|| format!("B{at}< {}", bytes.escape_ascii()));
                self.tell(holder, Event::BackendBytes { backend, bytes: &bytes })
            }
            Move::ServerReads(at) => {
                let most = self.pool.slots[at].to.len();
                let count = self.cut(most);
                self.server_reads(at, count);
                Ok(())
            }
            Move::ServerGone(at) => {
                let slot = &mut self.pool.slots[at];
                slot.life = Life::Closed;
                let (Some(holder), backend) = (slot.holder, slot.id) else { return Ok(()) };
                self.log(|| format!("B{at}  has closed"));
                self.tell(holder, Event::BackendGone { backend, why: Gone::Closed })
            }
            Move::ServerWakes(at) => {
                let slot = &mut self.pool.slots[at];
                slot.model.wake(&mut Wires { data: &mut self.data, out: slot.from.end() });
                self.note_end(at);
                Ok(())
            }
            Move::Pending(at) => self.answer(at),
        }
    }

    fn client_goes(&mut self, i: usize) -> Result<(), String> {
        self.log(|| format!("C{i}  is gone"));
        self.seats[i].state = SeatState::Vanished;
        self.tell(i, Event::ClientGone)?;
        match self.seats[i].state {
            SeatState::Gone => Ok(()),
            SeatState::Open | SeatState::Vanished | SeatState::Closed(_) => {
                Err(format!("client {i} is gone, and its session goes on"))
            }
        }
    }

    fn timer(&mut self, i: usize, at: usize) -> Result<(), String> {
        let (timer, due) = self.seats[i].timers.remove(at);
        self.now = self.now.max(due);
        self.log(|| format!("C{i}  is told that it is time: {timer:?}"));
        self.tell(i, Event::Timer(timer))
    }

    fn server_reads(&mut self, at: usize, count: usize) {
        let slot = &mut self.pool.slots[at];
        let bytes: Vec<u8> = slot.to.drain(..count).collect();
        slot.model.feed(&bytes, &mut Wires { data: &mut self.data, out: slot.from.end() });
        self.note_end(at);
    }

    /// A server that has ended closes its connection.
    pub(super) fn note_end(&mut self, at: usize) {
        let slot = &mut self.pool.slots[at];
        if slot.model.is_gone() && slot.life == Life::Alive {
            slot.life = Life::Ended;
            slot.to.clear();
        }
    }

    fn client_acts(&mut self, i: usize) -> Result<(), String> {
        match self.seats[i].client.next_step() {
            Some(Step::Send(message)) => {
                let whole = matches!(message.kind, b'P' | b'B' | b'D' | b'C') && self.rng.chance(60);
                self.client_sends(i, &message);
                // A driver writes a batch in one go.
                while whole && let Some(message) = self.seats[i].client.next_of_batch() {
                    self.client_sends(i, &message);
                }
                Ok(())
            }
            Some(Step::Cancel) => self.client_cancels(i),
            Some(Step::AwaitReady | Step::AwaitCopy | Step::AwaitCopyOrError | Step::AwaitEnd) | None => {
                Ok(())
            }
        }
    }

    fn client_sends(&mut self, i: usize, message: &Message) {
        self.log(|| format!("C{i}> {message:?}"));
        message.write(&mut self.seats[i].to);
    }

    /// A cancel request comes over a connection of its own, with the key that the client was told.
    fn client_cancels(&mut self, i: usize) -> Result<(), String> {
        self.log(|| format!("C{i}  asks for a cancel"));
        let start = &self.seats[i].client.seen;
        let Some(key) = start.iter().find(|message| message.kind == b'K').map(|message| message.body.clone())
        else {
            return Err(format!("client {i} was told no cancel key"));
        };
        let mut packet = Vec::new();
        put(&mut packet, 0, |out| {
            out.extend_from_slice(&80_877_102_u32.to_be_bytes());
            out.extend_from_slice(&key);
        });
        packet.remove(0);
        let mut session = Session::new(SessionId(9), [0; 32]);
        let mut cx = Context {
            now: self.now,
            topology: &self.topology,
            replication: &self.replication,
            catalogs_epoch: self.catalogs_epoch,
            processes: &self.pool,
            policy: &self.policy,
            router: self.router,
            common: &mut self.common,
            random: self.rng.bits(),
        };
        session.handle(&mut cx, Event::ClientBytes(&packet), &mut self.actions);
        let (list, made) = self.actions.take();
        let asked = list.iter().find_map(|action| {
            let Action::CancelSession { session, key } = action else { return None };
            Some((*session, key.clone()))
        });
        self.actions.recycle(list, made);
        match asked {
            Some((session, key)) if session == 1000 + i as u32 && self.seats[i].key.starts_with(&key) => {
                self.fault(i);
                self.tell(i, Event::CancelAsked)
            }
            other => Err(format!("a cancel request of client {i} asks to cancel {other:?}")),
        }
    }

    fn answer(&mut self, at: usize) -> Result<(), String> {
        let Some(pending) = self.pending.remove(at) else { return Ok(()) };
        match pending {
            Pending::Admission(i) if self.is_open(i) => match self.fails(2) {
                true => {
                    self.fault(i);
                    self.tell(i, Event::NotAdmitted)
                }
                false => self.tell(i, Event::Admitted),
            },
            Pending::Lease(i, node, _) if self.is_open(i) && self.fails(6) => {
                self.refuse(i, node, "53300", "too many clients already")
            }
            Pending::Refused(i, node) if self.is_open(i) => {
                self.refuse(i, node, "57P03", "the database system is shutting down")
            }
            Pending::Lease(i, node, identity) if self.is_open(i) => {
                let lease = self.pool.lease(i, node, &identity, &self.data);
                self.log(|| format!("C{i}  gets B{}", lease.backend()));
                self.tell(i, Event::Granted(lease))
            }
            Pending::Admin(i, text) if self.is_open(i) => {
                let mut answer = Vec::new();
                crate::backend::pool_version(&mut answer);
                let ours = text == b"SHOW pool_version";
                self.tell(i, Event::AdminAnswer(ours.then_some(&answer)))
            }
            Pending::Cancel(i, backend) => self.deliver_cancel(i, backend),
            Pending::Admission(_) | Pending::Lease(..) | Pending::Refused(..) | Pending::Admin(..) => Ok(()),
        }
    }

    fn refuse(&mut self, i: usize, node: NodeId, code: &str, text: &str) -> Result<(), String> {
        self.fault(i);
        self.log(|| format!("C{i}  gets no backend of node {node}"));
        let mut error = Vec::new();
        crate::backend::error(b'E', "FATAL", code, text, &mut error);
        self.tell(i, Event::Refused { node, why: &Refusal::Server(error) })
    }

    fn deliver_cancel(&mut self, i: usize, backend: pgherd_types::BackendId) -> Result<(), String> {
        let Some(slot) = self.pool.slot(backend) else {
            return Err(format!("a cancel for no backend: {backend}"));
        };
        let holder = slot.holder;
        if slot.life == Life::Alive {
            if holder != Some(i) {
                return Err(format!(
                    "a cancel of client {i} reaches backend {backend}, which {holder:?} uses"
                ));
            }
            slot.model.cancel(&mut Wires { data: &mut self.data, out: slot.from.end() });
        }
        if holder == Some(i) && self.is_open(i) {
            return self.tell(i, Event::CancelDone { backend });
        }
        Ok(())
    }

    /// True when something that may fail does.
    fn fails(&mut self, percent: usize) -> bool {
        let fails = self.faults == Faults::Deaths && self.rng.chance(percent);
        self.deaths += usize::from(fails);
        fails
    }

    /// From here on the client sees what nobody sees alone on a server.
    pub(super) fn fault(&mut self, i: usize) {
        self.seats[i].faulted = true;
    }

    /// A session begins.
    pub(super) fn start(&mut self, i: usize) -> Result<(), String> {
        let mut cx = Context {
            now: self.now,
            topology: &self.topology,
            replication: &self.replication,
            catalogs_epoch: self.catalogs_epoch,
            processes: &self.pool,
            policy: &self.policy,
            router: self.router,
            common: &mut self.common,
            random: self.rng.bits(),
        };
        self.seats[i].session.start(&mut cx, &mut self.actions);
        self.run_actions(i, &[], false).map(|_| ())
    }

    /// Hands an event to a session and executes what comes of it, and so on with what it asks to be handed back.
    pub(super) fn tell(&mut self, i: usize, event: Event<'_>) -> Result<(), String> {
        let mut handed_back = self.tell_once(i, event)?;
        let mut times = 0;
        while let Some(held) = handed_back.take() {
            times += 1;
            if times > RESUMES {
                return Err(format!("client {i} is held and resumed without end"));
            }
            if !self.is_open(i) {
                return Ok(());
            }
            handed_back = self.tell_once(i, Event::ClientBytes(&held))?;
        }
        Ok(())
    }

    fn tell_once(&mut self, i: usize, event: Event<'_>) -> Result<Option<Vec<u8>>, String> {
        self.now = self.now.plus(core::time::Duration::from_millis(1));
        self.router.refresh(self.catalogs_epoch, self.now);
        let input: &[u8] = if let Event::ClientBytes(bytes) | Event::BackendBytes { bytes, .. } = &event {
            bytes
        } else {
            &[]
        };
        let from_client = matches!(event, Event::ClientBytes(_));
        let mut cx = Context {
            now: self.now,
            topology: &self.topology,
            replication: &self.replication,
            catalogs_epoch: self.catalogs_epoch,
            processes: &self.pool,
            policy: &self.policy,
            router: self.router,
            common: &mut self.common,
            random: self.rng.bits(),
        };
        self.seats[i].session.handle(&mut cx, event, &mut self.actions);
        self.run_actions(i, input, from_client)
    }

    fn run_actions(&mut self, i: usize, input: &[u8], from_client: bool) -> Result<Option<Vec<u8>>, String> {
        let (mut list, made) = self.actions.take();
        let mut resume = false;
        let mut list_left: VecDeque<Action> = list.drain(..).collect();
        while let Some(action) = list_left.pop_front() {
            if !self.is_open(i) {
                return Err(format!("client {i} is closed, and then there is {action:?}"));
            }
            if matches!(action, Action::HoldClient { .. }) && !from_client {
                return Err(format!("client {i} is held, but not while its bytes are looked at"));
            }
            resume |= matches!(action, Action::ResumeClient);
            self.execute(i, action, input, &made)?;
        }
        self.actions.recycle(list, made);
        if !resume {
            return Ok(None);
        }
        Ok(match core::mem::replace(&mut self.seats[i].reading, Reading::Yes) {
            Reading::Held(bytes) => Some(bytes),
            Reading::Yes => Some(Vec::new()),
        })
    }

    fn execute(&mut self, i: usize, action: Action, input: &[u8], made: &[u8]) -> Result<(), String> {
        match action {
            Action::ToClient(bytes) => {
                let bytes = slice(&bytes, input, made)?;
                self.seats[i].from.extend_from_slice(bytes);
            }
            Action::ToBackend(backend, bytes) => {
                let bytes = slice(&bytes, input, made)?;
                let Some(slot) = self.pool.slot(backend) else {
                    return Err(format!("there is no backend {backend}"));
                };
                if slot.holder != Some(i) {
                    return Err(format!("client {i} writes to backend {backend}, which it does not hold"));
                }
                if slot.life == Life::Alive {
                    slot.to.extend_from_slice(bytes);
                }
                let shown = self.trace.is_some().then(|| format!("B{backend}> {}", bytes.escape_ascii()));
                self.log(|| shown.unwrap_or_default());
            }
            Action::Admit(_) => self.pending.push_back(Pending::Admission(i)),
            Action::Acquire { node, identity } => {
                if (identity.user(), identity.database()) != (self.seats[i].user, "d") {
                    return Err(format!("client {i} asks for a backend of another: {identity:?}"));
                }
                self.pending.push_back(Pending::Lease(i, node, identity));
            }
            Action::Release(lease, fate) => return self.release(i, lease, fate),
            Action::HoldClient { from } => {
                let held = input.get(from..).ok_or("a hold beyond the input")?.to_vec();
                self.seats[i].reading = Reading::Held(held);
            }
            Action::ResumeClient => {}
            Action::Arm(timer, due) => {
                self.seats[i].timers.retain(|(known, _)| *known != timer);
                self.seats[i].timers.push((timer, due));
            }
            Action::Disarm(timer) => self.seats[i].timers.retain(|(known, _)| *known != timer),
            Action::CancelBackend(backend) => self.pending.push_back(Pending::Cancel(i, backend)),
            Action::CancelSession { .. } => return Err("a session asks for a cancel".to_owned()),
            Action::Admin { text, .. } => {
                self.pending.push_back(Pending::Admin(i, slice(&text, input, made)?.to_vec()));
            }
            Action::Report(Report::Violation(backend, what)) if self.faults != Faults::Deaths => {
                return Err(format!("client {i} finds that backend {backend} breaks the protocol: {what}"));
            }
            Action::Report(Report::CatalogsChanged) => self.catalogs_epoch += 1,
            Action::Report(_) => {}
            Action::CloseClient(why) => return self.close(i, why),
        }
        Ok(())
    }

    fn release(&mut self, i: usize, lease: pgherd_types::Lease, fate: Fate) -> Result<(), String> {
        self.log(|| format!("B{}  is given back by client {i}: {fate:?}", lease.backend()));
        let backend = lease.backend();
        let cancel = |pending: &Pending| matches!(pending, Pending::Cancel(_, target) if *target == backend);
        if !matches!(fate, Fate::Close(_)) && self.pending.iter().any(cancel) {
            return Err(format!(
                "backend {backend} is released ({fate:?}) before a cancel for it has arrived"
            ));
        }
        self.pool.release(i, lease, fate, &mut self.data)
    }

    fn close(&mut self, i: usize, why: pgherd_session::Closing) -> Result<(), String> {
        self.log(|| format!("C{i}  is closed: {why:?}"));
        let seat = &mut self.seats[i];
        seat.state = match seat.state {
            SeatState::Vanished => SeatState::Gone,
            SeatState::Open | SeatState::Closed(_) | SeatState::Gone => SeatState::Closed(why),
        };
        match self.pool.slots.iter().find(|slot| slot.holder == Some(i)) {
            Some(slot) => Err(format!("client {i} is closed, but backend {} was not given back", slot.id)),
            None => Ok(()),
        }
    }
}

fn slice<'a>(bytes: &Bytes, input: &'a [u8], made: &'a [u8]) -> Result<&'a [u8], String> {
    let (from, range) = match bytes {
        Bytes::Input(range) => (input, range),
        Bytes::Made(range) => (made, range),
    };
    from.get(range.clone()).ok_or_else(|| format!("{bytes:?} is outside of its bytes"))
}
