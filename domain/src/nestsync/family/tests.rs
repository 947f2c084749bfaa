use super::*;
use crate::testing::{ADA, BOB, Given, day, given};

const EVE: Uuid = Uuid::from_u128(0xe5e);
const OWNER: Uuid = Uuid::from_u128(1);
const PARENT: Uuid = Uuid::from_u128(2);

fn create() -> CreateFamily {
    CreateFamily {
        name: "The Adas".into(),
        display_name: "Ada".into(),
        country: None,
        data_region: None,
        timezone: None,
    }
}

fn created() -> Event {
    FamilyCreated {
        name: "The Adas".into(),
        owner_id: ADA,
        country: "CA".into(),
        data_region: "ca-central-1".into(),
        timezone: "America/Toronto".into(),
        status: Status::Active,
    }
    .into()
}

fn joined(member_id: Uuid, user_id: Uuid, role: Role) -> Event {
    FamilyMemberJoined {
        member_id,
        user_id,
        display_name: Some("Someone".into()),
        role,
        permissions: role.bundle(),
        status: MemberStatus::Active,
        joined_at: day(1),
    }
    .into()
}

fn family() -> Given<Family> {
    given([created(), joined(OWNER, ADA, Role::Owner), joined(PARENT, BOB, Role::Parent)])
}

fn invitation(role: Role, giver: Giver) -> Invitation {
    Invitation {
        asked: InviteFamilyMember {
            display_name: "Eve".into(),
            invited_email: "Eve@Example.org".into(),
            role,
            permissions: None,
        },
        user_id: None,
        giver,
    }
}

fn invite_eve() -> (Given<Family>, Uuid) {
    let (given, events) = family().when(invitation(Role::Viewer, Giver::Member(ADA))).events();
    let [Event::FamilyMemberInvited(invited)] = events.as_slice() else {
        panic!("expected one invitation, got {events:?}");
    };
    let member_id = invited.member_id;
    (given, member_id)
}

fn accept(member_id: Uuid) -> AcceptFamilyInvitation {
    AcceptFamilyInvitation { member_id, display_name: None }
}

#[test]
fn whoever_founds_a_family_owns_it_with_every_permission() {
    let (given, events) = given::<Family>([]).when(create()).events();
    let [first, Event::FamilyMemberJoined(joined)] = events.as_slice() else {
        panic!("expected a family and its owner, got {events:?}");
    };
    assert_eq!(*first, created());
    assert_eq!((joined.role, &joined.permissions), (Role::Owner, &permission::all()));
    assert!(given.state.may(ADA, Permission::BillingManage));
    given.when(create()).refused("FamilyAlreadyCreated");
}

#[test]
fn data_of_a_canadian_family_stays_in_canada() {
    let with = |country: &str, region: &str| CreateFamily {
        country: Some(country.into()),
        data_region: Some(region.into()),
        ..create()
    };
    given::<Family>([])
        .when(with("CA", "us-east-1"))
        .refused("RegionNotAllowed")
        .when(with("ca", "us-east-1"))
        .refused("RegionNotAllowed")
        .when(CreateFamily { data_region: Some("eu-west-1".into()), ..create() })
        .refused("RegionNotAllowed")
        .when(with("Canada", "ca-central-1"))
        .refused("CountryUnknown")
        .when(with("US", "us-east-1"))
        .events();
}

#[test]
fn names_say_something() {
    given::<Family>([])
        .when(CreateFamily { name: " ".into(), ..create() })
        .refused("NameBlank")
        .when(CreateFamily { display_name: " ".into(), ..create() })
        .refused("DisplayNameBlank");
    family().when(RenameFamily { name: String::new() }).refused("NameBlank");
}

#[test]
fn a_family_is_renamed() {
    let renamed = FamilyRenamed { name: "The Bobs".into() };
    family().when(RenameFamily { name: "The Bobs".into() }).then([renamed]);
}

#[test]
fn a_family_has_one_owner_who_cannot_leave_or_be_removed_before_handing_over() {
    let remove = |member_id| RemoveFamilyMember { member_id };
    let role = |member_id, role| RoleChange {
        asked: ChangeMemberRole { member_id, role, permissions: None },
        giver: Giver::Administrator,
    };
    let given = family()
        .when(LeaveFamily {})
        .refused("OwnerRequired")
        .when(remove(OWNER))
        .refused("OwnerRequired")
        .when(role(OWNER, Role::Parent))
        .refused("OwnerRequired")
        .when(role(PARENT, Role::Owner))
        .refused("OwnerRequired")
        .when(invitation(Role::Owner, Giver::Member(ADA)))
        .refused("OwnerRequired")
        .when(TransferFamilyOwnership { member_id: PARENT })
        .then([FamilyOwnershipTransferred {
            owner_id: BOB,
            member_id: PARENT,
            role: Role::Owner,
            permissions: permission::all(),
            former_member_id: OWNER,
            former_role: Role::Parent,
            former_permissions: Role::Parent.bundle(),
        }])
        .when(TransferFamilyOwnership { member_id: PARENT })
        .then_nothing()
        .when(remove(PARENT))
        .refused("OwnerRequired");
    let owners = given.state.members.values().filter(|member| member.role == Role::Owner);
    assert_eq!(owners.count(), 1);
    let left = FamilyMemberLeft { member_id: OWNER, status: MemberStatus::Left, ended_at: day(1) };
    given.when(LeaveFamily {}).then([left]);
}

#[test]
fn only_an_active_member_of_the_family_can_own_it() {
    let (given, eve) = invite_eve();
    given
        .when(TransferFamilyOwnership { member_id: eve })
        .refused("OwnerRequired")
        .when(TransferFamilyOwnership { member_id: Uuid::from_u128(9) })
        .refused("MemberUnknown");
}

#[test]
fn an_archived_family_stays_as_it_is() {
    family()
        .when(ArchiveFamily {})
        .then([FamilyArchived { status: Status::Archived, deleted_at: day(1) }])
        .when(ArchiveFamily {})
        .refused("FamilyClosed")
        .when(RenameFamily { name: "Others".into() })
        .refused("FamilyClosed");
    given::<Family>([]).when(ArchiveFamily {}).refused("FamilyUnknown");
}

#[test]
fn an_invited_person_joins_with_the_role_of_the_invitation() {
    let (given, eve) = invite_eve();
    assert!(given.state.is_invited(eve, " EVE@example.org"));
    assert!(!given.state.is_invited(eve, "bob@example.org"));
    let given = given.at(day(7)).by(EVE).when(accept(eve)).then([FamilyMemberJoined {
        member_id: eve,
        user_id: EVE,
        display_name: None,
        role: Role::Viewer,
        permissions: Role::Viewer.bundle(),
        status: MemberStatus::Active,
        joined_at: day(7),
    }]);
    assert!(given.state.may(EVE, Permission::InventoryRead));
    given.when(accept(eve)).refused("AlreadyMember");
}

#[test]
fn an_invitation_keeps_the_address_out_of_the_state() {
    let (given, _) = invite_eve();
    let state = serde_json::to_string(&given.state).unwrap();
    assert!(!state.to_lowercase().contains("eve"), "{state}");
}

#[test]
fn an_invitation_is_sealed_for_the_person_if_known_and_else_for_the_membership() {
    let (_, events) = family().when(invitation(Role::Viewer, Giver::Administrator)).events();
    let [Event::FamilyMemberInvited(unknown)] = events.as_slice() else {
        panic!("expected one invitation, got {events:?}");
    };
    assert_eq!((unknown.subject_id, unknown.user_id), (unknown.member_id, None));
    let known = Invitation { user_id: Some(EVE), ..invitation(Role::Viewer, Giver::Administrator) };
    let (_, events) = family().when(known).events();
    let [Event::FamilyMemberInvited(known)] = events.as_slice() else {
        panic!("expected one invitation, got {events:?}");
    };
    assert_eq!((known.subject_id, known.user_id), (EVE, Some(EVE)));
}

#[test]
fn an_invitation_lapses_after_seven_days() {
    let (given, eve) = invite_eve();
    let expire = ExpireFamilyInvitation { member_id: eve };
    let expired =
        FamilyInvitationExpired { member_id: eve, status: MemberStatus::Expired, ended_at: day(8) };
    given
        .at(day(7))
        .when(expire.clone())
        .refused("InvitationStillOpen")
        .at(day(8))
        .by(EVE)
        .when(accept(eve))
        .refused("InvitationExpired")
        .when(DeclineFamilyInvitation { member_id: eve })
        .refused("InvitationExpired")
        .when(expire.clone())
        .then([expired])
        .when(expire)
        .then_nothing()
        .when(accept(eve))
        .refused("InvitationExpired");
}

#[test]
fn a_declined_or_withdrawn_invitation_is_final() {
    let (given, eve) = invite_eve();
    let declined = FamilyInvitationDeclined {
        member_id: eve,
        status: MemberStatus::Removed,
        ended_at: day(1),
    };
    given
        .by(EVE)
        .when(DeclineFamilyInvitation { member_id: eve })
        .then([declined])
        .when(accept(eve))
        .refused("InvitationExpired");
    let (given, eve) = invite_eve();
    given
        .when(RemoveFamilyMember { member_id: eve })
        .then([FamilyMemberRemoved {
            member_id: eve,
            status: MemberStatus::Removed,
            ended_at: day(1),
        }])
        .when(RemoveFamilyMember { member_id: eve })
        .then_nothing()
        .by(EVE)
        .when(accept(eve))
        .refused("InvitationExpired");
}

#[test]
fn a_person_is_an_active_member_once() {
    let known = Invitation { user_id: Some(BOB), ..invitation(Role::Viewer, Giver::Member(ADA)) };
    family().when(known).refused("AlreadyMember");
    let (given, eve) = invite_eve();
    given.by(BOB).when(accept(eve)).refused("AlreadyMember");
}

#[test]
fn nobody_gives_a_permission_it_does_not_hold() {
    let billing = Permissions::from([Permission::BillingManage]);
    let by_bob = Giver::Member(BOB);
    let mut asking = invitation(Role::Viewer, by_bob);
    asking.asked.permissions = Some(billing.clone());
    let permissions = |giver| PermissionChange {
        asked: ChangeMemberPermissions { member_id: PARENT, permissions: billing.clone() },
        giver,
    };
    family()
        .when(asking)
        .refused("PermissionNotHeld")
        .when(permissions(by_bob))
        .refused("PermissionNotHeld")
        .when(permissions(Giver::Member(EVE)))
        .refused("PermissionNotHeld")
        .when(permissions(Giver::Administrator))
        .then([FamilyMemberPermissionsChanged { member_id: PARENT, permissions: billing.clone() }])
        .when(permissions(Giver::Member(ADA)))
        .then_nothing()
        .when(RoleChange {
            asked: ChangeMemberRole { member_id: PARENT, role: Role::Viewer, permissions: None },
            giver: by_bob,
        })
        .refused("PermissionNotHeld");
}

#[test]
fn a_member_changes_role_and_gets_its_bundle() {
    let change = RoleChange {
        asked: ChangeMemberRole { member_id: PARENT, role: Role::Caregiver, permissions: None },
        giver: Giver::Member(ADA),
    };
    family()
        .when(change.clone())
        .then([FamilyMemberRoleChanged {
            member_id: PARENT,
            role: Role::Caregiver,
            permissions: Role::Caregiver.bundle(),
        }])
        .when(change)
        .then_nothing();
}

#[test]
fn a_membership_that_ended_does_not_change() {
    let left = FamilyMemberLeft { member_id: PARENT, status: MemberStatus::Left, ended_at: day(1) };
    family()
        .by(BOB)
        .when(LeaveFamily {})
        .then([left])
        .when(LeaveFamily {})
        .refused("MembershipEnded")
        .when(PermissionChange {
            asked: ChangeMemberPermissions { member_id: PARENT, permissions: Permissions::new() },
            giver: Giver::Administrator,
        })
        .refused("MembershipEnded");
}

#[test]
fn a_time_zone_has_an_iana_name() {
    given::<Family>([])
        .when(CreateFamily { timezone: Some("Toronto".into()), ..create() })
        .refused("TimezoneUnknown");
}

#[test]
fn an_export_is_asked_for_and_completed_once_even_of_an_archived_family() {
    let archived = FamilyArchived { status: Status::Archived, deleted_at: day(1) };
    let (given, events) = family().and(archived).when(RequestFamilyExport {}).events();
    let [Event::FamilyExportRequested(requested)] = events.as_slice() else {
        panic!("expected a request, got {events:?}");
    };
    assert_eq!(requested.requested_by, ADA);
    let export_id = requested.export_id;
    let complete = CompleteFamilyExport { export_id, sha256: None };
    given
        .when(complete.clone())
        .then([FamilyExportCompleted { export_id, sha256: None, completed_at: day(1) }])
        .when(complete)
        .refused("ExportUnknown");
    crate::testing::given::<Family>([]).when(RequestFamilyExport {}).refused("FamilyUnknown");
}

#[test]
fn an_invitation_needs_an_address_and_a_name() {
    let mut asking = invitation(Role::Viewer, Giver::Member(ADA));
    asking.asked.invited_email = "eve".into();
    let mut nameless = invitation(Role::Viewer, Giver::Member(ADA));
    nameless.asked.display_name = String::new();
    family().when(asking).refused("EmailMalformed").when(nameless).refused("DisplayNameBlank");
}
