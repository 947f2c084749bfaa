//! Who may do what with accounts (nestsync.policy.users.*).

use std::sync::Arc;

use annals_domain::{
    nestsync::user::{
        Command, DeactivateUser, DeleteUser, EraseUser, GrantSystemAdministration, ReactivateUser,
        RecordSignIn, Refusal, RegisterUser, RevokeSystemAdministration, UpdateUserAccount, User,
        address,
    },
    shared::identity::{self, Identity},
};

use super::{account, administrator, fresh, system, uuid};
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// An address belongs to one account at a time (nestsync.rule.user.email_unique).
pub(super) const EMAIL: &str = "nestsync.user.email";
/// The operator makes one administrator; whoever that is holds this claim.
pub(super) const FIRST_ADMIN: &str = "nestsync.user.first_admin";

/// What may be asked of an account, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const SELF: &[&str] = &["nestsync.policy.users.self"];
    const SYSTEM: &[&str] = &["nestsync.policy.users.system"];
    const SYSADMIN: &[&str] = &["nestsync.policy.users.sysadmin"];
    const SELF_OR_SYSADMIN: &[&str] =
        &["nestsync.policy.users.self", "nestsync.policy.users.sysadmin"];
    const SYSTEM_OR_SYSADMIN: &[&str] =
        &["nestsync.policy.users.system", "nestsync.policy.users.sysadmin"];
    const SYSADMIN_OR_OPERATOR: &[&str] =
        &["nestsync.policy.users.sysadmin", "nestsync.policy.users.bootstrap.operator"];
    vec![
        command::<User, RegisterUser>(Target::Actor, SELF, register),
        command::<User, UpdateUserAccount>(Target::Actor, SELF_OR_SYSADMIN, update),
        command::<User, RecordSignIn>(Target::Given, SYSTEM, record_sign_in),
        command::<User, DeactivateUser>(Target::Given, SYSADMIN, manage),
        command::<User, ReactivateUser>(Target::Given, SYSADMIN, manage),
        command::<User, DeleteUser>(Target::Actor, SELF_OR_SYSADMIN, delete),
        command::<User, GrantSystemAdministration>(Target::Given, SYSADMIN_OR_OPERATOR, grant),
        command::<User, RevokeSystemAdministration>(Target::Given, SYSADMIN, revoke),
        command::<User, EraseUser>(Target::Given, SYSTEM_OR_SYSADMIN, erase),
    ]
}

fn register(work: &mut Work<'_>, id: &Arc<str>, command: &RegisterUser) -> Result<(), Stop> {
    if !work.actor.is(uuid(id)?) {
        return Err(Stop::Denied("people register themselves"));
    }
    if !work.load::<Identity>(id)?.known {
        return Err(identity::Refusal::UnknownSubject.into());
    }
    fresh::<User>(work, id)?;
    take_address(work, id, &command.email)?;
    work.tenant(id);
    work.decide::<User>(id, command.clone())
}

fn update(work: &mut Work<'_>, id: &Arc<str>, command: &UpdateUserAccount) -> Result<(), Stop> {
    own_or_administrator(work, id)?;
    if let Some(email) = &command.email {
        take_address(work, id, email)?;
    }
    decide(work, id, command.clone())
}

fn record_sign_in(work: &mut Work<'_>, id: &Arc<str>, command: &RecordSignIn) -> Result<(), Stop> {
    system(work)?;
    decide(work, id, command.clone())
}

fn manage<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    administrator(work)?;
    decide(work, id, command.clone())
}

fn delete(work: &mut Work<'_>, id: &Arc<str>, command: &DeleteUser) -> Result<(), Stop> {
    own_or_administrator(work, id)?;
    decide(work, id, command.clone())
}

fn grant(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &GrantSystemAdministration,
) -> Result<(), Stop> {
    if !work.actor.is_operator() {
        another_administrator(work, id)?;
    } else if !work.claim(FIRST_ADMIN, "admin", id)? {
        return Err(Stop::Denied("the operator makes the first system administrator only"));
    }
    decide(work, id, command.clone())
}

fn revoke(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &RevokeSystemAdministration,
) -> Result<(), Stop> {
    another_administrator(work, id)?;
    decide(work, id, command.clone())
}

/// The address is free again: the row no longer has it.
fn erase(work: &mut Work<'_>, id: &Arc<str>, command: &EraseUser) -> Result<(), Stop> {
    if !work.actor.is_system() {
        administrator(work)?;
    }
    decide(work, id, command.clone())?;
    work.release(EMAIL, id);
    Ok(())
}

fn decide(work: &mut Work<'_>, id: &Arc<str>, command: impl Into<Command>) -> Result<(), Stop> {
    work.existing::<User>(id)?;
    work.tenant(id);
    work.decide::<User>(id, command)
}

/// The person itself, or a system administrator with a reason.
fn own_or_administrator(work: &mut Work<'_>, id: &Arc<str>) -> Result<(), Stop> {
    if work.actor.is(uuid(id)?) {
        account(work)?;
        return Ok(());
    }
    administrator(work)
}

/// A system administrator with a reason, who is somebody else: nobody grants or revokes itself.
fn another_administrator(work: &mut Work<'_>, id: &Arc<str>) -> Result<(), Stop> {
    administrator(work)?;
    if work.actor.is(uuid(id)?) {
        return Err(Stop::Denied("nobody grants or revokes the own administration"));
    }
    Ok(())
}

fn take_address(work: &mut Work<'_>, id: &Arc<str>, email: &str) -> Result<(), Stop> {
    if work.claim(EMAIL, address(email)?, id)? { Ok(()) } else { Err(Refusal::EmailTaken.into()) }
}

#[cfg(test)]
mod tests {
    use annals_domain::testing::{ADA, BOB};
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::{
        super::scene::{EVE, NEW, ROOT, deactivate, world},
        *,
    };

    fn ada() -> Value {
        json!({"email": "New@Example.org", "display_name": "New"})
    }

    #[test]
    fn a_person_known_to_the_identity_provider_registers_itself() {
        let mut world = world();
        world.as_person(EVE).send("nestsync.cmd.register_user", NEW, ada()).denied();
        world.as_system().send("nestsync.cmd.register_user", NEW, ada()).denied();
        world
            .as_person(NEW)
            .send("nestsync.cmd.register_user", NEW, ada())
            .accepted(&["UserRegistered"]);
        let again = world.send("nestsync.cmd.register_user", NEW, ada());
        assert!(matches!(again.0, Err(Stop::Exists { .. })), "{again:?}");
        let stranger = Uuid::from_u128(0x57);
        world
            .as_person(stranger)
            .send("nestsync.cmd.register_user", stranger, ada())
            .refused("unknown_subject");
    }

    #[test]
    fn an_address_belongs_to_one_account_whatever_its_case() {
        let mut world = world();
        world
            .as_person(NEW)
            .send("nestsync.cmd.register_user", NEW, ada())
            .accepted(&["UserRegistered"]);
        let taking = json!({"email": "NEW@example.org"});
        world
            .as_person(EVE)
            .send("nestsync.cmd.update_user_account", EVE, taking.clone())
            .refused("email_taken");
        world
            .as_person(NEW)
            .send("nestsync.cmd.update_user_account", NEW, json!({"email": "other@example.org"}))
            .accepted(&["UserAccountUpdated"]);
        world
            .as_person(EVE)
            .send("nestsync.cmd.update_user_account", EVE, taking)
            .accepted(&["UserAccountUpdated"]);
        world
            .send("nestsync.cmd.update_user_account", EVE, json!({"email": "x"}))
            .refused("email_malformed");
    }

    #[test]
    fn accounts_are_kept_by_their_people_and_by_administrators_with_a_reason() {
        let mut world = world();
        let change = json!({"locale": "fr-CA"});
        world
            .as_person(BOB)
            .send("nestsync.cmd.update_user_account", BOB, change.clone())
            .accepted(&["UserAccountUpdated"]);
        world.send("nestsync.cmd.update_user_account", ADA, change.clone()).denied();
        world.send("nestsync.cmd.delete_user", ADA, json!({})).denied();
        world
            .as_person(ROOT)
            .send("nestsync.cmd.update_user_account", ADA, change.clone())
            .refused("reason_required");
        world
            .because("asked by telephone")
            .send("nestsync.cmd.update_user_account", ADA, change)
            .accepted(&["UserAccountUpdated"]);
        world.send("nestsync.cmd.delete_user", ADA, json!({})).accepted(&["UserDeleted"]);
    }

    #[test]
    fn who_is_not_active_issues_no_command() {
        let mut world = world();
        deactivate(&mut world, BOB);
        world
            .as_person(BOB)
            .send("nestsync.cmd.update_user_account", BOB, json!({"locale": "fr-CA"}))
            .refused("actor_not_active");
        world.send("nestsync.cmd.delete_user", BOB, json!({})).refused("actor_not_active");
        world
            .as_person(EVE)
            .send("nestsync.cmd.delete_user", EVE, json!({}))
            .accepted(&["UserDeleted"]);
        world.send("nestsync.cmd.delete_user", EVE, json!({})).refused("actor_not_active");
        deactivate(&mut world, ROOT);
        world
            .as_person(ROOT)
            .because("to see")
            .send("nestsync.cmd.reactivate_user", BOB, json!({}))
            .refused("actor_not_active");
    }

    #[test]
    fn administrators_deactivate_and_reactivate_with_a_reason() {
        let mut world = world();
        for subject in ["nestsync.cmd.deactivate_user", "nestsync.cmd.reactivate_user"] {
            world.as_person(ADA).send(subject, BOB, json!({})).denied();
            world.as_system().send(subject, BOB, json!({})).denied();
            world.as_person(ROOT).send(subject, BOB, json!({})).refused("reason_required");
        }
        world.because("asked by telephone");
        world.send("nestsync.cmd.deactivate_user", BOB, json!({})).accepted(&["UserDeactivated"]);
        world.send("nestsync.cmd.reactivate_user", BOB, json!({})).accepted(&["UserReactivated"]);
        world.send("nestsync.cmd.deactivate_user", NEW, json!({})).unknown();
    }

    #[test]
    fn the_system_and_administrators_erase_and_the_address_is_free_then() {
        let mut world = world();
        let subject = "nestsync.cmd.erase_user";
        let taken = json!({"email": "taken@example.org"});
        world
            .as_person(BOB)
            .send("nestsync.cmd.update_user_account", BOB, taken.clone())
            .accepted(&["UserAccountUpdated"]);
        world.send(subject, BOB, json!({})).denied();
        world.as_person(ROOT).send(subject, BOB, json!({})).refused("reason_required");
        world.because("written request").send(subject, EVE, json!({})).accepted(&["UserErased"]);
        world.as_system().send(subject, BOB, json!({})).accepted(&["UserErased"]);
        world.send(subject, BOB, json!({})).accepted(&[]);
        world.send(subject, NEW, json!({})).unknown();
        world
            .as_person(ADA)
            .send("nestsync.cmd.update_user_account", ADA, taken)
            .accepted(&["UserAccountUpdated"]);
    }

    #[test]
    fn sign_ins_come_from_the_identity_side() {
        let mut world = world();
        world.as_person(ADA).send("nestsync.cmd.record_sign_in", ADA, json!({})).denied();
        world
            .as_system()
            .send("nestsync.cmd.record_sign_in", ADA, json!({}))
            .accepted(&["UserSignedIn"]);
        world.send("nestsync.cmd.record_sign_in", NEW, json!({})).unknown();
    }

    #[test]
    fn the_operator_makes_the_first_administrator_and_no_second() {
        let mut world = world();
        let subject = "nestsync.cmd.grant_system_administration";
        world
            .as_operator()
            .send(subject, ADA, json!({}))
            .accepted(&["SystemAdministrationGranted"]);
        world.send(subject, BOB, json!({})).denied();
    }

    #[test]
    fn administrators_make_and_unmake_others_but_never_themselves() {
        let mut world = world();
        let (grant, revoke) = (
            "nestsync.cmd.grant_system_administration",
            "nestsync.cmd.revoke_system_administration",
        );
        world.as_person(ADA).send(grant, ADA, json!({})).denied();
        world.as_person(ROOT).send(grant, ADA, json!({})).refused("reason_required");
        world.because("second pair of eyes");
        world.send(grant, ADA, json!({})).accepted(&["SystemAdministrationGranted"]);
        world.send(grant, ROOT, json!({})).denied();
        world.send(revoke, ROOT, json!({})).denied();
        world.send(revoke, ADA, json!({})).accepted(&["SystemAdministrationRevoked"]);
        world.as_operator().send(revoke, ROOT, json!({})).denied();
    }
}
