//! Statements about the session: its settings, prepared statements, cursors, notifications.

use pg_raw_parse::list::NodeList;
use pg_raw_parse::nodes::{
    A_Const, CallStmt, DefElem, DiscardMode, DiscardStmt, DoStmt, VariableSetKind, VariableSetStmt,
};
use pg_raw_parse::{ConstValue, Node};

use super::found::Made;
use super::{Reader, Unreadable, body};
use crate::place::{Place, Why};
use crate::setting::{Change, Scope, Setting};
use crate::verb::{Access, Characteristics, Discard, Isolation, Verb};

impl<'a> Reader<'a> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the grammar's 270 nodes; the rest is tried further on"
    )]
    pub(super) fn session(&mut self, node: Node<'a>) -> Result<Verb, Unreadable> {
        let (verb, place) = match node {
            Node::VariableSetStmt(set) => (self.set(set)?, Place::Primary(Why::Verb)),
            Node::ConstraintsSetStmt(_) => {
                self.sets(Scope::Local, Change::Constraints);
                (Verb::Set, Place::Primary(Why::Verb))
            }
            Node::VariableShowStmt(_) => (Verb::Show, Place::Primary(Why::Verb)),
            Node::DiscardStmt(discard) => (of_discard(discard)?, Place::Primary(Why::Verb)),
            Node::DeallocateStmt(deallocate) => {
                let name = deallocate.name().map(|name| self.own(Some(name))).transpose()?;
                (Verb::Deallocate(name), Place::Primary(Why::Verb))
            }
            Node::ExecuteStmt(execute) => {
                self.list(execute.params());
                (Verb::Execute(self.own(execute.name())?), Place::Writes(Why::Verb))
            }
            Node::DeclareCursorStmt(declare) => (self.declare(declare), Place::Writes(Why::Verb)),
            Node::FetchStmt(_) | Node::ClosePortalStmt(_) => (Verb::Cursor, Place::Writes(Why::Verb)),
            Node::LockStmt(lock) => return Ok(self.lock(lock)),
            Node::ListenStmt(_) => (Verb::Listen, Place::Writes(Why::Verb)),
            Node::UnlistenStmt(_) => (Verb::Unlisten, Place::Writes(Why::Verb)),
            Node::NotifyStmt(_) => (Verb::Notify, Place::Writes(Why::Verb)),
            Node::CallStmt(call) => (self.procedure(call), Place::Writes(Why::Verb)),
            Node::DoStmt(block) => (self.block(block), Place::Writes(Why::Verb)),
            _ => return self.ddl(node),
        };
        self.at(place);
        Ok(verb)
    }

    fn sets(&mut self, scope: Scope, change: Change) {
        self.found.sets.push(Setting { scope, change });
    }

    fn set(&mut self, set: &'a VariableSetStmt) -> Result<Verb, Unreadable> {
        let scope = if set.is_local { Scope::Local } else { Scope::Session };
        let name = set.name().unwrap_or_default();
        let (scope, change) = match set.kind {
            VariableSetKind::VAR_SET_VALUE => {
                if let Change::Transaction(_) | Change::SessionCharacteristics(_) = change_of(name, None) {
                    self.look_in_full();
                }
                let change = with_value(set.args(), |value| change_of(name, value));
                (if matches!(change, Change::Transaction(_)) { Scope::Local } else { scope }, change)
            }
            VariableSetKind::VAR_SET_DEFAULT | VariableSetKind::VAR_RESET => (scope, reset_of(name)),
            VariableSetKind::VAR_SET_MULTI => match name {
                "TRANSACTION" => (Scope::Local, Change::Transaction(characteristics(set.args()))),
                "SESSION CHARACTERISTICS" => {
                    (scope, Change::SessionCharacteristics(characteristics(set.args())))
                }
                "TRANSACTION SNAPSHOT" => (Scope::Local, Change::Snapshot),
                _ => return Err(Unreadable),
            },
            VariableSetKind::VAR_RESET_ALL => (scope, Change::ResetAll),
            // SET ... FROM CURRENT: what is current here need not be on another backend.
            _ => (scope, Change::Unknown),
        };
        self.sets(scope, change);
        Ok(Verb::Set)
    }

    /// A procedure may do anything; what it sets or makes is not in the text.
    fn procedure(&mut self, call: &'a CallStmt) -> Verb {
        self.found.temporary = Made::Unknown;
        self.push_all(call.funccall().map(Node::FuncCall));
        Verb::Call
    }

    fn block(&mut self, block: &'a DoStmt) -> Verb {
        self.look_in_full();
        let text =
            block.args().iter().find(|arg| arg.defname() == Some("as")).and_then(|arg| arg.arg().as_str());
        let said = text.map_or(body::Said::ANYTHING, body::Said::of);
        if said.temporary {
            self.found.temporary = Made::Unknown;
        }
        if said.sets {
            self.sets(Scope::Session, Change::Unknown);
        }
        Verb::Do
    }
}

fn of_discard(discard: &DiscardStmt) -> Result<Verb, Unreadable> {
    let what = match discard.target {
        DiscardMode::DISCARD_ALL => Discard::All,
        DiscardMode::DISCARD_PLANS => Discard::Plans,
        DiscardMode::DISCARD_SEQUENCES => Discard::Sequences,
        DiscardMode::DISCARD_TEMP => Discard::Temp,
        _ => return Err(Unreadable),
    };
    Ok(Verb::Discard(what))
}

/// What it means to set the parameter `name` to `value`; no value where it is not a single plain one.
pub(super) fn change_of(name: &str, value: Option<&str>) -> Change {
    let name = name.to_ascii_lowercase();
    let mut modes = Characteristics::default();
    match name.strip_prefix("default_").unwrap_or(&name) {
        "transaction_isolation" => modes.isolation = value.and_then(isolation),
        "transaction_read_only" => modes.access = value.and_then(truth).map(access),
        "transaction_deferrable" => modes.deferrable = value.and_then(truth),
        _ => return named(name, Change::Value),
    }
    match name.starts_with("default_") {
        true => Change::SessionCharacteristics(modes),
        false => Change::Transaction(modes),
    }
}

fn reset_of(name: &str) -> Change {
    named(name.to_ascii_lowercase(), Change::Default)
}

fn named(name: String, change: fn(Box<str>) -> Change) -> Change {
    match name.as_str() {
        "role" => Change::Role,
        "session_authorization" => Change::SessionAuthorization,
        _ => change(name.into()),
    }
}

/// Gives `use_it` the one value of a SET, if there is just one. A number is written in digits.
fn with_value(args: &NodeList, use_it: impl FnOnce(Option<&str>) -> Change) -> Change {
    let first = args.first().filter(|_| args.len() == 1);
    let Some(Node::A_Const(constant)) = first else { return use_it(None) };
    match constant.val() {
        Some(ConstValue::String(text)) => use_it(Some(text)),
        Some(ConstValue::Integer(0)) => use_it(Some("0")),
        Some(ConstValue::Integer(1)) => use_it(Some("1")),
        Some(ConstValue::Boolean(value)) => use_it(Some(if value { "on" } else { "off" })),
        Some(_) | None => use_it(None),
    }
}

/// The modes of BEGIN, SET TRANSACTION and SET SESSION CHARACTERISTICS: the grammar makes options of them.
pub(super) fn characteristics(options: &NodeList) -> Characteristics {
    let mut modes = Characteristics::default();
    for option in options {
        let Node::DefElem(option) = option else { continue };
        match option.defname() {
            Some("transaction_isolation") => modes.isolation = option_text(option).and_then(isolation),
            Some("transaction_read_only") => modes.access = option_number(option).map(|on| access(on != 0)),
            Some("transaction_deferrable") => modes.deferrable = option_number(option).map(|on| on != 0),
            Some(_) | None => {}
        }
    }
    modes
}

fn option_text(option: &DefElem) -> Option<&str> {
    let ConstValue::String(text) = option_value(option)? else { return None };
    Some(text)
}

fn option_number(option: &DefElem) -> Option<i32> {
    let ConstValue::Integer(number) = option_value(option)? else { return None };
    Some(number)
}

fn option_value(option: &DefElem) -> Option<ConstValue<'_>> {
    let Node::A_Const(constant) = option.arg() else { return None };
    A_Const::val(constant)
}

fn isolation(text: &str) -> Option<Isolation> {
    let levels = [
        ("read uncommitted", Isolation::ReadUncommitted),
        ("read committed", Isolation::ReadCommitted),
        ("repeatable read", Isolation::RepeatableRead),
        ("serializable", Isolation::Serializable),
    ];
    levels.into_iter().find(|(name, _)| text.eq_ignore_ascii_case(name)).map(|(_, level)| level)
}

fn access(read_only: bool) -> Access {
    if read_only { Access::ReadOnly } else { Access::ReadWrite }
}

/// A truth value as PostgreSQL reads one: any beginning of a word that is of no other.
fn truth(text: &str) -> Option<bool> {
    let text = text.trim_ascii().to_ascii_lowercase();
    let begins = |word: &str, least: usize| text.len() >= least && word.starts_with(&text);
    if begins("true", 1) || begins("yes", 1) || begins("on", 2) || text == "1" {
        Some(true)
    } else if begins("false", 1) || begins("no", 1) || begins("off", 2) || text == "0" {
        Some(false)
    } else {
        None
    }
}
