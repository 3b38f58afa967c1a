//! What other parts make of the settings.

use std::path::Path;

use pgherd_types::{Address, NodeId};

use crate::sections::{Backend, HealthCheck};
use crate::settings::Settings;

/// Where Pgpool-II looks for the Unix socket of a node without a host name.
const DEFAULT_SOCKET_DIRECTORY: &str = "/tmp";

impl Settings {
    /// The nodes in use, by number: those with a port.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Backend)> {
        self.backends.iter().filter(|(_, node)| node.is_used()).map(|(&id, node)| (NodeId(id), node))
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

    #[test]
    fn slots_without_a_port_are_unused() {
        let mut settings = Settings::default();
        for (id, port) in [(0, 5432), (2, 5433), (3, 0)] {
            settings.backends.insert(id, Backend { backend_port: port, ..Backend::default() });
        }
        assert_eq!(settings.nodes().map(|(id, _)| id).collect::<Vec<_>>(), [NodeId(0), NodeId(2)]);
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
            let node =
                Backend { backend_hostname: host.to_owned(), backend_port: 5432, ..Backend::default() };
            assert_eq!(node.address(), address);
        }
    }
}
