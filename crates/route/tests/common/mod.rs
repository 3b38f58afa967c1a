//! Sessions and statements for tests, without a text behind them.

#![allow(dead_code, reason = "each test file uses some of it")]

use pgherd_route::{
    Decision, NameScope, Router, Routing, Rule, SessionFacts, Temporaries, TransactionFacts, Written,
    WroteBefore,
};
use pgherd_sql::{Calls, Function, Place, Relation, Statement, Temporary, Verb};
use pgherd_types::{Identity, Moment};

/// A SELECT that reads these relations and calls these functions: `schema.name` or `name`.
pub(crate) fn select(reads: &[&str], functions: &[&str]) -> Statement {
    let split = |name: &str| match name.split_once('.') {
        Some((schema, name)) => (Some(schema.into()), name.into()),
        None => (None, name.into()),
    };
    let relation = |name: &&str| {
        let (schema, name) = split(name);
        Relation { schema, name }
    };
    let function = |name: &&str| {
        let (schema, name) = split(name);
        Function { schema, name, known: Calls::Unknown }
    };
    Statement {
        verb: Verb::Select,
        place: Place::Anywhere,
        reads: reads.iter().map(relation).collect(),
        writes: Box::default(),
        functions: functions.iter().map(function).collect(),
        types: Box::default(),
        sets: Box::default(),
        temporary: Temporary::None,
        terminates: None,
        filled_by: None,
    }
}

pub(crate) fn identity() -> Identity {
    Identity::new("postgres", "postgres", [])
}

/// A session about which there is nothing to say.
pub(crate) fn quiet<'a>(identity: &'a Identity, temporaries: &'a Temporaries) -> SessionFacts<'a> {
    SessionFacts {
        transaction: TransactionFacts::None,
        wrote_before: WroteBefore::Never,
        written: Written::Known(&[]),
        temporaries,
        held: None,
        names: NameScope { identity, search_path: None, role: None, utf8: true, known: None },
        now: Moment(60_000),
    }
}

/// The decision, as far as one comes without a look-up.
pub(crate) fn rule(
    router: &mut Router,
    statement: &Statement,
    text: &str,
    session: &SessionFacts<'_>,
    routing: &Routing,
) -> Option<Rule> {
    match router.decide(statement, text.as_bytes(), session, routing) {
        Decision::Lead(rule) | Decision::Reader(rule) => Some(rule),
        Decision::Ask(_) => None,
    }
}
