use super::*;
use crate::testing::{day, given};

fn registered() -> Event {
    UserRegistered {
        email: "ada@example.org".into(),
        display_name: "Ada".into(),
        phone: None,
        locale: "en-CA".into(),
        timezone: "America/Toronto".into(),
        is_system_admin: false,
        status: Status::Active,
    }
    .into()
}

fn register() -> RegisterUser {
    RegisterUser {
        email: " Ada@Example.org".into(),
        display_name: "Ada".into(),
        phone: None,
        locale: None,
        timezone: None,
    }
}

fn deactivated() -> Event {
    UserDeactivated { status: Status::Deactivated }.into()
}

fn deleted() -> Event {
    UserDeleted { status: Status::Deleted, deleted_at: day(1) }.into()
}

#[test]
fn a_person_registers_once_with_the_documented_defaults() {
    given::<User>([])
        .when(register())
        .then([registered()])
        .when(register())
        .refused("UserAlreadyRegistered");
}

#[test]
fn an_account_needs_an_address_and_a_name() {
    given::<User>([])
        .when(RegisterUser { email: "nobody".into(), ..register() })
        .refused("EmailMalformed")
        .when(RegisterUser { display_name: "  ".into(), ..register() })
        .refused("DisplayNameBlank");
}

#[test]
fn what_is_not_given_stays_and_null_clears() {
    given::<User>([registered()])
        .when(UpdateUserAccount { phone: Some(None), ..Default::default() })
        .then([UserAccountUpdated { phone: Some(None), ..Default::default() }])
        .when(UpdateUserAccount::default())
        .then_nothing();
    let cleared = UserAccountUpdated { phone: Some(None), ..Default::default() };
    assert_eq!(serde_json::to_string(&cleared).unwrap(), r#"{"phone":null}"#);
    let read: UserAccountUpdated = serde_json::from_str(r#"{"phone":null}"#).unwrap();
    assert_eq!(read, cleared);
}

#[test]
fn an_account_is_deactivated_and_comes_back() {
    given::<User>([registered()])
        .when(DeactivateUser {})
        .then([deactivated()])
        .when(DeactivateUser {})
        .then_nothing()
        .when(GrantSystemAdministration {})
        .refused("UserNotActive")
        .when(ReactivateUser {})
        .then([UserReactivated { status: Status::Active }])
        .when(ReactivateUser {})
        .then_nothing();
}

#[test]
fn a_closed_account_stays_closed() {
    given::<User>([registered()])
        .when(DeleteUser {})
        .then([deleted()])
        .when(DeleteUser {})
        .then_nothing()
        .when(ReactivateUser {})
        .refused("UserClosed")
        .when(DeactivateUser {})
        .refused("UserClosed")
        .when(UpdateUserAccount { locale: Some("fr-CA".into()), ..Default::default() })
        .refused("UserClosed")
        .when(RecordSignIn::default())
        .refused("UserClosed");
}

#[test]
fn nothing_can_be_asked_of_an_account_that_is_not_there() {
    given::<User>([])
        .when(UpdateUserAccount::default())
        .refused("UserUnknown")
        .when(DeleteUser {})
        .refused("UserUnknown")
        .when(RevokeSystemAdministration {})
        .refused("UserUnknown");
}

#[test]
fn only_an_active_account_acts() {
    let refused = Err(Refusal::ActorNotActive);
    assert_eq!(given::<User>([]).state.may_act(), refused);
    assert_eq!(given::<User>([registered()]).state.may_act(), Ok(()));
    assert_eq!(given::<User>([registered(), deactivated()]).state.may_act(), refused);
    assert_eq!(given::<User>([registered(), deleted()]).state.may_act(), refused);
}

#[test]
fn administration_is_granted_and_revoked_once() {
    given::<User>([registered()])
        .when(RevokeSystemAdministration {})
        .then_nothing()
        .when(GrantSystemAdministration {})
        .then([SystemAdministrationGranted { is_system_admin: true }])
        .when(GrantSystemAdministration {})
        .then_nothing()
        .when(RevokeSystemAdministration {})
        .then([SystemAdministrationRevoked { is_system_admin: false }]);
}

#[test]
fn a_time_zone_has_an_iana_name() {
    let zone = |name: &str| UpdateUserAccount { timezone: Some(name.into()), ..Default::default() };
    given::<User>([])
        .when(RegisterUser { timezone: Some("Toronto".into()), ..register() })
        .refused("TimezoneUnknown");
    let given = given::<User>([registered()])
        .when(zone("EST5EDT4"))
        .refused("TimezoneUnknown")
        .when(zone("America/Vancouver"))
        .events()
        .0;
    assert_eq!(given.state.timezone, "America/Vancouver");
}

#[test]
fn an_account_is_erased_once_and_closed_with_it() {
    let erased = |deleted_at| UserErased { status: Status::Deleted, deleted_at };
    given::<User>([registered()])
        .at(day(2))
        .when(EraseUser {})
        .then([erased(Some(day(2)))])
        .when(EraseUser {})
        .then_nothing()
        .when(ReactivateUser {})
        .refused("UserClosed");
    given::<User>([registered(), deleted()]).when(EraseUser {}).then([erased(None)]);
    given::<User>([]).when(EraseUser {}).refused("UserUnknown");
}

#[test]
fn a_sign_in_is_recorded_with_its_time() {
    given::<User>([registered()])
        .at(day(2))
        .when(RecordSignIn::default())
        .then([UserSignedIn { last_sign_in_at: day(2) }])
        .when(RecordSignIn { signed_in_at: Some(day(1)) })
        .then([UserSignedIn { last_sign_in_at: day(1) }]);
}
