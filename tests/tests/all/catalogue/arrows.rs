//! Who may know whom: domain <- commands and projections <- infra <- tests.

use std::{collections::BTreeSet, process::Command};

use serde_json::Value;

/// Crates that touch the world; the rules know none of them.
const WORLD: [&str; 8] =
    ["sqlx", "tokio", "async-nats", "axum", "rand", "futures", "postgres-es", "rustix"];

fn packages() -> Vec<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let metadata = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    metadata["packages"].as_array().cloned().unwrap()
}

/// What a crate depends on, for whatever purpose.
fn dependencies(packages: &[Value], name: &str) -> BTreeSet<String> {
    let package = packages.iter().find(|package| package["name"] == name).unwrap();
    let dependencies = package["dependencies"].as_array().unwrap();
    dependencies.iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_arrows_between_the_crates_hold() {
    let packages = packages();
    for (name, may_know) in [
        ("annals-domain", &[][..]),
        ("annals-commands", &["annals-domain"]),
        ("annals-projections", &["annals-domain"]),
        ("annals-infra", &["annals-domain", "annals-commands", "annals-projections"]),
    ] {
        let known = dependencies(&packages, name);
        let ours: Vec<&String> = known.iter().filter(|it| it.starts_with("annals-")).collect();
        for other in ours {
            assert!(may_know.contains(&other.as_str()), "{name} knows {other}");
        }
    }
}

#[test]
fn the_rules_know_nothing_of_the_world() {
    let packages = packages();
    for name in ["annals-domain", "annals-commands", "annals-projections"] {
        let known = dependencies(&packages, name);
        for other in WORLD {
            assert!(!known.contains(other), "{name} knows {other}");
        }
    }
}
