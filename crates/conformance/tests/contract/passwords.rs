//! Passwords that servers ask of pgherd: it has them from `pool_passwd`, in plain text for now.

use std::fs;

use pgherd_testkit::sandbox::{Auth, Cluster, Mode, Spec};
use pgherd_testkit::{Pgherd, Target, wait_for};
use rustix::process::Signal;

const SECRET: &str = "s\u{fc}\u{df} 'and' \"secret\": \\pw";

fn each_method(auth: Auth) {
    let cluster = Cluster::start(&Spec::new().nodes(1).mode(Mode::Raw).auth(auth))
        .unwrap_or_else(|error| panic!("no cluster: {error}"));
    let node = cluster.node(0).expect("node 0");
    let quoted = SECRET.replace('\'', "''");
    for user in ["known", "plain", "wrong", "missing", "hashed"] {
        node.psql(&format!("create role {user} login password '{quoted}'")).expect("a role");
    }
    let pgherd = Pgherd::start(&cluster, "");
    let passwd = pgherd.dir().join("pool_passwd");
    let old = fs::read_to_string(&passwd).expect("a pool_passwd");
    let hashed = "hashed:md5e8a48653851e28c69d0506508fb27fc5\n";
    let escaped = SECRET.replace('\\', "\\\\").replace(':', "\\:");
    let new = format!("{old}known:TEXT{escaped}\nplain:{escaped}\nwrong:TEXTnot this one\n{hashed}");
    fs::write(&passwd, new).expect("a pool_passwd");
    pgherd.signal(Signal::HUP);
    let through = |user: &str| pgherd.target().clone().user(user).database("postgres");
    wait_for("the passwords to be read again", || through("known").connect().is_ok());
    for user in ["postgres", "known", "plain"] {
        let mut client = through(user).connect().unwrap_or_else(|error| panic!("{auth:?} {user}: {error}"));
        assert_eq!(client.value("select current_user"), user);
    }
    for (user, what) in [
        ("wrong", "C=28P01 M=password authentication failed for user \"wrong\""),
        ("missing", "C=28P01 M=password authentication failed for user \"missing\" D=pool_passwd"),
        ("nobody", "C=28P01 M=password authentication failed for user \"nobody\" D=pool_passwd"),
    ] {
        let refused = through(user).connect().expect_err("a refused password").to_string();
        assert!(refused.contains(what) && refused.contains("S=FATAL"), "{auth:?} {user}: {refused}");
    }
    let hashed = through("hashed").connect().expect_err("the hash is that of another password").to_string();
    assert!(
        hashed.contains("C=28P01 M=password authentication failed for user \"hashed\""),
        "{auth:?}: {hashed}"
    );
    // A refused password is no reason to doubt the node.
    let mut known = through("known").connect().expect("a session");
    let status = known.rows("show pool_nodes").into_iter().flatten().nth(3);
    assert_eq!(status.as_deref(), Some("up"));
    let log = pgherd.log();
    for word in [SECRET, "not this one", "e8a48653851e28c69d0506508fb27fc5"] {
        assert!(!log.contains(word), "a password is in the log:\n{log}");
    }
    let server = Target::node(&cluster, node);
    assert!(server.connect().is_err(), "the server does ask for passwords");
}

#[test]
fn clear_text() {
    each_method(Auth::Password);
}

#[test]
fn md5() {
    each_method(Auth::Md5);
}

#[test]
fn scram() {
    each_method(Auth::Scram);
}
