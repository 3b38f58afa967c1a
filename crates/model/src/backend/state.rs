use super::{Backend, Data, Failure, Wires, data::Tables};
use crate::sql::{Characteristics, Isolation, Table};

/// Where a backend is in a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transaction {
    Idle,
    /// Around one simple query, or a batch up to its Sync.
    Started,
    /// Around a simple query of several statements.
    Several,
    /// A block that BEGIN opened.
    Open,
    /// A block in which a statement failed.
    Failed,
}

/// What a transaction is like, from its start to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Character {
    pub(super) isolation: Isolation,
    /// As it began; SET TRANSACTION is a local setting.
    pub(super) read_only: bool,
    /// What it sees, where the isolation level keeps that.
    pub(super) snapshot: Option<Tables>,
    /// A statement has looked at data: the characteristics cannot be changed any more.
    pub(super) has_looked: bool,
    /// An Execute was answered in it and no Sync has come: as good as a block for what needs one, or must not have one.
    pub(super) pipelined: bool,
}

/// What of a session an abort takes back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    settings: Vec<(String, String)>,
    /// Settings until the transaction ends.
    locals: Vec<(String, String)>,
    pub(super) temporaries: Vec<usize>,
    /// Temporary tables that hide others of their name, and how many rows they have.
    pub(super) hiding: Vec<(Table, usize)>,
    pub(super) listening: bool,
    work: Work,
}

/// What only exists while a transaction runs. Boxed: most transactions have none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Work(Option<Box<Running>>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Running {
    before: Option<Box<State>>,
    savepoints: Vec<Savepoint>,
    written: Tables,
    breaks_constraint: bool,
    notify: Vec<String>,
}

/// What ROLLBACK TO goes back to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Savepoint {
    name: String,
    lasting: State,
    written: Tables,
    breaks_constraint: bool,
    notify: Vec<String>,
    /// The newest portal at that time.
    portal: u64,
}

/// A setting that only says what the running transaction is like.
const READ_ONLY: &str = "transaction_read_only";

impl State {
    /// What was set, if anything.
    pub(super) fn setting(&self, name: &str) -> Option<&str> {
        let mut all = self.locals.iter().chain(&self.settings);
        all.find_map(|(known, value)| (known == name).then_some(value.as_str()))
    }

    /// Sets it, or with nothing makes it what it was at the start.
    pub(super) fn set(&mut self, local: bool, name: &str, value: Option<&str>) {
        self.locals.retain(|(known, _)| known != name);
        if local {
            let value = value.or(super::settings::default(name)).unwrap_or_default();
            return self.locals.push((name.to_owned(), value.to_owned()));
        }
        self.settings.retain(|(known, _)| known != name);
        if let Some(value) = value
            && super::settings::default(name) != Some(value)
        {
            self.settings.push((name.to_owned(), value.to_owned()));
            // In one order, so that equal states are equal.
            self.settings.sort_unstable();
        }
    }

    /// What RESET ALL does.
    pub(super) fn reset_all(&mut self) {
        let stays = |(name, _): &(String, String)| ["role", READ_ONLY].contains(&name.as_str());
        self.settings.retain(stays);
        self.locals.retain(stays);
    }

    fn running(&mut self) -> &mut Running {
        self.work.0.get_or_insert_default()
    }

    /// What lasts beyond the transaction.
    fn lasting(&self) -> State {
        State { work: Work(None), ..self.clone() }
    }
}

impl Backend {
    pub(super) fn start(&mut self) {
        if self.transaction == Transaction::Idle {
            self.transaction = Transaction::Started;
            self.character.read_only = self.state.setting("default_transaction_read_only") == Some("on");
        }
    }

    /// Ends a transaction that is no block.
    pub(super) fn finish(&mut self, wires: &mut Wires<'_>) -> Result<(), Failure> {
        match self.transaction {
            Transaction::Started | Transaction::Several => self.commit(wires),
            Transaction::Idle | Transaction::Open | Transaction::Failed => Ok(()),
        }
    }

    pub(super) fn commit(&mut self, wires: &mut Wires<'_>) -> Result<(), Failure> {
        if self.state.work.0.as_ref().is_some_and(|work| work.breaks_constraint) {
            self.roll_back();
            return Err(Failure::new("23503", "insert or update violates a deferred constraint"));
        }
        self.end_transaction();
        let Some(work) = self.state.work.0.take() else { return Ok(()) };
        wires.data.commit(&work.written);
        if self.state.listening {
            self.notify.extend(work.notify);
        }
        Ok(())
    }

    fn end_transaction(&mut self) {
        self.transaction = Transaction::Idle;
        self.character = Character::default();
        self.portals.clear();
        self.state.locals.clear();
    }

    /// What an error does to the transaction.
    pub(super) fn abort(&mut self) {
        match self.transaction {
            Transaction::Open | Transaction::Failed => {
                if !self.back_to_savepoint() {
                    self.take_back();
                }
                self.transaction = Transaction::Failed;
            }
            Transaction::Idle | Transaction::Started | Transaction::Several => self.roll_back(),
        }
    }

    /// What ROLLBACK does.
    pub(super) fn roll_back(&mut self) {
        self.take_back();
        self.state.work.0 = None;
        self.end_transaction();
    }

    fn take_back(&mut self) {
        let Some(mut work) = self.state.work.0.take() else { return };
        if let Some(before) = work.before.take() {
            self.state = *before;
        }
    }

    /// An error takes back what was done since the last savepoint, and no more. False when there is none.
    fn back_to_savepoint(&mut self) -> bool {
        let Some(work) = &mut self.state.work.0 else { return false };
        let Some(last) = work.savepoints.last() else { return false };
        work.written.clone_from(&last.written);
        work.breaks_constraint = last.breaks_constraint;
        work.notify.clone_from(&last.notify);
        let lasting = last.lasting.clone();
        let work = self.state.work.0.take();
        self.state = State { work: Work(work), ..lasting };
        true
    }

    /// The session's state, for a change that an abort takes back.
    pub(super) fn change(&mut self) -> &mut State {
        if self.state.work.0.as_ref().is_none_or(|work| work.before.is_none()) {
            let before = Box::new(self.state.lasting());
            self.state.running().before = Some(before);
        }
        &mut self.state
    }

    /// What BEGIN, or SET TRANSACTION, says about the transaction that runs.
    pub(super) fn characterise(&mut self, said: Characteristics, data: &Data) -> Result<(), Failure> {
        let standby = self.is_standby(data);
        if let Some(isolation) = said.isolation {
            if isolation == Isolation::Serializable && standby {
                return Err(Failure::new("0A000", "cannot use serializable mode in a hot standby"));
            }
            let unsettled = !self.character.has_looked && !self.has_savepoints();
            if isolation != self.character.isolation && !unsettled {
                let text = "SET TRANSACTION ISOLATION LEVEL must be called before any query";
                return Err(Failure::new("25001", text));
            }
            self.character.isolation = isolation;
        }
        match said.read_only {
            Some(false) if standby => {
                Err(Failure::new("0A000", "cannot set transaction read-write mode during recovery"))
            }
            Some(false) if self.is_read_only() && self.character.has_looked => {
                let text = "transaction read-write mode must be set before any query";
                Err(Failure::new("25001", text))
            }
            Some(read_only) => {
                let value = if read_only { "on" } else { "off" };
                self.change().set(true, READ_ONLY, Some(value));
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Goes on with a transaction like the one that has just ended.
    pub(super) fn chain(&mut self, like: Characteristics) {
        self.transaction = Transaction::Open;
        self.character.isolation = like.isolation.unwrap_or_default();
        self.character.read_only = like.read_only.unwrap_or_default();
    }

    /// What the running transaction is like.
    pub(super) fn characteristics(&self) -> Characteristics {
        Characteristics { isolation: Some(self.character.isolation), read_only: Some(self.is_read_only()) }
    }

    pub(super) fn is_read_only(&self) -> bool {
        self.state.setting(READ_ONLY).map_or(self.character.read_only, |value| value == "on")
    }

    fn has_savepoints(&self) -> bool {
        self.state.work.0.as_ref().is_some_and(|work| !work.savepoints.is_empty())
    }

    /// Forgets what DISCARD ALL discards.
    pub(super) fn discard_all(&mut self) {
        *self.change() = State { work: self.state.work.clone(), ..State::default() };
        // The unnamed one is not in the table that is emptied.
        self.prepared.retain(|name, _| name.is_empty());
        self.portals.clear();
    }

    pub(super) fn insert(&mut self, table: Table, more: usize) {
        if self.hides(table) {
            for (_, rows) in self.change().hiding.iter_mut().filter(|(hidden, _)| *hidden == table) {
                *rows += more;
            }
            return;
        }
        self.state.running().written.insert(table, more);
    }

    /// True when a temporary table of the session has this name.
    pub(super) fn hides(&self, table: Table) -> bool {
        self.state.hiding.iter().any(|(hidden, _)| *hidden == table)
    }

    pub(super) fn make(&mut self, table: Table) {
        self.state.running().written.make(table);
    }

    pub(super) fn break_constraint(&mut self) {
        self.state.running().breaks_constraint = true;
    }

    pub(super) fn notify_at_commit(&mut self, text: &str) {
        self.state.running().notify.push(text.to_owned());
    }

    /// A statement looks at data: from now on the transaction's characteristics are settled.
    pub(super) fn look(&mut self, data: &Data) {
        self.character.has_looked = true;
        if self.character.isolation != Isolation::Statement && self.character.snapshot.is_none() {
            self.character.snapshot = Some(data.seen_by(self.node));
        }
    }

    /// What a statement sees now: what was committed, and what its own transaction has written.
    fn tables(&self, data: &Data) -> Tables {
        let committed = self.character.snapshot.unwrap_or_else(|| data.seen_by(self.node));
        match &self.state.work.0 {
            Some(work) => committed.with(&work.written),
            None => committed,
        }
    }

    pub(super) fn exists(&self, table: Table, data: &Data) -> bool {
        self.hides(table) || self.tables(data).exists(table)
    }

    pub(super) fn count(&self, table: Table, data: &Data) -> usize {
        let hiding = self.state.hiding.iter().find(|(hidden, _)| *hidden == table);
        hiding.map_or_else(|| self.tables(data).rows(table), |(_, rows)| *rows)
    }

    pub(super) fn save(&mut self, name: &str) {
        let (lasting, portal) = (self.state.lasting(), self.next_portal);
        let work = self.state.running();
        let (name, written, notify) = (name.to_owned(), work.written, work.notify.clone());
        let breaks_constraint = work.breaks_constraint;
        work.savepoints.push(Savepoint { name, lasting, written, breaks_constraint, notify, portal });
    }

    pub(super) fn release(&mut self, name: &str) -> Result<(), Failure> {
        let work = self.state.running();
        let at =
            work.savepoints.iter().rposition(|one| one.name == name).ok_or_else(|| no_savepoint(name))?;
        work.savepoints.truncate(at);
        Ok(())
    }

    pub(super) fn roll_back_to(&mut self, name: &str) -> Result<(), Failure> {
        let Some(mut work) = self.state.work.0.take() else { return Err(no_savepoint(name)) };
        let Some(at) = work.savepoints.iter().rposition(|one| one.name == name) else {
            self.state.work.0 = Some(work);
            return Err(no_savepoint(name));
        };
        work.savepoints.truncate(at + 1);
        let Savepoint { lasting, written, breaks_constraint, notify, portal, .. } =
            work.savepoints[at].clone();
        (work.written, work.notify, work.breaks_constraint) = (written, notify, breaks_constraint);
        let before = work.before.take().unwrap_or_else(|| Box::new(self.state.lasting()));
        work.before = Some(before);
        self.state = lasting;
        self.state.work.0 = Some(work);
        self.portals.retain(|_, one| one.number <= portal);
        self.transaction = Transaction::Open;
        Ok(())
    }
}

fn no_savepoint(name: &str) -> Failure {
    Failure::new("3B001", format!("savepoint \"{name}\" does not exist"))
}
