//! SQLSTATE codes: PostgreSQL's `errcodes.txt`, as far as pgherd sends or recognises them.

use core::fmt;

/// A five-character error code.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SqlState([u8; 5]);

impl SqlState {
    /// The code in the bytes of an ErrorResponse's `C` field: five digits or capital letters.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let code: [u8; 5] = bytes.try_into().ok()?;
        code.iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()).then_some(SqlState(code))
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or("XX000")
    }

    /// Its first two characters, the class of the error.
    pub fn class(&self) -> &str {
        self.as_str().get(..2).unwrap_or("XX")
    }
}

impl fmt::Debug for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        $($(#[$doc])* pub const $name: SqlState = SqlState(*$code);)*

        #[cfg(test)]
        const ALL: &[SqlState] = &[$($name),*];
    };
}

codes! {
    /// A notice or a success.
    SUCCESSFUL_COMPLETION = b"00000";
    /// A warning without a code of its own.
    WARNING = b"01000";
    /// A connection could not be made or is gone, without details.
    CONNECTION_EXCEPTION = b"08000";
    /// A server could not be reached.
    SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION = b"08001";
    /// The connection does not exist.
    CONNECTION_DOES_NOT_EXIST = b"08003";
    /// The server rejected the connection.
    SQLSERVER_REJECTED_ESTABLISHMENT_OF_SQLCONNECTION = b"08004";
    /// The connection to a server broke.
    CONNECTION_FAILURE = b"08006";
    /// The connection broke while a COMMIT was under way: nobody knows whether it happened.
    TRANSACTION_RESOLUTION_UNKNOWN = b"08007";
    /// A message that the protocol does not allow.
    PROTOCOL_VIOLATION = b"08P01";
    /// The communication link failed; not PostgreSQL's own, some drivers and poolers use it.
    COMMUNICATION_LINK_FAILURE = b"08S01";
    /// Something that is not implemented.
    FEATURE_NOT_SUPPORTED = b"0A000";
    /// Bytes that are not text in the encoding that they claim.
    CHARACTER_NOT_IN_REPERTOIRE = b"22021";
    /// A parameter has a value that it may not have.
    INVALID_PARAMETER_VALUE = b"22023";
    /// A statement that may not run inside a transaction.
    ACTIVE_SQL_TRANSACTION = b"25001";
    /// A write in a read-only transaction or on a standby.
    READ_ONLY_SQL_TRANSACTION = b"25006";
    /// COMMIT or ROLLBACK outside a transaction.
    NO_ACTIVE_SQL_TRANSACTION = b"25P01";
    /// Commands are ignored until the end of the transaction block.
    IN_FAILED_SQL_TRANSACTION = b"25P02";
    /// A prepared statement that does not exist.
    INVALID_SQL_STATEMENT_NAME = b"26000";
    /// The user may not log in like this.
    INVALID_AUTHORIZATION_SPECIFICATION = b"28000";
    /// A wrong password.
    INVALID_PASSWORD = b"28P01";
    /// A portal that does not exist.
    INVALID_CURSOR_NAME = b"34000";
    /// A savepoint that does not exist.
    INVALID_SAVEPOINT = b"3B001";
    /// A database that does not exist.
    INVALID_CATALOG_NAME = b"3D000";
    /// Serialization failure.
    SERIALIZATION_FAILURE = b"40001";
    /// SQL that does not parse.
    SYNTAX_ERROR = b"42601";
    /// Not allowed for this user.
    INSUFFICIENT_PRIVILEGE = b"42501";
    /// An unknown setting or object.
    UNDEFINED_OBJECT = b"42704";
    /// A prepared statement of that name exists.
    DUPLICATE_PREPARED_STATEMENT = b"42P05";
    /// Out of some resource.
    INSUFFICIENT_RESOURCES = b"53000";
    /// No place for another connection.
    TOO_MANY_CONNECTIONS = b"53300";
    /// A limit of the program's was reached.
    PROGRAM_LIMIT_EXCEEDED = b"54000";
    /// Something is not in the state that the request needs.
    OBJECT_NOT_IN_PREREQUISITE_STATE = b"55000";
    /// A setting that cannot be changed now.
    CANT_CHANGE_RUNTIME_PARAM = b"55P02";
    /// A statement was cancelled.
    QUERY_CANCELED = b"57014";
    /// The administrator ended the session or stopped the server.
    ADMIN_SHUTDOWN = b"57P01";
    /// Another server process crashed and takes this one with it.
    CRASH_SHUTDOWN = b"57P02";
    /// The server starts, stops or recovers.
    CANNOT_CONNECT_NOW = b"57P03";
    /// The database was dropped.
    DATABASE_DROPPED = b"57P04";
    /// The session was idle for too long.
    IDLE_SESSION_TIMEOUT = b"57P05";
    /// The configuration file is wrong.
    CONFIG_FILE_ERROR = b"F0000";
    /// An error inside pgherd.
    INTERNAL_ERROR = b"XX000";
}

#[cfg(test)]
mod tests {
    use super::{ALL, SqlState};

    #[test]
    fn every_constant_is_a_code_and_none_is_there_twice() {
        for (at, code) in ALL.iter().enumerate() {
            assert_eq!(SqlState::parse(code.as_str().as_bytes()), Some(*code));
            assert!(!ALL[..at].contains(code), "{code} twice");
        }
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for bad in [&b""[..], b"1234", b"123456", b"12a45", b"12 45", b"12\x0045", "1234\u{e9}".as_bytes()] {
            assert_eq!(SqlState::parse(bad), None, "{bad:?}");
        }
    }
}
