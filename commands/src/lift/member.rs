//! Members: given a place, a role, an organisation; kept out and let in again; removed, forgotten.
//!
//! Whatever makes a member active staff of an organisation, or ends it, is counted there in the same
//! append.

use std::sync::Arc;

use annals_domain::{
    Decider,
    lift::{
        Role,
        member::{
            AssignOrganisation, AssignRole, Command, CreateProfile, DeactivateMember, EraseMember,
            Member, ReinstateMember, RemoveMember, SuspendMember, UpdateOwnProfile,
        },
        organisation::{AdmitStaff, DismissStaff, Organisation},
    },
    shared::identity::{self, Identity},
};
use uuid::Uuid;

use super::access::{PLATFORM, account, active_member, group_contact_of, open, unused, uuid};
use crate::{
    command::{CommandType, Target, command},
    work::{Loaded, Stop, Work},
};

/// What may be asked of a member, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const CREATE: &[&str] = &[
        "lift.policy.profiles.manage.account",
        "lift.policy.profiles.bootstrap.operator",
        "lift.policy.profiles.erase.system",
    ];
    const OWN: &[&str] = &["lift.policy.profiles.update.own"];
    const ASSIGN: &[&str] =
        &["lift.policy.profiles.manage.account", "lift.policy.profiles.erase.system"];
    const MANAGE: &[&str] =
        &["lift.policy.profiles.manage.group_contact", "lift.policy.profiles.manage.account"];
    const DEACTIVATE: &[&str] = &[
        "lift.policy.profiles.manage.group_contact",
        "lift.policy.profiles.manage.account",
        "lift.policy.profiles.erase.system",
    ];
    const ERASE: &[&str] = &[
        "lift.policy.profiles.erase.self",
        "lift.policy.profiles.manage.account",
        "lift.policy.profiles.erase.system",
    ];
    vec![
        command::<Member, CreateProfile>(Target::Given, CREATE, create),
        command::<Member, UpdateOwnProfile>(Target::Actor, OWN, update_own),
        command::<Member, AssignRole>(Target::Given, ASSIGN, assign),
        command::<Member, AssignOrganisation>(Target::Given, ASSIGN, assign),
        command::<Member, SuspendMember>(Target::Given, MANAGE, manage),
        command::<Member, ReinstateMember>(Target::Given, MANAGE, reinstate),
        command::<Member, DeactivateMember>(Target::Given, DEACTIVATE, deactivate),
        command::<Member, RemoveMember>(Target::Given, MANAGE, manage),
        command::<Member, EraseMember>(Target::Given, ERASE, erase),
    ]
}

/// An Account, an accepted invitation, or, for the first Account, the operator gives a known person
/// a place.
fn create(work: &mut Work<'_>, id: &Arc<str>, new: &CreateProfile) -> Result<(), Stop> {
    if work.actor.is_operator() {
        first_account(work, id, new.role)?;
    } else if !work.actor.is_system() {
        account(work)?;
    }
    uuid(id)?;
    unused::<Member>(work, id)?;
    known(work, id)?;
    tenant(work, new.org_id);
    change(work, id, new.clone())
}

/// The operator makes the first Account, and no other. (lift.policy.profiles.bootstrap.operator)
fn first_account(work: &mut Work<'_>, id: &Arc<str>, role: Role) -> Result<(), Stop> {
    const WHO: Stop = Stop::Denied("the operator makes the first Account only");
    if role != Role::Account {
        return Err(WHO);
    }
    if work.claim("lift.member.first_account", "account", id)? { Ok(()) } else { Err(WHO) }
}

/// That the identity provider knows the person.
///
/// # Errors
/// `UnknownSubject`.
pub(super) fn known(work: &mut Work<'_>, id: &Arc<str>) -> Result<(), Stop> {
    if work.load::<Identity>(id)?.known {
        Ok(())
    } else {
        Err(identity::Refusal::UnknownSubject.into())
    }
}

/// The person itself changes name, address and picture.
fn update_own(work: &mut Work<'_>, id: &Arc<str>, new: &UpdateOwnProfile) -> Result<(), Stop> {
    present(work, id)?;
    let actor = active_member(work)?;
    if !work.actor.is(uuid(id)?) {
        return Err(Stop::Denied("only the person itself may do this"));
    }
    if let Some(org_id) = actor.org_id {
        open(work, org_id)?;
    }
    tenant(work, actor.org_id);
    work.decide::<Member>(id, new.clone())
}

/// An Account, or an accepted invitation, changes role and organisation.
fn assign<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    new: &C,
) -> Result<(), Stop> {
    let member = present(work, id)?;
    if !work.actor.is_system() {
        account(work)?;
    }
    tenant(work, member.org_id);
    change(work, id, new.clone())
}

/// A GroupContact of the organisation, or an Account, keeps a member out or removes it.
fn manage<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    new: &C,
) -> Result<(), Stop> {
    let member = present(work, id)?;
    manager_of(work, id, &member)?;
    tenant(work, member.org_id);
    change(work, id, new.clone())
}

/// The same let a member in again, while the organisation has room.
fn reinstate(work: &mut Work<'_>, id: &Arc<str>, new: &ReinstateMember) -> Result<(), Stop> {
    let member = present(work, id)?;
    manager_of(work, id, &member)?;
    tenant(work, member.org_id);
    decide(work, id, new.clone(), true)
}

/// The same, or an archived organisation, switch a member off.
fn deactivate(work: &mut Work<'_>, id: &Arc<str>, new: &DeactivateMember) -> Result<(), Stop> {
    if !work.actor.is_system() {
        return manage(work, id, new);
    }
    let member = present(work, id)?;
    tenant(work, member.org_id);
    change(work, id, new.clone())
}

/// The person itself, an Account, or the identity's erasure forgets a member.
fn erase(work: &mut Work<'_>, id: &Arc<str>, new: &EraseMember) -> Result<(), Stop> {
    let member = work.existing::<Member>(id)?;
    if !work.actor.is_system() {
        let actor = active_member(work)?;
        let own = work.actor.is(uuid(id)?) && actor.role != Some(Role::Child);
        if !own && !actor.is_account() {
            return Err(Stop::Denied("only the person itself or an Account may do this"));
        }
        if let Some(org_id) = actor.org_id {
            open(work, org_id)?;
        }
    }
    tenant(work, member.org_id);
    change(work, id, new.clone())
}

/// That the actor may manage this member. (lift.policy.profiles.manage.group_contact,
/// lift.policy.profiles.manage.account)
fn manager_of(work: &mut Work<'_>, id: &Arc<str>, member: &Member) -> Result<(), Stop> {
    const WHO: &str = "only a GroupContact of the member's organisation, for other staff of it, \
                       or an Account may do this";
    let actor = active_member(work)?;
    if actor.is_account() {
        return Ok(());
    }
    match (member.role, member.org_id) {
        (Some(role), Some(org_id)) if role.is_staff() && !work.actor.is(uuid(id)?) => {
            if !actor.is_group_contact_of(org_id) {
                return Err(Stop::Denied(WHO));
            }
            group_contact_of(work, org_id)
        }
        _ => Err(Stop::Denied(WHO)),
    }
}

/// A member that is not forgotten.
fn present<'a>(work: &mut Work<'a>, id: &Arc<str>) -> Result<Loaded<'a, Member>, Stop> {
    let member = work.existing::<Member>(id)?;
    if member.erased { Err(Stop::Erased { kind: Member::TYPE }) } else { Ok(member) }
}

fn tenant(work: &mut Work<'_>, org_id: Option<Uuid>) {
    match org_id {
        Some(org_id) => work.tenant(org_id),
        None => work.tenant(PLATFORM),
    }
}

/// Lets the member decide, and its organisations count, whatever their limits.
fn change(work: &mut Work<'_>, id: &Arc<str>, new: impl Into<Command>) -> Result<(), Stop> {
    decide(work, id, new, false)
}

/// Lets the member decide, and its organisations count: it is staff no more where it was, and staff
/// where it is now.
fn decide(
    work: &mut Work<'_>,
    id: &Arc<str>,
    new: impl Into<Command>,
    within_limit: bool,
) -> Result<(), Stop> {
    let before = work.load::<Member>(id)?;
    work.decide::<Member>(id, new)?;
    let after = work.load::<Member>(id)?;
    if let Some(org_id) = after.org_id.filter(|_| before.org_id != after.org_id) {
        work.existing::<Organisation>(org_id)?;
    }
    let member_id = uuid(id)?;
    let (left, joined) = (before.staff_place(), after.staff_place());
    if let Some(org_id) = left.filter(|_| left != joined) {
        work.decide::<Organisation>(org_id, DismissStaff { member_id })?;
    }
    if let Some(org_id) = joined.filter(|_| left != joined) {
        work.decide::<Organisation>(org_id, AdmitStaff { member_id, within_limit })?;
    }
    Ok(())
}
