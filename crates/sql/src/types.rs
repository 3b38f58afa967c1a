//! PostgreSQL's own types.

/// Whether `name` is a type of `pg_catalog` that says nothing about a node: no catalog's row, and no name of an
/// object. Sorted by bytes; made from the `pg_type` of PostgreSQL 18.
pub(crate) fn is_built_in_type(name: &str) -> bool {
    BUILT_IN.binary_search(&name).is_ok()
}

#[rustfmt::skip]
static BUILT_IN: [&str; 95] = [
    "aclitem", "any", "anyarray", "anycompatible", "anycompatiblearray", "anycompatiblemultirange",
    "anycompatiblenonarray", "anycompatiblerange", "anyelement", "anyenum", "anymultirange", "anynonarray",
    "anyrange", "bit", "bool", "box", "bpchar", "bytea", "char", "cid", "cidr", "circle", "cstring", "date",
    "datemultirange", "daterange", "event_trigger", "fdw_handler", "float4", "float8", "gtsvector",
    "index_am_handler", "inet", "int2", "int2vector", "int4", "int4multirange", "int4range", "int8",
    "int8multirange", "int8range", "internal", "interval", "json", "jsonb", "jsonpath", "language_handler", "line",
    "lseg", "macaddr", "macaddr8", "money", "name", "numeric", "nummultirange", "numrange", "oid", "oidvector",
    "path", "pg_brin_bloom_summary", "pg_brin_minmax_multi_summary", "pg_dependencies", "pg_lsn", "pg_mcv_list",
    "pg_ndistinct", "pg_node_tree", "pg_snapshot", "point", "polygon", "record", "refcursor",
    "table_am_handler", "text", "tid", "time", "timestamp", "timestamptz", "timetz", "trigger", "tsm_handler",
    "tsmultirange", "tsquery", "tsrange", "tstzmultirange", "tstzrange", "tsvector", "txid_snapshot", "unknown",
    "uuid", "varbit", "varchar", "void", "xid", "xid8", "xml",
];

#[cfg(test)]
mod tests {
    use super::{BUILT_IN, is_built_in_type};

    #[test]
    fn the_table_is_sorted() {
        assert!(BUILT_IN.is_sorted_by(|a, b| a < b));
        assert!(is_built_in_type("int4") && is_built_in_type("xml") && !is_built_in_type("mytype"));
    }
}
