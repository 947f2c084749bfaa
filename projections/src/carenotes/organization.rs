//! What happens to an organization, in `organizations`.

use annals_domain::carenotes::organization::Event;

use super::{begun, changed, tables::ORGANIZATIONS};
use crate::{change::Change, recorded::Recorded};

/// What an organization's event does to rows.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let (id, at) = (recorded.id, recorded.at);
    match &recorded.event {
        Event::OrganizationRegistered(new) => begun(ORGANIZATIONS.put(id, new), at),
        Event::OrganizationDetailsUpdated(updated) => changed(ORGANIZATIONS.patch(id, updated), at),
        Event::OrganizationSettingsChanged(new) => changed(ORGANIZATIONS.patch(id, new), at),
        Event::SubscriptionTierChanged(new) => changed(ORGANIZATIONS.patch(id, new), at),
        Event::Imported(row) => vec![ORGANIZATIONS.imported(row)],
    }
}
