mod ages;
mod portals;

use core::fmt::Write as _;
use core::time::Duration;
use std::sync::Arc;

use pgherd_route::{AfterWrite, Consistency, Router, Routing};
use pgherd_session::{BackendMessages, Policy, Tracing};
use pgherd_types::ClusteringMode;

use crate::backend::{self, Backend, Data, Traits, Wires};
use crate::client::Client;
use crate::message::{self, Message};
use crate::program::{Manners, Occupation, Program, Step};
use crate::rng::Rng;
use crate::world::{self, Faults, Played, Setup, World};

pub use ages::Promise;

/// What a seed stands for.
pub fn setup(seed: u64) -> Setup {
    let mut rng = Rng::new(seed.wrapping_mul(0x2545_F491_4F6C_DD1D));
    if rng.chance(WATCHED) {
        return watched(rng);
    }
    let faults = match rng.below(20) {
        0..10 => Faults::None,
        10..12 => Faults::Unasked,
        12..15 => Faults::Changes,
        _ => Faults::Deaths,
    };
    let manners = match faults {
        Faults::None | Faults::Unasked if rng.chance(75) => Manners::Rude,
        Faults::None | Faults::Unasked | Faults::Changes | Faults::Deaths => Manners::Polite,
    };
    let clients = 1 + rng.below(3);
    let mode = *rng.pick(&MODES);
    let promise = promise(&mut rng, mode);
    // A session that has lost a backend may wait for one while it holds another: two of them can block each other.
    let loses = matches!(faults, Faults::Deaths | Faults::Changes);
    let per_node = if loses { 2 * clients } else { 1 + rng.below(clients) };
    let traits = Traits { standby: false, reports_late: rng.chance(70), hides_catalogs: rng.chance(10) };
    Setup {
        programs: (0..clients).map(|me| program(&mut rng, me, manners, traits)).collect(),
        mode,
        standbys: 1 + rng.below(2) as u8,
        lag: *rng.pick(&[0, 50, 90, 98]),
        traits,
        per_node,
        promise,
        policy: policy(&mut rng, promise),
        faults,
        schedule: rng.bits(),
    }
}

/// In how many of a hundred runs one client reads what the others write, while the primary changes.
const WATCHED: usize = 3;

/// A run in which a client could see that what it has read before is gone: standbys are far behind, and take over.
fn watched(mut rng: Rng) -> Setup {
    let clients = 2 + rng.below(2);
    let traits = Traits { standby: false, reports_late: true, hides_catalogs: false };
    let occupation = |me| if me == 0 { Occupation::Watches } else { Occupation::Writes };
    let of = |rng: &mut Rng, me| Program::of(rng, me, Manners::Polite, occupation(me));
    Setup {
        programs: (0..clients).map(|me| ending(&mut rng, me, Manners::Polite, traits, of)).collect(),
        mode: ClusteringMode::StreamingReplication,
        standbys: 2,
        lag: *rng.pick(&[90, 98]),
        traits,
        per_node: 2 * clients,
        promise: Promise::Session,
        policy: policy(&mut rng, Promise::Session),
        faults: Faults::Changes,
        schedule: rng.bits(),
    }
}

/// What reads are promised: where one node answers all of them, they are as new as can be.
fn promise(rng: &mut Rng, mode: ClusteringMode) -> Promise {
    if mode.has_primary() && rng.chance(EVENTUAL) { Promise::Eventual } else { Promise::Session }
}

/// In how many of a hundred runs reads may be old.
const EVENTUAL: usize = 25;
/// How long a read may wait for a standby.
const WAIT: Duration = Duration::from_millis(20);

/// The settings of routing, of which any may hold.
pub(crate) fn routing(rng: &mut Rng, promise: Promise) -> Routing {
    Routing {
        load_balance: rng.chance(90),
        statement_level: rng.chance(30),
        after_write: match rng.below(8) {
            0 => AfterWrite::TransTransaction,
            1 => AfterWrite::Always,
            2 => AfterWrite::Adaptive,
            _ => AfterWrite::Transaction,
        },
        consistency: match promise {
            Promise::Eventual => Consistency::Eventual,
            Promise::Session => Consistency::Session { wait: WAIT },
        },
        ..Routing::default()
    }
}

/// Where several nodes answer there is more to go wrong.
const MODES: [ClusteringMode; 4] = [
    ClusteringMode::Raw,
    ClusteringMode::StreamingReplication,
    ClusteringMode::StreamingReplication,
    ClusteringMode::StreamingReplication,
];

/// A program that comes to its end: it waits for nothing that a server alone would never send.
pub fn program(rng: &mut Rng, me: usize, manners: Manners, traits: Traits) -> Program {
    ending(rng, me, manners, traits, |rng, me| Program::random(rng, me, manners))
}

fn ending(
    rng: &mut Rng,
    me: usize,
    manners: Manners,
    traits: Traits,
    random: impl Fn(&mut Rng, usize) -> Program,
) -> Program {
    let mut program = random(rng, me);
    while let Some(left) = stuck(&program, traits) {
        match manners {
            // What it left unread would be counted wrong.
            Manners::Polite => program = random(rng, me),
            Manners::Rude => program.leave_out(program.steps().count() - left),
        }
    }
    program
}

/// How many steps of a program are left, where it waits for what a server alone might never send.
fn stuck(program: &Program, traits: Traits) -> Option<usize> {
    let first = alone(program, traits);
    let left = |seen: &Alone| (seen.left > 0 && !seen.closed).then_some(seen.left);
    left(&first).or_else(|| lates(&first).find_map(|late| left(&alone_if(program, traits, late))))
}

/// Which of a program's COPYs could be late to fail, besides none of them.
fn lates(first: &Alone) -> impl Iterator<Item = u32> + use<> {
    1..1 << first.doomed_copies.min(LATE_COPIES)
}

fn policy(rng: &mut Rng, promise: Promise) -> Policy {
    Policy {
        routing: Arc::new(routing(rng, promise)),
        connection_cache: rng.chance(90),
        tracing: Tracing {
            statements: rng.chance(10),
            client_messages: rng.chance(10),
            backend_messages: if rng.chance(10) { BackendMessages::Terse } else { BackendMessages::None },
            ..Tracing::default()
        },
        ..world::policy()
    }
}

/// Plays a run and says what is wrong with it, if anything.
///
/// # Errors
/// What was seen that should not have been.
pub fn check(setup: &Setup, router: &mut Router) -> Result<(), String> {
    let mut world = World::new(setup, router, false);
    judge(setup, &world.play()?)
}

/// Why a run is wrong, who took part, and what happened, line by line.
pub fn explain(setup: &Setup, router: &mut Router) -> String {
    let mut world = World::new(setup, router, true);
    let verdict = world.play().and_then(|played| judge(setup, &played));
    let mut text = String::new();
    let _infallible = writeln!(text, "{}", verdict.err().unwrap_or_else(|| "nothing is wrong".to_owned()));
    let Setup { mode, standbys, traits, per_node, faults, policy, promise, .. } = setup;
    let _infallible = writeln!(
        text,
        "{mode:?}, {standbys} standbys, {promise:?}, {traits:?}, {per_node} backends per node, \
         faults: {faults:?}, balanced: {}, pooled: {}",
        policy.routing.load_balance, policy.connection_cache
    );
    text.push_str(&world.transcript());
    text
}

/// Interleavings tried for each smaller run.
const SHRINK_SCHEDULES: u64 = 20;

/// The smallest run that is still wrong in the same way, found by leaving out units and then steps.
pub fn shrink(setup: &Setup, why: &str, router: &mut Router) -> Setup {
    let mut best = setup.clone();
    let kind = kind_of(why);
    for client in 0..best.programs.len() {
        for unit in (0..best.programs[client].units.len().saturating_sub(1)).rev() {
            let mut tried = best.clone();
            tried.programs[client].units.remove(unit);
            keep_if_wrong(&mut best, tried, &kind, router);
        }
        if best.programs[client].manners == Manners::Polite {
            // A unit and the wait for its answer belong together.
            continue;
        }
        let last_unit = best.programs[client].units.last().map_or(0, Vec::len);
        for step in (0..best.programs[client].steps().count() - last_unit).rev() {
            let mut tried = best.clone();
            tried.programs[client].leave_out(step);
            keep_if_wrong(&mut best, tried, &kind, router);
        }
    }
    best
}

fn keep_if_wrong(best: &mut Setup, tried: Setup, kind: &str, router: &mut Router) {
    if tried.programs.iter().any(|program| stuck(program, tried.traits).is_some()) {
        return;
    }
    for more in 0..SHRINK_SCHEDULES {
        let tried = Setup { schedule: tried.schedule.wrapping_add(more), ..tried.clone() };
        if check(&tried, router).is_err_and(|why| kind_of(&why) == kind) {
            *best = tried;
            return;
        }
    }
}

/// What two failures have in common that are the same mistake: their words, without what they are about.
fn kind_of(why: &str) -> String {
    let words = why.split_once('(').map_or(why, |(words, _)| words);
    words.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}

/// The first of these seeds whose run is wrong, and why.
pub fn first_wrong(seeds: impl Iterator<Item = u64>) -> Option<(u64, String)> {
    let mut router = Router::default();
    seeds.into_iter().find_map(|seed| check(&setup(seed), &mut router).err().map(|why| (seed, why)))
}

/// The first of these seeds whose run is wrong, and why, made small.
pub fn hunt(seeds: impl Iterator<Item = u64>) -> Option<(u64, String)> {
    let mut router = Router::default();
    for seed in seeds {
        let setup = setup(seed);
        if let Err(why) = check(&setup, &mut router) {
            let small = explain(&shrink(&setup, &why, &mut router), &mut router);
            return Some((seed, format!("{small}\n(before it was made smaller: {why})")));
        }
    }
    None
}

/// What a client sees alone on a server of its own.
#[derive(Debug)]
pub struct Alone {
    /// The messages that it reads after the start.
    pub replies: Vec<Message>,
    /// What the server kept to itself when it noticed the end of the connection.
    unsent: Vec<Message>,
    /// Steps of its program that it cannot take, because it waits for what never comes.
    pub left: usize,
    /// True when the server has closed the connection.
    pub closed: bool,
    doomed_copies: u32,
}

impl Alone {
    /// True when the server has sent all that it had to say.
    pub fn keeps_nothing(&self) -> bool {
        self.unsent.is_empty()
    }

    /// What it sees when it sees so many: pgherd may have asked for what the server has kept.
    fn shown(&self, messages: usize) -> Vec<Message> {
        self.replies.iter().chain(&self.unsent).take(messages.max(self.replies.len())).cloned().collect()
    }

    /// How many COPYs were bound to fail before they read anything.
    pub fn doomed_copies(&self) -> u32 {
        self.doomed_copies
    }
}

/// Plays a program against a server of its own.
pub fn alone(program: &Program, traits: Traits) -> Alone {
    alone_if(program, traits, 0)
}

/// What a client sees alone, if the server is late to fail these of its COPYs.
fn alone_if(program: &Program, traits: Traits, late: u32) -> Alone {
    let mut client = Client::started(program);
    let mut server = Backend::new(traits).late(late);
    let (mut data, mut bytes, mut out) = (Data::default(), Vec::new(), Vec::new());
    while let Some(step) = client.next_step() {
        let Step::Send(message) = step else { continue };
        bytes.clear();
        message.write(&mut bytes);
        let mut wires = Wires { data: &mut data, out: &mut out };
        server.feed(&bytes, &mut wires);
        while server.is_asleep() {
            server.wake(&mut wires);
        }
        client.read(&out);
        out.clear();
        if server.is_gone() {
            break;
        }
    }
    if program.half_closes && client.left() == 0 && !server.is_gone() {
        server.end_of_input(&mut Wires { data: &mut data, out: &mut out });
        client.read(&out);
    }
    let closed = server.is_gone();
    let (mut at, mut unsent) = (0, Vec::new());
    while let Some(message) = message::take_at(server.unsent(), &mut at) {
        unsent.push(message);
    }
    Alone {
        replies: client.replies().to_vec(),
        unsent,
        left: client.left(),
        closed,
        doomed_copies: server.doomed_copies(),
    }
}

fn judge(setup: &Setup, all: &[Played]) -> Result<(), String> {
    for (me, (program, played)) in setup.programs.iter().zip(all).enumerate() {
        judge_one(setup, me, program, played).map_err(|why| format!("client {me}: {why}"))?;
    }
    Ok(())
}

fn judge_one(setup: &Setup, me: usize, program: &Program, played: &Played) -> Result<(), String> {
    nothing_of_others(me, setup.programs.len(), played)?;
    let mut replies = without_unasked(played)?;
    if program.half_closes {
        replies.iter_mut().for_each(as_at_end_of_input);
    }
    let verdict = |want: &Alone| {
        let wanted = want.shown(replies.len());
        let (wanted, got) = match played.faulted {
            // A new backend may have other parameters, which the client is told.
            true => (without_parameters(wanted), without_parameters(replies.clone())),
            false => (wanted, replies.clone()),
        };
        let (wanted, got) = match setup.mode.has_primary() {
            true => portals::without_refusals(&wanted, &got),
            false => (wanted, got),
        };
        let (wanted, got) = ages::compare(setup.promise, &wanted, &got)?;
        compare(want, &wanted, program, played, &got)
    };
    let first = alone(program, setup.traits);
    let Err(why) = verdict(&first) else { return Ok(()) };
    // Whether a doomed COPY reads before it fails is a matter of time: any of these could have been seen.
    match lates(&first).map(|late| alone_if(program, setup.traits, late)).any(|want| verdict(&want).is_ok()) {
        true => Ok(()),
        false => Err(why),
    }
}

/// COPYs of one program that fail before they read, for which both times of failing are tried.
const LATE_COPIES: u32 = 6;

fn compare(
    want: &Alone,
    wanted: &[Message],
    program: &Program,
    played: &Played,
    replies: &[Message],
) -> Result<(), String> {
    if played.faulted {
        explained(wanted, replies)?;
        return after_loss(program, played, replies);
    }
    well_begun(played)?;
    same(wanted, replies)?;
    ended_alike(want, played)
}

/// Where something went wrong, the client sees what it would have seen, up to an error that says so. What it
/// sees later depends on what was lost, and is not compared.
fn explained(want: &[Message], got: &[Message]) -> Result<(), String> {
    let at = want.iter().zip(got).take_while(|(want, got)| want == got).count();
    let Some(differs) = got.get(at) else { return Ok(()) };
    let code = if differs.kind == b'E' { differs.field(b'C').unwrap_or_default() } else { "" };
    let says_so = ["08", "53", "57"].iter().any(|class| code.starts_with(class));
    let then = got.get(at + 1).map(|next| next.kind);
    match says_so && matches!(then, Some(b'Z' | b'E') | None) {
        true => Ok(()),
        false => same(want, got),
    }
}

fn without_parameters(mut all: Vec<Message>) -> Vec<Message> {
    all.retain(|message| message.kind != b'S');
    all
}

fn ended_alike(want: &Alone, played: &Played) -> Result<(), String> {
    // How much a client sends into a connection that is being closed is a matter of time.
    if !want.closed && want.left != played.left {
        return Err(format!("it stops {} steps before its end, not {}", played.left, want.left));
    }
    if want.closed && played.closed.is_none() && !played.vanished {
        return Err("its session goes on, but a server would have closed it".to_owned());
    }
    if !want.closed && played.closed.is_some() {
        return Err(format!("its session is closed ({:?}), and a server would have gone on", played.closed));
    }
    Ok(())
}

/// AuthenticationOk, parameters, BackendKeyData, ReadyForQuery.
fn well_begun(played: &Played) -> Result<(), String> {
    let kinds: Vec<u8> = played.start.iter().map(|message| message.kind).collect();
    let parameters = kinds.strip_prefix(b"R").and_then(|rest| rest.strip_suffix(b"KZ"));
    if !parameters.is_some_and(|kinds| kinds.iter().all(|kind| *kind == b'S')) {
        return Err(format!("it is greeted with {:?}", String::from_utf8_lossy(&kinds)));
    }
    let told = |name: &str| {
        let name = format!("{name}\0");
        played.start.iter().find_map(|message| message.body.strip_prefix(name.as_bytes()))
    };
    match (told("application_name"), told("in_hot_standby")) {
        (Some(b"\0"), Some(b"off\0")) => Ok(()),
        other => Err(format!("the parameters that it is told first are not the server's: {other:?}")),
    }
}

/// Rows and parameters are marked with the client that they belong to.
fn nothing_of_others(me: usize, clients: usize, played: &Played) -> Result<(), String> {
    let foreign: Vec<_> =
        (0..clients).filter(|&one| one != me).map(|one| format!("c{one}").into_bytes()).collect();
    let shows = |message: &Message, mark: &Vec<u8>| match message.kind {
        b'D' | b'A' => message.body.get(6..).is_some_and(|value| value.starts_with(mark)),
        b'S' => message.body.split(|&byte| byte == 0).nth(1).is_some_and(|value| value.starts_with(mark)),
        _ => false,
    };
    for message in played.start.iter().chain(&played.replies) {
        if foreign.iter().any(|mark| shows(message, mark)) {
            return Err(format!("it sees what belongs to another: {message:?}"));
        }
    }
    Ok(())
}

/// A client that closes its side in a COPY, and listens on, is told by the server that this is an unexpected end, and
/// through pgherd that it is an unexpected Terminate: docs/differences.md.
fn as_at_end_of_input(message: &mut Message) {
    if message.kind == b'E'
        && message.field(b'M') == Some("unexpected message type 0x58 during COPY from stdin")
    {
        let mut told = Vec::new();
        let text = "unexpected EOF on client connection with an open transaction";
        backend::error(b'E', "ERROR", "08006", text, &mut told);
        let mut at = 0;
        if let Some(at_end) = message::take_at(&told, &mut at) {
            *message = at_end;
        }
    }
}

fn is_unasked(message: &Message) -> bool {
    b"NAS".contains(&message.kind) && message.body.windows(8).any(|window| window == b"unasked ")
}

/// The replies without those that were sent unasked, which must be those that were sent, in order.
fn without_unasked(played: &Played) -> Result<Vec<Message>, String> {
    let seen: Vec<&Message> = played.replies.iter().filter(|message| is_unasked(message)).collect();
    let mut sent = played.unasked.iter();
    for message in &seen {
        // What a standby's backend sends may be shown, but is not counted.
        if played.unasked.contains(message) && !sent.any(|one| one == *message) {
            return Err(format!("out of order, or twice: {message:?}"));
        }
    }
    let missing = played.unasked.iter().find(|message| !seen.contains(message));
    let stayed = played.closed.is_none() && !played.vanished && !played.faulted;
    match missing {
        Some(missing) if stayed => Err(format!("it was never shown {missing:?}")),
        Some(_) | None => Ok(played.replies.iter().filter(|message| !is_unasked(message)).cloned().collect()),
    }
}

fn same(want: &[Message], got: &[Message]) -> Result<(), String> {
    let at = want.iter().zip(got).take_while(|(want, got)| want == got).count();
    match (want.get(at), got.get(at)) {
        (None, None) => Ok(()),
        (want, got) => Err(format!("message {at} is {got:?}, and should be {want:?}")),
    }
}

/// What holds even when servers die: every unit is answered once, or the session is closed with a reason.
fn after_loss(program: &Program, played: &Played, replies: &[Message]) -> Result<(), String> {
    if played.vanished {
        return Ok(());
    }
    let last_words = replies.last().or(played.start.last());
    let fatal = last_words.is_some_and(|message| {
        message.kind == b'E' && matches!(message.field(b'V'), Some("FATAL" | "PANIC"))
    });
    if played.left > 0 && played.closed.is_none() {
        return Err("it waits for ever".to_owned());
    }
    if played.left > 0 && !fatal && !played.mid_message {
        return Err(format!(
            "its session is closed ({:?}) without a word; the last was {last_words:?}",
            played.closed
        ));
    }
    let ready = replies.iter().filter(|message| message.kind == b'Z').count();
    let waits = program.steps().filter(|step| matches!(step, Step::AwaitReady | Step::AwaitEnd)).count();
    if program.manners == Manners::Polite && played.left == 0 && ready != waits {
        return Err(format!("{waits} units are answered with {ready} ReadyForQuery"));
    }
    Ok(())
}
