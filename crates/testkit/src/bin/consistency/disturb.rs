use core::time::Duration;
use std::sync::mpsc::{Receiver, RecvTimeoutError};

use pgherd_testkit::{Client, Target};

use crate::session::Random;

/// Milliseconds for which a standby applies nothing, or by which it applies late, of which one is drawn each time.
const DELAYS_MS: [u64; 6] = [0, 0, 5, 30, 100, 400];

/// Pauses a standby's replay, resumes it and changes how late it applies, until `end` is closed. At the end the
/// standby replays at once.
pub(crate) fn disturb(target: &Target, mut random: Random, end: &Receiver<()>) {
    let mut standby = target.connect().expect("a standby takes connections");
    loop {
        apply_late(&mut standby, random.of(&DELAYS_MS));
        let pauses = random.below(2) == 0;
        if pauses {
            standby.rows("SELECT pg_wal_replay_pause()");
        }
        let ended = end.recv_timeout(Duration::from_millis(50 + random.of(&DELAYS_MS)));
        standby.rows("SELECT pg_wal_replay_resume()");
        if ended != Err(RecvTimeoutError::Timeout) {
            apply_late(&mut standby, 0);
            return;
        }
        // Replays for a while, so that it is not behind for ever.
        let _ = end.recv_timeout(Duration::from_millis(random.of(&DELAYS_MS)));
    }
}

fn apply_late(standby: &mut Client, by_ms: u64) {
    standby.rows(&format!("ALTER SYSTEM SET recovery_min_apply_delay = '{by_ms}ms'"));
    standby.rows("SELECT pg_reload_conf()");
}
