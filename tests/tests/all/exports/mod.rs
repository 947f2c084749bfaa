//! Exports that somebody asked for by a command, and the archives they get.

mod delivered;
mod killed;

use std::{fs, path::PathBuf};

use annals_infra::{
    dev::harness,
    exports::Shelf,
    serve::{Config, Roles},
};
use annals_tests::World;
use serde_json::Value;
use uuid::Uuid;

/// An empty folder for archives.
fn shelf() -> Shelf {
    let folder = harness::scratch().unwrap().join(format!("exports-{}", Uuid::now_v7()));
    Shelf { folder, days: 7 }
}

/// What a worker needs to know, besides what everybody does.
fn worker(world: &World, shelf: &Shelf) -> Config {
    let mut config = world.config();
    config.roles = Roles { reactor: true, ..Roles::NONE };
    config.exports = Some(shelf.clone());
    config
}

/// SHA-256 in hexadecimal digits.
fn sha256(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The files that are there.
fn files(shelf: &Shelf) -> Vec<PathBuf> {
    let Ok(found) = fs::read_dir(&shelf.folder) else { return Vec::new() };
    found.map(|entry| entry.unwrap().path()).collect()
}

/// An archive's lines.
fn archive(shelf: &Shelf, export: Uuid) -> Vec<Value> {
    let text = fs::read_to_string(shelf.folder.join(format!("{export}.jsonl"))).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// How many rows of each table, as `children 1`.
fn tables(lines: &[Value]) -> Vec<String> {
    let mut counted = std::collections::BTreeMap::new();
    for line in lines.iter().filter(|line| line["table"].is_string()) {
        assert!(line.get("outside").is_none(), "{line}");
        *counted.entry(line["table"].as_str().unwrap()).or_insert(0) += 1;
    }
    counted.into_iter().map(|(table, rows)| format!("{table} {rows}")).collect()
}

/// Waits until so many exports are delivered, and are not delivered more often.
async fn delivered(world: &World, count: usize) {
    let done = "event_type IN ('DataExportCompleted', 'FamilyExportCompleted')";
    world.until(&format!("(SELECT count(*) >= {count} FROM annals.events WHERE {done})")).await;
    let found = world.number(&format!("SELECT count(*) FROM annals.events WHERE {done}")).await;
    assert_eq!(found, i64::try_from(count).unwrap());
}
