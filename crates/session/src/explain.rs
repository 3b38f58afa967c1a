//! `EXPLAIN (ROUTE) statement`: where a statement would go, and why. The answer; the asking is [`crate::serving`]'s.

use pgherd_types::{NodeId, NodeRole};
use pgherd_wire::backend::{self, Column};

/// PostgreSQL's type `text`.
const TEXT_OID: u32 = 25;
/// The length of a type whose length varies.
const VARYING: i16 = -1;
/// The columns of the answer.
const COLUMNS: [&str; 3] = ["node_id", "role", "rule"];

/// Appends the answer, from RowDescription to CommandComplete. Without a node, when none takes such a statement, the
/// first two columns are null.
pub(crate) fn put_route(to: &mut Vec<u8>, node: Option<(NodeId, NodeRole)>, rule: &str) {
    backend::put_row_description(
        to,
        COLUMNS.iter().map(|name| Column::text(name.as_bytes(), TEXT_OID, VARYING)),
    );
    let id = node.map(|(id, _)| id.to_string());
    let role = node.map(|(_, role)| role_name(role));
    let row = [id.as_deref(), role, Some(rule)];
    backend::put_data_row(to, row.into_iter().map(|value| value.map(str::as_bytes)));
    backend::put_command_complete(to, b"EXPLAIN");
}

fn role_name(role: NodeRole) -> &'static str {
    match role {
        NodeRole::Primary => "primary",
        NodeRole::Standby => "standby",
        NodeRole::Main => "main",
        NodeRole::Replica => "replica",
    }
}

#[cfg(test)]
mod tests {
    use pgherd_types::{NodeId, NodeRole};

    use super::put_route;

    #[test]
    fn a_row_set_as_a_server_would_send_it() {
        let mut out = Vec::new();
        put_route(&mut out, Some((NodeId(12), NodeRole::Standby)), "because");
        let complete = b"C\0\0\0\x0cEXPLAIN\0";
        let row = b"D\0\0\0\x22\0\x03\0\0\0\x0212\0\0\0\x07standby\0\0\0\x07because";
        assert!(out.starts_with(b"T\0\0\0\x4e\0\x03node_id\0"), "{}", out.escape_ascii());
        assert!(out.ends_with(&[&row[..], complete].concat()), "{}", out.escape_ascii());
    }

    #[test]
    fn without_a_node() {
        let mut out = Vec::new();
        put_route(&mut out, None, "x");
        let row = b"D\0\0\0\x13\0\x03\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\x01x";
        assert!(out.windows(row.len()).any(|part| part == row), "{}", out.escape_ascii());
    }
}
