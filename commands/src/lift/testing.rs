//! A small world of The Lift: two organisations with their people, and an Account over both.

use annals_domain::{
    lift::{
        Role,
        child::{Child, ChildRegistered},
        member::{ChildProfileOpened, Member, MemberStatus, MemberSuspended, ProfileCreated},
        organisation::{
            ChildNumberAllocated, Organisation, OrganisationRegistered, OrganisationStatus,
            OrganisationSuspended, OrganisationType, StaffAdmitted, StaffDismissed,
            SubscriptionPlan,
        },
    },
    shared::identity::{Identity, IdentityRegistered},
    testing::day,
};
use serde_json::Map;
use uuid::Uuid;

use crate::testing::World;

/// An Account.
pub const ACCOUNT: Uuid = Uuid::from_u128(0xacc);
/// An organisation, with a contact, a practitioner and a child.
pub const SCHOOL: Uuid = Uuid::from_u128(0x5c);
/// The school's GroupContact.
pub const HEAD: Uuid = Uuid::from_u128(0x5c_01);
/// The school's Practitioner.
pub const TEACHER: Uuid = Uuid::from_u128(0x5c_02);
/// The school's child.
pub const CLEO: Uuid = Uuid::from_u128(0x5c_03);
/// Another organisation.
pub const CLINIC: Uuid = Uuid::from_u128(0xc1);
/// The clinic's GroupContact.
pub const MATRON: Uuid = Uuid::from_u128(0xc1_01);
/// The clinic's Practitioner.
pub const DOCTOR: Uuid = Uuid::from_u128(0xc1_02);
/// The clinic's child.
pub const CARL: Uuid = Uuid::from_u128(0xc1_03);
/// Known to the identity provider, and without a profile.
pub const STRANGER: Uuid = Uuid::from_u128(0x57);

/// Both organisations and everybody in them.
pub fn world() -> World {
    let mut world = World::new();
    known(&mut world, STRANGER);
    profile(&mut world, ACCOUNT, Role::Account, None);
    for (org, contact, practitioner, child) in
        [(SCHOOL, HEAD, TEACHER, CLEO), (CLINIC, MATRON, DOCTOR, CARL)]
    {
        world.happened::<Organisation>(org, organisation());
        profile(&mut world, contact, Role::GroupContact, Some(org));
        profile(&mut world, practitioner, Role::Practitioner, Some(org));
        for (nth, member_id) in (1..).zip([contact, practitioner]) {
            world.happened::<Organisation>(org, StaffAdmitted { member_id, staff: nth });
        }
        known(&mut world, child);
        let number = ChildNumberAllocated { child_id: child, display_id: 1, children: 1 };
        world.happened::<Organisation>(org, number);
        world.happened::<Child>(child, registered(org));
        world.happened::<Member>(child, ChildProfileOpened { org_id: org });
    }
    world
}

/// The identity provider knows this person.
pub fn known(world: &mut World, id: Uuid) {
    world.happened::<Identity>(id, IdentityRegistered { email: format!("{id}@example.org") });
}

/// This person has a profile.
pub fn profile(world: &mut World, id: Uuid, role: Role, org_id: Option<Uuid>) {
    known(world, id);
    let (status, name) = (MemberStatus::Active, "Ada".to_owned());
    let email = format!("{id}@example.org");
    let created = ProfileCreated { email, name, role, org_id, status, avatar_url: None };
    world.happened::<Member>(id, created);
}

/// This member of the school is suspended.
pub fn suspend(world: &mut World, id: Uuid) {
    world.happened::<Member>(id, MemberSuspended {});
    world.happened::<Organisation>(SCHOOL, StaffDismissed { member_id: id, staff: 1 });
}

/// This organisation is closed for now.
pub fn close(world: &mut World, org: Uuid) {
    world.happened::<Organisation>(org, OrganisationSuspended {});
}

fn organisation() -> OrganisationRegistered {
    OrganisationRegistered {
        name: "Hill".into(),
        r#type: OrganisationType::SchoolPrimary,
        address_line_1: None,
        address_line_2: None,
        city: None,
        postcode: None,
        country: Some("UK".into()),
        phone: None,
        email: None,
        website: None,
        status: OrganisationStatus::Active,
        subscription_plan: SubscriptionPlan::Essential,
        max_children: Some(2),
        max_practitioners: Some(3),
        settings: Map::new(),
    }
}

fn registered(org_id: Uuid) -> ChildRegistered {
    ChildRegistered {
        org_id,
        display_id: 1,
        registered_on: day(1).date_naive(),
        first_name: "Cleo".into(),
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
    }
}
