//! The oracle's random programs, on real servers: directly, through pgherd, and by the model, which is
//! thereby held to be what it claims to be.

use std::net::Shutdown;

use pgherd_conformance::first_difference;
use pgherd_model::backend::Traits;
use pgherd_model::client::Client;
use pgherd_model::program::{Manners, Program, Step};
use pgherd_model::{Message, Rng, oracle};
use pgherd_testkit::{Pgherd, Target, sandbox::Cluster, streaming_cluster};

/// Databases of one length, so that texts that name them are of one length too.
const DIRECT: &str = "prog_d";
const THROUGH: &str = "prog_t";
const PROGRAMS: u64 = 150;
const TRAITS: Traits = Traits { standby: false, reports_late: true, hides_catalogs: false };

/// What the texts are about. The roles may do anything, so that only who they are differs.
const TABLES: &str = "
    create table t0 (a int);
    create table t7 (a int);
    create schema a;
    create schema b;
    create table public.here as select 'public'::text as v;
    create table a.here as select 'a'::text as v;
    create table b.here as select 'b'::text as v;
    do $$ begin create role r0 superuser; create role r1 superuser;
        exception when duplicate_object then null; end $$;
    create table keys (a int primary key);
    create table d0 (a int references keys deferrable initially deferred);
    create table with_check_0 (a int check (a < 0));
    create table before_trigger_0 (a int);
    create function refuse() returns trigger language plpgsql as
        $$ begin raise exception 'a statement trigger refuses'; end $$;
    create trigger refuse before insert on before_trigger_0 for each statement execute function refuse();";

/// A program that real servers answer alike whenever it is played: it ends by itself, and asks for nothing
/// that only pgherd or only the model has.
fn program(seed: u64) -> Option<Program> {
    let mut rng = Rng::new(seed);
    let manners = if rng.chance(80) { Manners::Rude } else { Manners::Polite };
    let program = oracle::program(&mut rng, 0, manners, TRAITS);
    let ours = |step: &Step| match step {
        // When a plan notices that a temporary table hides its own depends on what else the session has made.
        Step::Send(message) => {
            message.body.starts_with(b"SHOW pool_") || contains(&message.body, b"CREATE TEMP TABLE t")
        }
        Step::AwaitReady | Step::AwaitCopy | Step::AwaitCopyOrError | Step::AwaitEnd | Step::Cancel => false,
    };
    let alone = oracle::alone(&program, TRAITS);
    // Where the server keeps an answer to itself, or a COPY ends with the connection: docs/differences.md.
    let lost_in_copy = |reply: &Message| reply.kind == b'E' && reply.field(b'C') == Some("08006");
    let ends_alike = alone.keeps_nothing() && !alone.replies.iter().any(lost_in_copy);
    let ends_well = !alone.closed || program.says_goodbye() || (program.half_closes && ends_alike);
    // Whether a COPY that fails before it reads has read a Sync is a matter of time on a real server too.
    let timely = alone.doomed_copies() == 0 || manners == Manners::Polite;
    (ends_well && timely && !program.steps().any(ours)).then_some(program)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Plays a program and returns what the client read, a line per message.
fn play(target: &Target, program: &Program) -> (Vec<String>, Vec<Message>) {
    let mut connection = target.connect().expect("a connection");
    let mut client = Client::started(program);
    let (mut lines, mut ended) = (Vec::new(), None);
    while client.left() > 0 && ended.is_none() {
        let mut bytes = Vec::new();
        while let Some(step) = client.next_step() {
            if let Step::Send(message) = step {
                quick(message).write(&mut bytes);
            }
        }
        let sent = connection.send_bytes(&bytes);
        if client.left() == 0 {
            if program.half_closes {
                // It fails where the server has closed its own, which the next read finds out.
                let _closed = connection.stream().shutdown(Shutdown::Write);
            }
            if program.half_closes || program.says_goodbye() {
                // What was asked before the goodbye is answered.
                match connection.read_to_end() {
                    Ok(all) => all.into_iter().for_each(|message| take(message, &mut lines, &mut client)),
                    Err(error) => ended = Some(error),
                }
            }
            break;
        }
        match sent.and_then(|()| connection.read()) {
            Ok(message) => take(message, &mut lines, &mut client),
            Err(error) => ended = Some(error),
        }
    }
    lines.extend(ended.map(|error| format!("the session ended: {error}")));
    (lines, client.replies().to_vec())
}

fn take(message: pgherd_testkit::Message, lines: &mut Vec<String>, client: &mut Client) {
    lines.push(message.text());
    let mut bytes = Vec::new();
    Message::new(message.kind, message.body).write(&mut bytes);
    client.read(&bytes);
}

/// The same message, with a sleep that is over soon.
fn quick(message: Message) -> Message {
    let text = String::from_utf8_lossy(&message.body).replace("pg_sleep(1)", "pg_sleep(0)");
    if message.kind == b'Q' { Message::new(b'Q', text) } else { message }
}

/// What a message says in a word: its kind, and the code, tag or value that matters.
fn gist(message: &Message) -> String {
    let body = match message.kind {
        b'E' | b'N' => message.field(b'C').unwrap_or_default().to_owned(),
        b'C' | b'Z' => String::from_utf8_lossy(&message.body).into_owned(),
        b'D' => String::from_utf8_lossy(message.body.get(6..).unwrap_or_default()).into_owned(),
        _ => String::new(),
    };
    format!("{} {body}", message.kind as char)
}

struct Stage {
    direct: Target,
    through: Target,
}

impl Stage {
    fn new(cluster: &Cluster, through: &Target) -> Self {
        let admin = Target::node(cluster, cluster.node(0).expect("a cluster has a node 0"));
        for name in [DIRECT, THROUGH] {
            admin.psql(&format!("drop database if exists {name} with (force)"));
            admin.psql(&format!("create database {name}"));
            admin.clone().database(name).psql(TABLES);
            // Once set in a session, a setting of nobody's own stays known to the server process, whatever is
            // reset.
            admin.psql(&format!("alter database {name} set my.x = ''"));
        }
        cluster.wait_for_replay().expect("the standbys replay");
        Stage { direct: admin.database(DIRECT), through: through.clone().database(THROUGH) }
    }
}

#[test]
fn random_programs_are_answered_alike() {
    let cluster = streaming_cluster();
    let pgherd = Pgherd::start(cluster, "backend_weight0 = 0\n");
    let stage = Stage::new(cluster, pgherd.target());
    let mut complaints = Vec::new();
    let programs = (0..).filter_map(|seed| program(seed).map(|program| (seed, program)));
    for (seed, program) in programs.take(PROGRAMS as usize) {
        let (direct, replies) = play(&stage.direct, &program);
        let (through, _) = play(&stage.through, &program);
        if let Some(difference) = first_difference(&direct, &through) {
            complaints.push(format!("seed {seed}, through pgherd:\n{difference}"));
        }
        let model = oracle::alone(&program, TRAITS).replies;
        let gists = |all: &[Message]| all.iter().map(gist).collect::<Vec<_>>();
        if let Some(difference) = first_difference(&gists(&replies), &gists(&model)) {
            complaints.push(format!("seed {seed}, by the model:\n{difference}\n{:#?}", program.units));
        }
        // What a program has committed must not be seen by the next one.
        for target in [&stage.direct, &stage.through] {
            target.psql("truncate t0, t7; drop table if exists u0");
        }
        cluster.wait_for_replay().expect("the standbys replay");
    }
    assert!(complaints.is_empty(), "{} complaints\n{}", complaints.len(), complaints.join("\n\n"));
}
