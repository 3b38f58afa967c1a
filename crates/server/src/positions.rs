use core::time::Duration;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use pgherd_io::{Handle, Probe, ProbeTarget};
use pgherd_types::{NodeId, Position, WalPages};

use crate::board::Board;
use crate::wal;

/// How long after an answer a node is asked again.
const PERIOD: Duration = Duration::from_millis(5);

/// How long after a failure a node is asked again.
const RETRY: Duration = Duration::from_millis(100);

/// How long a node may take to answer, or to let us in.
const LIMIT: Duration = Duration::from_secs(1);

/// How long a connection is kept while nobody needs it.
const KEPT: Duration = Duration::from_secs(60);

/// Those who ask the nodes again and again where they are in the WAL while sessions need to know: one thread for each
/// node, with one connection, so that a node that hangs holds up nobody. They sleep while nobody needs it.
#[derive(Debug)]
pub(crate) struct Positions {
    data_plane: Arc<Handle>,
    board: Arc<Board>,
    targets: Arc<Targets>,
    started: Vec<NodeId>,
}

/// How the nodes that are in use are asked. A target that is replaced is another allocation.
type Targets = Mutex<BTreeMap<NodeId, Arc<ProbeTarget>>>;

impl Positions {
    /// Nobody is asked yet.
    pub(crate) fn new(data_plane: Arc<Handle>, board: Arc<Board>) -> Self {
        Positions { data_plane, board, targets: Arc::default(), started: Vec::new() }
    }

    /// From now on these nodes are asked, and no others.
    ///
    /// # Errors
    /// When the system refuses a thread: then nobody asks that node.
    pub(crate) fn aim(&mut self, new: Vec<(NodeId, ProbeTarget)>) -> io::Result<()> {
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        targets.retain(|node, _| new.iter().any(|(other, _)| other == node));
        for (node, target) in new {
            if targets.get(&node).is_none_or(|old| **old != target) {
                targets.insert(node, Arc::new(target));
            }
        }
        let missing: Vec<_> = targets.keys().copied().filter(|node| !self.started.contains(node)).collect();
        drop(targets);
        for node in missing {
            let poller = Poller {
                node,
                data_plane: Arc::clone(&self.data_plane),
                board: Arc::clone(&self.board),
                targets: Arc::clone(&self.targets),
            };
            thread::Builder::new().name(format!("positions {node}")).spawn(move || poller.run())?;
            self.started.push(node);
        }
        Ok(())
    }
}

/// Asks one node. Its thread lives as long as pgherd.
#[derive(Debug)]
struct Poller {
    node: NodeId,
    data_plane: Arc<Handle>,
    board: Arc<Board>,
    targets: Arc<Targets>,
}

/// A connection to the node.
#[derive(Debug)]
struct Link {
    probe: Probe,
    pages: WalPages,
    /// What it was opened to.
    target: Arc<ProbeTarget>,
}

impl Poller {
    fn run(self) {
        let mut link = None;
        loop {
            let kept = link.is_some().then_some(KEPT);
            if self.data_plane.wait_for_position_need(kept) {
                link = self.serve(link);
                // What is not renewed must not be relied on: the server may be set up anew meanwhile.
                self.board.set_position(self.node, None);
            } else {
                link = None;
            }
        }
    }

    /// Asks as long as somebody needs it.
    fn serve(&self, mut link: Option<Link>) -> Option<Link> {
        while self.data_plane.wait_for_position_need(Some(Duration::ZERO)) {
            let sample = self.link(link).and_then(|mut open| Some((self.sample(&mut open)?, open)));
            let (position, open) = sample.unzip();
            self.board.set_position(self.node, position);
            thread::sleep(if open.is_some() { PERIOD } else { RETRY });
            link = open;
        }
        link
    }

    /// A connection to where the node is now; none when it has none or does not let us in.
    fn link(&self, before: Option<Link>) -> Option<Link> {
        let target = Arc::clone(self.targets.lock().unwrap_or_else(PoisonError::into_inner).get(&self.node)?);
        if let Some(link) = before.filter(|link| Arc::ptr_eq(&link.target, &target)) {
            return Some(link);
        }
        let mut probe = Probe::open(&target, LIMIT).ok()?;
        let pages = wal::ask_pages(&mut probe).ok()??;
        wal::prepare_place(&mut probe).ok()?;
        self.board.set_pages(pages);
        Some(Link { probe, pages, target })
    }

    fn sample(&self, link: &mut Link) -> Option<Position> {
        link.probe.renew(LIMIT);
        let asked = self.data_plane.now();
        let place = wal::ask_place_again(&mut link.probe, link.pages).ok()??;
        Some(Position { lsn: place.end?, asked, in_recovery: place.in_recovery })
    }
}
