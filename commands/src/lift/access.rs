//! Who of The Lift may do what, from the write side's own streams (lift.rule.actor.active,
//! lift.rule.organisation.open).
//!
//! Each question loads what it needs and ends in a sentence that says who may. Those about a child
//! name the tenant besides: the child's organisation.

use std::sync::Arc;

use annals_domain::{
    Decider,
    lift::{
        Role,
        child::{self, Child},
        member::{self, Member},
        organisation::Organisation,
    },
};
use uuid::Uuid;

use crate::work::{Loaded, Stop, Work};

/// The tenant of what belongs to no organisation.
pub const PLATFORM: &str = "platform";

/// The id as the UUID that rows and references need.
///
/// # Errors
/// [`Stop::Invalid`] where it is none.
pub fn uuid(id: &Arc<str>) -> Result<Uuid, Stop> {
    Uuid::try_parse(id)
        .map_err(|_| Stop::Invalid { pointer: "/id", detail: "the id is no UUID".to_owned() })
}

/// That nothing ever happened to it.
///
/// # Errors
/// [`Stop::Exists`] where something did.
pub fn unused<D: Decider>(work: &mut Work<'_>, id: &Arc<str>) -> Result<(), Stop> {
    let exists = work.load::<D>(id)?.exists();
    if exists { Err(Stop::Exists { kind: D::TYPE }) } else { Ok(()) }
}

/// The actor's own place, if it is a person's and active.
///
/// # Errors
/// [`Stop::Denied`] for everybody without a profile; `ActorNotActive`.
pub fn active_member<'a>(work: &mut Work<'a>) -> Result<Loaded<'a, Member>, Stop> {
    const WHO: Stop = Stop::Denied("only members of the platform may do this");
    if work.actor.is_system() || work.actor.is_operator() {
        return Err(WHO);
    }
    let member = work.load::<Member>(work.actor.id)?;
    if !member.exists() {
        return Err(WHO);
    }
    if !member.is_active() {
        return Err(member::Refusal::ActorNotActive.into());
    }
    Ok(member)
}

/// That the actor is an active Account.
///
/// # Errors
/// [`Stop::Denied`] for everybody else; `ActorNotActive`.
pub fn account(work: &mut Work<'_>) -> Result<(), Stop> {
    if active_member(work)?.is_account() {
        Ok(())
    } else {
        Err(Stop::Denied("only an Account may do this"))
    }
}

/// That the actor is an active GroupContact of the organisation, which is open, or an Account.
///
/// # Errors
/// [`Stop::Denied`] for everybody else; `ActorNotActive`; `OrganisationNotOpen`.
pub fn group_contact_of(work: &mut Work<'_>, org_id: Uuid) -> Result<(), Stop> {
    let actor = active_member(work)?;
    if actor.is_account() {
        return Ok(());
    }
    if !actor.is_group_contact_of(org_id) {
        return Err(Stop::Denied("only a GroupContact of the organisation or an Account may"));
    }
    open(work, org_id)
}

/// That the actor is active staff of the organisation, which is open, or an Account.
///
/// # Errors
/// [`Stop::Denied`] for everybody else; `ActorNotActive`; `OrganisationNotOpen`.
pub fn staff_of(work: &mut Work<'_>, org_id: Uuid) -> Result<(), Stop> {
    let actor = active_member(work)?;
    if actor.is_account() {
        return Ok(());
    }
    if !actor.is_staff_of(org_id) {
        return Err(Stop::Denied("only staff of the organisation or an Account may"));
    }
    open(work, org_id)
}

/// That the actor is active staff of the child's organisation, which is open, or an Account. Archived
/// children are out of the staff's sight.
///
/// # Errors
/// As [`living_child`] and [`staff_of`]; `ChildIsArchived` for staff.
pub fn staff_of_child(work: &mut Work<'_>, child_id: Uuid) -> Result<(), Stop> {
    let child = living_child(work, child_id)?;
    staff_of(work, organisation_of(&child)?)?;
    if child.archived && !active_member(work)?.is_account() {
        return Err(child::Refusal::ChildIsArchived.into());
    }
    Ok(())
}

/// The child, if the actor is that child: active, in an open organisation.
///
/// # Errors
/// [`Stop::Denied`] for everybody else; `ActorNotActive`; `OrganisationNotOpen`; as
/// [`living_child`].
pub fn the_child<'a>(work: &mut Work<'a>, child_id: Uuid) -> Result<Loaded<'a, Child>, Stop> {
    let actor = active_member(work)?;
    if actor.role != Some(Role::Child) || !work.actor.is(child_id) {
        return Err(Stop::Denied("only the child itself may do this"));
    }
    let child = living_child(work, child_id)?;
    open(work, organisation_of(&child)?)?;
    Ok(child)
}

/// A child that is not forgotten, whoever asks; nothing may be written about one that is.
///
/// # Errors
/// [`Stop::Unknown`] where there is no such child, [`Stop::Erased`] where there was.
pub fn living_child<'a>(work: &mut Work<'a>, child_id: Uuid) -> Result<Loaded<'a, Child>, Stop> {
    let child = work.existing::<Child>(child_id)?;
    work.tenant(organisation_of(&child)?);
    if child.erased {
        return Err(Stop::Erased { kind: Child::TYPE });
    }
    Ok(child)
}

/// The organisation of a child that was registered.
///
/// # Errors
/// [`Stop::Fault`]: every registered child has one.
pub fn organisation_of(child: &Child) -> Result<Uuid, Stop> {
    child.org_id.ok_or_else(|| Stop::Fault("a registered child has no organisation".to_owned()))
}

/// That an organisation's members may issue commands. (lift.rule.organisation.open)
///
/// # Errors
/// `OrganisationNotOpen`.
pub fn open(work: &mut Work<'_>, org_id: Uuid) -> Result<(), Stop> {
    Ok(work.existing::<Organisation>(org_id)?.open()?)
}
