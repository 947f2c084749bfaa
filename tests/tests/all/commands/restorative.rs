//! Restorative records.

use annals_tests::{
    World,
    restorative::{ABEL, RUTH, record},
};
use serde_json::json;

const CREATE: &str = "restorative.cmd.create_restorative_record";
const REVISE: &str = "restorative.cmd.revise_restorative_record";
const SAVE: &str = "restorative.cmd.save_restorative_record";
const ERASE: &str = "restorative.cmd.erase_restorative_record";
const ROWS: &str = "SELECT user_id, introduction, narrative, created_at < updated_at AS revised
                    FROM restorative.restorative_records";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn saving_twice_gives_one_row_and_leaves_what_was_not_given() {
    let world = World::start().await;
    world.knows(RUTH).await;
    let ruth = world.as_person(RUTH);
    let first = json!({"introduction": "I am Ruth", "narrative": "<b>It began</b> & \"went on\""});
    ruth.send(SAVE, (), first).await.accepted(&["RestorativeRecordCreated"]);
    let answer = ruth.send(SAVE, (), json!({"introduction": null})).await;
    answer.accepted(&["RestorativeRecordRevised"]);
    assert_eq!((answer.id(), answer.version()), (RUTH, 2));
    ruth.send(SAVE, (), json!({"introduction": null})).await.accepted(&[]);
    world.shown("restorative").await;
    // Markup comes back as it was written, as data (restorative.ops.display-safety).
    let row = json!({"user_id": RUTH, "introduction": null, "revised": true,
                     "narrative": "<b>It began</b> & \"went on\""});
    assert_eq!(world.rows(ROWS).await, [row]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_broken_rule_has_its_code_and_stores_nothing() {
    let world = World::start().await;
    record(&world, RUTH).await;
    world.knows(ABEL).await;
    let stranger = world.as_person(uuid::Uuid::from_u128(0x5c));
    let (ruth, abel) = (world.as_person(RUTH), world.as_person(ABEL));
    let before = world.events().await;
    let long = json!({"narrative": "x".repeat(100_001)});
    ruth.send(CREATE, (), json!({})).await.refused("record_already_exists").status(422);
    ruth.send(REVISE, (), json!({})).await.refused("nothing_to_revise").status(422);
    let asked = ruth.send(REVISE, (), long).await;
    asked.refused("text_too_long").status(422).at("/data/narrative");
    abel.send(REVISE, (), json!({"narrative": "x"})).await.refused("record_not_found");
    stranger.send(SAVE, (), json!({"narrative": "x"})).await.refused("unknown_subject");
    let asked = ruth.send(SAVE, (), json!({"narrative": "nul\u{0}"})).await;
    asked.refused("malformed_json").at("/data/narrative");
    ruth.send(SAVE, (), json!({"user_id": ABEL})).await.refused("unknown_field");
    for subject in [CREATE, REVISE, SAVE, ERASE] {
        abel.send(subject, RUTH, json!({})).await.refused("not_allowed").status(403);
    }
    assert_eq!(world.events().await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erased_record_leaves_no_row_and_the_operator_may_erase() {
    let world = World::start().await;
    record(&world, RUTH).await;
    record(&world, ABEL).await;
    world.as_person(RUTH).send(ERASE, (), json!({})).await.accepted(&["RestorativeRecordErased"]);
    world.as_operator().send(ERASE, ABEL, json!({})).await.accepted(&["RestorativeRecordErased"]);
    world.shown("restorative").await;
    assert_eq!(world.rows(ROWS).await, [json!(null); 0]);
    record_again(&world).await;
}

/// A person whose record was erased may begin again.
async fn record_again(world: &World) {
    let data = json!({"narrative": "A new beginning"});
    let created = world.as_person(RUTH).send(CREATE, (), data).await;
    created.accepted(&["RestorativeRecordCreated"]);
    world.shown("restorative").await;
    assert_eq!(world.rows(ROWS).await.len(), 1);
}
