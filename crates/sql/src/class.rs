/// What routing needs to know of the text of one simple query, or of one Parse message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Nothing but white space, comments and semicolons.
    Empty,
    /// One plain SELECT that any node answers alike: no locking clause, no INTO, no writing CTE, no function
    /// outside the list of known read-only built-ins, no system catalog.
    Read,
    /// Reads only, but not for a standby: SHOW, EXPLAIN without ANALYZE, SELECTs that touch catalogs or ask a
    /// node about itself. Leaves no state behind.
    ReadPrimary,
    /// BEGIN, COMMIT, ROLLBACK, SAVEPOINT and their like, alone. Leaves no state behind once the transaction
    /// has ended.
    Transaction,
    /// One COPY ... FROM STDIN.
    CopyIn,
    /// Everything else, several statements in one string, and what could not be parsed: writes, or changes
    /// the session's state.
    Other,
}
