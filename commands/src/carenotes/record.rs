//! What all kinds of record share: who writes them, and who amends them.

use std::sync::Arc;

use annals_domain::carenotes::{
    record::{About, Kind, Record},
    resident::Resident,
};
use uuid::Uuid;

use super::access::{cares_for, fresh, known, living, permitted, permitted_in, runs};
use crate::work::{Stop, Work};

/// The organization for which the actor begins a record. Names the tenant.
///
/// # Errors
/// [`Stop::Denied`] for whoever may not write such records; [`Stop::Exists`].
pub fn begin<K: Kind>(work: &mut Work<'_>, id: &Arc<str>) -> Result<Uuid, Stop> {
    let organization = permitted(work, K::CODE)?;
    fresh::<Record<K>>(work, id)?;
    work.tenant(organization);
    Ok(organization)
}

/// Amends a record of the actor's organization.
///
/// # Errors
/// [`Stop::Denied`] for whoever may not; [`Stop::Erased`] where it is about somebody erased; what the
/// record refuses.
pub fn amend<K: Kind, C: Clone + Into<K::Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    change: &C,
) -> Result<(), Stop> {
    reopen::<K>(work, id)?;
    work.decide::<Record<K>>(id, change.clone())
}

/// What a record of the actor's organization is about, where the actor may amend it.
///
/// # Errors
/// As [`amend`].
pub fn reopen<K: Kind>(work: &mut Work<'_>, id: &Arc<str>) -> Result<About, Stop> {
    let about = work.existing::<Record<K>>(id)?.about.unwrap_or_default();
    let resident = match about.resident_id {
        Some(resident_id) => Some(work.existing::<Resident>(resident_id)?),
        None => None,
    };
    // The facility decides whose it is (F083).
    let organization = match (about.facility_id, &resident) {
        (Some(facility_id), _) => runs(work, facility_id)?,
        (None, Some(resident)) => cares_for(work, resident)?,
        (None, None) => None,
    };
    permitted_in(work, K::CODE, known(organization)?)?;
    if let Some(resident) = &resident {
        living(resident)?;
    }
    Ok(about)
}
