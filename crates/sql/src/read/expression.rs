//! Expressions, and what stands in FROM.

use pg_raw_parse::Node;
use pg_raw_parse::list::NodeList;
use pg_raw_parse::nodes::{A_Expr, SQLValueFunction, SQLValueFunctionOp, SortBy, TypeName, WindowDef};

use super::{Reader, Unreadable, is_catalog};
use crate::functions::Calls;
use crate::place::{Place, Why};
use crate::types::{OwnType, own_type};

impl<'a> Reader<'a> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the grammar's 270 nodes; what is not named makes it unreadable"
    )]
    pub(super) fn visit(&mut self, node: Node<'a>) -> Result<(), Unreadable> {
        match node {
            // Leaves: names of columns say nothing, and literals are looked at where they decide.
            Node::None
            | Node::A_Const(_)
            | Node::ParamRef(_)
            | Node::ColumnRef(_)
            | Node::A_Star(_)
            | Node::String(_)
            | Node::Integer(_)
            | Node::SetToDefault(_)
            | Node::CurrentOfExpr(_)
            | Node::MergeSupportFunc(_) => {}
            Node::NodeList(list) => self.list(list),
            Node::SelectStmt(select) => return self.select(select),
            Node::FuncCall(call) => self.call(call),
            Node::TypeName(name) => self.type_name(Some(name)),
            Node::TypeCast(cast) => {
                self.type_name(cast.type_name());
                self.push(cast.arg());
            }
            Node::A_Expr(expression) => self.operation(expression),
            Node::SQLValueFunction(value) => self.value(value),
            Node::SortBy(sort) => self.sort(sort),
            Node::WindowDef(window) => self.window(window),
            Node::RangeVar(table) => return self.reads(table),
            Node::JoinExpr(join) => self.push_all([join.larg(), join.rarg(), join.quals()]),
            Node::CaseExpr(case) => {
                self.push_all([case.arg(), case.defresult()]);
                self.list(case.args());
            }
            Node::InsertStmt(_) | Node::UpdateStmt(_) | Node::DeleteStmt(_) | Node::MergeStmt(_) => {
                self.writes(Why::WritingCte);
                return self.change(node);
            }
            _ => return self.plain(node),
        }
        Ok(())
    }

    /// Nodes that do nothing by themselves: what they hold is looked at.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the grammar's 270 nodes; what is not named makes it unreadable"
    )]
    fn plain(&mut self, node: Node<'a>) -> Result<(), Unreadable> {
        match node {
            Node::ResTarget(n) => {
                self.push(n.val());
                self.list(n.indirection());
            }
            Node::BoolExpr(n) => self.list(n.args()),
            Node::NullTest(n) => self.push(n.arg()),
            Node::BooleanTest(n) => self.push(n.arg()),
            Node::CoalesceExpr(n) => self.list(n.args()),
            Node::MinMaxExpr(n) => self.list(n.args()),
            Node::RowExpr(n) => self.list(n.args()),
            Node::GroupingFunc(n) => self.list(n.args()),
            Node::GroupingSet(n) => self.list(n.content()),
            Node::A_ArrayExpr(n) => self.list(n.elements()),
            Node::A_Indices(n) => self.push_all([n.lidx(), n.uidx()]),
            Node::A_Indirection(n) => {
                self.push(n.arg());
                self.list(n.indirection());
            }
            Node::CollateClause(n) => self.push(n.arg()),
            Node::CaseWhen(n) => self.push_all([n.expr(), n.result()]),
            Node::NamedArgExpr(n) => self.push(n.arg()),
            Node::MultiAssignRef(n) => self.push(n.source()),
            Node::IndexElem(n) => self.push(n.expr()),
            Node::SubLink(n) => {
                self.operator(n.oper_name());
                self.push_all([n.testexpr(), n.subselect()]);
            }
            _ => return self.source(node),
        }
        Ok(())
    }

    /// What stands in FROM.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the grammar's 270 nodes; what is not named makes it unreadable"
    )]
    fn source(&mut self, node: Node<'a>) -> Result<(), Unreadable> {
        match node {
            Node::RangeSubselect(n) => self.push(n.subquery()),
            Node::RangeFunction(n) => {
                self.list(n.functions());
                self.push_all(n.coldeflist().iter().map(Node::ColumnDef));
            }
            Node::ColumnDef(n) => self.type_name(n.type_name()),
            Node::RangeTableSample(n) => {
                self.sampling(n.method());
                self.push_all([n.relation(), n.repeatable()]);
                self.list(n.args());
            }
            Node::RangeTableFunc(n) => {
                self.push_all([n.docexpr(), n.rowexpr()]);
                self.list(n.namespaces());
                self.push_all(n.columns().iter().map(Node::RangeTableFuncCol));
            }
            Node::RangeTableFuncCol(n) => {
                self.type_name(n.type_name());
                self.push_all([n.colexpr(), n.coldefexpr()]);
            }
            Node::XmlExpr(n) => {
                self.list(n.named_args());
                self.list(n.args());
            }
            Node::XmlSerialize(n) => {
                self.type_name(n.type_name());
                self.push(n.expr());
            }
            _ => return self.json(node),
        }
        Ok(())
    }

    /// A cast to `regclass` and its kin looks a name up in the catalogs; a type named like a catalog is the row of
    /// one, or temporary.
    pub(super) fn type_name(&mut self, name: Option<&'a TypeName>) {
        let Some(name) = name else { return };
        self.list(name.typmods());
        let mut parts = name.names().iter().rev().map(|part| part.sval());
        let (Some(last), schema) = (parts.next().flatten(), parts.next().flatten()) else { return };
        let element = last.strip_prefix('_').unwrap_or(last);
        if schema.is_none_or(|schema| schema == "pg_catalog") {
            match own_type(element) {
                Some(OwnType::Plain) => return,
                Some(OwnType::NameOfAnObject) => return self.at(Place::Primary(Why::Catalog)),
                None => {}
            }
        }
        if is_catalog(schema, Some(element)) {
            self.at(Place::Primary(Why::Catalog));
        }
        self.found.types.push((schema, last));
    }

    fn operation(&mut self, expression: &'a A_Expr) {
        self.operator(expression.name());
        self.push_all([expression.lexpr(), expression.rexpr()]);
    }

    /// `current_schema` looks for the session's temporary schema, which a standby refuses when it leads the search
    /// path.
    fn value(&mut self, value: &SQLValueFunction) {
        if value.op == SQLValueFunctionOp::SVFOP_CURRENT_SCHEMA {
            self.at(Place::Primary(Why::NodesOwn));
            self.found.functions.push(((Some("pg_catalog"), "current_schema"), Calls::Own));
        }
    }

    pub(super) fn sort(&mut self, sort: &'a SortBy) {
        self.operator(sort.use_op());
        self.push(sort.node());
    }

    fn window(&mut self, window: &'a WindowDef) {
        self.list(window.partition_clause());
        self.push_all(window.order_clause().iter().map(Node::SortBy));
        self.push_all([window.start_offset(), window.end_offset()]);
    }

    /// An operator with a schema that is not PostgreSQL's own may call anything. One without is taken for a
    /// built-in.
    fn operator(&mut self, name: &NodeList) {
        let schema = (name.len() > 1).then(|| name.get(name.len() - 2).and_then(Node::as_str)).flatten();
        if name.len() > 2 || schema.is_some_and(|schema| schema != "pg_catalog") {
            self.writes(Why::Operator);
        }
    }
}
