use core::fmt;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use pgherd_wire::backend::kind;
use pgherd_wire::{Body, ProtocolVersion};

use crate::SOON;
use crate::message::Message;
use crate::request::Request;

/// Bytes asked of the socket at a time.
const READ_BYTES: usize = 64 * 1024;

/// What a CancelRequest has in the place of a version.
const CANCEL_CODE: u32 = 80_877_102;

/// A client that sends and reads single messages. Reads end at a deadline of [`SOON`].
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    port: u16,
    /// Bytes that were read. Those before `taken` belong to messages that were returned.
    unread: Vec<u8>,
    taken: usize,
    /// Process id and key for cancelling.
    key: Option<(u32, Vec<u8>)>,
    startup: Vec<Message>,
    read_limit: Duration,
    /// What goes out with the next read.
    queued: Vec<u8>,
}

/// Why a client got no message.
#[derive(Debug)]
pub enum ClientError {
    /// The server closed the connection.
    Closed,
    /// Nothing came until the deadline.
    Late,
    /// The server sent an error before it was ready.
    Refused(Message),
    /// The server asks for a password or worse.
    AsksAuthentication(Message),
    /// The server sent no message.
    Garbage(Vec<u8>),
    /// The connection failed.
    Io(io::Error),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the server closed the connection"),
            Self::Late => f.write_str("no message came in time"),
            Self::Refused(message) | Self::AsksAuthentication(message) => write!(f, "{}", message.text()),
            Self::Garbage(bytes) => write!(f, "not a message: {bytes:02x?}"),
            Self::Io(error) => write!(f, "{error}"),
        }
    }
}

impl core::error::Error for ClientError {}

impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{BrokenPipe, ConnectionReset, TimedOut, WouldBlock};
        if matches!(error.kind(), WouldBlock | TimedOut) {
            ClientError::Late
        } else if matches!(error.kind(), ConnectionReset | BrokenPipe) {
            ClientError::Closed
        } else {
            ClientError::Io(error)
        }
    }
}

impl Client {
    /// Connects to a port of this machine and says nothing.
    ///
    /// # Errors
    /// When nobody listens there.
    pub fn connect(port: u16) -> Result<Self, ClientError> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        Ok(Client {
            stream,
            port,
            unread: Vec::new(),
            taken: 0,
            key: None,
            startup: Vec::new(),
            read_limit: SOON,
            queued: Vec::new(),
        })
    }

    /// Connects and starts a session with these startup parameters in protocol 3.0; `user` has to be among them.
    ///
    /// # Errors
    /// When the server refuses, or asks for authentication.
    pub fn login(port: u16, parameters: &[(&str, &str)]) -> Result<Self, ClientError> {
        Self::login_with(port, ProtocolVersion::V3_0, parameters)
    }

    /// As [`Client::login`], in another version of the protocol.
    ///
    /// # Errors
    /// As there.
    pub fn login_with(
        port: u16,
        version: ProtocolVersion,
        parameters: &[(&str, &str)],
    ) -> Result<Self, ClientError> {
        let mut client = Self::connect(port)?;
        let texts = parameters.iter().flat_map(|(name, value)| [name, value]);
        let body = texts.fold(version.code().to_be_bytes().to_vec(), |body, text| {
            [body.as_slice(), text.as_bytes(), b"\0"].concat()
        });
        client.send_bytes(&packet(&[&body, b"\0"]))?;
        loop {
            let message = client.read()?;
            match message.kind {
                kind::ERROR_RESPONSE => return Err(ClientError::Refused(message)),
                kind::AUTHENTICATION if message.body != [0; 4] => {
                    return Err(ClientError::AsksAuthentication(message));
                }
                _ => {}
            }
            let ready = message.ready().is_some();
            client.startup.push(message);
            if ready {
                return Ok(client);
            }
        }
    }

    /// What the server sent until it was ready.
    pub fn startup(&self) -> &[Message] {
        &self.startup
    }

    /// Process id and key with which this session can be cancelled.
    pub fn key(&self) -> Option<(u32, &[u8])> {
        self.key.as_ref().map(|(pid, key)| (*pid, key.as_slice()))
    }

    /// The socket, for tests that break it.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sets how long a read waits.
    pub fn set_read_limit(&mut self, limit: Duration) {
        self.read_limit = limit;
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        Ok(self.stream.write_all(bytes)?)
    }

    /// Sends messages in one write.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn send(&mut self, requests: &[Request]) -> Result<(), ClientError> {
        let mut bytes = Vec::new();
        requests.iter().for_each(|request| request.put(&mut bytes));
        self.send_bytes(&bytes)
    }

    /// Keeps a message back until the next read or [`Client::flush`], to go out together with others.
    pub fn queue(&mut self, request: &Request) {
        request.put(&mut self.queued);
    }

    /// Sends what is kept back.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn flush(&mut self) -> Result<(), ClientError> {
        let queued = std::mem::take(&mut self.queued);
        self.send_bytes(&queued)
    }

    /// The next message.
    ///
    /// # Errors
    /// [`ClientError::Closed`] at the end, [`ClientError::Late`] when none comes in time.
    pub fn read(&mut self) -> Result<Message, ClientError> {
        self.flush()?;
        let deadline = Instant::now() + self.read_limit;
        loop {
            if let Some(message) = self.take_message()? {
                self.note_key(&message);
                return Ok(message);
            }
            let left = deadline.checked_duration_since(Instant::now()).ok_or(ClientError::Late)?;
            self.stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
            let mut buffer = [0; READ_BYTES];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(ClientError::Closed),
                Ok(n) => self.unread.extend(buffer.iter().take(n)),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// All messages up to and with the next ReadyForQuery.
    ///
    /// # Errors
    /// When the connection ends before, or a message is late.
    pub fn read_until_ready(&mut self) -> Result<Vec<Message>, ClientError> {
        self.read_until(|message| message.ready().is_some())
    }

    /// All messages up to and with the first that `last` accepts.
    ///
    /// # Errors
    /// When the connection ends before, or a message is late.
    pub fn read_until(&mut self, last: impl Fn(&Message) -> bool) -> Result<Vec<Message>, ClientError> {
        let mut all = Vec::new();
        loop {
            let message = self.read()?;
            let done = last(&message);
            all.push(message);
            if done {
                return Ok(all);
            }
        }
    }

    /// Runs a simple query and returns all its messages.
    ///
    /// # Errors
    /// When the connection ends before the server is ready again.
    pub fn query(&mut self, sql: &str) -> Result<Vec<Message>, ClientError> {
        self.send(&[Request::Query(sql.to_owned())])?;
        self.read_until_ready()
    }

    /// Runs a simple query and returns the values of its rows, NULL as an empty text.
    ///
    /// # Panics
    /// When the statement fails or the connection ends.
    #[track_caller]
    pub fn rows(&mut self, sql: &str) -> Vec<Vec<String>> {
        let messages = self.query(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        if let Some(error) = messages.iter().find(|message| message.kind == kind::ERROR_RESPONSE) {
            panic!("{sql}: {}", error.text());
        }
        let rows = messages.iter().filter_map(Message::values);
        rows.map(|row| row.into_iter().map(Option::unwrap_or_default).collect()).collect()
    }

    /// Runs a simple query and returns the first value of its first row, an empty text when there is none.
    ///
    /// # Panics
    /// As [`Client::rows`].
    #[track_caller]
    pub fn value(&mut self, sql: &str) -> String {
        self.rows(sql).into_iter().flatten().next().unwrap_or_default()
    }

    /// The process id of the server process that runs this client's statements.
    ///
    /// # Panics
    /// As [`Client::rows`].
    #[track_caller]
    pub fn backend_pid(&mut self) -> String {
        // Of the node that takes writes: a standby could answer it as well.
        self.value("/*NO LOAD BALANCE*/ select pg_backend_pid()")
    }

    /// Says goodbye and closes the connection.
    pub fn bye(mut self) {
        // It may be closed already.
        let _ = self.send(&[Request::Terminate]);
    }

    /// Reads to the end of the connection and returns the messages.
    ///
    /// # Errors
    /// When the connection stays open, or breaks in the middle of a message.
    pub fn read_to_end(&mut self) -> Result<Vec<Message>, ClientError> {
        let mut all = Vec::new();
        loop {
            match self.read() {
                Ok(message) => all.push(message),
                Err(ClientError::Closed) if self.unread.is_empty() => return Ok(all),
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads one byte, as a request for encryption is answered with.
    ///
    /// # Errors
    /// [`ClientError::Closed`] at the end, [`ClientError::Late`] when none comes in time.
    pub fn read_byte(&mut self) -> Result<u8, ClientError> {
        self.stream.set_read_timeout(Some(self.read_limit))?;
        let mut byte = [0];
        match self.stream.read(&mut byte)? {
            0 => Err(ClientError::Closed),
            _ => Ok(byte[0]),
        }
    }

    /// Asks on a connection of its own that this session's statement be cancelled, and waits until the server has
    /// closed that connection.
    ///
    /// # Errors
    /// When there is no key or no connection.
    pub fn cancel(&self) -> Result<(), ClientError> {
        let Some((pid, key)) = self.key() else { return Err(ClientError::Closed) };
        Self::cancel_with(self.port, pid, key)
    }

    /// As [`Client::cancel`], with any process id and key.
    ///
    /// # Errors
    /// When there is no connection, or the request is answered.
    pub fn cancel_with(port: u16, pid: u32, key: &[u8]) -> Result<(), ClientError> {
        let mut asker = Self::connect(port)?;
        asker.send_bytes(&packet(&[&CANCEL_CODE.to_be_bytes(), &pid.to_be_bytes(), key]))?;
        match asker.read() {
            Err(ClientError::Closed) => Ok(()),
            Err(error) => Err(error),
            Ok(message) => Err(ClientError::Refused(message)),
        }
    }

    fn take_message(&mut self) -> Result<Option<Message>, ClientError> {
        let left = self.unread.get(self.taken..).unwrap_or_default();
        if let Some(&[kind, a, b, c, d]) = left.first_chunk() {
            let length = u32::from_be_bytes([a, b, c, d]) as usize;
            if length < 4 {
                return Err(ClientError::Garbage(left.to_vec()));
            }
            if let Some(body) = left.get(5..length + 1) {
                let message = Message { kind, body: body.to_vec() };
                self.taken += length + 1;
                return Ok(Some(message));
            }
        }
        // Once per read and not per message: a result of many rows is not moved over and over.
        self.unread.drain(..self.taken);
        self.taken = 0;
        Ok(None)
    }

    fn note_key(&mut self, message: &Message) {
        if message.kind == kind::BACKEND_KEY_DATA {
            let mut body = Body::new(&message.body);
            self.key = body.u32().ok().map(|pid| (pid, body.rest().to_vec()));
        }
    }
}

/// What a client sends before it has a session: a length and a body. It is built here and not by the codec under test.
fn packet(parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = u32::try_from(body.len() + 4).expect("a test's packet is below 4 GiB");
    [length.to_be_bytes().as_slice(), &body].concat()
}
