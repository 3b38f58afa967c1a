use crate::Table;

const COLUMNS: &[&str] = &[
    "pool_pid",
    "start_time",
    "client_connection_count",
    "database",
    "username",
    "backend_connection_time",
    "pool_counter",
    "status",
];

/// What is known of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessFacts {
    /// The session's number, which its client takes for the process id.
    pub session: u32,
    /// When the client connected, as a date.
    pub since: String,
    /// Database, empty while it is not known.
    pub database: String,
    /// User, empty while it is not known.
    pub user: String,
    /// What it is doing.
    pub status: ProcessStatus,
}

/// What a session is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessStatus {
    /// The client has not said who it is, or waits for its turn.
    Connecting,
    /// It waits for the client's next statement.
    Idle,
    /// A statement is running or a transaction is open.
    Executing,
}

/// `SHOW pool_processes`: the sessions. There are no processes that wait for clients, so every row has a client.
pub fn pool_processes(sessions: impl IntoIterator<Item = ProcessFacts>) -> Table {
    let mut table = Table::new(COLUMNS);
    for session in sessions {
        let status = match session.status {
            ProcessStatus::Connecting => "Connecting",
            ProcessStatus::Idle => "Idle",
            ProcessStatus::Executing => "Execute command",
        };
        table.push([
            session.session.to_string(),
            session.since.clone(),
            "1".to_owned(),
            session.database,
            session.user,
            session.since,
            "1".to_owned(),
            status.to_owned(),
        ]);
    }
    table
}
