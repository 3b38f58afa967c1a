//! A model of one PostgreSQL server process, from its wire bytes to its wire bytes.
//!
//! It follows `PostgresMain` and `SocketBackend` of src/backend/tcop/postgres.c message by message; the SQL
//! beneath is a handful of texts (see [`Sql`]).

mod catalog;
mod copy;
mod data;
mod execute;
mod extended;
mod settings;
mod state;

use std::collections::BTreeMap;

use crate::message::{self, Message, put};
use crate::sql::{self, Sql};

use copy::Copying;
pub use data::{Data, NODES};
use extended::{Portal, Prepared};
use settings::REPORTED;
use state::{Character, State, Transaction};

/// How one server differs from another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traits {
    /// It refuses writes (25006).
    pub standby: bool,
    /// ParameterStatus goes out before ReadyForQuery, as since PostgreSQL 14, not at once.
    pub reports_late: bool,
    /// It does not answer what sessions ask for themselves, as one whose rights to the catalogs were taken away.
    pub hides_catalogs: bool,
}

/// One server process.
#[derive(Debug)]
pub struct Backend {
    traits: Traits,
    /// Of the cluster's nodes, the one that it belongs to.
    node: usize,
    input: Vec<u8>,
    /// The message loop's `doing_extended_query_message`.
    extended: bool,
    /// The message loop's `ignore_till_sync`.
    skipping: bool,
    busy: Busy,
    rest: Vec<Sql>,
    several: bool,
    transaction: Transaction,
    character: Character,
    state: State,
    prepared: BTreeMap<String, Prepared>,
    portals: BTreeMap<String, Portal>,
    next_portal: u64,
    /// What the client was last told of each reported setting.
    reported: [String; REPORTED.len()],
    /// `in_hot_standby`, as the client was last told.
    told_standby: bool,
    notify: Vec<String>,
    cancelled: bool,
    gone: bool,
    /// COPYs so far that were bound to fail before they read anything.
    doomed_copies: u32,
    /// Which of them fail after their first read all the same, one bit for each.
    late: u32,
    /// Replies that the server has not sent yet.
    unsent: Vec<u8>,
    /// How many of the bytes written in this call are sent.
    flushed: usize,
}

/// Size of the server's send buffer (`PQ_SEND_BUFFER_SIZE` of src/backend/libpq/pqcomm.c).
const SEND_BUFFER_BYTES: usize = 8192;

/// What keeps the message loop from its next message.
#[derive(Debug)]
enum Busy {
    No,
    Copy(Copying),
    Sleep,
}

/// Why a statement failed.
#[derive(Debug)]
pub(crate) struct Failure {
    code: &'static str,
    text: String,
}

impl Failure {
    fn new(code: &'static str, text: impl Into<String>) -> Self {
        Failure { code, text: text.into() }
    }
}

/// What a caller lends to the backend for one call: what all backends of a cluster share, and where its
/// answers go.
#[derive(Debug)]
pub struct Wires<'a> {
    /// The committed rows.
    pub data: &'a mut Data,
    /// What the backend sends.
    pub out: &'a mut Vec<u8>,
}

impl Backend {
    /// A backend of node 0, the primary, that has just sent its first ReadyForQuery.
    pub fn new(traits: Traits) -> Self {
        Backend::of(traits, 0, traits.standby)
    }

    /// A backend of this node that has just sent its first ReadyForQuery.
    pub fn of(traits: Traits, node: usize, standby: bool) -> Self {
        Backend {
            traits,
            node,
            told_standby: standby,
            input: Vec::new(),
            extended: false,
            skipping: false,
            busy: Busy::No,
            rest: Vec::new(),
            several: false,
            transaction: Transaction::Idle,
            character: Character::default(),
            state: State::default(),
            prepared: BTreeMap::new(),
            portals: BTreeMap::new(),
            next_portal: 0,
            reported: REPORTED.map(|name| settings::default(name).unwrap_or_default().to_owned()),
            notify: Vec::new(),
            cancelled: false,
            gone: false,
            doomed_copies: 0,
            late: 0,
            unsent: Vec::new(),
            flushed: 0,
        }
    }

    /// The same backend, which is late to fail some of the COPYs that fail before they read anything: of the
    /// nth one, bit n says so. Both are PostgreSQL: it is a matter of time whether a message was read before.
    #[must_use]
    pub fn late(mut self, late: u32) -> Self {
        self.late = late;
        self
    }

    /// How many COPYs were bound to fail before they read anything.
    pub fn doomed_copies(&self) -> u32 {
        self.doomed_copies
    }

    fn is_late(&mut self) -> bool {
        let nth = self.doomed_copies;
        self.doomed_copies += 1;
        self.late.checked_shr(nth).is_some_and(|bits| bits & 1 == 1)
    }

    /// Bytes arrive.
    pub fn feed(&mut self, bytes: &[u8], wires: &mut Wires<'_>) {
        self.input.extend_from_slice(bytes);
        self.buffered(wires, Self::go_on);
    }

    /// `pg_sleep` is over.
    pub fn wake(&mut self, wires: &mut Wires<'_>) {
        self.buffered(wires, Self::wake_now);
    }

    fn wake_now(&mut self, wires: &mut Wires<'_>) {
        match self.busy {
            Busy::Sleep => {
                self.busy = Busy::No;
                execute::row(b"", wires.out);
                self.waited("SELECT 1", wires);
            }
            Busy::No | Busy::Copy(_) => {}
        }
        self.go_on(wires);
    }

    /// A cancel request arrives. One that finds nothing running is forgotten; in COPY IN it is seen with the
    /// next message.
    pub fn cancel(&mut self, wires: &mut Wires<'_>) {
        self.buffered(wires, Self::cancel_now);
    }

    fn cancel_now(&mut self, wires: &mut Wires<'_>) {
        match self.busy {
            Busy::No => {}
            Busy::Copy(_) => self.cancelled = true,
            Busy::Sleep => {
                self.busy = Busy::No;
                self.fail(&Failure::new("57014", "canceling statement due to user request"), wires);
                self.go_on(wires);
            }
        }
    }

    /// The client has closed its side of the connection; the process ends.
    pub fn end_of_input(&mut self, wires: &mut Wires<'_>) {
        self.buffered(wires, |server, wires| {
            match server.busy {
                Busy::Copy(_) => server.lost_at_end(wires),
                // It is noticed with the next read.
                Busy::No | Busy::Sleep => server.gone = true,
            }
        });
    }

    /// Replies that are written and not sent. They are lost with the process, unless somebody asks for them before.
    pub fn unsent(&self) -> &[u8] {
        &self.unsent
    }

    /// The administrator ends the process.
    pub fn shut_down(&mut self, wires: &mut Wires<'_>) {
        self.buffered(wires, |server, wires| {
            server.fatal("57P01", "terminating connection due to administrator command", wires.out);
        });
    }

    /// Runs `work`, and sends of what it wrote what a server sends: all up to the last point at which it flushes.
    fn buffered(&mut self, wires: &mut Wires<'_>, work: impl FnOnce(&mut Self, &mut Wires<'_>)) {
        let mut buffer = core::mem::take(&mut self.unsent);
        self.flushed = 0;
        work(self, &mut Wires { data: wires.data, out: &mut buffer });
        if buffer.len() - self.flushed >= SEND_BUFFER_BYTES {
            self.flushed = buffer.len();
        }
        wires.out.extend(buffer.drain(..self.flushed));
        self.unsent = buffer;
    }

    /// All that was written so far is sent.
    fn flush(&mut self, out: &[u8]) {
        self.flushed = out.len();
    }

    /// True when the process has ended; it reads and writes no more.
    pub fn is_gone(&self) -> bool {
        self.gone
    }

    /// True while `pg_sleep` runs.
    pub fn is_asleep(&self) -> bool {
        matches!(self.busy, Busy::Sleep)
    }

    /// True when a statement runs that a cancel request would hit.
    pub fn is_busy(&self) -> bool {
        !matches!(self.busy, Busy::No)
    }

    /// What keeps the backend from being lent to somebody else, once it has answered all that it was sent.
    pub fn owes(&self) -> Option<&'static str> {
        match self.busy {
            Busy::No => {}
            Busy::Copy(_) => return Some("COPY IN runs"),
            Busy::Sleep => return Some("a statement runs"),
        }
        if self.skipping {
            return Some("it skips to Sync");
        }
        if !self.unsent.is_empty() {
            return Some("it has replies that it has not sent");
        }
        if !self.input.is_empty() {
            return Some("it holds a part of a message");
        }
        match self.transaction {
            Transaction::Started | Transaction::Several => Some("a batch is open"),
            Transaction::Idle | Transaction::Open | Transaction::Failed => None,
        }
    }

    /// True when a transaction block is open.
    pub fn in_block(&self) -> bool {
        match self.transaction {
            Transaction::Open | Transaction::Failed => true,
            Transaction::Idle | Transaction::Started | Transaction::Several => false,
        }
    }

    /// True when it is as good as new: nothing of an earlier client is left.
    pub fn is_pristine(&self) -> bool {
        self.owes().is_none()
            && !self.in_block()
            && self.character == Character::default()
            && self.state == State::default()
            && self.prepared.is_empty()
            && self.portals.is_empty()
    }

    fn go_on(&mut self, wires: &mut Wires<'_>) {
        let mut at = 0;
        while !self.gone && !self.is_asleep() {
            let Some(message) = message::take_at(&self.input, &mut at) else { break };
            self.handle(&message, wires);
        }
        self.input.drain(..at);
    }

    fn handle(&mut self, message: &Message, wires: &mut Wires<'_>) {
        if let Busy::Copy(_) = self.busy {
            return self.in_copy(message, wires);
        }
        match message.kind {
            b'Q' | b'F' | b'd' | b'c' | b'f' => self.extended = false,
            b'P' | b'B' | b'D' | b'E' | b'C' | b'H' => self.extended = true,
            b'S' => (self.extended, self.skipping) = (false, false),
            b'X' => {
                self.gone = true;
                return;
            }
            kind => return self.fatal("08P01", &format!("invalid frontend message type {kind}"), wires.out),
        }
        if self.skipping {
            return;
        }
        match message.kind {
            b'Q' => self.query(&message.body, wires),
            b'F' => self.function_call(&message.body, wires),
            b'S' => self.sync(wires),
            b'P' | b'B' | b'D' | b'E' | b'C' => {
                if let Err(why) = self.extended(message, wires) {
                    self.fail(&why, wires);
                }
            }
            b'H' => self.flush(wires.out),
            // COPY messages outside of COPY belong to one that has already failed.
            _ => {}
        }
    }

    fn query(&mut self, mut body: &[u8], wires: &mut Wires<'_>) {
        self.start();
        if body != b"SHOW pool_version\0" {
            // That one pgherd answers, and no server sees it.
            self.prepared.remove("");
        }
        let parsed = message::text(&mut body).and_then(sql::parse);
        let Some(mut statements) = parsed else {
            return self.fail(&Failure::new("42601", "syntax error"), wires);
        };
        if statements.is_empty() {
            match self.finish(wires) {
                Ok(()) => put(wires.out, b'I', |_| {}),
                Err(why) => return self.fail(&why, wires),
            }
        }
        self.several = statements.len() > 1;
        statements.reverse();
        self.rest = statements;
        self.run_rest(wires);
    }

    /// Runs what is left of a simple query.
    fn run_rest(&mut self, wires: &mut Wires<'_>) {
        while let Some(sql) = self.rest.pop() {
            self.start();
            if self.several && self.transaction == Transaction::Started {
                self.transaction = Transaction::Several;
            }
            let ran = self.run_simple(&sql, wires);
            match ran {
                Ok(Some(tag)) => {
                    if sql != Sql::Read(sql::Read::PoolVersion) {
                        self.portals.remove("");
                    }
                    if let Err(why) = self.complete(&tag, wires) {
                        return self.fail(&why, wires);
                    }
                }
                Ok(None) => return,
                Err(why) => return self.fail(&why, wires),
            }
        }
        self.ready(wires);
    }

    /// Ends one statement of a simple query: the last one's end is the end of the transaction, if none is open.
    fn complete(&mut self, tag: &str, wires: &mut Wires<'_>) -> Result<(), Failure> {
        if self.rest.is_empty() {
            self.finish(wires)?;
        }
        execute::tag(tag, wires.out);
        Ok(())
    }

    /// Goes on after a statement that had to wait.
    fn waited(&mut self, tag: &str, wires: &mut Wires<'_>) {
        if self.extended {
            execute::tag(tag, wires.out);
            return;
        }
        self.portals.remove("");
        match self.complete(tag, wires) {
            Ok(()) => self.run_rest(wires),
            Err(why) => self.fail(&why, wires),
        }
    }

    fn function_call(&mut self, mut body: &[u8], wires: &mut Wires<'_>) {
        /// `version()`.
        const KNOWN_FUNCTION: i32 = 89;
        let result = match self.transaction {
            Transaction::Failed => Err(Self::aborted()),
            Transaction::Idle | Transaction::Started | Transaction::Several | Transaction::Open => {
                self.start();
                match message::int32(&mut body) {
                    Some(KNOWN_FUNCTION) => self.finish(wires),
                    Some(oid) => {
                        Err(Failure::new("42883", format!("function with OID {oid} does not exist")))
                    }
                    None => Err(Failure::new("08P01", "insufficient data left in message")),
                }
            }
        };
        match result {
            Ok(()) => {
                put(wires.out, b'V', |out| out.extend_from_slice(b"\0\0\0\x02fn"));
                self.ready(wires);
            }
            Err(why) => self.fail(&why, wires),
        }
    }

    fn sync(&mut self, wires: &mut Wires<'_>) {
        match self.finish(wires) {
            Ok(()) => self.ready(wires),
            Err(why) => self.fail(&why, wires),
        }
    }

    fn ready(&mut self, wires: &mut Wires<'_>) {
        for text in self.notify.drain(..) {
            put(wires.out, b'A', |out| {
                out.extend_from_slice(&7_i32.to_be_bytes());
                out.extend_from_slice(b"c\0");
                out.extend_from_slice(text.as_bytes());
                out.push(0);
            });
        }
        self.report(wires);
        let status = match self.transaction {
            Transaction::Idle | Transaction::Started | Transaction::Several => b'I',
            Transaction::Open => b'T',
            Transaction::Failed => b'E',
        };
        put(wires.out, b'Z', |out| out.push(status));
        self.flush(wires.out);
    }

    /// Tells of reported parameters that have changed.
    fn report(&mut self, wires: &mut Wires<'_>) {
        for (at, name) in REPORTED.into_iter().enumerate() {
            let now = self.setting(name).unwrap_or_default();
            if self.reported[at] != now {
                let now = now.to_owned();
                tell(name, &now, wires.out);
                self.reported[at] = now;
            }
        }
        if self.told_standby && !self.is_standby(wires.data) {
            // The node was promoted.
            self.told_standby = false;
            tell("in_hot_standby", "off", wires.out);
        }
    }

    /// True while its node takes no writes.
    fn is_standby(&self, data: &Data) -> bool {
        self.traits.standby || data.is_standby(self.node)
    }

    fn fail(&mut self, why: &Failure, wires: &mut Wires<'_>) {
        error(b'E', "ERROR", why.code, &why.text, wires.out);
        self.flush(wires.out);
        self.abort();
        if !self.traits.reports_late {
            self.report(wires);
        }
        self.busy = Busy::No;
        self.rest.clear();
        self.cancelled = false;
        if self.extended {
            self.skipping = true;
        } else {
            self.ready(wires);
        }
    }

    fn fatal(&mut self, code: &str, text: &str, out: &mut Vec<u8>) {
        error(b'E', "FATAL", code, text, out);
        self.flush(out);
        self.gone = true;
    }

    fn aborted() -> Failure {
        Failure::new(
            "25P02",
            "current transaction is aborted, commands ignored until end of transaction block",
        )
    }
}

fn tell(name: &str, value: &str, out: &mut Vec<u8>) {
    put(out, b'S', |out| {
        for text in [name, value] {
            out.extend_from_slice(text.as_bytes());
            out.push(0);
        }
    });
}

/// Appends what pgherd answers `SHOW pool_version` with, ReadyForQuery apart.
pub fn pool_version(out: &mut Vec<u8>) {
    execute::row_description(out);
    execute::row(b"pgherd", out);
    execute::tag("SHOW", out);
}

/// Appends an ErrorResponse (`E`) or NoticeResponse (`N`).
pub fn error(kind: u8, severity: &str, code: &str, text: &str, out: &mut Vec<u8>) {
    put(out, kind, |out| {
        for (field, value) in [(b'S', severity), (b'V', severity), (b'C', code), (b'M', text)] {
            out.push(field);
            out.extend_from_slice(value.as_bytes());
            out.push(0);
        }
        out.push(0);
    });
}
