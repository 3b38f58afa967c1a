//! Calls of functions.

use pg_raw_parse::list::NodeList;
use pg_raw_parse::nodes::{A_Const, FuncCall, SelectStmt, TypeName};
use pg_raw_parse::{ConstValue, Node};

use super::found::Name;
use super::session::change_of;
use super::{Reader, is_plain};
use crate::functions::{Calls, calls};
use crate::place::{Place, Why};
use crate::setting::{Scope, Setting};

impl<'a> Reader<'a> {
    pub(super) fn call(&mut self, call: &'a FuncCall) {
        self.function(call.funcname());
        self.list(call.args());
        self.push_all(call.agg_order().iter().map(Node::SortBy));
        self.push(call.agg_filter());
        self.push_all(call.over().map(Node::WindowDef));
    }

    fn function(&mut self, name: &'a NodeList) {
        let parts = name.len();
        let Some((schema, name)) = last_two(name) else { return };
        let built_in = parts <= 2 && schema.is_none_or(|schema| schema == "pg_catalog");
        let known = if built_in { calls(name) } else { Calls::Unknown };
        match known {
            Calls::Alike => {}
            Calls::Own => self.at(Place::Primary(Why::NodesOwn)),
            Calls::Primary => self.writes(Why::PrimaryFunction),
            Calls::Unknown if built_in && name == SET_CONFIG => {
                self.look_in_full();
                self.found.set_configs += 1;
            }
            Calls::Unknown => {}
        }
        self.found.functions.push(((schema, name), known));
    }

    /// TABLESAMPLE calls a function of the method's name; BERNOULLI and SYSTEM are built in.
    pub(super) fn sampling(&mut self, method: &'a NodeList) {
        let Some((schema, name)) = last_two(method) else { return };
        let built_in = schema.is_none_or(|schema| schema == "pg_catalog");
        if !(built_in && matches!(name, "bernoulli" | "system")) {
            self.found.functions.push(((schema, name), Calls::Unknown));
        }
    }

    /// Looks at the targets of a SELECT that is a statement of its own, for calls whose literals say what they do.
    pub(super) fn plain_calls(&mut self, select: &'a SelectStmt) {
        if !is_plain(select) {
            return;
        }
        let targets = select.target_list();
        for target in targets {
            let Node::FuncCall(call) = target.val() else { continue };
            match last_two(call.funcname()) {
                Some((None | Some("pg_catalog"), SET_CONFIG)) => {
                    self.found.configured.extend(set_config(call));
                }
                Some((None | Some("pg_catalog"), "pg_terminate_backend")) if targets.len() == 1 => {
                    if let Some(ConstValue::Integer(process)) = call.args().first().and_then(constant) {
                        self.look_in_full();
                        self.found.terminates = Some(process);
                    }
                }
                Some(_) | None => {}
            }
        }
    }
}

const SET_CONFIG: &str = "set_config";

/// What a call of `set_config` does, when its arguments are literals.
fn set_config(call: &FuncCall) -> Option<Setting> {
    let args = call.args();
    let [name, value, local] = [args.get(0)?, args.get(1)?, args.get(2)?];
    let Some(ConstValue::String(name)) = constant(name) else { return None };
    let Some(ConstValue::Boolean(local)) = constant(local) else { return None };
    let Node::A_Const(A_Const { isnull, .. }) = uncast(value) else { return None };
    let text = match constant(value) {
        Some(ConstValue::String(text)) => Some(text),
        None if *isnull => None,
        Some(_) | None => return None,
    };
    let scope = if local { Scope::Local } else { Scope::Session };
    (args.len() == 3).then(|| Setting { scope, change: change_of(name, text) })
}

/// The value of a literal, with a cast around it or without.
fn constant(node: Node<'_>) -> Option<ConstValue<'_>> {
    let Node::A_Const(constant) = uncast(node) else { return None };
    constant.val()
}

fn uncast(node: Node<'_>) -> Node<'_> {
    let Node::TypeCast(cast) = node else { return node };
    if is_text(cast.type_name()) { cast.arg() } else { node }
}

/// Whether a cast leaves a string what it is.
fn is_text(name: Option<&TypeName>) -> bool {
    let last = name.and_then(|name| name.names().iter().next_back()?.sval());
    matches!(last, Some("text" | "varchar")) && name.is_some_and(|name| name.typmods().is_empty())
}

/// The last two names of a list: schema and name. What is before them is the session's own database.
pub(super) fn last_two(name: &NodeList) -> Option<Name<'_>> {
    let part = |from_end: usize| name.get(name.len().checked_sub(from_end)?)?.as_str();
    Some((part(2), part(1)?))
}
