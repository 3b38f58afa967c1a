use core::time::Duration;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Instant;

use pgherd_cluster::Sighting;
use pgherd_io::{ProbeError, ProbeRows, ProbeTarget, probe};
use pgherd_types::{NodeId, Whose};

/// What is asked. The name is fully qualified: a search path must not be able to answer for the server.
const ROLE_QUERY: &str = "SELECT pg_catalog.pg_is_in_recovery()";

/// How much later than its limit a probe may answer.
const GRACE: Duration = Duration::from_millis(200);
/// What is said of a probe that is later, or failed inside pgherd.
const NO_ANSWER: &str = "the check of the node did not end in time";

/// What was seen of a node, and in which words when it was not a plain answer.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub(crate) node: NodeId,
    pub(crate) sighting: Sighting,
    pub(crate) reason: Option<String>,
}

/// Looks at all nodes at the same time and waits for the last answer, at most `limit`. For a thread that may wait.
///
/// A probe can be stuck for longer in the system's resolver. Then it is not waited for: its node has not answered.
pub(crate) fn look(targets: &[(NodeId, ProbeTarget)], limit: Duration) -> Vec<Look> {
    let deadline = Instant::now() + limit + GRACE;
    let (tell, told) = channel();
    for (node, target) in targets.iter().cloned() {
        let tell = tell.clone();
        let probing = move || {
            // Nobody listens any more when it is late.
            let _ = tell.send((node, probe(&target, ROLE_QUERY, limit)));
        };
        // Without a thread nothing is told, which counts as no answer.
        let _ = thread::Builder::new().name(format!("look {node}")).spawn(probing);
    }
    drop(tell);
    let mut looks = Vec::new();
    while let Ok((node, answer)) = told.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        looks.push(judge(node, answer));
    }
    for (node, _) in targets {
        if !looks.iter().any(|look| look.node == *node) {
            looks.push(Look {
                node: *node,
                sighting: Sighting::Unreachable,
                reason: Some(NO_ANSWER.to_owned()),
            });
        }
    }
    looks
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
    Look { node, sighting, reason }
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

    use super::{judge, look};

    #[test]
    fn nodes_that_do_not_answer_are_told_apart_from_those_that_are_not_asked() {
        // It accepts in the kernel's queue, and never says a word.
        let mute = TcpListener::bind("127.0.0.1:0").unwrap();
        let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let target = |port| ProbeTarget {
            address: Address::Tcp { host: "127.0.0.1".to_owned(), port },
            user: "u".to_owned(),
            database: "d".to_owned(),
            password: None,
        };
        let targets = [(NodeId(3), target(mute.local_addr().unwrap().port())), (NodeId(5), target(gone))];
        let mut looks = look(&targets, Duration::from_millis(50));
        looks.sort_by_key(|look| look.node);
        let seen: Vec<_> = looks.iter().map(|look| (look.node, look.sighting)).collect();
        assert_eq!(seen, [(NodeId(3), Sighting::Unreachable), (NodeId(5), Sighting::Unreachable)]);
        assert!(looks[1].reason.as_ref().is_some_and(|reason| reason.contains("refused")), "{looks:?}");
        assert!(
            look(&[], Duration::from_secs(60)).is_empty(),
            "with nobody to ask there is nothing to wait for"
        );
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
