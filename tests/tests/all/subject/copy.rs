//! A copy of what is kept of a person.

use std::{collections::BTreeSet, fs, path::PathBuf};

use annals_commands::Catalogue as Aggregates;
use annals_infra::{
    dev::harness,
    proof::note::SigningKey,
    subject::{Asked, Dossier, ManifestError, OTHERS, check, gather, write},
};
use annals_projections::Catalogue;
use annals_tests::{
    World,
    lift::{account, alert, check_in, organisation},
    nestsync::{self, CARL, NORA},
};
use serde_json::json;
use uuid::Uuid;
use zeroize::Zeroizing;

const ORIGIN: &str = "tests.example/subject";

async fn asked(world: &World, context: &str, kind: &str, id: Uuid) -> Dossier {
    let (catalogue, aggregates) = (Catalogue::new(), Aggregates::new());
    let asked = Asked {
        context: catalogue.context(context).unwrap(),
        kind: kind.to_owned(),
        id: id.to_string(),
        withheld: BTreeSet::new(),
    };
    let keys = &world.services()[0].keys;
    gather(world.pool(), keys, &aggregates, &asked).await.unwrap()
}

/// The folder of a copy, and all texts in it.
fn written(dossier: &Dossier) -> (PathBuf, String) {
    let folder = harness::scratch().unwrap().join(format!("copy-{}", Uuid::now_v7()));
    write(&folder, dossier, &[], ORIGIN, &[key()]).unwrap();
    let mut text = String::new();
    for entry in fs::read_dir(&folder).unwrap() {
        text.push_str(&String::from_utf8_lossy(&fs::read(entry.unwrap().path()).unwrap()));
    }
    (folder, text)
}

fn key() -> SigningKey {
    SigningKey::of_log(ORIGIN, &Zeroizing::new([5; 32])).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_gets_all_of_its_own_and_nothing_of_anybody_elses() {
    let world = World::start().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield", 1).await;
    let other = organisation(&world, "Elmfield", 2).await;
    let (mine, theirs) =
        (world.as_person(school.practitioner), world.as_person(other.practitioner));
    for (staff, child, name) in [(&mine, school.child, "Kitty"), (&theirs, other.child, "Wolfram")]
    {
        let data = json!({"first_name": name, "additional_notes": format!("{name} likes trains")});
        staff.send("lift.cmd.update_child_details", child, data).await.ok();
    }
    check_in(&world, school.child).await;
    let raised = alert(&world, school.child, "high").await;
    mine.send("lift.cmd.acknowledge_alert", raised, json!({})).await.ok();
    world.all_shown().await;

    let dossier = asked(&world, "lift", "child", school.child).await;
    let events: BTreeSet<&str> = dossier.events.iter().map(|it| it.event_type.as_str()).collect();
    for event in [
        "ChildRegistered",
        "ChildDetailsUpdated",
        "ConsentRecorded",
        "SessionStarted",
        "SessionCompleted",
        "AlertRaised",
        "AlertAcknowledged",
        "IdentityRegistered",
    ] {
        assert!(events.contains(event), "{event}: {events:?}");
    }
    let tables: BTreeSet<&str> = dossier.rows.iter().map(|(table, _)| table.as_str()).collect();
    for table in ["children", "profiles", "wellbeing_sessions", "wellbeing_responses", "alerts"] {
        assert!(tables.contains(table), "{table}: {tables:?}");
    }
    let names = dossier.versions.iter().filter(|it| it.table == "children");
    let names: BTreeSet<&str> = names.filter_map(|it| it.row["first_name"].as_str()).collect();
    assert_eq!(names, BTreeSet::from(["Kit", "Kitty"]));
    let by = dossier.people.iter().find(|it| it.actor == school.practitioner).unwrap();
    assert!(by.acts >= 3 && by.commands.contains("acknowledge_alert") && !by.is_subject);
    assert!(dossier.people.iter().any(|it| it.actor == school.child && it.is_subject));

    let (folder, text) = written(&dossier);
    assert!(text.contains("Kitty likes trains") && text.contains("a good day"));
    for stranger in ["Wolfram", &other.child.to_string(), "Elmfield"] {
        assert!(!text.contains(stranger), "{stranger}");
    }
    let page = fs::read_to_string(folder.join("index.html")).unwrap();
    assert!(
        page.contains("Kitty")
            && page.contains("Alert acknowledged")
            && page.contains("likes trains")
    );
    let keys = [key().verifier().clone()];
    let checked = check(&folder, &keys).unwrap();
    for file in
        ["events.jsonl", "events.parquet", "rows.children.parquet", "history.children.parquet"]
    {
        assert!(checked.files.iter().any(|it| it == file), "{file}: {:?}", checked.files);
    }
    fs::write(folder.join("rows.jsonl"), "{}").unwrap();
    assert!(matches!(check(&folder, &keys), Err(ManifestError::Changed(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_about_somebody_else_is_withheld_and_it_is_said() {
    let world = World::start().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield", 1).await;
    let staff = world.as_person(school.practitioner);
    let data = json!({"first_name": "Wolfram", "additional_notes": "likes trains"});
    staff.send("lift.cmd.update_child_details", school.child, data).await.ok();
    world.all_shown().await;
    let dossier = asked(&world, "lift", "member", school.practitioner).await;
    // The child that the practitioner looks after is named by its row, and is somebody else.
    let (_, row) = dossier.rows.iter().find(|(table, _)| table == "children").unwrap();
    assert_eq!((&row["first_name"], &row["additional_notes"]), (&json!(OTHERS), &json!(OTHERS)));
    let (_, own) = dossier.rows.iter().find(|(table, _)| table == "profiles").unwrap();
    assert_eq!(own["name"], "Staff");
    let place = format!("children {}", school.child);
    assert!(dossier.withheld.iter().any(|it| it.place == place && it.why == OTHERS));
    let (_, text) = written(&dossier);
    assert!(!text.contains("Wolfram") && !text.contains("likes trains") && text.contains(OTHERS));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_family_gets_its_own_and_its_childrens_but_not_its_members() {
    let world = World::start().await;
    let family = nestsync::family(&world, NORA).await;
    nestsync::member(&world, family, NORA, CARL, "caregiver").await;
    world.all_shown().await;
    let dossier = asked(&world, "nestsync", "family", family.id).await;
    let (folder, _) = written(&dossier);
    // The page explains columns, in words of its own.
    let read = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
    let text = ["events.jsonl", "rows.jsonl", "history.jsonl"].map(read).concat();
    assert!(text.contains("A family") && text.contains("shy of dogs") && text.contains("Nappies"));
    assert!(!text.contains("A member") && !text.contains("The owner"), "members' names are theirs");
    assert!(dossier.withheld.iter().any(|it| it.place.starts_with("family_members")));
}
