use super::*;
use crate::testing::{Given, given};

fn register() -> RegisterUser {
    RegisterUser {
        email: " Ada@Example.org".parse().unwrap(),
        full_name: "Ada".parse().unwrap(),
        phone_number: None,
        date_of_birth: None,
        timezone: None,
        profile_image_url: None,
        bio: None,
        preferences: None,
    }
}

fn registered() -> UserRegistered {
    UserRegistered {
        email: "ada@example.org".parse().unwrap(),
        full_name: "Ada".parse().unwrap(),
        role: Role::Client,
        is_active: true,
        email_verified: false,
        phone_number: None,
        date_of_birth: None,
        timezone: Some("UTC".parse().unwrap()),
        profile_image_url: None,
        bio: None,
        login_count: 0,
        metadata: Some(Object::new()),
        preferences: Some(Object::new()),
    }
}

fn a_user() -> Given<User> {
    given::<User>([registered().into()])
}

#[test]
fn a_subject_registers_once_as_an_active_client() {
    given::<User>([])
        .when(register())
        .then([registered()])
        .when(register())
        .refused("UserAlreadyRegistered");
}

#[test]
fn an_address_must_be_one_at_registration_and_later() {
    let email = Some("no-at-sign".parse().unwrap());
    given::<User>([])
        .when(RegisterUser { email: "a@b".parse().unwrap(), ..register() })
        .refused("EmailMalformed")
        .and(registered())
        .when(UpdateUserDetails { email, ..UpdateUserDetails::default() })
        .refused("EmailMalformed");
}

#[test]
fn a_day_of_birth_is_neither_ancient_nor_to_come() {
    let born = |year| NaiveDate::from_ymd_opt(year, 5, 1);
    for year in [1899, 2027] {
        given::<User>([])
            .when(RegisterUser { date_of_birth: born(year), ..register() })
            .refused("BirthDateRefused");
        a_user()
            .when(UpdateUserDetails {
                date_of_birth: Some(born(year)),
                ..UpdateUserDetails::default()
            })
            .refused("BirthDateRefused");
    }
    given::<User>([])
        .when(RegisterUser { date_of_birth: born(1990), ..register() })
        .then([UserRegistered { date_of_birth: born(1990), ..registered() }]);
}

#[test]
fn details_left_out_stay_and_null_clears() {
    let update = UpdateUserDetails {
        email: Some("New@Example.org".parse().unwrap()),
        bio: Some(None),
        ..UpdateUserDetails::default()
    };
    let updated = UserDetailsUpdated {
        email: Some("new@example.org".parse().unwrap()),
        bio: Some(None),
        ..UserDetailsUpdated::default()
    };
    assert_eq!(
        serde_json::to_string(&updated).unwrap(),
        r#"{"email":"new@example.org","bio":null}"#
    );
    a_user().when(update).then([updated]).when(UpdateUserDetails::default()).then_nothing();
}

#[test]
fn an_address_is_verified_once() {
    a_user()
        .when(VerifyEmail {})
        .then([EmailVerified { email_verified: true }])
        .when(VerifyEmail {})
        .then_nothing();
}

#[test]
fn preferences_and_metadata_are_replaced_whole() {
    let some = Object::from_iter([("theme".to_owned(), "dark".into())]);
    a_user()
        .when(ChangeUserPreferences { preferences: some.clone() })
        .then([UserPreferencesChanged { preferences: Some(some.clone()) }])
        .when(SetUserMetadata { metadata: some.clone() })
        .then([UserMetadataSet { metadata: Some(some) }]);
}

#[test]
fn a_new_role_brings_its_profile_type() {
    a_user()
        .when(ChangeUserRole { role: Role::Monitor })
        .then([UserRoleChanged { role: Role::Monitor, profile_type: ProfileType::Admin }])
        .when(ChangeUserRole { role: Role::Monitor })
        .then_nothing()
        .when(ChangeUserRole { role: Role::Reader })
        .then([UserRoleChanged { role: Role::Reader, profile_type: ProfileType::Reader }]);
    assert!(Role::SuperAdmin > Role::Admin && Role::Admin > Role::Monitor);
}

#[test]
fn a_user_is_deactivated_and_reactivated() {
    a_user()
        .when(ReactivateUser {})
        .then_nothing()
        .when(DeactivateUser {})
        .then([UserDeactivated { is_active: false }])
        .when(DeactivateUser {})
        .then_nothing()
        .when(ReactivateUser {})
        .then([UserReactivated { is_active: true }]);
}

#[test]
fn sign_ins_are_counted() {
    a_user()
        .when(RecordSignIn {})
        .then([UserSignedIn { login_count: 1 }])
        .when(RecordSignIn {})
        .then([UserSignedIn { login_count: 2 }]);
}

#[test]
fn a_failed_sign_in_names_a_user_only_if_there_is_one() {
    let failure =
        RecordSignInFailure { user_id: Some(Uuid::nil()), ..RecordSignInFailure::default() };
    let failed =
        |user_id| SignInFailed { user_id, email: None, ip_address: None, user_agent: None };
    given::<User>([]).when(failure.clone()).then([failed(None)]);
    a_user().when(failure).then([failed(Some(Uuid::nil()))]);
}

#[test]
fn a_deleted_account_stays_deleted() {
    let given = a_user()
        .when(DeleteUser {})
        .then([UserDeleted { is_active: false }])
        .when(DeleteUser {})
        .then_nothing()
        .when(ReactivateUser {})
        .refused("UserDeletedAlready");
    assert!(given.state.deleted && !given.state.active);
}

#[test]
fn an_erased_account_has_tombstones_and_stays_erased() {
    let user_id = crate::testing::ADA;
    let erased = UserErased {
        email: "00000000-0000-0000-0000-000000000ada@erased.invalid".parse().unwrap(),
        full_name: "erased".parse().unwrap(),
        is_active: false,
    };
    given::<User>([]).when(EraseUser { user_id }).refused("UnknownSubject");
    let given = a_user()
        .when(EraseUser { user_id })
        .then([erased])
        .when(EraseUser { user_id })
        .then_nothing()
        .when(DeleteUser {})
        .then_nothing()
        .when(ReactivateUser {})
        .refused("UserDeletedAlready");
    assert!(given.state.erased && given.state.deleted && !given.state.active);
}

#[test]
fn nothing_is_asked_of_somebody_who_is_no_user() {
    given::<User>([]).when(DeactivateUser {}).refused("UnknownSubject");
}
