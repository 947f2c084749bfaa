//! What somebody sees at the console: what they may see, and nothing else, then as now.

use annals_tests::{World, lift, nestsync, samia};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Visitor, types, world};

/// Two schools with a child and an alert each.
async fn two(world: &World) -> [(lift::Organisation, Uuid); 2] {
    lift::account(world).await;
    let school = lift::organisation(world, "Oakfield School", 1).await;
    let clinic = lift::organisation(world, "Riverside Clinic", 2).await;
    let mut both = Vec::new();
    for place in [school, clinic] {
        let alert = lift::alert(world, place.child, "high").await;
        let staff = world.as_person(place.practitioner);
        staff.send("lift.cmd.acknowledge_alert", alert, json!({})).await.ok();
        both.push((place, alert));
    }
    world.all_shown().await;
    both.try_into().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_sees_anything_of_another_tenant() {
    let world = world().await;
    let [(school, alert), (clinic, other)] = two(&world).await;
    let gina = Visitor::person(&world, school.contact);

    let story = gina.finds("/api/story", json!({"kind": "lift.alert", "id": alert})).await;
    assert_eq!(types(&story), ["AlertRaised", "AlertAcknowledged"]);
    let changed = story["events"][1]["rows"][0]["changes"].as_array().unwrap();
    let status = changed.iter().find(|it| it["column"] == "status").unwrap();
    assert_eq!((&status["old"], &status["new"]), (&json!("unread"), &json!("acknowledged")));
    assert_eq!(story["events"][1]["actor"], json!(school.practitioner));
    assert_eq!(story["people"][school.practitioner.to_string()], "Staff");
    assert_eq!(story["events"][1]["command"], "acknowledge_alert");

    // What is another's looks like what never was.
    let key = |id: Uuid| json!({"table": "lift.alerts", "key": [id]});
    gina.finds_nothing("/api/story", json!({"kind": "lift.alert", "id": other})).await;
    gina.finds_nothing("/api/row", key(other)).await;
    gina.finds_nothing("/api/row/as-of", key(other)).await;
    gina.finds("/api/row", key(alert)).await;

    let theirs = [clinic.id, clinic.contact, clinic.practitioner, clinic.child, other];
    for asked in [
        json!({}),
        json!({"context": "lift"}),
        json!({"kind": "lift.alert"}),
        json!({"type": "AlertRaised"}),
        json!({"person": clinic.practitioner}),
        json!({"tenant": clinic.id}),
        json!({"text": clinic.child}),
        json!({"text": other}),
        json!({"text": "Kit"}),
        json!({"text": "Staff"}),
        json!({"text": "alert raised"}),
    ] {
        let mut found = gina.finds("/api/search", asked.clone()).await;
        for id in theirs {
            assert!(!found.to_string().contains(&id.to_string()), "{asked}: {id}: {found}");
        }
        while let Some(before) = found["next"].as_i64() {
            let mut more = asked.clone();
            more["before"] = before.into();
            found = gina.finds("/api/search", more).await;
            for id in theirs {
                assert!(!found.to_string().contains(&id.to_string()), "{asked}: {id}: {found}");
            }
        }
    }
    let found = gina.finds("/api/search", json!({"text": "Kit"})).await;
    assert_eq!(found["rows"].as_array().unwrap().len(), 2, "the profile and the child: {found}");
    let found = gina.finds("/api/search", json!({"text": "alert raised"})).await;
    assert_eq!(types(&found), ["AlertRaised"]);
    let found =
        gina.finds("/api/search", json!({"correlation": story["events"][1]["correlation_id"]}));
    assert_eq!(types(&found.await), ["AlertAcknowledged"]);
    // Of both, whoever administers the platform.
    let ava = Visitor::person(&world, lift::AVA);
    let found = ava.finds("/api/search", json!({"type": "AlertRaised"})).await;
    assert_eq!(types(&found), ["AlertRaised"; 2]);
    // A stranger sees nothing at all.
    let stranger = Visitor::person(&world, Uuid::now_v7());
    let found = stranger.finds("/api/search", json!({})).await;
    assert_eq!((&found["events"], &found["rows"]), (&json!([]), &json!([])));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operator_sees_who_did_what_when_and_reads_no_record() {
    let world = world().await;
    let [(school, alert), _] = two(&world).await;
    let operator = Visitor::operator(&world);
    let story = operator.finds("/api/story", json!({"kind": "lift.alert", "id": alert})).await;
    assert_eq!(types(&story), ["AlertRaised", "AlertAcknowledged"]);
    let row = &story["events"][1]["rows"][0];
    assert_eq!((&row["changes"], &row["table"]), (&json!([]), &json!("lift.alerts")));
    assert!(row["withheld"].as_array().unwrap().contains(&json!("status")), "{row}");
    let key = json!({"table": "lift.alerts", "key": [alert]});
    let lineage = operator.finds("/api/row", key.clone()).await;
    assert_eq!(lineage["open"], false);
    assert_eq!(lineage["versions"].as_array().unwrap().len(), 2);
    let then = operator.finds("/api/row/as-of", key).await;
    assert_eq!((&then["row"], &then["before"]), (&Value::Null, &Value::Null));
    let child =
        operator.finds("/api/story", json!({"kind": "lift.child", "id": school.child})).await;
    for told in [story, lineage, child, operator.finds("/api/search", json!({})).await] {
        let told = told.to_string();
        for held in ["Moods go down", "Kit", "likes trains", "Somebody's parent", "acknowledged\""]
        {
            assert!(!told.contains(held), "{held}: {told}");
        }
    }
    // And people see nothing of what is the operator's.
    let ava = Visitor::person(&world, lift::AVA);
    for (path, body) in [
        ("/api/charts", json!({"seconds": 3600})),
        ("/api/verify", json!({"whole": true})),
        ("/api/replay", json!({"context": "lift", "until": null})),
        ("/api/jobs/0b000000-0000-7000-8000-000000000001/stop", json!({})),
    ] {
        let answer = ava.ask(path, body).await;
        assert_eq!((answer.status, &answer.json()["code"]), (403, &json!("not_allowed")), "{path}");
    }
    for path in
        ["/api/status", "/api/jobs", "/api/jobs/0b000000-0000-7000-8000-000000000001/events"]
    {
        assert_eq!(ava.get(path).await.status, 403, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_table_withholds_from_its_readers_is_told_to_none() {
    let world = world().await;
    lift::account(&world).await;
    let school = lift::organisation(&world, "Oakfield School", 1).await;
    let note = json!({"safeguarding_notes": "keep an eye on the left knee"});
    let staff = world.as_person(school.practitioner);
    staff.send("lift.cmd.record_safeguarding_note", school.child, note).await.ok();
    let more = json!({"class_name": "4B"});
    staff.send("lift.cmd.update_child_details", school.child, more).await.ok();
    world.all_shown().await;
    for person in [school.child, school.practitioner, school.contact, lift::AVA] {
        let visitor = Visitor::person(&world, person);
        let asked = json!({"kind": "lift.child", "id": school.child});
        let story = visitor.finds("/api/story", asked).await;
        let key = json!({"table": "lift.children", "key": [school.child]});
        let lineage = visitor.finds("/api/row", key.clone()).await;
        let then = visitor.finds("/api/row/as-of", key).await;
        let found = visitor.finds("/api/search", json!({"text": school.child})).await;
        for told in [story, lineage, then, found] {
            let told = told.to_string();
            assert!(!told.contains("left knee") && !told.contains("Safeguarding"), "{told}");
            assert!(told.contains("4B") || told.contains("Child"), "{told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_past_is_shown_under_the_rights_of_today() {
    let world = world().await;
    let [(school, alert), (clinic, _)] = two(&world).await;
    let then = world.events().await;
    let moved = json!({"org_id": clinic.id});
    let ava = world.as_person(lift::AVA);
    ava.send("lift.cmd.transfer_child", school.child, moved).await.ok();
    ava.send("lift.cmd.suspend_member", clinic.contact, json!({})).await.ok();
    world.all_shown().await;
    let key = json!({"table": "lift.children", "key": [school.child], "position": then});
    let lineage = json!({"table": "lift.children", "key": [school.child]});
    for person in [school.practitioner, clinic.contact] {
        let visitor = Visitor::person(&world, person);
        visitor.finds_nothing("/api/row/as-of", key.clone()).await;
        visitor.finds_nothing("/api/row", lineage.clone()).await;
        visitor.finds_nothing("/api/story", json!({"kind": "lift.alert", "id": alert})).await;
    }
    // The child's new place sees the child from the day on which it came.
    let visitor = Visitor::person(&world, clinic.practitioner);
    visitor.finds_nothing("/api/row/as-of", key).await;
    let told = visitor.finds("/api/row", lineage).await;
    let versions = told["versions"].as_array().unwrap();
    assert_eq!(versions.len(), 1, "{versions:?}");
    assert_eq!(versions[0]["type"], "ChildTransferred");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_an_erased_person_the_console_knows_that_they_are_erased() {
    let world = world().await;
    let clara = samia::wallet(&world, "10.00").await;
    let sam = samia::super_admin(&world).await;
    world.all_shown().await;
    let visitor = Visitor::person(&world, sam);
    let asked = json!({"kind": "samia.user", "id": clara});
    let story = visitor.finds("/api/story", asked.clone()).await.to_string();
    assert!(story.contains("Somebody"), "{story}");
    world.as_system().send("samia.cmd.erase_user", clara, json!({})).await.ok();
    world.all_shown().await;
    let key = json!({"table": "samia.users", "key": [clara]});
    let story = visitor.finds("/api/story", asked).await;
    let first = &story["events"][0]["rows"][0]["changes"];
    let name = first.as_array().unwrap().iter().find(|it| it["column"] == "full_name").unwrap();
    assert_eq!(name["hidden"], "erased");
    let search = visitor.finds("/api/search", json!({"text": "Somebody"})).await;
    for told in [story, visitor.finds("/api/row", key).await] {
        assert!(!told["events"].to_string().contains("Somebody"), "{told}");
    }
    let rows = search["rows"].to_string();
    assert!(!rows.contains(&clara.to_string()), "{rows}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_is_told_as_it_was_at_each_of_its_events() {
    let world = world().await;
    let nest = nestsync::family(&world, nestsync::NORA).await;
    let nora = world.as_person(nestsync::NORA);
    for quantity in ["2", "3"] {
        let used = json!({"quantity": quantity});
        nora.send("nestsync.cmd.log_usage", nest.item, used).await.ok();
    }
    world.all_shown().await;
    let visitor = Visitor::person(&world, nestsync::NORA);
    let key = json!({"table": "nestsync.inventory_items", "key": [nest.item]});
    let lineage = visitor.finds("/api/row", key.clone()).await;
    let versions = lineage["versions"].as_array().unwrap();
    let did: Vec<_> = versions.iter().map(|it| (&it["did"], &it["type"])).collect();
    let (made, changed) = (json!("made"), json!("changed"));
    let (added, used) = (json!("InventoryItemAdded"), json!("ItemUsed"));
    assert_eq!(did, [(&made, &added), (&changed, &used), (&changed, &used)]);
    assert!(versions[1]["columns"].as_array().unwrap().contains(&json!("quantity")));
    let mut held = Vec::new();
    for version in versions {
        let mut asked = key.clone();
        asked["position"] = version["position"].clone();
        held.push(visitor.finds("/api/row/as-of", asked).await["row"]["quantity"].clone());
    }
    assert_eq!(held, [json!("10.00"), json!("8.00"), json!("5.00")], "money and amounts as texts");
    let otto = Visitor::person(&world, nestsync::OTTO);
    otto.finds_nothing("/api/row", key).await;
}
