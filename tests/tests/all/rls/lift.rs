//! Rows of The Lift.

use annals_tests::{
    World,
    lift::{AVA, account, alert, check_in, organisation, staff},
};
use serde_json::json;
use uuid::Uuid;

use super::{Readable, matches, readable};

const ROLE: &str = "(SELECT me.role FROM lift.profiles AS me
    WHERE me.id = $me AND me.status = 'active' AND me.deleted_at IS NULL)";
const ORG: &str = "(SELECT me.org_id FROM lift.profiles AS me
    WHERE me.id = $me AND me.status = 'active' AND me.deleted_at IS NULL)";

fn tables() -> Vec<Readable> {
    let account = format!("{ROLE} = 'Account'");
    let staff = |child: &str| {
        format!(
            "({ROLE} IN ('Practitioner', 'GroupContact') AND {child} IN (SELECT c.id
              FROM lift.children AS c WHERE c.org_id = {ORG} AND c.deleted_at IS NULL))"
        )
    };
    let of_a_child = format!("child_id = $me OR {} OR {account}", staff("child_id"));
    vec![
        readable(
            "lift.profiles",
            format!(
                "(id = $me AND deleted_at IS NULL) OR {account}
                 OR ({ROLE} = 'GroupContact' AND org_id = {ORG} AND deleted_at IS NULL)"
            ),
        ),
        readable("lift.organisations", format!("(id = {ORG} AND deleted_at IS NULL) OR {account}")),
        readable(
            "lift.children",
            format!("(id = $me AND deleted_at IS NULL) OR {} OR {account}", staff("id")),
        ),
        readable("lift.wellbeing_sessions", of_a_child.clone()),
        readable("lift.wellbeing_responses", of_a_child.clone()),
        readable("lift.stickers_earned", of_a_child),
        readable("lift.alerts", format!("{} OR {account}", staff("child_id"))),
        readable(
            "lift.child_progress_summary",
            format!(
                "{ROLE} IN ('Practitioner', 'GroupContact', 'Account')
                 AND ({} OR {account})",
                staff("id")
            ),
        ),
        Readable {
            source: "lift.children",
            ..readable("lift.children_safeguarding", format!("{} OR {account}", staff("id")))
        },
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_reads_what_the_contract_says() {
    let world = World::start().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield School", 1).await;
    let clinic = organisation(&world, "Riverside Clinic", 2).await;
    let closed = organisation(&world, "Once a School", 3).await;
    let (suspended, removed) = (Uuid::from_u128(0x5a), Uuid::from_u128(0x5b));
    staff(&world, school.id, suspended, "Practitioner").await;
    staff(&world, school.id, removed, "GroupContact").await;
    for organisation in [school, clinic, closed] {
        let session = check_in(&world, organisation.child).await;
        alert(&world, organisation.child, "high").await;
        let sticker = json!({"sticker_type": "daily_checkin", "sticker_name": "Sunflower",
                             "earned_for": "session_completed", "session_id": session});
        world.as_system().send("lift.cmd.award_sticker", organisation.child, sticker).await.ok();
        let note = json!({"safeguarding_notes": "keep an eye on the left knee"});
        let staff = world.as_person(organisation.practitioner);
        staff.send("lift.cmd.record_safeguarding_note", organisation.child, note).await.ok();
    }
    let account = world.as_person(AVA);
    account.send("lift.cmd.suspend_member", suspended, json!({})).await.ok();
    account.send("lift.cmd.remove_member", removed, json!({})).await.ok();
    account.send("lift.cmd.archive_child", closed.child, json!({})).await.ok();
    account.send("lift.cmd.archive_organisation", closed.id, json!({})).await.ok();
    world.shown("lift").await;
    let people = [
        ("the Account", AVA),
        ("the school's GroupContact", school.contact),
        ("the school's Practitioner", school.practitioner),
        ("the school's child", school.child),
        ("the clinic's GroupContact", clinic.contact),
        ("the clinic's Practitioner", clinic.practitioner),
        ("the clinic's child", clinic.child),
        ("a closed school's Practitioner", closed.practitioner),
        ("an archived child", closed.child),
        ("a suspended Practitioner", suspended),
        ("a removed GroupContact", removed),
        ("a stranger", Uuid::from_u128(0x5c)),
    ];
    matches(&world, &tables(), &people).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_reads_safeguarding_notes_where_children_can_read() {
    let world = World::start().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield School", 1).await;
    for person in [school.child, school.practitioner, AVA] {
        let reader = annals_tests::Reader::Person(person);
        for sql in ["SELECT safeguarding_notes FROM lift.children", "SELECT * FROM lift.children"] {
            assert_eq!(world.rows_for(reader, sql).await, Err("42501".to_owned()), "{sql}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rights_are_gone_with_the_event_that_takes_them() {
    let world = World::start().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield School", 1).await;
    let reader = annals_tests::Reader::Person(school.practitioner);
    let children = "SELECT id FROM lift.children";
    assert_eq!(world.rows_for(reader, children).await.unwrap().len(), 1);
    let contact = world.as_person(school.contact);
    contact.send("lift.cmd.suspend_member", school.practitioner, json!({})).await.ok();
    assert_eq!(world.rows_for(reader, children).await.unwrap().len(), 0);
    contact.send("lift.cmd.reinstate_member", school.practitioner, json!({})).await.ok();
    assert_eq!(world.rows_for(reader, children).await.unwrap().len(), 1);
}
