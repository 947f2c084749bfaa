//! Who registers, changes, promotes and closes accounts.

use std::sync::Arc;

use annals_domain::{
    samia::user::{
        ChangeUserPreferences, ChangeUserRole, Command, DeactivateUser, DeleteUser, EraseUser,
        ReactivateUser, RecordSignIn, RecordSignInFailure, Refusal, RegisterUser, Role,
        SetUserMetadata, UpdateUserDetails, User, VerifyEmail,
    },
    shared::identity::Identity,
    text,
};
use uuid::Uuid;

use super::{acting_role, known_user, super_admin, system, uuid};
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// An address belongs to one account (samia.rule.user.email_unique).
pub(super) const EMAIL: &str = "samia.user.email";
/// The operator makes one super admin (samia.policy.users.bootstrap.operator).
pub(super) const FIRST_SUPER_ADMIN: &str = "samia.user.first_super_admin";

/// What may be asked of an account, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const REGISTER: &[&str] = &["samia.policy.users.register.visitor"];
    const OWN: &[&str] = &["samia.policy.users.update.own"];
    const MANAGE: &[&str] = &["samia.policy.users.manage.admin"];
    const OWN_OR_MANAGE: &[&str] =
        &["samia.policy.users.update.own", "samia.policy.users.manage.admin"];
    const ROLES: &[&str] =
        &["samia.policy.users.roles.super_admin", "samia.policy.users.bootstrap.operator"];
    const ERASE: &[&str] =
        &["samia.policy.users.roles.super_admin", "samia.policy.users.erase.system"];
    const IDENTITY: &[&str] = &["samia.policy.users.identity.system"];
    vec![
        command::<User, RegisterUser>(Target::Actor, REGISTER, register),
        command::<User, VerifyEmail>(Target::Given, IDENTITY, reported),
        command::<User, UpdateUserDetails>(Target::Actor, OWN_OR_MANAGE, update_details),
        command::<User, ChangeUserPreferences>(Target::Actor, OWN, own),
        command::<User, SetUserMetadata>(Target::Given, MANAGE, managed),
        command::<User, ChangeUserRole>(Target::Given, ROLES, change_role),
        command::<User, DeactivateUser>(Target::Given, MANAGE, managed),
        command::<User, ReactivateUser>(Target::Given, MANAGE, managed),
        command::<User, RecordSignIn>(Target::Given, IDENTITY, reported),
        command::<User, RecordSignInFailure>(Target::New, IDENTITY, sign_in_failed),
        command::<User, DeleteUser>(Target::Actor, OWN_OR_MANAGE, own_or_managed),
        command::<User, EraseUser>(Target::Given, ERASE, erase),
    ]
}

fn register(work: &mut Work<'_>, id: &Arc<str>, command: &RegisterUser) -> Result<(), Stop> {
    let person = uuid(id)?;
    if !work.actor.is(person) {
        return Err(Stop::Denied("a person registers itself"));
    }
    if !work.load::<Identity>(id)?.known {
        return Err(Refusal::UnknownSubject.into());
    }
    work.tenant(id);
    work.decide::<User>(id, command.clone())?;
    claim_email(work, id, &command.email)
}

fn update_details(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &UpdateUserDetails,
) -> Result<(), Stop> {
    own_or_managed(work, id, command)?;
    command.email.as_ref().map_or(Ok(()), |email| claim_email(work, id, email))
}

fn claim_email(work: &mut Work<'_>, id: &Arc<str>, email: &str) -> Result<(), Stop> {
    let free = work.claim(EMAIL, text::normal_email(email), id)?;
    if free { Ok(()) } else { Err(Refusal::EmailTaken.into()) }
}

/// The identity provider reports (samia.policy.users.identity.system).
fn reported<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    system(work)?;
    known_user(work, uuid(id)?)?;
    decide(work, id, command)
}

fn sign_in_failed(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &RecordSignInFailure,
) -> Result<(), Stop> {
    system(work)?;
    let tried = uuid(id)?;
    decide(work, id, &RecordSignInFailure { user_id: Some(tried), ..command.clone() })
}

/// The user itself (samia.policy.users.update.own).
fn own<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    super::owner(work, uuid(id)?)?;
    decide(work, id, command)
}

/// An admin above the user's rank (samia.policy.users.manage.admin).
fn managed<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    manages(work, uuid(id)?)?;
    decide(work, id, command)
}

fn own_or_managed<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    let user = uuid(id)?;
    if work.actor.is(user) {
        acting_role(work)?;
    } else {
        manages(work, user)?;
    }
    decide(work, id, command)
}

fn manages(work: &mut Work<'_>, user: Uuid) -> Result<(), Stop> {
    let role = acting_role(work)?;
    if !role.is_admin() {
        return Err(Stop::Denied("only an admin may do this to another's account"));
    }
    if role > known_user(work, user)?.role {
        Ok(())
    } else {
        Err(Stop::Denied("only an admin of a higher rank may do this"))
    }
}

fn change_role(work: &mut Work<'_>, id: &Arc<str>, command: &ChangeUserRole) -> Result<(), Stop> {
    let user = uuid(id)?;
    if work.actor.is_operator() {
        first_super_admin(work, id, user, command.role)?;
    } else if acting_role(work)? != Role::SuperAdmin {
        return Err(Stop::Denied("only a super admin gives roles"));
    } else if work.actor.is(user) {
        return Err(Stop::Denied("nobody changes the own role"));
    } else {
        known_user(work, user)?;
    }
    decide(work, id, command)
}

fn first_super_admin(
    work: &mut Work<'_>,
    id: &Arc<str>,
    user: Uuid,
    role: Role,
) -> Result<(), Stop> {
    if role != Role::SuperAdmin {
        return Err(Stop::Denied("the operator makes the first super admin and nothing else"));
    }
    let there_already = match work.holder(FIRST_SUPER_ADMIN, "super_admin")? {
        // Asked twice for the same one, there is nothing left to do.
        Some(first) => first != *id || known_user(work, user)?.role != Role::SuperAdmin,
        None => false,
    };
    if there_already {
        return Err(Stop::Denied("there has been a super admin already, who gives roles"));
    }
    known_user(work, user)?;
    work.claim(FIRST_SUPER_ADMIN, "super_admin", id).map(drop)
}

/// A super admin, but not of itself, or the system when the subject is erased. The address is free
/// then (samia.rule.user.email_unique).
fn erase(work: &mut Work<'_>, id: &Arc<str>, _: &EraseUser) -> Result<(), Stop> {
    let user_id = uuid(id)?;
    if !work.actor.is_system() {
        super_admin(work)?;
        if work.actor.is(user_id) {
            return Err(Stop::Denied("nobody erases the own account"));
        }
    }
    known_user(work, user_id)?;
    decide(work, id, &EraseUser { user_id })?;
    work.release(EMAIL, id);
    Ok(())
}

fn decide<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    work.tenant(id);
    work.decide::<User>(id, command.clone())
}

#[cfg(test)]
mod tests;
