/// What is logged, and told to the client, of a session's statements and messages. A session may change it for itself
/// with `PGPOOL SET`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tracing {
    /// `log_statement`: a line for each statement.
    pub statements: bool,
    /// `log_per_node_statement`: a line for each statement and node that gets it.
    pub node_statements: bool,
    /// `notice_per_node_statement`, where `client_min_messages` lets notices through: the client is told of each.
    pub statement_notices: bool,
    /// `log_client_messages`: a line for each message of the client.
    pub client_messages: bool,
    /// `log_backend_messages`.
    pub backend_messages: BackendMessages,
    /// `client_min_messages` is `log` or below: the client gets the lines on backends' messages, too.
    pub tells_log: bool,
}

/// How the messages of backends are logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackendMessages {
    /// Not at all.
    #[default]
    None,
    /// A run of messages of one kind as two lines.
    Terse,
    /// Each of them.
    Verbose,
}

impl Tracing {
    /// True when statements have to be reported.
    pub fn wants_statements(&self) -> bool {
        self.statements || self.node_statements || self.statement_notices
    }
}
