//! What stands against an erasure, and what an erasure stands against.

use annals_tests::{
    lift::{account, organisation},
    samia::{self, CLARA},
};
use serde_json::json;
use uuid::Uuid;

use super::{erase, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_is_met_before_anything_is_destroyed_and_nothing_more_is_asked_afterwards() {
    let (world, _signing) = world().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield", 1).await;
    let operator = world.as_operator();
    let hold = json!({"basis": "safeguarding_enquiry", "reference": "SE-9"});
    let placed = operator.send("shared.cmd.place_hold", school.child, hold).await;
    placed.accepted(&["HoldPlaced"]);
    let ground = json!({"ground": "subject_request"});
    let refused = operator.send("shared.cmd.erase_subject", school.child, ground.clone()).await;
    refused.refused("subject_on_hold");
    // Nor does the context forget the child by itself.
    let contact = world.as_person(school.contact);
    let refused = contact.send("lift.cmd.erase_child", school.child, json!({})).await;
    refused.refused("subject_on_hold");
    let sql =
        "SELECT payload ->> 'hold_id' AS id FROM annals.events WHERE event_type = 'HoldPlaced'";
    let hold_id: Uuid = world.row(sql).await["id"].as_str().unwrap().parse().unwrap();
    let data = json!({"hold_id": hold_id});
    operator.send("shared.cmd.release_hold", school.child, data).await.ok();
    erase(&world, school.child).await;
    world.reacted("lift").await;
    let staff = world.as_person(school.practitioner);
    for (command, data) in [
        ("lift.cmd.update_child_details", json!({"first_name": "Kit"})),
        ("lift.cmd.record_safeguarding_note", json!({"safeguarding_notes": "a note"})),
        ("lift.cmd.withdraw_consent", json!({})),
        ("lift.cmd.archive_child", json!({})),
    ] {
        let refused = staff.send(command, school.child, data).await;
        refused.refused("erased").status(410);
    }
    // Asked again, it is done already.
    operator.send("shared.cmd.erase_subject", school.child, ground).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_left_is_erased_when_the_time_of_their_records_is_over() {
    let (mut world, _signing) = world().await;
    samia::user(&world, CLARA).await;
    world.as_person(CLARA).send("samia.cmd.delete_user", CLARA, json!({})).await.ok();
    let set = "SELECT count(*) = 1 FROM annals.timers WHERE reaction = 'shared.reaction.retention'
                 AND due_at > now() + interval '5 years 11 months'";
    world.until(set).await;
    world.rest().await;
    world.react(chrono::Duration::days(366 * 6)).await;
    let erased = "SELECT payload ->> 'ground' = 'retention_ended' FROM annals.events
                  WHERE event_type = 'SubjectErased'";
    world.until(erased).await;
}
