use super::*;
use crate::{
    DomainEvent,
    testing::{ADA, BOB, Given, given},
};

fn registration() -> RegisterOrganisation {
    RegisterOrganisation {
        name: " Hill School ".into(),
        r#type: OrganisationType::SchoolPrimary,
        address_line_1: None,
        address_line_2: None,
        city: Some("Leeds".into()),
        postcode: None,
        country: None,
        phone: None,
        email: Some("Office@Example.org".into()),
        website: None,
        status: None,
        subscription_plan: None,
        max_children: None,
        max_practitioners: None,
        settings: None,
    }
}

fn registered() -> OrganisationRegistered {
    OrganisationRegistered {
        name: "Hill School".into(),
        r#type: OrganisationType::SchoolPrimary,
        address_line_1: None,
        address_line_2: None,
        city: Some("Leeds".into()),
        postcode: None,
        country: Some("UK".into()),
        phone: None,
        email: Some("office@example.org".into()),
        website: None,
        status: OrganisationStatus::Active,
        subscription_plan: SubscriptionPlan::Essential,
        max_children: Some(50),
        max_practitioners: Some(5),
        settings: Map::new(),
    }
}

fn school(most: i32) -> Given<Organisation> {
    let limits = OrganisationLimitsSet { max_children: Some(most), max_practitioners: Some(most) };
    given([registered().into(), limits.into()])
}

fn number(display_id: i32, children: i32) -> ChildNumberAllocated {
    ChildNumberAllocated { child_id: ADA, display_id, children }
}

#[test]
fn an_organisation_is_registered_once_with_what_the_contract_fills_in() {
    given::<Organisation>([])
        .when(registration())
        .then([registered()])
        .when(registration())
        .refused("OrganisationAlreadyRegistered");
}

#[test]
fn an_imported_organisation_is_as_it_was_exported() {
    let exported = RegisterOrganisation {
        country: Some(None),
        status: Some(OrganisationStatus::Suspended),
        subscription_plan: Some(SubscriptionPlan::Enterprise),
        max_practitioners: Some(None),
        ..registration()
    };
    given::<Organisation>([])
        .when(ImportOrganisation { organisation: exported })
        .then([OrganisationRegistered {
            country: None,
            status: OrganisationStatus::Suspended,
            subscription_plan: SubscriptionPlan::Enterprise,
            max_practitioners: None,
            ..registered()
        }])
        .when(ImportOrganisation { organisation: registration() })
        .refused("OrganisationAlreadyRegistered");
}

#[test]
fn an_organisation_may_be_registered_without_limits() {
    let unlimited = RegisterOrganisation { max_children: Some(None), ..registration() };
    given::<Organisation>([])
        .when(unlimited)
        .then([OrganisationRegistered { max_children: None, ..registered() }]);
}

#[test]
fn name_and_address_for_messages_must_be_some() {
    given::<Organisation>([])
        .when(RegisterOrganisation { name: "  ".into(), ..registration() })
        .refused("NameMissing")
        .when(RegisterOrganisation { email: Some("office".into()), ..registration() })
        .refused("EmailMalformed");
    school(5)
        .when(UpdateOrganisationDetails { name: Some(String::new()), ..Default::default() })
        .refused("NameMissing");
}

#[test]
fn what_is_left_out_of_an_update_stays() {
    let change = UpdateOrganisationDetails {
        r#type: Some(OrganisationType::NhsTrust),
        city: Some(None),
        ..UpdateOrganisationDetails::default()
    };
    let (_, events) =
        school(5).when(UpdateOrganisationDetails::default()).then_nothing().when(change).events();
    assert_eq!(
        events[0].payload_value().unwrap(),
        serde_json::json!({"type": "nhs-trust", "city": null})
    );
}

#[test]
fn plan_and_settings_are_outcomes() {
    let mut settings = Map::new();
    settings.insert("theme".into(), "sea".into());
    school(5)
        .when(ChangeSubscriptionPlan { subscription_plan: SubscriptionPlan::Enterprise })
        .then([SubscriptionPlanChanged { subscription_plan: SubscriptionPlan::Enterprise }])
        .when(ChangeSubscriptionPlan { subscription_plan: SubscriptionPlan::Enterprise })
        .then_nothing()
        .when(ChangeOrganisationSettings { settings: settings.clone() })
        .then([OrganisationSettingsChanged { settings }]);
}

#[test]
fn members_act_only_while_the_organisation_is_open() {
    let given = school(5);
    assert_eq!(given.state.open(), Ok(()));
    let given = given
        .when(SuspendOrganisation {})
        .then([OrganisationSuspended {}])
        .when(SuspendOrganisation {})
        .then_nothing();
    assert_eq!(given.state.open(), Err(Refusal::OrganisationNotOpen));
    let given = given.when(ReactivateOrganisation {}).then([OrganisationReactivated {}]);
    assert_eq!(given.state.open(), Ok(()));
    let given = given.when(DeactivateOrganisation {}).then([OrganisationDeactivated {}]);
    assert_eq!(given.state.open(), Err(Refusal::OrganisationNotOpen));
    let trial = OrganisationRegistered { status: OrganisationStatus::Trial, ..registered() };
    let trial = crate::testing::given::<Organisation>([trial.into()]);
    assert_eq!(trial.state.open(), Ok(()), "a trial is open");
    assert_eq!(Organisation::default().open(), Err(Refusal::OrganisationNotOpen));
}

#[test]
fn an_archived_organisation_lets_go_of_places_and_does_nothing_else() {
    let given = school(5)
        .and(number(1, 1))
        .when(ArchiveOrganisation {})
        .then([OrganisationArchived {}])
        .when(ArchiveOrganisation {})
        .then_nothing()
        .when(ReactivateOrganisation {})
        .refused("OrganisationIsArchived")
        .when(AllocateChildNumber { child_id: BOB })
        .refused("OrganisationIsArchived")
        .when(AdmitStaff { member_id: BOB, within_limit: false })
        .refused("OrganisationIsArchived")
        .when(FreeChildPlace { child_id: ADA })
        .then([ChildPlaceFreed { child_id: ADA, children: 0 }]);
    assert_eq!(given.state.open(), Err(Refusal::OrganisationNotOpen));
}

#[test]
fn children_are_taken_up_to_the_limit() {
    school(1)
        .when(AllocateChildNumber { child_id: ADA })
        .then([number(1, 1)])
        .when(AllocateChildNumber { child_id: BOB })
        .refused("ChildLimitReached")
        .and(OrganisationLimitsSet { max_children: None, max_practitioners: None })
        .when(AllocateChildNumber { child_id: BOB })
        .then([ChildNumberAllocated { child_id: BOB, display_id: 2, children: 2 }]);
}

#[test]
fn a_number_is_never_given_out_twice() {
    school(1)
        .and(number(1, 1))
        .when(FreeChildPlace { child_id: ADA })
        .then([ChildPlaceFreed { child_id: ADA, children: 0 }])
        .when(AllocateChildNumber { child_id: BOB })
        .then([ChildNumberAllocated { child_id: BOB, display_id: 2, children: 1 }]);
}

#[test]
fn staff_are_counted_and_the_limit_stands_where_it_is_asked_for() {
    school(1)
        .when(AdmitStaff { member_id: ADA, within_limit: true })
        .then([StaffAdmitted { member_id: ADA, staff: 1 }])
        .when(AdmitStaff { member_id: BOB, within_limit: true })
        .refused("PractitionerLimitReached")
        .when(AdmitStaff { member_id: BOB, within_limit: false })
        .then([StaffAdmitted { member_id: BOB, staff: 2 }])
        .when(DismissStaff { member_id: ADA })
        .then([StaffDismissed { member_id: ADA, staff: 1 }]);
}

#[test]
fn invitations_take_places_of_staff_until_they_are_settled() {
    let (bobs, place) = (BOB, ReserveInvitationPlace { invitation_id: BOB });
    school(2)
        .and(StaffAdmitted { member_id: ADA, staff: 1 })
        .when(place.clone())
        .then([InvitationPlaceReserved { invitation_id: bobs, pending_invitations: 1 }])
        .when(place.clone())
        .refused("PractitionerLimitReached")
        .when(AdmitStaff { member_id: BOB, within_limit: true })
        .refused("PractitionerLimitReached")
        .when(SetOrganisationLimits { max_children: None, max_practitioners: Some(Some(1)) })
        .refused("LimitBelowUse")
        .and(OrganisationArchived {})
        .when(place)
        .refused("OrganisationIsArchived")
        .when(ReleaseInvitationPlace { invitation_id: bobs })
        .then([InvitationPlaceReleased { invitation_id: bobs, pending_invitations: 0 }]);
}

#[test]
fn a_limit_is_positive_and_not_below_use() {
    let limits =
        |max_children, max_practitioners| SetOrganisationLimits { max_children, max_practitioners };
    school(5)
        .and(number(2, 2))
        .and(StaffAdmitted { member_id: BOB, staff: 3 })
        .when(limits(Some(Some(1)), None))
        .refused("LimitBelowUse")
        .when(limits(None, Some(Some(2))))
        .refused("LimitBelowUse")
        .when(limits(Some(Some(2)), Some(Some(3))))
        .then([OrganisationLimitsSet { max_children: Some(2), max_practitioners: Some(3) }])
        .when(limits(Some(None), None))
        .then([OrganisationLimitsSet { max_children: None, max_practitioners: Some(3) }])
        .when(limits(Some(None), None))
        .then_nothing();
    school(5).when(limits(Some(Some(0)), None)).refused("LimitBelowUse");
    given::<Organisation>([])
        .when(RegisterOrganisation { max_practitioners: Some(Some(0)), ..registration() })
        .refused("LimitBelowUse");
}
