//! Scenes of Write Care Notes.

use serde_json::json;
use uuid::Uuid;

use crate::{World, token};

/// Ids of people begin here; each organization has a hundred of them.
const PEOPLE: u128 = 0x0e00_0000_0000_7000_8000_0000_0000_0000;

/// An organization with its people and papers.
#[derive(Debug, Clone, Copy)]
pub struct Home {
    /// The organization.
    pub id: Uuid,
    /// Its administrator.
    pub admin: Uuid,
    /// A nurse, who may write assessments, daily records and incidents.
    pub nurse: Uuid,
    /// Its facility, with room for three.
    pub facility: Uuid,
    /// Who lives there, since 1 December 2025.
    pub resident: Uuid,
    nth: u128,
}

impl Home {
    /// Somebody else, who is not on the staff yet.
    #[must_use]
    pub const fn person(&self, kind: u128) -> Uuid {
        person(self.nth, kind)
    }
}

/// What was written at a home.
#[derive(Debug, Clone, Copy)]
pub struct Papers {
    /// A plan of care for the resident, drafted.
    pub plan: Uuid,
    /// An assessment of the resident.
    pub assessment: Uuid,
    /// A daily record about the resident, of 5 December 2025.
    pub daily_record: Uuid,
    /// An audit of the facility.
    pub audit: Uuid,
    /// An incident in the facility, with the resident.
    pub incident: Uuid,
}

const fn person(nth: u128, kind: u128) -> Uuid {
    Uuid::from_u128(PEOPLE + nth * 0x100 + kind)
}

/// An organization with an administrator, a nurse, a facility and a resident, all of whom were not known
/// before; `nth` tells the people of several organizations apart.
pub async fn home(world: &World, name: &str, nth: u128) -> Home {
    let (admin, nurse) = (person(nth, 1), person(nth, 2));
    let operator = world.as_operator();
    let data = json!({"name": name, "contact_details": {"phone": "0113 496 0000"}});
    let id = operator.send("carenotes.cmd.register_organization", (), data).await.ok().id();
    world.knows(admin).await;
    let data = json!({"organization_id": id, "email": token::address(admin), "role": "admin"});
    let added = operator.send("carenotes.cmd.add_staff_member", admin, data).await;
    added.accepted(&["StaffMemberAdded"]);
    let boss = world.as_person(admin);
    let data = json!({"organization_id": id, "name": "House", "capacity": 3});
    let facility = boss.send("carenotes.cmd.open_facility", (), data).await.ok().id();
    let data = json!({
        "facility_id": facility, "first_name": "Edith", "last_name": "May",
        "nhs_number": "943 476 5919", "room_number": "12", "admission_date": "2025-12-01",
        "medical_details": {"allergies": ["penicillin"]},
    });
    let resident = boss.send("carenotes.cmd.admit_resident", (), data).await.ok().id();
    let home = Home { id, admin, nurse, facility, resident, nth };
    let may = ["assessments.record", "daily_records.record", "incidents.report"];
    staff(world, home, nurse, &may).await;
    home
}

/// Has somebody who was not known before work at a home.
pub async fn staff(world: &World, home: Home, person: Uuid, permissions: &[&str]) {
    world.knows(person).await;
    let data = json!({
        "organization_id": home.id, "email": token::address(person), "role": "nurse",
        "permissions": permissions,
    });
    let admin = world.as_person(home.admin);
    admin.send("carenotes.cmd.add_staff_member", person, data).await.ok();
}

/// One paper of each kind.
pub async fn papers(world: &World, home: Home) -> Papers {
    let (admin, nurse) = (world.as_person(home.admin), world.as_person(home.nurse));
    let data = json!({"resident_id": home.resident, "type": "mobility",
                      "review_date": "2026-03-01", "details": {"aim": "walks to the garden"}});
    let plan = admin.send("carenotes.cmd.draft_care_plan", (), data).await.ok().id();
    let data = json!({"resident_id": home.resident, "type": "falls", "date": "2025-12-02",
                      "findings": {"risk": "high"}, "recommendations": ["a frame"]});
    let assessment = nurse.send("carenotes.cmd.record_assessment", (), data).await.ok().id();
    let daily_record = daily_care(world, home, "2025-12-05").await;
    let data = json!({"facility_id": home.facility, "type": "medication", "score": "87.50"});
    let audit = admin.send("carenotes.cmd.conduct_audit", (), data).await.ok().id();
    let data = json!({"facility_id": home.facility, "resident_id": home.resident, "type": "fall",
                      "date": "2025-12-06T09:30:00Z", "details": {"where": "garden"}});
    let incident = nurse.send("carenotes.cmd.report_incident", (), data).await.ok().id();
    Papers { plan, assessment, daily_record, audit, incident }
}

/// Care of a day, recorded by the nurse.
pub async fn daily_care(world: &World, home: Home, date: &str) -> Uuid {
    let data = json!({"resident_id": home.resident, "date": date, "shift": "night",
                      "care_delivered": {"turned": 2}, "observations": {"slept": true}});
    let nurse = world.as_person(home.nurse);
    nurse.send("carenotes.cmd.record_daily_care", (), data).await.ok().id()
}
