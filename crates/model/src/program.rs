//! Random clients: what they send, and where they stop to read.

mod beginning;

use core::fmt;

use crate::message::{Message, put};
use crate::rng::Rng;

/// What a client does next.
#[derive(Clone, PartialEq, Eq)]
pub enum Step {
    /// It sends a message.
    Send(Message),
    /// It reads up to the next ReadyForQuery.
    AwaitReady,
    /// It reads up to the next CopyInResponse or ReadyForQuery.
    AwaitCopy,
    /// It reads up to the next CopyInResponse, ErrorResponse or ReadyForQuery.
    AwaitCopyOrError,
    /// It reads up to the ReadyForQuery that follows the row of [`LAST_QUERY`].
    AwaitEnd,
    /// It asks for a cancel over a second connection.
    Cancel,
}

/// What every program asks last: once it is answered, nothing is owed.
pub const LAST_QUERY: &str = "SELECT 'the end' AS v FROM generate_series(1, 1)";
/// What the row of [`LAST_QUERY`] ends with.
pub const LAST_ROW: &[u8] = b"the end";

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(message) => write!(f, "{message:?}"),
            Self::AwaitReady => f.write_str("(reads to ReadyForQuery)"),
            Self::AwaitCopy => f.write_str("(reads to CopyInResponse or ReadyForQuery)"),
            Self::AwaitCopyOrError => f.write_str("(reads to CopyInResponse, an error, or ReadyForQuery)"),
            Self::AwaitEnd => f.write_str("(reads to the end)"),
            Self::Cancel => f.write_str("(asks for a cancel)"),
        }
    }
}

/// How a client behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manners {
    /// One unit at a time, each well formed, each read to its end: what can be counted when servers die.
    Polite,
    /// Pipelines, batches without a Sync, messages out of place.
    Rude,
}

/// A client's program: units, each a sequence of steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// How it behaves.
    pub manners: Manners,
    /// What it does, in an order that may be cut anywhere between two units.
    pub units: Vec<Vec<Step>>,
    /// Its goodbye is that it closes its side of the connection, and goes on listening.
    pub half_closes: bool,
}

impl Program {
    /// A random program for client `me`, which marks all that it sends with its number.
    pub fn random(rng: &mut Rng, me: usize, manners: Manners) -> Self {
        Program::of(rng, me, manners, Occupation::Anything)
    }

    /// A random program of one kind.
    pub fn of(rng: &mut Rng, me: usize, manners: Manners, occupation: Occupation) -> Self {
        let mut writer = Writer { rng, me, manners, occupation, steps: Vec::new(), half_closes: false };
        let mut units = Vec::new();
        for _ in 0..1 + writer.rng.below(7) {
            writer.unit();
            units.push(core::mem::take(&mut writer.steps));
        }
        writer.end();
        units.push(core::mem::take(&mut writer.steps));
        let half_closes = writer.half_closes;
        let mut program = Program { manners, units, half_closes };
        if manners == Manners::Rude && rng.chance(CUT_SHORT) {
            program.cut_short(rng);
        }
        program
    }

    /// Somewhere in the middle of it, it sends no more.
    fn cut_short(&mut self, rng: &mut Rng) {
        let mut left = 1 + rng.below(self.steps().count());
        for unit in &mut self.units {
            unit.truncate(left);
            left -= unit.len();
        }
        self.half_closes = !self.says_goodbye();
    }

    /// True when it ends with a Terminate.
    pub fn says_goodbye(&self) -> bool {
        self.steps().last().is_some_and(|step| matches!(step, Step::Send(message) if message.kind == b'X'))
    }

    /// Leaves one step out; they are counted over all units.
    pub fn leave_out(&mut self, step: usize) {
        let mut at = step;
        for unit in &mut self.units {
            if at < unit.len() {
                unit.remove(at);
                return;
            }
            at -= unit.len();
        }
    }

    /// All steps.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.units.iter().flatten()
    }
}

/// How many of a hundred rude programs end in the middle.
const CUT_SHORT: usize = 6;
/// How many of a hundred polite units are to be cancelled.
const CANCELLED: usize = 2;

/// What a program is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occupation {
    /// Anything that a client may do.
    Anything,
    /// It reads what others write, and leaves nothing behind that would tie its session to one backend.
    Watches,
    /// It writes what others read.
    Writes,
}

/// The table that all clients write to.
pub const SHARED: usize = 7;

/// Settings that SHOW asks for.
const SHOWN: [&str; 7] = [
    "my.x",
    "application_name",
    "extra_float_digits",
    "IntervalStyle",
    "search_path",
    "transaction_read_only",
    "bytea_output",
];

struct Writer<'a> {
    rng: &'a mut Rng,
    me: usize,
    manners: Manners,
    occupation: Occupation,
    steps: Vec<Step>,
    half_closes: bool,
}

impl Writer<'_> {
    fn unit(&mut self) {
        match self.occupation {
            Occupation::Watches => return self.watch(),
            Occupation::Writes => return self.write_for_others(),
            Occupation::Anything => {}
        }
        match self.rng.below(29) {
            0..8 => self.simple(),
            8..12 => self.well_formed_batch(),
            12 => self.batch_that_begins(),
            13..16 => self.wild_batch(),
            16 => self.copy(),
            17 => self.call(),
            18 => self.sleep(),
            19..22 => return self.block(),
            22..24 => return self.change_and_read(),
            24 => return self.write_and_count(),
            25 | 26 => return self.prepare_again(),
            27 => return self.close_beside(),
            _ => match self.manners {
                Manners::Rude => self.stray(),
                Manners::Polite => {
                    if self.rng.chance(70) {
                        // The rest of a COPY that has failed.
                        self.message(b'd', &[b'1'; 200]);
                    }
                    self.sync();
                }
            },
        }
        self.perhaps_wait();
    }

    fn perhaps_wait(&mut self) {
        if self.manners == Manners::Polite && self.rng.chance(CANCELLED) {
            self.steps.push(Step::Cancel);
        }
        if self.manners == Manners::Polite || self.rng.chance(40) {
            self.steps.push(Step::AwaitReady);
        }
    }

    /// A statement in either protocol.
    fn run(&mut self, text: &str) {
        if self.rng.chance(70) {
            self.query(text);
        } else {
            self.parse("", text);
            self.bind_empty("");
            self.execute("", 0);
            self.sync();
        }
        self.perhaps_wait();
    }

    /// A transaction block, with settings, savepoints and reads in it, and a read behind it.
    fn block(&mut self) {
        let begin = self.begin();
        self.run(&begin);
        for _ in 0..self.rng.below(5) {
            let text = match self.rng.below(10) {
                0..3 => self.setting(),
                3..7 => self.reading(),
                7 | 8 => self.savepoint(),
                _ => self.statement(),
            };
            self.run(&text);
        }
        let end = self.end_of_block();
        self.run(&end);
        let text = self.depending();
        self.run(&text);
    }

    /// A setting, or a write, and a read that depends on it.
    fn change_and_read(&mut self) {
        let text = match self.rng.below(10) {
            0..6 => self.setting(),
            6 => format!("CREATE TEMP TABLE t{} (a int)", self.me),
            7 => format!("CREATE TABLE u{} (a int)", self.me),
            _ => self.writing(),
        };
        self.run(&text);
        let text = self.depending();
        self.run(&text);
    }

    /// A write, perhaps a table that hides what was written, and counts of it.
    fn write_and_count(&mut self) {
        let me = self.me;
        self.run(&format!("INSERT INTO t{me} VALUES (1)"));
        if self.rng.chance(30) {
            self.run(&format!("CREATE TEMP TABLE t{me} (a int)"));
        }
        for _ in 0..1 + self.rng.below(4) {
            self.run(&format!("SELECT count(*) AS v FROM t{me}"));
        }
    }

    /// One name for one statement after the other, closed in between or not.
    fn prepare_again(&mut self) {
        let name = *self.rng.pick(&["s0", "s1"]);
        for _ in 0..2 + self.rng.below(2) {
            let text = self.depending();
            self.parse(name, &text);
            self.bind_empty(name);
            self.execute("", 0);
            self.sync();
            self.perhaps_wait();
            if self.rng.chance(70) {
                self.close(b'S', name);
                self.sync();
                self.perhaps_wait();
            }
        }
    }

    /// Reads what others write, one time after the other.
    fn watch(&mut self) {
        for _ in 0..1 + self.rng.below(4) {
            let text = match self.rng.below(8) {
                0 => self.setting(),
                1 => self.depending(),
                _ => self.count_shared(),
            };
            self.run(&text);
        }
    }

    /// What those that watch see.
    fn write_for_others(&mut self) {
        for _ in 0..1 + self.rng.below(3) {
            self.run(&format!("INSERT INTO t{SHARED} VALUES (1)"));
        }
    }

    /// A name that is closed in a batch that reads something else, and taken again.
    fn close_beside(&mut self) {
        let name = *self.rng.pick(&["s0", "s1"]);
        for _ in 0..2 + self.rng.below(2) {
            let text = if self.rng.chance(50) { self.depending() } else { self.statement() };
            self.parse(name, &text);
            if self.rng.chance(80) {
                self.bind_empty(name);
                self.execute("", 0);
            }
            self.sync();
            self.perhaps_wait();
            let text = self.depending();
            let first = self.rng.chance(20);
            if first {
                self.close(b'S', name);
            }
            self.parse("", &text);
            self.bind_empty("");
            self.execute("", 0);
            if !first {
                self.close(b'S', name);
            }
            self.sync();
            self.perhaps_wait();
        }
    }

    /// Leaves nothing open, and makes sure that all has been answered.
    fn end(&mut self) {
        if self.manners == Manners::Rude {
            self.message(b'f', b"end\0");
            self.sync();
        }
        self.query("ROLLBACK");
        match self.manners {
            Manners::Polite => {
                self.steps.push(Step::AwaitReady);
                self.query(LAST_QUERY);
                self.steps.push(Step::AwaitReady);
            }
            Manners::Rude => {
                self.query(LAST_QUERY);
                self.steps.push(Step::AwaitEnd);
            }
        }
        if self.rng.chance(5) {
            // The cancel may arrive when there is nothing left to cancel.
            self.query("SELECT pg_sleep(1) AS v");
            self.steps.push(Step::Cancel);
            self.steps.push(Step::AwaitReady);
        }
        let goodbye = self.rng.below(10);
        if goodbye < 8 && self.manners == Manners::Rude && self.rng.chance(20) {
            // Asked, and not waited for.
            let text = self.reading();
            self.query(&text);
        }
        match goodbye {
            0..6 => self.message(b'X', b""),
            6 | 7 => self.half_closes = true,
            _ => {}
        }
    }

    fn message(&mut self, kind: u8, body: &[u8]) {
        self.steps.push(Step::Send(Message::new(kind, body)));
    }

    fn query(&mut self, text: &str) {
        self.message(b'Q', format!("{text}\0").as_bytes());
    }

    fn sync(&mut self) {
        self.message(b'S', b"");
    }

    fn simple(&mut self) {
        let text = match self.rng.below(20) {
            0 => self.rng.pick(&["", " ", ";", "SELEC", "BEGIN; SELEC", "SHOW pool_version"]).to_string(),
            1..5 => {
                let several = 2 + self.rng.below(2);
                let all: Vec<String> = (0..several).map(|_| self.statement()).collect();
                all.join("; ")
            }
            _ => self.statement(),
        };
        self.query(&text);
    }

    fn sleep(&mut self) {
        self.query("SELECT pg_sleep(1) AS v");
        if self.rng.chance(30) {
            self.steps.push(Step::Cancel);
        }
    }

    fn call(&mut self) {
        let oid = if self.rng.chance(70) { 89_i32 } else { 9 };
        let mut body = oid.to_be_bytes().to_vec();
        body.extend_from_slice(&[0, 0, 0, 0, 0, 0]);
        self.message(b'F', &body);
    }

    fn stray(&mut self) {
        match self.rng.below(8) {
            0 => self.message(b'd', b"1\n"),
            1 => self.message(b'c', b""),
            2 => self.message(b'f', b"late\0"),
            3 => self.message(b'H', b""),
            4 | 5 => self.sync(),
            6 => self.statement_in_copy(),
            _ => {
                self.sync();
                self.sync();
            }
        }
    }

    /// A statement that reads; any node could answer some of these.
    fn reading(&mut self) -> String {
        let me = self.me;
        match self.rng.below(14) {
            0..4 => self.depending(),
            4 => "SELECT 1/0 AS v".to_owned(),
            5 => format!("SELECT v FROM temporary_{me}"),
            6 => "SELECT current_setting('my.x') AS v".to_owned(),
            7 => format!("SHOW {}", self.rng.pick(&SHOWN)),
            8 if self.rng.chance(10) => format!("SELECT repeat('x', {}) AS v", 500 + self.rng.below(8000)),
            9 if self.rng.chance(1) => {
                let long = "y".repeat(60_000 + self.rng.below(10_000));
                format!("SELECT 'c{me}{long}' AS v FROM generate_series(1, 1)")
            }
            _ => format!("SELECT 'c{me}' AS v FROM generate_series(1, {})", self.rng.below(5)),
        }
    }

    /// A statement that any node may answer, differently if it lacks something.
    fn depending(&mut self) -> String {
        let me = self.me;
        match self.rng.below(10) {
            0 | 1 => format!("SELECT count(*) AS v FROM t{me}"),
            2 => format!("SELECT count(*) AS v FROM u{me}"),
            3 => self.count_shared(),
            4 | 5 => "SELECT (1::float8 / 3)::text AS v".to_owned(),
            6 => "SELECT '1 day'::interval::text AS v".to_owned(),
            7 => "SELECT '\\x61'::bytea::text AS v".to_owned(),
            8 => "SELECT CASE WHEN current_user IN ('r0', 'r1') THEN current_user::text ELSE 'me' END AS v"
                .to_owned(),
            _ => "SELECT v FROM here".to_owned(),
        }
    }

    fn count_shared(&self) -> String {
        format!("SELECT 'n' || count(*) AS v FROM t{SHARED}")
    }

    fn writing(&mut self) -> String {
        match self.rng.below(6) {
            0 => format!("INSERT INTO t{SHARED} VALUES (1)"),
            1 => format!("INSERT INTO u{} VALUES (1)", self.me),
            2 => format!("INSERT INTO d{} VALUES (1)", self.me),
            _ => format!("INSERT INTO t{} VALUES (1)", self.me),
        }
    }

    /// SET, RESET or set_config.
    fn setting(&mut self) -> String {
        let me = self.me;
        let (name, value) = match self.rng.below(8) {
            0 | 1 => ("extra_float_digits", format!("{}", 1 - self.rng.below(9) as i32)),
            2 => (
                "IntervalStyle",
                self.rng.pick(&["iso_8601", "sql_standard", "postgres_verbose"]).to_string(),
            ),
            3 => ("bytea_output", self.rng.pick(&["escape", "hex"]).to_string()),
            4 => ("search_path", self.rng.pick(&["a, public", "b, public", "public"]).to_string()),
            5 => ("my.x", format!("'c{me}-{}'", self.rng.below(9))),
            6 => ("application_name", format!("'c{me}-{}'", self.rng.below(9))),
            _ => return self.role(),
        };
        match self.rng.below(16) {
            0..6 => format!("SET {name} = {value}"),
            6 => format!("SET SESSION {name} TO {value}"),
            7..10 => format!("SET LOCAL {name} = {value}"),
            10 => format!("RESET {name}"),
            11 => format!("SET {name} TO DEFAULT"),
            12 => "RESET ALL".to_owned(),
            13 => "SET extra_float_digits = 99".to_owned(),
            _ => {
                let local = if self.rng.chance(40) { "true" } else { "false" };
                format!("SELECT set_config('{name}', '{}', {local}) AS v", value.trim_matches('\''))
            }
        }
    }

    fn role(&mut self) -> String {
        let role = self.rng.below(2);
        match self.rng.below(8) {
            0..4 => format!("SET ROLE r{role}"),
            4 | 5 => format!("SET LOCAL ROLE r{role}"),
            6 => "SET ROLE NONE".to_owned(),
            _ => "RESET ROLE".to_owned(),
        }
    }

    fn begin(&mut self) -> String {
        match self.rng.below(12) {
            0 => "BEGIN READ ONLY",
            1 => "BEGIN ISOLATION LEVEL REPEATABLE READ",
            2 => "START TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ WRITE",
            3 => "BEGIN READ WRITE",
            _ => "BEGIN",
        }
        .to_owned()
    }

    fn end_of_block(&mut self) -> String {
        self.rng
            .pick(&[
                "COMMIT",
                "COMMIT",
                "COMMIT",
                "ROLLBACK",
                "ROLLBACK",
                "COMMIT AND CHAIN",
                "ROLLBACK AND CHAIN",
            ])
            .to_string()
    }

    fn savepoint(&mut self) -> String {
        let name = *self.rng.pick(&["s", "s", "r"]);
        match self.rng.below(6) {
            0..3 => format!("SAVEPOINT {name}"),
            3 | 4 => format!("ROLLBACK TO SAVEPOINT {name}"),
            _ => format!("RELEASE SAVEPOINT {name}"),
        }
    }

    fn statement(&mut self) -> String {
        let me = self.me;
        let text = |text: &str| text.to_owned();
        match self.rng.below(40) {
            0..10 => self.reading(),
            10..13 => self.begin(),
            13..16 => self.end_of_block(),
            16 | 17 => self.savepoint(),
            18..22 => self.writing(),
            22 => format!("CREATE TEMP TABLE temporary_{me} (v text)"),
            23..27 => self.setting(),
            27 => {
                let (number, read) = (self.rng.below(2), self.preparable());
                format!("PREPARE s{number} AS {read}")
            }
            28 => format!("EXECUTE s{}", self.rng.below(2)),
            29 if self.rng.chance(30) => format!("EXPLAIN EXECUTE s{}", self.rng.below(2)),
            29 => format!("EXECUTE s{}", self.rng.below(2)),
            30 => match self.rng.chance(80) {
                true => format!("DEALLOCATE s{}", self.rng.below(2)),
                false => text("DEALLOCATE ALL"),
            },
            31 => format!("DECLARE k CURSOR FOR SELECT 'c{me}' AS v FROM generate_series(1, 4)"),
            32 => format!("FETCH {} FROM k", 1 + self.rng.below(4)),
            33 => text("CLOSE k"),
            34 => text("LISTEN c"),
            35 => format!("NOTIFY c, 'c{me}-{}'", self.rng.below(9)),
            36 => text("DO $$ BEGIN RAISE NOTICE 'hello'; END $$"),
            37 => self
                .rng
                .pick(&[
                    "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
                    "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
                    "SET TRANSACTION READ ONLY",
                ])
                .to_string(),
            _ => match self.rng.below(4) {
                0 => text("DISCARD ALL"),
                1 => text("DISCARD TEMP"),
                _ => format!("COPY t{me} TO STDOUT"),
            },
        }
    }

    /// A statement that PREPARE may hold.
    fn preparable(&mut self) -> String {
        match self.rng.below(4) {
            0 => format!("SELECT 'c{}' AS v FROM generate_series(1, 2)", self.me),
            1 => self.writing(),
            _ => self.depending(),
        }
    }

    fn copy_text(&mut self) -> String {
        let me = self.me;
        match self.rng.below(4) {
            0 => format!("COPY before_trigger_{me} FROM STDIN"),
            1 => format!("COPY with_check_{me} FROM STDIN"),
            _ => format!("COPY t{me} FROM STDIN"),
        }
    }

    /// COPY FROM STDIN in a simple query, alone or among others.
    fn copy(&mut self) {
        if self.rng.chance(40) {
            return self.extended_copy();
        }
        let copy = self.copy_text();
        let text = match self.rng.below(6) {
            0 => format!("{}; {copy}", self.statement()),
            1 => format!("{copy}; {}", self.statement()),
            2 => format!("{copy}; {copy}"),
            _ => copy,
        };
        self.query(&text);
        if self.manners == Manners::Polite || self.rng.chance(85) {
            self.steps.push(Step::AwaitCopy);
        }
        self.copy_data();
        if text.matches("STDIN").count() > 1 {
            if self.manners == Manners::Polite {
                self.steps.push(Step::AwaitCopy);
            }
            self.copy_data();
        }
    }

    fn extended_copy(&mut self) {
        let text = self.copy_text();
        self.parse("", &text);
        self.bind("", "");
        self.execute("", 0);
        if self.manners == Manners::Rude && self.rng.chance(50) {
            // As libpq does it: the Sync goes out before the COPY begins, and the server eats it if it comes
            // too late.
            self.sync();
            self.steps.push(Step::AwaitCopy);
        } else {
            self.message(b'H', b"");
            self.steps.push(Step::AwaitCopyOrError);
        }
        self.copy_data();
        self.sync();
    }

    fn copy_data(&mut self) {
        // Before the data, not behind it: what a Sync means then depends on whether the data was good.
        if self.manners == Manners::Rude && self.rng.chance(8) {
            self.sync();
        }
        for _ in 0..self.rng.below(4) {
            match self.rng.below(20) {
                0 => self.message(b'd', b"bad\n"),
                1 => self.message(b'H', b""),
                3 if self.manners == Manners::Rude && self.rng.chance(20) => self.statement_in_copy(),
                _ => self.message(b'd', b"1\n"),
            }
        }
        if self.rng.chance(80) {
            self.message(b'c', b"");
        } else {
            self.message(b'f', b"no more\0");
        }
    }

    fn statement_in_copy(&mut self) {
        let text = self.reading();
        if self.rng.chance(50) {
            self.query(&text);
        } else {
            self.parse("", &text);
        }
    }

    fn parse(&mut self, name: &str, text: &str) {
        self.message(b'P', format!("{name}\0{text}\0\0\0").as_bytes());
    }

    /// A Bind without parameters.
    fn bind_empty(&mut self, name: &str) {
        let mut body = format!("\0{name}\0").into_bytes();
        body.extend_from_slice(&[0; 6]);
        self.message(b'B', &body);
    }

    fn bind(&mut self, portal: &str, name: &str) {
        let mut body = format!("{portal}\0{name}\0").into_bytes();
        body.extend_from_slice(&[0, 0]);
        if self.rng.chance(30) {
            let value = match self.rng.chance(3) {
                true => "z".repeat(3000 + self.rng.below(70_000)),
                false => format!("c{}", self.me),
            };
            body.extend_from_slice(&1_u16.to_be_bytes());
            body.extend_from_slice(&(value.len() as u32).to_be_bytes());
            body.extend_from_slice(value.as_bytes());
        } else {
            body.extend_from_slice(&[0, 0]);
        }
        body.extend_from_slice(&[0, 0]);
        self.message(b'B', &body);
    }

    fn describe(&mut self, what: u8, name: &str) {
        self.message(b'D', &[&[what], name.as_bytes(), b"\0"].concat());
    }

    fn close(&mut self, what: u8, name: &str) {
        self.message(b'C', &[&[what], name.as_bytes(), b"\0"].concat());
    }

    fn execute(&mut self, portal: &str, rows: u32) {
        self.message(b'E', &[portal.as_bytes(), b"\0", &rows.to_be_bytes()].concat());
    }

    fn batch_text(&mut self) -> String {
        match self.rng.below(12) {
            0 => "SELECT $1::text AS v".to_owned(),
            1 => self.rng.pick(&["", "SELEC", "BEGIN; COMMIT"]).to_string(),
            2..7 => self.reading(),
            _ => self.statement(),
        }
    }

    /// What a driver sends: Parse, Bind, Describe, Execute, Sync, sometimes with the statement prepared before.
    fn well_formed_batch(&mut self) {
        let name = *self.rng.pick(&["", "", "s0", "s1"]);
        let portal = *self.rng.pick(&["", "", "p0"]);
        for _ in 0..1 + self.rng.below(2) {
            if self.rng.chance(70) {
                let text = self.batch_text();
                self.parse(name, &text);
                if self.rng.chance(30) {
                    self.describe(b'S', name);
                }
            }
            self.bind(portal, name);
            if self.rng.chance(40) {
                self.describe(b'P', portal);
            }
            if self.rng.chance(70) {
                self.execute(portal, 0);
            } else {
                self.execute(portal, 2);
                self.execute(portal, 2);
            }
            if self.rng.chance(20) {
                let what = *self.rng.pick(b"SP");
                self.close(what, name);
            }
        }
        self.sync();
    }

    fn wild_batch(&mut self) {
        for _ in 0..1 + self.rng.below(7) {
            let name = *self.rng.pick(&["", "s0", "s1"]);
            let portal = *self.rng.pick(&["", "", "p0"]);
            match self.rng.below(12) {
                0..3 => {
                    let text = self.batch_text();
                    self.parse(name, &text);
                }
                3..6 => self.bind(portal, name),
                6 => self.describe(b'S', name),
                7 => self.describe(b'P', portal),
                8 => self.close(b'S', name),
                9 => self.message(b'H', b""),
                _ => {
                    let rows = *self.rng.pick(&[0, 0, 1, 2]);
                    self.execute(portal, rows);
                }
            }
        }
        if self.manners == Manners::Polite || self.rng.chance(85) {
            self.sync();
        }
    }
}

/// Protocol 3.0 in a startup packet.
const VERSION_3: u32 = 196_608;

/// The startup packet of a user, for protocol 3.`minor`.
pub fn startup_packet(user: &str, minor: u32) -> Vec<u8> {
    let mut framed = Vec::new();
    put(&mut framed, 0, |out| {
        out.extend_from_slice(&(VERSION_3 + minor).to_be_bytes());
        for text in ["user", user, "database", "d"] {
            out.extend_from_slice(text.as_bytes());
            out.push(0);
        }
        out.push(0);
    });
    // A startup packet has no kind byte.
    framed.remove(0);
    framed
}
