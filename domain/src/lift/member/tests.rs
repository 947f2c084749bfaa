use super::*;
use crate::{
    DomainEvent, Tombstone,
    testing::{Given, given},
};

const SCHOOL: Uuid = Uuid::from_u128(0x5c);
const CLINIC: Uuid = Uuid::from_u128(0xc1);

fn create(role: Role, org_id: Option<Uuid>) -> CreateProfile {
    CreateProfile {
        email: "Ada@Example.org".into(),
        name: " Ada ".into(),
        role,
        org_id,
        avatar_url: None,
    }
}

fn created(role: Role, org_id: Option<Uuid>) -> ProfileCreated {
    ProfileCreated {
        email: "ada@example.org".into(),
        name: "Ada".into(),
        role,
        org_id,
        status: MemberStatus::Active,
        avatar_url: None,
    }
}

fn practitioner() -> Given<Member> {
    given([created(Role::Practitioner, Some(SCHOOL)).into()])
}

fn child() -> Given<Member> {
    given([ChildProfileOpened { org_id: SCHOOL }.into()])
}

#[test]
fn a_person_gets_a_profile_once() {
    given::<Member>([])
        .when(create(Role::Practitioner, Some(SCHOOL)))
        .then([created(Role::Practitioner, Some(SCHOOL))])
        .when(create(Role::Practitioner, Some(SCHOOL)))
        .refused("ProfileAlreadyExists")
        .when(OpenChildProfile { org_id: SCHOOL })
        .refused("ProfileAlreadyExists");
}

#[test]
fn an_account_belongs_to_no_organisation_and_everybody_else_to_one() {
    given::<Member>([])
        .when(create(Role::Account, Some(SCHOOL)))
        .refused("RoleNeedsOrganisation")
        .when(create(Role::Practitioner, None))
        .refused("RoleNeedsOrganisation")
        .when(create(Role::GroupContact, None))
        .refused("RoleNeedsOrganisation")
        .when(create(Role::Account, None))
        .then([created(Role::Account, None)])
        .when(AssignRole { role: Role::GroupContact, org_id: None })
        .refused("RoleNeedsOrganisation")
        .when(AssignOrganisation { org_id: Some(SCHOOL), role: None })
        .refused("RoleNeedsOrganisation");
}

#[test]
fn name_and_address_must_be_there() {
    let blank = CreateProfile { name: " ".into(), ..create(Role::Account, None) };
    let nowhere = CreateProfile { email: "nowhere".into(), ..create(Role::Account, None) };
    given::<Member>([]).when(blank).refused("NameMissing").when(nowhere).refused("EmailMalformed");
}

#[test]
fn what_is_left_out_of_an_update_stays() {
    let url = UpdateOwnProfile { avatar_url: Some(None), ..UpdateOwnProfile::default() };
    let email = UpdateOwnProfile { email: Some("A@B.org".into()), ..UpdateOwnProfile::default() };
    let (given, events) = practitioner()
        .when(UpdateOwnProfile::default())
        .then_nothing()
        .when(url)
        .then([ProfileUpdated { name: None, email: None, avatar_url: Some(None) }])
        .when(email)
        .events();
    assert_eq!(
        events[0].payload_value().unwrap(),
        serde_json::json!({"email": "a@b.org"}),
        "the payload holds what changes, and nothing else"
    );
    let none = UpdateOwnProfile { name: Some(String::new()), ..UpdateOwnProfile::default() };
    given.when(none).refused("NameMissing");
}

#[test]
fn a_child_has_a_picture_but_neither_address_nor_surname() {
    let name = UpdateOwnProfile { name: Some("Bo L".into()), ..UpdateOwnProfile::default() };
    let email = UpdateOwnProfile { email: Some("a@b.org".into()), ..UpdateOwnProfile::default() };
    let avatar_url = Some(Some("fox.png".to_owned()));
    child()
        .when(name)
        .refused("UnknownField")
        .when(email)
        .refused("UnknownField")
        .when(UpdateOwnProfile { avatar_url: avatar_url.clone(), ..Default::default() })
        .then([ProfileUpdated { name: None, email: None, avatar_url }]);
}

#[test]
fn role_and_organisation_may_change_together() {
    given::<Member>([created(Role::Account, None).into()])
        .when(AssignOrganisation { org_id: Some(SCHOOL), role: Some(Role::GroupContact) })
        .then([
            Event::from(RoleAssigned { role: Role::GroupContact }),
            OrganisationAssigned { org_id: Some(SCHOOL) }.into(),
        ])
        .when(AssignRole { role: Role::GroupContact, org_id: None })
        .then_nothing()
        .when(AssignOrganisation { org_id: Some(CLINIC), role: None })
        .then([OrganisationAssigned { org_id: Some(CLINIC) }])
        .when(AssignRole { role: Role::Account, org_id: Some(None) })
        .then([
            Event::from(RoleAssigned { role: Role::Account }),
            OrganisationAssigned { org_id: None }.into(),
        ]);
}

#[test]
fn a_child_stays_a_child_and_nobody_becomes_one() {
    practitioner().when(AssignRole { role: Role::Child, org_id: None }).refused("MemberIsChild");
    given::<Member>([]).when(create(Role::Child, Some(SCHOOL))).refused("MemberIsChild");
    child()
        .when(AssignRole { role: Role::Practitioner, org_id: None })
        .refused("MemberIsChild")
        .when(AssignOrganisation { org_id: Some(CLINIC), role: None })
        .refused("MemberIsChild")
        .when(RemoveMember {})
        .refused("MemberIsChild")
        .when(EraseMember {})
        .refused("MemberIsChild");
}

#[test]
fn a_member_is_kept_out_and_let_in_again() {
    let given = practitioner()
        .when(SuspendMember {})
        .then([MemberSuspended {}])
        .when(SuspendMember {})
        .then_nothing();
    assert!(!given.state.is_active());
    assert_eq!(given.state.staff_place(), None);
    let given = given
        .when(ReinstateMember {})
        .then([MemberReinstated {}])
        .when(ReinstateMember {})
        .then_nothing();
    assert!(given.state.is_staff_of(SCHOOL));
    assert!(!given.state.is_staff_of(CLINIC));
    let given = given
        .when(DeactivateMember {})
        .then([MemberDeactivated {}])
        .when(DeactivateMember {})
        .then_nothing();
    assert!(!given.state.is_active());
}

#[test]
fn nothing_is_asked_of_a_removed_member_but_its_erasure() {
    let given = practitioner()
        .when(RemoveMember {})
        .then([MemberRemoved {}])
        .when(RemoveMember {})
        .then_nothing()
        .when(DeactivateMember {})
        .then_nothing()
        .when(ReinstateMember {})
        .refused("MemberIsRemoved")
        .when(UpdateOwnProfile::default())
        .refused("MemberIsRemoved")
        .when(EraseMember {})
        .then([MemberErased {}])
        .when(EraseMember {})
        .then_nothing();
    assert!(given.state.removed && given.state.erased);
}

#[test]
fn a_childs_place_moves_and_closes_with_the_child() {
    let given = child()
        .when(MoveChildProfile { org_id: CLINIC })
        .then([ChildProfileMoved { org_id: CLINIC }]);
    assert_eq!((given.state.org_id, given.state.staff_place()), (Some(CLINIC), None));
    let given = given
        .when(CloseChildProfile { erased: false })
        .then([ChildProfileClosed { erased: false }])
        .when(CloseChildProfile { erased: false })
        .then_nothing()
        .when(CloseChildProfile { erased: true })
        .then([ChildProfileClosed { erased: true }])
        .when(CloseChildProfile { erased: true })
        .then_nothing();
    assert!(!given.state.is_active() && given.state.erased);
}

#[test]
fn only_those_who_are_active_may_act() {
    let mut member = practitioner().state;
    assert!(member.is_active());
    for status in [MemberStatus::Inactive, MemberStatus::Pending, MemberStatus::Suspended] {
        member.status = status;
        assert!(!member.is_active() && !member.is_staff_of(SCHOOL), "{status:?}");
    }
    assert!(!Member::default().is_active(), "nobody");
}

#[test]
fn a_forgotten_person_leaves_the_same_state() {
    let clear = Event::from(created(Role::Practitioner, Some(SCHOOL)));
    let mut payload = clear.payload_value().unwrap();
    for field in clear.event_type().personal {
        payload[field.name] = field.tombstone.value("5c");
    }
    assert_eq!(payload["email"], Tombstone::Email.value("5c"));
    let forgotten = Event::read("ProfileCreated", payload).unwrap().unwrap();
    assert_eq!(given::<Member>([forgotten]).state, given::<Member>([clear]).state);
}
