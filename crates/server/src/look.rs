use core::time::Duration;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use pgherd_cluster::{Sighting, WalReport};
use pgherd_io::{Probe, ProbeError, ProbeRows, ProbeTarget};
use pgherd_types::{NodeId, Whose};

use crate::wal;

/// What is asked. The name is fully qualified: a search path must not be able to answer for the server.
const ROLE_QUERY: &str = "SELECT pg_catalog.pg_is_in_recovery()";

/// How long those that have answered wait for the others.
const PATIENCE: Duration = Duration::from_secs(1);
/// How much later than its limit a probe may answer.
const GRACE: Duration = Duration::from_millis(200);
/// What is said of a probe that is later, or failed inside pgherd.
const NO_ANSWER: &str = "the check of the node did not end in time";

/// What was seen of a node.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub(crate) node: NodeId,
    pub(crate) sighting: Sighting,
    /// In which words, when it was not a plain answer.
    pub(crate) reason: Option<String>,
    /// What it said of its WAL, where it was asked and has answered.
    pub(crate) wal: Option<WalReport>,
}

/// What nodes are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Only what they are.
    Role,
    /// And where they are in their WAL.
    RoleAndWal,
}

/// What the thread that asks a node tells.
enum Told {
    Role(Result<ProbeRows, ProbeError>),
    Wal(WalReport),
}

/// Looks at all nodes at the same time and waits for the last answer, at most `limit`. For a thread that may wait.
///
/// A probe can be stuck for longer in the system's resolver. Then it is not waited for: its node has not answered.
pub(crate) fn look(targets: &[(NodeId, ProbeTarget)], question: Question, limit: Duration) -> Vec<Look> {
    let mut all = Vec::new();
    look_and_tell(targets, question, limit, |looks| all.extend(looks));
    all
}

/// As [`look`], but tells what it has seen in two parts where some nodes are slow: the others first.
pub(crate) fn look_and_tell(
    targets: &[(NodeId, ProbeTarget)],
    question: Question,
    limit: Duration,
    mut tell: impl FnMut(Vec<Look>),
) {
    let start = Instant::now();
    let (answer, answers) = channel();
    for (node, target) in targets.iter().cloned() {
        let answer = answer.clone();
        // Nobody listens any more when it is late.
        let asking = move || ask(&target, question, limit, |what| drop(answer.send((node, what))));
        // Without a thread nothing is told, which counts as no answer.
        let _ = thread::Builder::new().name(format!("look {node}")).spawn(asking);
    }
    drop(answer);
    let mut waiting: Vec<_> = targets.iter().map(|(node, _)| *node).collect();
    let mut seen = Vec::new();
    gather(&answers, start + PATIENCE.min(limit), &mut waiting, &mut seen);
    if !waiting.is_empty() {
        tell(core::mem::take(&mut seen));
        gather(&answers, start + limit + GRACE, &mut waiting, &mut seen);
        seen.extend(waiting.into_iter().map(no_answer));
    }
    tell(seen);
}

/// Takes answers in until all nodes have told everything, or until a moment.
fn gather(
    answers: &Receiver<(NodeId, Told)>,
    until: Instant,
    waiting: &mut Vec<NodeId>,
    seen: &mut Vec<Look>,
) {
    while let Ok((node, what)) = answers.recv_timeout(until.saturating_duration_since(Instant::now())) {
        match what {
            Told::Role(answer) => {
                waiting.retain(|other| *other != node);
                seen.push(judge(node, answer));
            }
            // What comes for a look that has been told is late, and not known.
            Told::Wal(report) => {
                if let Some(look) = seen.iter_mut().find(|look| look.node == node) {
                    look.wal = Some(report);
                }
            }
        }
    }
}

/// Asks one node. The role is told at once: it is known even when nothing else is answered.
fn ask(target: &ProbeTarget, question: Question, limit: Duration, tell: impl Fn(Told)) {
    let mut probe = match Probe::open(target, limit) {
        Ok(probe) => probe,
        Err(error) => return tell(Told::Role(Err(error))),
    };
    let role = probe.ask(ROLE_QUERY);
    let wants_more = role.is_ok() && question == Question::RoleAndWal;
    tell(Told::Role(role));
    // What an old server or a forbidden view leaves out is not known.
    if wants_more && let Ok(Some(report)) = wal::ask_report(&mut probe) {
        tell(Told::Wal(report));
    }
}

fn no_answer(node: NodeId) -> Look {
    Look { node, sighting: Sighting::Unreachable, reason: Some(NO_ANSWER.to_owned()), wal: None }
}

fn judge(node: NodeId, answer: Result<ProbeRows, ProbeError>) -> Look {
    let (sighting, reason) = match answer {
        Ok(rows) => match rows.first().and_then(|row| row.first()).and_then(Option::as_deref) {
            Some("t") => (Sighting::Answered { in_recovery: true }, None),
            Some("f") => (Sighting::Answered { in_recovery: false }, None),
            Some(_) | None => (Sighting::Silent, Some("the answer is neither true nor false".to_owned())),
        },
        Err(ProbeError::Server { code, message }) => (refused(&code), Some(format!("{message} ({code})"))),
        Err(ProbeError::Fault(fault)) => (failed(fault.whose), Some(fault.to_string())),
    };
    Look { node, sighting, reason, wal: None }
}

/// Where the operator is at fault, a wrong password for instance, the node has answered: it lives.
fn failed(whose: Whose) -> Sighting {
    match whose {
        Whose::Operator => Sighting::Silent,
        Whose::Client | Whose::Node | Whose::Ours => Sighting::Unreachable,
    }
}

/// A server that starts, stops or crashed says so with 57P01 to 57P03; any other error comes from one that serves.
fn refused(code: &str) -> Sighting {
    match code {
        "57P01" | "57P02" | "57P03" => Sighting::NotServing,
        _ => Sighting::Silent,
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::net::TcpListener;

    use pgherd_cluster::Sighting;
    use pgherd_io::{ProbeError, ProbeTarget};
    use pgherd_types::{Address, Fault, NodeId, Retry, Whose};

    use super::{Look, PATIENCE, Question, judge, look, look_and_tell};

    fn target(port: u16) -> ProbeTarget {
        ProbeTarget {
            address: Address::Tcp { host: "127.0.0.1".to_owned(), port },
            user: "u".to_owned(),
            database: "d".to_owned(),
            password: None,
        }
    }

    #[test]
    fn nodes_that_do_not_answer_are_told_apart_from_those_that_are_not_asked() {
        // It accepts in the kernel's queue, and never says a word.
        let mute = TcpListener::bind("127.0.0.1:0").unwrap();
        let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let targets = [(NodeId(3), target(mute.local_addr().unwrap().port())), (NodeId(5), target(gone))];
        let mut looks = look(&targets, Question::RoleAndWal, Duration::from_millis(50));
        looks.sort_by_key(|look| look.node);
        let seen: Vec<_> = looks.iter().map(|look| (look.node, look.sighting)).collect();
        assert_eq!(seen, [(NodeId(3), Sighting::Unreachable), (NodeId(5), Sighting::Unreachable)]);
        assert!(looks[1].reason.as_ref().is_some_and(|reason| reason.contains("refused")), "{looks:?}");
        assert!(looks.iter().all(|look| look.wal.is_none()));
        assert!(
            look(&[], Question::Role, Duration::from_secs(60)).is_empty(),
            "with nobody to ask there is nothing to wait for"
        );
    }

    #[test]
    fn nobody_waits_long_for_a_node_that_hangs() {
        let mute = TcpListener::bind("127.0.0.1:0").unwrap();
        let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let targets = [(NodeId(3), target(mute.local_addr().unwrap().port())), (NodeId(5), target(gone))];
        let mut parts: Vec<Vec<NodeId>> = Vec::new();
        let note = |looks: Vec<Look>| parts.push(looks.iter().map(|look| look.node).collect());
        look_and_tell(&targets, Question::Role, 2 * PATIENCE, note);
        assert_eq!(parts, [[NodeId(5)], [NodeId(3)]]);
    }

    #[test]
    fn answers() {
        let row = |text: &str| Ok(vec![vec![Some(text.to_owned())]]);
        let server = |code: &str| Err(ProbeError::Server { code: code.to_owned(), message: "m".to_owned() });
        let fault = |whose| Err(ProbeError::Fault(Fault::new("no", whose, Retry::Safe)));
        let cases = [
            (row("t"), Sighting::Answered { in_recovery: true }),
            (row("f"), Sighting::Answered { in_recovery: false }),
            (row("maybe"), Sighting::Silent),
            (Ok(vec![vec![None]]), Sighting::Silent),
            (Ok(vec![]), Sighting::Silent),
            (server("57P03"), Sighting::NotServing),
            (server("57P01"), Sighting::NotServing),
            (server("28P01"), Sighting::Silent),
            (server("53300"), Sighting::Silent),
            (fault(Whose::Node), Sighting::Unreachable),
            (fault(Whose::Operator), Sighting::Silent),
        ];
        for (answer, expected) in cases {
            let text = format!("{answer:?}");
            assert_eq!(judge(NodeId(1), answer).sighting, expected, "{text}");
        }
    }
}
