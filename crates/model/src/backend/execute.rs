use super::copy::{Copying, doomed};
use super::extended::Prepared;
use super::{Backend, Busy, Failure, Transaction, Wires, error};
use crate::message::put;
use crate::sql::{Command, Control, CopyIn, Named, Read, Sql};

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
        self.analyse(sql)?;
        let outcome = self.run(sql, &[], wires)?;
        if !self.traits.reports_late {
            self.report(wires.out);
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
            Sql::Control(Control::Commit | Control::Rollback | Control::RollbackTo) => true,
            Sql::Control(Control::Begin | Control::Savepoint | Control::DiscardAll) => false,
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
    pub(super) fn analyse(&self, sql: &Sql) -> Result<(), Failure> {
        if let Sql::Named(Named::Prepare { sql, .. } | Named::Declare { sql, .. }) = sql {
            return self.analyse(sql);
        }
        match sql {
            Sql::Read(Read::Temporary(table)) if !self.state.temporaries.contains(table) => {
                Err(Failure::new("42P01", format!("relation \"temporary_{table}\" does not exist")))
            }
            Sql::Read(_)
            | Sql::Control(_)
            | Sql::Named(_)
            | Sql::Command(_)
            | Sql::CopyIn(..)
            | Sql::CopyOut(_)
            | Sql::Sleep => Ok(()),
        }
    }

    /// Whether it answers Describe with a RowDescription.
    pub(super) fn has_rows(&self, sql: &Sql) -> bool {
        match sql {
            Sql::Read(_) | Sql::Sleep => true,
            Sql::Named(Named::Fetch { name, .. }) => self.portals.contains_key(name),
            Sql::Named(Named::Execute(name)) => self.executed(name).is_ok_and(|sql| self.has_rows(sql)),
            Sql::Named(_) | Sql::Control(_) | Sql::Command(_) | Sql::CopyIn(..) | Sql::CopyOut(_) => false,
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

    /// Runs a statement. Its answer is sent by the caller, except what COPY and notices send.
    pub(super) fn run(
        &mut self,
        sql: &Sql,
        parameters: &[Option<Vec<u8>>],
        wires: &mut Wires<'_>,
    ) -> Result<Outcome, Failure> {
        match sql {
            Sql::Read(read) => self.read(read, parameters, wires),
            Sql::Control(control) => self.control(*control, wires),
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

    fn refuse_on_standby(&self) -> Result<(), Failure> {
        match self.traits.standby {
            true => Err(Failure::new("25006", "cannot execute this in a read-only transaction")),
            false => Ok(()),
        }
    }

    fn read(
        &self,
        read: &Read,
        parameters: &[Option<Vec<u8>>],
        wires: &Wires<'_>,
    ) -> Result<Outcome, Failure> {
        let one = |value: Vec<u8>| Ok(Outcome::Rows(vec![value], "SELECT"));
        let setting = |name: &str| {
            self.state
                .setting(name)
                .or(["application_name", "my.x"].contains(&name).then_some(""))
                .ok_or_else(|| {
                    Failure::new("42704", format!("unrecognized configuration parameter \"{name}\""))
                })
        };
        match read {
            Read::Rows { text, rows } => Ok(Outcome::Rows(vec![text.as_bytes().to_vec(); *rows], "SELECT")),
            Read::Wide(bytes) => one(vec![b'x'; *bytes]),
            Read::Echo => one(parameters.first().cloned().flatten().unwrap_or_default()),
            Read::Count(table) => one(self.count(*table, wires.data).to_string().into_bytes()),
            Read::Show(name) => Ok(Outcome::Rows(vec![setting(name)?.as_bytes().to_vec()], "SHOW")),
            Read::CurrentSetting(name) => one(setting(name)?.as_bytes().to_vec()),
            Read::PoolVersion => Ok(Outcome::Rows(vec![b"pgherd".to_vec()], "SHOW")),
            Read::Temporary(_) => Ok(Outcome::Rows(Vec::new(), "SELECT")),
            Read::DivideByZero => Err(Failure::new("22012", "division by zero")),
        }
    }

    fn control(&mut self, control: Control, wires: &mut Wires<'_>) -> Result<Outcome, Failure> {
        let done = |tag: &str| Ok(Outcome::Done(tag.to_owned()));
        match (control, self.transaction) {
            (Control::Begin, Transaction::Open) => {
                let text = "there is already a transaction in progress";
                error(b'N', "WARNING", "25001", text, wires.out);
                self.flush(wires.out);
                done("BEGIN")
            }
            (Control::Begin, _) => {
                self.transaction = Transaction::Open;
                done("BEGIN")
            }
            (Control::Commit, Transaction::Failed) => {
                self.roll_back();
                done("ROLLBACK")
            }
            (Control::Commit, _) => {
                self.warn_without_block(wires);
                self.commit(wires)?;
                done("COMMIT")
            }
            (Control::Rollback, _) => {
                self.warn_without_block(wires);
                self.roll_back();
                done("ROLLBACK")
            }
            (Control::Savepoint, Transaction::Open) => {
                self.save();
                done("SAVEPOINT")
            }
            (Control::RollbackTo, Transaction::Open | Transaction::Failed) => {
                self.roll_back_to()?;
                done("ROLLBACK")
            }
            (Control::Savepoint | Control::RollbackTo, _) => {
                Err(Failure::new("25P01", "this can only be used in transaction blocks"))
            }
            (Control::DiscardAll, Transaction::Idle | Transaction::Started) => {
                self.discard_all();
                done("DISCARD ALL")
            }
            (Control::DiscardAll, _) => {
                Err(Failure::new("25001", "DISCARD ALL cannot run inside a transaction block"))
            }
        }
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
                self.refuse_on_standby()?;
                if self.state.temporaries.contains(table) {
                    return Err(Failure::new(
                        "42P07",
                        format!("relation \"temporary_{table}\" already exists"),
                    ));
                }
                self.change().temporaries.push(*table);
                "CREATE TABLE"
            }
            Command::Insert(table) => {
                self.refuse_on_standby()?;
                self.insert(*table, 1);
                "INSERT 0 1"
            }
            Command::InsertDeferred(_) => {
                self.refuse_on_standby()?;
                self.break_constraint();
                "INSERT 0 1"
            }
            Command::Set { name, value } => {
                self.change().set(name, value);
                "SET"
            }
            Command::Listen => {
                self.refuse_on_standby()?;
                self.change().listening = true;
                "LISTEN"
            }
            Command::Notify(text) => {
                self.refuse_on_standby()?;
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
            Named::Deallocate(name) => {
                self.prepared.remove(name).ok_or_else(|| no_statement(name))?;
                done("DEALLOCATE")
            }
            Named::Declare { .. } if !self.in_block() && self.transaction != Transaction::Several => {
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
        self.refuse_on_standby()?;
        put(wires.out, b'G', |out| out.extend_from_slice(&[0, 0, 1, 0, 0]));
        self.flush(wires.out);
        if how == CopyIn::Doomed && !self.is_late() {
            return Err(doomed());
        }
        self.busy = Busy::Copy(Copying { table, how, lines: 0 });
        Ok(Outcome::Waits)
    }
}

fn no_statement(name: &str) -> Failure {
    Failure::new("26000", format!("prepared statement \"{name}\" does not exist"))
}

/// Appends the RowDescription that all rows of the model have: one column of text.
pub(super) fn row_description(out: &mut Vec<u8>) {
    put(out, b'T', |out| {
        out.extend_from_slice(b"\0\x01v\0");
        // No table, no column number, type text (25), variable size, no modifier, text format.
        out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 255, 255, 255, 255, 255, 255, 0, 0]);
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
