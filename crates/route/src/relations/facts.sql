)
, named (i, oid) AS (
    SELECT a.i, c.oid
    FROM asked a
    JOIN pg_catalog.pg_class c ON c.relname OPERATOR(pg_catalog.=) a.name::pg_catalog.name
    JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
    WHERE a.kind OPERATOR(pg_catalog.=) 'r'::pg_catalog.text
    AND CASE WHEN a.nsp IS NULL THEN pg_catalog.pg_table_is_visible(c.oid)
        ELSE n.nspname OPERATOR(pg_catalog.=) a.nsp::pg_catalog.name END
)
, reached (i, oid) AS (
    SELECT i, oid FROM named
    UNION
    SELECT r.i, below.oid
    FROM reached r, LATERAL (
        SELECT d.refobjid AS oid
        FROM pg_catalog.pg_class v
        JOIN pg_catalog.pg_rewrite w ON w.ev_class OPERATOR(pg_catalog.=) v.oid
        JOIN pg_catalog.pg_depend d ON d.objid OPERATOR(pg_catalog.=) w.oid
            AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_rewrite'::pg_catalog.regclass::pg_catalog.oid
            AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
        WHERE v.oid OPERATOR(pg_catalog.=) r.oid
        AND v.relkind OPERATOR(pg_catalog.=) 'v'::pg_catalog."char"
        UNION ALL
        SELECT h.inhrelid FROM pg_catalog.pg_inherits h WHERE h.inhparent OPERATOR(pg_catalog.=) r.oid
    ) below
)
, rules (i, action) AS (
    SELECT r.i, w.ev_action::pg_catalog.text
    FROM reached r
    JOIN pg_catalog.pg_class v ON v.oid OPERATOR(pg_catalog.=) r.oid
        AND v.relkind OPERATOR(pg_catalog.=) 'v'::pg_catalog."char"
    JOIN pg_catalog.pg_rewrite w ON w.ev_class OPERATOR(pg_catalog.=) v.oid
)
, called (i, volatile, needs, users) AS (
    SELECT u.i,
        pg_catalog.bool_or(p.provolatile OPERATOR(pg_catalog.=) 'v'::pg_catalog."char"),
        pg_catalog.bool_or(n.nspname OPERATOR(pg_catalog.=) 'pg_catalog'::pg_catalog.name
            AND p.proname::pg_catalog.text OPERATOR(pg_catalog.~)
                '^(txid_current|pg_current_xact_id|pg_walfile_name)'::pg_catalog.text),
        pg_catalog.bool_or(n.nspname OPERATOR(pg_catalog.<>) 'pg_catalog'::pg_catalog.name)
    FROM (
        SELECT DISTINCT s.i, m.found[1]::pg_catalog.oid AS oid
        FROM rules s, LATERAL pg_catalog.regexp_matches(
            s.action, ':(?:funcid|opfuncid|aggfnoid|winfnoid) ([0-9]+)', 'g') m (found)
    ) u
    JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) u.oid
    JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
    GROUP BY u.i
)
, locked (i) AS (
    SELECT s.i FROM rules s
    WHERE pg_catalog.strpos(s.action, ':hasForUpdate true') OPERATOR(pg_catalog.>) 0
)
SELECT r.i,
    pg_catalog.bool_or(c.relpersistence OPERATOR(pg_catalog.=) 't'::pg_catalog."char"),
    pg_catalog.bool_or(c.relpersistence OPERATOR(pg_catalog.=) 'u'::pg_catalog."char"),
    pg_catalog.bool_or(c.relkind OPERATOR(pg_catalog.=) 'f'::pg_catalog."char"),
    pg_catalog.bool_or(COALESCE(k.volatile, false)),
    pg_catalog.bool_or(c.relkind OPERATOR(pg_catalog.=) 'S'::pg_catalog."char" OR COALESCE(k.needs, false)
        OR EXISTS (SELECT FROM locked l WHERE l.i OPERATOR(pg_catalog.=) r.i)),
    pg_catalog.bool_or(c.relrowsecurity OR COALESCE(k.users, false))
FROM reached r
JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) r.oid
LEFT JOIN called k ON k.i OPERATOR(pg_catalog.=) r.i
GROUP BY r.i
UNION ALL
SELECT a.i, false, false, false,
    pg_catalog.bool_or(p.provolatile OPERATOR(pg_catalog.=) 'v'::pg_catalog."char"
        OR EXISTS (
            SELECT FROM pg_catalog.pg_aggregate g
            JOIN pg_catalog.pg_proc q ON q.oid OPERATOR(pg_catalog.=) g.aggtransfn::pg_catalog.oid
                OR q.oid OPERATOR(pg_catalog.=) g.aggfinalfn::pg_catalog.oid
            WHERE g.aggfnoid::pg_catalog.oid OPERATOR(pg_catalog.=) p.oid
            AND q.provolatile OPERATOR(pg_catalog.=) 'v'::pg_catalog."char")),
    false,
    pg_catalog.bool_or(CASE
        WHEN n.nspname OPERATOR(pg_catalog.=) 'pg_catalog'::pg_catalog.name THEN false
        WHEN l.lanname OPERATOR(pg_catalog.=) 'sql'::pg_catalog.name
            OR l.lanname OPERATOR(pg_catalog.=) 'plpgsql'::pg_catalog.name
        THEN p.prosrc OPERATOR(pg_catalog.=) ''::pg_catalog.text
            OR p.prosrc OPERATOR(pg_catalog.~*) (
                '[[:<:]](temp|temporary|pg_temp|set_config|execute|listen|unlisten|discard|load)[[:>:]]'
                '|(^|;|[[:<:]](begin|then|else|loop)[[:>:]])[[:space:]]*(set|reset|prepare|deallocate)[[:>:]]'
            )::pg_catalog.text
        ELSE p.provolatile OPERATOR(pg_catalog.=) 'v'::pg_catalog."char" END)
FROM asked a
JOIN pg_catalog.pg_proc p ON p.proname OPERATOR(pg_catalog.=) a.name::pg_catalog.name
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
JOIN pg_catalog.pg_language l ON l.oid OPERATOR(pg_catalog.=) p.prolang
WHERE a.kind OPERATOR(pg_catalog.=) 'f'::pg_catalog.text
AND CASE WHEN a.nsp IS NULL THEN pg_catalog.pg_function_is_visible(p.oid)
    ELSE n.nspname OPERATOR(pg_catalog.=) a.nsp::pg_catalog.name END
GROUP BY a.i
