use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use pgherd_auth::{Derive, Derived};
use pgherd_pool::Home;

use crate::mailbox::Mailbox;
use crate::shared::Letter;
use crate::slab::Key;

/// Two threads for what would make an event loop wait: names are resolved by one, password keys are derived by the
/// other (SCRAM's 4096 rounds take milliseconds). Answers come back by mailbox. The threads end with the helper.
#[derive(Debug)]
pub(crate) struct Helper {
    names: Mutex<Sender<Job<(String, u16)>>>,
    keys: Mutex<Sender<Job<Derive>>>,
}

/// A thing to do, and for whom.
#[derive(Debug)]
struct Job<T> {
    home: Home,
    dialling: Key,
    what: T,
}

/// What the helper found.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The addresses of a name.
    Resolved {
        /// The name.
        host: String,
        /// The port that the addresses carry.
        port: u16,
        /// The addresses, or the text of the error.
        found: Result<Vec<SocketAddr>, String>,
    },
    /// The keys of a password.
    Derived(Derived),
}

impl Helper {
    /// Starts the threads, which answer to these mailboxes.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub(crate) fn start(mailboxes: &[Arc<Mailbox<Letter>>]) -> io::Result<Helper> {
        let (names, name_jobs) = channel();
        let (keys, key_jobs) = channel();
        let to = mailboxes.to_vec();
        thread::Builder::new().name("names".to_owned()).spawn(move || {
            serve(&name_jobs, &to, |(host, port): (String, u16)| {
                let found = resolve(&host, port);
                Answer::Resolved { host, port, found }
            });
        })?;
        let to = mailboxes.to_vec();
        thread::Builder::new()
            .name("keys".to_owned())
            .spawn(move || serve(&key_jobs, &to, |work: Derive| Answer::Derived(work.run())))?;
        Ok(Helper { names: Mutex::new(names), keys: Mutex::new(keys) })
    }

    /// Asks for the addresses of a name.
    pub(crate) fn resolve(&self, home: Home, dialling: Key, host: String, port: u16) {
        send(&self.names, Job { home, dialling, what: (host, port) });
    }

    /// Asks for the keys of a password.
    pub(crate) fn derive(&self, home: Home, dialling: Key, work: Derive) {
        send(&self.keys, Job { home, dialling, what: work });
    }
}

fn send<T>(to: &Mutex<Sender<Job<T>>>, job: Job<T>) {
    // The thread is there as long as we are; the dialling's time limit covers the rest.
    let _ = to.lock().unwrap_or_else(PoisonError::into_inner).send(job);
}

fn serve<T>(jobs: &Receiver<Job<T>>, mailboxes: &[Arc<Mailbox<Letter>>], work: impl Fn(T) -> Answer) {
    while let Ok(Job { home, dialling, what }) = jobs.recv() {
        let answer = work(what);
        if let Some(mailbox) = mailboxes.get(usize::from(home.0)) {
            mailbox.send(Letter::Helped(dialling, answer));
        }
    }
}

fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    match (host, port).to_socket_addrs() {
        Ok(found) => Ok(found.collect()),
        Err(error) => Err(format!("could not translate host name \"{host}\" to address: {error}")),
    }
}
