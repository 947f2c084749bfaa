//! The tests' world: a school with staff and children, and a clinic that must not see them.

use annals_domain::{
    lift::{
        Role,
        child::{Child, ChildArchived, ChildErased, ChildRegistered, ConsentRecorded, ConsentType},
        member::{
            ChildProfileClosed, ChildProfileOpened, Member, MemberStatus, MemberSuspended,
            ProfileCreated,
        },
        organisation::{
            ChildNumberAllocated, Organisation, OrganisationRegistered, OrganisationStatus,
            OrganisationSuspended, OrganisationType, StaffAdmitted, StaffDismissed,
            SubscriptionPlan,
        },
        wellbeing_session::{
            ActivityType, Answer, ResponseRecorded, ResponseType, SessionStarted, SessionStatus,
            SessionType, WellbeingSession,
        },
    },
    shared::identity::{Identity, IdentityRegistered},
    testing::day,
};
use serde_json::{Map, json};
use uuid::Uuid;

use crate::testing::World;

/// The school.
pub const SCHOOL: Uuid = Uuid::from_u128(0x5c00);
/// The clinic.
pub const CLINIC: Uuid = Uuid::from_u128(0xc100);
/// Administers the platform.
pub const ACCOUNT: Uuid = Uuid::from_u128(0x01);
/// Administers the school.
pub const HEAD: Uuid = Uuid::from_u128(0x02);
/// Teaches at the school.
pub const TEACHER: Uuid = Uuid::from_u128(0x03);
/// Taught at the school, and is suspended.
pub const SUSPENDED: Uuid = Uuid::from_u128(0x04);
/// Works at the clinic.
pub const DOCTOR: Uuid = Uuid::from_u128(0x05);
/// Administers the clinic.
pub const MANAGER: Uuid = Uuid::from_u128(0x06);
/// A child of the school, with consent.
pub const KIM: Uuid = Uuid::from_u128(0xc1);
/// A child of the school, without consent.
pub const LEE: Uuid = Uuid::from_u128(0xc2);
/// A child of the clinic, with consent.
pub const NOA: Uuid = Uuid::from_u128(0xc3);
/// Known to the identity provider, and without a place in The Lift.
pub const STRANGER: Uuid = Uuid::from_u128(0xff);
/// Kim's session, in progress, with one answer.
pub const KIMS_SESSION: Uuid = Uuid::from_u128(0x5e1);
/// The answer in it.
pub const KIMS_ANSWER: Uuid = Uuid::from_u128(0xa1);
/// Noa's session, in progress.
pub const NOAS_SESSION: Uuid = Uuid::from_u128(0x5e3);

/// All of them.
pub fn school() -> World {
    let mut world = World::new();
    organisation(&mut world, SCHOOL, OrganisationType::SchoolPrimary);
    organisation(&mut world, CLINIC, OrganisationType::ClinicPrivate);
    grown_up(&mut world, ACCOUNT, Role::Account, None, MemberStatus::Active);
    grown_up(&mut world, HEAD, Role::GroupContact, Some(SCHOOL), MemberStatus::Active);
    grown_up(&mut world, TEACHER, Role::Practitioner, Some(SCHOOL), MemberStatus::Active);
    grown_up(&mut world, SUSPENDED, Role::Practitioner, Some(SCHOOL), MemberStatus::Suspended);
    grown_up(&mut world, DOCTOR, Role::Practitioner, Some(CLINIC), MemberStatus::Active);
    grown_up(&mut world, MANAGER, Role::GroupContact, Some(CLINIC), MemberStatus::Active);
    known(&mut world, STRANGER);
    for (org_id, staff) in [(SCHOOL, [HEAD, TEACHER]), (CLINIC, [DOCTOR, MANAGER])] {
        for (nth, member_id) in (1..).zip(staff) {
            world.happened::<Organisation>(org_id, StaffAdmitted { member_id, staff: nth });
        }
    }
    child(&mut world, KIM, SCHOOL, 1);
    child(&mut world, LEE, SCHOOL, 2);
    child(&mut world, NOA, CLINIC, 1);
    for (child_id, session) in [(KIM, KIMS_SESSION), (NOA, NOAS_SESSION)] {
        let consent_date = day(1);
        let consent = ConsentRecorded { consent_type: ConsentType::Written, consent_date };
        world.happened::<Child>(child_id, consent);
        world.happened::<WellbeingSession>(session, started(child_id));
    }
    world.happened::<WellbeingSession>(KIMS_SESSION, answered());
    world
}

/// The identity provider knows this person.
pub fn known(world: &mut World, id: Uuid) {
    world.happened::<Identity>(id, IdentityRegistered { email: "someone@example.org".into() });
}

/// The child leaves for good; what is known of it stays.
pub fn archive(world: &mut World, child_id: Uuid) {
    world.happened::<Child>(child_id, ChildArchived {});
    world.happened::<Member>(child_id, ChildProfileClosed { erased: false });
}

/// The child is forgotten.
pub fn erase(world: &mut World, child_id: Uuid) {
    world.happened::<Child>(child_id, ChildErased {});
    world.happened::<Member>(child_id, ChildProfileClosed { erased: true });
}

/// This one of the school's staff is suspended.
pub fn suspend(world: &mut World, member_id: Uuid) {
    world.happened::<Member>(member_id, MemberSuspended {});
    world.happened::<Organisation>(SCHOOL, StaffDismissed { member_id, staff: 1 });
}

/// The school is closed for now.
pub fn close(world: &mut World) {
    world.happened::<Organisation>(SCHOOL, OrganisationSuspended {});
}

fn organisation(world: &mut World, id: Uuid, r#type: OrganisationType) {
    let registered = OrganisationRegistered {
        name: "An organisation".into(),
        r#type,
        address_line_1: None,
        address_line_2: None,
        city: None,
        postcode: None,
        country: None,
        phone: None,
        email: None,
        website: None,
        status: OrganisationStatus::Active,
        subscription_plan: SubscriptionPlan::Essential,
        max_children: None,
        max_practitioners: None,
        settings: Map::new(),
    };
    world.happened::<Organisation>(id, registered);
}

fn grown_up(world: &mut World, id: Uuid, role: Role, org_id: Option<Uuid>, status: MemberStatus) {
    known(world, id);
    let created = ProfileCreated {
        email: "someone@example.org".into(),
        name: "Someone".into(),
        role,
        org_id,
        status,
        avatar_url: None,
    };
    world.happened::<Member>(id, created);
}

/// The organisation's n-th child.
fn child(world: &mut World, id: Uuid, org_id: Uuid, nth: i32) {
    known(world, id);
    let number = ChildNumberAllocated { child_id: id, display_id: nth, children: nth };
    world.happened::<Organisation>(org_id, number);
    let registered = ChildRegistered {
        org_id,
        display_id: nth,
        registered_on: day(1).date_naive(),
        first_name: "Someone".into(),
        date_of_birth: None,
        year_group: None,
        class_name: None,
        primary_practitioner_id: None,
        parent_guardian_name: None,
        parent_guardian_email: None,
        parent_guardian_phone: None,
        additional_notes: None,
        avatar_character: None,
        preferences: None,
    };
    world.happened::<Child>(id, registered);
    world.happened::<Member>(id, ChildProfileOpened { org_id });
}

fn started(child_id: Uuid) -> SessionStarted {
    SessionStarted {
        child_id,
        session_type: SessionType::DailyCheckin,
        status: SessionStatus::InProgress,
        started_at: day(1),
        activities_completed: Some(vec![]),
    }
}

fn answered() -> ResponseRecorded {
    ResponseRecorded {
        id: KIMS_ANSWER,
        child_id: KIM,
        activity_type: ActivityType::MoodWheel,
        question_key: "mood".into(),
        question_text: None,
        response_type: ResponseType::Emoji,
        response_value: Answer::try_from(json!("🙂")).unwrap(),
        response_score: None,
        flags: Some(vec![]),
        activities_completed: Some(vec![ActivityType::MoodWheel]),
    }
}
