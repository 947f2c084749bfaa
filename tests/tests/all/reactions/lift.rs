//! What The Lift does by itself, from the event to the row.

use annals_tests::{
    World,
    lift::{self, account, check_in, organisation},
};
use chrono::Duration;
use serde_json::{Value, json};
use uuid::Uuid;

async fn answer(world: &World, child: Uuid, session: Uuid, score: i32, flags: Value) -> Uuid {
    let data = json!({
        "activity_type": "mood_wheel", "question_key": "mood", "response_type": "scale",
        "response_value": score, "response_score": score, "flags": flags,
    });
    world.as_person(child).send("lift.cmd.record_response", session, data).await.ok();
    let id = format!(
        "SELECT id FROM lift.wellbeing_responses WHERE session_id = '{session}'
         ORDER BY created_at DESC, id DESC LIMIT 1"
    );
    world.row(&id).await["id"].as_str().unwrap().parse().unwrap()
}

async fn start(world: &World, child: Uuid) -> Uuid {
    let data = json!({"session_type": "daily_checkin"});
    world.as_person(child).send("lift.cmd.start_session", (), data).await.ok().id()
}

async fn complete(world: &World, child: Uuid, mood: i32) -> Uuid {
    let session = start(world, child).await;
    let data = json!({"overall_mood": mood});
    world.as_person(child).send("lift.cmd.complete_session", session, data).await.ok();
    session
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flagged_answer_becomes_an_urgent_alert_whose_cause_can_be_followed() {
    let world = World::lively().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield", 1).await;
    let session = start(&world, school.child).await;
    answer(&world, school.child, session, 4, json!(["tired"])).await;
    let response = answer(&world, school.child, session, 1, json!(["self_harm"])).await;
    world.reacted("lift").await;
    let alerts =
        "SELECT alert_type, severity, status, trigger_data -> 'flags' AS flags, session_id,
                         response_id
                  FROM lift.alerts ORDER BY severity";
    let rows = world.rows(alerts).await;
    let severities: Vec<&str> = rows.iter().filter_map(|row| row["severity"].as_str()).collect();
    assert_eq!(severities, ["high", "urgent"]);
    assert_eq!(
        rows[1],
        json!({"alert_type": "safeguarding", "severity": "urgent", "status": "unread",
               "flags": ["self_harm"], "session_id": session, "response_id": response})
    );
    let followed = "SELECT raised.metadata ->> 'actor_kind' AS kind,
                           raised.metadata ->> 'command' AS command,
                           raised.metadata ->> 'causation_id' = cause.event_id::text AS caused,
                           raised.metadata ->> 'correlation_id'
                               = cause.metadata ->> 'correlation_id' AS belongs
                    FROM annals.events AS raised, annals.events AS cause
                    WHERE raised.event_type = 'AlertRaised'
                      AND cause.event_type = 'ResponseRecorded'
                      AND cause.position = (SELECT max(position) FROM annals.events
                                            WHERE event_type = 'ResponseRecorded')
                    ORDER BY raised.position DESC LIMIT 1";
    let expected = json!({"kind": "system", "command": "raise_alert", "caused": true,
                          "belongs": true});
    assert_eq!(world.row(followed).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_completed_session_earns_a_sticker_and_opens_the_garden() {
    let world = World::lively().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield", 1).await;
    world.reacted("lift").await;
    let items = "SELECT count(*) FROM lift.garden_items WHERE is_unlocked";
    assert_eq!(world.number("SELECT count(*) FROM lift.garden_items").await, 9);
    assert_eq!(world.number(items).await, 3);
    let session = check_in(&world, school.child).await;
    world.reacted("lift").await;
    let sticker = "SELECT sticker_type, sticker_name, earned_for, session_id
                   FROM lift.stickers_earned";
    let expected = json!({"sticker_type": "daily_checkin", "sticker_name": "Sunny Day",
                          "earned_for": "session_completed", "session_id": session});
    assert_eq!(world.row(sticker).await, expected);
    assert_eq!(world.number(items).await, 4, "one sticker unlocks the tulip");
    for _ in 0..4 {
        check_in(&world, school.child).await;
    }
    world.reacted("lift").await;
    let milestones = "SELECT sticker_type FROM lift.stickers_earned WHERE earned_for = 'milestone'";
    assert_eq!(world.row(milestones).await, json!({"sticker_type": "milestone_5"}));
    let unlocked = "SELECT item_name FROM lift.garden_items WHERE is_unlocked
                      AND unlock_condition IS NOT NULL ORDER BY item_name";
    let names: Vec<Value> =
        world.rows(unlocked).await.iter().map(|row| row["item_name"].clone()).collect();
    assert_eq!(names, ["Apple tree", "Bench", "Tulip"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moods_that_change_raise_an_alert_once() {
    let world = World::lively().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield", 1).await;
    for mood in [5, 5, 5, 3, 3, 3, 3] {
        complete(&world, school.child, mood).await;
    }
    world.reacted("lift").await;
    let alerts = "SELECT alert_type, severity FROM lift.alerts";
    let decline = json!({"alert_type": "wellbeing_decline", "severity": "high"});
    assert_eq!(world.row(alerts).await, decline);
    for mood in [5, 5, 5] {
        complete(&world, school.child, mood).await;
    }
    world.reacted("lift").await;
    let rows = world.rows("SELECT alert_type FROM lift.alerts ORDER BY created_at").await;
    let expected =
        [json!({"alert_type": "wellbeing_decline"}), json!({"alert_type": "positive_change"})];
    assert_eq!(rows, expected);
    let moods = "SELECT state ->> 'moods' LIKE '%$sealed%' AS sealed FROM annals.reactor_states
                 WHERE context = 'lift' AND kind = 'child'";
    assert_eq!(world.row(moods).await, json!({"sealed": true}), "moods are not kept in the clear");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timers_that_were_set_before_a_restart_fire_after_it() {
    let mut world = World::lively().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield", 1).await;
    let open = start(&world, school.child).await;
    let invite = json!({
        "org_id": school.id, "email": "new@example.org", "role": "Practitioner",
        "invitation_token": "b".repeat(64),
    });
    let invitation =
        world.as_person(school.contact).send("lift.cmd.invite_member", (), invite).await.ok().id();
    world.reacted("lift").await;
    assert_eq!(world.number("SELECT count(*) FROM annals.timers WHERE context = 'lift'").await, 3);
    world.rest().await;
    world.wake().await;
    world.react(Duration::days(15)).await;
    let lapsed =
        format!("SELECT status = 'expired' FROM lift.invitations WHERE id = '{invitation}'");
    world.until(&lapsed).await;
    let left =
        format!("SELECT status = 'abandoned' FROM lift.wellbeing_sessions WHERE id = '{open}'");
    world.until(&left).await;
    world.until("SELECT count(*) = 1 FROM lift.alerts WHERE alert_type = 'engagement_drop'").await;
    let timers = "SELECT reaction FROM annals.timers WHERE context = 'lift'";
    let daily = json!({"reaction": "lift.reaction.engagement-drop"});
    world.reacted("lift").await;
    assert_eq!(world.row(timers).await, daily, "it looks again tomorrow");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_an_archived_organisation_end_invitations_staff_and_children() {
    let world = World::lively().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield", 1).await;
    let other = organisation(&world, "Elm", 2).await;
    let invite = json!({
        "org_id": school.id, "email": "new@example.org", "role": "Practitioner",
        "invitation_token": "b".repeat(64),
    });
    world.as_person(school.contact).send("lift.cmd.invite_member", (), invite).await.ok();
    let archive = world.as_person(lift::AVA);
    archive.send("lift.cmd.archive_organisation", school.id, json!({})).await.ok();
    world.reacted("lift").await;
    let revoked = "SELECT status FROM lift.invitations";
    assert_eq!(world.row(revoked).await, json!({"status": "revoked"}));
    let staff = "SELECT org_id, array_agg(DISTINCT status) AS status FROM lift.profiles
                 WHERE role IN ('GroupContact', 'Practitioner') GROUP BY org_id";
    for row in world.rows(staff).await {
        let expected = if row["org_id"] == json!(school.id) { "inactive" } else { "active" };
        assert_eq!(row["status"], json!([expected]));
    }
    let children = "SELECT id, deleted_at IS NOT NULL AS archived FROM lift.children";
    for row in world.rows(children).await {
        assert_eq!(row["archived"], row["id"] != json!(other.child), "{row}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_session_ends_with_the_consent() {
    let world = World::lively().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield", 1).await;
    start(&world, school.child).await;
    let staff = world.as_person(school.practitioner);
    staff.send("lift.cmd.withdraw_consent", school.child, json!({})).await.ok();
    world.reacted("lift").await;
    let row = world.row("SELECT status FROM lift.wellbeing_sessions").await;
    assert_eq!(row, json!({"status": "abandoned"}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_sends_messages_hears_of_an_invitation() {
    use futures::StreamExt;
    let world = World::lively().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield", 1).await;
    let master = world.master().await;
    let mut notes = master.subscribe("lift.note.invitation_made").await.unwrap();
    master.flush().await.unwrap();
    let invite = json!({
        "org_id": school.id, "email": "new@example.org", "role": "Practitioner",
        "invitation_token": "b".repeat(64),
    });
    let contact = world.as_person(school.contact);
    let invitation = contact.send("lift.cmd.invite_member", (), invite).await.ok().id();
    let note = notes.next().await.unwrap();
    let said: Value = serde_json::from_slice(&note.payload).unwrap();
    assert_eq!(said["invitation_id"], json!(invitation));
    assert!(!said.to_string().contains("new@example.org"));
}
