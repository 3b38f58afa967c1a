use core::time::Duration;
use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use pgherd_pool::{Effect, Effects, Home, Ticket};
use pgherd_session::{Actions, Shutdown};
use pgherd_types::{BackendId, HashTable, Moment};
use pgherd_uring::{Batch, Socket};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, Event, EventFlags};
use rustix::time::Timespec;

use crate::acquire::Ask;
use crate::backend_conn::Backend;
use crate::cancel::Canceller;
use crate::client_conn::Client;
use crate::dialling::Dialling;
use crate::driver::{Driver, EpollDriver, FdWatch};
use crate::listening::Listening;
use crate::names::Names;
use crate::outbox::{Slot, in_order};
use crate::parting::Parting;
use crate::pending::Pending;
use crate::rest::Resting;
use crate::shared::{Letter, Shared};
use crate::slab::{Key, Slab};
use crate::stream;
use crate::timers::Wheel;
use crate::token::Token;
use crate::world::World;

/// One event loop: a thread's clients and their backends, whole. Its methods are spread over the files of
/// this crate by what they are about.
#[derive(Debug)]
pub(crate) struct EventLoop {
    pub(crate) home: Home,
    pub(crate) driver: Driver,
    pub(crate) shared: Arc<Shared>,
    pub(crate) world: World,
    pub(crate) now: Moment,
    pub(crate) clients: Slab<Client>,
    pub(crate) backends: Slab<Backend>,
    pub(crate) diallings: Slab<Dialling>,
    pub(crate) cancellers: Slab<Canceller>,
    pub(crate) partings: Slab<Parting>,
    pub(crate) listening: Listening,
    pub(crate) names: Names,
    /// The backends that nobody has.
    pub(crate) idle: HashTable<BackendId, Key>,
    pub(crate) asks: HashTable<Ticket, Ask>,
    pub(crate) wheel: Wheel<Due>,
    /// Streams with more to read than one turn allowed.
    pub(crate) unread: VecDeque<Token>,
    /// Streams that bring much and were read, until they are looked at again.
    pub(crate) resting: Resting,
    /// What the pool wants done.
    pub(crate) effects: VecDeque<Effect>,
    /// Memory for what the pool answers.
    pub(crate) fresh_effects: Effects,
    /// What sessions have to be told once the present event is done with.
    pub(crate) pending: VecDeque<(Key, Pending)>,
    pub(crate) read_buffer: Box<[u8]>,
    /// Where [`Action::HoldClient`](pgherd_session::Action::HoldClient) cut the bytes that were handled last.
    pub(crate) cut: Option<usize>,
    pub(crate) actions: Actions,
    pub(crate) draining: Option<Shutdown>,
    pub(crate) next_session: u32,
}

/// What a timer of the wheel is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Due {
    Session(Key),
    Startup(Key),
    Dialling(Key),
    Resetting(Key),
    Canceller(Key),
    Parting(Key),
    Accept,
    IdleBackends,
}

/// Bytes of the one read buffer of a loop.
const READ_BUFFER_BYTES: usize = 64 * 1024;

/// Reads of one stream before it is the others' turn.
pub(crate) const READS_PER_TURN: usize = 2;

/// Events that are taken from the kernel at once: with more of them the first would wait for long.
const EVENTS_PER_TURN: usize = 64;

/// How often idle backends are looked at for `connection_life_time`, in milliseconds.
const IDLE_LOOK_MS: u64 = 1_000;

/// Timers that are not worth pruning.
const FEW_TIMERS: usize = 8 * 1024;

/// The time slice of a loop that shares its processor. Where a turn sends all that it sends in one call, those who were
/// woken may well come first: the longer they work before the next turn, the more it finds. Where it sends one by one,
/// being put off in between is dear, and the slice stays as it is. See docs/decisions/0047-a-longer-time-slice.md.
const SLICE: Duration = Duration::from_millis(5);

/// Asks for a longer slice. Where it is forbidden, the loop works all the same.
pub(crate) fn ask_for_slice() {
    let _ = pgherd_uring::ask_for_slice(SLICE);
}

impl EventLoop {
    pub(crate) fn new(
        home: Home,
        shared: Arc<Shared>,
        listening: Listening,
        driver: Driver,
    ) -> io::Result<Self> {
        let now = shared.clock.now();
        let mut new = EventLoop {
            home,
            driver,
            world: World::new(&shared)?,
            now,
            clients: Slab::default(),
            backends: Slab::default(),
            diallings: Slab::default(),
            cancellers: Slab::default(),
            partings: Slab::default(),
            listening,
            names: Names::default(),
            idle: HashTable::default(),
            asks: HashTable::default(),
            wheel: Wheel::new(now),
            unread: VecDeque::new(),
            resting: Resting::default(),
            effects: VecDeque::new(),
            fresh_effects: Effects::new(),
            pending: VecDeque::new(),
            cut: None,
            read_buffer: vec![0; READ_BUFFER_BYTES].into_boxed_slice(),
            actions: Actions::default(),
            draining: None,
            next_session: 0,
            shared,
        };
        new.watch_mailbox()?;
        new.watch_listeners()?;
        if home == Home(0) {
            new.wheel.insert(Moment(now.0 + IDLE_LOOK_MS), Due::IdleBackends);
        }
        Ok(new)
    }

    /// Serves until the data plane is told to stop and all sessions have ended.
    pub(crate) fn run(&mut self) {
        match &self.driver {
            Driver::Epoll(_) => self.run_on_epoll(),
            Driver::Ring(_) => self.run_on_ring(),
        }
        self.leave();
        self.driver.close();
    }

    fn run_on_epoll(&mut self) {
        if let Driver::Epoll(EpollDriver { batch: Some(_), .. }) = &self.driver {
            ask_for_slice();
        }
        let mut events = Vec::with_capacity(EVENTS_PER_TURN);
        let mut fired = Vec::new();
        while !self.is_over() {
            self.wait(&mut events);
            self.begin_turn();
            for event in events.drain(..) {
                let (data, flags) = (event.data, event.flags);
                self.event(Token::from_bits(data.u64()), flags);
                self.settle();
            }
            self.end_turn(&mut fired);
            while self.write_collected() {
                self.settle();
            }
        }
    }

    /// Writes what was collected in this turn. True when there was something.
    fn write_collected(&mut self) -> bool {
        let EventLoop { driver, clients, backends, .. } = self;
        let Driver::Epoll(EpollDriver { outbox, batch, .. }) = driver else { return false };
        let slots = outbox.end_turn();
        let wrote = !slots.is_empty();
        let mut unsent = Vec::new();
        let note = |slot: &Slot, written: io::Result<usize>| match written {
            Ok(count) if count == slot.bytes.len() => {}
            Ok(count) => {
                unsent.push((slot.token, slot.bytes.get(count..).unwrap_or_default().to_vec(), false));
            }
            Err(_) => unsent.push((slot.token, Vec::new(), true)),
        };
        let to_write =
            in_order(&slots).filter_map(|slot| Some((slot, socket_of(clients, backends, slot.token)?)));
        write_each(batch.as_mut().filter(|_| slots.len() > 1), to_write, note);
        outbox.recycle(slots);
        for (token, rest, broken) in unsent {
            self.unsent(token, rest, broken);
        }
        wrote
    }

    pub(crate) fn begin_turn(&mut self) {
        self.now = self.shared.clock.now();
        self.listening.begin_turn();
        self.refresh();
    }

    /// Does what no event has told of: timers, and streams with more to read.
    pub(crate) fn end_turn(&mut self, fired: &mut Vec<Due>) {
        self.wheel.advance(self.now, fired);
        for due in fired.drain(..) {
            self.due(due);
            self.settle();
        }
        self.prune_timers();
        self.wake_the_resting();
        for _ in 0..self.unread.len() {
            if let Some(token) = self.unread.pop_front() {
                self.read_on(token);
                self.settle();
            }
        }
    }

    /// How long until something has to be done, if nothing happens; `None` for ever.
    pub(crate) fn sleep(&self) -> Option<Duration> {
        if !self.unread.is_empty() {
            return Some(Duration::ZERO);
        }
        let timers = self.wheel.sleep_ms(self.now).map(Duration::from_millis);
        let rest = if self.resting.is_empty() { None } else { self.resting.left(Instant::now()) };
        timers.into_iter().chain(rest).min()
    }

    fn wait(&mut self, events: &mut Vec<Event>) {
        let Driver::Epoll(EpollDriver { epoll, .. }) = &self.driver else { return };
        let sleep = self.sleep().map(|sleep| Timespec {
            tv_sec: i64::try_from(sleep.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: sleep.subsec_nanos() as _,
        });
        // An interrupted wait is a turn without events. Nothing else can go wrong with our own descriptor.
        let _ = epoll::wait(epoll, spare_capacity(events), sleep.as_ref());
    }

    pub(crate) fn event(&mut self, token: Token, flags: EventFlags) {
        match token {
            Token::Client(key) => self.client_event(key, flags),
            Token::Backend(key) => self.backend_event(key, flags),
            Token::Dialling(key) => self.dialling_event(key),
            Token::Canceller(key) => self.canceller_event(key),
            Token::Parting(key) => self.parting_event(key, flags),
            Token::Listener(place) => self.accept(place),
            Token::Mailbox => self.read_mail(),
        }
    }

    fn read_on(&mut self, token: Token) {
        match token {
            Token::Client(key) => {
                if let Some(client) = self.clients.get_mut(key) {
                    client.stream.queued = false;
                    self.read_client(key);
                }
            }
            Token::Backend(key) => {
                if let Some(backend) = self.backends.get_mut(key) {
                    backend.stream.queued = false;
                    if backend.stream.is_broken() {
                        self.hear_of_backend(key);
                    }
                    self.read_backend(key);
                }
            }
            Token::Dialling(_)
            | Token::Canceller(_)
            | Token::Parting(_)
            | Token::Listener(_)
            | Token::Mailbox => {}
        }
    }

    fn due(&mut self, due: Due) {
        match due {
            Due::Session(key) => self.session_timer(key),
            Due::Startup(key) => self.startup_limit(key),
            Due::Dialling(key) => self.dialling_limit(key),
            Due::Resetting(key) => self.reset_limit(key),
            Due::Canceller(key) => self.canceller_limit(key),
            Due::Parting(key) => self.part(key),
            Due::Accept => self.accept_again(),
            Due::IdleBackends => {
                let now = self.now;
                self.with_pool(|pool, out| pool.expire(now, out));
                self.wheel.insert(Moment(now.0 + IDLE_LOOK_MS), Due::IdleBackends);
            }
        }
    }

    /// Sessions set timers when they come and need them no more a moment later: those of the gone are forgotten
    /// before they pile up.
    fn prune_timers(&mut self) {
        if self.wheel.len() < FEW_TIMERS + 8 * self.clients.len() {
            return;
        }
        let EventLoop { wheel, clients, backends, diallings, cancellers, partings, .. } = self;
        wheel.retain(|due| match due {
            Due::Session(key) | Due::Startup(key) => clients.get(key).is_some(),
            Due::Dialling(key) => diallings.get(key).is_some(),
            Due::Resetting(key) => backends.get(key).is_some(),
            Due::Canceller(key) => cancellers.get(key).is_some(),
            Due::Parting(key) => partings.get(key).is_some(),
            Due::Accept | Due::IdleBackends => true,
        });
    }

    /// Does what the present event left behind, until nothing is left.
    pub(crate) fn settle(&mut self) {
        loop {
            if let Some(effect) = self.effects.pop_front() {
                self.obey(effect);
            } else if let Some((key, what)) = self.pending.pop_front() {
                self.tell(key, what);
            } else {
                return;
            }
        }
    }

    fn refresh(&mut self) {
        let news = self.world.refresh(&self.shared);
        if news.settings {
            self.renew_policies();
        }
        if !news.topology {
            return;
        }
        self.names.forget();
        if self.home == Home(0) {
            let topology = Arc::clone(&self.world.topology);
            for node in topology.nodes.iter().filter(|node| !node.is_usable()) {
                self.with_pool(|pool, out| pool.clear_node(node.id, out));
            }
            self.settle();
        }
    }

    /// The settings have been reloaded: what sessions have of their own lies over the new ones.
    fn renew_policies(&mut self) {
        let has_own = |key: &Key| self.clients.get(*key).is_some_and(|client| client.own_policy.is_some());
        let keys: Vec<Key> = self.clients.keys().filter(has_own).collect();
        keys.into_iter().for_each(|key| self.renew_policy(key));
    }

    pub(crate) fn watch_mailbox(&mut self) -> io::Result<()> {
        let EventLoop { shared, driver, .. } = self;
        match shared.per_loop(self.home) {
            Some(mine) => driver.watch_fd(mine.mailbox.bell(), Token::Mailbox, FdWatch::Edges),
            None => Ok(()),
        }
    }

    fn read_mail(&mut self) {
        let mut letters = Vec::new();
        if let Some(mine) = self.shared.per_loop(self.home) {
            mine.mailbox.take(&mut letters);
        }
        for letter in letters {
            self.letter(letter);
            self.settle();
        }
    }

    fn letter(&mut self, letter: Letter) {
        match letter {
            Letter::Client(socket, peer) => self.adopt(socket, peer),
            Letter::Admitted(session) => self.admitted(session),
            Letter::Granted(grant) => self.granted(grant),
            Letter::Fetch(grant) => self.fetch(grant),
            Letter::Fetched(grant, backend) => self.fetched(grant, backend),
            Letter::Evict(backend) => self.evict(backend),
            Letter::Cancel(session, key) => self.cancel_asked(session, &key),
            Letter::Helped(key, answer) => self.helped(key, answer),
            Letter::StopListening => self.stop_listening(),
            Letter::Drain(how) => self.drain(how),
            Letter::Wake => {}
        }
    }

    fn drain(&mut self, how: Shutdown) {
        self.draining = Some(how);
        if how != Shutdown::Smart || self.shared.admission().served() == 0 {
            self.stop_listening();
        }
        for key in self.clients.keys().collect::<Vec<_>>() {
            self.pending.push_back((key, Pending::Drain(how)));
        }
        // The others may have been waiting for this loop to notice.
        self.shared.send_all(|| Letter::Wake);
    }

    pub(crate) fn is_over(&self) -> bool {
        let said_goodbye = match self.draining {
            None => return false,
            Some(Shutdown::Smart | Shutdown::Fast) => self.partings.len() == 0 && self.cancellers.len() == 0,
            Some(Shutdown::Immediate) => true,
        };
        said_goodbye && self.shared.clients.load(Ordering::Acquire) == 0
    }
}

/// The socket of a stream that is written to at the end of turns.
fn socket_of<'a>(clients: &'a Slab<Client>, backends: &'a Slab<Backend>, token: Token) -> Option<&'a Socket> {
    match token {
        Token::Client(key) => clients.get(key).map(|client| &client.stream.socket),
        Token::Backend(key) => backends.get(key).map(|backend| &backend.stream.socket),
        Token::Dialling(_)
        | Token::Canceller(_)
        | Token::Parting(_)
        | Token::Listener(_)
        | Token::Mailbox => None,
    }
}

/// Writes to each stream what it is to get, by one call where that is possible.
fn write_each<'a>(
    batch: Option<&mut Batch>,
    to_write: impl Iterator<Item = (&'a Slot, &'a Socket)>,
    mut note: impl FnMut(&'a Slot, io::Result<usize>),
) {
    match batch {
        Some(batch) => {
            batch.write(to_write.map(|(slot, socket)| (slot, socket.as_fd(), slot.bytes.as_slice())), note);
        }
        None => to_write.for_each(|(slot, socket)| note(slot, stream::write(socket, &slot.bytes))),
    }
}
