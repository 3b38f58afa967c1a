//! Balanced reads: which units go to the reader, and what happens when the reader fails them.

use pgherd_sql::Class;
use pgherd_types::{Fate, NodeId, ResetReason, limits};
use pgherd_wire::{Framer, frontend};

use super::{
    Life, Serving, Turn, Wait,
    client::{Here, Part, Step},
    report_statement,
};
use crate::{
    Action, Actions, Carrier, Closing, Context,
    ledger::{Owed, Request},
    leg::Leg,
    peek,
    planted::{PlantedBug, planted},
    say,
};

/// Which node answers the session's balanced reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reads {
    /// Not drawn yet: the first balanced read draws.
    Undrawn,
    Node(NodeId),
}

/// What ties a session to its lead. It only grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bound {
    /// Nothing: another backend of the same identity would do as well.
    Free,
    /// Prepared statements live there, if only the unnamed one. Reads may still be balanced.
    State,
    /// It may have written or changed settings: reads go there too.
    Pinned,
}

/// The unit that the reader is at.
#[derive(Debug, Default)]
pub(super) struct Unit {
    /// Its messages, kept so that they can be sent once more; empty when they are too long for that.
    retained: Vec<u8>,
    progress: Progress,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Progress {
    #[default]
    Asked,
    /// The client has seen a part of the answer.
    Shown,
    /// The reader answered with an error that the client has not seen: the lead is asked when the reader is done.
    Failed,
}

impl Unit {
    fn begin(&mut self, messages: &[u8]) {
        self.progress = Progress::Asked;
        self.retained.clear();
        if messages.len() <= limits::RETAINED_UNIT_BYTES {
            self.retained.extend_from_slice(messages);
        }
    }

    pub(super) fn shown(&mut self) {
        if self.progress == Progress::Asked {
            self.progress = Progress::Shown;
        }
    }

    /// True when nothing of the answer was shown and the unit can be sent once more.
    pub(super) fn may_go_elsewhere(&self) -> bool {
        let shown = self.progress == Progress::Shown && !planted(PlantedBug::RepeatsWhatWasShown);
        !shown && !self.retained.is_empty()
    }

    /// The client wants it cancelled: it is not sent anywhere else.
    pub(super) fn cancelled(&mut self) {
        self.retained.clear();
    }

    pub(super) fn failed(&mut self) {
        self.progress = Progress::Failed;
    }

    pub(super) fn has_failed(&self) -> bool {
        self.progress == Progress::Failed
    }
}

impl Serving {
    /// True when statements of this session are worth classifying: reads may still go to another node than writes.
    pub(super) fn balances(&self, cx: &Context<'_>) -> bool {
        self.bound != Bound::Pinned && cx.policy.load_balance && cx.topology.mode.has_primary()
    }

    pub(super) fn note_class(&mut self, class: Class) {
        match class {
            Class::Other | Class::CopyIn if planted(PlantedBug::NeverPins) => {}
            Class::Other | Class::CopyIn => self.bound = Bound::Pinned,
            Class::Empty | Class::Read | Class::ReadPrimary | Class::Transaction => {}
        }
    }

    pub(super) fn note_state(&mut self) {
        self.bound = self.bound.max(Bound::State);
    }

    /// Sends a simple query that only reads to the reader. `None`: it goes to the lead after all.
    pub(super) fn read_query(
        &mut self,
        cx: &mut Context<'_>,
        part: &Part<'_>,
        out: &mut Actions,
    ) -> Option<Step> {
        match self.find_reader(cx, out)? {
            Reader::Asked => Some(Step::Hold),
            Reader::Ready => {
                let leg = self.reader.as_mut()?;
                leg.request(Request::Query, Owed::Client, false);
                let (backend, node) = (leg.backend(), leg.node());
                let text = peek::query_text(part.raw).unwrap_or_default();
                report_statement(cx, leg, Carrier::Query, text, out);
                self.unnamed.clear();
                frontend::put_close(&mut self.unnamed, frontend::Target::Statement(b""));
                self.unit.begin(part.raw);
                self.turn = Turn::Reader;
                self.report_read(node, out);
                part.send(backend, out);
                Some(Step::Taken)
            }
        }
    }

    /// Sends a batch of the extended protocol to the reader, where all of it is at hand and all it does is
    /// one read. The offset says where the batch ends. `None`: it goes to the lead, message by message.
    pub(super) fn read_batch(
        &mut self,
        cx: &mut Context<'_>,
        here: &Here<'_>,
        before: &Framer,
        out: &mut Actions,
    ) -> Option<(Step, usize)> {
        if !self.balances(cx) {
            return None;
        }
        let batch = Batch::read(here.bytes.get(here.start..)?, before)?;
        if cx.router.classify(batch.text) != Class::Read {
            return None;
        }
        match self.find_reader(cx, out)? {
            Reader::Asked => Some((Step::Hold, 0)),
            Reader::Ready => {
                let end = here.start + batch.messages.len();
                let leg = self.reader.as_mut()?;
                request_all(leg, batch.messages, before);
                let (backend, node) = (leg.backend(), leg.node());
                report_statement(cx, leg, Carrier::Parse, batch.text, out);
                self.unnamed.clear();
                self.unnamed.extend_from_slice(batch.parse);
                self.unit.begin(batch.messages);
                self.turn = Turn::Reader;
                self.report_read(node, out);
                out.forward_to_backend(backend, here.start..end);
                Some((Step::Taken, end))
            }
        }
    }

    /// The node for the session's balanced reads: drawn once, and again when it is of no use any more.
    pub(super) fn read_node(&mut self, cx: &Context<'_>) -> Option<NodeId> {
        match self.reads {
            Reads::Node(node) if cx.topology.node(node).is_some_and(pgherd_types::Node::is_usable) => {
                Some(node)
            }
            Reads::Node(_) | Reads::Undrawn => {
                let node = pgherd_route::choose_read_node(cx.topology, cx.random)?;
                self.reads = Reads::Node(node);
                Some(node)
            }
        }
    }

    /// Looks for a leg to read from. `None` when reads go to the lead at this moment.
    fn find_reader(&mut self, cx: &mut Context<'_>, out: &mut Actions) -> Option<Reader> {
        if self.lead.as_ref().is_some_and(|leg| !leg.ledger.is_clean() || leg.streaming.is_some()) {
            return None;
        }
        let node = self.read_node(cx)?;
        if Some(node) == cx.topology.write_node() {
            return None;
        }
        if let Some(leg) = self.reader.take_if(|leg| leg.node() != node) {
            let fate = leg.fate(self.pooling == super::Pooling::Pooled);
            out.push(Action::Release(leg.lease, fate));
        }
        if self.reader.is_some() {
            return Some(Reader::Ready);
        }
        self.acquire(node, Wait::Lease(Turn::Reader), out);
        Some(Reader::Asked)
    }

    /// The reader is done with its unit.
    pub(super) fn reader_done(&mut self, cx: &mut Context<'_>, out: &mut Actions) -> Life {
        self.turn = Turn::Lead;
        if self.unit.has_failed() {
            return self.send_again(cx, out);
        }
        self.resume(out);
        Life::Open
    }

    /// Sends the retained unit to the lead.
    pub(super) fn send_again(&mut self, cx: &mut Context<'_>, out: &mut Actions) -> Life {
        let Some(leg) = &mut self.lead else {
            return match cx.topology.write_node() {
                Some(node) => {
                    self.acquire(node, Wait::Again, out);
                    Life::Open
                }
                None => {
                    out.make_to_client(say::no_write_node);
                    self.end(out, Closing::Backend)
                }
            };
        };
        request_all(leg, &self.unit.retained, &Framer::new(frontend::largest_body));
        let backend = leg.backend();
        out.make_to_backend(backend, |to| to.extend_from_slice(&self.unit.retained));
        // It goes where its unnamed statement is now wanted.
        self.unnamed.clear();
        self.unit = Unit::default();
        self.resume(out);
        Life::Open
    }

    /// The reader cannot be had: the session reads from its lead from now on, until the topology changes.
    pub(super) fn give_up_reader(&mut self, cx: &Context<'_>) {
        if let Some(node) = cx.topology.write_node() {
            self.reads = Reads::Node(node);
        }
    }

    /// Lets go of a reader that is of no use any more.
    pub(super) fn drop_reader(&mut self, why: ResetReason, out: &mut Actions) {
        if let Some(leg) = self.reader.take() {
            out.push(Action::Release(leg.lease, Fate::Close(why)));
        }
    }
}

enum Reader {
    Ready,
    /// A lease was asked for; the input waits.
    Asked,
}

/// Notes every request of whole messages that are sent to a leg.
fn request_all(leg: &mut Leg, messages: &[u8], framer: &Framer) {
    let (mut framer, mut input) = (framer.clone(), messages);
    while let Ok(Some(piece)) = framer.next(&mut input) {
        let request = match piece.kind {
            b'Q' => Request::Query,
            b'P' => Request::Parse,
            b'B' => Request::Bind,
            b'D' => match peek::describe_target(&[], piece.raw) {
                Some(b'S') => Request::DescribeStatement,
                Some(_) | None => Request::DescribePortal,
            },
            b'E' => Request::Execute,
            b'S' => Request::Sync,
            // Nothing else is ever part of a read-only unit.
            _ => continue,
        };
        leg.request(request, Owed::Client, false);
    }
}

/// A batch that consists of one statement, unnamed throughout: Parse, then Bind, Describe and Execute, then Sync.
struct Batch<'a> {
    /// From Parse to Sync.
    messages: &'a [u8],
    parse: &'a [u8],
    text: &'a [u8],
}

/// Messages looked at for a batch that may be balanced; drivers send five.
const BATCH_MESSAGES: usize = 8;

impl<'a> Batch<'a> {
    /// Reads the batch at the beginning of `input`; `None` when its end is not at hand or it is not of that shape.
    fn read(input: &'a [u8], framer: &Framer) -> Option<Self> {
        let (mut framer, mut rest) = (framer.clone(), input);
        let parse = framer.next(&mut rest).ok()??.whole()?;
        let (name, text) = peek::parse_head(parse)?;
        if !name.is_empty() {
            return None;
        }
        for _ in 0..BATCH_MESSAGES {
            let piece = framer.next(&mut rest).ok()??;
            let raw = piece.whole()?;
            let fits = match piece.kind {
                b'B' => peek::names_unnamed_statement(raw) && peek::names_unnamed_portal(raw),
                b'D' => peek::describe_target(&[], raw).is_some_and(|target| match target {
                    b'S' => peek::names_unnamed_statement(raw),
                    _ => peek::names_unnamed_portal(raw),
                }),
                b'E' => peek::names_unnamed_portal(raw),
                b'S' => return Some(Batch { messages: input.get(..input.len() - rest.len())?, parse, text }),
                _ => false,
            };
            if !fits {
                return None;
            }
        }
        None
    }
}
