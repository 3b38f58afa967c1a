use std::collections::{BTreeMap, BTreeSet};

use pgherd_testkit::{Client, ClientError, Message, Param, Request, Target};

use crate::act::{Read, Write};
use crate::tally::Tally;

/// A number of nobody's, the same for the same seed.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// Any number: SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub(crate) fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap_or_default()]
    }

    pub(crate) fn fork(&mut self) -> Self {
        Random(self.next())
    }
}

/// What a session has written into what is its own alone.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Written {
    cell: i64,
    view: i64,
    table: Option<i64>,
}

/// A session that writes into its own cell and reads any.
#[derive(Debug)]
pub(crate) struct Session {
    client: Client,
    primary: u16,
    id: u32,
    cells: u32,
    random: Random,
    /// What it has written itself, and only it: a read has to give that.
    written: Written,
    /// What it, or one with the same cell before it, has written: the next value is a higher one.
    last: i64,
    /// What it may rely on: an earlier session's writes are none of its own.
    own: Own,
    /// What it last read of the others' cells: a read may not give less.
    seen: BTreeMap<u32, i64>,
    /// Whether it writes in ways that may change the session itself, and then keep its reads on the primary.
    hides_state: bool,
    /// How many of a hundred steps write.
    writes_percent: u64,
    /// Names it has prepared.
    prepared: BTreeSet<&'static str>,
}

/// Which of the values in `written` this session itself wrote.
#[derive(Clone, Copy, Debug, Default)]
struct Own {
    cell: bool,
    view: bool,
    table: bool,
}

type Rows = Vec<Vec<String>>;

impl Session {
    pub(crate) fn begin(
        target: &Target,
        primary: u16,
        id: u32,
        cells: u32,
        mut random: Random,
        before: Option<Written>,
    ) -> Result<Self, ClientError> {
        let written = before.unwrap_or_default();
        Ok(Session {
            client: target.connect()?,
            primary,
            id,
            cells,
            hides_state: random.below(8) == 0,
            writes_percent: random.of(&[1, 5, 30]),
            random,
            written,
            last: written.cell.max(written.view).max(written.table.unwrap_or_default()),
            own: Own::default(),
            seen: BTreeMap::new(),
            prepared: BTreeSet::new(),
        })
    }

    pub(crate) fn end(self) -> Written {
        self.client.bye();
        self.written
    }

    /// Writes or reads once.
    ///
    /// # Errors
    /// What failed, in words; the session is of no use then.
    pub(crate) fn step(&mut self, tally: &mut Tally) -> Result<(), String> {
        if self.random.below(100) < self.writes_percent {
            let write = self.random.of(&Write::ALL);
            let write = if write.hides_state() && !self.hides_state { Write::Simple } else { write };
            tally.note_write(write);
            return self.write(write, tally).map_err(|error| format!("{write:?} write: {error}"));
        }
        match self.random.below(8) {
            0 if self.own.table => self.read_table(tally).map_err(|error| format!("table read: {error}")),
            1 => self.read_view(tally).map_err(|error| format!("view read: {error}")),
            _ => {
                let read = self.random.of(&Read::OF_CELLS);
                // Its own cell most often.
                let own = self.random.below(3) > 0;
                let others = self.random.below(u64::from(self.cells));
                let cell = if own { self.id } else { u32::try_from(others).unwrap_or_default() };
                self.read(read, cell, tally).map_err(|error| format!("{read:?} read: {error}"))
            }
        }
    }

    fn write(&mut self, write: Write, tally: &mut Tally) -> Result<(), String> {
        self.last += 1;
        let (i, v) = (self.id, self.last);
        let update = format!("UPDATE cell SET value = {v} WHERE id = {i}");
        let parameterised = "UPDATE cell SET value = $2 WHERE id = $1";
        match write {
            Write::Simple => drop(self.simple(&update)?),
            Write::Extended => drop(self.extended("", parameterised, &[i.into(), v])?),
            Write::Named => drop(self.named("writes", parameterised, &[i.into(), v])?),
            Write::Transaction => {
                self.simple("BEGIN")?;
                self.read(Read::Simple, i, tally)?;
                self.simple(&update)?;
                let rows = self.simple(&cell(i))?;
                self.compare(Read::InTransaction, i, &rows, Some(v), tally)?;
                self.simple("COMMIT")?;
            }
            Write::RolledBack => {
                for sql in ["BEGIN", &update, "ROLLBACK"] {
                    self.simple(sql)?;
                }
                return Ok(());
            }
            Write::Function => drop(self.simple(&format!("SELECT bump({i}, {v})"))?),
            Write::Procedure => drop(self.simple(&format!("CALL put({i}, {v})"))?),
            Write::Block => drop(self.simple(&format!("DO 'BEGIN {update}; END'"))?),
            Write::Several => drop(self.simple(&format!("SELECT 1; {update}; SELECT 2"))?),
            Write::With => {
                drop(self.simple(&format!("WITH x AS ({update} RETURNING value) SELECT value FROM x"))?);
            }
            Write::Execute => {
                if self.prepared.insert("sql_writes") {
                    self.simple(&format!(
                        "PREPARE sql_writes (bigint) AS UPDATE cell SET value = $1 WHERE id = {i}"
                    ))?;
                }
                self.simple(&format!("EXECUTE sql_writes ({v})"))?;
            }
            Write::TwoPhase => {
                for sql in ["BEGIN", &update] {
                    self.simple(sql)?;
                }
                self.simple(&format!("PREPARE TRANSACTION 'cell {i}'"))?;
                self.simple(&format!("COMMIT PREPARED 'cell {i}'"))?;
            }
            Write::Batch => {
                let mut batch = request("", parameterised, &[i.into(), v]);
                batch.extend(request("", READ, &[i.into()]));
                let rows = self.batch(&batch)?;
                self.compare(Read::InBatch, i, &rows, Some(v), tally)?;
            }
            Write::View => {
                self.simple(&format!("CREATE OR REPLACE VIEW view_{i} AS SELECT {v}::bigint AS value"))?;
                (self.written.view, self.own.view) = (v, true);
                return Ok(());
            }
            Write::Table => {
                self.simple(&format!("CREATE TABLE table_{i}_{v} (a int)"))?;
                if let Some(before) = self.written.table.replace(v) {
                    self.simple(&format!("DROP TABLE table_{i}_{before}"))?;
                }
                self.own.table = true;
                return Ok(());
            }
        }
        (self.written.cell, self.own.cell) = (v, true);
        Ok(())
    }

    fn read(&mut self, read: Read, id: u32, tally: &mut Tally) -> Result<(), String> {
        let expected = (id == self.id && self.own.cell).then_some(self.written.cell);
        let rows = match read {
            Read::Extended => self.extended("", READ, &[id.into()])?,
            Read::Named => self.named("reads", READ, &[id.into()])?,
            Read::Transaction => {
                self.simple("BEGIN READ ONLY")?;
                let first = self.simple(&cell(id))?;
                self.compare(read, id, &first, expected, tally)?;
                let rows = self.simple(&cell(id))?;
                self.simple("COMMIT")?;
                rows
            }
            Read::Function => self.simple(&format!("SELECT look({id}), inet_server_port()"))?,
            Read::Execute => {
                if self.prepared.insert("sql_reads") {
                    self.simple(&format!("PREPARE sql_reads (int) AS {READ}"))?;
                }
                self.simple(&format!("EXECUTE sql_reads ({id})"))?
            }
            Read::Copy => self.simple(&format!("COPY ({}) TO STDOUT", cell(id)))?,
            Read::Simple | Read::InBatch | Read::InTransaction | Read::View | Read::Table => {
                self.simple(&cell(id))?
            }
        };
        self.compare(read, id, &rows, expected, tally)
    }

    fn read_view(&mut self, tally: &mut Tally) -> Result<(), String> {
        let rows = self.simple(&format!("SELECT value, inet_server_port() FROM view_{}", self.id))?;
        let (value, standby) = self.value(&rows)?;
        let (expected, own) = (self.written.view, self.own.view);
        let older = (own && value < expected).then(|| format!("{value} after {expected} was written"));
        tally.note_read(Read::View, standby, older);
        Ok(())
    }

    fn read_table(&mut self, tally: &mut Tally) -> Result<(), String> {
        let Some(n) = self.written.table else { return Ok(()) };
        let sql = format!("SELECT count(*), inet_server_port() FROM table_{}_{n}", self.id);
        match self.simple(&sql) {
            Ok(rows) => {
                let (_, standby) = self.value(&rows)?;
                tally.note_read(Read::Table, standby, None);
                Ok(())
            }
            // Only a standby can have it not.
            Err(error) if error.contains("C=42P01") => {
                tally.note_read(Read::Table, true, Some(error));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Holds what was read of a cell against what this session wrote or has read before.
    fn compare(
        &mut self,
        read: Read,
        id: u32,
        rows: &Rows,
        expected: Option<i64>,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let (value, standby) = self.value(rows)?;
        let seen = self.seen.get(&id).copied().unwrap_or_default();
        let older = match expected {
            Some(written) if value > written => {
                return Err(format!("cell {id} has {value}, which nobody wrote; written was {written}"));
            }
            Some(written) if value < written => {
                Some(format!("cell {id} has {value} after {written} was written"))
            }
            Some(_) | None if value < seen => Some(format!("cell {id} has {value} after {seen} was read")),
            Some(_) | None => None,
        };
        self.seen.insert(id, value.max(seen));
        tally.note_read(read, standby, older);
        Ok(())
    }

    /// The value, and whether a standby answered.
    fn value(&self, rows: &Rows) -> Result<(i64, bool), String> {
        let row = rows.last().ok_or("there is no row")?;
        let number = |at: usize| {
            let text = row.get(at).map(|text| text.trim()).unwrap_or_default();
            text.parse::<i64>().map_err(|_| format!("{row:?} holds no two numbers"))
        };
        Ok((number(0)?, number(1)? != i64::from(self.primary)))
    }

    fn simple(&mut self, sql: &str) -> Result<Rows, String> {
        self.batch(&[Request::Query(sql.to_owned())]).map_err(|error| format!("{sql}: {error}"))
    }

    fn extended(&mut self, name: &str, sql: &str, params: &[i64]) -> Result<Rows, String> {
        self.batch(&request(name, sql, params)).map_err(|error| format!("{sql}: {error}"))
    }

    /// Parses at the first use only.
    fn named(&mut self, name: &'static str, sql: &str, params: &[i64]) -> Result<Rows, String> {
        let mut unit = request(name, sql, params);
        let parse = unit.remove(0);
        if self.prepared.insert(name) {
            self.batch(&[parse, Request::Describe(b'S', name.to_owned())])?;
        }
        self.batch(&unit).map_err(|error| format!("{sql}: {error}"))
    }

    /// Sends a unit and gives its rows. A unit that is no simple query is ended by a Sync.
    fn batch(&mut self, requests: &[Request]) -> Result<Rows, String> {
        requests.iter().for_each(|request| self.client.queue(request));
        if !matches!(requests, [Request::Query(_)]) {
            self.client.queue(&Request::Sync);
        }
        let messages = self.client.read_until_ready().map_err(|error| error.to_string())?;
        if let Some(error) = messages.iter().find(|message| message.kind == b'E') {
            return Err(error.text());
        }
        Ok(messages.iter().filter_map(row).collect())
    }
}

const READ: &str = "SELECT value, inet_server_port() FROM cell WHERE id = $1";

fn cell(id: u32) -> String {
    READ.replace("$1", &id.to_string())
}

/// The values of a DataRow, or of a line of COPY.
fn row(message: &Message) -> Option<Vec<String>> {
    if message.kind == b'd' {
        let line = String::from_utf8_lossy(&message.body);
        return Some(line.split('\t').map(str::to_owned).collect());
    }
    Some(message.values()?.into_iter().map(Option::unwrap_or_default).collect())
}

/// Parse, Bind, Execute.
fn request(name: &str, sql: &str, params: &[i64]) -> Vec<Request> {
    let params = params.iter().map(|value| Param::Text(value.to_string())).collect();
    let (name, portal) = (name.to_owned(), String::new());
    vec![
        Request::Parse { name: name.clone(), sql: sql.to_owned(), types: Vec::new() },
        Request::Bind { portal: portal.clone(), statement: name, params, results: Vec::new() },
        Request::Execute(portal, 0),
    ]
}
