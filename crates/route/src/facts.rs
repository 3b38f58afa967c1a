//! What a session tells of itself when one of its statements is to be routed.

use core::fmt;

use pgherd_sql::{Fingerprint, Relation};
use pgherd_types::{Identity, Moment};

use crate::temporaries::Temporaries;

/// The state of a session, as far as routing asks for it. All of it is borrowed: asking costs nothing.
#[derive(Clone, Copy, Debug)]
pub struct SessionFacts<'a> {
    /// The transaction that the statement is in.
    pub transaction: TransactionFacts,
    /// Writes before this transaction.
    pub wrote_before: WroteBefore,
    /// What this transaction has written, for `dml_adaptive`.
    pub written: Written<'a>,
    /// The temporary objects that the session has made.
    pub temporaries: &'a Temporaries,
    /// Why its reads must stay on the lead, if they must.
    pub held: Option<Held>,
    /// What its names mean.
    pub names: NameScope<'a>,
    /// The time.
    pub now: Moment,
}

/// The transaction that a statement is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TransactionFacts {
    /// None: the statement is its own transaction.
    #[default]
    None,
    /// One that a BEGIN has opened.
    Open {
        /// Its isolation level is SERIALIZABLE.
        serializable: bool,
        /// A statement in it has failed.
        failed: bool,
        /// A statement in it may have written.
        wrote: bool,
        /// A statement in it has changed a catalog.
        ddl: bool,
    },
}

impl TransactionFacts {
    /// A transaction in which nothing has happened yet.
    pub const FRESH: Self = Self::Open { serializable: false, failed: false, wrote: false, ddl: false };
}

/// What a transaction has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written<'a> {
    /// This and nothing else: see [`written_by`](crate::written_by).
    Known(&'a [Relation]),
    /// Something. Nobody noted what, because the settings did not ask for it then
    /// ([`AfterWrite::asks_what`](crate::AfterWrite::asks_what)).
    Something,
}

/// What the session wrote before this transaction, as far as `disable_load_balance_on_write` asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum WroteBefore {
    /// Nothing.
    #[default]
    Never,
    /// Something outside of explicit transactions, and nothing within one: only `always` asks for it.
    Outside,
    /// Something in an explicit transaction: `trans_transaction` and `always` ask for it.
    InTransaction,
}

/// Why a session's reads must stay on its lead, whatever the settings are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Held {
    /// It listens: a notification reaches only the backend that listens.
    Listens,
    /// It has changed its state in a way that nobody can repeat on another backend.
    HiddenState,
    /// SET LOCAL and its like hold until the transaction ends, on the lead alone.
    LocalSettings,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Held::Listens => "the session has run LISTEN",
            Held::HiddenState => {
                "the session has changed its state in a way that cannot be repeated elsewhere"
            }
            Held::LocalSettings => "the transaction has settings of its own (SET LOCAL)",
        })
    }
}

/// What decides which object a name means. Two sessions with equal scopes see the same objects under the same
/// names, temporary ones apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameScope<'a> {
    /// Database, user and startup options.
    pub identity: &'a Identity,
    /// The search path, where the session has set one: in any form that differs where the path differs, such as
    /// the text of the SET.
    pub search_path: Option<&'a [u8]>,
    /// The role, where the session has set one (SET ROLE, SET SESSION AUTHORIZATION): `"$user"` in the path
    /// depends on it. In any form, as above.
    pub role: Option<&'a [u8]>,
    /// Whether `client_encoding` is UTF8, as the server last reported it: only then are names beyond ASCII
    /// understood.
    pub utf8: bool,
    /// The short name of all this but `utf8`, where the session has kept it: what
    /// [`Router::scope`](crate::Router::scope) answered. Otherwise it is made anew.
    pub known: Option<ScopeId>,
}

/// The short name of a [`NameScope`]. It changes whenever the scope does. In halves, because each session keeps one,
/// and a whole one would have to lie at a multiple of 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScopeId {
    pub(crate) low: u64,
    pub(crate) high: u64,
}

impl From<Fingerprint> for ScopeId {
    #[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
    fn from(Fingerprint(whole): Fingerprint) -> Self {
        ScopeId { low: whole as u64, high: (whole >> 64) as u64 }
    }
}
