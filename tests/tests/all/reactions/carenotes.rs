//! What Write Care Notes does by itself, from the event to the row.

use annals_tests::{
    World,
    carenotes::{home, papers},
};
use chrono::Duration;
use futures::StreamExt;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reviews_are_told_on_their_day_and_plans_close_when_the_resident_leaves() {
    let mut world = World::lively().await;
    let house = home(&world, "Meadow House", 1).await;
    let papers = papers(&world, house).await;
    let admin = world.as_person(house.admin);
    let day = json!({"review_date": (chrono::Utc::now() + Duration::days(3)).date_naive()});
    admin.send("carenotes.cmd.schedule_care_plan_review", papers.plan, day).await.ok();
    admin.send("carenotes.cmd.activate_care_plan", papers.plan, json!({})).await.ok();
    world.reacted("carenotes").await;
    let master = world.master().await;
    let mut notes = master.subscribe("carenotes.note.care_plan_review_due").await.unwrap();
    master.flush().await.unwrap();
    world.rest().await;
    world.wake().await;
    world.react(Duration::days(5)).await;
    let note = notes.next().await.unwrap();
    let said: Value = serde_json::from_slice(&note.payload).unwrap();
    assert_eq!(said["care_plan_id"], json!(papers.plan));
    let leaves = json!({});
    let admin = world.as_person(house.admin);
    admin.send("carenotes.cmd.discharge_resident", house.resident, leaves).await.ok();
    world.reacted("carenotes").await;
    let closed = world.row("SELECT status FROM carenotes.care_plans").await;
    assert_eq!(closed, json!({"status": "closed"}));
}
