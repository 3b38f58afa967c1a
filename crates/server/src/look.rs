use core::time::Duration;
use std::thread;

use pgherd_cluster::Sighting;
use pgherd_io::{ProbeError, ProbeRows, ProbeTarget, probe};
use pgherd_types::NodeId;

/// What is asked. The name is fully qualified: a search path must not be able to answer for the server.
const ROLE_QUERY: &str = "SELECT pg_catalog.pg_is_in_recovery()";

/// What was seen of a node, and in which words when it was not a plain answer.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub(crate) node: NodeId,
    pub(crate) sighting: Sighting,
    pub(crate) reason: Option<String>,
}

/// Looks at all nodes at the same time and waits for the last answer, at most `limit`. For a thread that may wait.
pub(crate) fn look(targets: &[(NodeId, ProbeTarget)], limit: Duration) -> Vec<Look> {
    thread::scope(|scope| {
        let each = |(node, target): &(NodeId, ProbeTarget)| {
            let node = *node;
            let target = target.clone();
            (node, scope.spawn(move || probe(&target, ROLE_QUERY, limit)))
        };
        let running: Vec<_> = targets.iter().map(each).collect();
        let answer = |(node, thread): (NodeId, thread::ScopedJoinHandle<'_, _>)| match thread.join() {
            Ok(answer) => judge(node, answer),
            Err(_) => Look {
                node,
                sighting: Sighting::Unreachable,
                reason: Some("the check of the node failed inside pgherd".to_owned()),
            },
        };
        running.into_iter().map(answer).collect()
    })
}

fn judge(node: NodeId, answer: Result<ProbeRows, ProbeError>) -> Look {
    let (sighting, reason) = match answer {
        Ok(rows) => match rows.first().and_then(|row| row.first()).and_then(Option::as_deref) {
            Some("t") => (Sighting::Answered { in_recovery: true }, None),
            Some("f") => (Sighting::Answered { in_recovery: false }, None),
            Some(_) | None => (Sighting::Silent, Some("the answer is neither true nor false".to_owned())),
        },
        Err(ProbeError::Server { code, message }) => (refused(&code), Some(format!("{message} ({code})"))),
        Err(ProbeError::Fault(fault)) => (Sighting::Unreachable, Some(fault.to_string())),
    };
    Look { node, sighting, reason }
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
    use pgherd_cluster::Sighting;
    use pgherd_io::ProbeError;
    use pgherd_types::{Fault, NodeId, Retry, Whose};

    use super::judge;

    #[test]
    fn answers() {
        let row = |text: &str| Ok(vec![vec![Some(text.to_owned())]]);
        let server = |code: &str| Err(ProbeError::Server { code: code.to_owned(), message: "m".to_owned() });
        let fault = Err(ProbeError::Fault(Fault::new("refused", Whose::Node, Retry::Safe)));
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
            (fault, Sighting::Unreachable),
        ];
        for (answer, expected) in cases {
            let text = format!("{answer:?}");
            assert_eq!(judge(NodeId(1), answer).sighting, expected, "{text}");
        }
    }
}
