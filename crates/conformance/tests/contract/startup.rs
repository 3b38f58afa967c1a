//! What comes before the first statement, in every form that clients and strangers send it.

use pgherd_conformance::{Scene, first_difference};
use pgherd_testkit::{Client, ClientError, Request, Target};
use pgherd_wire::ProtocolVersion;

const SSL: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";
const GSSENC: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x30";

/// A packet with this version and these parameters, NULs and all.
fn packet(version: u32, rest: &[u8]) -> Vec<u8> {
    let length = u32::try_from(rest.len() + 8).expect("a short packet");
    [&length.to_be_bytes()[..], &version.to_be_bytes(), rest].concat()
}

fn parameters(target: &Target, also: &[(&str, &str)]) -> Vec<u8> {
    let who = [("user", target.user.as_str()), ("database", target.database.as_str())];
    let pairs = who.iter().chain(also).flat_map(|(name, value)| [*name, *value]);
    pairs.flat_map(|text| [text.as_bytes(), b"\0"].concat()).chain([0]).collect()
}

/// A well-formed startup packet.
fn startup(target: &Target) -> Vec<u8> {
    packet(0x3_0000, &parameters(target, &[]))
}

/// Sends the parts, reads a byte behind each but the last, and then messages up to ReadyForQuery or the end.
fn talk(target: &Target, parts: &[Vec<u8>]) -> Vec<String> {
    let mut client = Client::connect(target.port).expect("a connection");
    let mut seen = Vec::new();
    for (i, part) in parts.iter().enumerate() {
        if client.send_bytes(part).is_err() {
            seen.push("cannot send".to_owned());
        }
        if i + 1 < parts.len() {
            match client.read_byte() {
                Ok(byte) => seen.push(format!("byte {byte}")),
                Err(error) => seen.push(error.to_string()),
            }
        }
    }
    loop {
        match client.read() {
            Ok(message) if message.ready().is_some() => {
                seen.push(message.text());
                let _ = client.send(&[Request::Terminate]);
                return seen;
            }
            Ok(message) => seen.push(message.text()),
            Err(error) => {
                seen.push(error.to_string());
                return seen;
            }
        }
    }
}

type Case = (&'static str, fn(&Target) -> Vec<Vec<u8>>);

const CASES: [Case; 21] = [
    ("plain", |t| vec![startup(t)]),
    ("a query in the same packet", |t| vec![[startup(t), b"Q\0\0\0\x0dselect 1\0".to_vec()].concat()]),
    ("SSLRequest first", |t| vec![SSL.to_vec(), startup(t)]),
    ("two SSLRequests", |_| vec![SSL.to_vec(), SSL.to_vec()]),
    ("protocol 2.0", |_| vec![packet(0x2_0000, b"x\0")]),
    ("protocol 4.0", |t| vec![packet(0x4_0000, &parameters(t, &[]))]),
    ("protocol 1.0", |_| vec![packet(0x1_0000, b"")]),
    ("length 0", |_| vec![vec![0; 8]]),
    ("length 4", |_| vec![b"\0\0\0\x04".to_vec()]),
    ("length 7", |_| vec![b"\0\0\0\x07\0\x03\0".to_vec()]),
    ("a huge length", |_| vec![b"\x7f\xff\xff\xff\0\x03\0\0".to_vec()]),
    ("HTTP", |_| vec![b"GET / HTTP/1.1\r\n\r\n".to_vec()]),
    ("no parameters", |_| vec![packet(0x3_0000, b"\0")]),
    ("no user", |_| vec![packet(0x3_0000, b"database\0postgres\0\0")]),
    ("an empty user", |_| vec![packet(0x3_0000, b"user\0\0\0")]),
    ("no terminator", |_| vec![packet(0x3_0000, b"user\0postgres\0")]),
    ("bytes behind the terminator", |_| vec![packet(0x3_0000, b"user\0postgres\0\0x\0")]),
    ("a name without value", |_| vec![packet(0x3_0000, b"user\0postgres\0database\0")]),
    ("nothing at all", |_| vec![packet(0x3_0000, b"")]),
    ("replication = perhaps", |t| vec![packet(0x3_0000, &parameters(t, &[("replication", "perhaps")]))]),
    ("a cancel request without a key", |_| vec![b"\0\0\0\x08\x04\xd2\x16\x2e".to_vec()]),
];

/// Without what is the server's own affair: the place in its source, and the versions that it names (those of
/// PostgreSQL 15 end at 3.0).
fn essence(line: &str) -> String {
    let end = [" F=", ": server supports "].iter().filter_map(|mark| line.find(mark)).min();
    line.get(..end.unwrap_or(line.len())).unwrap_or_default().to_owned()
}

#[test]
fn startup_packets_are_answered_as_by_a_server() {
    let scene = Scene::raw("startup_forms", "");
    let mut complaints = Vec::new();
    for (name, parts) in CASES {
        let [direct, through] = [&scene.direct, &scene.through]
            .map(|target| talk(target, &parts(target)).iter().map(|line| essence(line)).collect::<Vec<_>>());
        if let Some(difference) = first_difference(&direct, &through) {
            complaints.push(format!("{name}:\n{difference}"));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// A server may be able to encrypt with GSSAPI; pgherd is not, and says so as a server without it does.
#[test]
fn encryption_is_refused() {
    let scene = Scene::raw("startup_encryption", "");
    let expected = talk(&scene.through, &[startup(&scene.through)]);
    let ask = |requests: &[&[u8]]| {
        let parts: Vec<Vec<u8>> = requests.iter().map(|part| part.to_vec()).collect();
        talk(&scene.through, &[parts, vec![startup(&scene.through)]].concat())
    };
    let refused = |times: usize| [vec!["byte 78".to_owned(); times], expected.clone()].concat();
    assert_eq!(ask(&[GSSENC]), refused(1));
    assert_eq!(ask(&[GSSENC, SSL]), refused(2));
    assert_eq!(ask(&[SSL, GSSENC]), refused(2));
    let twice = talk(&scene.through, &[GSSENC.to_vec(), GSSENC.to_vec()]);
    assert_eq!(twice.len(), 3, "{twice:?}");
    assert!(twice[1].contains("M=unsupported frontend protocol 1234.5680"), "{twice:?}");
}

/// Options, names and values in startup packets that the server itself has to judge.
#[test]
fn what_only_the_server_can_judge() {
    let scene = Scene::raw("startup_options", "");
    let long = "x".repeat(100);
    let quoted = "a \"quoted\" name; --";
    let cases: [&[(&str, &str)]; 14] = [
        &[("database", "no_such_database")],
        &[("user", "no_such_role")],
        &[("database", &long)],
        &[("user", quoted)],
        &[("options", "-c work_mem=5MB")],
        &[("options", "-c no_such_setting=1")],
        &[("options", "-c work_mem")],
        &[("options", "-x")],
        &[("options", "--work_mem=6MB -c search_path=a\\ b")],
        &[("work_mem", "7MB")],
        &[("no.such", "thing")],
        &[("no_such", "thing")],
        &[("work_mem", "lots")],
        &[("client_encoding", "LATIN1")],
    ];
    let mut complaints = Vec::new();
    for options in cases {
        let [direct, through] = [&scene.direct, &scene.through].map(|target| {
            let who = [("user", target.user.as_str()), ("database", target.database.as_str())];
            match Client::login(target.port, &[&who[..], options].concat()) {
                Ok(mut client) => {
                    let mut lines: Vec<String> =
                        client.startup().iter().map(|message| message.text()).collect();
                    // Their order is not promised.
                    lines.sort();
                    let look = "select current_setting('work_mem'), current_setting('search_path'), \
                                current_setting('no.such', true)";
                    lines.push(format!("{:?}", client.rows(look)));
                    lines
                }
                Err(error) => vec![error.to_string()],
            }
        });
        if let Some(difference) = first_difference(&direct, &through) {
            complaints.push(format!("{options:?}:\n{difference}"));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn newer_protocols_are_negotiated() {
    let scene = Scene::raw("startup_versions", "");
    let who = [("user", "postgres"), ("database", "startup_versions")];
    let with_option = [who[0], who[1], ("_pq_.x", "1")];
    let first = |version: u16, parameters: &[(&str, &str)]| {
        let version = ProtocolVersion { major: 3, minor: version };
        let mut client = Client::login_with(scene.through.port, version, parameters)
            .unwrap_or_else(|e| panic!("{version}: {e}"));
        let text = client.startup()[0].text().trim_end().to_owned();
        assert_eq!(client.value("select 1"), "1");
        (text, client.key().map_or(0, |(_, key)| key.len()))
    };
    let ok = || "Authentication 0".to_owned();
    let offer = |what: &str| format!("NegotiateProtocolVersion {what}");
    assert_eq!(first(0, &who), (ok(), 4));
    assert_eq!(first(2, &who), (ok(), 32));
    assert_eq!(first(9, &who), (offer("30002"), 32));
    assert_eq!(first(9, &with_option), (offer("30002 _pq_.x"), 32));
    assert_eq!(first(2, &with_option), (offer("30002 _pq_.x"), 32));
    assert_eq!(first(0, &with_option), (offer("30000 _pq_.x"), 4));
}

#[test]
fn the_server_sees_the_clients_name() {
    let mut scene = Scene::raw("startup_names", "");
    let who = [("user", "postgres"), ("database", "startup_names"), ("application_name", "a \u{e9} b")];
    let mut client = Client::login(scene.through.port, &who).expect("a session");
    let mut direct = Client::login(scene.direct.port, &who).expect("a session");
    let name = |pid: &str| format!("select application_name from pg_stat_activity where pid = {pid}");
    let (through, directly) = (name(&client.backend_pid()), name(&direct.backend_pid()));
    assert_eq!(scene.witness.value(&through), scene.witness.value(&directly));
}

#[test]
fn replication_connections() {
    let mut scene = Scene::raw("startup_replication", "");
    for (kind, sql) in [("database", true), ("true", false)] {
        let mut seen = Vec::new();
        let mut pid = String::new();
        for target in [&scene.direct, &scene.through] {
            let who = [("user", "postgres"), ("database", target.database.as_str()), ("replication", kind)];
            let mut client =
                Client::login(target.port, &who).unwrap_or_else(|error| panic!("{kind}: {error}"));
            let system = client.rows("IDENTIFY_SYSTEM");
            let answer = client.query("select 1").expect("the session goes on");
            assert_eq!(answer.iter().any(|message| message.kind == b'D'), sql, "{kind}: {answer:?}");
            let texts: Vec<String> = answer.iter().map(|message| message.text()).collect();
            seen.push((system[0][0].clone(), system[0][3].clone(), texts));
            if sql {
                pid = client.backend_pid();
            }
            client.bye();
        }
        assert_eq!(seen[0], seen[1], "{kind}");
        if sql {
            scene.witness.wait_for_end_of(&pid);
        }
    }
    scene.witness.wait_for("select count(*) from pg_stat_activity where backend_type = 'walsender'", "0");
}

/// As many connections as an impatient load balancer opens to see whether a port is alive.
#[test]
fn connections_that_say_nothing() {
    let mut scene = Scene::raw("startup_silence", "num_init_children = 4");
    let silent: Vec<Client> =
        (0..40).map(|_| Client::connect(scene.through.port).expect("a connection")).collect();
    assert_eq!(scene.client().value("select 1"), "1", "they hold no place");
    drop(silent);
    scene.wait_for_backends(1);
    let mut stranger = Client::connect(scene.through.port).expect("a connection");
    stranger.send_bytes(b"GET / HTTP/1.0\r\n\r\n").expect("the connection is open");
    assert!(matches!(stranger.read(), Err(ClientError::Closed)));
}
