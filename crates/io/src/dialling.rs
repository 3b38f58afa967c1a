//! Opening backends.

use core::fmt;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use pgherd_session::{Dial, DialStep, Dialled, Parked, Refusal};
use pgherd_types::{Address, BackendId, Fault, NodeStatus, Retry, Whose};

use crate::Observation;
use crate::acquire::Ask;
use crate::backend_conn::{Backend, Stage};
use crate::event_loop::{Due, EventLoop};
use crate::helper::Answer;
use crate::pending::Pending;
use crate::random;
use crate::slab::Key;
use crate::stream::{Endpoint, Received, Sent, Stream};
use crate::token::Token;

/// A backend on its way.
#[derive(Debug)]
pub(crate) struct Dialling {
    id: BackendId,
    ask: Ask,
    /// Addresses that have not been tried.
    left: VecDeque<Endpoint>,
    stage: Way,
}

#[derive(Debug)]
enum Way {
    /// The name's addresses are being looked up.
    Resolving,
    /// The socket is not connected yet.
    Connecting(Stream, Endpoint),
    /// The server is spoken to.
    LoggingIn(Stream, Endpoint, Dial),
}

impl Dialling {
    /// Its socket, once there is one.
    pub(crate) fn stream(&mut self) -> Option<&mut Stream> {
        match &mut self.stage {
            Way::Resolving => None,
            Way::Connecting(stream, _) | Way::LoggingIn(stream, ..) => Some(stream),
        }
    }
}

/// How long dialling may take where `connect_timeout` is off.
const DIALLING: core::time::Duration = core::time::Duration::from_secs(120);

impl EventLoop {
    /// Opens a backend for a session. It is told how that went.
    pub(crate) fn dial(&mut self, id: BackendId, ask: Ask) {
        let node = self.world.topology.node(ask.node).filter(|node| node.status != NodeStatus::Unused);
        let Some(address) = node.map(|node| node.address.clone()) else {
            return self.refuse(id, &ask, unreachable(&format!("there is no node {}", ask.node)));
        };
        let limit = self.world.live.connect_timeout.unwrap_or(DIALLING);
        let key = self.diallings.insert(Dialling { id, ask, left: VecDeque::new(), stage: Way::Resolving });
        self.wheel.insert(self.now.plus(limit), Due::Dialling(key));
        match address {
            Address::Unix { directory, port } => {
                let path = Path::new(&directory).join(format!(".s.PGSQL.{port}"));
                self.connect(key, [Endpoint::Unix(path)].into());
            }
            Address::Tcp { host, port } => match host.parse::<IpAddr>() {
                Ok(ip) => self.connect(key, [Endpoint::Tcp(SocketAddr::new(ip, port))].into()),
                Err(_) => match self.names.get(&host, port, self.now) {
                    Some(found) => self.connect(key, found.iter().copied().map(Endpoint::Tcp).collect()),
                    None => self.shared.helper.resolve(self.home, key, host, port),
                },
            },
        }
    }

    /// The helper has found something out for a dialling.
    pub(crate) fn helped(&mut self, key: Key, answer: Answer) {
        match answer {
            Answer::Resolved { host, port, found: Ok(found) } => {
                self.names.put(host, port, found.clone(), self.now);
                self.connect(key, found.into_iter().map(Endpoint::Tcp).collect());
            }
            Answer::Resolved { found: Err(error), .. } => self.give_up(key, unreachable(&error)),
            Answer::Derived(keys) => {
                let Some(Dialling { stage: Way::LoggingIn(_, _, dial), .. }) = self.diallings.get_mut(key)
                else {
                    return;
                };
                let mut out = Vec::new();
                let step = dial.derived(&keys, &mut out);
                if self.say(key, &out) {
                    self.dial_step(key, step);
                }
            }
        }
    }

    /// Tries the next address.
    fn connect(&mut self, key: Key, mut left: VecDeque<Endpoint>) {
        let mut failed = unreachable(&"the name has no address");
        while let Some(endpoint) = left.pop_front() {
            let Some(dialling) = self.diallings.get_mut(key) else { return };
            let begun = Stream::connect(&endpoint).map_err(io::Error::from).and_then(|mut stream| {
                self.driver.watch(&mut stream, Token::Dialling(key), true)?;
                Ok(stream)
            });
            match begun {
                Ok(stream) => {
                    dialling.left = left;
                    dialling.stage = Way::Connecting(stream, endpoint);
                    return;
                }
                Err(error) => failed = unreachable(&format!("{endpoint}: {error}")),
            }
        }
        self.give_up(key, failed);
    }

    pub(crate) fn dialling_event(&mut self, key: Key) {
        let Some(dialling) = self.diallings.get_mut(key) else { return };
        match &mut dialling.stage {
            Way::Resolving => {}
            Way::Connecting(stream, endpoint) => match stream.connected() {
                Ok(()) => self.log_in(key),
                Err(error) => {
                    let failed = unreachable(&format!("{endpoint}: {error}"));
                    let left = core::mem::take(&mut dialling.left);
                    if left.is_empty() {
                        self.give_up(key, failed);
                    } else {
                        self.connect(key, left);
                    }
                }
            },
            Way::LoggingIn(..) => self.read_login(key),
        }
    }

    fn log_in(&mut self, key: Key) {
        let Some(dialling) = self.diallings.get_mut(key) else { return };
        let Way::Connecting(mut stream, endpoint) = core::mem::replace(&mut dialling.stage, Way::Resolving)
        else {
            return;
        };
        let mut out = Vec::new();
        let identity = &dialling.ask.identity;
        let password = (self.world.live.passwords)(identity.user());
        let nonce = match random::secret() {
            Ok(nonce) => nonce,
            Err(error) => return self.give_up(key, unreachable(&error)),
        };
        let dial = Dial::start(identity, password, nonce, &mut out);
        // Writability has told what it had to tell.
        self.driver.rewatch(&mut stream, Token::Dialling(key), false);
        dialling.stage = Way::LoggingIn(stream, endpoint, dial);
        self.say(key, &out);
    }

    /// Sends a part of the login. False when that was the end of it.
    fn say(&mut self, key: Key, bytes: &[u8]) -> bool {
        let Some(Dialling { stage: Way::LoggingIn(stream, endpoint, _), .. }) = self.diallings.get_mut(key)
        else {
            return false;
        };
        if bytes.is_empty() {
            return true;
        }
        match stream.send(&[IoSlice::new(bytes)]) {
            Sent::All => true,
            // A login is a few hundred bytes on a new socket: a server that does not even take these is of no use.
            Sent::Short | Sent::Broken => {
                let why = unreachable(&format!("{endpoint}: the server does not take our login"));
                self.give_up(key, why);
                false
            }
        }
    }

    fn read_login(&mut self, key: Key) {
        let mut buffer = core::mem::take(&mut self.read_buffer);
        while let Some(Dialling { stage: Way::LoggingIn(stream, endpoint, dial), .. }) =
            self.diallings.get_mut(key)
        {
            let lost = match stream.receive(&mut buffer) {
                Received::Bytes(n) => {
                    let mut out = Vec::new();
                    let step = dial.receive(buffer.get(..n).unwrap_or_default(), &mut out);
                    if self.say(key, &out) {
                        self.dial_step(key, step);
                    }
                    continue;
                }
                Received::Nothing => break,
                Received::Closed => "the server closed the connection during the login",
                Received::Failed => "the connection failed during the login",
            };
            let why = unreachable(&format!("{endpoint}: {lost}"));
            self.give_up(key, why);
            break;
        }
        self.read_buffer = buffer;
    }

    fn dial_step(&mut self, key: Key, step: DialStep) {
        match step {
            DialStep::Waiting => {}
            DialStep::Derive(work) => self.shared.helper.derive(self.home, key, work),
            DialStep::Refused(why) => self.give_up(key, why),
            DialStep::Ready(dialled) => self.dialled(key, dialled),
        }
    }

    fn dialled(&mut self, key: Key, Dialled { mut facts, cancel_key }: Dialled) {
        let Some(Dialling { id, ask, stage, .. }) = self.diallings.remove(key) else { return };
        let Way::LoggingIn(stream, endpoint, _) = stage else { return };
        let endpoint = self.world.share(&mut facts, endpoint);
        let Ask { client, node, .. } = ask;
        let process = self.shared.processes.list(node, facts.process_id);
        let stage = Stage::Parked(Box::new((Parked::new(), facts)));
        let new = Backend { id, stream, endpoint, process, cancel_key, stage };
        let key = self.backends.insert(new);
        if let Some(backend) = self.backends.get_mut(key) {
            self.driver.rewatch(&mut backend.stream, Token::Backend(key), false);
        }
        if self.clients.get(client).is_some() {
            self.lease_out(key, client, node);
        } else {
            self.park(key);
        }
    }

    pub(crate) fn dialling_limit(&mut self, key: Key) {
        if self.diallings.get(key).is_some() {
            self.give_up(key, unreachable(&"it took longer than connect_timeout allows"));
        }
    }

    fn give_up(&mut self, key: Key, why: Refusal) {
        if let Some(dialling) = self.diallings.remove(key) {
            self.refuse(dialling.id, &dialling.ask, why);
        }
    }

    /// No backend: its place in the budget is given back and the session is told.
    pub(crate) fn refuse(&mut self, id: BackendId, ask: &Ask, why: Refusal) {
        let (now, node) = (self.now, ask.node);
        match &why {
            Refusal::Server(message) => self.shared.observe(Observation::DialRefused { node, message }),
            Refusal::Fault(fault) => self.shared.observe(Observation::DialFailed { node, fault }),
            Refusal::NoPassword => {}
        }
        self.with_pool(|pool, out| pool.gone(now, id, out));
        if let Some(client) = self.clients.get_mut(ask.client) {
            client.answered(node);
        }
        self.pending.push_back((ask.client, Pending::Refused(node, why)));
    }
}

/// The node cannot be had; the details are for the log.
pub(crate) fn unreachable(details: &dyn fmt::Display) -> Refusal {
    let fault = Fault::new("could not connect to the node", Whose::Node, Retry::Safe);
    Refusal::Fault(fault.because(details.to_string()))
}
