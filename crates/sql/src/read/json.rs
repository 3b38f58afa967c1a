//! SQL/JSON, which has much syntax of its own and calls nothing but built-ins.

use pg_raw_parse::Node;
use pg_raw_parse::nodes::{JsonAggConstructor, JsonFuncExpr, JsonOutput, JsonTable, JsonTableColumn};

use super::{Reader, Unreadable};

impl<'a> Reader<'a> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the grammar's 270 nodes; what is not named makes it unreadable"
    )]
    pub(super) fn json(&mut self, node: Node<'a>) -> Result<(), Unreadable> {
        match node {
            Node::JsonFuncExpr(n) => self.json_function(n),
            Node::JsonTable(n) => self.json_table(n),
            Node::JsonTableColumn(n) => self.json_column(n),
            Node::JsonTablePathSpec(n) => self.push(n.string()),
            Node::JsonValueExpr(n) => self.push_all([n.raw_expr(), n.formatted_expr()]),
            Node::JsonBehavior(n) => self.push(n.expr()),
            Node::JsonArgument(n) => self.push_all(n.val().map(Node::JsonValueExpr)),
            Node::JsonIsPredicate(n) => self.push(n.expr()),
            Node::JsonKeyValue(n) => {
                self.push(n.key());
                self.push_all(n.value().map(Node::JsonValueExpr));
            }
            Node::JsonParseExpr(n) => {
                self.push_all(n.expr().map(Node::JsonValueExpr));
                self.json_output(n.output());
            }
            Node::JsonScalarExpr(n) => {
                self.push(n.expr());
                self.json_output(n.output());
            }
            Node::JsonSerializeExpr(n) => {
                self.push_all(n.expr().map(Node::JsonValueExpr));
                self.json_output(n.output());
            }
            _ => return self.json_constructor(node),
        }
        Ok(())
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the grammar's 270 nodes; what is not named makes it unreadable"
    )]
    fn json_constructor(&mut self, node: Node<'a>) -> Result<(), Unreadable> {
        match node {
            Node::JsonObjectConstructor(n) => {
                self.push_all(n.exprs().iter().map(Node::JsonKeyValue));
                self.json_output(n.output());
            }
            Node::JsonArrayConstructor(n) => {
                self.push_all(n.exprs().iter().map(Node::JsonValueExpr));
                self.json_output(n.output());
            }
            Node::JsonArrayQueryConstructor(n) => {
                self.push(n.query());
                self.json_output(n.output());
            }
            Node::JsonObjectAgg(n) => {
                self.push_all(n.arg().map(Node::JsonKeyValue));
                self.json_aggregate(n.constructor());
            }
            Node::JsonArrayAgg(n) => {
                self.push_all(n.arg().map(Node::JsonValueExpr));
                self.json_aggregate(n.constructor());
            }
            _ => return Err(Unreadable),
        }
        Ok(())
    }

    fn json_function(&mut self, call: &'a JsonFuncExpr) {
        self.push_all(call.context_item().map(Node::JsonValueExpr));
        self.push(call.pathspec());
        self.list(call.passing());
        self.json_output(call.output());
        self.push_all(call.on_empty().into_iter().chain(call.on_error()).map(Node::JsonBehavior));
    }

    fn json_table(&mut self, table: &'a JsonTable) {
        self.push_all(table.context_item().map(Node::JsonValueExpr));
        self.push_all(table.pathspec().map(Node::JsonTablePathSpec));
        self.list(table.passing());
        self.push_all(table.columns().iter().map(Node::JsonTableColumn));
        self.push_all(table.on_error().map(Node::JsonBehavior));
    }

    fn json_column(&mut self, column: &'a JsonTableColumn) {
        self.type_name(column.type_name());
        self.push_all(column.pathspec().map(Node::JsonTablePathSpec));
        self.list(column.columns());
        self.push_all(column.on_empty().into_iter().chain(column.on_error()).map(Node::JsonBehavior));
    }

    fn json_aggregate(&mut self, aggregate: Option<&'a JsonAggConstructor>) {
        let Some(aggregate) = aggregate else { return };
        self.json_output(aggregate.output());
        self.push(aggregate.agg_filter());
        self.list(aggregate.agg_order());
        self.push_all(aggregate.over().map(Node::WindowDef));
    }

    fn json_output(&mut self, output: Option<&'a JsonOutput>) {
        self.type_name(output.and_then(JsonOutput::type_name));
    }
}
