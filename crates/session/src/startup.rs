//! The client's side of a start: from accept to the first ReadyForQuery.

use std::sync::Arc;

use pgherd_types::Identity;
use pgherd_wire::{
    ProtocolVersion, backend,
    startup::{self, Replication, Request, StartupError},
};

use crate::{Common, serving::Pooling};

/// Collects startup packets until one asks for a session.
#[derive(Debug, Default)]
pub(crate) struct Startup {
    buffer: Vec<u8>,
    ssl: Asked,
    gssenc: Asked,
}

/// Each kind of encryption may be asked for once, as in PostgreSQL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Asked {
    #[default]
    No,
    Yes,
}

/// What a client wants, once its startup packet has been understood.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) identity: Arc<Identity>,
    pub(crate) version: ProtocolVersion,
    pub(crate) pooling: Pooling,
    /// NegotiateProtocolVersion, where it is due.
    pub(crate) negotiation: Vec<u8>,
}

/// What the last startup packets have asked for, by their bytes: most clients of a program begin alike.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    /// The one that came last is the last.
    last: Vec<(Box<[u8]>, Wish)>,
}

/// Packets that are remembered.
const REMEMBERED: usize = 8;
/// Bytes of a packet that is.
const REMEMBERED_BYTES: usize = 512;

impl Wishes {
    fn known(&self, packet: &[u8]) -> Option<Wish> {
        self.last.iter().rev().find(|(known, _)| **known == *packet).map(|(_, wish)| wish.clone())
    }

    fn remember(&mut self, packet: &[u8], wish: &Wish) {
        if packet.len() > REMEMBERED_BYTES {
            return;
        }
        if self.last.len() >= REMEMBERED {
            self.last.remove(0);
        }
        self.last.push((packet.into(), wish.clone()));
    }
}

/// What a packet asks for.
#[derive(Debug)]
pub(crate) enum Next {
    /// More bytes are needed.
    More,
    /// Encryption is refused with this byte; another packet follows.
    Refuse(u8),
    Cancel {
        session: u32,
        key: Vec<u8>,
    },
    Start(Box<Wish>),
    Error(StartupError),
}

impl Startup {
    /// Takes bytes up to the end of the packet and says how many it took. What follows a packet is never
    /// looked at before the packet has been answered.
    pub(crate) fn take(&mut self, bytes: &[u8], common: &mut Common) -> (usize, Next) {
        const LENGTH_BYTES: usize = 4;
        if self.buffer.is_empty()
            && let Ok(Some(packet_bytes)) = startup::packet_bytes(bytes)
            && let Some(packet) = bytes.get(..packet_bytes)
        {
            // Nearly always it came whole.
            return (packet_bytes, self.packet(packet, common));
        }
        let mut taken = 0;
        if self.buffer.len() < LENGTH_BYTES {
            taken = self.fill(bytes, LENGTH_BYTES);
        }
        let packet_bytes = match startup::packet_bytes(&self.buffer) {
            Ok(Some(packet_bytes)) => packet_bytes,
            Ok(None) => return (taken, Next::More),
            Err(error) => return (taken, Next::Error(error)),
        };
        taken += self.fill(bytes.get(taken..).unwrap_or_default(), packet_bytes);
        if self.buffer.len() < packet_bytes {
            return (taken, Next::More);
        }
        let packet = core::mem::take(&mut self.buffer);
        (taken, self.packet(&packet, common))
    }

    fn fill(&mut self, bytes: &[u8], up_to: usize) -> usize {
        let missing = up_to.saturating_sub(self.buffer.len());
        let here = bytes.get(..missing.min(bytes.len())).unwrap_or_default();
        self.buffer.extend_from_slice(here);
        here.len()
    }

    fn packet(&mut self, packet: &[u8], common: &mut Common) -> Next {
        if let Some(wish) = common.wishes.known(packet) {
            return Next::Start(Box::new(wish));
        }
        match startup::parse(packet) {
            Ok(Request::Ssl) if self.ssl == Asked::No => {
                self.ssl = Asked::Yes;
                Next::Refuse(b'N')
            }
            Ok(Request::GssEnc) if self.gssenc == Asked::No => {
                self.gssenc = Asked::Yes;
                Next::Refuse(b'N')
            }
            // A second request of the kind is a protocol version that nobody speaks.
            Ok(Request::Ssl) => Next::Error(unsupported(5679)),
            Ok(Request::GssEnc) => Next::Error(unsupported(5680)),
            Ok(Request::Cancel(request)) => {
                Next::Cancel { session: request.process_id, key: request.key.to_vec() }
            }
            Ok(Request::Start(message)) => {
                let wish = wish(&message, common);
                common.wishes.remember(packet, &wish);
                Next::Start(Box::new(wish))
            }
            Err(error) => Next::Error(error),
        }
    }
}

fn unsupported(minor: u16) -> StartupError {
    StartupError::UnsupportedVersion { version: ProtocolVersion { major: 1234, minor } }
}

fn wish(message: &startup::StartupMessage<'_>, common: &mut Common) -> Wish {
    let mut options: Vec<(String, String)> =
        message.options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let pooling = match message.replication {
        Replication::No => Pooling::Pooled,
        Replication::Physical => {
            options.push(("replication".to_owned(), "true".to_owned()));
            Pooling::NotPooled
        }
        Replication::Logical => {
            options.push(("replication".to_owned(), "database".to_owned()));
            Pooling::NotPooled
        }
    };
    let mut negotiation = Vec::new();
    if message.needs_negotiation() {
        let unknown = message.protocol_options.iter().map(|name| name.as_bytes());
        backend::put_negotiate_protocol_version(&mut negotiation, message.version.spoken(), unknown);
    }
    Wish {
        identity: common.identities.share(Arc::new(Identity::new(message.user, message.database, options))),
        version: message.version.spoken(),
        pooling,
        negotiation,
    }
}
