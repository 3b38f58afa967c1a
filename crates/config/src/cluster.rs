//! What other parts make of the settings.

use std::path::Path;

use pgherd_types::{Address, Node, NodeId, NodeStatus};

use crate::sections::{Backend, HealthCheck};
use crate::settings::Settings;

/// Where Pgpool-II looks for the Unix socket of a node without a host name.
const DEFAULT_SOCKET_DIRECTORY: &str = "/tmp";

impl Settings {
    /// The nodes in use, by number: those with a port.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Backend)> {
        self.backends.iter().filter(|(_, node)| node.is_used()).map(|(&id, node)| (NodeId(id), node))
    }

    /// All nodes up to the last one in use, for the first topology snapshot: used ones wait to be found up,
    /// `now_s` (seconds since 1970) is when that began.
    pub fn cluster(&self, now_s: u64) -> Vec<Node> {
        let Some((last, _)) = self.nodes().last() else { return Vec::new() };
        let unused = Backend::default();
        let node = |id: u8| {
            let backend = self.backends.get(&id).unwrap_or(&unused);
            Node {
                id: NodeId(id),
                hostname: backend.backend_hostname.clone(),
                port: backend.backend_port,
                address: backend.address(),
                weight: backend.backend_weight,
                status: if backend.is_used() { NodeStatus::Waiting } else { NodeStatus::Unused },
                in_recovery: None,
                status_changed_s: now_s,
            }
        };
        (0..=last.0).map(node).collect()
    }

    /// How the health of a node is checked, and how long connecting to it may take.
    pub fn health_check(&self, node: NodeId) -> &HealthCheck {
        self.health_of.get(&node.0).unwrap_or(&self.health)
    }
}

impl Backend {
    /// True when the node exists.
    pub fn is_used(&self) -> bool {
        self.backend_port != 0
    }

    /// Where the node is dialled.
    pub fn address(&self) -> Address {
        let (host, port) = (self.backend_hostname.as_str(), self.backend_port);
        if host.is_empty() {
            Address::Unix { directory: DEFAULT_SOCKET_DIRECTORY.to_owned(), port }
        } else if Path::new(host).is_absolute() {
            Address::Unix { directory: host.to_owned(), port }
        } else {
            Address::Tcp { host: host.to_owned(), port }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(nodes: &[(u8, &str, u16)]) -> Settings {
        let mut settings = Settings::default();
        for &(id, host, port) in nodes {
            let backend =
                Backend { backend_hostname: host.to_owned(), backend_port: port, ..Backend::default() };
            settings.backends.insert(id, backend);
        }
        settings
    }

    #[test]
    fn slots_without_a_port_are_unused() {
        let all = settings(&[(0, "a", 5432), (2, "/run/pg", 5433), (3, "x", 0)]).cluster(7);
        let status: Vec<_> = all.iter().map(|node| node.status).collect();
        assert_eq!(status, [NodeStatus::Waiting, NodeStatus::Unused, NodeStatus::Waiting]);
        assert!(settings(&[]).cluster(7).is_empty());
    }

    #[test]
    fn where_a_node_is_dialled() {
        let cases = [
            ("db1", Address::Tcp { host: "db1".into(), port: 5432 }),
            ("::1", Address::Tcp { host: "::1".into(), port: 5432 }),
            ("", Address::Unix { directory: "/tmp".into(), port: 5432 }),
            ("/run/pg", Address::Unix { directory: "/run/pg".into(), port: 5432 }),
        ];
        for (host, address) in cases {
            let all = settings(&[(0, host, 5432)]).cluster(0);
            assert_eq!(all[0].address, address);
        }
    }
}
