use std::sync::LazyLock;

use pgherd_sandbox::{Cluster, Mode, Spec};

/// A primary and two standbys for all tests of a program that do not break them. Its servers go with the process.
///
/// # Panics
/// When it cannot be started.
pub fn streaming_cluster() -> &'static Cluster {
    static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| start(&Spec::new()));
    &CLUSTER
}

/// Two independent nodes in raw mode for all tests of a program that do not break them.
///
/// # Panics
/// When it cannot be started.
pub fn raw_cluster() -> &'static Cluster {
    static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| start(&Spec::new().nodes(2).mode(Mode::Raw)));
    &CLUSTER
}

fn start(spec: &Spec) -> Cluster {
    match Cluster::start(spec) {
        Ok(cluster) => cluster,
        Err(error) => panic!("no cluster for the tests: {error}"),
    }
}
