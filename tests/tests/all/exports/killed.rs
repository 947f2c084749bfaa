//! Whatever is killed when, an export is delivered once, and the file is the one that was reported.

use std::fs;

use annals_tests::{
    World,
    lift::{Organisation, account, organisation},
};
use chrono::Duration;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{delivered, files, sha256, shelf, worker};
use crate::reactions::process::dies_delivering;

const EXPORT: Uuid = Uuid::from_u128(0xe1);

async fn asked() -> (World, Organisation) {
    let world = World::start().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield", 1).await;
    let contact = world.as_person(school.contact);
    let data = json!({"org_id": school.id});
    contact.send("lift.cmd.request_organisation_export", EXPORT, data).await.ok();
    (world, school)
}

/// What the log says of the archive's bytes is what lies there.
async fn is_as_reported(world: &World, shelf: &annals_infra::exports::Shelf) {
    let said: Value = world
        .row("SELECT payload FROM annals.events WHERE event_type = 'DataExportCompleted'")
        .await;
    let bytes = fs::read(shelf.folder.join(format!("{EXPORT}.jsonl"))).unwrap();
    let digits = sha256(&bytes);
    assert_eq!(said["payload"]["archive_sha256"], json!(digits));
    assert_eq!(said["payload"]["archive_bytes"], json!(bytes.len()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_dies_between_any_two_steps_delivers_once() {
    for failpoint in ["archive_written", "archive_there", "archive_reported"] {
        let (mut world, school) = asked().await;
        let shelf = shelf();
        dies_delivering(&world, failpoint, Duration::zero(), Some(&shelf)).await;
        let whole = |shelf: &_| {
            let ends = |it: &std::path::PathBuf| it.extension().is_some_and(|it| it == "jsonl");
            files(shelf).iter().filter(|it| ends(it)).count()
        };
        assert_eq!(whole(&shelf), usize::from(failpoint != "archive_written"), "{failpoint}");
        // Rows change in the meantime: what was reported, or is about to be, stays what it is.
        let contact = world.as_person(school.contact);
        let data = json!({"name": "Oakfield renamed"});
        contact.send("lift.cmd.update_own_profile", school.contact, data).await.ok();
        world.serve(worker(&world, &shelf)).await;
        world.serve(worker(&world, &shelf)).await;
        delivered(&world, 1).await;
        let passed = "(SELECT position > 0 FROM annals.reactors WHERE context = 'exports.lift')";
        world.until(passed).await;
        delivered(&world, 1).await;
        assert_eq!(whole(&shelf), 1, "{failpoint}");
        is_as_reported(&world, &shelf).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_forgot_where_it_was_delivers_nothing_twice() {
    let (mut world, _) = asked().await;
    let shelf = shelf();
    world.serve(worker(&world, &shelf)).await;
    delivered(&world, 1).await;
    let passed = "(SELECT position > 0 FROM annals.reactors WHERE context = 'exports.lift')";
    world.until(passed).await;
    world.rest().await;
    world.wake().await;
    world.execute("DELETE FROM annals.reactors WHERE context = 'exports.lift'").await.unwrap();
    fs::remove_dir_all(&shelf.folder).unwrap();
    world.serve(worker(&world, &shelf)).await;
    let events = world.events().await;
    let again = Uuid::from_u128(0xe2);
    let school: Uuid = world.row("SELECT id FROM lift.organisations").await["id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let caller = world.as_person(annals_tests::lift::AVA);
    let data = json!({"org_id": school});
    caller.send("lift.cmd.request_organisation_export", again, data).await.ok();
    delivered(&world, 2).await;
    assert_eq!(world.events().await, events + 2);
    let [file] = files(&shelf).try_into().unwrap();
    assert!(file.to_string_lossy().contains(&again.to_string()));
}
