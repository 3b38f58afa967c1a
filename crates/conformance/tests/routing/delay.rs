//! Standbys that lag (3.3/13 and the last line of 3.4), made late by pausing what they replay.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use pgherd_testkit::sandbox::temporary_folder;
use pgherd_testkit::{Client, Pgherd, Target, wait_for};

use crate::stage::{DATABASE, Stage, application};

/// Sessions that call themselves `one` read from node 1 when they may.
const SETTINGS: &str = "sr_check_period = 1\nbackend_weight0 = 0\nread_consistency = eventual\n\
    app_name_redirect_preference_list = 'one:1'\n";

struct Late {
    stage: Stage,
}

impl Late {
    fn start() -> Self {
        Late { stage: Stage::start() }
    }

    fn pgherd(&self, settings: &str) -> (Pgherd, Target) {
        let pgherd = Pgherd::start(&self.stage.cluster, &format!("{SETTINGS}{settings}"));
        let target = pgherd.target().clone().database(DATABASE);
        (pgherd, target)
    }

    /// A session that reads from node 1.
    fn reader(&self, target: &Target) -> Client {
        let mut client = application(target, "one");
        wait_for("a session that reads from node 1", || {
            if self.stage.reads_from(&mut client) != 1 {
                client = application(target, "one");
            }
            self.stage.reads_from(&mut client) == 1
        });
        client
    }

    /// Node 1 replays no more, and there is something to replay.
    fn pause(&self) {
        self.stage.node(1).psql("SELECT pg_wal_replay_pause()").expect("a standby");
        let paused = || self.stage.node(1).psql("SELECT pg_get_wal_replay_pause_state()");
        wait_for("the pause", || paused().is_ok_and(|state| state == "paused"));
        self.stage.primary.psql("INSERT INTO u SELECT generate_series(1, 5000)");
    }

    fn resume(&self) {
        self.stage.node(1).psql("SELECT pg_wal_replay_resume()").expect("a standby");
        self.stage.cluster.wait_for_replay().expect("the standbys replay");
    }

    fn wait_until_reads_from(&self, client: &mut Client, node: usize) {
        wait_for(&format!("reads from node {node}"), || self.stage.reads_from(client) == node);
        for _ in 0..5 {
            assert_eq!(self.stage.reads_from(client), node);
        }
    }
}

#[test]
fn a_standby_that_lags() {
    let late = Late::start();
    over_the_threshold_the_primary_answers(&late);
    over_the_threshold_a_standby_that_lags_less_answers(&late);
    in_time(&late);
    by_a_command(&late);
    a_node_that_is_gone_is_not_drawn(&late);
}

fn over_the_threshold_the_primary_answers(late: &Late) {
    let (_pgherd, target) = late.pgherd("delay_threshold = 1000\n");
    let mut client = late.reader(&target);
    late.pause();
    late.wait_until_reads_from(&mut client, 0);
    let mut other = application(&target, "one");
    assert_eq!(late.stage.reads_from(&mut other), 0, "a new session");
    late.resume();
    late.wait_until_reads_from(&mut client, 1);
}

fn over_the_threshold_a_standby_that_lags_less_answers(late: &Late) {
    let (_pgherd, target) = late.pgherd("delay_threshold = 1000\nprefer_lower_delay_standby = on\n");
    let mut client = late.reader(&target);
    late.pause();
    late.wait_until_reads_from(&mut client, 2);
    let mut other = application(&target, "one");
    assert_eq!(late.stage.reads_from(&mut other), 2, "a new session");
    late.resume();
    // The session has changed its node for good.
    let _new = late.reader(&target);
    late.wait_until_reads_from(&mut client, 2);
}

fn in_time(late: &Late) {
    let (_pgherd, target) = late.pgherd("delay_threshold_by_time = 300\n");
    let mut client = late.reader(&target);
    let apply = |delay: &str| {
        let node = Target::node(&late.stage.cluster, late.stage.node(1));
        node.psql(&format!("ALTER SYSTEM SET recovery_min_apply_delay = '{delay}'"));
        node.psql("SELECT pg_reload_conf()");
    };
    apply("2s");
    wait_for("the primary to answer", || {
        // A standby that has nothing to replay is not late.
        late.stage.primary.psql("INSERT INTO u VALUES (1)");
        late.stage.reads_from(&mut client) == 0
    });
    apply("0");
    wait_for("node 1 to answer", || {
        late.stage.primary.psql("INSERT INTO u VALUES (1)");
        late.stage.reads_from(&mut client) == 1
    });
}

fn by_a_command(late: &Late) {
    let dir = temporary_folder("pgherd-delay").expect("a folder");
    let (answer, script) = (dir.join("answer"), dir.join("delay.sh"));
    let port = late.stage.node(1).port();
    fs::write(&answer, "0").expect("a file");
    let text =
        format!("#!/bin/sh\ncase \"$*\" in *:{port}*) cat '{}' ;; *) echo 0 ;; esac\n", answer.display());
    fs::write(&script, text).expect("a script");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("a script");
    let settings =
        format!("delay_threshold_by_time = 1000\nreplication_delay_source_cmd = '{}'\n", script.display());
    let (pgherd, target) = late.pgherd(&settings);
    let mut client = late.reader(&target);
    fs::write(&answer, "5000").expect("a file");
    late.wait_until_reads_from(&mut client, 0);
    fs::write(&answer, "0").expect("a file");
    late.wait_until_reads_from(&mut client, 1);
    drop(pgherd);
    fs::remove_dir_all(&dir).expect("the folder can go");
}

fn a_node_that_is_gone_is_not_drawn(late: &Late) {
    late.stage.node(1).stop().expect("a standby that stops");
    let (_pgherd, target) = late.pgherd("");
    let mut client = application(&target, "one");
    wait_for("reads from the node that is left", || {
        if late.stage.reads_from(&mut client) != 2 {
            client = application(&target, "one");
        }
        late.stage.reads_from(&mut client) == 2
    });
}
