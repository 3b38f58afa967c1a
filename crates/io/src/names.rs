use core::time::Duration;
use std::collections::HashMap;
use std::net::SocketAddr;

use pgherd_types::Moment;

/// The addresses of nodes' names, kept for a while so that dialling does not wait for the resolver each time.
#[derive(Debug, Default)]
pub(crate) struct Names(HashMap<(String, u16), (Moment, Vec<SocketAddr>)>);

/// How long an answer of the resolver is believed.
const BELIEVED: Duration = Duration::from_secs(15);

/// Names that are remembered; there are no more nodes than this.
const REMEMBERED: usize = pgherd_types::limits::NODES;

impl Names {
    pub(crate) fn get(&self, host: &str, port: u16, now: Moment) -> Option<&[SocketAddr]> {
        let (since, found) = self.0.get(&(host.to_owned(), port))?;
        (now.since(*since) < BELIEVED).then_some(found)
    }

    pub(crate) fn put(&mut self, host: String, port: u16, found: Vec<SocketAddr>, now: Moment) {
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        self.0.insert((host, port), (now, found));
    }

    /// The cluster has changed: what was known may be wrong.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }
}
