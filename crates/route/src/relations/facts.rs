/// What the catalog says of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    /// Nothing has this name.
    Absent,
    /// A relation, with all that is read with it: what a view selects from, and the partitions and children of a
    /// table.
    Relation(RelationFacts),
    /// All functions that the name may mean.
    Function(FunctionFacts),
}

/// A relation and what is read with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RelationFacts {
    /// Something is temporary.
    pub(crate) temporary: bool,
    /// Something is unlogged.
    pub(crate) unlogged: bool,
    /// Something is a foreign table.
    pub(crate) foreign: bool,
    /// A view calls a volatile function.
    pub(crate) volatile: bool,
    /// It is a sequence, or a view calls a function that needs the primary whatever its volatility, or locks rows.
    pub(crate) primary: bool,
    /// Reading it may run a user's function, which may change the session: a view calls one, or rows are guarded by
    /// policies.
    pub(crate) leaves: bool,
}

/// The functions of a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FunctionFacts {
    /// One of them is volatile.
    pub(crate) volatile: bool,
    /// One of them may make something temporary or change a setting, as far as its source tells.
    pub(crate) leaves: bool,
}
