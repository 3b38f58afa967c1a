use super::{Backend, Failure, Wires};

/// Tables of each kind that the model's cluster has.
pub const TABLES: usize = 8;

/// The committed rows of a cluster: table `tN` has `rows[N]`. A standby has the same, at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Data {
    rows: [usize; TABLES],
}

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

/// What of a session an abort takes back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    settings: Vec<(String, String)>,
    pub(super) temporaries: Vec<usize>,
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
    rows: [usize; TABLES],
    breaks_constraint: bool,
    notify: Vec<String>,
}

/// What ROLLBACK TO goes back to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Savepoint {
    lasting: State,
    rows: [usize; TABLES],
    /// The newest portal at that time.
    portal: u64,
}

impl State {
    pub(super) fn setting(&self, name: &str) -> Option<&str> {
        self.settings.iter().find_map(|(known, value)| (known == name).then_some(value.as_str()))
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.to_owned()));
        // Defaults are no state.
        self.settings.retain(|(_, value)| !value.is_empty());
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
        self.transaction = Transaction::Idle;
        self.portals.clear();
        let Some(work) = self.state.work.0.take() else { return Ok(()) };
        if work.breaks_constraint {
            self.state.work.0 = Some(work);
            self.roll_back();
            return Err(Failure::new("23503", "insert or update violates a deferred constraint"));
        }
        for (rows, more) in wires.data.rows.iter_mut().zip(work.rows) {
            *rows += more;
        }
        if self.state.listening {
            self.notify.extend(work.notify);
        }
        Ok(())
    }

    /// What an error does to the transaction.
    pub(super) fn abort(&mut self) {
        match self.transaction {
            Transaction::Open | Transaction::Failed => {
                self.take_back();
                self.transaction = Transaction::Failed;
            }
            Transaction::Idle | Transaction::Started | Transaction::Several => self.roll_back(),
        }
    }

    /// What ROLLBACK does.
    pub(super) fn roll_back(&mut self) {
        self.take_back();
        self.state.work.0 = None;
        self.transaction = Transaction::Idle;
        self.portals.clear();
    }

    fn take_back(&mut self) {
        let Some(mut work) = self.state.work.0.take() else { return };
        if let Some(before) = work.before.take() {
            self.state = *before;
        }
        // Savepoints outlive the error: ROLLBACK TO goes back to them.
        if !work.savepoints.is_empty() {
            let before = Some(Box::new(self.state.lasting()));
            let savepoints = work.savepoints;
            self.state.work.0 = Some(Box::new(Running { before, savepoints, ..Running::default() }));
        }
    }

    /// The session's state, for a change that an abort takes back.
    pub(super) fn change(&mut self) -> &mut State {
        if self.state.work.0.as_ref().is_none_or(|work| work.before.is_none()) {
            let before = Box::new(self.state.lasting());
            self.state.running().before = Some(before);
        }
        &mut self.state
    }

    /// Forgets what DISCARD ALL discards.
    pub(super) fn discard_all(&mut self) {
        *self.change() = State { work: self.state.work.clone(), ..State::default() };
        self.prepared.clear();
        self.portals.clear();
    }

    pub(super) fn insert(&mut self, table: usize, more: usize) {
        if let Some(rows) = self.state.running().rows.get_mut(table) {
            *rows += more;
        }
    }

    pub(super) fn break_constraint(&mut self) {
        self.state.running().breaks_constraint = true;
    }

    pub(super) fn notify_at_commit(&mut self, text: &str) {
        self.state.running().notify.push(text.to_owned());
    }

    pub(super) fn count(&self, table: usize, data: &Data) -> usize {
        let own = self.state.work.0.as_ref().and_then(|work| work.rows.get(table));
        data.rows.get(table).copied().unwrap_or_default() + own.copied().unwrap_or_default()
    }

    pub(super) fn save(&mut self) {
        let (lasting, portal) = (self.state.lasting(), self.next_portal);
        let work = self.state.running();
        let rows = work.rows;
        work.savepoints.push(Savepoint { lasting, rows, portal });
    }

    pub(super) fn roll_back_to(&mut self) -> Result<(), Failure> {
        let none = || Failure::new("3B001", "savepoint \"s\" does not exist");
        let mut work = self.state.work.0.take().ok_or_else(none)?;
        let Some(Savepoint { lasting, rows, portal }) = work.savepoints.last().cloned() else {
            self.state.work.0 = Some(work);
            return Err(none());
        };
        work.rows = rows;
        work.notify.clear();
        work.breaks_constraint = false;
        let before = work.before.take().unwrap_or_else(|| Box::new(self.state.lasting()));
        work.before = Some(before);
        self.state = lasting;
        self.state.work.0 = Some(work);
        self.portals.retain(|_, one| one.number <= portal);
        self.transaction = Transaction::Open;
        Ok(())
    }
}
