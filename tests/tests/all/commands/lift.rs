//! Children's check-ins of The Lift.

use annals_tests::{
    World,
    lift::{AVA, account, alert, check_in, organisation},
};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_platform_becomes_an_organisation_with_people_and_a_child() {
    let world = World::start().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield School", 1).await;
    let row = world.row("SELECT id, name, type, status FROM lift.organisations").await;
    let expected = json!({"id": school.id, "name": "Oakfield School", "type": "school-primary",
                          "status": "active"});
    assert_eq!(row, expected);
    let people = world.rows("SELECT id, role, org_id FROM lift.profiles ORDER BY role").await;
    assert_eq!(
        people,
        [
            json!({"id": AVA, "role": "Account", "org_id": null}),
            json!({"id": school.child, "role": "Child", "org_id": school.id}),
            json!({"id": school.contact, "role": "GroupContact", "org_id": school.id}),
            json!({"id": school.practitioner, "role": "Practitioner", "org_id": school.id}),
        ]
    );
    let child = "SELECT id, first_name, org_id, display_id, primary_practitioner_id, consent_given,
                        consent_type, parent_guardian_name FROM lift.children";
    let expected = json!({
        "id": school.child, "first_name": "Kit", "org_id": school.id, "display_id": 1,
        "primary_practitioner_id": school.practitioner, "consent_given": true,
        "consent_type": "written", "parent_guardian_name": "Somebody's parent",
    });
    assert_eq!(world.row(child).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_checks_in_and_gets_a_sticker_once() {
    let world = World::start().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield School", 1).await;
    let session = check_in(&world, school.child).await;
    let sticker = || {
        json!({"sticker_type": "daily_checkin", "sticker_name": "Sunflower",
               "earned_for": "session_completed", "session_id": session})
    };
    let system = world.as_system();
    let asked = system.send("lift.cmd.award_sticker", school.child, sticker()).await;
    asked.accepted(&["StickerAwarded"]);
    let asked = system.send("lift.cmd.award_sticker", school.child, sticker()).await;
    asked.refused("sticker_already_awarded").status(422);

    let row = "SELECT id, child_id, status, overall_mood, notes, activities_completed
               FROM lift.wellbeing_sessions";
    let expected = json!({"id": session, "child_id": school.child, "status": "completed",
                          "overall_mood": 4, "notes": "a good day",
                          "activities_completed": ["mood_wheel"]});
    assert_eq!(world.row(row).await, expected);
    let row = "SELECT session_id, child_id, question_text, response_value, response_score
               FROM lift.wellbeing_responses";
    let expected = json!({"session_id": session, "child_id": school.child,
                          "question_text": "How are you?", "response_value": 4,
                          "response_score": 4});
    assert_eq!(world.row(row).await, expected);
    let row = "SELECT child_id, sticker_name, session_id FROM lift.stickers_earned";
    let expected =
        json!({"child_id": school.child, "sticker_name": "Sunflower", "session_id": session});
    assert_eq!(world.row(row).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_consent_no_check_in_starts() {
    let world = World::start().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield School", 1).await;
    let staff = world.as_person(school.practitioner);
    staff.send("lift.cmd.withdraw_consent", school.child, json!({})).await.ok();
    let data = json!({"session_type": "daily_checkin"});
    let asked = world.as_person(school.child).send("lift.cmd.start_session", (), data).await;
    asked.refused("consent_missing").status(422);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_is_raised_acknowledged_escalated_and_resolved() {
    let world = World::start().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield School", 1).await;
    check_in(&world, school.child).await;
    let (first, second) =
        (alert(&world, school.child, "urgent").await, alert(&world, school.child, "high").await);
    let progress = "SELECT total_sessions, completed_sessions, average_mood::text, total_stickers,
                           urgent_alerts FROM lift.child_progress_summary";
    let expected = |alerts: i32| {
        json!({"total_sessions": 1, "completed_sessions": 1,
               "average_mood": "4.0000000000000000", "total_stickers": 0,
               "urgent_alerts": alerts})
    };
    assert_eq!(world.row(progress).await, expected(2));
    let staff = world.as_person(school.practitioner);
    let asked = staff.send("lift.cmd.resolve_alert", first, json!({"resolution_notes": "x"})).await;
    asked.refused("alert_transition_refused");
    let asked = staff.send("lift.cmd.acknowledge_alert", first, json!({})).await;
    asked.accepted(&["AlertAcknowledged"]);
    staff.send("lift.cmd.escalate_alert", first, json!({})).await.accepted(&["AlertEscalated"]);
    let notes = json!({"resolution_notes": "Talked it over"});
    let contact = world.as_person(school.contact);
    contact.send("lift.cmd.resolve_alert", first, notes).await.accepted(&["AlertResolved"]);
    assert_eq!(world.row(progress).await, expected(1));
    let rows = "SELECT id, status, acknowledged_by, resolved_by, resolution_notes FROM lift.alerts
                ORDER BY status";
    assert_eq!(
        world.rows(rows).await,
        [
            json!({"id": first, "status": "resolved", "acknowledged_by": school.practitioner,
                   "resolved_by": school.contact, "resolution_notes": "Talked it over"}),
            json!({"id": second, "status": "unread", "acknowledged_by": null, "resolved_by": null,
                   "resolution_notes": null}),
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_claims_two_values_is_answered_and_both_are_taken() {
    let world = World::start().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield School", 1).await;
    let invite = |email: &str, token: &str| {
        json!({"org_id": school.id, "email": email, "role": "Practitioner",
               "invitation_token": token.repeat(32)})
    };
    let ava = world.as_person(AVA);
    let command = "lift.cmd.invite_member";
    ava.send(command, (), invite("new@example.org", "0a")).await.ok();
    let again = ava.send(command, (), invite("new@example.org", "0b")).await;
    again.refused("already_invited");
    ava.send(command, (), invite("other@example.org", "0a")).await.refused("token_used");
}
