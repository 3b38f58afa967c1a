//! A driver, a pool, clients and servers in one thread, with every delay and every cut of the byte streams
//! decided by a random number.

mod chaos;
mod cluster;
mod driver;

use core::sync::atomic::{AtomicU64, Ordering};
use std::collections::VecDeque;
use std::sync::Arc;

use pgherd_route::Router;
use pgherd_session::{Actions, Closing, Common, Policy, ResetList, Session, Timer, Tracing};
use pgherd_types::{
    Address, BackendId, ClusteringMode, Identity, Moment, Node, NodeId, NodeStatus, Replication, SessionId,
    Topology,
};

use crate::backend::{Data, Traits};
use crate::client::Client;
use crate::message::Message;
use crate::oracle::Promise;
use crate::pool::{Life, Pool};
use crate::program::{Program, startup_packet};
use crate::rng::Rng;

/// What may go wrong in a run, besides what the clients do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Faults {
    /// Nothing.
    None,
    /// Notices, notifications and parameters at any moment.
    Unasked,
    /// Standbys are detached and attached, another node becomes the primary, settings are read anew.
    Changes,
    /// Servers die, refuse, shut down; clients vanish; pgherd is stopped.
    Deaths,
}

/// A run: who takes part.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The clients' programs.
    pub programs: Vec<Program>,
    /// One node, or a primary and standbys.
    pub mode: ClusteringMode,
    /// How many standbys, where the mode has any.
    pub standbys: u8,
    /// In how many of a hundred cases a standby does not replay what it could.
    pub lag: usize,
    /// What the servers are like.
    pub traits: Traits,
    /// Backends that each node may have.
    pub per_node: usize,
    /// What reads are promised.
    pub promise: Promise,
    /// The settings.
    pub policy: Policy,
    /// What may go wrong.
    pub faults: Faults,
    /// Decides the interleaving.
    pub schedule: u64,
}

/// What became of one client.
#[derive(Debug)]
pub struct Played {
    /// What it read before its first ReadyForQuery, that one included.
    pub start: Vec<Message>,
    /// What it read afterwards.
    pub replies: Vec<Message>,
    /// Steps of its program that it could not take.
    pub left: usize,
    /// How the session was closed, when it was.
    pub closed: Option<Closing>,
    /// True when something went wrong for it that a server alone would have spared it.
    pub faulted: bool,
    /// What was sent unasked to the session that it had to see, in order.
    pub unasked: Vec<Message>,
    /// True when it vanished on its own.
    pub vanished: bool,
    /// True when the bytes that it read end inside a message.
    pub mid_message: bool,
}

/// One client's connection.
struct Seat {
    client: Client,
    session: Session,
    state: SeatState,
    key: [u8; 32],
    user: &'static str,
    /// Sent by the client and not yet read.
    to: Vec<u8>,
    reading: Reading,
    /// Its goodbye is that it sends no more.
    half_closes: bool,
    /// Timers that the session has set.
    timers: Vec<(Timer, Moment)>,
    /// Written to the client and not yet received.
    from: Vec<u8>,
    faulted: bool,
    unasked: Vec<Message>,
    /// It leaves without a Terminate once its program is over.
    hangs_up: bool,
}

/// Whether the driver reads from the client.
#[derive(Debug)]
enum Reading {
    Yes,
    /// HoldClient: this is handed back.
    Held(Vec<u8>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SeatState {
    Open,
    /// The client went; the session is to be told.
    Vanished,
    Closed(Closing),
    /// Closed after the client had vanished.
    Gone,
}

/// An answer that a session waits for.
#[derive(Debug)]
enum Pending {
    Admission(usize),
    Lease(usize, NodeId, Arc<Identity>),
    /// The node was stopped while a lease was being asked for.
    Refused(usize, NodeId),
    Admin(usize, Vec<u8>),
    /// A cancel request on its way to a server.
    Cancel(usize, BackendId),
}

/// A run that is going on.
pub(crate) struct World<'a> {
    rng: Rng,
    router: &'a mut Router,
    common: Common,
    topology: Topology,
    replication: Replication,
    catalogs_epoch: u64,
    /// Asked of the nodes, and not published yet.
    asked: Option<Replication>,
    policy: Policy,
    data: Data,
    lag: usize,
    seats: Vec<Seat>,
    pool: Pool,
    pending: VecDeque<Pending>,
    actions: Actions,
    faults: Faults,
    unasked: usize,
    deaths: usize,
    changes: usize,
    now: Moment,
    trace: Option<Vec<String>>,
}

/// Something that can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Move {
    ClientActs(usize),
    ClientBytes(usize),
    ClientReads(usize),
    ClientGone(usize),
    ClientDone(usize),
    Timer(usize, usize),
    Replay(usize),
    /// The nodes are asked where they are, or what they said is published.
    Positions,
    ServerBytes(usize),
    ServerReads(usize),
    ServerGone(usize),
    ServerWakes(usize),
    Pending(usize),
}

/// Runs so far in this process.
static RUNS: AtomicU64 = AtomicU64::new(1);
/// More than the changes of catalogs in one run.
const EPOCHS_PER_RUN: u64 = 1 << 20;

/// Bytes on their way to one peer above which the other is not read.
const BACK_PRESSURE_BYTES: usize = 4096;
/// In how many of a hundred cases a cancel request, which takes a connection of its own, lets something else
/// go first.
const CANCEL_DAWDLES: usize = 80;
/// The same for a timer, and for news of the positions.
const TIMER_DAWDLES: usize = 50;
const POSITIONS_DAWDLE: usize = 50;
/// Steps after which a run counts as one that never ends.
const MOVES: usize = 20_000;

impl<'a> World<'a> {
    pub(crate) fn new(setup: &Setup, router: &'a mut Router, trace: bool) -> Self {
        let mut rng = Rng::new(setup.schedule);
        let contended = setup.per_node < setup.programs.len();
        let seat = |(i, program)| Seat::new(i, program, contended, &mut rng);
        let seats = setup.programs.iter().enumerate().map(seat).collect();
        World {
            rng,
            router,
            common: Common::default(),
            topology: topology(setup.mode, setup.standbys),
            replication: Replication::default(),
            // Nothing that was learnt in another run counts in this one.
            catalogs_epoch: RUNS.fetch_add(1, Ordering::Relaxed) * EPOCHS_PER_RUN,
            asked: None,
            lag: setup.lag,
            policy: setup.policy.clone(),
            data: Data::default(),
            seats,
            pool: Pool::new(setup.per_node, setup.traits),
            pending: VecDeque::new(),
            actions: Actions::default(),
            faults: setup.faults,
            unasked: 0,
            deaths: 0,
            changes: 0,
            now: Moment(1),
            trace: trace.then(Vec::new),
        }
    }

    /// Plays until nothing can move.
    pub(crate) fn play(&mut self) -> Result<Vec<Played>, String> {
        for i in 0..self.seats.len() {
            self.start(i)?;
        }
        let mut moves = Vec::new();
        for _ in 0..MOVES {
            self.chaos()?;
            moves.clear();
            self.moves(&mut moves);
            if moves.is_empty() {
                return self.end();
            }
            if self.rng.chance(self.lag) {
                lag_behind(&mut moves);
            }
            let mut chosen = *self.rng.pick(&moves);
            let dawdles = self.dawdles(chosen);
            if dawdles > 0 && self.rng.chance(dawdles) {
                chosen = *self.rng.pick(&moves);
            }
            self.make(chosen)?;
        }
        Err("the run does not end".to_owned())
    }

    /// The run so far, as a transcript.
    pub(crate) fn transcript(&self) -> String {
        self.trace.as_ref().map(|lines| lines.join("\n")).unwrap_or_default()
    }

    fn log(&mut self, line: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.trace {
            lines.push(line());
        }
    }

    fn end(&mut self) -> Result<Vec<Played>, String> {
        for slot in &self.pool.slots {
            let Some(holder) = slot.holder else { continue };
            if self.seats[holder].state != SeatState::Open {
                return Err(format!("client {holder} is closed and still holds backend {}", slot.id));
            }
        }
        Ok(self.seats.iter().map(Seat::played).collect())
    }

    fn moves(&self, moves: &mut Vec<Move>) {
        for (i, seat) in self.seats.iter().enumerate() {
            match seat.state {
                SeatState::Open => {
                    let flowing = seat.from.len() <= BACK_PRESSURE_BYTES;
                    if seat.client.can_go_on() && seat.to.len() <= BACK_PRESSURE_BYTES {
                        moves.push(Move::ClientActs(i));
                    }
                    if !seat.to.is_empty() && matches!(seat.reading, Reading::Yes) && self.servers_keep_up(i)
                    {
                        moves.push(Move::ClientBytes(i));
                    }
                    if !seat.from.is_empty() {
                        moves.push(Move::ClientReads(i));
                    }
                    if seat.half_closes
                        && seat.client.left() == 0
                        && seat.to.is_empty()
                        && matches!(seat.reading, Reading::Yes)
                        && self.servers_keep_up(i)
                    {
                        moves.push(Move::ClientDone(i));
                    }
                    moves.extend((0..seat.timers.len()).map(|at| Move::Timer(i, at)));
                    if seat.hangs_up && seat.client.left() == 0 && seat.client.start.is_some() {
                        moves.push(Move::ClientGone(i));
                    }
                    self.server_moves(i, flowing, moves);
                }
                SeatState::Vanished => {
                    moves.push(Move::ClientGone(i));
                    self.server_moves(i, true, moves);
                }
                SeatState::Closed(_) if !seat.from.is_empty() => moves.push(Move::ClientReads(i)),
                SeatState::Closed(_) | SeatState::Gone => {}
            }
        }
        for (at, slot) in self.pool.slots.iter().enumerate() {
            if slot.life == Life::Alive && !slot.to.is_empty() && !slot.model.is_asleep() {
                moves.push(Move::ServerReads(at));
            }
            if slot.life == Life::Alive && slot.model.is_asleep() && slot.holder.is_some() {
                moves.push(Move::ServerWakes(at));
            }
        }
        self.cluster_moves(moves);
        for (at, pending) in self.pending.iter().enumerate() {
            let possible = match pending {
                Pending::Lease(holder, node, _) => self.pool.can_lease(*node) || !self.is_open(*holder),
                Pending::Admission(_) | Pending::Refused(..) | Pending::Admin(..) | Pending::Cancel(..) => {
                    true
                }
            };
            if possible {
                moves.push(Move::Pending(at));
            }
        }
    }

    fn server_moves(&self, holder: usize, flowing: bool, moves: &mut Vec<Move>) {
        for (at, slot) in self.pool.slots.iter().enumerate() {
            if slot.holder != Some(holder) {
                continue;
            }
            if slot.from.left() > 0 && flowing {
                moves.push(Move::ServerBytes(at));
            } else if slot.life == Life::Ended && slot.from.left() == 0 {
                moves.push(Move::ServerGone(at));
            }
        }
    }

    /// In how many of a hundred cases something else is given the chance to go first.
    fn dawdles(&self, chosen: Move) -> usize {
        match chosen {
            Move::Pending(at) if matches!(self.pending.get(at), Some(Pending::Cancel(..))) => CANCEL_DAWDLES,
            Move::Timer(..) => TIMER_DAWDLES,
            Move::Positions => POSITIONS_DAWDLE,
            Move::Pending(_)
            | Move::Replay(_)
            | Move::ClientActs(_)
            | Move::ClientBytes(_)
            | Move::ClientReads(_)
            | Move::ClientGone(_)
            | Move::ClientDone(_)
            | Move::ServerBytes(_)
            | Move::ServerReads(_)
            | Move::ServerGone(_)
            | Move::ServerWakes(_) => 0,
        }
    }

    fn servers_keep_up(&self, holder: usize) -> bool {
        self.pool.slots.iter().all(|slot| slot.holder != Some(holder) || slot.to.len() <= BACK_PRESSURE_BYTES)
    }

    fn is_open(&self, i: usize) -> bool {
        match self.seats[i].state {
            SeatState::Open | SeatState::Vanished => true,
            SeatState::Closed(_) | SeatState::Gone => false,
        }
    }

    /// A piece of `most` bytes: all of it, a few, or anything between.
    fn cut(&mut self, most: usize) -> usize {
        match self.rng.below(4) {
            0 | 1 => most,
            2 => most.min(1 + self.rng.below(9)),
            _ => 1 + self.rng.below(most),
        }
    }
}

/// Standbys do not replay while anything else happens.
fn lag_behind(moves: &mut Vec<Move>) {
    let replays = |one: &Move| matches!(one, Move::Replay(_));
    if !moves.iter().all(replays) {
        moves.retain(|one| !replays(one));
    }
}

impl Seat {
    fn new(i: usize, program: &Program, contended: bool, rng: &mut Rng) -> Self {
        let mut key = [0; 32];
        key.fill_with(|| rng.bits() as u8);
        let user = if rng.chance(20) { "v" } else { "u" };
        let minor = if rng.chance(20) { 2 } else { 0 };
        Seat {
            client: Client::new(program),
            session: Session::new(SessionId(1000 + i as u32), key),
            state: SeatState::Open,
            key,
            to: startup_packet(user, minor),
            user,
            reading: Reading::Yes,
            half_closes: program.half_closes,
            timers: Vec::new(),
            from: Vec::new(),
            faulted: false,
            unasked: Vec::new(),
            hangs_up: contended && !program.says_goodbye() && !program.half_closes,
        }
    }

    fn played(&self) -> Played {
        let start = self.client.start.unwrap_or(self.client.seen.len());
        let vanished = match self.state {
            SeatState::Vanished | SeatState::Gone => true,
            SeatState::Open | SeatState::Closed(_) => false,
        };
        Played {
            start: self.client.seen[..start].to_vec(),
            replies: self.client.replies().to_vec(),
            left: self.client.left(),
            closed: match self.state {
                SeatState::Closed(why) => Some(why),
                SeatState::Open | SeatState::Vanished | SeatState::Gone => None,
            },
            faulted: self.faulted,
            unasked: self.unasked.clone(),
            vanished,
            mid_message: self.client.is_mid_message(),
        }
    }
}

/// A cluster of one node, or of a primary and standbys where the mode has them.
pub(crate) fn topology(mode: ClusteringMode, standbys: u8) -> Topology {
    let node = |id: u8| Node {
        id: NodeId(id),
        hostname: "h".to_owned(),
        port: 5432 + u16::from(id),
        address: Address::Tcp { host: "h".to_owned(), port: 5432 + u16::from(id) },
        weight: 1.0,
        status: NodeStatus::Up,
        in_recovery: Some(id != 0),
        status_changed_s: 0,
    };
    let (nodes, primary) = match mode.has_primary() {
        true => ((0..=standbys).map(node).collect(), Some(NodeId(0))),
        false => (vec![node(0)], None),
    };
    Topology { epoch: 1, mode, nodes, primary }
}

/// The settings of a session that balances and is pooled.
pub(crate) fn policy() -> Policy {
    Policy {
        routing: Arc::default(),
        connection_cache: true,
        reset: ResetList::Discards,
        authentication_timeout: None,
        client_idle_limit: None,
        tracing: Tracing::default(),
        version: "pgherd".to_owned(),
    }
}
