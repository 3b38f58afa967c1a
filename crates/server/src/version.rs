/// The release of Pgpool-II whose command line, configuration and tables pgherd has. Programs compare it.
pub const COMPATIBLE: &str = "4.8.0";

/// Both versions, as `SHOW pool_version` and `--version` tell them: what pgherd stands in for, and what it is.
pub fn version_text() -> String {
    format!("{COMPATIBLE} (pgherd {})", env!("CARGO_PKG_VERSION"))
}
