//! What happens to a facility, in `facilities`. Places taken and freed are counted by the facility
//! alone: no column shows them.

use annals_domain::carenotes::facility::Event;

use super::{begun, changed, tables::FACILITIES};
use crate::{change::Change, recorded::Recorded};

/// What a facility's event does to rows.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let (id, at) = (recorded.id, recorded.at);
    match &recorded.event {
        Event::FacilityOpened(opened) => begun(FACILITIES.put(id, opened), at),
        Event::FacilityDetailsUpdated(updated) => changed(FACILITIES.patch(id, updated), at),
        Event::FacilityCapacityChanged(new) => changed(FACILITIES.patch(id, new), at),
        Event::FacilityRegistrationRecorded(new) => changed(FACILITIES.patch(id, new), at),
        Event::FacilityPlaceTaken(_) | Event::FacilityPlaceFreed(_) => vec![],
        Event::Imported(row) => vec![FACILITIES.imported(row)],
    }
}
