use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use pgherd_testkit::sandbox::{Cluster, Role, Spec};
use pgherd_testkit::{Pgherd, Target};

use crate::disturb::disturb;
use crate::session::{Random, Session};
use crate::tally::Tally;

/// Sessions that a thread of the system runs one after another keep at least this long to one connection.
const SESSION_LIMIT: Duration = Duration::from_secs(20);

/// Steps of the longest session: what a block or a procedure does keeps its session's later reads on the primary, so
/// that on a fast machine sessions that end by time alone would read from standbys less and less.
const MOST_STEPS: u64 = 80;

/// One run.
#[derive(Debug)]
pub(crate) struct Play {
    pub(crate) seconds: Duration,
    pub(crate) sessions: u32,
    pub(crate) seed: u64,
    pub(crate) settings: String,
}

const SCHEMA: &str = "
    CREATE TABLE cell (id int PRIMARY KEY, value bigint NOT NULL) WITH (fillfactor = 50);
    CREATE FUNCTION bump(i int, v bigint) RETURNS bigint VOLATILE LANGUAGE sql
        AS 'UPDATE cell SET value = v WHERE id = i RETURNING value';
    CREATE FUNCTION look(i int) RETURNS bigint STABLE LANGUAGE sql AS 'SELECT value FROM cell WHERE id = i';
    CREATE PROCEDURE put(i int, v bigint) LANGUAGE sql AS 'UPDATE cell SET value = v WHERE id = i';";

impl Play {
    /// Starts a cluster and a pgherd, and plays.
    pub(crate) fn run(&self) -> Tally {
        let connections = (2 * self.sessions + 50).to_string();
        let spec = Spec::new()
            .setting("max_connections", connections)
            .setting("max_prepared_transactions", (self.sessions + 20).to_string());
        let cluster = Cluster::start(&spec).unwrap_or_else(|error| panic!("no cluster: {error}"));
        let settings = format!("num_init_children = {}\n{}", self.sessions + 1, self.settings);
        let pgherd = Pgherd::start(&cluster, &settings);
        let target = pgherd.target().clone();
        self.prepare(&cluster);
        self.play(&cluster, &target)
    }

    fn prepare(&self, cluster: &Cluster) {
        let primary = cluster.node(0).unwrap_or_else(|error| panic!("{error}"));
        let mut client = Target::node(cluster, primary).connect().expect("the primary takes connections");
        client.rows(SCHEMA);
        client.rows(&format!("INSERT INTO cell SELECT i, 0 FROM generate_series(0, {}) i", self.sessions));
        for i in 0..self.sessions {
            client.rows(&format!("CREATE VIEW view_{i} AS SELECT 0::bigint AS value"));
        }
        cluster.wait_for_replay().unwrap_or_else(|error| panic!("{error}"));
    }

    fn play(&self, cluster: &Cluster, target: &Target) -> Tally {
        let primary = cluster.node(0).unwrap_or_else(|error| panic!("{error}")).port();
        let end = Instant::now() + self.seconds;
        let mut random = Random::new(self.seed);
        let mut all = Tally::default();
        thread::scope(|scope| {
            let standbys = cluster.nodes().filter(|node| node.role() == Role::Standby);
            let stops: Vec<mpsc::Sender<()>> = standbys
                .map(|node| {
                    let (stop, stopped) = mpsc::channel();
                    let (standby, random) = (Target::node(cluster, node), random.fork());
                    scope.spawn(move || disturb(&standby, random, &stopped));
                    stop
                })
                .collect();
            let players: Vec<_> = (0..self.sessions)
                .map(|id| {
                    let random = random.fork();
                    scope.spawn(move || self.sessions_of(target, primary, id, random, end))
                })
                .collect();
            for player in players {
                match player.join() {
                    Ok(tally) => all.add(tally),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            drop(stops);
        });
        all
    }

    /// Session after session with one cell, until the end.
    fn sessions_of(&self, target: &Target, primary: u16, id: u32, mut random: Random, end: Instant) -> Tally {
        let mut tally = Tally::default();
        let mut written = None;
        while Instant::now() < end {
            let until =
                end.min(Instant::now() + SESSION_LIMIT / 8 * u32::try_from(1 + random.below(8)).unwrap_or(1));
            tally.note_session();
            let mut session = match Session::begin(target, primary, id, self.sessions, random.fork(), written)
            {
                Ok(session) => session,
                Err(error) => {
                    tally.note_error(format!("no session: {error}"));
                    return tally;
                }
            };
            let mut steps = 1 + random.below(MOST_STEPS);
            while steps > 0 && Instant::now() < until {
                steps -= 1;
                if let Err(error) = session.step(&mut tally) {
                    tally.note_error(error);
                    return tally;
                }
            }
            written = Some(session.end());
        }
        tally
    }
}
