//! Who of Write Care Notes may do what, from the write side's own streams.
//!
//! A member of staff acts for the organization it works for, and holds permissions there. What is
//! addressed must be that organization's, or it is not allowed; what a command names besides must be
//! its too, or the command is refused with `WrongOrganization` (carenotes.rule.actor.org).

use std::sync::Arc;

use annals_domain::{
    Decider,
    carenotes::{
        facility::Facility, permission::Permission, resident::Resident, staff_member::StaffMember,
    },
};
use uuid::Uuid;

use crate::{
    actor::ActorKind,
    work::{Id, Loaded, Stop, Work},
};

/// The id as the UUID that rows have.
///
/// # Errors
/// [`Stop::Invalid`] where it is none.
pub fn uuid(id: &Arc<str>) -> Result<Uuid, Stop> {
    Uuid::try_parse(id)
        .map_err(|_| Stop::Invalid { pointer: "/id", detail: "expected a UUID".to_owned() })
}

/// The id of what is to begin, to which nothing happened yet.
///
/// # Errors
/// [`Stop::Exists`] where something did; [`Stop::Invalid`] where rows cannot have the id.
pub fn fresh<D: Decider>(work: &mut Work<'_>, id: &Arc<str>) -> Result<Uuid, Stop> {
    let key = uuid(id)?;
    if work.load::<D>(id)?.exists() { Err(Stop::Exists { kind: D::TYPE }) } else { Ok(key) }
}

/// That the operator asks.
///
/// # Errors
/// [`Stop::Denied`] for everybody else.
pub fn operator(work: &Work<'_>) -> Result<(), Stop> {
    if work.actor.is_operator() {
        Ok(())
    } else {
        Err(Stop::Denied("only the operator may do this"))
    }
}

/// The actor's own place on somebody's staff, and whose.
///
/// # Errors
/// [`Stop::Denied`] for whoever has none; `ActorNotActive` for whoever was removed.
pub fn staff<'a>(work: &mut Work<'a>) -> Result<(Loaded<'a, StaffMember>, Uuid), Stop> {
    const WHO: Stop = Stop::Denied("only an organization's staff may do this");
    if work.actor.kind != ActorKind::Person {
        return Err(WHO);
    }
    let member = work.load::<StaffMember>(work.actor.id)?;
    if !member.exists() {
        return Err(WHO);
    }
    let organization = member.acts_for()?;
    Ok((member, organization))
}

/// The organization for which the actor acts, where the actor holds a permission.
///
/// # Errors
/// As [`staff`]; [`Stop::Denied`] for whoever does not hold it.
pub fn permitted(work: &mut Work<'_>, code: Permission) -> Result<Uuid, Stop> {
    let (member, organization) = staff(work)?;
    if member.may(code) { Ok(organization) } else { Err(Stop::Denied(needs(code))) }
}

/// The same, where what is addressed is that organization's. Names the tenant.
///
/// # Errors
/// As [`permitted`]; [`Stop::Denied`] for staff of another organization.
pub fn permitted_in(work: &mut Work<'_>, code: Permission, organization: Uuid) -> Result<(), Stop> {
    if permitted(work, code)? != organization {
        return Err(Stop::Denied("only staff of the organization whose this is may do this"));
    }
    work.tenant(organization);
    Ok(())
}

/// The organization that runs a facility; nothing where there is no such facility.
///
/// # Errors
/// [`Stop::Missing`] while it is not in memory.
pub fn runs(work: &mut Work<'_>, facility_id: impl Into<Id>) -> Result<Option<Uuid>, Stop> {
    Ok(work.load::<Facility>(facility_id)?.organization_id)
}

/// The organization in whose care a resident is, or was last.
///
/// # Errors
/// [`Stop::Missing`] while it is not in memory.
pub fn cares_for(work: &mut Work<'_>, resident: &Resident) -> Result<Option<Uuid>, Stop> {
    match resident.facility_id() {
        Some(facility_id) => runs(work, facility_id),
        None => Ok(None),
    }
}

/// A resident whom a command names; nothing where the organization has no such resident.
///
/// # Errors
/// [`Stop::Erased`] where it had one.
pub fn resident_of<'a>(
    work: &mut Work<'a>,
    organization: Uuid,
    resident_id: Uuid,
) -> Result<Option<Loaded<'a, Resident>>, Stop> {
    let resident = work.load::<Resident>(resident_id)?;
    if cares_for(work, &resident)? != Some(organization) {
        return Ok(None);
    }
    living(&resident)?;
    Ok(Some(resident))
}

/// That a resident is not erased: nothing more is written about whoever is.
///
/// # Errors
/// [`Stop::Erased`].
pub fn living(resident: &Resident) -> Result<(), Stop> {
    if resident.erased { Err(Stop::Erased { kind: Resident::TYPE }) } else { Ok(()) }
}

/// The organization of something that was begun.
///
/// # Errors
/// [`Stop::Fault`]: everything belongs to one.
pub fn known(organization: Option<Uuid>) -> Result<Uuid, Stop> {
    organization.ok_or_else(|| Stop::Fault("it belongs to no organization".to_owned()))
}

const fn needs(code: Permission) -> &'static str {
    match code {
        Permission::FacilitiesManage => "only staff with facilities.manage may do this",
        Permission::UsersManage => "only staff with users.manage may do this",
        Permission::ResidentsManage => "only staff with residents.manage may do this",
        Permission::CarePlansManage => "only staff with care_plans.manage may do this",
        Permission::AssessmentsRecord => "only staff with assessments.record may do this",
        Permission::DailyRecordsRecord => "only staff with daily_records.record may do this",
        Permission::AuditsConduct => "only staff with audits.conduct may do this",
        Permission::IncidentsReport => "only staff with incidents.report may do this",
    }
}
