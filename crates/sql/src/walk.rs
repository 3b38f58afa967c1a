//! What a SELECT does, read from its tree.
//!
//! The tree comes from a client, so it is walked with a stack on the heap and a bound on the nodes visited,
//! never by recursion, and a node that is not known here makes the statement unknown.

mod json;

use pg_raw_parse::Node;
use pg_raw_parse::list::NodeList;
use pg_raw_parse::nodes::{
    A_Expr, CaseExpr, CommonTableExpr, FuncCall, JoinExpr, RangeVar, ResTarget, SQLValueFunction,
    SQLValueFunctionOp, SelectStmt, SortBy, TypeName, WindowDef,
};

use crate::functions::{Calls, calls};

/// Nodes of one statement that are visited. One with more of them counts as unknown.
const NODES: usize = 32 * 1024;

/// What a query answers from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    /// Tables, alike on every node.
    Alike,
    /// Also catalogs, or what a node or process knows of itself.
    Own,
    /// It may write, lock or set state.
    Unknown,
}

/// What the query `root` does; [`Answers::Unknown`] for what is no SELECT, VALUES or TABLE.
pub(crate) fn of_select(root: Node<'_>) -> Answers {
    let mut walk = Walk { stack: Vec::with_capacity(64), own: false };
    walk.query(root);
    match walk.run() {
        Err(Unknown) => Answers::Unknown,
        Ok(()) if walk.own => Answers::Own,
        Ok(()) => Answers::Alike,
    }
}

/// What reading the table `table` does.
pub(crate) fn of_table(table: &RangeVar) -> Answers {
    if is_catalog(table.schemaname(), table.relname()) { Answers::Own } else { Answers::Alike }
}

/// System catalogs, and schemas and types named like them. PostgreSQL reserves the prefix `pg_` for schemas;
/// of unqualified names it finds its catalogs first.
fn is_catalog(schema: Option<&str>, name: Option<&str>) -> bool {
    let is_own = |name: &str| name.starts_with("pg_") || name == "information_schema";
    schema.is_some_and(is_own) || name.is_some_and(is_own)
}

/// The query may write, lock, set state, or is too large.
struct Unknown;

struct Walk<'a> {
    /// Nodes still to be looked at.
    stack: Vec<Node<'a>>,
    /// Something was seen that a node answers for itself.
    own: bool,
}

impl<'a> Walk<'a> {
    fn run(&mut self) -> Result<(), Unknown> {
        for _ in 0..NODES {
            let Some(node) = self.stack.pop() else { return Ok(()) };
            self.visit(node)?;
        }
        Err(Unknown)
    }

    fn push_all(&mut self, nodes: impl IntoIterator<Item = Node<'a>>) {
        self.stack.extend(nodes);
    }

    fn list(&mut self, list: &'a NodeList) {
        self.stack.extend(list);
    }

    /// A query within the statement: only a SELECT reads.
    fn query(&mut self, query: Node<'a>) {
        self.stack.push(query);
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the grammar's 270 nodes; what is not named is unknown"
    )]
    fn visit(&mut self, node: Node<'a>) -> Result<(), Unknown> {
        match node {
            // Leaves: literals are not looked at, and names of columns say nothing.
            Node::None
            | Node::A_Const(_)
            | Node::ParamRef(_)
            | Node::ColumnRef(_)
            | Node::A_Star(_)
            | Node::String(_)
            | Node::Integer(_)
            | Node::SetToDefault(_) => {}
            Node::NodeList(list) => self.list(list),
            Node::SelectStmt(select) => return self.select(select),
            Node::FuncCall(call) => return self.call(call),
            Node::TypeName(name) => self.type_name(Some(name)),
            Node::TypeCast(cast) => {
                self.type_name(cast.type_name());
                self.stack.push(cast.arg());
            }
            Node::A_Expr(expression) => return self.operation(expression),
            Node::SQLValueFunction(value) => self.value(value),
            Node::SortBy(sort) => return self.sort(sort),
            Node::WindowDef(window) => self.window(window),
            Node::RangeVar(table) => self.own |= of_table(table) == Answers::Own,
            Node::JoinExpr(join) => self.join(join),
            Node::CommonTableExpr(cte) => self.common_table(cte),
            Node::CaseExpr(case) => self.case(case),
            _ => return self.plain(node),
        }
        Ok(())
    }

    /// Nodes that do nothing by themselves: what they hold is looked at.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the grammar's 270 nodes; what is not named is unknown"
    )]
    fn plain(&mut self, node: Node<'a>) -> Result<(), Unknown> {
        match node {
            Node::ResTarget(target) => self.target(target),
            Node::BoolExpr(n) => self.list(n.args()),
            Node::NullTest(n) => self.stack.push(n.arg()),
            Node::BooleanTest(n) => self.stack.push(n.arg()),
            Node::CoalesceExpr(n) => self.list(n.args()),
            Node::MinMaxExpr(n) => self.list(n.args()),
            Node::RowExpr(n) => self.list(n.args()),
            Node::GroupingFunc(n) => self.list(n.args()),
            Node::GroupingSet(n) => self.list(n.content()),
            Node::A_ArrayExpr(n) => self.list(n.elements()),
            Node::A_Indices(n) => self.push_all([n.lidx(), n.uidx()]),
            Node::A_Indirection(n) => {
                self.stack.push(n.arg());
                self.list(n.indirection());
            }
            Node::CollateClause(n) => self.stack.push(n.arg()),
            Node::CaseWhen(n) => self.push_all([n.expr(), n.result()]),
            Node::NamedArgExpr(n) => self.stack.push(n.arg()),
            Node::SubLink(n) => {
                operator(n.oper_name())?;
                self.stack.push(n.testexpr());
                self.query(n.subselect());
            }
            Node::RangeSubselect(n) => self.query(n.subquery()),
            Node::RangeFunction(n) => {
                self.list(n.functions());
                self.push_all(n.coldeflist().iter().map(Node::ColumnDef));
            }
            Node::ColumnDef(n) => self.type_name(n.type_name()),
            Node::RangeTableSample(n) => {
                sampling(n.method())?;
                self.push_all([n.relation(), n.repeatable()]);
                self.list(n.args());
            }
            _ => return self.xml(node),
        }
        Ok(())
    }

    /// XML's own syntax, and XMLTABLE.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the grammar's 270 nodes; what is not named is unknown"
    )]
    fn xml(&mut self, node: Node<'a>) -> Result<(), Unknown> {
        match node {
            Node::XmlExpr(n) => {
                self.list(n.named_args());
                self.list(n.args());
            }
            Node::XmlSerialize(n) => {
                self.type_name(n.type_name());
                self.stack.push(n.expr());
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
            _ => return self.json(node),
        }
        Ok(())
    }

    fn select(&mut self, select: &'a SelectStmt) -> Result<(), Unknown> {
        if select.into_clause().is_some() || !select.locking_clause().is_empty() {
            return Err(Unknown);
        }
        if let Some(with) = select.with_clause() {
            self.push_all(with.ctes().iter().map(Node::CommonTableExpr));
        }
        self.push_all(select.target_list().iter().map(Node::ResTarget));
        self.push_all(select.sort_clause().iter().map(Node::SortBy));
        for list in [
            select.distinct_clause(),
            select.from_clause(),
            select.group_clause(),
            select.window_clause(),
            select.values_lists(),
        ] {
            self.list(list);
        }
        self.push_all([
            select.where_clause(),
            select.having_clause(),
            select.limit_offset(),
            select.limit_count(),
        ]);
        self.push_all(select.larg().into_iter().chain(select.rarg()).map(Node::SelectStmt));
        Ok(())
    }

    fn call(&mut self, call: &'a FuncCall) -> Result<(), Unknown> {
        match calls(built_in(call.funcname())?) {
            Calls::Alike => {}
            Calls::Own => self.own = true,
            Calls::Unknown => return Err(Unknown),
        }
        self.list(call.args());
        self.push_all(call.agg_order().iter().map(Node::SortBy));
        self.push_all([call.agg_filter()]);
        self.push_all(call.over().map(Node::WindowDef));
        Ok(())
    }

    /// A cast to `regclass` and its kin looks a name up in the catalogs; a type named like a catalog is the row
    /// of one, or temporary.
    fn type_name(&mut self, name: Option<&'a TypeName>) {
        let Some(name) = name else { return };
        let mut parts = name.names().iter().rev().map(|part| part.sval());
        let (last, schema) = (parts.next().flatten(), parts.next().flatten());
        let built_in = schema == Some("pg_catalog");
        let catalog = is_catalog(schema.filter(|_| !built_in), last.filter(|name| *name != "pg_lsn"));
        self.own |= catalog || last.is_some_and(|name| name.starts_with("reg"));
        self.list(name.typmods());
    }

    fn operation(&mut self, expression: &'a A_Expr) -> Result<(), Unknown> {
        operator(expression.name())?;
        self.push_all([expression.lexpr(), expression.rexpr()]);
        Ok(())
    }

    /// `current_schema` looks for the session's temporary schema, which a standby refuses when it leads the
    /// search path.
    fn value(&mut self, value: &SQLValueFunction) {
        self.own |= value.op == SQLValueFunctionOp::SVFOP_CURRENT_SCHEMA;
    }

    fn sort(&mut self, sort: &'a SortBy) -> Result<(), Unknown> {
        operator(sort.use_op())?;
        self.stack.push(sort.node());
        Ok(())
    }

    fn window(&mut self, window: &'a WindowDef) {
        self.list(window.partition_clause());
        self.push_all(window.order_clause().iter().map(Node::SortBy));
        self.push_all([window.start_offset(), window.end_offset()]);
    }

    fn join(&mut self, join: &'a JoinExpr) {
        self.push_all([join.larg(), join.rarg(), join.quals()]);
    }

    fn common_table(&mut self, cte: &'a CommonTableExpr) {
        self.query(cte.ctequery());
        if let Some(cycle) = cte.cycle_clause() {
            self.push_all([cycle.cycle_mark_value(), cycle.cycle_mark_default()]);
        }
    }

    fn case(&mut self, case: &'a CaseExpr) {
        self.push_all([case.arg(), case.defresult()]);
        self.list(case.args());
    }

    fn target(&mut self, target: &'a ResTarget) {
        self.stack.push(target.val());
        self.list(target.indirection());
    }
}

/// The name of a function, unless its schema says that it is no built-in.
fn built_in(name: &NodeList) -> Result<&str, Unknown> {
    let mut parts = name.iter().map(Node::as_str);
    match (parts.next().flatten(), parts.next(), parts.next()) {
        (Some(name), None, _) => Ok(name),
        (Some("pg_catalog"), Some(Some(name)), None) => Ok(name),
        _ => Err(Unknown),
    }
}

/// An operator with a schema that is not PostgreSQL's own may call anything. One without is taken for a
/// built-in.
fn operator(name: &NodeList) -> Result<(), Unknown> {
    match name.len() {
        0 | 1 => Ok(()),
        _ => built_in(name).map(|_| ()),
    }
}

/// TABLESAMPLE calls a function of the method's name; BERNOULLI and SYSTEM are the built-in ones.
fn sampling(method: &NodeList) -> Result<(), Unknown> {
    match built_in(method)? {
        "bernoulli" | "system" => Ok(()),
        _ => Err(Unknown),
    }
}
