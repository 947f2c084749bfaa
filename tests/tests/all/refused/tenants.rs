//! What belongs to somebody else.

use annals_tests::{
    World, lift,
    nestsync::{NORA, OTTO, family},
    samia::{CLARA, DORA, user, wallet},
};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_familys_item_is_left_alone() {
    let world = World::start().await;
    let nest = family(&world, NORA).await;
    family(&world, OTTO).await;
    let before = world.events().await;
    let otto = world.as_person(OTTO);
    for (command, data) in [
        ("log_usage", json!({"quantity": "1"})),
        ("restock_item", json!({"quantity": "1"})),
        ("remove_inventory_item", json!({})),
    ] {
        let subject = format!("nestsync.cmd.{command}");
        otto.send(&subject, nest.item, data).await.refused("not_allowed").status(403);
    }
    let data = json!({"name": "Mine"});
    otto.send("nestsync.cmd.rename_family", nest.id, data).await.refused("not_allowed");
    assert_eq!(world.events().await, before);
    let used = world.as_person(NORA);
    used.send("nestsync.cmd.log_usage", nest.item, json!({"quantity": "1"})).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_organisations_alert_is_left_alone() {
    let world = World::start().await;
    lift::account(&world).await;
    let school = lift::organisation(&world, "Oakfield School", 1).await;
    let clinic = lift::organisation(&world, "Riverside Clinic", 2).await;
    let alert = lift::alert(&world, school.child, "urgent").await;
    let before = world.events().await;
    for person in [clinic.practitioner, clinic.contact, clinic.child, school.child] {
        let asked = world.as_person(person);
        let answer = asked.send("lift.cmd.acknowledge_alert", alert, json!({})).await;
        answer.refused("not_allowed").status(403);
    }
    assert_eq!(world.events().await, before);
    let staff = world.as_person(school.practitioner);
    staff.send("lift.cmd.acknowledge_alert", alert, json!({})).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_persons_money_is_left_alone() {
    let world = World::start().await;
    wallet(&world, "10.00").await;
    user(&world, DORA).await;
    let before = world.events().await;
    let data = json!({"amount": "10.00", "gateway_provider": "stripe"});
    let asked = world.as_person(DORA).send("samia.cmd.request_withdrawal", CLARA, data).await;
    asked.refused("not_allowed").status(403);
    assert_eq!(world.events().await, before);
}
