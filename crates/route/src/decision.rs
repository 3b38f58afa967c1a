use core::fmt;

use pgherd_sql::{Statement, Why};

use crate::facts::Held;
use crate::relations::Lookup;

/// What is to be done with a statement.
#[derive(Debug)]
pub enum Decision {
    /// It goes to the session's lead.
    Lead(Rule),
    /// The session's reader may answer it.
    Reader(Rule),
    /// Facts are missing: send [`Lookup::query`] to the lead, give the rows to
    /// [`Router::learn`](crate::Router::learn), and ask again.
    Ask(Lookup),
}

/// A name in a statement: where it stands among those of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Name {
    /// The relation at this place of [`Statement::reads`].
    Read(u16),
    /// The function at this place of [`Statement::functions`].
    Called(u16),
}

/// Which rule decided. `Display` is a sentence, without full stop, that names the parameter or the fact; see
/// [`Rule::explain`] for the same with the name of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The statement writes, or is not one that is balanced.
    Statement(Why),
    /// `backend_clustering_mode` is one in which nothing is balanced.
    Mode,
    /// `load_balance_mode` is off.
    BalancingOff,
    /// The session holds its reads.
    Held(Held),
    /// `disable_load_balance_on_write` is `always`, and the session has written.
    WroteAlways,
    /// `disable_load_balance_on_write` is `trans_transaction`, and an earlier transaction has written.
    WroteEarlier,
    /// The text begins with a comment, or with another word than those that are balanced.
    Head,
    /// The text begins with white space, and `ignore_leading_white_space` is off.
    LeadingBlank,
    /// The text begins with `/*NO LOAD BALANCE*/`.
    NoBalance,
    /// The transaction has failed.
    Failed,
    /// The transaction is SERIALIZABLE.
    Serializable,
    /// The transaction has changed a catalog.
    CatalogChanged,
    /// The transaction has written, and `disable_load_balance_on_write` is not `off`.
    Wrote,
    /// The transaction has written, and `read_consistency` is `session`.
    WroteUnseen,
    /// It may touch something temporary.
    Temporary,
    /// The catalog says that this is temporary.
    TemporaryRelation(Name),
    /// This is unlogged, or reads something that is.
    Unlogged(Name),
    /// This is a foreign table, or reads one.
    Foreign(Name),
    /// This view calls a volatile function.
    VolatileView(Name),
    /// This is a sequence, or a view that calls a function that needs the primary, or locks rows.
    PrimaryView(Name),
    /// There is nothing with this name.
    Absent(Name),
    /// The name is not understood in this client encoding.
    Unreadable(Name),
    /// The statement has more names than are looked up.
    Names,
    /// The text matches the pattern at this place of `primary_routing_query_pattern_list`, from 0.
    Pattern(u16),
    /// This function is volatile.
    Volatile(Name),
    /// This function is not in `read_only_function_list`.
    NotReadOnly(Name),
    /// This function is in `write_function_list`.
    Writing(Name),
    /// `dml_adaptive`: the transaction has written this.
    WrittenHere(Name),
    /// `dml_adaptive`: the transaction has written what this depends on, by
    /// `dml_adaptive_object_relationship_list`.
    Related(Name),
    /// `dml_adaptive_global`: some session has written this lately.
    WrittenLately(Name),
    /// `dml_adaptive_global`: pgherd has just started (`track_table_mutation_cold_start_duration`).
    ColdStart,
    /// Several statements in one string. For the session to say: there is no single statement to decide on.
    Several,
    /// The text could not be read. For the session to say, as above.
    Unread,
    /// The node is further behind than `delay_threshold` or `delay_threshold_by_time` allows. For the session to
    /// say, which has [`is_too_late`](crate::is_too_late).
    TooLate,
    /// `read_consistency` is `session`, and no node is known to have replayed what the session has seen. For the
    /// session to say.
    NotReplayed,
    /// The facts that it depends on could not be had. For the session to say, when a look-up fails.
    NoFacts,
    /// It ends a server process of that node (`pg_terminate_backend`). For the session to say, which knows where the
    /// process is.
    Process,
    /// It only reads, and nothing speaks against another node than the lead.
    Balanced,
}

impl Rule {
    /// The name in the statement that the rule is about.
    pub fn name(self) -> Option<Name> {
        match self {
            Rule::TemporaryRelation(name)
            | Rule::Unlogged(name)
            | Rule::Foreign(name)
            | Rule::VolatileView(name)
            | Rule::PrimaryView(name)
            | Rule::Absent(name)
            | Rule::Unreadable(name)
            | Rule::Volatile(name)
            | Rule::NotReadOnly(name)
            | Rule::Writing(name)
            | Rule::WrittenHere(name)
            | Rule::Related(name)
            | Rule::WrittenLately(name) => Some(name),
            Rule::Statement(_)
            | Rule::Mode
            | Rule::BalancingOff
            | Rule::Held(_)
            | Rule::WroteAlways
            | Rule::WroteEarlier
            | Rule::Head
            | Rule::LeadingBlank
            | Rule::NoBalance
            | Rule::Failed
            | Rule::Serializable
            | Rule::CatalogChanged
            | Rule::Wrote
            | Rule::WroteUnseen
            | Rule::Temporary
            | Rule::Names
            | Rule::Pattern(_)
            | Rule::ColdStart
            | Rule::Several
            | Rule::Unread
            | Rule::TooLate
            | Rule::NotReplayed
            | Rule::NoFacts
            | Rule::Process
            | Rule::Balanced => None,
        }
    }

    /// The sentence with the name of the object that it is about: `statement` is the one that was decided on.
    pub fn explain(self, statement: &Statement) -> String {
        let statement = statement.verb.inner().unwrap_or(statement);
        let found = match self.name() {
            Some(Name::Read(at)) => statement.reads.get(usize::from(at)).map(|r| (&r.schema, &r.name)),
            Some(Name::Called(at)) => statement.functions.get(usize::from(at)).map(|f| (&f.schema, &f.name)),
            None => None,
        };
        match found {
            Some((Some(schema), name)) => format!("{self}: {schema}.{name}"),
            Some((None, name)) => format!("{self}: {name}"),
            None => self.to_string(),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Rule::Statement(why) => because(*why),
            Rule::Held(held) => return held.fmt(f),
            Rule::Pattern(at) => {
                return write!(
                    f,
                    "the text matches pattern {} of primary_routing_query_pattern_list",
                    u32::from(*at) + 1
                );
            }
            Rule::Mode => "nothing is balanced in this backend_clustering_mode",
            Rule::BalancingOff => "load_balance_mode is off",
            Rule::WroteAlways => "the session has written, and disable_load_balance_on_write is always",
            Rule::WroteEarlier => {
                "an earlier transaction has written, and disable_load_balance_on_write is trans_transaction"
            }
            Rule::Head => {
                "the text does not begin with SELECT, WITH, TABLE or a parenthesis, and allow_sql_comments is off"
            }
            Rule::LeadingBlank => "the text begins with white space, and ignore_leading_white_space is off",
            Rule::NoBalance => "the text begins with /*NO LOAD BALANCE*/",
            Rule::Failed => "the transaction has failed",
            Rule::Serializable => "the transaction is serializable",
            Rule::CatalogChanged => "the transaction has changed a catalog",
            Rule::Wrote => "the transaction has written, and disable_load_balance_on_write is not off",
            Rule::WroteUnseen => {
                "the transaction has written what no other node sees yet (read_consistency is session)"
            }
            Rule::Temporary => "it may touch something temporary that the session has made",
            Rule::TemporaryRelation(_) => "a relation is temporary (check_temp_table)",
            Rule::Unlogged(_) => "a relation is unlogged",
            Rule::Foreign(_) => "a relation is foreign",
            Rule::VolatileView(_) => "a view calls a volatile function",
            Rule::PrimaryView(_) => {
                "a relation is a sequence, or a view that calls a function that needs the primary or locks rows"
            }
            Rule::Absent(_) => "a name is not known in the catalog",
            Rule::Unreadable(_) => "a name is not understood in this client encoding",
            Rule::Names => "it has more names than are looked up",
            Rule::Volatile(_) => "a function is volatile",
            Rule::NotReadOnly(_) => "a function is not in read_only_function_list",
            Rule::Writing(_) => "a function is in write_function_list",
            Rule::WrittenHere(_) => {
                "the transaction has written a relation that it reads (disable_load_balance_on_write is dml_adaptive)"
            }
            Rule::Related(_) => {
                "the transaction has written what it depends on (dml_adaptive_object_relationship_list)"
            }
            Rule::WrittenLately(_) => {
                "a relation was written lately (disable_load_balance_on_write is dml_adaptive_global)"
            }
            Rule::ColdStart => "pgherd has just started (track_table_mutation_cold_start_duration)",
            Rule::Several => "several statements in one string",
            Rule::Unread => "the text could not be read",
            Rule::TooLate => "the node is too far behind (delay_threshold, delay_threshold_by_time)",
            Rule::NotReplayed => {
                "no other node has replayed what the session has seen (read_consistency is session)"
            }
            Rule::NoFacts => "the catalog did not answer",
            Rule::Process => "the server process that it ends is on that node",
            Rule::Balanced => "it only reads, and any node answers alike",
        };
        f.write_str(text)
    }
}

fn because(why: Why) -> &'static str {
    match why {
        Why::Verb => "statements of this kind are the primary's",
        Why::Catalog => "it looks into a system catalog",
        Why::NodesOwn => "it asks what a node knows of itself",
        Why::PrimaryFunction => "it calls a function that needs the primary",
        Why::Setting => "it changes a setting",
        Why::Locking => "it locks",
        Why::Into => "it makes a table (SELECT INTO)",
        Why::WritingCte => "a common table expression writes",
        Why::Operator => "it uses an operator of another schema",
    }
}
