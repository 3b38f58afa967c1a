//! What comes of the requests that are answered.

use pgherd_route::AfterWrite;
use pgherd_types::BackendId;
use pgherd_wire::backend::TransactionStatus;

use super::{Life, Serving, Turn};
use crate::{
    Action, Actions, Context, Report,
    effect::{Effect, Script},
    ledger::{Ended, Finished, Owed, Request},
    planted::{PlantedBug, planted},
    state::{Kept, Source, UnnamedId},
};

impl Serving {
    /// A leg has answered a request, which found its transaction in this state.
    pub(super) fn settle(
        &mut self,
        cx: &Context<'_>,
        turn: Turn,
        finished: Finished,
        status: TransactionStatus,
    ) {
        let Some(leg) = self.leg_mut(turn) else { return };
        let backend = leg.backend();
        let Some(effect) = leg.settle(finished.ticket) else { return };
        match finished.ended {
            Ended::Well => self.went_well(cx, turn, backend, status, effect),
            Ended::FailedLate => match effect {
                Effect::Ran(script) => self.state.failed(&script.text),
                Effect::RanUnknown => self.state.ran_unknown(),
                Effect::Parsed { .. }
                | Effect::Brought { .. }
                | Effect::Closed { .. }
                | Effect::BoundUnnamed
                | Effect::ClosedUnnamed => {}
            },
            Ended::Failed => {}
        }
    }

    fn went_well(
        &mut self,
        cx: &Context<'_>,
        turn: Turn,
        backend: BackendId,
        status: TransactionStatus,
        effect: Effect,
    ) {
        match effect {
            Effect::Ran(script) => {
                self.state.ran(&script, backend, status, cx.policy.routing.after_write);
            }
            Effect::RanUnknown => self.state.ran_unknown(),
            Effect::Parsed { name, script, source } if name.is_empty() => {
                self.parsed_unnamed(turn, script, source);
            }
            Effect::Parsed { name, script, source } => {
                self.state.statements.prepared(&name, script, source, backend);
            }
            Effect::Brought { name } => self.state.statements.also_at(&name, backend),
            Effect::Closed { name } => self.closed(turn, &name),
            Effect::BoundUnnamed if turn == Turn::Reader => {
                let needed = self.unit.needed().iter();
                let statements = &self.state.statements;
                let kept = needed
                    .filter_map(|name| Some(Kept { name: name.clone(), parse: statements.parse_of(name)? }));
                self.state.portals.made_elsewhere(self.unit.messages(), kept.collect());
            }
            Effect::ClosedUnnamed if turn == Turn::Reader => {
                self.state.portals.unnamed_ends_elsewhere();
            }
            Effect::BoundUnnamed | Effect::ClosedUnnamed => self.state.portals.unnamed_is_leads(),
        }
    }

    /// The client's unnamed statement has been made.
    fn parsed_unnamed(&mut self, turn: Turn, script: Script, source: Source) {
        match (turn, source) {
            (Turn::Reader, Source::Parse(message)) => {
                let id = self.state.statements.unnamed_begins(&message, script);
                if let Some(leg) = &mut self.reader {
                    leg.unnamed = id;
                }
            }
            (Turn::Lead | Turn::Reader, source) => {
                self.state.statements.lead_parsed_unnamed(source, script);
                if let Some(leg) = &mut self.lead {
                    leg.unnamed = UnnamedId::LeadsOwn;
                }
            }
        }
    }

    /// A statement was closed on one leg: the others still have it.
    fn closed(&mut self, turn: Turn, name: &[u8]) {
        if name.is_empty() {
            let id = self.state.statements.unnamed_ends();
            if let Some(leg) = self.leg_mut(turn) {
                leg.unnamed = id;
            }
            return;
        }
        let had_it = self.state.statements.closed(name);
        if planted(PlantedBug::KeepsClosed) {
            return;
        }
        let here = self.leg_mut(turn).map(|leg| leg.backend());
        for leg in self.lead.iter_mut().chain(&mut self.reader).chain(self.parked.as_mut_slice()) {
            if Some(leg.backend()) != here && had_it.contains(&leg.backend()) {
                leg.stale.make().push(name.into());
            }
        }
    }

    /// The lead is ready for the next query.
    pub(super) fn lead_ready(
        &mut self,
        cx: &mut Context<'_>,
        before: TransactionStatus,
        owed: Owed,
        finished: Finished,
        out: &mut Actions,
    ) -> Life {
        let status = self.transaction();
        self.settle(cx, Turn::Lead, finished, before);
        match owed {
            Owed::Client => {
                if before == TransactionStatus::Failed {
                    self.untold.forget();
                }
                if matches!(finished.request, Request::Query) {
                    // Also one whose Parse was on its way when the query was sent.
                    self.state.statements.lead_ends_unnamed();
                    if finished.ended != Ended::Failed {
                        self.state.portals.unnamed_ends();
                    }
                }
                self.state.ready(status, finished.ended == Ended::Well);
                self.saw_lead(cx);
                self.act_on_news(cx, out);
            }
            Owed::Session => {
                if self.answered(cx, finished, out) == Life::Over {
                    return Life::Over;
                }
            }
            Owed::Nobody => {}
        }
        if status == TransactionStatus::Idle && before != TransactionStatus::Idle {
            // What is still owed may be about portals that were bound since.
            if self.lead.as_ref().is_none_or(|leg| !leg.ledger.owes_client()) {
                self.state.portals.clear();
            }
            self.readers_leave_transaction(out);
        }
        // Whatever waited for the lead to be done may go on.
        if !planted(PlantedBug::ForgetsToResume) {
            self.resume(out);
        }
        Life::Open
    }

    fn act_on_news(&mut self, cx: &Context<'_>, out: &mut Actions) {
        let news = self.state.take_news();
        if news.catalogs_changed {
            out.push(Action::Report(Report::CatalogsChanged));
        }
        if news.block_ended {
            self.readers_leave_transaction(out);
        }
        if news.readers_stale {
            self.release_readers(out);
            self.state.statements.unnamed.id = UnnamedId::LeadsOwn;
        }
        let routing = &cx.policy.routing;
        if !news.written.is_empty() && routing.after_write == AfterWrite::AdaptiveGlobal {
            let delays = cx.replication.nodes.iter().filter_map(|node| node.delay.as_ref()?.time);
            let tracking = &routing.tracking;
            let longest = delays.max();
            tracking.mutations.mark(self.identity.database(), &news.written, tracking, longest, cx.now);
        }
        if let Some(leg) = &mut self.lead {
            // It has set all that it is asked about itself.
            leg.settings = self.state.settings.version();
        }
    }
}
