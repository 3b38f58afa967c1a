//! What calling a function of a given name does to routing.

use crate::builtin::{ALIKE, OWN};

/// What a call does, as far as its name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Calls {
    /// Reads only, and any node answers alike.
    Alike,
    /// Reads only, but the answer is the node's or the process's own, or comes from catalogs.
    Own,
    /// Needs the primary, whatever its volatility says: transaction ids, advisory locks, sequences, large objects,
    /// notifications, backup control, snapshots, replication slots.
    Primary,
    /// May write or set state: it is a user's function, or a built-in that does.
    Unknown,
}

/// What a call of the built-in function `name` does; `name` is as the parser gives it, in lower case unless it
/// was quoted.
///
/// A name is all that a text tells. A user's function with the name of a built-in and other argument types
/// is taken for the built-in, as Pgpool-II does with its function lists.
pub(crate) fn calls(name: &str) -> Calls {
    if is_in(&PRIMARY, name) {
        Calls::Primary
    } else if is_in(&ALIKE, name) || is_in(&ALIKE_NEWER, name) || is_in(&ALIKE_BY_HAND, name) {
        Calls::Alike
    } else if is_in(&OWN, name) || is_in(&OWN_BY_HAND, name) {
        Calls::Own
    } else {
        Calls::Unknown
    }
}

fn is_in(table: &[&str], name: &str) -> bool {
    table.binary_search(&name).is_ok()
}

/// Functions that need the primary although some of them are stable: a standby refuses them, or answers of itself.
#[rustfmt::skip]
static PRIMARY: [&str; 82] = [
    "currval", "lastval", "lo_close", "lo_creat", "lo_create", "lo_export", "lo_from_bytea", "lo_get",
    "lo_import", "lo_lseek", "lo_lseek64", "lo_open", "lo_put", "lo_tell", "lo_tell64", "lo_truncate",
    "lo_truncate64", "lo_unlink", "loread", "lowrite", "nextval", "pg_advisory_lock", "pg_advisory_lock_shared",
    "pg_advisory_unlock", "pg_advisory_unlock_all", "pg_advisory_unlock_shared", "pg_advisory_xact_lock",
    "pg_advisory_xact_lock_shared", "pg_backup_start", "pg_backup_start_time", "pg_backup_stop",
    "pg_cancel_backend", "pg_copy_logical_replication_slot", "pg_copy_physical_replication_slot",
    "pg_create_logical_replication_slot", "pg_create_physical_replication_slot", "pg_create_restore_point",
    "pg_current_snapshot", "pg_current_xact_id", "pg_current_xact_id_if_assigned", "pg_drop_replication_slot",
    "pg_export_snapshot", "pg_get_replication_slots", "pg_get_sequence_data", "pg_is_in_backup",
    "pg_listening_channels", "pg_log_standby_snapshot", "pg_logical_emit_message",
    "pg_logical_slot_get_binary_changes", "pg_logical_slot_get_changes", "pg_logical_slot_peek_binary_changes",
    "pg_logical_slot_peek_changes", "pg_notification_queue_usage", "pg_notify", "pg_replication_origin_advance",
    "pg_replication_origin_create", "pg_replication_origin_drop", "pg_replication_origin_progress",
    "pg_replication_origin_session_is_setup", "pg_replication_origin_session_progress",
    "pg_replication_origin_session_reset", "pg_replication_origin_session_setup",
    "pg_replication_origin_xact_reset", "pg_replication_origin_xact_setup", "pg_replication_slot_advance",
    "pg_sequence_last_value", "pg_start_backup", "pg_stop_backup", "pg_switch_wal", "pg_sync_replication_slots",
    "pg_terminate_backend", "pg_try_advisory_lock", "pg_try_advisory_lock_shared", "pg_try_advisory_xact_lock",
    "pg_try_advisory_xact_lock_shared", "pg_xact_status", "setseed", "setval", "txid_current",
    "txid_current_if_assigned", "txid_current_snapshot", "txid_status",
];

/// Immutable and stable functions of the versions after 15.
#[rustfmt::skip]
static ALIKE_NEWER: [&str; 19] = [
    "any_value", "array_reverse", "array_sort", "casefold", "crc32", "crc32c", "date_add", "date_subtract", "erf",
    "erfc", "gamma", "icu_unicode_version", "lgamma", "to_bin", "to_oct",
    "unicode_assigned", "unicode_version", "uuid_extract_timestamp", "uuid_extract_version",
];

/// Functions whose answer does not depend on the node although the generated table calls them the node's own.
#[rustfmt::skip]
static ALIKE_BY_HAND: [&str; 7] = [
    "pg_collation_for", "pg_column_size", "pg_size_bytes", "pg_size_pretty", "pg_typeof",
    "pg_wal_lsn_diff", "xmltext",
];

/// Volatile functions that write nothing and leave nothing behind. (`random` draws from the process's own
/// seed; who relies on it has called `setseed`, which is unknown here.)
#[rustfmt::skip]
static OWN_BY_HAND: [&str; 37] = [
    "array_sample", "array_shuffle", "clock_timestamp", "current_query", "gen_random_uuid", "pg_blocking_pids",
    "pg_current_logfile", "pg_current_wal_flush_lsn", "pg_current_wal_insert_lsn", "pg_current_wal_lsn",
    "pg_database_size", "pg_get_wal_replay_pause_state", "pg_get_wal_resource_managers", "pg_indexes_size",
    "pg_input_error_info", "pg_input_is_valid", "pg_is_in_recovery", "pg_is_wal_replay_paused",
    "pg_isolation_test_session_is_blocked",
    "pg_last_committed_xact", "pg_last_wal_receive_lsn", "pg_last_wal_replay_lsn",
    "pg_last_xact_replay_timestamp", "pg_lock_status", "pg_relation_size", "pg_safe_snapshot_blocking_pids",
    "pg_sleep", "pg_sleep_for", "pg_sleep_until", "pg_table_size", "pg_tablespace_size", "pg_total_relation_size",
    "random", "random_normal", "timeofday", "uuidv4", "uuidv7",
];

#[cfg(test)]
mod tests {
    use super::{ALIKE, ALIKE_BY_HAND, ALIKE_NEWER, Calls, OWN, OWN_BY_HAND, PRIMARY, calls};

    #[test]
    fn tables_are_sorted_and_disjoint() {
        let tables: [&[&str]; 6] = [&ALIKE, &ALIKE_NEWER, &ALIKE_BY_HAND, &OWN, &OWN_BY_HAND, &PRIMARY];
        for table in tables {
            assert!(table.is_sorted_by(|a, b| a < b), "{table:?}");
        }
        for name in ALIKE.iter().chain(&ALIKE_NEWER) {
            assert!(!OWN.contains(name) && !OWN_BY_HAND.contains(name), "{name}");
        }
    }

    #[test]
    fn nothing_that_writes_or_sets_state_is_known() {
        let dangerous = "nextval setval currval lastval set_config setseed txid_current pg_current_xact_id pg_notify \
            pg_advisory_lock pg_advisory_xact_lock pg_try_advisory_lock pg_advisory_unlock_all lo_create lo_open \
            lo_import lo_export lo_get lo_put lowrite loread pg_terminate_backend pg_cancel_backend \
            pg_reload_conf pg_switch_wal pg_backup_start pg_start_backup pg_export_snapshot pg_promote \
            pg_create_physical_replication_slot pg_drop_replication_slot pg_logical_slot_get_changes \
            pg_replication_origin_create pg_stat_reset pg_stat_clear_snapshot pg_create_restore_point \
            pg_read_file pg_ls_dir query_to_xml cursor_to_xml ts_stat ts_rewrite dblink dblink_exec \
            pg_import_system_collations brin_summarize_new_values gin_clean_pending_list pg_rotate_logfile \
            pg_wal_replay_pause pg_nextoid binary_upgrade_set_next_pg_type_oid my_function Lower";
        for name in dangerous.split_whitespace() {
            assert!(matches!(calls(name), Calls::Primary | Calls::Unknown), "{name}");
        }
    }
}
