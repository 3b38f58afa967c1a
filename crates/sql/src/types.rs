//! PostgreSQL's own types.

/// What a type of `pg_catalog` says about a node.
pub(crate) enum OwnType {
    /// Nothing.
    Plain,
    /// It looks a name up in the catalogs.
    NameOfAnObject,
}

/// What `name` is among PostgreSQL's own types; `None` for rows of catalogs, and for what is none of them.
pub(crate) fn own_type(name: &str) -> Option<OwnType> {
    if PLAIN.binary_search(&name).is_ok() {
        Some(OwnType::Plain)
    } else if NAMES_OF_OBJECTS.contains(&name) {
        Some(OwnType::NameOfAnObject)
    } else {
        None
    }
}

static NAMES_OF_OBJECTS: [&str; 12] = [
    "regclass",
    "regcollation",
    "regconfig",
    "regdatabase",
    "regdictionary",
    "regnamespace",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
    "regrole",
    "regtype",
];

/// Sorted by bytes; made from the `pg_type` of PostgreSQL 18.
#[rustfmt::skip]
static PLAIN: [&str; 95] = [
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
    use super::{OwnType, PLAIN, own_type};

    #[test]
    fn the_table_is_sorted() {
        assert!(PLAIN.is_sorted_by(|a, b| a < b));
        assert!(matches!(own_type("int4"), Some(OwnType::Plain)));
        assert!(matches!(own_type("xml"), Some(OwnType::Plain)));
        assert!(matches!(own_type("regtype"), Some(OwnType::NameOfAnObject)));
        assert!(own_type("region").is_none() && own_type("pg_class").is_none());
    }
}
