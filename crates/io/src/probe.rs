use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Instant;

use pgherd_auth::StoredPassword;
use pgherd_session::{Dial, DialStep, Refusal};
use pgherd_types::{Address, Fault, Identity, Retry, Whose, limits};
use pgherd_wire::backend::{self, Message};
use pgherd_wire::error_response::Fields;
use pgherd_wire::{Framer, frontend};

use crate::random;

/// A login of the control plane's own: health checks, primary detection.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeTarget {
    /// Where the node listens.
    pub address: Address,
    /// `health_check_user`, `sr_check_user`.
    pub user: String,
    /// The database to connect to.
    pub database: String,
    /// The user's password, where there is one.
    pub password: Option<StoredPassword>,
}

/// The answer to a probe's query: its rows, as text; `None` is NULL.
pub type ProbeRows = Vec<Vec<Option<String>>>;

/// Why a probe has no answer.
#[derive(Debug)]
pub enum ProbeError {
    /// The server answered with an ErrorResponse. It lives, but does not serve.
    Server {
        /// SQLSTATE.
        code: String,
        /// The primary message.
        message: String,
    },
    /// The node could not be reached, did not answer in time, or did not behave.
    Fault(Fault),
}

/// Rows that a probe's answer may have: a server that sends more is not answering our query.
const ROWS: usize = 10_000;

/// How long a goodbye may take.
const FAREWELL: Duration = Duration::from_millis(100);

/// The name of the prepared query.
const PREPARED: &[u8] = b"pgherd";

/// The name under which the servers know these connections.
const APPLICATION: &str = "pgherd";

/// A connection of the control plane's own to a node, logged in. Meant for a thread that may wait, never for an event
/// loop. It is left politely when it is dropped.
#[derive(Debug)]
pub struct Probe {
    link: Link,
}

impl Probe {
    /// Connects to a node and logs in. That and all questions that follow may take `limit` altogether, the resolution
    /// of the node's name aside.
    ///
    /// # Errors
    /// See [`ProbeError`].
    pub fn open(target: &ProbeTarget, limit: Duration) -> Result<Self, ProbeError> {
        let mut link = Link::connect(&target.address, Instant::now() + limit)?;
        link.log_in(target)?;
        Ok(Probe { link })
    }

    /// From now on the questions that follow may take `limit` altogether.
    pub fn renew(&mut self, limit: Duration) {
        self.link.until = Instant::now() + limit;
    }

    /// Runs one simple query.
    ///
    /// # Errors
    /// See [`ProbeError`]. After [`ProbeError::Server`] more can be asked, after a fault nothing.
    pub fn ask(&mut self, query: &str) -> Result<ProbeRows, ProbeError> {
        let mut out = Vec::new();
        frontend::put_query(&mut out, query.as_bytes());
        self.link.request(&out)
    }

    /// Prepares the query that [`Probe::ask_prepared`] runs: one that is asked again and again then costs the server
    /// half.
    ///
    /// # Errors
    /// As [`Probe::ask`].
    pub fn prepare(&mut self, query: &str) -> Result<(), ProbeError> {
        let mut out = Vec::new();
        frontend::put_parse(&mut out, PREPARED, query.as_bytes(), [].into_iter());
        frontend::put_sync(&mut out);
        self.link.request(&out).map(drop)
    }

    /// Runs the query that was prepared.
    ///
    /// # Errors
    /// As [`Probe::ask`], also when none was prepared.
    pub fn ask_prepared(&mut self) -> Result<ProbeRows, ProbeError> {
        let mut out = Vec::new();
        frontend::put_bind(&mut out, b"", PREPARED, [].into_iter(), [].into_iter(), [].into_iter());
        frontend::put_execute(&mut out, b"", 0);
        frontend::put_sync(&mut out);
        self.link.request(&out)
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        let mut bye = Vec::new();
        frontend::put_terminate(&mut bye);
        self.renew(FAREWELL);
        // It is over either way.
        let _ = self.link.send(&bye);
    }
}

/// A connection with a time by which all has to be done.
#[derive(Debug)]
struct Link {
    socket: Socket,
    framer: Framer,
    /// The message that is being received.
    begun: Vec<u8>,
    until: Instant,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Link {
    fn connect(address: &Address, until: Instant) -> Result<Link, ProbeError> {
        let socket = match address {
            Address::Unix { directory, port } => {
                let path = Path::new(directory).join(format!(".s.PGSQL.{port}"));
                Socket::Unix(UnixStream::connect(path).map_err(unreachable)?)
            }
            Address::Tcp { host, port } => {
                let mut last = io::Error::from(io::ErrorKind::NotFound);
                let found = (host.as_str(), *port).to_socket_addrs().map_err(unreachable)?;
                let open = found
                    .map(|at| TcpStream::connect_timeout(&at, left(until)?))
                    .find_map(|tried| tried.map_err(|error| last = error).ok());
                let open = open.ok_or_else(|| unreachable(last))?;
                open.set_nodelay(true).map_err(unreachable)?;
                Socket::Tcp(open)
            }
        };
        Ok(Link { socket, framer: Framer::new(backend::largest_body), begun: Vec::new(), until })
    }

    fn log_in(&mut self, target: &ProbeTarget) -> Result<(), ProbeError> {
        let options = [("application_name".to_owned(), APPLICATION.to_owned())];
        let identity = Identity::new(&target.user, &target.database, options);
        let nonce = random::secret().map_err(unreachable)?;
        let mut out = Vec::new();
        let mut dial = Dial::start(&identity, target.password.clone(), nonce, &mut out);
        let mut buffer = [0; 4096];
        loop {
            self.send(&out)?;
            out.clear();
            let n = self.receive(&mut buffer)?;
            let mut step = dial.receive(buffer.get(..n).unwrap_or_default(), &mut out);
            if let DialStep::Derive(work) = step {
                step = dial.derived(&work.run(), &mut out);
            }
            match step {
                DialStep::Waiting | DialStep::Derive(_) => {}
                DialStep::Ready(_) => return Ok(()),
                DialStep::Refused(Refusal::Server(message)) => return Err(server_error(&message)),
                DialStep::Refused(Refusal::Fault(fault)) => return Err(ProbeError::Fault(fault)),
                DialStep::Refused(Refusal::NoPassword) => {
                    let what = "the server asks for a password and there is none that fits";
                    return Err(ProbeError::Fault(Fault::new(what, Whose::Operator, Retry::No)));
                }
            }
        }
    }

    /// Sends messages that ReadyForQuery ends the answer to.
    fn request(&mut self, messages: &[u8]) -> Result<ProbeRows, ProbeError> {
        self.send(messages)?;
        let mut answer = Answer::default();
        let mut buffer = [0; 4096];
        // The rest of the buffer is read even when the answer is complete: the next question's answer begins behind it.
        while !answer.complete {
            let n = self.receive(&mut buffer)?;
            let mut input = buffer.get(..n).unwrap_or_default();
            while let Some(piece) = self.framer.next(&mut input).map_err(misbehaved)? {
                if self.begun.len() + piece.raw.len() > limits::GATHER_BACKEND_BYTES {
                    return Err(misbehaved("a message that is too long"));
                }
                self.begun.extend_from_slice(piece.carried.bytes());
                self.begun.extend_from_slice(piece.raw);
                if piece.last {
                    answer.take(&self.begun)?;
                    self.begun.clear();
                }
            }
        }
        answer.finish()
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), ProbeError> {
        let limit = Some(left(self.until).map_err(unreachable)?);
        match &mut self.socket {
            Socket::Tcp(stream) => stream.set_write_timeout(limit).and_then(|()| stream.write_all(bytes)),
            Socket::Unix(stream) => stream.set_write_timeout(limit).and_then(|()| stream.write_all(bytes)),
        }
        .map_err(unreachable)
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize, ProbeError> {
        let limit = Some(left(self.until).map_err(unreachable)?);
        let read = match &mut self.socket {
            Socket::Tcp(stream) => stream.set_read_timeout(limit).and_then(|()| stream.read(buffer)),
            Socket::Unix(stream) => stream.set_read_timeout(limit).and_then(|()| stream.read(buffer)),
        };
        match read {
            Ok(0) => Err(unreachable(io::Error::from(io::ErrorKind::UnexpectedEof))),
            Ok(n) => Ok(n),
            // A socket says so when its time is over.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Err(unreachable(io::Error::from(io::ErrorKind::TimedOut)))
            }
            Err(error) => Err(unreachable(error)),
        }
    }
}

/// The answer to a request, as far as it is there.
#[derive(Default)]
struct Answer {
    rows: ProbeRows,
    error: Option<ProbeError>,
    complete: bool,
}

impl Answer {
    /// Takes a message.
    fn take(&mut self, message: &[u8]) -> Result<(), ProbeError> {
        let read = Message::parse(message).map_err(misbehaved)?;
        if let Message::DataRow(values) = read {
            if self.rows.len() >= ROWS {
                return Err(misbehaved("more rows than a probe asks for"));
            }
            let text = |value: Option<&[u8]>| value.map(|v| String::from_utf8_lossy(v).into_owned());
            self.rows.push(values.map(text).collect());
        } else if let Message::ErrorResponse(_) = read {
            self.error = Some(server_error(message));
        } else if let Message::ReadyForQuery(_) = read {
            self.complete = true;
        }
        Ok(())
    }

    fn finish(self) -> Result<ProbeRows, ProbeError> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.rows),
        }
    }
}

fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::Error::from(io::ErrorKind::TimedOut)) } else { Ok(left) }
}

fn server_error(message: &[u8]) -> ProbeError {
    let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
    match Fields::of_message(message) {
        Ok(fields) => ProbeError::Server {
            code: fields.code().map(|code| code.as_str().to_owned()).unwrap_or_default(),
            message: text(fields.message()),
        },
        Err(error) => misbehaved(error),
    }
}

fn unreachable(error: io::Error) -> ProbeError {
    let fault = Fault::new("could not get an answer from the node", Whose::Node, Retry::Safe);
    ProbeError::Fault(fault.because(error))
}

fn misbehaved(what: impl core::fmt::Display) -> ProbeError {
    let fault = Fault::new("the node does not answer as PostgreSQL does", Whose::Node, Retry::No);
    ProbeError::Fault(fault.because(what.to_string()))
}
