//! Facilities: opened and kept by staff with facilities.manage.

use std::sync::Arc;

use annals_domain::carenotes::{
    facility::{
        ChangeFacilityCapacity, Command, Facility, OpenFacility, RecordFacilityRegistration,
        Refusal, UpdateFacilityDetails,
    },
    permission::Permission,
};

use super::access::{fresh, known, permitted, permitted_in};
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// What may be asked of a facility, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const MANAGE: &[&str] = &["carenotes.policy.facilities.manage.org"];
    vec![
        command::<Facility, OpenFacility>(Target::New, MANAGE, open),
        command::<Facility, UpdateFacilityDetails>(Target::Given, MANAGE, keep),
        command::<Facility, ChangeFacilityCapacity>(Target::Given, MANAGE, keep),
        command::<Facility, RecordFacilityRegistration>(Target::Given, MANAGE, keep),
    ]
}

fn open(work: &mut Work<'_>, id: &Arc<str>, new: &OpenFacility) -> Result<(), Stop> {
    let organization = permitted(work, Permission::FacilitiesManage)?;
    fresh::<Facility>(work, id)?;
    if new.organization_id.is_some_and(|named| named != organization) {
        return Err(Refusal::WrongOrganization.into());
    }
    work.tenant(organization);
    work.decide::<Facility>(id, new.clone())
}

fn keep<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    change: &C,
) -> Result<(), Stop> {
    let organization = known(work.existing::<Facility>(id)?.organization_id)?;
    permitted_in(work, Permission::FacilitiesManage, organization)?;
    work.decide::<Facility>(id, change.clone())
}
