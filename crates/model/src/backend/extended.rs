use super::execute::{Outcome, is_planned_wrong, row, row_description, tag, tag_of};
use super::{Backend, Failure, Transaction, Wires};
use crate::message::{Message, int16, int32, put, text};
use crate::sql::{self, Read, Sql};

/// A prepared statement; one of an empty text holds no statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Prepared(Option<Sql>);

impl Prepared {
    pub(super) fn sql(&self) -> Option<&Sql> {
        self.0.as_ref()
    }
}

/// A portal, or a cursor: they are the same thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Portal {
    sql: Option<Sql>,
    parameters: Vec<Option<Vec<u8>>>,
    run: Run,
    /// Grows from portal to portal: which of them are older than a savepoint.
    pub(super) number: u64,
}

/// How far a portal has been run.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Run {
    Not,
    /// The rows that are left, last one first, and the verb of the tag.
    Rows(Vec<Vec<u8>>, &'static str),
    /// It was no query and is over.
    Over,
}

fn malformed() -> Failure {
    Failure::new("08P01", "insufficient data left in message")
}

impl Backend {
    /// Parse, Bind, Describe, Execute or Close.
    pub(super) fn extended(&mut self, message: &Message, wires: &mut Wires<'_>) -> Result<(), Failure> {
        let mut body = message.body.as_slice();
        match message.kind {
            b'P' => self.parse(&mut body, wires),
            b'B' => self.bind(&mut body, wires),
            b'D' => self.describe(&mut body, wires),
            b'E' => self.execute(&mut body, wires),
            _ => self.close(&mut body, wires),
        }
    }

    /// Keeps a statement under a name.
    pub(super) fn prepare(&mut self, name: &str, sql: Option<Sql>) -> Result<(), Failure> {
        if !name.is_empty() && self.prepared.contains_key(name) {
            return Err(Failure::new("42P05", format!("prepared statement \"{name}\" already exists")));
        }
        self.prepared.insert(name.to_owned(), Prepared(sql));
        Ok(())
    }

    fn parse(&mut self, body: &mut &[u8], wires: &mut Wires<'_>) -> Result<(), Failure> {
        let name = text(body).ok_or_else(malformed)?.to_owned();
        let query = text(body).ok_or_else(malformed)?;
        self.start();
        if name.is_empty() {
            self.prepared.remove("");
        }
        let mut statements = sql::parse(query).ok_or_else(|| Failure::new("42601", "syntax error"))?;
        if statements.len() > 1 {
            let text = "cannot insert multiple commands into a prepared statement";
            return Err(Failure::new("42601", text));
        }
        let sql = statements.pop();
        if let Some(sql) = &sql {
            self.refuse_when_aborted(sql)?;
            self.look_to_analyse(sql, wires.data);
            self.analyse(sql, wires.data)?;
        }
        self.prepare(&name, sql)?;
        put(wires.out, b'1', |_| {});
        Ok(())
    }

    fn bind(&mut self, body: &mut &[u8], wires: &mut Wires<'_>) -> Result<(), Failure> {
        let portal = text(body).ok_or_else(malformed)?.to_owned();
        let name = text(body).ok_or_else(malformed)?;
        self.start();
        let Prepared(sql) = self.statement(name)?.clone();
        for _ in 0..int16(body).ok_or_else(malformed)? {
            int16(body).ok_or_else(malformed)?;
        }
        let mut parameters = Vec::new();
        for _ in 0..int16(body).ok_or_else(malformed)? {
            parameters.push(match usize::try_from(int32(body).ok_or_else(malformed)?) {
                Ok(length) => {
                    let (value, rest) = body.split_at_checked(length).ok_or_else(malformed)?;
                    *body = rest;
                    Some(value.to_vec())
                }
                Err(_) => None,
            });
        }
        let wanted = usize::from(matches!(sql, Some(Sql::Read(Read::Echo))));
        if parameters.len() != wanted {
            let text =
                format!("bind message supplies {} parameters, but {wanted} are required", parameters.len());
            return Err(Failure::new("08P01", text));
        }
        match &sql {
            Some(sql) => self.refuse_when_aborted(sql)?,
            None if self.transaction == Transaction::Failed => return Err(Self::aborted()),
            None => {}
        }
        if !portal.is_empty() && self.portals.contains_key(&portal) {
            return Err(Failure::new("42P03", format!("cursor \"{portal}\" already exists")));
        }
        if let Some(sql) = &sql {
            self.look_to_analyse(sql, wires.data);
        }
        if sql.as_ref().is_some_and(is_planned_wrong) {
            // The portal is there before it is planned, and stays empty.
            self.open_portal(portal, None, Vec::new());
            return Err(Failure::new("22012", "division by zero"));
        }
        self.open_portal(portal, sql, parameters);
        put(wires.out, b'2', |_| {});
        Ok(())
    }

    /// Makes a portal, in the place of one of the same name.
    pub(super) fn open_portal(&mut self, name: String, sql: Option<Sql>, parameters: Vec<Option<Vec<u8>>>) {
        self.next_portal += 1;
        let portal = Portal { sql, parameters, run: Run::Not, number: self.next_portal };
        self.portals.insert(name, portal);
    }

    /// The unnamed portal cannot be run, or not once more.
    pub(super) fn spend_portal(&mut self) {
        if let Some(portal) = self.portals.get_mut("") {
            portal.run = Run::Over;
        }
    }

    fn describe(&mut self, body: &mut &[u8], wires: &mut Wires<'_>) -> Result<(), Failure> {
        let (what, rest) = body.split_first().ok_or_else(malformed)?;
        *body = rest;
        let name = text(body).ok_or_else(malformed)?;
        self.start();
        let sql = match what {
            b'S' => self.statement(name)?.sql(),
            b'P' => self.portal(name)?.sql.as_ref(),
            _ => return Err(Failure::new("08P01", "invalid DESCRIBE message subtype")),
        };
        let rows = sql.is_some_and(|sql| self.has_rows(sql));
        if rows && let Some(sql) = sql {
            self.refuse_when_aborted(sql)?;
        }
        if *what == b'S' {
            put(wires.out, b't', |out| match sql {
                Some(Sql::Read(Read::Echo)) => out.extend_from_slice(&[0, 1, 0, 0, 0, 25]),
                Some(_) | None => out.extend_from_slice(&[0, 0]),
            });
        }
        if rows {
            row_description(wires.out)
        } else {
            put(wires.out, b'n', |_| {})
        }
        Ok(())
    }

    fn execute(&mut self, body: &mut &[u8], wires: &mut Wires<'_>) -> Result<(), Failure> {
        let name = text(body).ok_or_else(malformed)?.to_owned();
        let limit = int32(body).ok_or_else(malformed)?;
        let Some(sql) = self.portal(&name)?.sql.clone() else {
            put(wires.out, b'I', |_| {});
            return Ok(());
        };
        self.start();
        self.refuse_when_aborted(&sql)?;
        let limit = usize::try_from(limit).ok().filter(|&limit| limit > 0).unwrap_or(usize::MAX);
        let Some(done) = self.run_portal(&name, &sql, wires)? else {
            let (rows, verb) = self.fetch_portal(&name, limit);
            rows.iter().for_each(|value| row(value, wires.out));
            if rows.len() == limit {
                put(wires.out, b's', |_| {});
            } else {
                tag(&tag_of(verb, rows.len()), wires.out);
                self.executed_one();
            }
            return Ok(());
        };
        if !self.traits.reports_late {
            self.report(wires);
        }
        if let Some(done) = done {
            tag(&done, wires.out);
            self.executed_one();
        }
        Ok(())
    }

    /// Whatever follows before the Sync is in one transaction with it.
    fn executed_one(&mut self) {
        if self.transaction == Transaction::Started {
            self.character.pipelined = true;
        }
    }

    /// Runs a portal if it has not run. `None`: it has rows to fetch. `Some(None)`: it waits.
    fn run_portal(
        &mut self,
        name: &str,
        sql: &Sql,
        wires: &mut Wires<'_>,
    ) -> Result<Option<Option<String>>, Failure> {
        let portal = self.portal(name)?;
        match portal.run {
            Run::Rows(..) => return Ok(None),
            Run::Over => return Err(Failure::new("55000", format!("portal \"{name}\" cannot be run"))),
            Run::Not => {}
        }
        let parameters = portal.parameters.clone();
        let (run, answer) = match self.run(sql, &parameters, wires)? {
            Outcome::Rows(mut rows, verb) => {
                rows.reverse();
                (Run::Rows(rows, verb), None)
            }
            Outcome::Done(tag) => (Run::Over, Some(Some(tag))),
            Outcome::Waits => (Run::Over, Some(None)),
        };
        // The end of the transaction has taken the portal away.
        if let Some(portal) = self.portals.get_mut(name) {
            portal.run = run;
        }
        Ok(answer)
    }

    fn fetch_portal(&mut self, name: &str, limit: usize) -> (Vec<Vec<u8>>, &'static str) {
        match self.portals.get_mut(name).map(|portal| &mut portal.run) {
            Some(Run::Rows(left, verb)) => {
                let keep = left.len().saturating_sub(limit);
                let mut rows = left.split_off(keep);
                rows.reverse();
                (rows, verb)
            }
            Some(Run::Not | Run::Over) | None => (Vec::new(), "SELECT"),
        }
    }

    /// FETCH from a cursor.
    pub(super) fn fetch(
        &mut self,
        name: &str,
        limit: usize,
        wires: &mut Wires<'_>,
    ) -> Result<(Vec<Vec<u8>>, &'static str), Failure> {
        let sql = self.portal(name)?.sql.clone();
        if let Some(sql) = sql {
            self.run_portal(name, &sql, wires)?;
        }
        Ok(self.fetch_portal(name, limit))
    }

    fn close(&mut self, body: &mut &[u8], wires: &mut Wires<'_>) -> Result<(), Failure> {
        let (what, rest) = body.split_first().ok_or_else(malformed)?;
        *body = rest;
        let name = text(body).ok_or_else(malformed)?;
        match what {
            b'S' => drop(self.prepared.remove(name)),
            b'P' => drop(self.portals.remove(name)),
            _ => return Err(Failure::new("08P01", "invalid CLOSE message subtype")),
        }
        put(wires.out, b'3', |_| {});
        Ok(())
    }

    fn statement(&self, name: &str) -> Result<&Prepared, Failure> {
        self.prepared
            .get(name)
            .ok_or_else(|| Failure::new("26000", format!("prepared statement \"{name}\" does not exist")))
    }

    fn portal(&self, name: &str) -> Result<&Portal, Failure> {
        self.portals
            .get(name)
            .ok_or_else(|| Failure::new("34000", format!("portal \"{name}\" does not exist")))
    }
}
