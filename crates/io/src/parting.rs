use core::time::Duration;

use pgherd_types::BackendId;
use rustix::event::epoll::EventFlags;

use crate::event_loop::{Due, EventLoop};
use crate::slab::Key;
use crate::stream::{Received, Sent, Stream};
use crate::token::Token;

/// A connection that is over, but for its last bytes.
#[derive(Debug)]
pub(crate) struct Parting {
    pub(crate) stream: Stream,
    whose: Whose,
}

/// Whose connection it was.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whose {
    /// A client's. After the last byte it is given the time to read it: closing at once, with bytes of its own unread,
    /// would make the kernel throw the last ones away.
    Client,
    /// A backend's, which counts against its node's budget until the server process is gone: it closes its side then.
    Backend(BackendId),
}

/// How long a peer may take to read the last bytes.
const PARTING: Duration = Duration::from_secs(5);

/// The same while pgherd is shutting down, for a peer whose kernel has the last bytes already: an idle client may not
/// look at its socket for hours, and nobody should wait for that.
const FAREWELL: Duration = Duration::from_millis(250);

/// Reads at one time of a client that is parted from.
const READS_OF_A_TALKER: usize = 64;

impl EventLoop {
    /// Closes a connection once its last bytes are written.
    pub(crate) fn begin_parting(&mut self, mut stream: Stream, whose: Whose) {
        self.driver.write_out(&mut stream);
        if stream.is_broken() {
            drop(stream);
            return self.parted(whose);
        }
        if !stream.is_clogged() {
            stream.finish();
        }
        let limit = if self.draining.is_some() && !stream.is_clogged() { FAREWELL } else { PARTING };
        let key = self.partings.insert(Parting { stream, whose });
        self.wheel.insert(self.now.plus(limit), Due::Parting(key));
        if let Some(parting) = self.partings.get_mut(key) {
            self.driver.rewatch(&mut parting.stream, Token::Parting(key), true);
        }
    }

    pub(crate) fn parting_event(&mut self, key: Key, flags: EventFlags) {
        let Some(Parting { stream, .. }) = self.partings.get_mut(key) else { return };
        if stream.is_clogged() {
            match stream.flush() {
                Sent::Short if !flags.contains(EventFlags::ERR) => return,
                Sent::Short | Sent::Broken => return self.part(key),
                Sent::All => stream.finish(),
            }
        }
        self.read_parting(key);
    }

    /// Throws away what the peer still says, until it closes its side.
    fn read_parting(&mut self, key: Key) {
        let Some(Parting { stream, .. }) = self.partings.get_mut(key) else { return };
        for _ in 0..READS_OF_A_TALKER {
            match stream.receive(&mut self.read_buffer) {
                Received::Bytes(_) => {}
                Received::Nothing => return,
                Received::Closed | Received::Failed => return self.part(key),
            }
        }
        // It never stops talking: it is not listening either.
        self.part(key);
    }

    /// Closes the connection, whatever is left.
    pub(crate) fn part(&mut self, key: Key) {
        if let Some(parting) = self.partings.remove(key) {
            let whose = parting.whose;
            drop(parting);
            self.parted(whose);
        }
    }

    fn parted(&mut self, whose: Whose) {
        match whose {
            Whose::Client => {}
            Whose::Backend(backend) => {
                let now = self.now;
                self.with_pool(|pool, out| pool.gone(now, backend, out));
            }
        }
    }
}
