//! What happens to an organisation, in `organisations`.

use annals_domain::lift::organisation::{Event, OrganisationStatus};

use super::tables::ORGANISATIONS;
use crate::{change::Change, recorded::Recorded};

/// What an organisation's event does to rows. Counting places does nothing: the counts are for
/// decisions.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let (id, at) = (recorded.id, recorded.at);
    let change = match &recorded.event {
        Event::OrganisationRegistered(registered) => {
            ORGANISATIONS.put(id, registered).with("created_at", at).with("deleted_at", ())
        }
        Event::OrganisationDetailsUpdated(updated) => ORGANISATIONS.patch(id, updated),
        Event::OrganisationSettingsChanged(changed) => ORGANISATIONS.patch(id, changed),
        Event::SubscriptionPlanChanged(changed) => ORGANISATIONS.patch(id, changed),
        Event::OrganisationLimitsSet(set) => ORGANISATIONS.patch(id, set),
        Event::OrganisationSuspended(_) => status(id, OrganisationStatus::Suspended),
        Event::OrganisationReactivated(_) => status(id, OrganisationStatus::Active),
        Event::OrganisationDeactivated(_) => status(id, OrganisationStatus::Inactive),
        Event::OrganisationArchived(_) => ORGANISATIONS.patch(id, ()).with("deleted_at", at),
        Event::ChildNumberAllocated(_)
        | Event::ChildPlaceFreed(_)
        | Event::StaffAdmitted(_)
        | Event::StaffDismissed(_) => return vec![],
    };
    vec![change.with("updated_at", at)]
}

fn status(id: &str, status: OrganisationStatus) -> Change {
    ORGANISATIONS.patch(id, ()).with("status", status)
}
