//! Erasure: nothing of the person is left in the clear, and it stays so whatever is restored.

mod base_backup;
mod fenced;
mod forgotten;
mod offline;
mod rebuilding;
mod restored;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use annals_infra::{
    dev::harness,
    serve::{Config, Roles, Signing},
};
use annals_tests::World;
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

/// Whose logs these are.
const ORIGIN: &str = "tests.example/erasure";

/// How a log is signed, with a folder of its own.
fn signing() -> Signing {
    let folder = harness::scratch().unwrap().join(format!("evidence-{}", Uuid::now_v7()));
    Signing {
        key_file: folder.with_extension("key"),
        origin: ORIGIN.to_owned(),
        witnesses: Vec::new(),
        every: Duration::from_millis(200),
        folder: Some(folder),
    }
}

/// A world with reactors, whose log is signed.
async fn world() -> (World, Signing) {
    let signing = signing();
    let mut world = World::asleep().await;
    world.serve(served(&world, &signing)).await;
    (world, signing)
}

fn served(world: &World, signing: &Signing) -> Config {
    let mut config = world.config();
    config.roles = Roles::ALL;
    config.watches_refusals = true;
    config.signing = Some(signing.clone());
    config
}

/// A connection to the server of all databases.
async fn server() -> PgConnection {
    let url = harness::postgres().await.unwrap().admin_url();
    PgConnection::connect(&url).await.unwrap()
}

/// Orders the erasure of a person, and waits for the receipt.
async fn erase(world: &World, person: Uuid) {
    let ground = json!({"ground": "subject_request"});
    world.as_operator().send("shared.cmd.erase_subject", person, ground).await.ok();
    finished(world, &[person]).await;
}

/// Waits until erasures have their receipts.
async fn finished(world: &World, people: &[Uuid]) {
    let all: Vec<String> = people.iter().map(|it| format!("'{it}'")).collect();
    let done = format!(
        "SELECT count(*) = {} FROM annals.erasures
         WHERE finished_at IS NOT NULL AND subject IN ({})",
        people.len(),
        all.join(", ")
    );
    world.until(&done).await;
}

/// The files in which any of these texts stands, with the text.
fn found(folders: &[PathBuf], needles: &[String]) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for folder in folders {
        search(folder, needles, &mut found);
    }
    found
}

fn search(path: &Path, needles: &[String], found: &mut Vec<(PathBuf, String)>) {
    if path.is_dir() {
        let Ok(entries) = fs::read_dir(path) else { return };
        for entry in entries.flatten() {
            search(&entry.path(), needles, found);
        }
    } else if let Ok(bytes) = fs::read(path) {
        for needle in needles {
            let wanted = needle.as_bytes();
            let first = wanted.first().copied().unwrap_or_default();
            let mut rest = bytes.as_slice();
            while let Some(at) = rest.iter().position(|byte| *byte == first) {
                rest = &rest[at..];
                if rest.starts_with(wanted) {
                    found.push((path.to_owned(), needle.clone()));
                    break;
                }
                rest = &rest[1..];
            }
        }
    }
}

/// The folders with all that a world's databases, streams and log files hold.
async fn folders(world: &World) -> Vec<PathBuf> {
    let mut server = server().await;
    let data: String =
        sqlx::query_scalar("SHOW data_directory").fetch_one(&mut server).await.unwrap();
    let data = PathBuf::from(data);
    let mut folders = vec![data.join("pg_wal"), data.join("pg_xact")];
    for url in [world.database_url().to_owned(), world.config().keys_url] {
        let name = url.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned();
        let oid: i64 = sqlx::query_scalar("SELECT oid::bigint FROM pg_database WHERE datname = $1")
            .bind(name)
            .fetch_one(&mut server)
            .await
            .unwrap();
        folders.push(data.join("base").join(oid.to_string()));
    }
    let scratch = fs::read_dir(harness::scratch().unwrap()).unwrap().flatten();
    let streams = scratch.map(|it| it.path());
    folders.extend(streams.filter(|it| it.to_string_lossy().contains("/nats-")));
    folders
}

/// Has the server delete old log files rather than use them again, as a deployment should.
async fn no_recycling() {
    let mut server = server().await;
    server.execute("ALTER SYSTEM SET wal_recycle = off").await.unwrap();
    server.execute("SELECT pg_reload_conf()").await.unwrap();
}
