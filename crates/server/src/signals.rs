use std::io;

use pgherd_session::Shutdown;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that pgherd obeys. Those of Pgpool-II that have no meaning here (USR1, USR2, CHLD) are caught, so that a
/// script that sends them does no harm.
#[derive(Debug)]
pub(crate) struct Signals {
    term: Signal,
    int: Signal,
    quit: Signal,
    hup: Signal,
    ignored: [Signal; 3],
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// To stop.
    Stop(Shutdown),
    /// To read the configuration again.
    Reload,
    /// Nothing.
    Nothing,
}

impl Signals {
    /// Catches the signals from now on. Only inside a runtime.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn catch() -> io::Result<Self> {
        Ok(Signals {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            hup: signal(SignalKind::hangup())?,
            ignored: [
                signal(SignalKind::user_defined1())?,
                signal(SignalKind::user_defined2())?,
                signal(SignalKind::child())?,
            ],
        })
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Wish {
        let [usr1, usr2, child] = &mut self.ignored;
        tokio::select! {
            _ = self.quit.recv() => Wish::Stop(Shutdown::Immediate),
            _ = self.int.recv() => Wish::Stop(Shutdown::Fast),
            _ = self.term.recv() => Wish::Stop(Shutdown::Smart),
            _ = self.hup.recv() => Wish::Reload,
            _ = usr1.recv() => Wish::Nothing,
            _ = usr2.recv() => Wish::Nothing,
            _ = child.recv() => Wish::Nothing,
        }
    }
}
