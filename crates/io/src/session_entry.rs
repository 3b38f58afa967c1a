use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use pgherd_types::{Identity, Moment, SessionId};

use crate::slab::Key;
use crate::{Peer, SessionRow, SessionStage};

/// What other threads may know of a session. Written when it changes its stage, not per query.
#[derive(Debug)]
pub(crate) struct SessionEntry {
    session: SessionId,
    /// Its client, in its event loop.
    key: Key,
    peer: Peer,
    connected: Moment,
    identity: OnceLock<Arc<Identity>>,
    stage: AtomicU8,
}

impl SessionEntry {
    pub(crate) fn new(session: SessionId, key: Key, peer: Peer, connected: Moment) -> Self {
        let stage = AtomicU8::new(code(SessionStage::Starting));
        SessionEntry { session, key, peer, connected, identity: OnceLock::new(), stage }
    }

    pub(crate) fn key(&self) -> Key {
        self.key
    }

    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }

    pub(crate) fn connected(&self) -> Moment {
        self.connected
    }

    /// Notes who the client is; the first word counts.
    pub(crate) fn identify(&self, identity: Arc<Identity>) {
        let _ = self.identity.set(identity);
    }

    pub(crate) fn set_stage(&self, stage: SessionStage) {
        self.stage.store(code(stage), Ordering::Relaxed);
    }

    pub(crate) fn row(&self) -> SessionRow {
        let identity = self.identity.get();
        SessionRow {
            session: self.session,
            peer: self.peer,
            user: identity.map(|who| who.user().to_owned()),
            database: identity.map(|who| who.database().to_owned()),
            application: identity.and_then(|who| who.option("application_name")).map(str::to_owned),
            stage: stage(self.stage.load(Ordering::Relaxed)),
            connected: self.connected,
        }
    }
}

fn code(stage: SessionStage) -> u8 {
    match stage {
        SessionStage::Starting => 0,
        SessionStage::Waiting => 1,
        SessionStage::Idle => 2,
        SessionStage::Serving => 3,
    }
}

fn stage(code: u8) -> SessionStage {
    match code {
        0 => SessionStage::Starting,
        1 => SessionStage::Waiting,
        2 => SessionStage::Idle,
        _ => SessionStage::Serving,
    }
}
