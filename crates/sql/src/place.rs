//! What a text says about the node.

/// Which node a statement asks for. Ordered: what is worse is greater, and the worst thing found in a statement
/// is what counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Any node answers alike.
    Anywhere,
    /// It writes nothing, but is the primary's to answer. What it changes in the session, if it does, is what
    /// [`Verb`](crate::Verb) says.
    Primary(Why),
    /// It writes, locks, or may do anything.
    Writes(Why),
}

/// Why not any node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The kind of statement.
    Verb,
    /// It asks what a node or a server process knows of itself.
    NodesOwn,
    /// It looks into system catalogs, or asks for a name in them.
    Catalog,
    /// It calls a built-in function that needs the primary, whatever its volatility: transaction ids, advisory
    /// locks, sequences, large objects, notifications, backup control, snapshots, replication slots.
    PrimaryFunction,
    /// It calls `set_config`.
    Setting,
    /// FOR UPDATE, FOR SHARE and their like, or LOCK TABLE.
    Locking,
    /// SELECT INTO.
    Into,
    /// A common table expression that writes.
    WritingCte,
    /// An operator with a schema that is not PostgreSQL's own.
    Operator,
}
