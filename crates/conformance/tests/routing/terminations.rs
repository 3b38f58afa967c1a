//! `SELECT pg_terminate_backend` of server processes on every node, through pgherd.

use pgherd_testkit::{Client, Message, Param, Pgherd, Request, Target, wait_for};

use crate::stage::{DATABASE, Stage, application};

/// Reads go to node 1, those of the application "elsewhere" to node 2, however late that is.
const SETTINGS: &str = "backend_weight0 = 0\nbackend_weight2 = 0\nread_consistency = eventual\n\
    app_name_redirect_preference_list = 'elsewhere:2'\n";

struct Scene {
    stage: &'static Stage,
    pgherd: Pgherd,
    target: Target,
    /// A session on node 1, directly.
    standby: Client,
}

fn scene() -> Scene {
    let stage = Stage::shared();
    let pgherd = Pgherd::start(&stage.cluster, SETTINGS);
    let target = pgherd.target().clone().database(DATABASE);
    let standby = Target::node(&stage.cluster, stage.node(1)).connect().expect("a direct session");
    Scene { stage, pgherd, target, standby }
}

impl Scene {
    /// The server process on node 1 of a session that reads from there.
    fn reader_of(&mut self, client: &mut Client, name: &str) -> String {
        assert_eq!(self.stage.reads_from(client), 1);
        self.standby.value(&format!("SELECT pid FROM pg_stat_activity WHERE application_name = '{name}'"))
    }

    fn wait_for_end_of(&mut self, process: &str) {
        let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {process}");
        wait_for("the end of the process", || self.standby.value(&sql) == "0");
    }

    #[track_caller]
    fn finds(&self, process: &str, node: usize) {
        let found = format!("found the pg_terminate_backend request for process {process} of node {node}\n");
        self.pgherd.wait_for_log(&found);
    }
}

fn end(process: &str) -> String {
    format!("SELECT pg_terminate_backend({process})")
}

fn code(messages: &[Message]) -> Option<String> {
    messages.iter().find(|message| message.kind == b'E')?.field(b'C')
}

#[test]
fn processes_of_a_standby() {
    let mut scene = scene();
    let mut victim = application(&scene.target, "victim");
    for name in ["elsewhere", "beside", "elsewhere"] {
        let mut client = application(&scene.target, name);
        for open in [false, true] {
            let process = scene.reader_of(&mut victim, "victim");
            if open {
                client.rows("BEGIN");
            }
            let route = client.rows(&format!("EXPLAIN (ROUTE) {}", end(&process)));
            assert_eq!(route, [["1", "standby", "the server process that it ends is on that node"]]);
            assert_eq!(client.value(&end(&process)), "t", "{name}, in a transaction: {open}");
            scene.wait_for_end_of(&process);
            scene.finds(&process, 1);
            assert_eq!(client.value("SELECT count(*) FROM u WHERE a < 0"), "0", "{name} goes on");
            if open {
                client.rows("COMMIT");
            }
        }
        let own = if name == "elsewhere" { 2 } else { 1 };
        assert_eq!(scene.stage.reads_from(&mut client), own, "{name} reads from where it did");
    }
}

#[test]
fn processes_of_the_primary() {
    let scene = scene();
    let mut client = application(&scene.target, "beside");
    let mut victim = application(&scene.target, "victim");
    victim.rows("BEGIN");
    let process = victim.backend_pid();
    let route = client.rows(&format!("EXPLAIN (ROUTE) {}", end(&process)));
    assert_eq!(route, [["0", "primary", "it calls a function that needs the primary"]]);
    assert_eq!(client.value(&end(&process)), "t");
    scene.finds(&process, 0);
    let last = victim.read_to_end().expect("the session ends");
    assert_eq!(code(&last).as_deref(), Some("57P01"));
    let own = client.backend_pid();
    client.send(&[Request::Query(end(&own))]).expect("the connection is open");
    let last = client.read_to_end().expect("the session ends");
    assert_eq!(code(&last).as_deref(), Some("57P01"), "a session that ends its own lead");
}

#[test]
fn a_session_that_ends_its_own_reader() {
    let mut scene = scene();
    let mut client = application(&scene.target, "own");
    let process = scene.reader_of(&mut client, "own");
    let answer = client.query(&end(&process)).expect("the session goes on");
    assert_eq!(code(&answer).as_deref(), Some("08006"));
    scene.wait_for_end_of(&process);
    assert_ne!(scene.reader_of(&mut client, "own"), process);
}

#[test]
fn what_is_the_primarys_to_answer() {
    let mut scene = scene();
    let mut client = application(&scene.target, "beside");
    let mut victim = application(&scene.target, "victim");
    let strange = scene.standby.backend_pid();
    assert_eq!(client.value(&end(&strange)), "f", "pgherd does not have this process");
    assert_eq!(scene.standby.value("SELECT 1"), "1");
    let process = scene.reader_of(&mut victim, "victim");
    let sql = format!("SELECT pg_terminate_backend({process}), 1");
    assert_eq!(client.value(&sql), "f", "it is not all that the statement does");
    let mut other = application(&scene.target, "elsewhere");
    other.rows("BEGIN");
    assert_eq!(scene.stage.reads_from(&mut other), 2);
    assert_eq!(other.value(&end(&process)), "f", "its transaction reads from another standby");
    other.rows("COMMIT");
    let parse = Request::Parse {
        name: String::new(),
        sql: "SELECT pg_terminate_backend($1)::text".to_owned(),
        types: Vec::new(),
    };
    let bind = Request::Bind {
        portal: String::new(),
        statement: String::new(),
        params: vec![Param::Text(process.clone())],
        results: Vec::new(),
    };
    client.send(&[parse, bind, Request::Execute(String::new(), 0), Request::Sync]).expect("it is open");
    let answer = client.read_until_ready().expect("the session goes on");
    let row = answer.iter().find_map(Message::values).expect("a row");
    assert_eq!(row, [Some("false".to_owned())], "the extended protocol");
    assert_eq!(scene.reader_of(&mut victim, "victim"), process, "it goes on");
}
