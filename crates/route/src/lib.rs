//! Which node answers a statement.
//!
//! [`Router`] reads statements, remembering what it has seen, and decides where each of them goes, by the settings
//! ([`Routing`]), what the session tells of itself ([`SessionFacts`]), and what the catalogs say of the names in it.
//! [`choose_reader`] draws the node that answers a session's reads.

mod balance;
mod decision;
mod facts;
mod memory;
mod mutations;
mod relations;
mod repeated;
mod router;
mod routing;
mod rules;
mod templates;
mod temporaries;

pub use balance::{choose_read_node, choose_reader, is_too_late};
pub use decision::{Decision, Name, Rule};
pub use facts::{Held, NameScope, ScopeId, SessionFacts, TransactionFacts, Written, WroteBefore};
pub use mutations::Mutations;
pub use relations::{BadAnswer, LOOKUP_NAMES, Lookup};
pub use router::{Router, STATEMENTS_BYTES, unknown_calls};
pub use routing::{
    AfterWrite, Consistency, DelayLimit, FunctionRule, Object, Redirect, Redirects, Related, RelationLimits,
    Routing, Target, Tracking,
};
pub use rules::written_by;
pub use temporaries::{TEMPORARIES, Temporaries};
