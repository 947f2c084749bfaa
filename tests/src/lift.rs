//! Scenes of The Lift.

use serde_json::json;
use uuid::Uuid;

use crate::{World, token};

/// Administers the platform.
pub const AVA: Uuid = Uuid::from_u128(0x0b00_0000_0000_7000_8000_0000_0000_0001);

/// An organisation with its people.
#[derive(Debug, Clone, Copy)]
pub struct Organisation {
    /// The organisation.
    pub id: Uuid,
    /// Its GroupContact.
    pub contact: Uuid,
    /// Its Practitioner.
    pub practitioner: Uuid,
    /// Its child, with consent.
    pub child: Uuid,
}

/// Ava, whom the operator makes the first Account.
pub async fn account(world: &World) -> Uuid {
    world.knows(AVA).await;
    let data = json!({"email": token::address(AVA), "name": "Ava", "role": "Account"});
    let asked = world.as_operator().send("lift.cmd.create_profile", AVA, data).await;
    asked.accepted(&["ProfileCreated"]);
    AVA
}

/// An organisation with a person of each kind, all of whom were not known before; `nth` tells the
/// people of several organisations apart.
pub async fn organisation(world: &World, name: &str, nth: u128) -> Organisation {
    let person = |kind: u128| Uuid::from_u128(AVA.as_u128() + nth * 0x100 + kind);
    let (contact, practitioner, child) = (person(1), person(2), person(3));
    let account = world.as_person(AVA);
    let data = json!({"name": name, "type": "school-primary"});
    let id = account.send("lift.cmd.register_organisation", (), data).await.ok().id();
    for (person, role) in [(contact, "GroupContact"), (practitioner, "Practitioner")] {
        staff(world, id, person, role).await;
    }
    world.knows(child).await;
    let data = json!({
        "org_id": id, "first_name": "Kit", "primary_practitioner_id": practitioner,
        "parent_guardian_name": "Somebody's parent", "additional_notes": "likes trains",
    });
    let staff = world.as_person(practitioner);
    staff.send("lift.cmd.register_child", child, data).await.ok();
    let consent = json!({"consent_type": "written", "consent_date": "2025-01-01T00:00:00Z"});
    staff.send("lift.cmd.record_consent", child, consent).await.accepted(&["ConsentRecorded"]);
    Organisation { id, contact, practitioner, child }
}

/// Gives a person who was not known before a place among an organisation's staff.
pub async fn staff(world: &World, organisation: Uuid, person: Uuid, role: &str) {
    world.knows(person).await;
    let data = json!({
        "email": token::address(person), "name": "Staff", "role": role, "org_id": organisation,
    });
    world.as_person(AVA).send("lift.cmd.create_profile", person, data).await.ok();
}

/// A child's check-in, answered and completed; returns the session.
pub async fn check_in(world: &World, child: Uuid) -> Uuid {
    let caller = world.as_person(child);
    let data = json!({"session_type": "daily_checkin"});
    let session = caller.send("lift.cmd.start_session", (), data).await.ok().id();
    let data = json!({
        "activity_type": "mood_wheel", "question_key": "mood", "question_text": "How are you?",
        "response_type": "scale", "response_value": 4, "response_score": 4,
    });
    caller.send("lift.cmd.record_response", session, data).await.ok();
    let data = json!({"overall_mood": 4, "notes": "a good day"});
    caller.send("lift.cmd.complete_session", session, data).await.ok();
    session
}

/// An alert about a child, raised by the system.
pub async fn alert(world: &World, child: Uuid, severity: &str) -> Uuid {
    let data = json!({
        "child_id": child, "alert_type": "wellbeing_decline", "severity": severity,
        "title": "Moods go down", "description": "From 4 to 2",
    });
    world.as_system().send("lift.cmd.raise_alert", (), data).await.ok().id()
}
