use serde_json::{Value, json};

use crate::samia::testing::{
    ADMIN, CLIENT, MONITOR, OTHER, READER, STRANGER, SUPER, deactivate, known, world,
};
use uuid::Uuid;

fn registration(email: &str) -> Value {
    json!({"email": email, "full_name": "Eve"})
}

#[test]
fn a_subject_registers_itself_and_nobody_else() {
    let mut world = world();
    let register = "samia.cmd.register_user";
    world.as_person(OTHER).send(register, STRANGER, registration("eve@example.org")).denied();
    world.as_system().send(register, STRANGER, registration("eve@example.org")).denied();
    world
        .as_person(STRANGER)
        .send(register, STRANGER, registration("eve@example.org"))
        .accepted(&["UserRegistered"]);
    world
        .send(register, STRANGER, registration("eve@example.org"))
        .refused("user_already_registered");
}

#[test]
fn whoever_the_identity_provider_does_not_know_is_no_subject() {
    let nobody = Uuid::from_u128(1);
    world()
        .as_person(nobody)
        .send("samia.cmd.register_user", nobody, registration("eve@example.org"))
        .refused("unknown_subject");
}

#[test]
fn an_address_belongs_to_one_account_in_any_case_of_letters() {
    let mut world = world();
    let another = Uuid::from_u128(2);
    known(&mut world, another);
    let register = "samia.cmd.register_user";
    world
        .as_person(STRANGER)
        .send(register, STRANGER, registration("Eve@Example.org"))
        .accepted(&["UserRegistered"]);
    world
        .as_person(another)
        .send(register, another, registration("eve@example.org"))
        .refused("email_taken");
    let update = "samia.cmd.update_user_details";
    world
        .as_person(OTHER)
        .send(update, OTHER, json!({"email": "EVE@example.org"}))
        .refused("email_taken");
    // Once its owner moves on, the address is free.
    world
        .as_person(STRANGER)
        .send(update, STRANGER, json!({"email": "eve@example.net"}))
        .accepted(&["UserDetailsUpdated"]);
    world
        .as_person(OTHER)
        .send(update, OTHER, json!({"email": "eve@example.org"}))
        .accepted(&["UserDetailsUpdated"]);
}

#[test]
fn a_text_longer_than_its_column_is_no_command() {
    let sent = world().as_person(CLIENT).send(
        "samia.cmd.update_user_details",
        CLIENT,
        json!({"phone_number": "0".repeat(21)}),
    );
    assert!(matches!(sent.0, Err(crate::Stop::Invalid { .. })), "{:?}", sent.0);
}

#[test]
fn users_keep_their_own_details_and_preferences() {
    let mut world = world();
    world
        .as_person(CLIENT)
        .send("samia.cmd.update_user_details", CLIENT, json!({"bio": "here"}))
        .accepted(&["UserDetailsUpdated"]);
    let preferences = json!({"preferences": {"theme": "dark"}});
    let change = "samia.cmd.change_user_preferences";
    world.send(change, CLIENT, preferences.clone()).accepted(&["UserPreferencesChanged"]);
    world.as_person(SUPER).send(change, CLIENT, preferences).denied();
    world
        .as_person(OTHER)
        .send("samia.cmd.update_user_details", CLIENT, json!({"bio": "mine"}))
        .denied();
}

#[test]
fn admins_manage_accounts_below_their_own_rank() {
    for (command, data, event) in [
        ("update_user_details", json!({"bio": "x"}), "UserDetailsUpdated"),
        ("set_user_metadata", json!({"metadata": {}}), "UserMetadataSet"),
        ("deactivate_user", json!({}), "UserDeactivated"),
        ("delete_user", json!({}), "UserDeleted"),
    ] {
        let subject = format!("samia.cmd.{command}");
        let mut world = world();
        world.as_person(MONITOR).send(&subject, CLIENT, data.clone()).denied();
        world.as_person(STRANGER).send(&subject, CLIENT, data.clone()).denied();
        world.as_system().send(&subject, CLIENT, data.clone()).denied();
        world.as_person(ADMIN).send(&subject, SUPER, data.clone()).denied();
        world.as_person(SUPER).send(&subject, SUPER, json!({"bad": 1})).0.unwrap_err();
        world.as_person(ADMIN).send(&subject, CLIENT, data.clone()).accepted(&[event]);
        world.as_person(SUPER).send(&subject, ADMIN, data.clone()).accepted(&[event]);
        world.as_person(SUPER).send(&subject, STRANGER, data).unknown();
    }
}

#[test]
fn an_admin_gives_rights_back_and_nobody_takes_the_own() {
    let mut world = world();
    world.as_person(ADMIN).send("samia.cmd.deactivate_user", ADMIN, json!({})).denied();
    world.as_person(SUPER).send("samia.cmd.deactivate_user", SUPER, json!({})).denied();
    deactivate(&mut world, CLIENT);
    let reactivate = "samia.cmd.reactivate_user";
    world.as_person(CLIENT).send(reactivate, CLIENT, json!({})).refused("actor_not_active");
    world.as_person(ADMIN).send(reactivate, CLIENT, json!({})).accepted(&["UserReactivated"]);
}

#[test]
fn whoever_is_deactivated_or_deleted_has_no_rights() {
    let mut world = world();
    deactivate(&mut world, ADMIN);
    world
        .as_person(ADMIN)
        .send("samia.cmd.deactivate_user", CLIENT, json!({}))
        .refused("actor_not_active");
    world
        .as_person(CLIENT)
        .send("samia.cmd.delete_user", CLIENT, json!({}))
        .accepted(&["UserDeleted"]);
    world
        .send("samia.cmd.update_user_details", CLIENT, json!({"bio": "x"}))
        .refused("actor_not_active");
}

#[test]
fn roles_are_given_by_a_super_admin_but_not_to_itself() {
    let mut world = world();
    let (change, role) = ("samia.cmd.change_user_role", json!({"role": "reader"}));
    world.as_person(ADMIN).send(change, CLIENT, role.clone()).denied();
    world.as_person(CLIENT).send(change, CLIENT, role.clone()).denied();
    world.as_person(SUPER).send(change, SUPER, role.clone()).denied();
    world.as_person(SUPER).send(change, STRANGER, role.clone()).unknown();
    world.as_person(SUPER).send(change, CLIENT, role).accepted(&["UserRoleChanged"]);
}

#[test]
fn the_operator_makes_the_first_super_admin_and_no_second() {
    let mut world = world();
    let change = "samia.cmd.change_user_role";
    let role = json!({"role": "super_admin"});
    world.as_operator().send(change, CLIENT, json!({"role": "admin"})).denied();
    world.as_operator().send(change, STRANGER, role.clone()).unknown();
    world.as_operator().send(change, CLIENT, role.clone()).accepted(&["UserRoleChanged"]);
    world.as_operator().send(change, CLIENT, role.clone()).accepted(&[]);
    world.as_operator().send(change, OTHER, role).denied();
}

#[test]
fn the_identity_provider_reports_and_nobody_else_does() {
    for (command, event) in [
        ("verify_email", "EmailVerified"),
        ("record_sign_in", "UserSignedIn"),
        ("record_sign_in_failure", "SignInFailed"),
    ] {
        let subject = format!("samia.cmd.{command}");
        let mut world = world();
        world.as_person(SUPER).send(&subject, READER, json!({})).denied();
        world.as_system().send(&subject, READER, json!({})).accepted(&[event]);
    }
    world().as_system().send("samia.cmd.verify_email", STRANGER, json!({})).unknown();
}

#[test]
fn a_failed_sign_in_may_have_no_user_to_refer_to() {
    let mut world = world();
    for (id, user) in [(CLIENT, json!(CLIENT)), (STRANGER, Value::Null)] {
        let appended = world
            .as_system()
            .send("samia.cmd.record_sign_in_failure", id, json!({"ip_address": "::1"}))
            .accepted(&["SignInFailed"]);
        assert_eq!(appended[0].event.payload_value().unwrap()["user_id"], user);
    }
}

#[test]
fn a_super_admin_or_the_system_erases_and_the_address_is_free_again() {
    let erase = "samia.cmd.erase_user";
    let mut world = world();
    for person in [CLIENT, OTHER, ADMIN] {
        world.as_person(person).send(erase, CLIENT, json!({})).denied();
    }
    world.as_operator().send(erase, CLIENT, json!({})).denied();
    world.as_person(SUPER).send(erase, SUPER, json!({})).denied();
    world.as_person(SUPER).send(erase, STRANGER, json!({})).unknown();
    world.as_system().send(erase, READER, json!({})).accepted(&["UserErased"]);
    world
        .as_person(CLIENT)
        .send("samia.cmd.update_user_details", CLIENT, json!({"email": "c@example.org"}))
        .accepted(&["UserDetailsUpdated"]);
    let taken = json!({"email": "c@example.org"});
    let update = "samia.cmd.update_user_details";
    world.as_person(OTHER).send(update, OTHER, taken.clone()).refused("email_taken");
    world.as_person(SUPER).send(erase, CLIENT, json!({})).accepted(&["UserErased"]);
    world.as_person(SUPER).send(erase, CLIENT, json!({})).accepted(&[]);
    world.as_person(OTHER).send(update, OTHER, taken).accepted(&["UserDetailsUpdated"]);
}
