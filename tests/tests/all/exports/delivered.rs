//! Whoever asks gets the rows that are theirs, and those alone.

use std::{fs, os::unix::fs::PermissionsExt};

use annals_infra::exports::waiting;
use annals_tests::{
    World, busy,
    lift::{account, alert, check_in, organisation},
    nestsync::{self, NORA, OTTO},
};
use chrono::Duration;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{archive, delivered, files, sha256, shelf, tables, worker};

/// Lines as text, to look for what must not be there.
fn text(lines: &[Value]) -> String {
    lines.iter().map(Value::to_string).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_organisation_and_a_child_get_their_rows_and_nobody_elses() {
    let mut world = World::start().await;
    let busy = busy::fill(&world).await;
    let other = organisation(&world, "Elm Clinic", 2).await;
    let sibling = Uuid::from_u128(0x51b);
    world.knows(sibling).await;
    let staff = world.as_person(busy.school.practitioner);
    let data = json!({"org_id": busy.school.id, "first_name": "Sib"});
    staff.send("lift.cmd.register_child", sibling, data).await.ok();
    check_in(&world, other.child).await;
    alert(&world, other.child, "urgent").await;
    // Gardens and stickers come of themselves, and then no more does.
    world.react(Duration::zero()).await;
    world.reacted("lift").await;
    let contact = world.as_person(busy.school.contact);
    let (whole, of_child) = (Uuid::from_u128(0xe1), Uuid::from_u128(0xe2));
    let data = json!({"org_id": busy.school.id});
    contact.send("lift.cmd.request_organisation_export", whole, data).await.ok();
    let data = json!({"child_id": busy.school.child});
    contact.send("lift.cmd.request_child_export", of_child, data).await.ok();
    assert_eq!(waiting(world.pool()).await.unwrap().count, 2);

    let shelf = shelf();
    world.serve(worker(&world, &shelf)).await;
    delivered(&world, 2).await;
    assert_eq!(waiting(world.pool()).await.unwrap().count, 0);
    assert_eq!(files(&shelf).len(), 2);

    let lines = archive(&shelf, whole);
    let head = (&lines[0]["context"], &lines[0]["is"], &lines[0]["tenant"]);
    assert_eq!(head, (&json!("lift"), &json!("organisation"), &json!(busy.school.id)));
    for (table, condition) in annals_projections::tenant::of("lift").unwrap().rows {
        let id = format!("'{}'::uuid", busy.school.id);
        let count = format!("SELECT count(*) FROM lift.{table} WHERE {condition}");
        let there = world.number(&count.replace("$1", &id)).await;
        let found = lines.iter().filter(|line| line["table"] == *table).count();
        assert_eq!(i64::try_from(found).unwrap(), there, "{table}");
    }
    let said = text(&lines);
    assert!(said.contains(&sibling.to_string()));
    for stranger in [other.id, other.child, other.contact, other.practitioner] {
        assert!(!said.contains(&stranger.to_string()), "{stranger} of another organisation");
    }
    assert_eq!(lines.last().unwrap()["rows"], json!(lines.len() - 2));

    let lines = archive(&shelf, of_child);
    let about = tables(&lines);
    let names: Vec<&str> = about.iter().filter_map(|it| it.split(' ').next()).collect();
    let all = [
        "alerts",
        "children",
        "garden_items",
        "profiles",
        "stickers_earned",
        "wellbeing_responses",
        "wellbeing_sessions",
    ];
    assert_eq!(names, all);
    assert!(about.contains(&"children 1".to_owned()) && about.contains(&"profiles 1".to_owned()));
    for line in lines.iter().filter(|line| line["table"].is_string()) {
        let row = &line["row"];
        let about = row.get("child_id").unwrap_or(&row["id"]);
        assert_eq!(about, &json!(busy.school.child), "{line}");
    }
    assert!(!text(&lines).contains(&sibling.to_string()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_family_gets_its_rows_and_no_account_of_anybody() {
    let mut world = World::start().await;
    let busy = busy::fill(&world).await;
    let other = nestsync::family(&world, OTTO).await;
    let owner = world.as_person(NORA);
    let asked = owner.send("nestsync.cmd.request_family_export", busy.nest.id, json!({})).await;
    asked.accepted(&["FamilyExportRequested"]);
    let shelf = shelf();
    world.serve(worker(&world, &shelf)).await;
    delivered(&world, 1).await;
    let [file] = files(&shelf).try_into().unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let folder = fs::metadata(&shelf.folder).unwrap().permissions().mode() & 0o777;
    assert_eq!(folder, 0o700);
    let id: Uuid = file.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let lines = archive(&shelf, id);
    let counted = tables(&lines);
    for rows in
        ["families 1", "children 1", "family_members 2", "inventory_items 1", "usage_logs 1"]
    {
        assert!(counted.contains(&rows.to_owned()), "{rows}: {counted:?}");
    }
    assert!(counted.iter().all(|it| !it.starts_with("users")), "{counted:?}");
    let said = text(&lines);
    assert!(!said.contains(&other.id.to_string()) && !said.contains(&OTTO.to_string()));
    // What was reported is the file that is there.
    let found: Value = world
        .row("SELECT payload FROM annals.events WHERE event_type = 'FamilyExportCompleted'")
        .await;
    let bytes = fs::read(&file).unwrap();
    let digits = sha256(&bytes);
    assert_eq!(found["payload"]["sha256"], json!(digits));
    assert_eq!(found["payload"]["export_id"], json!(id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_whom_was_erased_an_archive_says_nothing() {
    let world = World::lively().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield", 1).await;
    check_in(&world, school.child).await;
    let contact = world.as_person(school.contact);
    let erase = json!({"ground": "consent_withdrawn"});
    world.as_system().send("shared.cmd.erase_subject", school.child, erase).await.ok();
    let export = Uuid::from_u128(0xe1);
    let data = json!({"org_id": school.id});
    contact.send("lift.cmd.request_organisation_export", export, data).await.ok();
    let mut world = world;
    let shelf = shelf();
    world.serve(worker(&world, &shelf)).await;
    delivered(&world, 1).await;
    let said = text(&archive(&shelf, export));
    for erased in ["Kit", "likes trains", "Somebody's parent", "a good day"] {
        assert!(!said.contains(erased), "{erased}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_folder_exports_wait_and_nothing_is_lost() {
    let mut world = World::lively().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield", 1).await;
    let contact = world.as_person(school.contact);
    let data = json!({"org_id": school.id});
    let export = Uuid::from_u128(0xe1);
    contact.send("lift.cmd.request_organisation_export", export, data).await.ok();
    world.reacted("lift").await;
    let waits = waiting(world.pool()).await.unwrap();
    assert!(waits.count == 1 && waits.seconds >= 0.0, "{waits:?}");
    let shelf = shelf();
    world.serve(worker(&world, &shelf)).await;
    delivered(&world, 1).await;
    assert!(archive(&shelf, export).len() > 2);
}
