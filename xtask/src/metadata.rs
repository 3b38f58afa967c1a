//! What `cargo metadata` knows: the packages of the workspace and everything they are built from.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// One package, of the workspace or from a registry.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// An SPDX expression, or empty.
    pub(crate) license: String,
    /// Where it comes from; `None` is a folder of ours.
    pub(crate) source: Option<String>,
    /// Its manifest, from the workspace's folder.
    pub(crate) manifest: String,
    /// What it names in its manifest, each once per kind.
    pub(crate) dependencies: Vec<Dependency>,
}

/// One line of a manifest's table of dependencies.
#[derive(Debug, Clone)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// Whether only tests, examples and benchmarks see it.
    pub(crate) for_tests: bool,
}

/// Asks cargo for all packages that this machine's build may use.
pub(crate) fn read(root: &Path) -> Result<Vec<Package>, String> {
    let host = host()?;
    let arguments = ["metadata", "--format-version", "1", "--filter-platform", &host];
    let output = run("cargo", &arguments, root)?;
    let value: Value =
        serde_json::from_slice(&output).map_err(|why| format!("cargo metadata is not JSON: {why}"))?;
    let mut packages: Vec<Package> =
        list(&value, "packages").map(|package| package_of(package, root)).collect();
    // Without a node in the resolved graph a package is only of use elsewhere.
    let graph = value.get("resolve").unwrap_or(&Value::Null);
    let used: std::collections::BTreeSet<&str> = list(graph, "nodes").map(|node| text(node, "id")).collect();
    let ids: Vec<&str> = list(&value, "packages").map(|package| text(package, "id")).collect();
    let mut at = 0;
    packages.retain(|_| {
        at += 1;
        ids.get(at - 1).is_some_and(|id| used.contains(id))
    });
    Ok(packages)
}

fn host() -> Result<String, String> {
    let output = run("rustc", &["-vV"], Path::new("."))?;
    let said = String::from_utf8_lossy(&output);
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc -vV names no host".to_owned())
}

fn run(program: &str, arguments: &[&str], folder: &Path) -> Result<Vec<u8>, String> {
    let shown = format!("{program} {}", arguments.join(" "));
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .map_err(|why| format!("{shown}: cannot be started: {why}"))?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(format!("{shown}: {}", String::from_utf8_lossy(&output.stderr)))
    }
}

fn package_of(value: &Value, root: &Path) -> Package {
    let manifest = Path::new(text(value, "manifest_path"));
    let manifest = manifest.strip_prefix(root).unwrap_or(manifest);
    Package {
        name: text(value, "name").to_owned(),
        version: text(value, "version").to_owned(),
        license: text(value, "license").to_owned(),
        source: value.get("source").and_then(Value::as_str).map(str::to_owned),
        manifest: manifest.display().to_string(),
        dependencies: list(value, "dependencies").map(dependency_of).collect(),
    }
}

fn dependency_of(value: &Value) -> Dependency {
    let for_tests = text(value, "kind") == "dev";
    Dependency { name: text(value, "name").to_owned(), for_tests }
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
