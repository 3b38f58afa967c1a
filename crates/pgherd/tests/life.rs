//! The program as its callers see it: start, stop, reload, exit codes, files, signals. Needs no server.

mod setup;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::process::Command;

use pgherd_testkit::wait_for;

use setup::{Setup, errors, text};

#[test]
fn the_version_names_what_it_stands_in_for_and_what_it_is() {
    let setup = Setup::new("");
    let out = setup.run(&["--version"]);
    assert!(out.status.success());
    let third = text(&out).split_whitespace().nth(2).map(str::to_owned);
    assert!(third.is_some_and(|word| word.as_str() >= "4"), "{out:?}");
    let pgpool = setup.dir().join("pgpool");
    symlink(env!("CARGO_BIN_EXE_pgherd"), &pgpool).unwrap();
    let out = Command::new(&pgpool).arg("-v").output().unwrap();
    assert!(out.status.success());
    assert!(errors(&out).starts_with("pgpool-II version 4."), "{out:?}");
    assert!(errors(&out).contains("(pgherd "), "it does not pretend to be Pgpool-II: {out:?}");
}

#[test]
fn a_wrong_command_line_is_refused_with_2() {
    let setup = Setup::new("");
    for wrong in [&["--nonsense"][..], &["nonsense"], &["-m", "now", "stop"]] {
        let out = setup.run(wrong);
        assert_eq!(out.status.code(), Some(2), "{wrong:?}");
        assert!(errors(&out).contains("--help"), "{out:?}");
    }
    assert!(text(&setup.run(&["--help"])).contains("--discard-status"));
}

#[test]
fn start_and_stop_in_each_mode() {
    for mode in ["smart", "fast", "immediate", "s", "f", "i"] {
        let setup = Setup::new("");
        let mut running = setup.start();
        assert_eq!(setup.pid(), fs::read_to_string(setup.pid_file()).unwrap().trim().parse().ok());
        TcpStream::connect(("127.0.0.1", setup.port)).unwrap();
        UnixStream::connect(setup.socket()).unwrap();
        let out = setup.run(&["-D", "-n", "-m", mode, "stop"]);
        assert!(out.status.success(), "{mode}: {}", errors(&out));
        assert_eq!(running.wait(), 0, "{mode}: {}", running.log());
        assert!(!setup.pid_file().exists() && !setup.socket().exists(), "{mode}: files are left behind");
    }
}

#[test]
fn a_second_start_is_refused_and_harms_nothing() {
    let setup = Setup::new("");
    let mut running = setup.start();
    let out = setup.run(&["-n"]);
    assert_eq!(out.status.code(), Some(1));
    let pid = setup.pid().unwrap();
    let expected = format!("ERROR: pid file found. is another pgpool({pid}) is running?\n");
    assert_eq!(errors(&out), expected);
    assert_eq!(running.ended(), None);
    assert!(setup.run(&["-m", "f", "stop"]).status.success());
    assert_eq!(running.wait(), 0);
    let mut again = setup.start();
    again.signal("INT");
    assert_eq!(again.wait(), 0, "it can be started again at once");
}

#[test]
fn a_stale_pid_file_is_replaced_and_stop_removes_one() {
    let setup = Setup::new("");
    let out = setup.run(&["stop"]);
    assert_eq!(out.status.code(), Some(1), "nothing runs");
    assert!(errors(&out).contains("could not read pid file"), "{out:?}");
    let gone = Command::new("true").spawn().and_then(|mut child| child.wait().map(|_| child.id())).unwrap();
    fs::write(setup.pid_file(), format!("{gone}\n")).unwrap();
    assert_eq!(setup.run(&["reload"]).status.code(), Some(1));
    assert_eq!(setup.run(&["stop"]).status.code(), Some(1));
    assert!(!setup.pid_file().exists(), "callers wait for the file to go");
    fs::write(setup.pid_file(), format!("{gone}\n")).unwrap();
    let mut running = setup.start();
    running.signal("QUIT");
    assert_eq!(running.wait(), 0);
}

#[test]
fn what_a_killed_one_left_behind_is_in_nobodys_way() {
    let setup = Setup::new("");
    let mut running = setup.start();
    running.signal("KILL");
    assert_eq!(running.wait(), -1);
    assert!(setup.pid_file().exists() && setup.socket().exists());
    let mut again = setup.start();
    UnixStream::connect(setup.socket()).unwrap();
    again.signal("INT");
    assert_eq!(again.wait(), 0);
    assert!(!setup.pid_file().exists() && !setup.socket().exists());
}

#[test]
fn the_limit_of_open_files_is_raised_to_what_clients_can_need() {
    let setup = Setup::new("num_init_children = 50\nlisten_backlog_multiplier = 2");
    let mut running = setup.start_with("ulimit -Sn 64");
    let limits = fs::read_to_string(format!("/proc/{}/limits", running.pid())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let soft: u64 = line.split_whitespace().nth(3).unwrap().parse().unwrap();
    assert!(soft >= 200, "50 clients, a backend each, and 100 that wait: {line}");
    running.signal("INT");
    assert_eq!(running.wait(), 0);
}

#[test]
fn the_operator_is_warned_of_what_may_hurt() {
    let setup = Setup::new(
        "listen_addresses = '*'\nbackend_clustering_mode = streaming_replication\npcp_port = 9797",
    );
    let mut running = setup.start();
    running.wait_for_log(
        "WARNING:  clients are not authenticated yet, and listen_addresses = '*' lets others in",
    );
    running.wait_for_log("WARNING:  sr_check_user is empty");
    running.wait_for_log("pcp_port is set, but pgherd does not do PCP yet");
    running.signal("INT");
    assert_eq!(running.wait(), 0);
}

#[test]
fn the_daemon_serves_when_its_starter_has_returned() {
    let setup = Setup::new("");
    let out = setup.run(&[]);
    assert!(out.status.success(), "{}", errors(&out));
    setup.watch(setup.pid().expect("a pid file"));
    TcpStream::connect(("127.0.0.1", setup.port)).unwrap();
    let out = setup.run(&["-m", "fast", "stop"]);
    assert!(out.status.success(), "{}", errors(&out));
    assert!(!setup.pid_file().exists() && !setup.socket().exists());
}

#[test]
fn a_daemon_is_called_what_its_starter_was() {
    let setup = Setup::new("");
    let pgpool = setup.dir().join("pgpool");
    symlink(env!("CARGO_BIN_EXE_pgherd"), &pgpool).unwrap();
    let started = Command::new(&pgpool).arg("-f").arg(setup.configuration()).output().unwrap();
    assert!(started.status.success());
    let pid = setup.pid().expect("a pid file");
    setup.watch(pid);
    assert_eq!(fs::read_to_string(format!("/proc/{pid}/comm")).unwrap(), "pgpool\n");
    assert!(setup.run(&["-m", "fast", "stop"]).status.success());
}

#[test]
fn a_daemon_that_cannot_start_says_why_and_fails() {
    let setup = Setup::new("");
    let _taken = TcpListener::bind(("127.0.0.1", setup.port)).unwrap();
    let out = setup.run(&[]);
    assert_eq!(out.status.code(), Some(1));
    assert!(
        errors(&out).contains(&format!("FATAL:  cannot listen on 127.0.0.1:{}", setup.port)),
        "{}",
        errors(&out)
    );
    assert!(!setup.pid_file().exists(), "a start that failed leaves no pid file");
}

#[test]
fn all_errors_of_a_configuration_are_told_together() {
    let setup = Setup::new("");
    setup.write("num_init_children = many\nlog_connections = maybe\n");
    for args in [&["-n"][..], &[], &["config", "check"]] {
        let file = setup.configuration();
        let args: Vec<&str> = match args {
            ["config", ..] => vec!["config", "check", file.to_str().unwrap()],
            args => args.to_vec(),
        };
        let out = setup.run(&args);
        assert_eq!(out.status.code(), Some(1), "{args:?}");
        let said = errors(&out) + &text(&out);
        assert!(said.contains("pgpool.conf:1:") && said.contains("pgpool.conf:2:"), "{args:?}: {said}");
    }
    setup.write("port = 7000\n");
    assert!(errors(&setup.run(&["-n"])).contains("no node is configured"));
    assert!(setup.run(&["config", "check", setup.configuration().to_str().unwrap()]).status.success());
    for mode in ["native_replication", "snapshot_isolation"] {
        let node = "backend_hostname0 = 'localhost'\nbackend_port0 = 5432\n";
        setup.write(&format!("{node}backend_clustering_mode = '{mode}'\n"));
        assert!(errors(&setup.run(&["-n"])).contains("writes would reach one node only"), "{mode}");
    }
    fs::remove_file(setup.configuration()).unwrap();
    let out = setup.run(&["-n"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(errors(&out).contains("could not read the configuration file"), "{out:?}");
}

#[test]
fn the_sample_file_is_a_good_configuration() {
    let setup = Setup::new("");
    let sample = text(&setup.run(&["config", "sample"]));
    assert!(sample.contains("num_init_children"));
    setup.write(&sample);
    let out = setup.run(&["config", "check", setup.configuration().to_str().unwrap()]);
    assert!(out.status.success(), "{}", text(&out));
    assert!(
        text(&out).contains("0 errors, 2 warnings") && text(&out).contains("because sr_check_user is empty"),
        "but for the nodes, and who asks them, which it cannot know: {}",
        text(&out)
    );
}

#[test]
fn reload_takes_what_it_can_and_tells_the_rest() {
    let setup = Setup::new("");
    let mut running = setup.start();
    setup.append("backend_weight0 = 7\nnum_init_children = 99\nlog_line_prefix = 'now %a '");
    assert!(setup.run(&["reload"]).status.success());
    running.wait_for_log("backend_weight0 is 7 now");
    running.wait_for_log("num_init_children stays 32 until pgherd is started again");
    setup.append("num_init_children = many");
    running.signal("HUP");
    running.wait_for_log("now main LOG:  reload config files");
    running.wait_for_log("the configuration stays as it was");
    let log = running.log();
    let lines = fs::read_to_string(setup.configuration()).unwrap().lines().count();
    assert!(log.contains(&format!("pgpool.conf:{lines}")), "the line of the error is told: {log}");
    running.signal("TERM");
    assert_eq!(running.wait(), 0);
}

#[test]
fn signals_for_the_processes_of_pgpool_do_no_harm() {
    let setup = Setup::new("");
    let mut running = setup.start();
    for name in ["USR1", "USR2", "CHLD"] {
        running.signal(name);
    }
    running.signal("HUP");
    running.wait_for_log("reload config files");
    assert_eq!(running.ended(), None);
    running.signal("INT");
    assert_eq!(running.wait(), 0);
}

#[test]
fn a_node_that_is_not_there_does_not_stop_start_or_stop() {
    let setup = Setup::new("");
    let mut running = setup.start();
    running.wait_for_log("node 0 is not there or does not serve; it is set down");
    assert!(!setup.dir().join("pgpool_status").exists(), "a file that says that all is lost is not written");
    running.signal("TERM");
    assert_eq!(running.wait(), 0);
}

#[test]
fn a_node_that_never_answers_delays_the_stop_by_nothing() {
    // The kernel takes connections for it, and nobody ever says a word.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = mute.local_addr().unwrap().port();
    let setup = Setup::new(&format!(
        "backend_clustering_mode = streaming_replication\nbackend_port0 = {port}\nsr_check_user = 'u'\n\
         connect_timeout = 100000"
    ));
    let mut running = setup.start();
    running.wait_for_log("no primary is known; searching for it");
    mute.set_nonblocking(true).unwrap();
    let mut looks = 0;
    wait_for("the look after the first one", || {
        looks += usize::from(mute.accept().is_ok());
        looks == 2
    });
    running.signal("INT");
    assert_eq!(running.wait(), 0, "well before the look's hundred seconds are over");
}

#[test]
fn lines_have_the_form_that_scripts_look_for() {
    let setup = Setup::new("");
    let mut running = setup.start();
    running.signal("TERM");
    running.wait();
    let log = running.log();
    let line = log.lines().find(|line| line.contains("successfully started")).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words[2..5], ["main", "pid", words[4]], "{line}");
    assert_eq!(words[5], "LOG:", "{line}");
    assert!(line.contains(": LOG:  pgherd successfully started"), "{line}");
}

#[test]
fn a_client_that_is_there_delays_only_a_smart_stop() {
    let setup = Setup::new("");
    let mut running = setup.start();
    let silent = TcpStream::connect(("127.0.0.1", setup.port)).unwrap();
    running.signal("INT");
    assert_eq!(running.wait(), 0, "a client that has said nothing holds nobody up");
    drop(silent);
    wait_for("the socket to go", || !setup.socket().exists());
}

#[test]
fn the_log_says_what_clients_are_served_with() {
    for (driver, word) in [("epoll", "served with epoll"), ("auto", "served with")] {
        let setup = Setup::new(&format!("io_driver = {driver}"));
        let mut running = setup.start();
        assert!(setup.run(&["-D", "-n", "-m", "fast", "stop"]).status.success());
        assert_eq!(running.wait(), 0, "{}", running.log());
        assert!(running.log().contains(word), "{driver}: {}", running.log());
    }
}
