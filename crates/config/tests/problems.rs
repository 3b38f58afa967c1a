//! What is said of a file, word for word where it matters.

use std::path::Path;
use std::time::Duration;

use pgherd_config::{Loaded, MessageLevel, NoFiles, Style, load};
use pgherd_types::ClusteringMode;

/// A node, so that nothing is said of there being none.
const NODE: &str = "backend_hostname0 = 'db'; backend_port0 = 5432; backend_weight0 = 1; ";

/// Reads a file whose lines end in `; `.
fn read(lines: &str) -> Loaded {
    load(Path::new("x"), lines.replace("; ", "\n").as_bytes(), &NoFiles)
}

/// The problems of a file without those of its first three lines.
fn told(lines: &str) -> Vec<String> {
    read(&format!("{NODE}{lines}")).problems.iter().map(ToString::to_string).collect()
}

#[test]
fn values() {
    let cases: &[(&str, &[&str])] = &[
        ("port = 5433", &[]),
        ("port = '5433'", &[]),
        ("port = 80", &["x:4: error: port = '80' is out of range; write a whole number from 1024 to 65535"]),
        (
            "port = http",
            &["x:4: error: port = 'http' is not a number; write a whole number from 1024 to 65535"],
        ),
        (
            "ssl = maybe",
            &[
                "x:4: warning: ssl is set, but pgherd does not do TLS yet; it has no effect for now",
                "x:4: warning: ssl = 'maybe' is neither on nor off and counts as on, as in Pgpool-II; write on or off",
            ],
        ),
        (
            "log_min_messages = chatty",
            &[
                "x:4: error: log_min_messages = 'chatty' is not a word that it takes; write one of debug5, debug4, \
               debug3, debug2, debug, debug1, log, info, notice, warning, error, fatal, panic",
            ],
        ),
        (
            "authentication_timeout = 10MB",
            &[
                "x:4: error: authentication_timeout = '10MB' has an unknown unit; write a whole number from 0 in s, \
               or one with a unit (us, ms, s, min, h, d)",
            ],
        ),
        (
            "connection_life_time = 1500ms",
            &["x:4: warning: connection_life_time = '1500ms' is rounded to 2s; write a whole number"],
        ),
        (
            "port = 1; port = 5433",
            &["x:4: error: port = '1' is out of range; write a whole number from 1024 to 65535"],
        ),
    ];
    for (lines, expected) in cases {
        assert_eq!(told(lines), *expected, "{lines}");
    }
}

#[test]
fn names() {
    let cases: &[(&str, &[&str])] = &[
        (
            "listen_adresses = '*'",
            &["x:4: warning: there is no setting listen_adresses; it is ignored; \
                                     did you mean listen_addresses?"],
        ),
        (
            "zzz = 1",
            &["x:4: warning: there is no setting zzz; it is ignored; \
                       remove the line; docs/configuration.md lists all settings"],
        ),
        (
            "backend_weight = 1",
            &["x:4: warning: backend_weight needs a number and is ignored without one; \
                                  write backend_weight0 for the first one"],
        ),
        (
            "backend_port128 = 5432",
            &["x:4: error: the number in backend_port128 is too great; \
                                      backend_port takes the numbers 0 to 127"],
        ),
        (
            "other_wd_port127 = 9000",
            &["x:4: error: the number in other_wd_port127 is too great; wd_port takes the numbers 0 to 127"],
        ),
        (
            "socket_dir = '/run'",
            &["x:4: warning: socket_dir is an old name of unix_socket_directories; \
                                   write unix_socket_directories = '/run' in its place"],
        ),
        ("socket_dir = '/tmp'", &[]),
        (
            "work_dir = '/a'; logdir = '/b'",
            &["x:5: warning: logdir, the old name of work_dir, is ignored because \
                                              work_dir is set too; remove the line"],
        ),
        ("parallel_mode = off; system_db_port = 5432", &[]),
        (
            "parallel_mode = on",
            &["x:4: warning: parallel_mode is ignored; it switched on parallel queries, which \
                                  Pgpool-II gave up in 3.5; remove the line"],
        ),
        (
            "child_life_time = 60",
            &["x:4: warning: child_life_time has no effect: pgherd has no process per client; \
                                    remove the line"],
        ),
        ("wd_interval = 5", &[]),
        (
            "backend_port1",
            &["x:4: error: no value for backend_port1; \
                             write name = value, the value in quotes unless it is a number or a word"],
        ),
    ];
    for (lines, expected) in cases {
        assert_eq!(told(lines), *expected, "{lines}");
    }
}

#[test]
fn settings_together() {
    let cases: &[(&str, &[&str])] = &[
        ("process_management_mode = static; min_spare_children = 9; max_spare_children = 10", &[]),
        ("recovery_1st_stage_command = 'x'; backend_data_directory0 = '/d'", &[]),
        ("memory_cache_enabled = on; memqcache_maxcache = 2MB", &["memqcache_maxcache (2097152) is limited"]),
        ("delay_threshold = 1", &[]),
        ("sr_check_period = 0", &[]),
        (
            "sr_check_period = 0; delay_threshold = 1; delay_threshold_by_time = 1; replication_delay_source_cmd = 'x'",
            &[
                "delay_threshold does nothing: with sr_check_period = 0",
                "delay_threshold_by_time does nothing",
                "replication_delay_source_cmd does nothing",
            ],
        ),
        ("read_consistency = session; sr_check_user = 'u'", &[]),
        ("read_consistency = session; health_check_user = 'u'", &[]),
        ("read_consistency = session; backend_clustering_mode = raw", &[]),
        ("read_consistency = session", &["all reads after a write of their session go to the primary"]),
        (
            "read_consistency = session; sr_check_user = 'u'; backend_clustering_mode = logical_replication",
            &["read_consistency = 'session' is as good as 'eventual'"],
        ),
        ("reserved_connections = 32", &["reserved_connections (32) leaves nothing"]),
        ("backend_hostname1 = 'b'", &["node 1 is unused because backend_port1 is not set"]),
        ("backend_weight0 = 0", &["no node has a weight"]),
        ("backend_weight0 = 0; load_balance_mode = off", &[]),
        ("backend_port0 = 0; backend_hostname0 = ''", &["there is no backend node"]),
        ("recovery_2nd_stage_command = 'x'", &["online recovery needs backend_data_directory0"]),
        (
            "process_management_mode = dynamic; max_spare_children = 5",
            &["max_spare_children (5) is not above min_spare_children (5)"],
        ),
        (
            "process_management_mode = dynamic; num_init_children = 9",
            &["max_spare_children (10) is above num_init_children (9)"],
        ),
    ];
    for (lines, expected) in cases {
        let told = told(lines);
        for text in *expected {
            assert!(told.iter().any(|line| line.contains(text)), "{lines}: {told:#?}");
        }
        let is_news = |line: &&String| !line.contains("does not do") && !line.contains("has no effect");
        assert_eq!(told.iter().filter(is_news).count(), expected.len(), "{lines}: {told:#?}");
    }
}

#[test]
fn old_settings_for_the_clustering_mode() {
    use ClusteringMode::{NativeReplication, Raw, Slony, StreamingReplication};
    let cases = [
        ("", StreamingReplication, 0),
        ("master_slave_mode = off; replication_mode = off", Raw, 1),
        ("master_slave_mode = on", StreamingReplication, 1),
        ("master_slave_mode = on; master_slave_sub_mode = 'stream'", StreamingReplication, 1),
        ("master_slave_mode = on; master_slave_sub_mode = 'slony'", Slony, 1),
        ("replication_mode = on; master_slave_mode = off", NativeReplication, 2),
        ("replication_mode = on; replication_mode = off", Raw, 1),
        ("backend_clustering_mode = raw; master_slave_mode = on", Raw, 1),
        ("backend_clustering_mode = native_replication; master_slave_mode = off", NativeReplication, 1),
    ];
    for (lines, mode, warnings) in cases {
        let loaded = read(&format!("{NODE}{lines}"));
        assert_eq!(loaded.settings.connections.backend_clustering_mode, mode, "{lines}");
        assert_eq!(loaded.problems.len(), warnings, "{lines}: {:#?}", loaded.problems);
    }
}

#[test]
fn old_names_carry_their_values() {
    let lines = "wd_hostname = 'w0'; wd_port = 9001; other_pgpool_hostname0 = 'w1'; other_pgpool_port0 = 9999; \
                 other_wd_port00 = 9002; heartbeat_destination0 = 'h'; heartbeat_destination_port0 = 9694; \
                 debug_level = 2; print_timestamp = off; black_function_list = 'f'; delegate_IP = '10.0.0.1'; \
                 follow_master_command = 'c'; ifconfig_path = '/i'; fail_over_on_backend_error = off; \
                 relcache_query_target = master; backend_flag0 = 'ALWAYS_MASTER'; logdir = '/l'";
    let settings = read(lines).settings;
    let expected = [
        ("hostname0", "w0"),
        ("wd_port0", "9001"),
        ("hostname1", "w1"),
        ("pgpool_port1", "9999"),
        ("wd_port1", "9002"),
        ("heartbeat_hostname0", "h"),
        ("heartbeat_port0", "9694"),
        ("log_line_prefix", "%a pid %p: "),
        ("write_function_list", "f"),
        ("delegate_ip", "10.0.0.1"),
        ("follow_primary_command", "c"),
        ("if_cmd_path", "/i"),
        ("failover_on_backend_error", "off"),
        ("relcache_query_target", "primary"),
        ("backend_flag0", "ALLOW_TO_FAILOVER|ALWAYS_PRIMARY"),
        ("work_dir", "/l"),
    ];
    for (name, value) in expected {
        assert_eq!(settings.show(name, Style::Units).as_deref(), Some(value), "{name}");
    }
    assert_eq!(settings.logging.log_min_messages, MessageLevel::Debug2);
}

#[test]
fn values_for_all_nodes_and_for_one() {
    let lines = "health_check_period1 = 5; connect_timeout = 1s; health_check_period = 30; connect_timeout01 = 2s; \
                 health_check_max_retries = 3";
    let settings = read(lines).settings;
    let of = |node| settings.health_check(pgherd_types::NodeId(node));
    assert_eq!(of(0).health_check_period, Duration::from_secs(30));
    assert_eq!(of(1).health_check_period, Duration::from_secs(5), "whatever the order of the lines");
    assert_eq!(of(1).connect_timeout, Duration::from_secs(2));
    assert_eq!(of(1).health_check_max_retries, 3, "it has no value of its own");
    assert_eq!(of(2).connect_timeout, Duration::from_secs(1));
}

#[test]
fn no_password_is_in_what_is_said() {
    let texts = [
        "sr_check_password = hunter2 hunter2",
        "sr_check_password = 'hunter2",
        "sr_check_pasword = 'hunter2'",
        "health_check_password200 = 'hunter2'",
        "health_check_password1 = 'hunter2'",
        "wd_authkey = $hunter2",
        "port = 'PGPASSWORD=hunter2'",
        "log_destination = 'PGPASSWORD=hunter2'",
        "follow_master_command = 'PGPASSWORD=hunter2 psql'",
        "use_watchdog = on; wd_authkey = 'hunter2'; wd_lifecheck_password = hunter2",
        "'sr_check_password = hunter2",
        "recovery_1st_stage_command = 'x'; recovery_password = 'hunter2'",
    ];
    for text in texts {
        let loaded = read(text);
        let told = format!(
            "{:?} {}",
            loaded.problems,
            loaded.problems.iter().map(ToString::to_string).collect::<String>()
        );
        assert!(!loaded.problems.is_empty(), "{text}");
        assert!(!told.contains("hunter2"), "{text}: {told}");
    }
    assert!(!format!("{:?}", read("sr_check_password = 'hunter2'").settings).contains("hunter2"));
}

#[test]
fn each_value_has_its_place() {
    let files = |_: &Path| Ok(b"\n\nport = 7777\n".to_vec());
    let text = b"num_init_children = 5\nbackend_weight1 = 2\ninclude = 'more.conf'\nnum_init_children = 6\n";
    let loaded = pgherd_config::load(Path::new("/etc/x.conf"), text, &files);
    let place = |name: &str| loaded.place(name).map(|(file, line)| format!("{}:{line}", file.display()));
    assert_eq!(place("num_init_children").as_deref(), Some("/etc/x.conf:4"));
    assert_eq!(place("backend_weight1").as_deref(), Some("/etc/x.conf:2"));
    assert_eq!(place("port").as_deref(), Some("/etc/more.conf:3"));
    assert_eq!(place("max_pool"), None);
}
