//! Whoever is erased as a person is erased in every context.

use annals_tests::{
    World,
    lift::{account, organisation},
    nestsync::{self, NORA},
    samia::{self, CLARA},
};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_context_answers_an_erased_person_with_its_own_erasure() {
    let world = World::lively().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield", 1).await;
    samia::user(&world, CLARA).await;
    nestsync::user(&world, NORA).await;
    world.knows(SUSAN).await;
    let data = json!({"introduction": "I am Susan"});
    let susan = world.as_person(SUSAN);
    susan.send("restorative.cmd.create_restorative_record", SUSAN, data).await.ok();
    for person in [school.child, school.practitioner, CLARA, NORA, SUSAN] {
        let ground = json!({"ground": "subject_request"});
        world.as_operator().send("shared.cmd.erase_subject", person, ground).await.ok();
    }
    let all = "SELECT count(*) = 5 FROM annals.events WHERE event_type IN
                   ('ChildErased', 'MemberErased', 'UserErased', 'RestorativeRecordErased')";
    world.until(all).await;
    for context in ["lift", "samia", "nestsync", "restorative"] {
        world.reacted(context).await;
    }
    let erased = "SELECT event_type, aggregate_type, aggregate_id FROM annals.events
                  WHERE event_type LIKE '%Erased' AND aggregate_type NOT LIKE 'shared.%'
                  ORDER BY event_type, aggregate_type";
    let rows = world.rows(erased).await;
    let expected = [
        ("ChildErased", "lift.child", school.child),
        ("MemberErased", "lift.member", school.practitioner),
        ("RestorativeRecordErased", "restorative.record", SUSAN),
        ("UserErased", "nestsync.user", NORA),
        ("UserErased", "samia.user", CLARA),
    ];
    assert_eq!(rows.len(), expected.len(), "{rows:?}");
    for (row, (event, kind, id)) in rows.iter().zip(expected) {
        assert_eq!(row["event_type"], event);
        assert!(row["aggregate_type"] == kind || kind.starts_with("restorative"), "{row}");
        assert_eq!(row["aggregate_id"], json!(id));
    }
    // What was sealed for them cannot be opened by anybody any more.
    let keys = sqlx::PgPool::connect(&world.config().keys_url).await.unwrap();
    let people = [school.child, school.practitioner, CLARA, NORA, SUSAN].map(|it| it.to_string());
    let left: Vec<(String, bool)> = sqlx::query_as(
        "SELECT subject, wrapped IS NOT NULL FROM annals_keys.subject_keys WHERE subject = ANY ($1)",
    )
    .bind(people.as_slice())
    .fetch_all(&keys)
    .await
    .unwrap();
    assert!(left.len() >= people.len() && left.iter().all(|(_, live)| !live), "{left:?}");
    keys.close().await;
}

const SUSAN: uuid::Uuid = uuid::Uuid::from_u128(0x0f00_0000_0000_7000_8000_0000_0000_0005);
