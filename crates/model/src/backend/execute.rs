use super::copy::{Copying, Fate, doomed};
use super::extended::{Portal, Prepared};
use super::{Backend, Busy, Failure, Transaction, Wires, error};
use crate::message::put;
use crate::sql::Sql;

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
                Some(format!("{verb} {}", rows.len()))
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
        // pgherd answers for itself whatever the server's state.
        let ends =
            matches!(sql, Sql::Commit | Sql::Rollback | Sql::Abort | Sql::RollbackTo | Sql::PoolVersion);
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
        match sql {
            Sql::Temporary(table) if !self.state.temporaries.contains(table) => {
                Err(Failure::new("42P01", format!("relation \"temporary_{table}\" does not exist")))
            }
            Sql::Prepare { sql, .. } | Sql::Declare { sql, .. } => self.analyse(sql),
            _ => Ok(()),
        }
    }

    /// Whether it answers Describe with a RowDescription.
    pub(super) fn has_rows(&self, sql: &Sql) -> bool {
        match sql {
            Sql::Rows { .. }
            | Sql::Wide(_)
            | Sql::Echo
            | Sql::DivideByZero
            | Sql::Count(_)
            | Sql::Sleep
            | Sql::Temporary(_)
            | Sql::Show(_)
            | Sql::CurrentSetting(_)
            | Sql::PoolVersion => true,
            Sql::Fetch { name, .. } => self.portals.contains_key(name),
            Sql::Execute(name) => match self.prepared.get(name).and_then(Prepared::sql) {
                Some(Sql::Execute(_)) | None => false,
                Some(sql) => self.has_rows(sql),
            },
            _ => false,
        }
    }

    /// Runs a statement. Its answer is sent by the caller, except what COPY and notices send.
    pub(super) fn run(
        &mut self,
        sql: &Sql,
        parameters: &[Option<Vec<u8>>],
        wires: &mut Wires<'_>,
    ) -> Result<Outcome, Failure> {
        self.refuse_on_standby(sql)?;
        match sql {
            Sql::Begin
            | Sql::Commit
            | Sql::Rollback
            | Sql::Abort
            | Sql::Savepoint
            | Sql::RollbackTo
            | Sql::DiscardAll => self.control(sql, wires),
            Sql::CopyIn(table) => Ok(self.copy_in(*table, Fate::Open, wires)),
            Sql::CopyInFailsRead(table) => Ok(self.copy_in(*table, Fate::Checked, wires)),
            Sql::CopyInFailsUnread(table) => {
                let waits = self.copy_in(*table, Fate::Doomed, wires);
                if self.is_late() {
                    return Ok(waits);
                }
                self.busy = Busy::No;
                Err(doomed())
            }
            Sql::CopyOut(table) => Ok(Outcome::Done(self.copy_out(*table, wires))),
            Sql::Sleep => {
                self.busy = Busy::Sleep;
                Ok(Outcome::Waits)
            }
            Sql::Prepare { .. }
            | Sql::Execute(_)
            | Sql::Deallocate(_)
            | Sql::Declare { .. }
            | Sql::Fetch { .. }
            | Sql::CloseCursor(_) => self.named(sql, wires),
            Sql::Rows { .. }
            | Sql::Wide(_)
            | Sql::Echo
            | Sql::DivideByZero
            | Sql::Count(_)
            | Sql::Temporary(_)
            | Sql::Show(_)
            | Sql::CurrentSetting(_)
            | Sql::PoolVersion => self.rows(sql, parameters, wires),
            Sql::CreateTemporary(_)
            | Sql::Insert(_)
            | Sql::InsertDeferred(_)
            | Sql::Set { .. }
            | Sql::Listen
            | Sql::Notify(_)
            | Sql::Do => self.command(sql, wires),
        }
    }

    fn refuse_on_standby(&self, sql: &Sql) -> Result<(), Failure> {
        let writes = matches!(
            sql,
            Sql::Insert(_)
                | Sql::InsertDeferred(_)
                | Sql::CreateTemporary(_)
                | Sql::CopyIn(_)
                | Sql::CopyInFailsRead(_)
                | Sql::CopyInFailsUnread(_)
                | Sql::Listen
                | Sql::Notify(_)
        );
        if writes && self.traits.standby {
            return Err(Failure::new("25006", "cannot execute this in a read-only transaction"));
        }
        Ok(())
    }

    fn rows(&self, sql: &Sql, parameters: &[Option<Vec<u8>>], wires: &Wires<'_>) -> Result<Outcome, Failure> {
        let one = |value: Vec<u8>| Ok(Outcome::Rows(vec![value], "SELECT"));
        let setting = |name: &str| {
            self.state.setting(name).or((name == "application_name").then_some("")).ok_or_else(|| {
                Failure::new("42704", format!("unrecognized configuration parameter \"{name}\""))
            })
        };
        match sql {
            Sql::Rows { text, rows } => Ok(Outcome::Rows(vec![text.as_bytes().to_vec(); *rows], "SELECT")),
            Sql::Wide(bytes) => one(vec![b'x'; *bytes]),
            Sql::Echo => one(parameters.first().cloned().flatten().unwrap_or_default()),
            Sql::Count(table) => one(self.count(*table, wires.data).to_string().into_bytes()),
            Sql::Show(name) => Ok(Outcome::Rows(vec![setting(name)?.as_bytes().to_vec()], "SHOW")),
            Sql::CurrentSetting(name) => one(setting(name)?.as_bytes().to_vec()),
            Sql::PoolVersion => Ok(Outcome::Rows(vec![b"pgherd".to_vec()], "SHOW")),
            Sql::Temporary(_) => Ok(Outcome::Rows(Vec::new(), "SELECT")),
            _ => Err(Failure::new("22012", "division by zero")),
        }
    }

    fn control(&mut self, sql: &Sql, wires: &mut Wires<'_>) -> Result<Outcome, Failure> {
        let done = |tag: &str| Ok(Outcome::Done(tag.to_owned()));
        match (sql, self.transaction) {
            (Sql::Begin, Transaction::Open) => {
                let text = "there is already a transaction in progress";
                error(b'N', "WARNING", "25001", text, wires.out);
                self.flush(wires.out);
                done("BEGIN")
            }
            (Sql::Begin, _) => {
                self.transaction = Transaction::Open;
                done("BEGIN")
            }
            (Sql::Commit, Transaction::Failed) => {
                self.roll_back();
                done("ROLLBACK")
            }
            (Sql::Commit, _) => {
                self.warn_without_block(wires);
                self.commit(wires)?;
                done("COMMIT")
            }
            (Sql::Rollback | Sql::Abort, _) => {
                self.warn_without_block(wires);
                self.roll_back();
                done("ROLLBACK")
            }
            (Sql::Savepoint, Transaction::Open) => {
                self.save();
                done("SAVEPOINT")
            }
            (Sql::RollbackTo, Transaction::Open | Transaction::Failed) => {
                self.roll_back_to()?;
                done("ROLLBACK")
            }
            (Sql::DiscardAll, Transaction::Idle | Transaction::Started) => {
                self.discard_all();
                done("DISCARD ALL")
            }
            (Sql::DiscardAll, _) => {
                Err(Failure::new("25001", "DISCARD ALL cannot run inside a transaction block"))
            }
            _ => Err(Failure::new("25P01", "this can only be used in transaction blocks")),
        }
    }

    fn warn_without_block(&mut self, wires: &mut Wires<'_>) {
        if !self.in_block() {
            error(b'N', "WARNING", "25P01", "there is no transaction in progress", wires.out);
            self.flush(wires.out);
        }
    }

    fn command(&mut self, sql: &Sql, wires: &mut Wires<'_>) -> Result<Outcome, Failure> {
        let tag = match sql {
            Sql::CreateTemporary(table) => {
                if self.state.temporaries.contains(table) {
                    return Err(Failure::new(
                        "42P07",
                        format!("relation \"temporary_{table}\" already exists"),
                    ));
                }
                self.change().temporaries.push(*table);
                "CREATE TABLE"
            }
            Sql::Insert(table) => {
                self.insert(*table, 1);
                "INSERT 0 1"
            }
            Sql::InsertDeferred(_) => {
                self.break_constraint();
                "INSERT 0 1"
            }
            Sql::Set { name, value } => {
                self.change().set(name, value);
                "SET"
            }
            Sql::Listen => {
                self.change().listening = true;
                "LISTEN"
            }
            Sql::Notify(text) => {
                self.notify_at_commit(text);
                "NOTIFY"
            }
            _ => {
                error(b'N', "NOTICE", "00000", "hello", wires.out);
                self.flush(wires.out);
                "DO"
            }
        };
        Ok(Outcome::Done(tag.to_owned()))
    }

    fn named(&mut self, sql: &Sql, wires: &mut Wires<'_>) -> Result<Outcome, Failure> {
        let done = |tag: &str| Ok(Outcome::Done(tag.to_owned()));
        let no_statement =
            |name: &str| Failure::new("26000", format!("prepared statement \"{name}\" does not exist"));
        match sql {
            Sql::Prepare { name, sql } => {
                self.prepare(name, Some((**sql).clone()))?;
                done("PREPARE")
            }
            Sql::Execute(name) => {
                let known = self.prepared.get(name).ok_or_else(|| no_statement(name))?;
                match known.sql().cloned() {
                    Some(Sql::Execute(_)) => {
                        Err(Failure::new("0A000", "EXECUTE does not support variable-result cached plans"))
                    }
                    Some(inner) => self.run(&inner, &[], wires),
                    None => Err(no_statement(name)),
                }
            }
            Sql::Deallocate(name) => {
                self.prepared.remove(name).ok_or_else(|| no_statement(name))?;
                done("DEALLOCATE")
            }
            Sql::Declare { name, sql } if self.in_block() => {
                if self.portals.contains_key(name) {
                    return Err(Failure::new("42P03", format!("cursor \"{name}\" already exists")));
                }
                self.portals.insert(name.clone(), Portal::new(Some((**sql).clone()), Vec::new()));
                done("DECLARE CURSOR")
            }
            Sql::Declare { .. } => {
                Err(Failure::new("25P01", "DECLARE CURSOR can only be used in transaction blocks"))
            }
            Sql::Fetch { name, rows } => {
                let fetched = self.fetch(name, *rows, wires)?;
                Ok(Outcome::Rows(fetched.0, "FETCH"))
            }
            Sql::CloseCursor(name) if self.portals.remove(name).is_some() => done("CLOSE CURSOR"),
            _ => Err(Failure::new("34000", "the cursor does not exist")),
        }
    }

    fn copy_in(&mut self, table: usize, fate: Fate, wires: &mut Wires<'_>) -> Outcome {
        put(wires.out, b'G', |out| out.extend_from_slice(&[0, 0, 1, 0, 0]));
        self.flush(wires.out);
        self.busy = Busy::Copy(Copying { table, fate, lines: 0 });
        Outcome::Waits
    }
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

/// Appends a CommandComplete.
pub(super) fn tag(tag: &str, out: &mut Vec<u8>) {
    put(out, b'C', |out| {
        out.extend_from_slice(tag.as_bytes());
        out.push(0);
    });
}
