//! What nobody asked for.

use pgherd_session::{Event, Shutdown};

use super::{Faults, SeatState, World};
use crate::backend::{self, Wires};
use crate::message::{Message, put};
use crate::pool::Life;

/// Faults of one run.
const DEATHS: usize = 2;
/// Messages sent unasked in one run.
const UNASKED: usize = 6;

impl World<'_> {
    /// Perhaps something happens that no program asks for.
    pub(super) fn chaos(&mut self) -> Result<(), String> {
        match self.faults {
            Faults::None => Ok(()),
            Faults::Changes => {
                self.perhaps_changes();
                Ok(())
            }
            Faults::Unasked => {
                if self.unasked < UNASKED && self.rng.chance(4) {
                    self.say_unasked();
                }
                Ok(())
            }
            Faults::Deaths if self.rng.chance(1) => {
                self.perhaps_changes();
                Ok(())
            }
            Faults::Deaths => match self.deaths < DEATHS && self.rng.chance(self.danger()) {
                true => self.break_something(),
                false => Ok(()),
            },
        }
    }

    /// In how many of a hundred moves something breaks: more often while a message is half way, for that is
    /// when it hurts.
    fn danger(&self) -> usize {
        let cut = self.pool.slots.iter().any(|slot| slot.life == Life::Alive && !slot.from.at_boundary());
        if cut { 8 } else { 2 }
    }

    fn random_slot(&mut self) -> Option<usize> {
        let alive = |at: &usize| self.pool.slots[*at].life == Life::Alive;
        let all: Vec<usize> = (0..self.pool.slots.len()).filter(alive).collect();
        let cut: Vec<usize> =
            all.iter().copied().filter(|&at| !self.pool.slots[at].from.at_boundary()).collect();
        let of = if cut.is_empty() || self.rng.chance(50) { all } else { cut };
        (!of.is_empty()).then(|| *self.rng.pick(&of))
    }

    fn say_unasked(&mut self) {
        let Some(at) = self.random_slot() else { return };
        self.unasked += 1;
        let number = self.unasked;
        let mut bytes = Vec::new();
        match self.rng.below(3) {
            0 => backend::error(b'N', "NOTICE", "00000", &format!("unasked {number}"), &mut bytes),
            1 => put(&mut bytes, b'A', |out| {
                out.extend_from_slice(format!("\0\0\0\x01c\0unasked {number}\0").as_bytes())
            }),
            _ => put(&mut bytes, b'S', |out| {
                out.extend_from_slice(format!("x.y\0unasked {number}\0").as_bytes())
            }),
        }
        self.log(|| format!("B{at}  says unasked: {}", bytes.escape_ascii()));
        let slot = &mut self.pool.slots[at];
        slot.from.end().extend_from_slice(&bytes);
        match slot.holder {
            Some(holder) if slot.node.index() == self.data.primary() => {
                self.seats[holder].unasked.push(Message::new(bytes[0], &bytes[5..]));
            }
            Some(_) => {}
            None => slot.absorb(),
        }
    }

    fn break_something(&mut self) -> Result<(), String> {
        match self.rng.below(12) {
            0..8 => {
                if let Some(at) = self.random_slot() {
                    self.deaths += 1;
                    self.kill(at);
                }
                Ok(())
            }
            8..11 => {
                let sending: Vec<usize> =
                    (0..self.seats.len()).filter(|&i| !self.seats[i].to.is_empty()).collect();
                let i = match sending.is_empty() || self.rng.chance(30) {
                    true => self.rng.below(self.seats.len()),
                    false => *self.rng.pick(&sending),
                };
                if self.seats[i].state == SeatState::Open {
                    self.deaths += 1;
                    self.fault(i);
                    self.log(|| format!("C{i}  vanishes"));
                    self.seats[i].state = SeatState::Vanished;
                }
                Ok(())
            }
            _ => self.shut_down(),
        }
    }

    fn kill(&mut self, at: usize) {
        if let Some(holder) = self.pool.slots[at].holder {
            self.fault(holder);
        }
        let how = self.rng.below(3);
        let left = self.pool.slots[at].from.left();
        let kept = self.rng.below(left + 1);
        self.log(|| {
            format!("B{at}  dies: {}", ["told to shut down", "silently", "in the middle of its answer"][how])
        });
        let slot = &mut self.pool.slots[at];
        match how {
            0 => slot.model.shut_down(&mut Wires { data: &mut self.data, out: slot.from.end() }),
            1 => {}
            _ => slot.from.truncate(kept),
        }
        slot.to.clear();
        slot.life = if slot.holder.is_some() { Life::Ended } else { Life::Closed };
    }

    fn shut_down(&mut self) -> Result<(), String> {
        let how = *self.rng.pick(&[Shutdown::Smart, Shutdown::Fast, Shutdown::Immediate]);
        self.log(|| format!("pgherd is stopped: {how:?}"));
        self.deaths += 1;
        for i in 0..self.seats.len() {
            if self.is_open(i) {
                self.fault(i);
                self.tell(i, Event::Drain(how))?;
                if how != Shutdown::Smart && self.is_open(i) {
                    return Err(format!("client {i} outlives a {how:?} shutdown"));
                }
            }
        }
        Ok(())
    }
}
