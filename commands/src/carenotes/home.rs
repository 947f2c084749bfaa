//! The tests' world: Willow, which runs a house and a lodge with room for one, and Manor, which must
//! not see them. It is the first day of 2026; everybody was admitted a month before.

use annals_domain::{
    carenotes::{
        assessment::{Assessment, AssessmentRecorded},
        audit::{Audit, AuditConducted},
        care_plan::{self, CarePlan, CarePlanDrafted},
        daily_record::{DailyCareRecorded, DailyRecord},
        facility::{Facility, FacilityOpened, FacilityPlaceTaken},
        incident::{Incident, IncidentReported},
        organization::{Organization, OrganizationRegistered},
        permission::{Permission, Permissions},
        resident::{self, Resident, ResidentAdmitted},
        staff_member::{ADMIN, StaffMember, StaffMemberAdded, StaffMemberRemoved},
    },
    shared::identity::{Identity, IdentityRegistered},
    testing::day,
};
use chrono::NaiveDate;
use serde_json::json;
use uuid::Uuid;

use crate::testing::World;

/// An organization.
pub const WILLOW: Uuid = Uuid::from_u128(0x3111);
/// Another organization.
pub const MANOR: Uuid = Uuid::from_u128(0x3222);
/// Willow's administrator.
pub const BOSS: Uuid = Uuid::from_u128(0xb055);
/// On Willow's staff, without a permission.
pub const NURSE: Uuid = Uuid::from_u128(0x245e);
/// Was on Willow's staff.
pub const GONE: Uuid = Uuid::from_u128(0x60e);
/// Manor's administrator.
pub const MANOR_BOSS: Uuid = Uuid::from_u128(0xb056);
/// Known to the identity provider, and on nobody's staff. Also an id that nothing has yet.
pub const NEW: Uuid = Uuid::from_u128(0x4e3);
/// Another such person.
pub const NEWER: Uuid = Uuid::from_u128(0x4e4);
/// Willow's house.
pub const HOUSE: Uuid = Uuid::from_u128(0xb01);
/// Willow's lodge, with room for one.
pub const LODGE: Uuid = Uuid::from_u128(0xb02);
/// Manor's house.
pub const MANOR_HOUSE: Uuid = Uuid::from_u128(0xb03);
/// Lives in Willow's house.
pub const EDITH: Uuid = Uuid::from_u128(0xed1);
/// Lives in Willow's house.
pub const FRED: Uuid = Uuid::from_u128(0xf4ed);
/// Lives in Manor's house.
pub const MANORS_RESIDENT: Uuid = Uuid::from_u128(0xed3);
/// A plan for Edith, drafted.
pub const EDITHS_PLAN: Uuid = Uuid::from_u128(0xca4e);
/// An assessment of Edith.
pub const EDITHS_ASSESSMENT: Uuid = Uuid::from_u128(0xa55e);
/// A daily record about Edith.
pub const EDITHS_DAY: Uuid = Uuid::from_u128(0xda1);
/// An audit of Willow's house.
pub const AUDIT: Uuid = Uuid::from_u128(0xa0d17);
/// An incident in Willow's house, with Edith.
pub const INCIDENT: Uuid = Uuid::from_u128(0x1c1);

/// Whoever on Willow's staff holds this permission and no other.
pub fn manager(code: Permission) -> Uuid {
    Uuid::from_u128(0x9e40 + code as u128)
}

/// The address a member of staff has.
pub fn email_of(person: Uuid) -> String {
    format!("{}@staff.example", person.simple())
}

/// The identity provider knows this person.
pub fn known(world: &mut World, person: Uuid) {
    world.happened::<Identity>(person, IdentityRegistered { email: email_of(person) });
}

/// All of them.
pub fn home() -> World {
    let mut world = World::new();
    organization(&mut world, WILLOW);
    organization(&mut world, MANOR);
    known(&mut world, NEW);
    known(&mut world, NEWER);
    staff(&mut world, BOSS, WILLOW, Some(ADMIN), []);
    staff(&mut world, MANOR_BOSS, MANOR, Some(ADMIN), []);
    staff(&mut world, NURSE, WILLOW, Some("nurse"), []);
    for code in Permission::ALL {
        staff(&mut world, manager(code), WILLOW, None, [code]);
    }
    staff(&mut world, GONE, WILLOW, Some("nurse"), Permission::ALL);
    let removed =
        StaffMemberRemoved { role: "removed".parse().ok(), permissions: Permissions::new() };
    world.happened::<StaffMember>(GONE, removed);
    facility(&mut world, HOUSE, WILLOW, None);
    facility(&mut world, LODGE, WILLOW, Some(1));
    facility(&mut world, MANOR_HOUSE, MANOR, None);
    resident(&mut world, EDITH, HOUSE, 1);
    resident(&mut world, FRED, HOUSE, 2);
    resident(&mut world, MANORS_RESIDENT, MANOR_HOUSE, 1);
    papers(&mut world);
    // The addresses are taken, as they are where staff are added by commands.
    for person in [BOSS, MANOR_BOSS, NURSE] {
        let boss = if person == MANOR_BOSS { MANOR_BOSS } else { BOSS };
        let settle = |world: &mut World, email: &str| {
            let email = json!({"email": email});
            world.as_person(boss).send("carenotes.cmd.update_staff_member", person, email);
        };
        settle(&mut world, &email_of(person));
    }
    world
}

fn organization(world: &mut World, id: Uuid) {
    let registered = OrganizationRegistered {
        name: "A provider".parse().unwrap(),
        registration_number: None,
        address: None,
        contact_details: None,
        settings: None,
        subscription_tier: None,
    };
    world.happened::<Organization>(id, registered);
}

fn staff(
    world: &mut World,
    id: Uuid,
    organization_id: Uuid,
    role: Option<&str>,
    permissions: impl Into<Permissions>,
) {
    known(world, id);
    let added = StaffMemberAdded {
        organization_id,
        email: email_of(id).parse().unwrap(),
        first_name: None,
        last_name: None,
        role: role.map(|role| role.parse().unwrap()),
        permissions: permissions.into(),
        settings: None,
    };
    world.happened::<StaffMember>(id, added);
}

fn facility(world: &mut World, id: Uuid, organization_id: Uuid, capacity: Option<i32>) {
    let opened = FacilityOpened {
        organization_id,
        name: "A home".parse().unwrap(),
        r#type: None,
        capacity,
        address: None,
        contact_details: None,
        registration_details: None,
    };
    world.happened::<Facility>(id, opened);
}

fn resident(world: &mut World, id: Uuid, facility_id: Uuid, residents_in_care: i32) {
    let taken = FacilityPlaceTaken { resident_id: id, residents_in_care };
    world.happened::<Facility>(facility_id, taken);
    let admitted = ResidentAdmitted {
        facility_id,
        first_name: None,
        last_name: None,
        date_of_birth: None,
        nhs_number: None,
        room_number: None,
        admission_date: NaiveDate::from_ymd_opt(2025, 12, 1).unwrap(),
        status: resident::Status::Admitted,
        medical_details: None,
        contact_details: None,
        preferences: None,
    };
    world.happened::<Resident>(id, admitted);
}

/// What was written about Edith, and about the house.
fn papers(world: &mut World) {
    let date = day(1).date_naive();
    let plan = CarePlanDrafted {
        resident_id: EDITH,
        r#type: None,
        status: care_plan::Status::Draft,
        start_date: None,
        review_date: None,
        details: None,
        created_by: BOSS,
        updated_by: BOSS,
    };
    world.happened::<CarePlan>(EDITHS_PLAN, plan);
    let assessed = AssessmentRecorded {
        resident_id: EDITH,
        r#type: None,
        date,
        findings: None,
        recommendations: None,
        created_by: BOSS,
    };
    world.happened::<Assessment>(EDITHS_ASSESSMENT, assessed);
    let cared = DailyCareRecorded {
        resident_id: EDITH,
        date,
        shift: None,
        care_delivered: None,
        observations: None,
        created_by: BOSS,
    };
    world.happened::<DailyRecord>(EDITHS_DAY, cared);
    let audited = AuditConducted {
        facility_id: HOUSE,
        r#type: None,
        date,
        auditor: BOSS,
        findings: None,
        score: None,
        action_plan: None,
    };
    world.happened::<Audit>(AUDIT, audited);
    let fell = IncidentReported {
        facility_id: Some(HOUSE),
        resident_id: Some(EDITH),
        r#type: None,
        date: day(1),
        details: None,
        actions_taken: None,
        reported_by: BOSS,
    };
    world.happened::<Incident>(INCIDENT, fell);
}
