use core::time::Duration;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use pgherd_types::{BackendId, Identity, Moment, NodeId};

use super::{Effect, Effects, Grant, Home, Pool, Source};
use crate::{PoolLimits, Ticket};

const NODE: NodeId = NodeId(0);
const NOW: Moment = Moment(0);

fn identity(user: &str) -> Arc<Identity> {
    Arc::new(Identity::new(user, "db", []))
}

fn limits(per_node: usize) -> PoolLimits {
    PoolLimits::new(per_node, 1)
}

fn one_grant(effects: &mut Effects) -> Grant {
    let all = core::mem::take(effects);
    match <[Effect; 1]>::try_from(all) {
        Ok([Effect::Grant(grant)]) => grant,
        other => panic!("not one grant: {other:?}"),
    }
}

#[test]
fn the_backend_that_was_used_last_is_used_next() {
    let (mut pool, mut out, alice) = (Pool::new(limits(9)), Effects::new(), identity("alice"));
    let backends: Vec<BackendId> = (0..3)
        .map(|_| {
            pool.acquire(NOW, NODE, &alice, Home(0), &mut out);
            one_grant(&mut out).backend
        })
        .collect();
    for backend in &backends {
        pool.park(NOW, *backend, Home(0), &mut out);
    }
    pool.acquire(NOW, NODE, &alice, Home(0), &mut out);
    let grant = one_grant(&mut out);
    assert_eq!((grant.backend, grant.source), (backends[2], Source::Idle(Home(0))));
}

#[test]
fn a_backend_of_the_same_event_loop_is_preferred() {
    let (mut pool, mut out, alice) = (Pool::new(limits(9)), Effects::new(), identity("alice"));
    pool.acquire(NOW, NODE, &alice, Home(0), &mut out);
    let here = one_grant(&mut out).backend;
    pool.acquire(NOW, NODE, &alice, Home(1), &mut out);
    let there = one_grant(&mut out).backend;
    pool.park(NOW, here, Home(0), &mut out);
    pool.park(NOW, there, Home(1), &mut out);
    pool.acquire(NOW, NODE, &alice, Home(0), &mut out);
    assert_eq!(one_grant(&mut out).backend, here);
    pool.acquire(NOW, NODE, &alice, Home(0), &mut out);
    assert_eq!(one_grant(&mut out).source, Source::Idle(Home(1)), "better far away than dialled");
}

#[test]
fn a_full_budget_evicts_the_idle_backend_of_somebody_else() {
    let (mut pool, mut out) = (Pool::new(limits(1)), Effects::new());
    pool.acquire(NOW, NODE, &identity("alice"), Home(0), &mut out);
    let hers = one_grant(&mut out).backend;
    pool.park(NOW, hers, Home(0), &mut out);
    let ticket = pool.acquire(NOW, NODE, &identity("bob"), Home(1), &mut out);
    assert_eq!(core::mem::take(&mut out), [Effect::Evict { backend: hers, home: Home(0) }]);
    pool.gone(NOW, hers, &mut out);
    let grant = one_grant(&mut out);
    assert_eq!((grant.ticket, grant.to, grant.source), (ticket, Home(1), Source::Dial));
    assert_eq!(pool.used(NODE), 1);
}

#[test]
fn what_may_not_idle_is_closed_at_once() {
    let off = PoolLimits { cache: false, ..limits(9) };
    for (limits, database) in [(off, "db"), (limits(9), "template1")] {
        let (mut pool, mut out) = (Pool::new(limits), Effects::new());
        let who = Arc::new(Identity::new("u", database, []));
        pool.acquire(NOW, NODE, &who, Home(0), &mut out);
        let backend = one_grant(&mut out).backend;
        pool.park(NOW, backend, Home(0), &mut out);
        assert_eq!(out, [Effect::Evict { backend, home: Home(0) }]);
    }
}

#[test]
fn connection_life_time_counts_from_the_beginning_of_the_rest() {
    let life = PoolLimits { life_time: Some(Duration::from_millis(100)), ..limits(9) };
    let (mut pool, mut out) = (Pool::new(life), Effects::new());
    pool.acquire(NOW, NODE, &identity("alice"), Home(0), &mut out);
    let backend = one_grant(&mut out).backend;
    pool.park(Moment(500), backend, Home(0), &mut out);
    pool.expire(Moment(599), &mut out);
    assert_eq!(out, []);
    pool.expire(Moment(600), &mut out);
    assert_eq!(out, [Effect::Evict { backend, home: Home(0) }]);
}

#[test]
fn a_dead_idle_backend_keeps_its_place_for_the_one_dialled_instead() {
    let (mut pool, mut out) = (Pool::new(limits(1)), Effects::new());
    let alice = identity("alice");
    pool.acquire(NOW, NODE, &alice, Home(0), &mut out);
    let old = one_grant(&mut out).backend;
    pool.park(NOW, old, Home(0), &mut out);
    pool.acquire(NOW, NODE, &alice, Home(1), &mut out);
    assert_eq!(one_grant(&mut out).backend, old);
    assert!(!pool.lost_while_idle(NOW, old, &mut out), "it is granted already");
    let new = pool.redial(NOW, old).unwrap();
    assert_ne!(new, old);
    assert_eq!(pool.used(NODE), 1);
    pool.gone(NOW, new, &mut out);
    assert_eq!(pool.used(NODE), 0);
}

/// A world around the pool that does everything it is told to, late and in any order.
struct World {
    pool: Pool,
    seed: u64,
    queue: VecDeque<Ticket>,
    waiting: HashMap<Ticket, Arc<Identity>>,
    busy: Vec<(BackendId, Arc<Identity>)>,
    evicted: Vec<BackendId>,
    open: HashMap<BackendId, Arc<Identity>>,
}

impl World {
    fn random(&mut self, below: usize) -> usize {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        (self.seed % below as u64) as usize
    }

    fn pick<T>(&mut self, from: fn(&mut World) -> &mut Vec<T>) -> Option<T> {
        let len = from(self).len();
        (len > 0).then(|| self.random(len)).map(|at| from(self).swap_remove(at))
    }

    fn obey(&mut self, effects: Effects, asked: Option<(Ticket, Arc<Identity>)>) {
        if let Some((ticket, who)) = asked {
            self.queue.push_back(ticket);
            self.waiting.insert(ticket, who);
        }
        for effect in effects {
            match effect {
                Effect::Grant(grant) => {
                    assert_eq!(self.queue.pop_front(), Some(grant.ticket), "first come, first served");
                    let who = self.waiting.remove(&grant.ticket).unwrap();
                    match grant.source {
                        Source::Dial => assert!(self.open.insert(grant.backend, Arc::clone(&who)).is_none()),
                        Source::Idle(_) => assert_eq!(self.open.get(&grant.backend), Some(&who)),
                    }
                    assert!(self.busy.iter().all(|(id, _)| *id != grant.backend), "leased twice");
                    self.busy.push((grant.backend, who));
                }
                Effect::Evict { backend, .. } => {
                    assert!(self.busy.iter().all(|(id, _)| *id != backend), "evicted while leased");
                    self.evicted.push(backend);
                }
            }
        }
    }

    fn step(&mut self, now: Moment) {
        let mut out = Effects::new();
        let mut asked = None;
        match self.random(8) {
            0..=2 => {
                let who = identity(["alice", "bob", "carol"][self.random(3)]);
                let home = Home(self.random(2) as u16);
                asked = Some((self.pool.acquire(now, NODE, &who, home, &mut out), who));
            }
            3..=4 => {
                if let Some((backend, _)) = self.pick(|world| &mut world.busy) {
                    let home = Home(self.random(2) as u16);
                    self.pool.park(now, backend, home, &mut out);
                }
            }
            5 => {
                if let Some((backend, _)) = self.pick(|world| &mut world.busy) {
                    self.open.remove(&backend);
                    self.pool.gone(now, backend, &mut out);
                }
            }
            6 => {
                if let Some(backend) = self.pick(|world| &mut world.evicted) {
                    self.open.remove(&backend);
                    self.pool.gone(now, backend, &mut out);
                }
            }
            _ => {
                if let Some(at) = self.queue.len().checked_sub(1).map(|len| self.random(len + 1)) {
                    let ticket = self.queue.remove(at).unwrap();
                    self.waiting.remove(&ticket);
                    assert!(self.pool.forget(NODE, ticket));
                }
            }
        }
        self.obey(out, asked);
    }
}

#[test]
fn never_over_budget_no_lost_waiter_first_come_first_served() {
    for seed in 1..=300 {
        let budget = 1 + (seed as usize % 5);
        let mut world = World {
            pool: Pool::new(limits(budget)),
            seed,
            queue: VecDeque::new(),
            waiting: HashMap::new(),
            busy: Vec::new(),
            evicted: Vec::new(),
            open: HashMap::new(),
        };
        for turn in 0..400 {
            world.step(Moment(turn));
            assert!(world.open.len() <= budget, "seed {seed}: over budget");
            assert_eq!(world.pool.used(NODE), world.open.len(), "seed {seed}");
            assert_eq!(world.pool.waiting(NODE), world.queue.len(), "seed {seed}");
            let stuck = !world.queue.is_empty() && world.busy.is_empty() && world.evicted.is_empty();
            assert!(!stuck, "seed {seed}: a waiter is left although nothing is in use");
        }
    }
}
