use super::copy::{Copying, doomed};
use super::extended::Prepared;
use super::{Backend, Busy, Data, Failure, Transaction, Wires, error};
use crate::message::put;
use crate::sql::{Command, Control, CopyIn, Named, Read, Setting, Sql, Table};

/// What running a statement came to.
pub(super) enum Outcome {
    /// Rows to send, and the verb of the tag.
    Rows(Vec<Vec<u8>>, &'static str),
    /// Nothing but a tag.
    Done(String),
    /// It goes on later.
    Waits,
}

impl Backend {
    /// Runs one statement of a simple query. Gives its tag, or nothing while it waits.
    pub(super) fn run_simple(&mut self, sql: &Sql, wires: &mut Wires<'_>) -> Result<Option<String>, Failure> {
        self.refuse_when_aborted(sql)?;
        self.analyse(sql, wires.data)?;
        if !is_planned_wrong(sql) && *sql != Sql::Read(Read::PoolVersion) {
            // What fails from here on leaves it behind, in a block that has failed.
            self.open_portal(String::new(), Some(sql.clone()), Vec::new());
            self.spend_portal();
        }
        let outcome = self.run(sql, &[], wires)?;
        if !self.traits.reports_late {
            self.report(wires);
        }
        Ok(match outcome {
            Outcome::Rows(rows, verb) => {
                row_description(wires.out);
                rows.iter().for_each(|value| row(value, wires.out));
                Some(tag_of(verb, rows.len()))
            }
            Outcome::Done(tag) => Some(tag),
            Outcome::Waits => {
                if self.is_asleep() {
                    row_description(wires.out);
                }
                None
            }
        })
    }

    /// Only the end of the block gets through once a statement of it has failed.
    pub(super) fn refuse_when_aborted(&self, sql: &Sql) -> Result<(), Failure> {
        let ends = match sql {
            Sql::Control(Control::Commit { .. } | Control::Rollback { .. } | Control::RollbackTo(_)) => true,
            Sql::Control(_) | Sql::Setting(_) => false,
            // pgherd answers for itself whatever the server's state.
            Sql::Read(read) => *read == Read::PoolVersion,
            Sql::Named(_) | Sql::Command(_) | Sql::CopyIn(..) | Sql::CopyOut(_) | Sql::Sleep => false,
        };
        match self.transaction {
            Transaction::Failed if !ends => Err(Self::aborted()),
            Transaction::Failed
            | Transaction::Idle
            | Transaction::Started
            | Transaction::Several
            | Transaction::Open => Ok(()),
        }
    }

    /// What is found wrong before a statement runs: at Parse, or at its turn in a simple query.
    pub(super) fn analyse(&self, sql: &Sql, data: &Data) -> Result<(), Failure> {
        if let Sql::Named(Named::Prepare { sql, .. } | Named::Declare { sql, .. }) = sql {
            return self.analyse(sql, data);
        }
        match sql {
            Sql::Read(Read::Count(table) | Read::CountShared(table))
            | Sql::Command(Command::Insert(table))
            | Sql::CopyIn(_, table)
            | Sql::CopyOut(table)
                if !self.exists(*table, data) =>
            {
                Err(Failure::new("42P01", format!("relation {table} does not exist")))
            }
            Sql::Read(Read::Temporary(table)) if !self.state.temporaries.contains(table) => {
                Err(no_temporary(*table))
            }
            Sql::Read(_)
            | Sql::Control(_)
            | Sql::Named(_)
            | Sql::Command(_)
            | Sql::Setting(_)
            | Sql::CopyIn(..)
            | Sql::CopyOut(_)
            | Sql::Sleep => Ok(()),
        }
    }

    /// Whether it answers Describe with a RowDescription.
    pub(super) fn has_rows(&self, sql: &Sql) -> bool {
        match sql {
            Sql::Read(_) | Sql::Sleep | Sql::Named(Named::Explain(_)) => true,
            Sql::Named(Named::Fetch { name, .. }) => self.portals.contains_key(name),
            Sql::Named(Named::Execute(name)) => self.executed(name).is_ok_and(|sql| self.has_rows(sql)),
            Sql::Named(_)
            | Sql::Control(_)
            | Sql::Command(_)
            | Sql::Setting(_)
            | Sql::CopyIn(..)
            | Sql::CopyOut(_) => false,
        }
    }

    /// What EXECUTE comes to in the end, where one executes the other.
    fn executed(&self, name: &str) -> Result<&Sql, Failure> {
        const STACK_DEPTH: usize = 32;
        let mut name = name;
        for _ in 0..STACK_DEPTH {
            match self.prepared.get(name).and_then(Prepared::sql) {
                Some(Sql::Named(Named::Execute(next))) => name = next,
                Some(sql) => return Ok(sql),
                None => return Err(no_statement(name)),
            }
        }
        Err(Failure::new("54001", "stack depth limit exceeded"))
    }

    /// What Parse and Bind of a statement see.
    pub(super) fn look_to_analyse(&mut self, sql: &Sql, data: &Data) {
        if is_analysed(sql) {
            self.look(data);
        }
    }

    /// Runs a statement. Its answer is sent by the caller, except what COPY and notices send.
    pub(super) fn run(
        &mut self,
        sql: &Sql,
        parameters: &[Option<Vec<u8>>],
        wires: &mut Wires<'_>,
    ) -> Result<Outcome, Failure> {
        if looks(sql) {
            self.look(wires.data);
        }
        match sql {
            Sql::Read(read) => self.read(read, parameters, wires),
            Sql::Setting(setting) => Ok(Outcome::Done(self.set(setting, wires)?.to_owned())),
            Sql::Control(control) => self.control(control, wires),
            Sql::Named(named) => self.named(named, wires),
            Sql::Command(command) => self.command(command, wires),
            Sql::CopyIn(how, table) => self.copy_in(*how, *table, wires),
            Sql::CopyOut(table) => Ok(Outcome::Done(self.copy_out(*table, wires))),
            Sql::Sleep => {
                self.busy = Busy::Sleep;
                Ok(Outcome::Waits)
            }
        }
    }

    fn refuse_on_standby(&self, data: &Data) -> Result<(), Failure> {
        match self.is_standby(data) {
            true => Err(Failure::new("25006", "cannot execute this in a read-only transaction")),
            false => Ok(()),
        }
    }

    fn refuse_to_write(&self, data: &Data) -> Result<(), Failure> {
        match self.is_read_only() {
            true => Err(Failure::new("25006", "cannot execute this in a read-only transaction")),
            false => self.refuse_on_standby(data),
        }
    }

    fn read(
        &mut self,
        read: &Read,
        parameters: &[Option<Vec<u8>>],
        wires: &mut Wires<'_>,
    ) -> Result<Outcome, Failure> {
        let one = |value: &str| Ok(Outcome::Rows(vec![value.as_bytes().to_vec()], "SELECT"));
        match read {
            Read::Rows { text, rows } => Ok(Outcome::Rows(vec![text.as_bytes().to_vec(); *rows], "SELECT")),
            Read::Wide(bytes) => Ok(Outcome::Rows(vec![vec![b'x'; *bytes]], "SELECT")),
            Read::Echo => {
                Ok(Outcome::Rows(vec![parameters.first().cloned().flatten().unwrap_or_default()], "SELECT"))
            }
            Read::Count(table) => {
                self.exists_or_fail(*table, wires)?;
                one(&self.count(*table, wires.data).to_string())
            }
            Read::CountShared(table) => {
                self.exists_or_fail(*table, wires)?;
                one(&format!("n{}", self.count(*table, wires.data)))
            }
            Read::Show(name) => Ok(Outcome::Rows(vec![self.setting(name)?.as_bytes().to_vec()], "SHOW")),
            Read::CurrentSetting(name) => one(self.setting(name)?),
            Read::SetConfig(setting) => {
                let Setting::One { local, name, value } = setting else { return one("") };
                self.set_one(*local, name, value.as_deref())?;
                one(value.as_deref().unwrap_or_default())
            }
            Read::Third => one(&self.third()),
            Read::Interval => one(self.day()),
            Read::Bytes => one(self.byte()),
            Read::Role => one(self.role()),
            Read::Here => one(self.here()),
            Read::Catalog(_) | Read::Position if self.traits.hides_catalogs => {
                Err(Failure::new("42501", "permission denied"))
            }
            Read::Position if self.is_standby(wires.data) => {
                Err(Failure::new("55000", "recovery is in progress"))
            }
            Read::Position => {
                let at = wires.data.position(self.node);
                one(&format!("{:X}/{:X}", at >> 32, at & 0xFFFF_FFFF))
            }
            Read::Catalog(text) => Ok(Outcome::Done(self.look_up(text, wires))),
            Read::PoolVersion => Ok(Outcome::Rows(vec![b"pgherd".to_vec()], "SHOW")),
            Read::Temporary(table) if !self.state.temporaries.contains(table) => Err(no_temporary(*table)),
            Read::Temporary(_) => Ok(Outcome::Rows(Vec::new(), "SELECT")),
            Read::DivideByZero => Err(Failure::new("22012", "division by zero")),
        }
    }

    /// A prepared statement may be about a table that is not there any more.
    fn exists_or_fail(&self, table: Table, wires: &Wires<'_>) -> Result<(), Failure> {
        match self.exists(table, wires.data) {
            true => Ok(()),
            false => Err(Failure::new("42P01", format!("relation {table} does not exist"))),
        }
    }

    fn control(&mut self, control: &Control, wires: &mut Wires<'_>) -> Result<Outcome, Failure> {
        let tag = match control {
            Control::Begin(said) | Control::Start(said) => {
                if self.transaction == Transaction::Open {
                    let text = "there is already a transaction in progress";
                    error(b'N', "WARNING", "25001", text, wires.out);
                    self.flush(wires.out);
                }
                self.transaction = Transaction::Open;
                self.characterise(*said, wires.data)?;
                if matches!(control, Control::Begin(_)) { "BEGIN" } else { "START TRANSACTION" }
            }
            Control::Commit { chain } => self.end_block(*chain, Self::commit_block, wires)?,
            Control::Rollback { chain } => self.end_block(*chain, Self::roll_back_block, wires)?,
            Control::Savepoint(_) | Control::Release(_) | Control::RollbackTo(_) => {
                return self.savepoint(control);
            }
            Control::DiscardAll if self.is_in_one() => {
                let text = "DISCARD ALL cannot run inside a transaction block";
                return Err(Failure::new("25001", text));
            }
            Control::DiscardAll => {
                self.discard_all();
                "DISCARD ALL"
            }
            Control::DiscardTemporary => {
                let state = self.change();
                state.temporaries.clear();
                state.hiding.clear();
                "DISCARD TEMP"
            }
        };
        Ok(Outcome::Done(tag.to_owned()))
    }

    /// True in a transaction that is not just that of one statement.
    fn is_in_one(&self) -> bool {
        match self.transaction {
            Transaction::Idle | Transaction::Started => self.character.pipelined,
            Transaction::Several | Transaction::Open | Transaction::Failed => true,
        }
    }

    fn savepoint(&mut self, control: &Control) -> Result<Outcome, Failure> {
        let done = |tag: &str| Ok(Outcome::Done(tag.to_owned()));
        match (control, self.transaction) {
            (Control::Savepoint(name), Transaction::Open) => {
                self.save(name);
                done("SAVEPOINT")
            }
            (Control::Release(name), Transaction::Open) => {
                self.release(name)?;
                done("RELEASE")
            }
            (Control::RollbackTo(name), Transaction::Open | Transaction::Failed) => {
                self.roll_back_to(name)?;
                done("ROLLBACK")
            }
            _ => Err(Failure::new("25P01", "this can only be used in transaction blocks")),
        }
    }

    fn end_block(
        &mut self,
        chain: bool,
        end: impl FnOnce(&mut Self, &mut Wires<'_>) -> Result<&'static str, Failure>,
        wires: &mut Wires<'_>,
    ) -> Result<&'static str, Failure> {
        let like = self.characteristics();
        if chain && !self.in_block() {
            return Err(Failure::new("25P01", "AND CHAIN can only be used in transaction blocks"));
        }
        let tag = end(self, wires)?;
        if chain {
            self.chain(like);
        }
        Ok(tag)
    }

    fn commit_block(&mut self, wires: &mut Wires<'_>) -> Result<&'static str, Failure> {
        if self.transaction == Transaction::Failed {
            return self.roll_back_block(wires);
        }
        self.warn_without_block(wires);
        self.commit(wires)?;
        Ok("COMMIT")
    }

    fn roll_back_block(&mut self, wires: &mut Wires<'_>) -> Result<&'static str, Failure> {
        self.warn_without_block(wires);
        self.roll_back();
        Ok("ROLLBACK")
    }

    fn warn_without_block(&mut self, wires: &mut Wires<'_>) {
        if !self.in_block() {
            error(b'N', "WARNING", "25P01", "there is no transaction in progress", wires.out);
            self.flush(wires.out);
        }
    }

    fn command(&mut self, command: &Command, wires: &mut Wires<'_>) -> Result<Outcome, Failure> {
        let tag = match command {
            Command::CreateTemporary(table) => {
                self.refuse_to_write(wires.data)?;
                if self.state.temporaries.contains(table) {
                    let text = format!("relation \"temporary_{table}\" already exists");
                    return Err(Failure::new("42P07", text));
                }
                self.change().temporaries.push(*table);
                "CREATE TABLE"
            }
            Command::Hide(table) => {
                self.refuse_to_write(wires.data)?;
                if self.hides(*table) {
                    return Err(Failure::new("42P07", "relation already exists"));
                }
                self.change().hiding.push((*table, 0));
                "CREATE TABLE"
            }
            Command::Make(table) => {
                self.refuse_to_write(wires.data)?;
                if self.exists(*table, wires.data) {
                    return Err(Failure::new("42P07", "relation already exists"));
                }
                self.make(*table);
                "CREATE TABLE"
            }
            Command::Insert(table) => {
                self.exists_or_fail(*table, wires)?;
                if !self.hides(*table) {
                    self.refuse_to_write(wires.data)?;
                }
                self.insert(*table, 1);
                "INSERT 0 1"
            }
            Command::InsertDeferred(_) => {
                self.refuse_to_write(wires.data)?;
                self.break_constraint();
                "INSERT 0 1"
            }
            Command::Listen => {
                self.refuse_on_standby(wires.data)?;
                self.change().listening = true;
                "LISTEN"
            }
            Command::Notify(text) => {
                self.refuse_on_standby(wires.data)?;
                self.notify_at_commit(text);
                "NOTIFY"
            }
            Command::Do => {
                error(b'N', "NOTICE", "00000", "hello", wires.out);
                self.flush(wires.out);
                "DO"
            }
        };
        Ok(Outcome::Done(tag.to_owned()))
    }

    fn named(&mut self, named: &Named, wires: &mut Wires<'_>) -> Result<Outcome, Failure> {
        let done = |tag: &str| Ok(Outcome::Done(tag.to_owned()));
        match named {
            Named::Prepare { name, sql } => {
                self.prepare(name, Some((**sql).clone()))?;
                done("PREPARE")
            }
            Named::Execute(name) => {
                let inner = self.executed(name)?.clone();
                self.run(&inner, &[], wires)
            }
            Named::Explain(name) => {
                self.executed(name)?;
                Ok(Outcome::Rows(vec![b"plan".to_vec()], "EXPLAIN"))
            }
            Named::Deallocate(name) => {
                self.prepared.remove(name).ok_or_else(|| no_statement(name))?;
                done("DEALLOCATE")
            }
            Named::DeallocateAll => {
                self.prepared.retain(|name, _| name.is_empty());
                done("DEALLOCATE ALL")
            }
            Named::Declare { .. }
                if !self.in_block()
                    && self.transaction != Transaction::Several
                    && !self.character.pipelined =>
            {
                Err(Failure::new("25P01", "DECLARE CURSOR can only be used in transaction blocks"))
            }
            Named::Declare { name, .. } if self.portals.contains_key(name) => {
                Err(Failure::new("42P03", format!("cursor \"{name}\" already exists")))
            }
            Named::Declare { name, sql } => {
                self.open_portal(name.clone(), Some((**sql).clone()), Vec::new());
                done("DECLARE CURSOR")
            }
            Named::Fetch { name, rows } => {
                let fetched = self.fetch(name, *rows, wires)?;
                Ok(Outcome::Rows(fetched.0, "FETCH"))
            }
            Named::Close(name) => match self.portals.remove(name) {
                Some(_) => done("CLOSE CURSOR"),
                None => Err(Failure::new("34000", "the cursor does not exist")),
            },
        }
    }

    fn copy_in(&mut self, how: CopyIn, table: usize, wires: &mut Wires<'_>) -> Result<Outcome, Failure> {
        self.exists_or_fail(table, wires)?;
        if !self.hides(table) || how != CopyIn::Open {
            self.refuse_to_write(wires.data)?;
        }
        put(wires.out, b'G', |out| out.extend_from_slice(&[0, 0, 1, 0, 0]));
        self.flush(wires.out);
        if how == CopyIn::Doomed && !self.is_late() {
            return Err(doomed());
        }
        self.busy = Busy::Copy(Copying { table, how, lines: 0 });
        Ok(Outcome::Waits)
    }
}

fn no_temporary(table: usize) -> Failure {
    Failure::new("42P01", format!("relation \"temporary_{table}\" does not exist"))
}

/// True for what the planner finds wrong: it computes what does not depend on rows.
pub(super) fn is_planned_wrong(sql: &Sql) -> bool {
    *sql == Sql::Read(Read::DivideByZero)
}

/// True when a statement takes a snapshot when it is parsed and when it is bound: it is one that is planned.
fn is_analysed(sql: &Sql) -> bool {
    match sql {
        Sql::Read(read) => !matches!(read, Read::Show(_) | Read::PoolVersion),
        Sql::Command(command) => matches!(command, Command::Insert(_) | Command::InsertDeferred(_)),
        Sql::Named(named) => matches!(named, Named::Declare { .. }),
        Sql::Sleep => true,
        Sql::CopyIn(..) | Sql::CopyOut(_) | Sql::Control(_) | Sql::Setting(_) => false,
    }
}

/// True when a statement takes a snapshot.
fn looks(sql: &Sql) -> bool {
    match sql {
        Sql::Read(read) => !matches!(read, Read::Show(_) | Read::PoolVersion),
        Sql::Command(command) => !matches!(command, Command::Listen | Command::Notify(_)),
        Sql::CopyIn(..) | Sql::CopyOut(_) | Sql::Sleep => true,
        Sql::Named(named) => !matches!(named, Named::Fetch { .. }),
        Sql::Control(_) | Sql::Setting(_) => false,
    }
}

fn no_statement(name: &str) -> Failure {
    Failure::new("26000", format!("prepared statement \"{name}\" does not exist"))
}

/// Appends the RowDescription that all rows of the model have: one column of text.
pub(super) fn row_description(out: &mut Vec<u8>) {
    columns(1, out);
}

/// Appends a RowDescription of columns of text.
pub(super) fn columns(count: u16, out: &mut Vec<u8>) {
    put(out, b'T', |out| {
        out.extend_from_slice(&count.to_be_bytes());
        for _ in 0..count {
            out.extend_from_slice(b"v\0");
            // No table, no column number, type text (25), variable size, no modifier, text format.
            out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 255, 255, 255, 255, 255, 255, 0, 0]);
        }
    });
}

/// Appends a DataRow of one column.
pub(super) fn row(value: &[u8], out: &mut Vec<u8>) {
    put(out, b'D', |out| {
        out.extend_from_slice(&1_u16.to_be_bytes());
        out.extend_from_slice(&(value.len() as u32).to_be_bytes());
        out.extend_from_slice(value);
    });
}

/// Appends a DataRow of several columns.
pub(super) fn row_of(values: &[&str], out: &mut Vec<u8>) {
    put(out, b'D', |out| {
        out.extend_from_slice(&(values.len() as u16).to_be_bytes());
        for value in values {
            out.extend_from_slice(&(value.len() as u32).to_be_bytes());
            out.extend_from_slice(value.as_bytes());
        }
    });
}

/// The tag of a statement that has sent rows. SHOW does not count them.
pub(super) fn tag_of(verb: &str, rows: usize) -> String {
    if verb == "SHOW" { verb.to_owned() } else { format!("{verb} {rows}") }
}

/// Appends a CommandComplete.
pub(super) fn tag(tag: &str, out: &mut Vec<u8>) {
    put(out, b'C', |out| {
        out.extend_from_slice(tag.as_bytes());
        out.push(0);
    });
}
